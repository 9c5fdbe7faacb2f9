"""Hostile data: mutated frames and answers against the real feeds and histories, over real sockets."""
