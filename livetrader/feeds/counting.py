"""What the chain of feeds counts; telemetry reads it when somebody scrapes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class FeedCounts:
    """Counts since the daemon started; they never go down. Owned by the chain."""

    backfilled_bars: int = 0
    missing_bars: int = 0
    unknown_points: int = 0  # of streams that nobody asked for
    stale_marks: int = 0
    proven_quiet: int = 0
    proven_missed: int = 0
    history_questions: int = 0
    history_failures: int = 0
    failovers: Counter[str] = field(default_factory=Counter)  # by the feed that took over
    reconnects: Counter[tuple[str, str]] = field(default_factory=Counter)  # by feed and cause
