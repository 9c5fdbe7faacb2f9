"""`self.history(...)` in all of LEAN's forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import chain, groupby
from typing import Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import HistoryRequest, Normalization, TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.history_requests import KINDS, Options, Planner, start_of_bars
from livetrader_lean.market import BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.pandas import data_frame
from livetrader_lean.slices import QuoteBars, Slice, Ticks, TradeBars
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import span_ns, to_ns

__all__ = ["History", "answer", "last_known", "slices_of", "start_of_bars"]

_SEED_BARS: Final = 5  # LEAN's seed-lookback-period and its longer tries
_MORE_SEED_BARS: Final = {Resolution.MINUTE: 24 * 60, Resolution.HOUR: 24, Resolution.DAILY: 10}
_SEED_DAYS: Final = 50
_IGNORED = ("data_mapping_mode", "contract_depth_offset")  # of futures
_BY_SYMBOL: dict[type, Callable[[Slice], Any]] = {
    TradeBar: lambda one: one.bars, TradeBars: lambda one: one.bars,
    QuoteBar: lambda one: one.quote_bars, QuoteBars: lambda one: one.quote_bars,
    Tick: lambda one: one.ticks, Ticks: lambda one: one.ticks,
}  # fmt: skip


class Query:
    """One call of `history`, understood: whose data, how far back, and in which form."""

    def __init__(self, binding: Binding, given: list[Any], named: dict[str, Any], kind: type | None) -> None:
        self.kind = kind
        self.several = False
        self._given, self._named = given, named
        self.symbols, self.every = self._whose(binding)
        now_ns = binding.engine.clock.now_ns
        self.bars: int | None = None
        self.start_ns, self.end_ns = 0, now_ns
        span = self._take(("periods", "span", "start"), (int, timedelta, datetime, date))
        if isinstance(span, timedelta):
            self.start_ns = now_ns - span_ns(span)
        elif isinstance(span, date):
            self.start_ns = to_ns(span, binding.time_zone)
            end = self._take(("end",), (datetime, date))
            self.end_ns = now_ns if end is None else to_ns(end, binding.time_zone)
        elif isinstance(span, int):
            self.bars = span
        else:
            raise AlgorithmError("history needs a number of bars, a timedelta, or a start and an end")
        if self.end_ns > now_ns:  # the engine cuts it off; LEAN says so in these words
            binding.log(LogLevel.DEBUG, "Request for future history modified to end now.")
        self.options = self._options()
        self.flatten = bool(self._named.pop("flatten", False))
        if self._given or self._named:
            raise NotInLivetrader(f"history(..., {', '.join(map(str, self._given or sorted(self._named)))})")

    def _options(self) -> Options:
        resolution = self._take(("resolution",), (int, type(None)))
        fill_forward = self._take(("fill_forward",), (bool, type(None)))
        extended = self._take(("extended_market_hours",), (bool, type(None)))
        normalization = self._named.pop("data_normalization_mode", None)
        for name in _IGNORED:
            self._named.pop(name, None)
        return Options(
            None if resolution is None else Resolution(int(resolution)),
            fill_forward,
            extended,
            None if normalization is None else Normalization(int(normalization)),
        )

    def _whose(self, binding: Binding) -> tuple[tuple[CoreSymbol, ...], bool]:
        wanted = next(
            (self._named.pop(n) for n in ("symbols", "symbol", "tickers", "ticker") if n in self._named), None
        )
        if wanted is None and self._given and not isinstance(self._given[0], int | timedelta | date):
            wanted = self._given.pop(0)
        if wanted is None:
            self.several = True
            return tuple(binding.engine.securities), True
        keys = getattr(wanted, "keys", None)  # self.securities, a dict of symbols
        if callable(keys):
            wanted = list(keys())
        self.several = isinstance(wanted, Iterable) and not isinstance(wanted, str | Symbol)
        found = wanted if self.several else [wanted]
        return tuple(binding.resolve(symbol) for symbol in found), False

    def _take(self, names: tuple[str, ...], kinds: tuple[type, ...]) -> Any:
        for name in names:
            if name in self._named:
                return self._named.pop(name)
        if self._given and isinstance(self._given[0], kinds):
            return self._given.pop(0)
        return None

    def requests(self, binding: Binding) -> list[HistoryRequest]:
        """Return what to ask the engine for."""
        planner = Planner(binding, self.options, self.kind)
        if self.bars is not None:
            return [one for symbol in self.symbols for one in planner.of_bars(symbol, self.bars)]
        return [one for s in self.symbols for one in planner.between(s, self.start_ns, self.end_ns)]


class History:
    """What `self.history` is: callable, and `history[TradeBar](...)` for bars instead of a DataFrame."""

    def __init__(self, binding: Binding, kind: type | None = None) -> None:
        self._binding = binding
        self._kind = kind

    def __getitem__(self, kind: type) -> History:
        if kind not in KINDS:
            raise NotInLivetrader(f"history[{kind.__name__}]")
        return History(self._binding, kind)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return a DataFrame; slices where no symbols are named; bars after `history[TradeBar]`."""
        given = list(arguments)
        kind = self._kind
        framed = kind is None
        if given and isinstance(given[0], type):
            kind = given.pop(0)
        elif "type" in named:
            kind = named.pop("type")
        if kind is not None and kind not in KINDS:
            raise NotInLivetrader(f"history({kind.__name__}, ...)")
        query = Query(self._binding, given, named, kind)
        found = answer(self._binding, query.requests(self._binding))
        if framed and query.every:
            return slices_of(self._binding, chain.from_iterable(points for _, points in found))
        if framed:
            zone = self._binding.zone
            return data_frame([(symbol, zone(symbol), points) for symbol, points in found])
        assert kind is not None
        if not query.several:
            zone_of = self._binding.zone(query.symbols[0])
            merged = sorted(chain.from_iterable(p for _, p in found), key=lambda point: point.end_time_ns)
            return [BaseData.of(point, zone_of) for point in merged]
        pick = _BY_SYMBOL.get(kind, lambda one: one)
        slices = slices_of(self._binding, chain.from_iterable(points for _, points in found))
        return [picked for picked in map(pick, slices) if len(picked)]


