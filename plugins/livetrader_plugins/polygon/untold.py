"""The numbers of plain trades of which gates do not know yet: the frames they came in, read again on demand.

Whether a trade was heard before is asked of few: of those that are numbered below the newest of their symbol.
To note each number with its symbol costs a tick a tenth of its time, for that memory has left the processor's
cache, and what stays in it lies scattered among what is decoded next. Frames that are kept as they came cost
next to nothing. When a gate is about to be asked they are read a second time, and every gate is told its
numbers. What is not asked for within KEPT_EVENTS is forgotten; `forgotten_ns` of the clock says of when that
was, and a gate believes no late trade of before. Pure but for its own state. One owner, the runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from livetrader_engine.data.quality import VenueClock
from livetrader_plugins.polygon.protocol import Event, FrameDecoder, Trade

KEPT_EVENTS: Final = 16_384  # two megabytes; to read them again takes some eight milliseconds
_NONE: Final[frozenset[int]] = frozenset()


class _Read(msgspec.Struct, gc=False):
    """What one read brought. Gates know of its trades before `begin`, and of those at `odd`."""

    text: bytes
    begin: int
    odd: frozenset[int]
    events: int
    newest_ns: int


class Untold:
    """Owns the newest reads, and of the read that is being taken in how far it was told."""

    def __init__(self, clock: VenueClock) -> None:
        self._clock = clock
        self._reads: deque[_Read] = deque()
        self._events = 0  # of the reads
        self._decoder = FrameDecoder()  # the session's has counted what cannot be read
        self._begin = 0
        self._odd: set[int] = set()  # from there on

    def odd(self, at: int) -> None:
        """Know that the event at this place of the read is not plain: its gate judges it, and knows of it."""
        self._odd.add(at)

    def take(self, events: Sequence[Event], until: int) -> dict[str, list[int]]:
        """Return the numbers that are untold, by ticker, up to a place in the read; they are told then."""
        numbers: dict[str, list[int]] = {}
        for read in self._reads:
            again = self._decoder.decode([read.text])
            assert len(again) == read.events, "a text that was read once reads the same again"
            _collect(again, range(read.begin, read.events), read.odd, numbers)
        self._reads.clear()
        self._events = 0
        _collect(events, range(self._begin, until), self._odd, numbers)
        self._begin = until
        self._odd.clear()
        return numbers

    def keep(self, text: bytes, events: int, newest_ns: int) -> None:
        """Keep a read that is taken in, and forget the oldest where there are too many.

        `newest_ns`: no plain trade in it is of later (UTC ns).
        """
        if self._begin < events:
            odd = frozenset(self._odd) if self._odd else _NONE
            self._reads.append(_Read(text, self._begin, odd, events, newest_ns))
            self._events += events
            while self._events > KEPT_EVENTS:
                forgotten = self._reads.popleft()
                self._events -= forgotten.events
                self._clock.forgotten_ns = max(self._clock.forgotten_ns, forgotten.newest_ns)
        self._begin = 0
        self._odd.clear()


def _collect(
    events: Sequence[Event], places: range, odd: AbstractSet[int], numbers: dict[str, list[int]]
) -> None:
    for at in places:
        event = events[at]
        if type(event) is Trade and at not in odd:
            numbers.setdefault(event.sym, []).append(event.q)
