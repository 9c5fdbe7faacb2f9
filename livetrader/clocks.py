"""The one place where the process reads real clocks. Everybody else is handed what it needs."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Final

from livetrader_engine.limits import ClockMark

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def wall_ns() -> int:
    """Return wall-clock UTC nanoseconds."""
    return time.time_ns()


def monotonic_s() -> float:
    """Return seconds of a clock that never goes back; for durations only."""
    return time.monotonic()


def elapsed_ns() -> int:
    """Return nanoseconds since this machine started, suspension included: no step of the wall clock shows.

    All processes of one machine read the same.
    """
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@cache
def boot_id() -> str:
    """Return what names this start of the machine, empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def clock_mark() -> ClockMark:
    """Return what the clocks say now, to be compared with a mark of another process or another start."""
    return ClockMark(wall_ns(), elapsed_ns(), boot_id())


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
