"""Exchange hours (placeholder body; being written)."""

from __future__ import annotations


class ExchangeHours:
    """When an exchange trades."""
