"""Market data as an algorithm sees it: thin wrappers of the engine's points, made when looked at.

Prices are floats. Times are naive local datetimes of the exchange, as in LEAN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from livetrader_engine.data import bars as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import TickType
from livetrader_lean.names import Twins
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, span_ns, to_ns
from livetrader_lean.views import Face

DEFAULT_ZONE = ZoneInfo("America/New_York")
Zones = Callable[[CoreSymbol], tzinfo]  # time zone of a symbol's exchange
_new = object.__new__


def _field(name: str, doc: str) -> Any:
    """Return a property that reads a field of the engine's point, in C: prices are looked at every bar."""
    return property(attrgetter(f"core.{name}"), doc=doc)


class BaseData(Face):
    """One point of market data. `core` is the engine's."""

    __slots__ = ("_place", "core")

    core: Any
    _place: (
        tzinfo | Zones
    )  # the exchange's time zone, or who knows it: most points are never asked their time

    @classmethod
    def of(cls, point: core.MarketPoint, zone: tzinfo | Zones) -> BaseData:
        """Return the face of an engine point."""
        face = _FACES[type(point)]
        if face is Tick and not point.price:
            face = QuoteTick
        made: BaseData = _new(face)
        made.core = point
        made._place = zone
        return made

    @property
    def _zone(self) -> tzinfo:
        place = self._place
        return place if isinstance(place, tzinfo) else place(self.core.symbol)

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

    value: float = _field("value", "Its price: the close of a bar.")
    price: float = _field("value", "The same as `value`.")

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
        self._place = DEFAULT_ZONE
        start_ns = to_ns(time, DEFAULT_ZONE)
        opens, high, low, close, volume = (float(number) for number in (*numbers, 0.0)[:5])
        self.core = core.TradeBar(
            symbol.core, start_ns, start_ns + span_ns(period), opens, high, low, close, volume
        )

    value: float = _field("close", "Its price: the close.")
    price: float = _field("close", "The same as `value`.")
    open: float = _field("open", "First price.")
    high: float = _field("high", "Highest price.")
    low: float = _field("low", "Lowest price.")
    close: float = _field("close", "Last price.")
    volume: float = _field("volume", "Shares traded.")

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

    last_bid_size: float = _field("bid_size", "Size at the last bid.")
    last_ask_size: float = _field("ask_size", "Size at the last ask.")

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

    # of a trade; a quote is a QuoteTick
    value: float = _field("price", "The trade's price, or the quote's middle.")
    price: float = _field("price", "The same as `value`.")
    last_price: float = _field("price", "The same as `value`.")
    quantity: float = _field("quantity", "Shares traded.")
    bid_price: float = _field("bid_price", "Best bid.")
    ask_price: float = _field("ask_price", "Best ask.")
    bid_size: float = _field("bid_size", "Size at the bid.")
    ask_size: float = _field("ask_size", "Size at the ask.")
    suspicious: bool = _field("suspicious", "Whether the data file marks it as doubtful.")


class QuoteTick(Tick):
    """A tick that is a quote: its price is the middle of bid and ask."""

    __slots__ = ()

    value: float = _field("value", "The middle of bid and ask.")
    price: float = _field("value", "The same as `value`.")
    last_price: float = _field("value", "The same as `value`.")


_FACES: dict[type, type[BaseData]] = {core.TradeBar: TradeBar, core.QuoteBar: QuoteBar, core.Tick: Tick}


def learn_faces(faces: Mapping[type, type[BaseData]]) -> None:
    """Show further kinds of engine points as these classes. Called when their module is imported."""
    _FACES.update(faces)
