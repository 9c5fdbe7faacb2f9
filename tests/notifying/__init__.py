"""Notifications: outbox, channels, and the plugins that carry them, against receivers on loopback."""
