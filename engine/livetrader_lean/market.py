"""Market data as an algorithm sees it: thin wrappers of the engine's points, made when looked at.

Prices are floats. Times are naive local datetimes of the exchange, as in LEAN. Bars can be made and changed
by an algorithm, as its own consolidators do; what it changes is its own copy, never what the engine holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from typing import Any, Final, Self, cast
from zoneinfo import ZoneInfo

from livetrader_engine.data import bars as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import MarketDataType, TickType
from livetrader_lean.sides import Bar, Side, four, parts, short, tick_numbers, written
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, span_ns, to_ns
from livetrader_lean.views import Face

DEFAULT_ZONE = ZoneInfo("America/New_York")
Zones = Callable[[CoreSymbol], tzinfo]  # time zone of a symbol's exchange
_NOBODY: Final = CoreSymbol.create("", "", SecurityType.BASE, "empty")  # whose a bar is that nobody filled
_MINUTE: Final = timedelta(minutes=1)
_new = object.__new__


def _field(name: str, doc: str) -> Any:
    """Return a property that reads a field of the engine's point, in C: prices are looked at every bar."""

    def change(face: BaseData, value: float) -> None:
        face._change(**{name: float(value)})

    return property(attrgetter(f"core.{name}"), change, doc=doc)


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

    def _change(self, **fields: Any) -> None:
        """Give the engine's point other fields: a copy of it, for others may hold it too."""
        point = copy(self.core)
        for name, value in fields.items():
            setattr(point, name, value)
        self.core = point

    @property
    def symbol(self) -> Symbol:
        """Whose data it is."""
        return Symbol(self.core.symbol)

    @symbol.setter
    def symbol(self, symbol: Symbol) -> None:
        self._change(symbol=symbol.core)

    @property
    def time(self) -> datetime:
        """When it starts."""
        return local(self.core.time_ns, self._zone)

    @time.setter
    def time(self, time: datetime) -> None:
        self._change(time_ns=to_ns(time, self._zone))

    @property
    def end_time(self) -> datetime:
        """When it is complete."""
        return local(self.core.end_time_ns, self._zone)

    value: float = _field("value", "Its price: the close of a bar.")
    price: float = _field("value", "The same as `value`.")

    @property
    def data_type(self) -> int:
        """Kind of data: a number of MarketDataType."""
        return MarketDataType.BASE

    def update(
        self, last_trade: float, bid_price: float, ask_price: float,
        volume: float, bid_size: float, ask_size: float,
    ) -> None:  # fmt: skip
        """Take in a trade or a quote; what is zero changes nothing but a trade bar's price."""

    def update_trade(self, last_trade: float, trade_size: float) -> None:
        """Take in a trade."""
        self.update(last_trade, 0, 0, trade_size, 0, 0)

    def update_quote(self, bid_price: float, bid_size: float, ask_price: float, ask_size: float) -> None:
        """Take in a quote."""
        self.update(0, bid_price, ask_price, 0, bid_size, ask_size)

    def update_bid(self, bid_price: float, bid_size: float) -> None:
        """Take in one side of a quote."""
        self.update(0, bid_price, 0, 0, bid_size, 0)

    def update_ask(self, ask_price: float, ask_size: float) -> None:
        """Take in one side of a quote."""
        self.update(0, 0, ask_price, 0, 0, ask_size)

    def clone(self, fill_forward: bool = False) -> Self:
        """Return a copy that can be changed on its own."""
        made = _new(type(self))
        made._place = self._place
        made.core = copy(self.core)
        if fill_forward:
            made._change(fill_forward=True)
        return made

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
    def time(self) -> datetime:
        """When it starts. One that is moved keeps its length."""
        return local(self.core.time_ns, self._zone)

    @time.setter
    def time(self, time: datetime) -> None:
        start_ns = to_ns(time, self._zone)
        self._change(time_ns=start_ns, end_time_ns=start_ns + self.core.end_time_ns - self.core.time_ns)

    @property
    def end_time(self) -> datetime:
        """When it is complete."""
        return local(self.core.end_time_ns, self._zone)

    @end_time.setter
    def end_time(self, time: datetime) -> None:
        self._change(end_time_ns=to_ns(time, self._zone))

    @property
    def period(self) -> timedelta:
        """Length of the bar."""
        return timedelta(microseconds=(self.core.end_time_ns - self.core.time_ns) // 1000)

    @period.setter
    def period(self, period: timedelta) -> None:
        self._change(end_time_ns=self.core.time_ns + span_ns(period))


class TradeBar(_Bar):
    """Open, high, low, close and volume of the trades of a period."""

    __slots__ = ()

    def __init__(
        self,
        time: datetime | TradeBar = datetime.min,  # noqa: DTZ901 — .NET's least time, naive as all of LEAN's
        symbol: Symbol | None = None,
        *prices: Any,
        **named: Any,
    ) -> None:
        """Make a bar as LEAN does: (), (bar), or time, symbol, open, high, low, close[, volume[, period]]."""
        self._place = DEFAULT_ZONE
        if isinstance(time, TradeBar):
            self._place, self.core = time._place, copy(time.core)
            return
        given = dict(zip(_OF_TRADES, prices, strict=False)) | named
        if len(prices) > len(_OF_TRADES) or given.keys() - set(_OF_TRADES):
            raise AlgorithmError(f"TradeBar(time, symbol, {', '.join(_OF_TRADES)})")
        start_ns = to_ns(time, DEFAULT_ZONE)
        end_ns = start_ns + span_ns(given.get("period") or _MINUTE)
        opens, high, low, close, volume = (float(given.get(name, 0.0)) for name in _OF_TRADES[:5])
        whose = _NOBODY if symbol is None else symbol.core
        self.core = core.TradeBar(whose, start_ns, end_ns, opens, high, low, close, volume)

    value: float = _field("close", "Its price: the close.")
    price: float = _field("close", "The same as `value`.")
    open: float = _field("open", "First price.")
    high: float = _field("high", "Highest price.")
    low: float = _field("low", "Lowest price.")
    close: float = _field("close", "Last price.")
    volume: float = _field("volume", "Shares traded.")

    @property
    def data_type(self) -> int:
        """MarketDataType.TRADE_BAR."""
        return MarketDataType.TRADE_BAR

    def update(
        self, last_trade: float, bid_price: float, ask_price: float,
        volume: float, bid_size: float, ask_size: float,
    ) -> None:  # fmt: skip
        """Take in a trade; the first one opens a bar that has no price yet."""
        price, held = float(last_trade), self.core
        opened = bool(held.open or held.high or held.low or held.close)
        self._change(
            open=held.open if opened else price,
            high=max(held.high, price) if opened else price,
            low=min(held.low, price) if opened else price,
            close=price,
            volume=held.volume + float(volume),
        )

    def __str__(self) -> str:
        return f"{self.symbol}: {written(self)} V: {short(self.volume)}"


class QuoteBar(_Bar):
    """Best bid and ask over a period; its own open, high, low and close are the middle of both."""

    __slots__ = ()

    def __init__(
        self,
        time: datetime = datetime.min,  # noqa: DTZ901 — .NET's least time, naive as all of LEAN's
        symbol: Symbol | None = None,
        bid: Any = None,
        last_bid_size: float = 0.0,
        ask: Any = None,
        *last: Any,
        **named: Any,
    ) -> None:
        """Make a bar as LEAN does: () or time, symbol, bid, last_bid_size, ask, last_ask_size[, period]."""
        given = dict(zip(_LAST_OF_QUOTES, last, strict=False)) | named
        if len(last) > len(_LAST_OF_QUOTES) or given.keys() - set(_LAST_OF_QUOTES):
            raise AlgorithmError("QuoteBar(time, symbol, bid, last_bid_size, ask, last_ask_size, period)")
        self._place = DEFAULT_ZONE
        start_ns = to_ns(time, DEFAULT_ZONE)
        end_ns = start_ns + span_ns(given.get("period") or _MINUTE)
        whose = _NOBODY if symbol is None else symbol.core
        bids, asks = four(bid), four(ask)
        sizes = float(last_bid_size), float(given.get("last_ask_size", 0.0))
        self.core = core.QuoteBar(whose, start_ns, end_ns, *bids, sizes[0], *asks, sizes[1])

    @property
    def data_type(self) -> int:
        """MarketDataType.QUOTE_BAR."""
        return MarketDataType.QUOTE_BAR

    @property
    def bid(self) -> Bar | None:
        """The bid side, None where nobody bid."""
        return Side(self, "bid_") if self.core.bid_close else None

    @bid.setter
    def bid(self, bar: Any) -> None:
        self._change(**dict(zip(_BIDS, four(bar), strict=True)))

    @property
    def ask(self) -> Bar | None:
        """The ask side, None where nobody asked."""
        return Side(self, "ask_") if self.core.ask_close else None

    @ask.setter
    def ask(self, bar: Any) -> None:
        self._change(**dict(zip(_ASKS, four(bar), strict=True)))

    def collapse(self) -> TradeBar:
        """Return the middle of both sides as a trade bar without volume."""
        prices = self.open, self.high, self.low, self.close
        held = self.core
        bar = core.TradeBar(held.symbol, held.time_ns, held.end_time_ns, *prices, 0.0)
        return cast("TradeBar", BaseData.of(bar, self._place))

    def update(
        self, last_trade: float, bid_price: float, ask_price: float,
        volume: float, bid_size: float, ask_size: float,
    ) -> None:  # fmt: skip
        """Take in a quote: a side's first price opens it, zero leaves it as it is."""
        for side, price, size in (("bid_", bid_price, bid_size), ("ask_", ask_price, ask_size)):
            Side(self, side).update(float(price))
            if size > 0:
                self._change(**{f"{side}size": float(size)})

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
        bid, ask = (" ".join(f"{name}: {part}" for part in parts(side)) for name, side in
                    (("Bid", self.bid), ("Ask", self.ask)))  # fmt: skip
        return f"{self.symbol}: {bid} {ask} "


_OF_TRADES: Final = ("open", "high", "low", "close", "volume", "period")
_LAST_OF_QUOTES: Final = ("last_ask_size", "period")
_BIDS: Final = ("bid_open", "bid_high", "bid_low", "bid_close")
_ASKS: Final = ("ask_open", "ask_high", "ask_low", "ask_close")


def _middle(bid: float, ask: float) -> float:
    return (bid + ask) / 2 if bid and ask else bid or ask


class Tick(BaseData):
    """One trade or one quote."""

    __slots__ = ()

    def __new__(cls, *given: Any) -> Tick:
        """Make a tick as LEAN does; one of bid and ask is a quote."""
        return _new(QuoteTick if cls is Tick and len(given) in (4, 8) else cls)

    def __init__(self, *given: Any) -> None:
        """Take time, symbol and: bid, ask, or conditions, exchange and quantity, price or both sides."""
        price, quantity, bid, bid_size, ask, ask_size = tick_numbers(given)
        time, symbol = given[:2] or (datetime.min, None)  # noqa: DTZ901 — .NET's least time, naive
        self._place = DEFAULT_ZONE
        whose = _NOBODY if symbol is None else symbol.core
        time_ns = to_ns(time, DEFAULT_ZONE)
        self.core = core.Tick(whose, time_ns, price, quantity, bid, bid_size, ask, ask_size)

    @property
    def tick_type(self) -> int:
        """TRADE or QUOTE: a tick with a price is a trade."""
        return TickType.TRADE if self.core.price else TickType.QUOTE

    @tick_type.setter
    def tick_type(self, kind: int) -> None:
        if self.core.price and int(kind) != TickType.TRADE:
            raise AlgorithmError("a tick with a price is a trade; set bid and ask prices for a quote")

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
