"""Copies of an account's state directory: made beside a running daemon, verified, put back with care."""
