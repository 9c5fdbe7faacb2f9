"""What one call of `history` asks the engine for: which streams, from when to when.

Source: LEAN's QCAlgorithm.History.cs (GetMatchingSubscriptions), HistoryRequestFactory.cs, and Common/Time.cs
(GetStartTimeForTradeBars) for where a number of bars begins.
"""

from __future__ import annotations

from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.periods import uses_strict_end_times
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.data.wallclock import WallClock, date_of
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.subscriptions import tick_types
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.market import BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.slices import QuoteBars, Ticks, TradeBars

MAX_DAYS_BACK: Final = 365 * 60  # a request for more bars than 60 years hold starts there

KINDS: Final[dict[type, TickType | None]] = {
    TradeBar: TickType.TRADE,
    TradeBars: TickType.TRADE,
    QuoteBar: TickType.QUOTE,
    QuoteBars: TickType.QUOTE,
    Tick: None,
    Ticks: None,
    BaseData: None,
}


class Options:
    """What a call of `history` may say beside whose data and how far back; None: as subscribed."""

    __slots__ = ("extended", "fill_forward", "normalization", "resolution")

    def __init__(
        self,
        resolution: Resolution | None = None,
        fill_forward: bool | None = None,
        extended: bool | None = None,
        normalization: Normalization | None = None,
    ) -> None:
        self.resolution = resolution
        self.fill_forward = fill_forward
        self.extended = extended
        self.normalization = normalization


