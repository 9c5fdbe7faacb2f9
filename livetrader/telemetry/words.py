"""What is said to people, and how durations and instants are written for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from livetrader.telemetry.notifications import Urgency
from livetrader_engine.symbols import NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Word:
    """Something for people."""

    urgency: Urgency
    title: str
    message: str
    next_step: str = ""


def span(seconds: float) -> str:
    """Return a duration for people."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def clock(time_ns: int) -> str:
    """Return an instant for people."""
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).strftime("%a %d %b %H:%M UTC")
