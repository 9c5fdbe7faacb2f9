"""`self.history(...)` in all of LEAN's forms, and where a number of bars begins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.subscriptions import tick_types
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.market import BaseData, QuoteBar, QuoteBars, Slice, Tick, TradeBar, TradeBars
from livetrader_lean.pandas import data_frame
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import span_ns, to_ns

MAX_DAYS_BACK: Final = 365 * 60  # a request for more bars than 60 years hold starts there

_KINDS: Final[dict[type, TickType | None]] = {
    TradeBar: TickType.TRADE,
    TradeBars: TickType.TRADE,
    QuoteBar: TickType.QUOTE,
    QuoteBars: TickType.QUOTE,
    Tick: None,
    BaseData: None,
}
_ONE_DAY: Final = timedelta(days=1)


class Query(msgspec.Struct, frozen=True):
    """One call of `history`, understood: whose data, of which kind, and how far back."""

    symbols: tuple[CoreSymbol, ...]
    every: bool  # no symbols were named: all securities, as slices
    bars: int | None
    start_ns: int
    end_ns: int
    resolution: Resolution | None
    kind: type | None
    extended: bool | None
    normalization: Normalization | None


def start_of_bars(
    hours: ExchangeHours, end_ns: int, bars: int, resolution: Resolution, *, extended: bool = False
) -> int:
    """Return the start (UTC ns) from which `bars` complete bars end at or before `end_ns`.

    Walks trading sessions backwards, so that holidays and half days count as they are. Daily bars of a
    market with sessions end at its close. Source: LEAN's Common/Time.cs, GetStartTimeForTradeBars.
    """
    period_ns = resolution.period_ns
    if resolution is Resolution.TICK:
        raise AlgorithmError("a number of ticks cannot be asked for; give a timedelta")
    if hours.always_open:
        return end_ns - end_ns % period_ns - bars * period_ns
    day, left = hours.local_date(end_ns), bars
    for _ in range(MAX_DAYS_BACK):
        opens = hours.intervals(day, extended)
        if resolution is Resolution.DAILY:
            if opens and opens[-1][1] <= end_ns:
                left -= 1
                if left == 0:
                    # stamped plainly (midnight) or strictly (close), the day's bar ends later than this
                    return hours.local_midnight(day)
        else:
            for open_ns, close_ns in reversed(opens):
                first = open_ns - open_ns % period_ns  # an hourly bar of 9:30 begins at 9:00
                complete = (min(close_ns, end_ns) - first) // period_ns
                if complete >= left:
                    last = first + ((min(close_ns, end_ns) - first) // period_ns) * period_ns
                    return last - left * period_ns
                left -= max(complete, 0)
        day -= _ONE_DAY
    return hours.local_midnight(day)


class History:
    """What `self.history` is: callable, and `history[TradeBar](...)` for bars instead of a DataFrame."""

    def __init__(self, binding: Binding, kind: type | None = None) -> None:
        self._binding = binding
        self._kind = kind

    def __getitem__(self, kind: type) -> History:
        if kind not in _KINDS:
            raise NotInLivetrader(f"history[{kind.__name__}]")
        return History(self._binding, kind)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return a DataFrame; slices where no symbols are named; bars after `history[TradeBar]`."""
        given = list(arguments)
        framed = self._kind is None
        kind = self._kind
        if given and isinstance(given[0], type):
            kind = given.pop(0)
            if kind not in _KINDS:
                raise NotInLivetrader(f"history({kind.__name__}, ...)")
        query = self._understand(given, named, kind)
        found = [
            (symbol, self._binding.zone(symbol), self._points(symbol, query)) for symbol in query.symbols
        ]
        if query.every:
            return list(self._slices(found))
        if framed:
            return data_frame(found)
        if len(found) == 1:
            _, zone, points = found[0]
            return [BaseData.of(point, zone) for point in points]
        return [one.bars if kind in (TradeBar, TradeBars) else one.quote_bars for one in self._slices(found)]

    def _understand(self, given: list[Any], named: dict[str, Any], kind: type | None) -> Query:
        symbols, every = self._whose(given, named)
        engine = self._binding.engine
        bars: int | None = None
        end_ns = engine.clock.now_ns
        span = _take(given, named, ("periods", "span", "start"), (int, timedelta, datetime, date))
        if isinstance(span, timedelta):
            start_ns = end_ns - span_ns(span)
        elif isinstance(span, date):
            start_ns = to_ns(span, self._binding.time_zone)
            end = _take(given, named, ("end",), (datetime, date))
            end_ns = end_ns if end is None else to_ns(end, self._binding.time_zone)
        elif isinstance(span, int):
            bars, start_ns = span, 0
        else:
            raise AlgorithmError("history needs a number of bars, a timedelta, or a start and an end")
        resolution = _take(given, named, ("resolution",), (int, type(None)))
        extended = named.pop("extended_market_hours", None)
        normalization = named.pop("data_normalization_mode", None)
        named.pop("fill_forward", None)  # accepted; history comes as it was traded
        named.pop("flatten", None)
        if given or named:
            raise NotInLivetrader(f"history(..., {', '.join(map(str, given or sorted(named)))})")
        return Query(
            symbols=symbols,
            every=every,
            bars=bars,
            start_ns=start_ns,
            end_ns=min(end_ns, engine.clock.now_ns),
            resolution=None if resolution is None else Resolution(int(resolution)),
            kind=kind,
            extended=extended,
            normalization=None if normalization is None else Normalization(int(normalization)),
        )

    def _whose(self, given: list[Any], named: dict[str, Any]) -> tuple[tuple[CoreSymbol, ...], bool]:
        wanted = named.pop("symbols", named.pop("symbol", named.pop("tickers", named.pop("ticker", None))))
        if wanted is None and given and not isinstance(given[0], int | timedelta | date):
            wanted = given.pop(0)
        if wanted is None:
            return tuple(self._binding.engine.securities), True
        several = (
            wanted if isinstance(wanted, Iterable) and not isinstance(wanted, str | Symbol) else [wanted]
        )
        keys = getattr(wanted, "keys", None)  # self.securities, a dict of symbols
        if callable(keys):
            several = keys()
        return tuple(self._binding.resolve(symbol) for symbol in several), False

    def _points(self, symbol: CoreSymbol, query: Query) -> list[MarketPoint]:
        security = self._binding.engine.securities.get(symbol)
        subscribed = security.resolution if security is not None else None
        resolution = query.resolution
        if resolution is None:
            resolution = self._binding.default_resolution if subscribed is None else subscribed
        extended = query.extended
        if extended is None:
            extended = security is not None and security.extended_market_hours
        normalization = query.normalization
        if normalization is None:
            held = security.subscriptions if security is not None else []
            normalization = held[0].normalization if held else Normalization.ADJUSTED
        start_ns = query.start_ns
        if query.bars is not None:
            hours = self._binding.engine.ports.reference.hours(symbol)
            start_ns = start_of_bars(hours, query.end_ns, query.bars, resolution, extended=extended)
        wanted = _KINDS.get(query.kind) if query.kind is not None else None
        points: list[MarketPoint] = []
        for tick_type in tick_types(symbol.security_type, resolution):
            if wanted is None or tick_type is wanted:
                stream = Subscription(symbol, resolution, tick_type, True, extended, normalization)
                found = self._binding.engine.history(HistoryRequest(stream, start_ns, query.end_ns))
                points += found[-query.bars :] if query.bars is not None else found
        return points

    def _slices(self, found: list[tuple[CoreSymbol, tzinfo, list[MarketPoint]]]) -> Iterable[Slice]:
        every = sorted((p for _, _, points in found for p in points), key=lambda point: point.end_time_ns)
        for time_ns, points in groupby(every, key=lambda point: point.end_time_ns):
            yield Slice(time_ns, tuple(points), self._binding.time_zone, self._binding.zone)


def _take(given: list[Any], named: dict[str, Any], names: tuple[str, ...], kinds: tuple[type, ...]) -> Any:
    for name in names:
        if name in named:
            return named.pop(name)
    if given and isinstance(given[0], kinds):
        return given.pop(0)
    return None
