"""Orders as an algorithm sees them: a picture of one order, and what all faces of a record share."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import Any, ClassVar, Final

from livetrader_engine.corporate import normalization_of
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderType as CoreOrderType
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.enums import DataNormalizationMode, OrderDirection, OrderStatus, OrderType, SecurityType
from livetrader_lean.names import snake
from livetrader_lean.order_properties import OrderProperties, TimeInForce
from livetrader_lean.order_requests import as_float, drafted
from livetrader_lean.order_text import order_text
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face


class RecordFace(Face):
    """What an order and its ticket share."""

    __slots__ = ("_binding", "_record")

    running: ClassVar[Binding | None] = None  # of the run that this process is for

    def __init__(self, binding: Binding, record: OrderRecord) -> None:
        self._binding = binding
        self._record = record

    @property
    def symbol(self) -> Symbol:
        """What is traded."""
        return Symbol(self._record.symbol)

    @property
    def quantity(self) -> float:
        """Signed quantity ordered."""
        return float(self._record.quantity)

    @property
    def status(self) -> int:
        """State of the order, an OrderStatus."""
        return OrderStatus(int(self._record.status))

    @property
    def tag(self) -> str:
        """The text the algorithm gave it."""
        return self._record.spec.tag

    @property
    def security_type(self) -> int:
        """Kind of what is traded, a SecurityType."""
        return SecurityType(int(self._record.symbol.security_type))

    def _currency(self) -> str:
        security = self._binding.engine.securities.get(self._record.symbol)
        return "" if security is None else security.properties.quote_currency


class OrderSubmissionData(Face):
    """Prices at the moment an order was handed in."""

    __slots__ = ("ask_price", "bid_price", "last_price")

    def __init__(self, bid_price: float, ask_price: float, last_price: float) -> None:
        self.bid_price, self.ask_price, self.last_price = bid_price, ask_price, last_price


class _Described(RecordFace):
    """How an order works: its prices, its time in force, what was known when it was handed in."""

    __slots__ = ()

    @property
    def limit_price(self) -> float:
        """Limit price of the order, 0 where it has none."""
        return as_float(self._record.spec.limit_price)

    @property
    def stop_price(self) -> float:
        """Stop price of the order, 0 where it has none."""
        return as_float(self._record.spec.stop_price)

    @property
    def trigger_price(self) -> float:
        """Trigger price of the order, 0 where it has none."""
        return as_float(self._record.spec.trigger_price)

    @property
    def trailing_amount(self) -> float:
        """Trailing amount of the order, 0 where it has none."""
        return as_float(self._record.spec.trailing_amount)

    @property
    def trailing_as_percentage(self) -> bool:
        """Whether the trailing amount is a part of the price."""
        return self._record.spec.trailing_as_percentage

    @property
    def contingent_id(self) -> int:
        """0: no order depends on another."""
        return 0

    @property
    def group_order_manager(self) -> None:
        """None: combo orders are not offered."""
        return

    @property
    def properties(self) -> OrderProperties:
        """What was said about how it works."""
        own = {snake(name): value for name, value in self._record.spec.properties}
        return OrderProperties(time_in_force=self.time_in_force, **own)

    @property
    def time_in_force(self) -> TimeInForce:
        """How long it works."""
        return TimeInForce.of(self._record.spec.time_in_force, self._binding.zone(self._record.symbol))

    @property
    def order_submission_data(self) -> OrderSubmissionData | None:
        """Prices when it was handed in."""
        prices = self._record.submission
        if prices is None:
            return None
        return OrderSubmissionData(float(prices.bid_price), float(prices.ask_price), float(prices.last_price))

    @property
    def is_marketable(self) -> bool:
        """Whether it could trade at once: market orders, and limits beyond the quote at its submission."""
        record, prices = self._record, self._record.submission
        if record.spec.type is not CoreOrderType.LIMIT:
            return record.spec.type is CoreOrderType.MARKET
        if prices is None or record.spec.limit_price is None or not record.quantity:
            return False
        if record.quantity > 0:
            return record.spec.limit_price >= prices.ask_price
        return record.spec.limit_price <= prices.bid_price

    @property
    def price_adjustment_mode(self) -> int:
        """How splits and dividends are taken out of its prices, a DataNormalizationMode."""
        security = self._binding.engine.securities[self._record.symbol]
        return DataNormalizationMode(int(normalization_of(security)))


class Order(_Described):
    """One order as it stood when it was asked for: it does not change with the order."""

    __slots__ = ()

    def __new__(cls, *given: Any, **named: Any) -> Order:
        """Return an order of the class of its type."""
        known = given[1].spec.type if given and isinstance(given[0], Binding) else None
        made: Order = object.__new__(cls if known is None else ORDER_CLASSES.get(known, Order))
        return made

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take the engine's record, or what LEAN's constructors take: symbol, quantity, prices, time, tag."""
        if given and isinstance(given[0], Binding):
            super().__init__(given[0], copy(given[1]))
            return
        kind = next((kind for kind, made in ORDER_CLASSES.items() if made is type(self)), None)
        if kind is None or RecordFace.running is None:
            raise AlgorithmError(f"{type(self).__name__} is made by the methods of an algorithm that runs")
        spec = drafted(kind, given, named, RecordFace.running)
        super().__init__(RecordFace.running, OrderRecord(spec))

    @property
    def id(self) -> int:
        """Number of the order."""
        return int(self._record.id)

    @property
    def broker_id(self) -> list[str]:
        """The brokerage's names of the order."""
        found = self._record.brokerage_order_id
        return [] if found is None else [str(found)]

    @property
    def type(self) -> int:
        """Type of the order, an OrderType."""
        return OrderType(int(self._record.spec.type))

    @property
    def direction(self) -> int:
        """Side of the order, an OrderDirection."""
        return OrderDirection(int(self._record.spec.direction))

    @property
    def time(self) -> datetime:
        """When it was made, UTC."""
        return utc(self._record.created_ns)

    @property
    def created_time(self) -> datetime:
        """The same as `time`."""
        return utc(self._record.created_ns)

    @property
    def last_fill_time(self) -> datetime | None:
        """When it was last filled, UTC; None before."""
        return _moment(self._record.last_fill_ns)

    @property
    def last_update_time(self) -> datetime | None:
        """When a change of it was last confirmed, UTC; None before."""
        return _moment(self._record.last_update_ns)

    @property
    def canceled_time(self) -> datetime | None:
        """When it was canceled, UTC; None before."""
        return _moment(self._record.canceled_ns)

    @property
    def price(self) -> float:
        """Mean price of its fills, 0 without one."""
        return float(self._record.average_fill_price)

    @property
    def price_currency(self) -> str:
        """Currency of its prices."""
        return self._currency()

    @property
    def stop_triggered(self) -> bool:
        """Whether the price that arms a stop limit order was seen."""
        return self._record.triggered

    @property
    def trigger_touched(self) -> bool:
        """Whether the price that arms a limit-if-touched order was seen."""
        return self._record.triggered

    @property
    def value(self) -> float:
        """Signed quantity times price."""
        return float(self._record.quantity * self._record.average_fill_price)

    @property
    def absolute_quantity(self) -> float:
        """Quantity without sign."""
        return abs(float(self._record.quantity))

    def get_value(self, security: Any) -> float:
        """Return what is left of it times the price that counts against the margin."""
        record, price = self._record, float(security.price)
        spec, sign = record.spec, 1 if record.quantity > 0 else -1
        limit = spec.limit_price if spec.limit_price is not None else spec.stop_price
        if limit is not None:
            price = min(float(limit), price) if sign > 0 else max(float(limit), price)
        return float(record.quantity) * price * float(security.symbol_properties.contract_multiplier)

    def clone(self) -> Order:
        """Return the same picture."""
        return Order(self._binding, self._record)

    def to_string(self) -> str:
        """Return the order on one line, as `str` does."""
        return str(self)

    def __str__(self) -> str:
        return order_text(self._record, self._currency())


