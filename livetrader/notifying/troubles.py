"""Which notifications of the daemon's own end which others: nobody is to be woken for what is over.

The callers say beginnings and ends in words of their own, as loudly as the trouble was; only here are they
tied together. Pure.
"""

from __future__ import annotations

from typing import Final

# Title of an end -> beginnings of the titles that it ends.
ENDS: Final[dict[str, tuple[str, ...]]] = {
    "brokerage is back": ("brokerage still away", "brokerage lost", "brokerage away"),
    "brokerage connection steady again": ("brokerage connection unsteady",),
    "market data fresh again": ("market data stale",),
    "market data steady again": ("market data stale", "market data fresh again"),
    "watched again": ("nobody watches",),
}


def ended_by(title: str) -> tuple[str, ...]:
    """Return the beginnings of the titles that a notification ends; nothing where it is no end."""
    return ENDS.get(title, ())
