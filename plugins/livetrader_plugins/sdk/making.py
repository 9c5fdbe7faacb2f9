"""One bar in the making: what has been heard of a period, in whatever order it came.

Rule 1: open and close are the first and the last by (time, number), not by arrival. Of two with the same time
and number the later arrival is the later one.
Rule 2: a trade updates what the tape says that it updates (livetrader_engine.data.quality): open and close,
high and low, volume. There is a bar where at least one trade sets open and close; where none does there is
none, and the volume of the others is nobody's.
Rule 3: volumes are sums of whole shares, exact in any order; with fractions the sum is rounded to eight
decimals.
Rule 4: a quote bar opens where the one before closed. A side that a one-sided quote has passed is gone.

The fields are read and written by livetrader_plugins.sdk.tapes, which makes bars of many ticks at once.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.quality import HIGH_LOW, OPEN_CLOSE, VOLUME
from livetrader_engine.symbols import Symbol

VOLUME_DECIMALS: Final = 8  # venues of fractions have no more
_FAR_NS: Final = 2**63 - 1


class TradesMade:
    """The trades of a period. `open_ns` is far ahead while none has set a price."""

    __slots__ = (
        "close", "close_ns", "close_number", "end_ns", "high", "low", "open", "open_ns", "open_number",
        "start_ns", "volume",
    )  # fmt: skip

    def __init__(self, start_ns: int, end_ns: int) -> None:
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.open = self.close = self.volume = 0.0
        self.high, self.low = -math.inf, math.inf
        self.open_ns, self.open_number = _FAR_NS, 0
        self.close_ns, self.close_number = -1, 0

    @property
    def has_price(self) -> bool:
        """Whether a trade has set open and close."""
        return self.open_ns != _FAR_NS

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int) -> None:
        """Take a trade in."""
        if updates & OPEN_CLOSE:
            if (time_ns, number) >= (self.close_ns, self.close_number):
                self.close, self.close_ns, self.close_number = price, time_ns, number
            if (time_ns, number) < (self.open_ns, self.open_number):
                self.open, self.open_ns, self.open_number = price, time_ns, number
        if updates & (HIGH_LOW | OPEN_CLOSE):
            if price > self.high:
                self.high = price
            if price < self.low:
                self.low = price
        if updates & VOLUME:
            self.volume += size

    def piece(self, piece: TradeBar) -> None:
        """Take a shorter bar in."""
        if piece.time_ns >= self.close_ns:
            self.close, self.close_ns, self.close_number = piece.close, piece.time_ns, 0
        if piece.time_ns < self.open_ns:
            self.open, self.open_ns, self.open_number = piece.open, piece.time_ns, 0
        self.high = max(self.high, piece.high)
        self.low = min(self.low, piece.low)
        self.volume += piece.volume

    def bar(self, symbol: Symbol) -> TradeBar | None:
        """Return the bar, None where no trade made a price."""
        if self.open_ns == _FAR_NS:
            return None
        volume = self.volume
        if not volume.is_integer():
            volume = round(volume, VOLUME_DECIMALS)
        return TradeBar(
            symbol, self.start_ns, self.end_ns, self.open, self.high, self.low, self.close, volume
        )


class Standing(NamedTuple):
    """The quote that stands at the end of a period; a side that is not there is zero."""

    bid: float = 0.0
    bid_size: float = 0.0
    ask: float = 0.0
    ask_size: float = 0.0


NOTHING_STANDS: Final = Standing()


class Side:
    """One side of the quotes of a period; all zero without one. `passed`: a lone quote of the other side that
    stood at this one or beyond before this one was told, so that what stood before the period is gone.
    """

    __slots__ = (
        "close", "close_ns", "close_number", "first", "first_ns", "first_number", "high", "low", "passed",
        "size",
    )  # fmt: skip

    def __init__(self) -> None:
        self.passed = 0.0
        self.clear()

    def clear(self) -> None:
        """Forget what was told: nobody trades at its old price."""
        self.first = self.high = self.low = self.close = self.size = 0.0
        self.first_ns, self.first_number = _FAR_NS, 0
        self.close_ns, self.close_number = -1, 0

    def take(self, time_ns: int, number: int, price: float, size: float) -> None:
        """Take the side of a quote in."""
        if (time_ns, number) >= (self.close_ns, self.close_number):
            self.close, self.close_ns, self.close_number = price, time_ns, number
            self.size = size or self.size
        if (time_ns, number) < (self.first_ns, self.first_number):
            self.first, self.first_ns, self.first_number = price, time_ns, number
        if not self.high:
            self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price

    def past(self, opening: float, high: float, low: float, close: float, size: float, time_ns: int) -> None:
        """Take the side of a shorter bar in, of before what was heard."""
        if not close:
            return
        if time_ns < self.first_ns:
            self.first, self.first_ns, self.first_number = opening, time_ns, 0
        if time_ns >= self.close_ns:
            self.close, self.close_ns, self.close_number, self.size = close, time_ns, 0, size
        self.high = max(self.high, high) if self.high else high
        self.low = min(self.low, low) if self.low else low

    def shown(
        self, carried: float, carried_size: float, *, gone: bool
    ) -> tuple[float, float, float, float, float]:
        """Return open, high, low, close and size; it opens with what stood before, unless that is gone."""
        if not carried or gone:
            return (self.first, self.high, self.low, self.close, self.size)
        if not self.close:
            return (carried, carried, carried, carried, carried_size)
        size = self.size or carried_size
        return (carried, max(carried, self.high), min(carried, self.low), self.close, size)


class QuotesMade:
    """The quotes of a period."""

    __slots__ = ("ask", "bid", "carries", "end_ns", "start_ns")

    def __init__(self, start_ns: int, end_ns: int) -> None:
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.bid, self.ask = Side(), Side()
        self.carries = True  # what stood before counts

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Take a quote in."""
        if bid:
            self.bid.take(time_ns, number, bid, bid_size)
        if ask:
            self.ask.take(time_ns, number, ask, ask_size)
        if not ask:
            self._lone_bid(time_ns, number, bid)
        elif not bid:
            self._lone_ask(time_ns, number, ask)

    def _lone_bid(self, time_ns: int, number: int, bid: float) -> None:
        side = self.ask
        if not side.close:
            side.passed = max(side.passed, bid)
        elif bid >= side.close and (time_ns, number) >= (side.close_ns, side.close_number):
            side.clear()
            side.passed = math.inf

    def _lone_ask(self, time_ns: int, number: int, ask: float) -> None:
        side = self.bid
        if not side.close:
            side.passed = min(side.passed or ask, ask)
        elif ask <= side.close and (time_ns, number) >= (side.close_ns, side.close_number):
            side.clear()
            side.passed = -math.inf

    def past(self, piece: QuoteBar) -> None:
        """Take a shorter bar in, of before what was heard; then nothing stood before it."""
        bid = (piece.bid_open, piece.bid_high, piece.bid_low, piece.bid_close, piece.bid_size)
        ask = (piece.ask_open, piece.ask_high, piece.ask_low, piece.ask_close, piece.ask_size)
        self.bid.past(*bid, piece.time_ns)
        self.ask.past(*ask, piece.time_ns)
        self.carries = False

    def bar(self, symbol: Symbol, before: Standing) -> QuoteBar:
        """Return the bar, which opens with what stood before it."""
        bid, ask = self.bid, self.ask
        no_bid = not self.carries or (bid.passed != 0.0 and before.bid >= bid.passed)
        no_ask = not self.carries or (ask.passed != 0.0 and before.ask <= ask.passed)
        return QuoteBar(
            symbol, self.start_ns, self.end_ns,
            *bid.shown(before.bid, before.bid_size, gone=no_bid),
            *ask.shown(before.ask, before.ask_size, gone=no_ask),
        )  # fmt: skip
