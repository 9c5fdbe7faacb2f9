"""Bars made while the market runs: they close on the clock, once, and come out together.

Rule 1: a period closes when the clock is past its end and nothing of it can still come: for bars made of
IB's five-second bars, when the piece that ends with it is there, or `grace_ns` later; for bars made of ticks,
which are stamped when they arrive, at once. What comes after the close is late: counted, never a second bar.
Rule 2: streams of one resolution whose periods end together close together, so that one step has them all.
Rule 3: a stream of seconds or minutes begins with its first whole period; of hours and days with the rest of
the running one, because the next may be far away.
Rule 4: a period without data has no bar, or a copy of the last one (flagged) where the subscription fills
forward; none while the market is closed.

Pure but for its own state: time comes in as UTC nanoseconds. One owner, the feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.calendar.hours import MAX_SEARCH_DAYS, ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.aggregation import RECIPES, Feed
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.merge import slice_key
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, Resolution

GRACE_NS: Final = 1_500_000_000  # IB sends a five-second bar some tenths of a second after its end
CATCH_UP_NS: Final = 10 * NS_PER_MINUTE  # a clock that jumps further is not answered with bars for all of it
PIECE_NS: Final = 5 * NS_PER_SECOND

_ONE_DAY: Final = timedelta(days=1)

Bar = TradeBar | QuoteBar


class Period(NamedTuple):
    """[start_ns, end_ns) of one bar."""

    start_ns: int
    end_ns: int


class Periods:
    """Where the bars of a subscription begin and end. Without `hours` the market never closes. No state."""

    def __init__(self, subscription: Subscription, hours: ExchangeHours | None) -> None:
        self._hours = hours if hours is None or not hours.always_open else None
        self._zone = None if hours is None else hours.data_timezone
        self._length_ns = subscription.resolution.period_ns
        self._extended = subscription.extended_market_hours
        self._is_daily = subscription.resolution is Resolution.DAILY
        self._strict = (
            self._is_daily
            and self._hours is not None
            and subscription.precise_daily
            and uses_strict_end_times(subscription.symbol, subscription.resolution, self._hours)
        )

    def around(self, time_ns: int) -> Period | None:
        """Return the period that an instant belongs to, None where the market is closed then."""
        hours = self._hours
        if hours is not None and not hours.is_open(time_ns, self._extended and not self._strict):
            return None
        return self._at(time_ns)

    def after(self, time_ns: int) -> Period | None:
        """Return the first period that ends after an instant and sees an open market, None without one."""
        hours = self._hours
        if hours is None:
            return self._at(time_ns)
        for _ in range(MAX_SEARCH_DAYS):
            period = self._at(time_ns)
            open_ns = max(period.start_ns, time_ns)
            if period.end_ns > time_ns and hours.is_open_during(open_ns, period.end_ns, self._extended):
                return period
            try:
                time_ns = max(hours.next_open(time_ns + 1, self._extended and not self._strict), time_ns + 1)
            except DataError:
                return None
        return None

    def _at(self, time_ns: int) -> Period:
        """Return the period on the grid, of that day with daily bars."""
        if self._zone is None:
            start_ns = time_ns - time_ns % self._length_ns
        elif self._is_daily:
            hours = self._hours
            if self._strict and hours is not None:
                return Period(*daily_bounds(hours.local_date(time_ns), hours, True))
            day = utc_ns_to_local(time_ns, self._zone).date()
            return Period(local_to_utc_ns(day, 0, self._zone), local_to_utc_ns(day + _ONE_DAY, 0, self._zone))
        else:
            midnight_ns = 0
            if self._length_ns > NS_PER_MINUTE:
                midnight_ns = local_to_utc_ns(utc_ns_to_local(time_ns, self._zone).date(), 0, self._zone)
            start_ns = time_ns - (time_ns - midnight_ns) % self._length_ns
        return Period(start_ns, start_ns + self._length_ns)


class BarStream:
    """One subscription's bars. Mutable state: bars that are open, the period that closes next, the last bar.

    `by_pieces`: it is made of five-second bars. `late` counts what came after its period was closed, `gaps`
    how many pieces did not come at all.
    """

    def __init__(
        self, subscription: Subscription, periods: Periods, from_ns: int, *, by_pieces: bool
    ) -> None:
        self.subscription = subscription
        self.key = slice_key(subscription)
        self.late = 0
        self.gaps = 0
        self._periods = periods
        self._by_pieces = by_pieces
        self._open: dict[int, Bar] = {}  # by start; the running one, and the next while this one waits
        self._newest: Bar | None = None  # extended last: where a quote bar opens
        self._closed: Bar | None = None  # handed out last
        self._piece_end_ns = 0
        self.due = periods.after(from_ns)
        if subscription.resolution <= Resolution.MINUTE and self.due and self.due.start_ns < from_ns:
            self.due = periods.after(self.due.end_ns)
        self._first_ns = (
            self.due.start_ns if self.due else 0
        )  # what is older belongs to nobody, or to the past
        if subscription.resolution > Resolution.MINUTE:
            self._first_ns = max(self._first_ns, from_ns - from_ns % PIECE_NS)

    def tick(self, tick: Tick) -> None:
        """Take a trade or a quote in, at the time it carries."""
        self._take(tick, Feed.TRADE_TICKS if tick.price else Feed.QUOTE_TICKS)

    def piece(self, piece: TradeBar, *, has_trades: bool = True) -> None:
        """Take a five-second bar in; one without trades only says that time has passed."""
        if self._piece_end_ns and self.due and piece.time_ns > self._piece_end_ns >= self.due.start_ns:
            self.gaps += (piece.time_ns - self._piece_end_ns) // PIECE_NS
        self._piece_end_ns = max(self._piece_end_ns, piece.end_time_ns)
        if has_trades:
            self._take(piece, Feed.TRADE_BARS)

    def _take(self, point: Tick | TradeBar, feed: Feed) -> None:
        period = self._periods.around(point.time_ns)
        recipe = RECIPES[feed]
        if period is None or self.due is None:
            return  # the market is closed
        if point.time_ns < self._first_ns:
            self._newest = recipe.first(
                point, *period, self._newest
            )  # a quote bar opens where this leaves off
            return
        if period.start_ns < self.due.start_ns:
            self.late += 1
            return
        bar = self._open.get(period.start_ns)
        if bar is None:
            bar = self._open[period.start_ns] = recipe.first(point, *period, self._newest)
        else:
            recipe.extend(bar, point)
        if isinstance(bar, QuoteBar) and isinstance(point, Tick):
            _drop_stale(bar, point)
        self._newest = bar

    def seed(self, period: Period, pieces: Sequence[Bar]) -> bool:
        """Put bars of the past below what the running period has; return False where it is over.

        They lie before everything that came, so they open it, and close it only where nothing came.
        """
        if self.due != period:
            return False
        inside = [piece for piece in pieces if self._periods.around(piece.time_ns) == period]
        if not inside:
            return True
        feed = Feed.QUOTE_BARS if isinstance(inside[0], QuoteBar) else Feed.TRADE_BARS
        past = RECIPES[feed].first(inside[0], *period, None)
        for piece in inside[1:]:
            RECIPES[feed].extend(past, piece)
        bar = self._open.get(period.start_ns)
        if bar is not None:
            RECIPES[feed].extend(past, bar)
        if self._newest is bar or self._newest is None:
            self._newest = past
        self._open[period.start_ns] = past
        return True

    def is_complete(self, now_ns: int, grace_ns: int) -> bool:
        """Return whether the period that closes next can be closed now."""
        due = self.due
        if due is None or due.end_ns > now_ns:
            return False
        return not self._by_pieces or self._piece_end_ns >= due.end_ns or now_ns >= due.end_ns + grace_ns

    def close(self) -> Bar | None:
        """Close the period; return its bar, a copy of the last one, or None for nothing."""
        due = self.due
        assert due is not None, "a stream without a period is never complete"
        bar = self._open.pop(due.start_ns, None)
        if bar is None and self._closed is not None and self.subscription.fill_forward:
            bar = _copy(self._closed, due)
        if bar is not None:
            self._closed = bar
        self.due = self._periods.after(due.end_ns)
        return bar

    def skip(self, now_ns: int) -> bool:
        """Leave out empty periods that ended long ago, when nobody looked; return whether there were any."""
        due = self.due
        if due is None or due.start_ns in self._open or now_ns - due.end_ns <= CATCH_UP_NS:
            return False
        self.due = self._periods.after(min(self._open, default=now_ns))
        return True


class Step(NamedTuple):
    """What has closed together."""

    end_ns: int
    points: tuple[MarketPoint, ...]
    internal: tuple[MarketPoint, ...]


class LiveBars:
    """The bar streams of a feed. Mutable state: the streams; `skipped` counts periods that were left out."""

    def __init__(self, grace_ns: int = GRACE_NS) -> None:
        self._grace_ns = grace_ns
        self._streams: dict[Subscription, BarStream] = {}
        self._first_end_ns = 0  # nothing closes before it: most of what arrives needs no look at the streams
        self.skipped = 0

    def add(self, stream: BarStream) -> None:
        """Have a stream from now on."""
        self._streams[stream.subscription] = stream
        self._first_end_ns = 0

    def remove(self, subscription: Subscription) -> None:
        """Have it no longer; harmless where there is none."""
        self._streams.pop(subscription, None)

    @property
    def late(self) -> int:
        """How much came after its bar was closed."""
        return sum(stream.late for stream in self._streams.values())

    @property
    def gaps(self) -> int:
        """How many five-second bars never came."""
        return sum(stream.gaps for stream in self._streams.values())

    def next_ns(self, now_ns: int) -> int | None:
        """Return when to look again if nothing arrives; None where nothing ever closes."""
        if now_ns < self._first_end_ns:
            return self._first_end_ns
        ends = [stream.due.end_ns for stream in self._streams.values() if stream.due is not None]
        return min((end if end > now_ns else end + self._grace_ns for end in ends), default=None)

    def collect(self, now_ns: int) -> list[Step]:
        """Close what can be closed; return the steps, the earliest first. Empty periods make no step."""
        if now_ns < self._first_end_ns:
            return []
        steps: list[Step] = []
        for resolution in Resolution:
            streams = [each for each in self._streams.values() if each.subscription.resolution is resolution]
            while (ripe := self._ripe(streams, now_ns)) is not None:
                step = _step(*ripe)
                if step is not None:
                    steps.append(step)
        ends = [each.due.end_ns for each in self._streams.values() if each.due is not None]
        self._first_end_ns = min(ends, default=0)
        return sorted(steps, key=lambda step: step.end_ns)

    def _ripe(self, streams: list[BarStream], now_ns: int) -> tuple[int, list[BarStream]] | None:
        """Return the earliest end that all who share it can close at, and who they are."""
        for stream in streams:
            self.skipped += stream.skip(now_ns)
        ends = [stream.due.end_ns for stream in streams if stream.due is not None]
        end_ns = min(ends, default=now_ns + 1)
        if end_ns > now_ns:
            return None
        together = [stream for stream in streams if stream.due is not None and stream.due.end_ns == end_ns]
        closes = all(each.is_complete(now_ns, self._grace_ns) for each in together)
        return (end_ns, together) if closes else None


def _step(end_ns: int, streams: list[BarStream]) -> Step | None:
    shown: list[MarketPoint] = []
    internal: list[MarketPoint] = []
    for stream in sorted(streams, key=lambda each: each.key):
        bar = stream.close()
        if bar is not None:
            (internal if stream.subscription.internal else shown).append(bar)
    return Step(end_ns, tuple(shown), tuple(internal)) if shown or internal else None


def _drop_stale(bar: QuoteBar, quote: Tick) -> None:
    """Forget the side that a one-sided quote has passed: it is gone, nobody trades at its old price."""
    if not bar.bid_close or not bar.ask_close or bar.bid_close < bar.ask_close:
        return
    if not quote.ask_price:
        bar.ask_open = bar.ask_high = bar.ask_low = bar.ask_close = bar.ask_size = 0.0
    elif not quote.bid_price:
        bar.bid_open = bar.bid_high = bar.bid_low = bar.bid_close = bar.bid_size = 0.0


def _copy(bar: Bar, period: Period) -> Bar:
    copy = msgspec.structs.replace(bar, time_ns=period.start_ns, end_time_ns=period.end_ns, fill_forward=True)
    if isinstance(copy, TradeBar):
        copy.volume = 0.0
    return copy
