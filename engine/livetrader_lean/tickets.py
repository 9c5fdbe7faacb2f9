"""Orders as an algorithm sees them: tickets, orders and order events."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from decimal import Decimal

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import OrderChange
from livetrader_engine.orders.request import NO_ORDER, OrderRequest, Response
from livetrader_engine.orders.ticket import OrderEventRecord, OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.enums import OrderDirection, OrderField, OrderStatus, OrderType, SecurityType
from livetrader_lean.order_requests import (
    CancelOrderRequest,
    OrderResponse,
    SubmitOrderRequest,
    UpdateOrderFields,
    UpdateOrderRequest,
    as_float,
    decimal,
)
from livetrader_lean.order_text import event_text, order_text, ticket_text
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face

__all__ = [
    "Order", "OrderEvent", "OrderFee", "OrderResponse", "OrderTicket", "SubmitOrderRequest",
    "UpdateOrderFields", "decimal",
]  # fmt: skip


class _RecordFace(Face):
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


class OrderTicket(_RecordFace):
    """The algorithm's handle on one order. Two tickets of one order are equal."""

    __slots__ = ()

    @property
    def order_id(self) -> int:
        """Number of the order; below zero where the request was refused before it became one."""
        return int(self._record.id)

    @property
    def order_type(self) -> int:
        """Type of the order, an OrderType."""
        return OrderType(int(self._record.spec.type))

    @property
    def time(self) -> datetime:
        """When the newest request about it was made, UTC."""
        return utc(self._record.newest_request.time_ns)

    @property
    def has_order(self) -> bool:
        """Whether the request became an order."""
        return self._record.id != NO_ORDER

    @property
    def quantity_filled(self) -> float:
        """Signed quantity filled so far."""
        return float(self._record.filled_quantity)

    @property
    def quantity_remaining(self) -> float:
        """Signed quantity not filled, of closed orders too."""
        return float(self._record.quantity - self._record.filled_quantity)

    @property
    def average_fill_price(self) -> float:
        """Mean price of the fills, 0 without one."""
        return float(self._record.average_fill_price)

    @property
    def order_events(self) -> list[OrderEvent]:
        """Everything that was told of the order, oldest first."""
        return [OrderEvent.of(self._binding, event, self._record) for event in self._record.events]

    @property
    def submit_request(self) -> SubmitOrderRequest:
        """The request it was made of: its `response` says whether it was accepted."""
        asked, spec = self._record.submitted, self._record.spec
        request = asked.request or OrderRequest(spec.symbol, spec.type, spec.quantity, tag=spec.tag)
        return SubmitOrderRequest.of(asked, request)

    @property
    def update_requests(self) -> list[UpdateOrderRequest]:
        """The changes that were asked for, oldest first."""
        return [UpdateOrderRequest(asked) for asked in self._record.changes]

    @property
    def cancel_request(self) -> CancelOrderRequest | None:
        """The cancel that was asked for, None where none was."""
        asked = self._record.canceling
        return None if asked is None else CancelOrderRequest(asked)

    def get_most_recent_order_response(self) -> OrderResponse:
        """Return the newest answer to the newest request."""
        return OrderResponse(self._record.newest_request.response)

    def get_most_recent_order_request(self) -> SubmitOrderRequest | UpdateOrderRequest | CancelOrderRequest:
        """Return the cancel, else the newest change, else the submission."""
        if self._record.canceling is not None:
            return CancelOrderRequest(self._record.canceling)
        changes = self._record.changes
        return UpdateOrderRequest(changes[-1]) if changes else self.submit_request

    def get(self, field: int) -> float:
        """Return one term of the order by its OrderField. Raises AlgorithmError where its type has none."""
        spec = self._record.spec
        if int(field) == int(OrderField.TRAILING_AS_PERCENTAGE) and spec.trailing_amount is not None:
            return spec.trailing_as_percentage
        values: dict[int, Decimal | None] = {
            int(OrderField.LIMIT_PRICE): spec.limit_price,
            int(OrderField.STOP_PRICE): spec.stop_price,
            int(OrderField.TRIGGER_PRICE): spec.trigger_price,
            int(OrderField.TRAILING_AMOUNT): spec.trailing_amount,
        }
        found = values.get(int(field))
        if found is None:
            raise AlgorithmError(
                f"Unable to get field {OrderField(field)} on order of type {self.order_type}"
            )
        return float(found)

    def update(self, fields: UpdateOrderFields) -> OrderResponse:
        """Ask for a change of the order."""
        return self._change(fields.change())

    def update_quantity(self, quantity: float, tag: str | None = None) -> OrderResponse:
        """Ask for another quantity."""
        return self._change(OrderChange(quantity=decimal(quantity), tag=tag))

    def update_limit_price(self, limit_price: float, tag: str | None = None) -> OrderResponse:
        """Ask for another limit price."""
        return self._change(OrderChange(limit_price=decimal(limit_price), tag=tag))

    def update_stop_price(self, stop_price: float, tag: str | None = None) -> OrderResponse:
        """Ask for another stop price."""
        return self._change(OrderChange(stop_price=decimal(stop_price), tag=tag))

    def update_trigger_price(self, trigger_price: float, tag: str | None = None) -> OrderResponse:
        """Ask for another trigger price."""
        return self._change(OrderChange(trigger_price=decimal(trigger_price), tag=tag))

    def update_stop_trailing_amount(self, trailing_amount: float, tag: str | None = None) -> OrderResponse:
        """Ask for another trailing amount."""
        return self._change(OrderChange(trailing_amount=decimal(trailing_amount), tag=tag))

    def update_tag(self, tag: str) -> OrderResponse:
        """Ask for another tag; that of a closed order changes too."""
        return self._change(OrderChange(tag=tag))

    def _change(self, change: OrderChange) -> OrderResponse:
        return OrderResponse(self._binding.engine.orders.update(self._record.id, change))

    def cancel(self, tag: str | None = None) -> OrderResponse:
        """Ask for a cancel; the order may still fill until the brokerage confirms."""
        return OrderResponse(self._binding.engine.orders.cancel(self._record.id, tag))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderTicket) and other._record is self._record

    def __hash__(self) -> int:
        return id(self._record)

    def __int__(self) -> int:
        """Return the order's number, or the reason of the newest refusal: LEAN's tickets convert so."""
        response: Response = self._record.newest_request.response
        return self.order_id if response.accepted else int(response.code)

    def __str__(self) -> str:
        return ticket_text(self._record, self._currency())


