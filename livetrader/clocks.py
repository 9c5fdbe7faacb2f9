"""The one place where the process reads real clocks. Everybody else is handed what it needs."""

from __future__ import annotations

import time


def wall_ns() -> int:
    """Return wall-clock UTC nanoseconds."""
    return time.time_ns()


def monotonic_s() -> float:
    """Return seconds of a clock that never goes back; for durations only."""
    return time.monotonic()


class SessionClock:
    """The time trading happens in: wall clock, or the feed's own where a feed keeps time (a replay).

    Owned by the router, which calls `follow` for every event of a feed that keeps time.
    """

    def __init__(self) -> None:
        self._followed_ns: int | None = None

    @property
    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return wall_ns() if self._followed_ns is None else self._followed_ns

    def follow(self, time_ns: int) -> None:
        """Stand at `time_ns` from now on, or stay where we are if that is later."""
        if self._followed_ns is None or time_ns > self._followed_ns:
            self._followed_ns = time_ns
