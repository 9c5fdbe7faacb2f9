"""Make longer bars of shorter bars or ticks.

A consolidator takes points of one symbol and one kind. It closes a bar when a later point arrives, or
when `scan` says that its time is over, whichever is first; then it calls its handlers. The rules are
LEAN's (Common/Data/Consolidators/PeriodCountConsolidatorBase.cs, MarketHourAwareConsolidator.cs): bars up
to a day start on the grid of their period in the exchange's wall-clock time, longer ones where their data
starts; a point older than the newest finished bar is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.periods import uses_strict_end_times
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, Resolution, Symbol

Bar = TradeBar | QuoteBar
Handler = Callable[[Bar], None]
Spans = Callable[[int], tuple[int, int]]  # UTC instant -> start and end of the bar it belongs to

_DAYS_BEFORE_1970: Final = 719_162  # since 0001-01-01, from which .NET rounds
_ONE_DAY: Final = timedelta(days=1)
_LONG_AGO_NS: Final = -(2**63)
NEVER_NS: Final = 2**63 - 1


class Consolidator:
    """Collects points into bars by time, by count, or by whichever ends first.

    `spans` gives a point's bar (None: no limit in time), `count` the number of points per bar (None: no
    limit). `handlers` are called with each finished bar, in order; `consolidated` is the newest one and
    `working` the unfinished one. Owned by the engine's thread.
    """

    def __init__(self, spans: Spans | None = None, count: int | None = None) -> None:
        if spans is None and count is None:
            raise AlgorithmError("a consolidator needs a period, a count of points, or both")
        if count is not None and count < 1:
            raise AlgorithmError(f"a consolidator takes at least one point per bar, not {count}")
        self.handlers: list[Handler] = []
        self.consolidated: Bar | None = None
        self.working: Bar | None = None
        self._spans = spans
        self._count = count
        self._taken = 0
        self._until_ns = 0  # when the working bar's time is over
        self._emitted_ns = _LONG_AGO_NS  # end of the newest finished bar: older points are late
        self._symbol: Symbol | None = None
        self._longest_ns: int | None = None  # a longer point cannot be consolidated; None: not checked

    def update(self, point: MarketPoint) -> None:
        """Take in one point. Raises AlgorithmError for another symbol's or one longer than the bar."""
        if self._symbol is not point.symbol:
            self._bind(point)
        if not self.accepts(point):
            return
        if self._count is not None:
            self._update_counted(point, self._count)
            return
        start_ns, end_ns = self._span_of(point)
        if self.working is not None and point.time_ns >= self._until_ns and start_ns > self._emitted_ns:
            self._emit(self.working.end_time_ns)
        if point.time_ns >= self._emitted_ns:
            self._aggregate(point, start_ns, end_ns)

    @property
    def due_ns(self) -> int:
        """When the time of the working bar is over (UTC ns); NEVER_NS where nothing waits for the clock."""
        return NEVER_NS if self.working is None or self._spans is None else self._until_ns

    def scan(self, now_ns: int) -> None:
        """Close the working bar if its time is over at `now_ns`."""
        if self.working is None or self._spans is None or now_ns < self._until_ns:
            return
        if self._spans(now_ns)[0] > self._emitted_ns:
            self._emit(self.working.end_time_ns)

    def reset(self) -> None:
        """Forget everything but the handlers."""
        self.consolidated = self.working = self._symbol = None
        self._taken = 0
        self._emitted_ns = _LONG_AGO_NS

    def accepts(self, point: MarketPoint) -> bool:
        """Return whether the point counts. Suspicious ticks are for the caller to leave out."""
        return True

    def _bind(self, point: MarketPoint) -> None:
        if self._symbol is not None:
            raise AlgorithmError(f"this consolidator holds {self._symbol.value}, not {point.symbol.value}")
        length_ns = point.end_time_ns - point.time_ns
        if self._longest_ns is not None and length_ns > self._longest_ns:
            raise AlgorithmError(
                f"data of {point.symbol.value} with bars of {length_ns} ns cannot make shorter ones,"
                f" of {self._longest_ns} ns; subscribe at a finer resolution"
            )
        self._symbol = point.symbol

    def _span_of(self, point: MarketPoint) -> tuple[int, int]:
        assert self._spans is not None
        start_ns, end_ns = self._spans(point.time_ns)
        if end_ns < point.end_time_ns:
            # longer than its bar: an hour bar that begins before the session, or data as long as the
            # period but off its grid. What the end belongs to decides the first, the point the second.
            later_ns, later_end_ns = self._spans(point.end_time_ns - 1)
            if point.end_time_ns - point.time_ns == NS_PER_HOUR and later_ns > point.time_ns:
                return later_ns, later_end_ns
            return point.time_ns, point.time_ns + (end_ns - start_ns)
        return start_ns, end_ns

    def _update_counted(self, point: MarketPoint, count: int) -> None:
        self._taken += 1
        fire = self._taken >= count
        if self._spans is None:
            start_ns, end_ns = point.time_ns, point.end_time_ns
        else:
            start_ns, end_ns = self._span_of(point)
            fire = fire or (
                self.working is not None and point.time_ns >= self._until_ns and start_ns > self._emitted_ns
            )
        if point.time_ns >= self._emitted_ns:
            self._aggregate(point, start_ns, end_ns)
            if self.working is not None:
                self.working.end_time_ns = point.end_time_ns
        if fire and self.working is not None:
            self._taken = 0
            self._emit(point.time_ns)

    def _aggregate(self, point: MarketPoint, start_ns: int, end_ns: int) -> None:
        if self.working is None:
            self.working = _first(point, start_ns, end_ns)
            self._until_ns = end_ns
        else:
            _extend(self.working, point)

    def _emit(self, emitted_ns: int) -> None:
        bar = self.working
        assert bar is not None
        self._emitted_ns = emitted_ns
        self.working = None
        self.consolidated = bar
        for handler in tuple(self.handlers):
            handler(bar)