class MarketOrder(Order):
    """An order at the market."""

    __slots__ = ()


class LimitOrder(Order):
    """An order at a price or better."""

    __slots__ = ()


class StopMarketOrder(Order):
    """An order at the market once a price is reached."""

    __slots__ = ()


class StopLimitOrder(Order):
    """An order at a limit once a price is reached."""

    __slots__ = ()


class TrailingStopOrder(Order):
    """An order at the market once the price comes back."""

    __slots__ = ()


class LimitIfTouchedOrder(Order):
    """An order at a limit once a price is touched."""

    __slots__ = ()


class MarketOnOpenOrder(Order):
    """An order at the next open."""

    __slots__ = ()


ORDER_CLASSES: Final[dict[CoreOrderType, type[Order]]] = {
    CoreOrderType.MARKET: MarketOrder, CoreOrderType.LIMIT: LimitOrder,
    CoreOrderType.STOP_MARKET: StopMarketOrder, CoreOrderType.STOP_LIMIT: StopLimitOrder,
    CoreOrderType.TRAILING_STOP: TrailingStopOrder, CoreOrderType.LIMIT_IF_TOUCHED: LimitIfTouchedOrder,
    CoreOrderType.MARKET_ON_OPEN: MarketOnOpenOrder,
}  # fmt: skip


def _moment(time_ns: int | None) -> datetime | None:
    return None if time_ns is None else utc(time_ns)
