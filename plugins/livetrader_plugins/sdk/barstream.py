"""The bars of one subscription: which period a tick belongs to, and what becomes of it when that closes.

Rule 1: a tick belongs to the period of the time it carries. What comes after its period was closed is late:
counted, never a second bar.
Rule 2: a stream begins with its first whole period; the one that runs already is the past's to tell. Only
where the past is put below it (`seeded`), hours and days begin with the running one.
Rule 3: a period without data has no bar, or a copy of the last one (flagged) where the subscription fills
forward; none while the market is closed, and none from before a doubt.
Rule 4: what was heard in part is not shown: a doubted period has no bar, and is named.

Pure but for its own state: times are UTC nanoseconds and come in. One owner, the feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.merge import slice_key
from livetrader_engine.data.quality import ALL, CANCELS, FORM_T, VOLUME
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, Resolution
from livetrader_plugins.sdk.making import NOTHING_STANDS, QuotesMade, Standing, TradesMade
from livetrader_plugins.sdk.periods import Period, Periods

CATCH_UP_NS: Final = 10 * NS_PER_MINUTE  # a clock that jumps further is not answered with bars for all of it
PIECE_NS: Final = 5 * NS_PER_SECOND  # IB's pieces

HEARD_IN_PART: Final = "it was heard in part"
TAKEN_BACK: Final = "a trade was taken back"

Bar = TradeBar | QuoteBar


class Source(Enum):
    """What bars are made of, and so when a period can be closed."""

    ARRIVING = "ticks at the time of their arrival"  # at once: nothing of the past can come
    STAMPED = "ticks at the time of the exchange"  # when the exchange's clock is past it
    PIECES = "shorter bars"  # when the last one is there


class Missing(NamedTuple):
    """A stretch of a stream that this feed will not bring, and why. Its end may lie ahead."""

    subscription: Subscription
    start_ns: int
    end_ns: int
    reason: str


class BarStream:
    """One subscription's bars. Mutable state: bars in the making, the period that closes next, the last bar.

    `late` counts what came after its period was closed, `gaps` how many of IB's pieces did not come at all.
    `trades`, `quotes`: the bar in the making that was used last, for whoever adds to it directly; never None,
    and of no time where there is none.
    """

    __slots__ = (
        "_broken", "_closed", "_doubted_ns", "_first_ns", "_open", "_periods", "_piece_end_ns", "_rest",
        "_standing", "_stood", "due", "gaps", "grace_ns", "key", "late", "quotes", "source", "stirred",
        "subscription", "trades",
    )  # fmt: skip

    def __init__(
        self, subscription: Subscription, periods: Periods, from_ns: int, *, source: Source,
        grace_ns: int | None = None, seeded: bool = False,
    ) -> None:  # fmt: skip
        self.subscription = subscription
        self.key = slice_key(subscription)
        self.source = source
        self.grace_ns = grace_ns  # None: that of LiveBars
        self.late = 0
        self.gaps = 0
        self.stirred = False  # a piece ended a period: somebody should look
        self._periods = periods
        self._open: dict[
            int, TradesMade | QuotesMade
        ] = {}  # by start; the running one, the next while it waits
        self._broken: dict[int, str] = {}  # by start: periods that were heard in part
        self._closed: Bar | None = None  # handed out last
        self._standing: Standing = NOTHING_STANDS  # where a quote bar opens
        self._stood = (0, 0)  # time and number of the newest quote of before the first period
        self._piece_end_ns = 0
        self._doubted_ns = -1  # the start of the first period that is doubted
        self.trades = NO_TRADES
        self.quotes = NO_QUOTES
        self._rest = seeded and subscription.resolution > Resolution.MINUTE
        self._begin(from_ns)

    def _begin(self, from_ns: int) -> None:
        """Go to the first period of which everything will be heard, or is put below it."""
        self.due = self._periods.after(from_ns)
        if not self._rest and self.due and self.due.start_ns < from_ns:
            self.due = self._periods.after(self.due.end_ns)
        self._first_ns = (
            self.due.start_ns if self.due else 0
        )  # what is older belongs to nobody, or to the past
        if self._rest:
            self._first_ns = max(self._first_ns, from_ns - from_ns % PIECE_NS)

    # ---- what is heard

    def tick(self, tick: Tick) -> None:
        """Take a trade or a quote in, at the time it carries; for feeds that make ticks anyway."""
        if tick.price:
            self.trade(tick.time_ns, 0, tick.price, tick.quantity)
        else:
            self.quote(tick.time_ns, 0, tick.bid_price, tick.bid_size, tick.ask_price, tick.ask_size)

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> None:
        """Take a trade in; `number` orders trades of one time, `updates` are bits of what it updates."""
        made = self.trades
        if (
            updates == ALL
            and made.close_ns <= time_ns < made.end_ns
            and (time_ns > made.close_ns or number >= made.close_number)
        ):  # what most trades are, without a further call
            made.close, made.close_ns, made.close_number = price, time_ns, number
            made.volume += size
            if price > made.high:
                made.high = price
            elif price < made.low:
                made.low = price
            return
        if time_ns < self._first_ns:
            return  # before the first whole period: it belongs to nobody, or to the past
        if updates == FORM_T:
            updates = VOLUME if self._periods.is_regular(time_ns) else ALL
        elif updates == CANCELS:
            self.doubt_period(time_ns, TAKEN_BACK)
            return
        if not made.start_ns <= time_ns < made.end_ns:
            found = self._made_at(time_ns)
            if found is None:
                return
            assert isinstance(found, TradesMade), "a stream of trades"
            made = found
        made.trade(time_ns, number, price, size, updates)
        if made.has_price:
            self.trades = made

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Take a quote in; a side that is zero is not there."""
        made = self.quotes
        if not made.start_ns <= time_ns < made.end_ns:
            if time_ns < self._first_ns:
                self._stands(time_ns, number, Standing(bid, bid_size, ask, ask_size))
                return
            found = self._made_at(time_ns)
            if found is None:
                return
            assert isinstance(found, QuotesMade), "a stream of quotes"
            self.quotes = made = found
        made.quote(time_ns, number, bid, bid_size, ask, ask_size)

    def piece(self, piece: TradeBar, *, has_trades: bool = True) -> None:
        """Take a shorter bar in; one without trades only says that time has passed."""
        length_ns = piece.end_time_ns - piece.time_ns
        if length_ns == PIECE_NS and self.due and piece.time_ns > self._piece_end_ns >= self.due.start_ns:
            self.gaps += (piece.time_ns - self._piece_end_ns) // PIECE_NS  # others leave out what is empty
        self._piece_end_ns = max(self._piece_end_ns, piece.end_time_ns)
        if self.due and self._piece_end_ns >= self.due.end_ns:
            self.stirred = True
        if has_trades and (made := self._made_at(piece.time_ns)) is not None:
            assert isinstance(made, TradesMade), "pieces are of trades"
            made.piece(piece)

    def _made_at(self, time_ns: int) -> TradesMade | QuotesMade | None:
        """Return the bar in the making that a time belongs to, None where it belongs to none."""
        period = self._periods.around(time_ns)
        if period is None or self.due is None or self._doubted_ns >= 0 or time_ns < self._first_ns:
            return None  # the market is closed, or nothing is shown of it
        if period.start_ns < self.due.start_ns:
            self.late += 1
            return None
        made = self._open.get(period.start_ns)
        if made is None:
            quotes = self.subscription.tick_type is TickType.QUOTE
            made = QuotesMade(*period) if quotes else TradesMade(*period)
            self._open[period.start_ns] = made
        return made

    def _stands(self, time_ns: int, number: int, standing: Standing) -> None:
        """Know a quote of before the first period: the first bar opens there."""
        if (time_ns, number) < self._stood:
            return
        self._stood = (time_ns, number)
        before, (bid, bid_size, ask, ask_size) = self._standing, standing
        self._standing = Standing(
            bid or before.bid, bid_size or before.bid_size, ask or before.ask, ask_size or before.ask_size
        )
        if self._standing.bid and self._standing.ask and self._standing.bid >= self._standing.ask:
            self._standing = standing

    def seed(self, period: Period, pieces: Sequence[Bar]) -> bool:
        """Put bars of the past below what the running period has; return False where it is over.

        They lie before everything that came, so they open it, and close it only where nothing came.
        """
        if self.due != period:
            return False
        inside = [piece for piece in pieces if self._periods.around(piece.time_ns) == period]
        for piece in inside:
            made = self._open.get(period.start_ns)
            if isinstance(piece, QuoteBar):
                quotes = made if isinstance(made, QuotesMade) else QuotesMade(*period)
                quotes.past(piece)
                self._open[period.start_ns] = quotes
            else:
                trades = made if isinstance(made, TradesMade) else TradesMade(*period)
                trades.piece(piece)
                self._open[period.start_ns] = trades
        return True

    # ---- doubt

    def doubt_period(self, time_ns: int, reason: str = HEARD_IN_PART) -> None:
        """Have no bar of the period around an instant: a trade of it was lost, corrected, or taken back."""
        period = self._periods.around(time_ns)
        if period is not None and self.due is not None and period.start_ns >= self.due.start_ns:
            self._broken[period.start_ns] = reason

    def doubt(self) -> None:
        """Drop what is unfinished, and take nothing in until `resume`."""
        if self._doubted_ns < 0 and self.due is not None:
            self._doubted_ns = self.due.start_ns
        self._open.clear()
        self._broken.clear()
        self.trades, self.quotes = NO_TRADES, NO_QUOTES
        self._closed, self._standing = None, NOTHING_STANDS
        self._piece_end_ns = 0

    def resume(self, now_ns: int, reason: str = HEARD_IN_PART) -> Missing | None:
        """Begin anew as at the beginning; return what was missed, None for nothing."""
        doubted_ns, self._doubted_ns = self._doubted_ns, -1
        if doubted_ns < 0 or self.due is None:
            return None
        self._begin(max(now_ns, doubted_ns))
        until_ns = self.due.start_ns if self.due else now_ns
        return Missing(self.subscription, doubted_ns, until_ns, reason) if until_ns > doubted_ns else None

    @property
    def is_doubted(self) -> bool:
        """Whether it waits for `resume`."""
        return self._doubted_ns >= 0

    # ---- closing

    def has_last_piece(self) -> bool:
        """Return whether the piece that ends with the period is there."""
        return self.due is not None and self._piece_end_ns >= self.due.end_ns

    def close(self) -> Bar | Missing | None:
        """Close the period; return its bar, a copy of the last one, None for nothing, or what is missing."""
        due = self.due
        assert due is not None, "a stream without a period is never complete"
        made = self._open.pop(due.start_ns, None)
        if made is self.trades or made is self.quotes:
            self.trades, self.quotes = NO_TRADES, NO_QUOTES
        self.due = self._periods.after(due.end_ns)
        if self._broken and (reason := self._broken.pop(due.start_ns, None)):
            self._closed, self._standing = None, NOTHING_STANDS
            return Missing(self.subscription, *due, reason)
        symbol = self.subscription.symbol
        bar: Bar | None = None
        if isinstance(made, TradesMade):
            bar = made.bar(symbol)
        elif made is not None:
            bar = made.bar(symbol, self._standing)
            self._standing = Standing(bar.bid_close, bar.bid_size, bar.ask_close, bar.ask_size)
        if bar is None and self._closed is not None and self.subscription.fill_forward:
            bar = _copy(self._closed, due)
        if bar is not None:
            self._closed = bar
        return bar

    def skip(self, now_ns: int) -> bool:
        """Leave out empty periods that ended long ago, when nobody looked; return whether there were any."""
        due = self.due
        if due is None or due.start_ns in self._open or now_ns - due.end_ns <= CATCH_UP_NS:
            return False
        self.due = self._periods.after(min(self._open, default=now_ns))
        return True


NO_TRADES: Final = TradesMade(0, 0)
NO_QUOTES: Final = QuotesMade(0, 0)


def _copy(bar: Bar, period: Period) -> Bar:
    copy = msgspec.structs.replace(bar, time_ns=period.start_ns, end_time_ns=period.end_ns, fill_forward=True)
    if isinstance(copy, TradeBar):
        copy.volume = 0.0
    return copy