def _first(point: MarketPoint, start_ns: int, end_ns: int) -> Bar:
    symbol = point.symbol
    if isinstance(point, TradeBar):
        return TradeBar(
            symbol, start_ns, end_ns, point.open, point.high, point.low, point.close, point.volume,
            False, point.scale,
        )  # fmt: skip
    if isinstance(point, QuoteBar):
        return QuoteBar(
            symbol, start_ns, end_ns,
            point.bid_open, point.bid_high, point.bid_low, point.bid_close, point.bid_size,
            point.ask_open, point.ask_high, point.ask_low, point.ask_close, point.ask_size,
            False, point.scale,
        )  # fmt: skip
    if point.price:
        price = point.price
        return TradeBar(symbol, start_ns, end_ns, price, price, price, price, point.quantity)
    bid, ask = point.bid_price, point.ask_price
    return QuoteBar(
        symbol, start_ns, end_ns, bid, bid, bid, bid, point.bid_size, ask, ask, ask, ask, point.ask_size
    )


def _extend(bar: Bar, point: MarketPoint) -> None:
    if isinstance(bar, TradeBar):
        if isinstance(point, TradeBar):
            high, low, close, volume = point.high, point.low, point.close, point.volume
        elif isinstance(point, Tick) and point.price:
            high = low = close = point.price
            volume = point.quantity
        else:
            return
        bar.close = close
        bar.volume += volume
        bar.high = max(bar.high, high)
        bar.low = min(bar.low, low)
    elif isinstance(point, QuoteBar):
        if point.bid_close:
            _extend_bid(bar, point.bid_open, (point.bid_high, point.bid_low, point.bid_close), point.bid_size)
        if point.ask_close:
            _extend_ask(bar, point.ask_open, (point.ask_high, point.ask_low, point.ask_close), point.ask_size)
    elif isinstance(point, Tick):
        if bid := point.bid_price:
            _extend_bid(bar, bid, (bid, bid, bid), point.bid_size)
        if ask := point.ask_price:
            _extend_ask(bar, ask, (ask, ask, ask), point.ask_size)


def _extend_bid(bar: QuoteBar, opens: float, prices: tuple[float, float, float], size: float) -> None:
    high, low, close = prices
    if not bar.bid_close:  # the side has no quote yet
        bar.bid_open, bar.bid_high, bar.bid_low = opens, high, low
    bar.bid_high = max(bar.bid_high, high)
    bar.bid_low = min(bar.bid_low, low)
    bar.bid_close, bar.bid_size = close, size


def _extend_ask(bar: QuoteBar, opens: float, prices: tuple[float, float, float], size: float) -> None:
    high, low, close = prices
    if not bar.ask_close:
        bar.ask_open, bar.ask_high, bar.ask_low = opens, high, low
    bar.ask_high = max(bar.ask_high, high)
    bar.ask_low = min(bar.ask_low, low)
    bar.ask_close, bar.ask_size = close, size


class TimeConsolidator(Consolidator):
    """Makes bars of a fixed period, or of up to `count` points within it where a count is given."""

    def __init__(self, period_ns: int, hours: ExchangeHours, count: int | None = None) -> None:
        if period_ns <= 0:
            raise AlgorithmError("the period of a consolidator must be longer than zero")
        super().__init__(fixed_spans(period_ns, hours), count)
        self.period_ns = period_ns
        self._longest_ns = None if count is not None else period_ns


class CountConsolidator(Consolidator):
    """Makes a bar of every `count` points; it ends when the last of them does."""

    def __init__(self, count: int) -> None:
        super().__init__(None, count)


