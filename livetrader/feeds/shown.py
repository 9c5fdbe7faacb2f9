"""What history has shown of each tape: up to when it is there, and how fine its data are.

An answer without anything says that nothing happened only where history has such data at all: a chain whose
vendors offer no seconds, or whose plan lacks ticks, answers the same.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from livetrader.witnesses import Tape, tape_of
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import Resolution

SEEN_KEPT: Final = 64


class Shown:
    """Owns what was seen in history's answers. Times are UTC nanoseconds."""

    def __init__(self) -> None:
        self._seen: dict[Tape, deque[tuple[int, int]]] = {}  # (when seen, newest start), ascending
        self._finest: dict[tuple[Tape, TickType], Resolution] = {}

    def note(self, subscription: Subscription, start_ns: int, now_ns: int) -> None:
        """Take note that history has something of this kind, that began then: so it has what was before."""
        tape, resolution = tape_of(subscription.symbol), subscription.resolution
        kind = (tape, subscription.tick_type)
        self._finest[kind] = min(resolution, self._finest.get(kind, resolution))
        seen = self._seen.setdefault(tape, deque(maxlen=SEEN_KEPT))
        if not seen or start_ns > seen[-1][1]:
            seen.append((now_ns, start_ns))

    def has(self, subscription: Subscription) -> bool:
        """Return whether history had data like these of the tape, or finer ones."""
        finest = self._finest.get((tape_of(subscription.symbol), subscription.tick_type))
        return finest is not None and finest <= subscription.resolution

    def current_ns(self, tape: Tape, seen_until_ns: int) -> int:
        """Return up to where history was seen to be, by what was seen until an instant; 0 for unknown."""
        starts = [start_ns for seen_ns, start_ns in self._seen.get(tape, ()) if seen_ns <= seen_until_ns]
        return max(starts, default=0)
