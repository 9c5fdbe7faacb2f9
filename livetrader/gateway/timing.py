"""The clocks and waits of the money path, in one injectable bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livetrader.clocks import SessionClock, monotonic_s, wall_ns


@dataclass(frozen=True, slots=True)
class Timing:
    """What time it is and how to wait.

    `now_ns` is the time trading happens in (a replay's own in a replay), `wall_ns` the wall clock,
    `monotonic_s` seconds for durations, `sleep` waits seconds of that same clock.
    """

    now_ns: Callable[[], int]
    wall_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


def real_timing(session: SessionClock) -> Timing:
    """Return the bundle of a running daemon."""
    return Timing(lambda: session.now_ns, wall_ns, monotonic_s, asyncio.sleep)