def answer(
    binding: Binding, requests: Iterable[HistoryRequest]
) -> list[tuple[CoreSymbol, list[MarketPoint]]]:
    """Return the points of each request, with its symbol."""
    return [(request.subscription.symbol, binding.engine.history(request)) for request in requests]


def slices_of(binding: Binding, points: Iterable[MarketPoint]) -> list[Slice]:
    """Return points as slices, one per instant, ascending; within one the order of the requests stays."""
    ordered = sorted(points, key=lambda point: point.end_time_ns)
    return [
        Slice(time_ns, tuple(found), binding.time_zone, binding.zone)
        for time_ns, found in groupby(ordered, key=lambda point: point.end_time_ns)
    ]


def last_known(binding: Binding, symbol: CoreSymbol) -> list[BaseData]:
    """Return the newest point of each kind of data of a symbol, trades first.

    Looks back a few bars of the subscribed resolution, no finer than minutes, then further, then over days.
    Source: LEAN's QCAlgorithm.History.cs, GetLastKnownPricesImpl.
    """
    security = binding.engine.securities.get(symbol)
    finest = None if security is None else security.resolution
    own = max(finest if finest is not None else binding.default_resolution, Resolution.MINUTE)
    found: dict[TickType, MarketPoint] = {}
    wanted: set[TickType] | None = None
    for resolution, bars in ((own, _SEED_BARS), (own, _MORE_SEED_BARS[own]), (Resolution.DAILY, _SEED_DAYS)):
        requests = Planner(binding, Options(resolution, fill_forward=False)).of_bars(symbol, bars)
        kinds = {request.subscription.tick_type for request in requests}
        wanted = kinds if wanted is None else wanted
        for request in requests:
            kind = request.subscription.tick_type
            points = binding.engine.history(request) if kind in wanted and kind not in found else []
            if points:
                found[kind] = points[-1]
        if wanted <= found.keys():
            break
    zone = binding.zone(symbol)
    return [BaseData.of(found[kind], zone) for kind in sorted(found)]
