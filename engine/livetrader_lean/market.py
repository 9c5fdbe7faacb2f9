"""Market data as an algorithm sees it: thin wrappers of the engine's points, made when looked at.

Prices are floats. Times are naive local datetimes of the exchange, as in LEAN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from livetrader_engine.data import bars as core
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.corporate_actions import ActionViews, Delistings, Dividends, Splits, SymbolChangedEvents
from livetrader_lean.enums import TickType
from livetrader_lean.names import Twins
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, span_ns, to_ns
from livetrader_lean.views import Face, SymbolView

DEFAULT_ZONE = ZoneInfo("America/New_York")
Zones = Callable[[CoreSymbol], tzinfo]  # time zone of a symbol's exchange


class BaseData(Face):
    """One point of market data. `core` is the engine's."""

    __slots__ = ("_zone", "core")

    core: Any
    _zone: tzinfo

    @classmethod
    def of(cls, point: core.MarketPoint, zone: tzinfo) -> BaseData:
        """Return the face of an engine point."""
        made = object.__new__(_FACES[type(point)])
        made.core = point
        made._zone = zone
        return made

    @property
    def symbol(self) -> Symbol:
        """Whose data it is."""
        return Symbol(self.core.symbol)

    @property
    def time(self) -> datetime:
        """When it starts."""
        return local(self.core.time_ns, self._zone)

    @property
    def end_time(self) -> datetime:
        """When it is complete."""
        return local(self.core.end_time_ns, self._zone)

    @property
    def value(self) -> float:
        """Its price: the close of a bar."""
        return float(self.core.value)

    @property
    def price(self) -> float:
        """The same as `value`."""
        return float(self.core.value)

    @property
    def is_fill_forward(self) -> bool:
        """Whether it repeats an earlier bar because nothing was traded."""
        return bool(getattr(self.core, "fill_forward", False))

    # what the engine's indicators read
    @property
    def end_time_ns(self) -> int:
        """`end_time` in UTC nanoseconds."""
        return int(self.core.end_time_ns)


class _Bar(BaseData):
    __slots__ = ()

    @property
    def period(self) -> timedelta:
        """Length of the bar."""
        return timedelta(microseconds=(self.core.end_time_ns - self.core.time_ns) // 1000)


class TradeBar(_Bar):
    """Open, high, low, close and volume of the trades of a period."""

    __slots__ = ()

    def __init__(
        self, time: datetime, symbol: Symbol, *prices: Any, period: timedelta = timedelta(minutes=1)
    ) -> None:
        """Make a bar as LEAN does: time, symbol, open, high, low, close[, volume[, period]]."""
        numbers = list(prices)
        if len(numbers) == 6:
            period = numbers.pop()
        if len(numbers) not in (4, 5):
            raise AlgorithmError("TradeBar(time, symbol, open, high, low, close, volume, period)")
        self._zone = DEFAULT_ZONE
        start_ns = to_ns(time, DEFAULT_ZONE)
        opens, high, low, close, volume = (float(number) for number in (*numbers, 0.0)[:5])
        self.core = core.TradeBar(
            symbol.core, start_ns, start_ns + span_ns(period), opens, high, low, close, volume
        )

    @property
    def open(self) -> float:
        """First price."""
        return float(self.core.open)

    @property
    def high(self) -> float:
        """Highest price."""
        return float(self.core.high)

    @property
    def low(self) -> float:
        """Lowest price."""
        return float(self.core.low)

    @property
    def close(self) -> float:
        """Last price."""
        return float(self.core.close)

    @property
    def volume(self) -> float:
        """Shares traded."""
        return float(self.core.volume)

    def __str__(self) -> str:
        return f"{self.symbol}: O: {self.open} H: {self.high} L: {self.low} C: {self.close} V: {self.volume}"


class Bar(Twins):
    """Open, high, low and close of one side of a quote bar."""

    __slots__ = ("close", "high", "low", "open")

    def __init__(self, open: float, high: float, low: float, close: float) -> None:
        self.open, self.high, self.low, self.close = open, high, low, close


class QuoteBar(_Bar):
    """Best bid and ask over a period; its own open, high, low and close are the middle of both."""

    __slots__ = ()

    @property
    def bid(self) -> Bar | None:
        """The bid side, None where nobody bid."""
        point = self.core
        if not point.bid_close:
            return None
        return Bar(point.bid_open, point.bid_high, point.bid_low, point.bid_close)

    @property
    def ask(self) -> Bar | None:
        """The ask side, None where nobody asked."""
        point = self.core
        if not point.ask_close:
            return None
        return Bar(point.ask_open, point.ask_high, point.ask_low, point.ask_close)

    @property
    def last_bid_size(self) -> float:
        """Size at the last bid."""
        return float(self.core.bid_size)

    @property
    def last_ask_size(self) -> float:
        """Size at the last ask."""
        return float(self.core.ask_size)

    @property
    def open(self) -> float:
        """Middle of both opens."""
        return _middle(self.core.bid_open, self.core.ask_open)

    @property
    def high(self) -> float:
        """Middle of both highs."""
        return _middle(self.core.bid_high, self.core.ask_high)

    @property
    def low(self) -> float:
        """Middle of both lows."""
        return _middle(self.core.bid_low, self.core.ask_low)

    @property
    def close(self) -> float:
        """Middle of both closes."""
        return _middle(self.core.bid_close, self.core.ask_close)

    def __str__(self) -> str:
        return f"{self.symbol}: Bid: {self.core.bid_close} Ask: {self.core.ask_close}"


def _middle(bid: float, ask: float) -> float:
    return (bid + ask) / 2 if bid and ask else bid or ask


class Tick(BaseData):
    """One trade or one quote."""

    __slots__ = ()

    @property
    def tick_type(self) -> int:
        """TRADE or QUOTE."""
        return TickType.TRADE if self.core.price else TickType.QUOTE

    @property
    def last_price(self) -> float:
        """The trade's price, or the quote's middle."""
        return float(self.core.value)

    @property
    def quantity(self) -> float:
        """Shares traded."""
        return float(self.core.quantity)

    @property
    def bid_price(self) -> float:
        """Best bid."""
        return float(self.core.bid_price)

    @property
    def ask_price(self) -> float:
        """Best ask."""
        return float(self.core.ask_price)

    @property
    def bid_size(self) -> float:
        """Size at the bid."""
        return float(self.core.bid_size)

    @property
    def ask_size(self) -> float:
        """Size at the ask."""
        return float(self.core.ask_size)

    @property
    def suspicious(self) -> bool:
        """Whether the data file marks it as doubtful."""
        return bool(self.core.suspicious)


_FACES: dict[type, type[BaseData]] = {core.TradeBar: TradeBar, core.QuoteBar: QuoteBar, core.Tick: Tick}


def learn_faces(faces: Mapping[type, type[BaseData]]) -> None:
    """Show further kinds of engine points as these classes. Called when their module is imported."""
    _FACES.update(faces)


Data = TypeVar("Data")


class DataDictionary(SymbolView[Data], Generic[Data]):
    """Points of one kind by symbol."""

    __slots__ = ("_held",)

    def __init__(self, held: dict[CoreSymbol, Data]) -> None:
        self._held = held

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._held)

    def _value(self, symbol: CoreSymbol) -> Data:
        return self._held[symbol]

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if key.core in self._held else None
        return super()._find(key)


