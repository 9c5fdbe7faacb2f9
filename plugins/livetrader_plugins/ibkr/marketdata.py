"""What the ticks of one contract mean: trades, and a book that can be believed.

IB tells a quote in pieces: the bid's price, the ask's price, their sizes, each in a message of its own and
sampled some four times a second. So a moving book looks crossed between two messages, and a trade is known by
the day's volume going up, not by a price being said (which is said again with every change of its size).

Rule 1: a price that is no number, or not above zero, or a quote whose bid is not below its ask, never leaves
this file; it is counted. -1 and 0 without size are IB's words for "there is none": that side is withdrawn.
Rule 2: while a book is crossed nothing is known. Where the next update does not mend it, or a second passes,
it is believed again only when both sides have been told anew, or when it has stood uncrossed for a second.
Rule 3: a new book waits a second for its second side.

Pure: times come in with the ticks (UTC nanoseconds), nothing is asked.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final, NamedTuple

from livetrader_engine.data.pointgate import is_price
from livetrader_engine.data.quality import SIZE_LIMIT
from livetrader_engine.symbols import NS_PER_SECOND

TRUST_NS: Final = NS_PER_SECOND  # so long a book has to stand uncrossed after a crossed one

BID_SIZE, BID, ASK, ASK_SIZE, LAST, LAST_SIZE, VOLUME = 0, 1, 2, 3, 4, 5, 8
# Delayed data have numbers of their own: the same ticks, some 15 minutes late.
_LIVE_OF: Final = {66: BID, 67: ASK, 68: LAST, 69: BID_SIZE, 70: ASK_SIZE, 71: LAST_SIZE, 74: VOLUME}


class Traded(NamedTuple):
    """Shares changed hands: the newest price, and the volume since the tick before."""

    price: float
    size: float


class Quoted(NamedTuple):
    """The best bid and ask; a side that is not there is all zero."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


Heard = Traded | Quoted


class Side:
    """One side of a book as IB told it last.

    `fresh`: told since the book was found crossed. `known`: told at all; one that is not there is known, too.
    """

    __slots__ = ("fresh", "known", "price", "size")

    def __init__(self) -> None:
        self.price = 0.0
        self.size = 0.0
        self.fresh = True
        self.known = False


class Book:
    """What IB has told of one contract under one subscription. Mutable state: the two sides, last, volume.

    `counts_volume`: the contract has a day's volume (an index has none: there each last price counts).
    `refused` counts what was quarantined, by reason.
    """

    def __init__(self, *, counts_volume: bool = True) -> None:
        self.refused: Counter[str] = Counter()
        self._counts_volume = counts_volume
        self._sides = {BID: Side(), ASK: Side()}
        self._last = 0.0
        self._volume: float | None = None  # of the day, None before the first word
        self._held: int | None = None  # the side whose update crossed the book
        self._held_ns = 0
        self._doubted = False  # and nothing mended it
        self._uncrossed_ns = 0
        self._began_ns = 0  # when the first side was told
        self._told: Quoted | None = None

    @property
    def quote(self) -> Quoted | None:
        """The quote that was believed last, None before the first."""
        return self._told

    def price(self, time_ns: int, kind: int, price: float, size: float) -> Heard | None:
        """Take a tick of a price; return what it means, None where it means nothing (yet)."""
        kind = _LIVE_OF.get(kind, kind)
        if kind == LAST:
            return self._last_price(price)
        if kind not in self._sides:
            return None
        side = self._sides[kind]
        if price in (-1.0, 0.0) and not size > 0:
            side.price = side.size = 0.0
        elif not is_price(price):
            self.refused["not a price"] += 1
            return None
        else:
            side.price, side.size = price, _size(size, side.size)
        side.fresh = side.known = True
        self._began_ns = self._began_ns or time_ns
        return self._judged(time_ns, kind)

    def size(self, time_ns: int, kind: int, size: float) -> Heard | None:
        """Take a tick of a size or of the day's volume; return what it means."""
        kind = _LIVE_OF.get(kind, kind)
        if kind == VOLUME:
            return self._traded(size)
        side = {BID_SIZE: self._sides[BID], ASK_SIZE: self._sides[ASK]}.get(kind)
        if side is None or not side.price:
            return None
        side.size = _size(size, side.size)
        return None if self._is_crossed() else self._believed(time_ns)

    def settle(self, time_ns: int) -> Quoted | None:
        """Let time judge what no further tick has: return a quote that can be believed by now, or None."""
        if self._held is not None and not self._doubted and time_ns - self._held_ns >= TRUST_NS:
            self._doubt()
        waits = self._doubted or (self._told is None and self._began_ns)
        return self._believed(time_ns) if waits and not self._is_crossed() else None

    def _last_price(self, price: float) -> Traded | None:
        if not is_price(price):
            if price != -1.0 and price != 0.0:
                self.refused["not a price"] += 1
            return None
        before, self._last = self._last, price
        return Traded(price, 0.0) if before and not self._counts_volume else None

    def _traded(self, volume: float) -> Traded | None:
        """Return what was traded since the volume was told last; the first word of it is only a start."""
        if not (math.isfinite(volume) and 0 <= volume < SIZE_LIMIT):
            self.refused["not a volume"] += 1
            return None
        before, self._volume = self._volume, volume
        if before is None or volume <= before or not self._last:  # it begins anew with the day
            return None
        return Traded(self._last, volume - before)

    def _is_crossed(self) -> bool:
        bid, ask = self._sides[BID].price, self._sides[ASK].price
        return bool(bid and ask and bid >= ask)

    def _judged(self, time_ns: int, kind: int) -> Quoted | None:
        """Return the book after one side was told, None while it cannot be believed."""
        if self._is_crossed():
            if self._held is None:
                self._held, self._held_ns = kind, time_ns
            elif not self._doubted:
                self._doubt()
            self._uncrossed_ns = 0
            return None
        if self._held == kind and not self._doubted:
            self.refused["bid not below ask"] += 1  # it was taken back
        self._held = None
        return self._believed(time_ns)

    def _doubt(self) -> None:
        self._doubted = True
        self.refused["bid not below ask"] += 1
        for side in self._sides.values():
            side.fresh = False

    def _believed(self, time_ns: int) -> Quoted | None:
        bid, ask = self._sides[BID], self._sides[ASK]
        if not (bid.known and ask.known) and time_ns - self._began_ns < TRUST_NS:
            return None  # the other side is on its way
        if self._doubted:
            if not self._uncrossed_ns:
                self._uncrossed_ns = time_ns
            both = all(side.fresh for side in self._sides.values())
            if not both and time_ns - self._uncrossed_ns < TRUST_NS:
                return None
            self._doubted = False
        self._uncrossed_ns = 0
        quote = Quoted(bid.price, bid.size, ask.price, ask.size)
        if quote == self._told or not (bid.price or ask.price):
            return None
        self._told = quote
        return quote


def _size(said: float, before: float) -> float:
    return said if math.isfinite(said) and 0 <= said < SIZE_LIMIT else before
