"""Notifier `direct`: requests and files straight to where they are addressed, without a service between."""