def start_of_bars(
    hours: ExchangeHours,
    end_ns: int,
    bars: int,
    resolution: Resolution,
    *,
    extended: bool = False,
    strict: bool | None = None,
) -> int:
    """Return the start (UTC ns) from which `bars` complete bars end at or before `end_ns`.

    Walks back bar by bar of the exchange's wall clock and counts those during which it trades. `strict` says
    whether daily bars end with the session; None: where the market has sessions.
    """
    period_ns = max(resolution.period_ns, NS_PER_SECOND)
    if resolution is Resolution.TICK:
        raise AlgorithmError("a number of ticks cannot be asked for; give a timedelta")
    clock = WallClock(hours.timezone)
    daily = resolution is Resolution.DAILY
    strict = not hours.always_open if strict is None else strict
    now = clock.wall(end_ns)
    if not (strict and daily) or not _closed_by(hours, end_ns):
        now = _rounded(hours, clock, end_ns, period_ns)
    if hours.always_open:
        return clock.utc(now - bars * period_ns)
    limit = now - MAX_DAYS_BACK * Resolution.DAILY.period_ns
    left = bars
    while left > 0 and now > limit:
        start = now - period_ns
        if hours.is_open_during(clock.utc(start), clock.utc(now), extended):
            left -= 1
            now = start
        else:
            now -= max(1, (now - _last_close(hours, clock, now, extended)) // period_ns) * period_ns
    return clock.utc(now)


def _closed_by(hours: ExchangeHours, end_ns: int) -> bool:
    """Whether today's session is over: today's daily bar counts."""
    session = hours.session(hours.local_date(end_ns))
    return session is not None and session.close_ns <= end_ns


def _rounded(hours: ExchangeHours, clock: WallClock, end_ns: int, period_ns: int) -> int:
    """Return the exchange's wall time of the end, cut to the grid in the data's time zone."""
    data = WallClock(hours.data_timezone)
    wall_ns = data.wall(end_ns)
    return clock.wall(data.utc(wall_ns - wall_ns % period_ns))


def _last_close(hours: ExchangeHours, clock: WallClock, now: int, extended: bool) -> int:
    """Return the wall time of the newest close at or before a wall time."""
    day = date_of(now // Resolution.DAILY.period_ns)
    for _ in range(2):
        for _, close_ns in reversed(hours.intervals(day, extended)):
            close = clock.wall(close_ns)
            if close <= now:
                return close
        day = hours.previous_trading_day(day)
    return now


class Planner:
    """Turns whose data and how far back into requests for streams."""

    def __init__(self, binding: Binding, options: Options, kind: type | None = None) -> None:
        self._binding = binding
        self._options = options
        self._kind = kind

    def of_bars(self, symbol: CoreSymbol, bars: int, end_ns: int | None = None) -> list[HistoryRequest]:
        """Return the requests for the newest `bars` bars of a symbol, before an instant other than now."""
        end_ns = self._binding.engine.clock.now_ns if end_ns is None else end_ns
        hours = self._hours(symbol)
        requests = []
        for stream in self.streams(symbol):
            start_ns = start_of_bars(
                hours, end_ns, bars, stream.resolution,
                extended=self._extended_back(symbol, stream), strict=self._strict(stream, hours),
            )  # fmt: skip
            requests.append(HistoryRequest(stream, start_ns, end_ns))
        return requests

    def between(self, symbol: CoreSymbol, start_ns: int, end_ns: int) -> list[HistoryRequest]:
        """Return the requests for what ended after `start_ns` and not after `end_ns`."""
        return [HistoryRequest(stream, start_ns, end_ns) for stream in self.streams(symbol)]

    def streams(self, symbol: CoreSymbol) -> list[Subscription]:
        """Return the streams that answer for a symbol: as it is subscribed, or as it would be by default."""
        options = self._options
        security = self._binding.engine.securities.get(symbol)
        held = [] if security is None else sorted(security.subscriptions, key=lambda s: -s.resolution)
        resolution = options.resolution
        if resolution is None:
            found = None if security is None else security.resolution
            resolution = self._binding.default_resolution if found is None else found
        if self._kind in (Tick, Ticks):
            resolution = Resolution.TICK
        elif resolution is Resolution.TICK and self._kind is not None and self._kind is not BaseData:
            resolution = self._binding.default_resolution  # bars were asked for
        wanted = None if self._kind is None else KINDS.get(self._kind)
        first = held[0] if held else None
        made: dict[tuple[Resolution, TickType], Subscription] = {}
        for tick_type in self._types(symbol, resolution, held):
            if wanted is None or tick_type is wanted:
                made[resolution, tick_type] = self._stream(symbol, resolution, tick_type, first)
        return list(made.values())

    def _types(
        self, symbol: CoreSymbol, resolution: Resolution, held: list[Subscription]
    ) -> tuple[TickType, ...]:
        usual = tick_types(symbol.security_type, resolution)
        if symbol.security_type is SecurityType.EQUITY or not held:
            return usual
        types = {stream.tick_type for stream in held}
        return tuple(kind for kind in usual if kind in types) or usual

    def _stream(
        self, symbol: CoreSymbol, resolution: Resolution, tick_type: TickType, like: Subscription | None
    ) -> Subscription:
        options = self._options
        fill_forward = options.fill_forward
        extended, normalization = options.extended, options.normalization
        if fill_forward is None:
            fill_forward = True if like is None else like.fill_forward
        if extended is None:
            extended = False if like is None else like.extended_market_hours
        if normalization is None:
            normalization = Normalization.ADJUSTED if like is None else like.normalization
        return Subscription(
            symbol, resolution, tick_type, fill_forward, extended, normalization,
            precise_daily=self._binding.consolidation.daily_precise_end_time,
        )  # fmt: skip

    def _hours(self, symbol: CoreSymbol) -> ExchangeHours:
        security = self._binding.engine.securities.get(symbol)
        return self._binding.engine.ports.reference.hours(symbol) if security is None else security.hours

    def _extended_back(self, symbol: CoreSymbol, stream: Subscription) -> bool:
        """Whether extended hours count in walking back: hour and daily bars have none."""
        return stream.resolution < Resolution.HOUR and stream.extended_market_hours

    def _strict(self, stream: Subscription, hours: ExchangeHours) -> bool:
        precise = self._binding.consolidation.daily_precise_end_time
        return precise and uses_strict_end_times(stream.symbol, stream.resolution, hours)
