"""Tells people: a durable outbox in front of channels, with fail-over, escalation and a rate."""