class ResolutionConsolidator(Consolidator):
    """Makes bars of a resolution from the regular session, or the extended one too.

    Daily bars run from the session's open to its close, half days included, where the security uses strict
    end times (see data.periods), else from midnight to midnight. An hour bar that begins before the open
    counts for its day.
    """

    def __init__(
        self, resolution: Resolution, symbol: Symbol, hours: ExchangeHours, extended: bool = False
    ) -> None:
        if resolution is Resolution.TICK:
            raise AlgorithmError("ticks are not consolidated to ticks; subscribe to them")
        strict = uses_strict_end_times(symbol, resolution, hours)
        super().__init__(
            session_spans(hours, extended) if strict else fixed_spans(resolution.period_ns, hours)
        )
        self._hours = hours
        self._extended = extended
        self._daily = resolution is Resolution.DAILY
        self._longest_ns = resolution.period_ns

    def accepts(self, point: MarketPoint) -> bool:
        """Return whether the point lies in the hours that are consolidated."""
        if self._extended or self._hours.is_open(point.time_ns):
            return True
        long = self._daily and point.end_time_ns - point.time_ns >= NS_PER_HOUR
        return long and self._hours.is_open_during(point.time_ns, point.end_time_ns)


class IdentityConsolidator(Consolidator):
    """Hands every bar on unchanged: the period asked for is the data's own."""

    def __init__(self) -> None:
        super().__init__(None, 1)

    def update(self, point: MarketPoint) -> None:
        """Hand the bar on; a tick becomes a bar of no length."""
        bar = _first(point, point.time_ns, point.end_time_ns) if isinstance(point, Tick) else point
        self.consolidated = bar
        for handler in tuple(self.handlers):
            handler(bar)


def fixed_spans(period_ns: int, hours: ExchangeHours) -> Spans:
    """Return the spans of a fixed period on the grid of the exchange's wall clock.

    Over a day there is no grid: a bar starts where its data does. Source: TimeSpanPeriodSpecification.
    """
    if period_ns > NS_PER_DAY:
        return lambda time_ns: (time_ns, time_ns + period_ns)
    base_ns = _DAYS_BEFORE_1970 * NS_PER_DAY % period_ns

    def spans(time_ns: int) -> tuple[int, int]:
        start_ns = time_ns - (_wall_ns(time_ns, hours) + base_ns) % period_ns
        return start_ns, start_ns + period_ns

    return spans


def _wall_ns(time_ns: int, hours: ExchangeHours) -> int:
    """Return the exchange's wall clock as if it were UTC."""
    day = hours.local_date(time_ns)
    midnight_ns = hours.local_midnight(day)
    if hours.local_midnight(day + _ONE_DAY) - midnight_ns == NS_PER_DAY:
        return (day.toordinal() - 1 - _DAYS_BEFORE_1970) * NS_PER_DAY + time_ns - midnight_ns
    offset = utc_ns_to_local(time_ns, hours.timezone).utcoffset()
    assert offset is not None
    return time_ns + (offset.days * 86_400 + offset.seconds) * 1_000_000_000


def session_spans(hours: ExchangeHours, extended: bool = False) -> Spans:
    """Return the spans from a day's first open to its last close; after the close it is still that day's."""

    def spans(time_ns: int) -> tuple[int, int]:
        day = hours.local_date(time_ns)
        intervals = hours.intervals(day, extended)
        if not intervals or time_ns < intervals[0][0]:
            day = hours.previous_trading_day(day)
            intervals = hours.intervals(day, extended)
        return intervals[0][0], intervals[-1][1]

    return spans


def weekly_spans(hours: ExchangeHours) -> Spans:
    """Return the spans from Monday to Monday."""
    return _calendar_spans(hours, lambda day: day - timedelta(days=day.weekday()), _next_week)


def monthly_spans(hours: ExchangeHours, months: int = 1) -> Spans:
    """Return the spans of calendar months, or of 3 (quarters) or 12 (years) of them."""

    def begin(day: date) -> date:
        return date(day.year, day.month - (day.month - 1) % months, 1)

    def follow(day: date) -> date:
        following = day.month - 1 + months
        return date(day.year + following // 12, following % 12 + 1, 1)

    return _calendar_spans(hours, begin, follow)


def _next_week(day: date) -> date:
    return day + timedelta(days=7)


def _calendar_spans(
    hours: ExchangeHours, begin: Callable[[date], date], follow: Callable[[date], date]
) -> Spans:
    zone = hours.timezone

    def spans(time_ns: int) -> tuple[int, int]:
        start = begin(hours.local_date(time_ns))
        return local_to_utc_ns(start, 0, zone), local_to_utc_ns(follow(start), 0, zone)

    return spans
