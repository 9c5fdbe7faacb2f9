"""Orders as an algorithm sees them: a picture of one order, and what all faces of a record share."""

from __future__ import annotations

from copy import copy
from datetime import datetime

from livetrader_engine.orders.ticket import OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.enums import OrderDirection, OrderStatus, OrderType, SecurityType
from livetrader_lean.order_requests import as_float
from livetrader_lean.order_text import order_text
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face


class RecordFace(Face):
    """What an order and its ticket share."""

    __slots__ = ("_binding", "_record")

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


class Order(RecordFace):
    """One order as it stood when it was asked for: it does not change with the order."""

    __slots__ = ()

    def __init__(self, binding: Binding, record: OrderRecord) -> None:
        super().__init__(binding, copy(record))

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

    def __str__(self) -> str:
        return order_text(self._record, self._currency())


def _moment(time_ns: int | None) -> datetime | None:
    return None if time_ns is None else utc(time_ns)