class TradeBars(DataDictionary[TradeBar]):
    """Trade bars by symbol."""

    __slots__ = ()


class QuoteBars(DataDictionary[QuoteBar]):
    """Quote bars by symbol."""

    __slots__ = ()


class Ticks(DataDictionary[list[Tick]]):
    """Ticks by symbol, oldest first."""

    __slots__ = ()


class Slice(DataDictionary[Any]):
    """Everything that became complete at one instant. `data[symbol]` is its trade bar, quote bar or ticks.

    It is None where there are corporate actions only, as in LEAN.
    """

    __slots__ = ("_actions", "_points", "_time_ns", "_time_zone", "_zones", "bars", "quote_bars", "ticks")

    def __init__(
        self,
        time_ns: int,
        points: Sequence[core.MarketPoint],
        time_zone: tzinfo,
        zones: Zones,
        actions: Sequence[CorporateAction] = (),
    ) -> None:
        self._actions = ActionViews(actions, zones)
        self._time_ns = time_ns
        self._time_zone = time_zone
        bars: dict[CoreSymbol, Any] = {}
        quote_bars: dict[CoreSymbol, Any] = {}
        ticks: dict[CoreSymbol, list[Any]] = {}
        for point in points:
            face: Any = BaseData.of(point, zones(point.symbol))
            if isinstance(point, core.Tick):
                ticks.setdefault(point.symbol, []).append(face)
                continue
            kind = bars if isinstance(point, core.TradeBar) else quote_bars
            held = kind.get(point.symbol)
            if held is None or _shorter(point, held.core):
                kind[point.symbol] = face
        self.bars = TradeBars(bars)
        self.quote_bars = QuoteBars(quote_bars)
        self.ticks = Ticks(ticks)
        super().__init__({**{action.symbol: None for action in actions}, **ticks, **quote_bars, **bars})

    @property
    def time(self) -> datetime:
        """The instant, in the algorithm's time zone."""
        return local(self._time_ns, self._time_zone)

    @property
    def utc_time(self) -> datetime:
        """The instant in UTC."""
        return local(self._time_ns, ZoneInfo("UTC"))

    @property
    def has_data(self) -> bool:
        """Whether there is any point."""
        return bool(self._held)

    @property
    def splits(self) -> Splits:
        """Splits, and warnings of one, by symbol."""
        return self._actions.splits

    @property
    def dividends(self) -> Dividends:
        """Dividends by symbol."""
        return self._actions.dividends

    @property
    def delistings(self) -> Delistings:
        """Delistings, and warnings of one, by symbol."""
        return self._actions.delistings

    @property
    def symbol_changed_events(self) -> SymbolChangedEvents:
        """Ticker changes by symbol."""
        return self._actions.symbol_changed_events


def _shorter(new: core.TradeBar | core.QuoteBar, held: core.TradeBar | core.QuoteBar) -> bool:
    # two subscriptions of one symbol: the shorter period is shown (LEAN: TimeSliceFactory)
    return new.end_time_ns - new.time_ns < held.end_time_ns - held.time_ns