class Order(_RecordFace):
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


class OrderFee(Face):
    """What a fill cost: `value.amount` of `value.currency`."""

    __slots__ = ("amount", "currency")

    def __init__(self, amount: float, currency: str) -> None:
        self.amount = amount
        self.currency = currency

    @property
    def value(self) -> OrderFee:
        """The amount with its currency."""
        return self

    def __str__(self) -> str:
        return f"{self.amount:g} {self.currency}"


class OrderEvent(Face):
    """One piece of news of an order, with the order's terms at that moment."""

    __slots__ = ("_binding", "_event", "_record")

    def __init__(self, binding: Binding, event: OrderEventArrived, record: OrderRecord) -> None:
        self._binding = binding
        self._record = record
        self._event: OrderEventRecord = record.events[-1]

    @classmethod
    def of(cls, binding: Binding, event: OrderEventRecord, record: OrderRecord) -> OrderEvent:
        """Return news that were told before."""
        made = cls.__new__(cls)
        made._binding, made._record, made._event = binding, record, event
        return made

    @property
    def id(self) -> int:
        """Number of the news among those of its order, from 1."""
        return self._event.number

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._event.spec.id)

    @property
    def symbol(self) -> Symbol:
        """What is traded."""
        return Symbol(self._event.spec.symbol)

    @property
    def utc_time(self) -> datetime:
        """When it happened, UTC."""
        return utc(self._event.time_ns)

    @property
    def status(self) -> int:
        """State of the order after these news, an OrderStatus."""
        return OrderStatus(int(self._event.status))

    @property
    def quantity(self) -> float:
        """Signed quantity ordered."""
        return float(self._event.spec.quantity)

    @property
    def direction(self) -> int:
        """Side of the order, an OrderDirection."""
        return OrderDirection(int(self._event.spec.direction))

    @property
    def fill_quantity(self) -> float:
        """Signed quantity of this fill, 0 without one."""
        return float(self._event.fill.quantity) if self._event.fill else 0.0

    @property
    def absolute_fill_quantity(self) -> float:
        """Quantity of this fill without sign."""
        return abs(self.fill_quantity)

    @property
    def fill_price(self) -> float:
        """Price of this fill, 0 without one."""
        return float(self._event.fill.price) if self._event.fill else 0.0

    @property
    def fill_price_currency(self) -> str:
        """Currency of the fill price."""
        security = self._binding.engine.securities.get(self._event.spec.symbol)
        return "" if security is None else security.properties.quote_currency

    @property
    def order_fee(self) -> OrderFee:
        """What this fill cost."""
        fill = self._event.fill
        return OrderFee(float(fill.fee), fill.fee_currency) if fill else OrderFee(0.0, "USD")

    @property
    def limit_price(self) -> float | None:
        """Limit price of the order then, None where it has none."""
        return _optional(self._event.spec.limit_price)

    @property
    def stop_price(self) -> float | None:
        """Stop price of the order then, None where it has none."""
        return _optional(self._event.spec.stop_price)

    @property
    def trigger_price(self) -> float | None:
        """Trigger price of the order then, None where it has none."""
        return _optional(self._event.spec.trigger_price)

    @property
    def trailing_amount(self) -> float | None:
        """Trailing amount of the order then, None where it has none."""
        return _optional(self._event.spec.trailing_amount)

    @property
    def message(self) -> str:
        """The reason of a refusal, cancel or expiry, or what was special about a fill."""
        return self._event.message

    @property
    def ticket(self) -> OrderTicket:
        """The handle on the order."""
        return OrderTicket(self._binding, self._record)

    @property
    def is_assignment(self) -> bool:
        """Return False: options are not offered."""
        return False

    @property
    def is_in_the_money(self) -> bool:
        """Return False: options are not offered."""
        return False

    def to_string(self) -> str:
        """Return the news on one line, as `str` does."""
        return str(self)

    def __str__(self) -> str:
        return event_text(self._event, self.fill_price_currency)


def _optional(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
