"""Orders as an algorithm sees them: tickets, orders and order events."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from livetrader_engine.events import OrderEventArrived
from livetrader_engine.money import from_float
from livetrader_engine.orders.order import OrderChange
from livetrader_engine.orders.request import Response
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.enums import OrderDirection, OrderField, OrderStatus, OrderType
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins, snake
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face


def decimal(value: float | Decimal) -> Decimal:
    """Return a number of the algorithm's as the core's decimal: floats keep 15 significant digits."""
    return value if isinstance(value, Decimal) else from_float(float(value))


def _float(value: Decimal | None) -> float:
    return 0.0 if value is None else float(value)


class OrderResponse(Face):
    """The immediate answer to a request."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    @property
    def is_success(self) -> bool:
        """Whether the request went on its way."""
        return self._response.accepted

    @property
    def is_error(self) -> bool:
        """Whether it was refused."""
        return not self._response.accepted

    @property
    def is_processed(self) -> bool:
        """Return True: answers are immediate."""
        return True

    @property
    def error_code(self) -> int:
        """LEAN's number of the reason, 0 for none."""
        return int(self._response.code)

    @property
    def error_message(self) -> str:
        """The reason in words."""
        return self._response.message

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._response.order_id)

    def __bool__(self) -> bool:
        return self._response.accepted


class UpdateOrderFields(Twins):
    """New values for `ticket.update`; those left None stay as they are. Both spellings can be set."""

    def __init__(self) -> None:
        self.quantity: float | None = None
        self.limit_price: float | None = None
        self.stop_price: float | None = None
        self.trigger_price: float | None = None
        self.trailing_amount: float | None = None
        self.tag: str | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(snake(name), value)

    def change(self) -> OrderChange:
        """Return the core's change."""
        numbers = ("quantity", "limit_price", "stop_price", "trigger_price", "trailing_amount")
        values = {name: getattr(self, name) for name in numbers}
        decimals = {name: decimal(value) for name, value in values.items() if value is not None}
        return OrderChange(tag=self.tag, **decimals)


class _RecordFace(Face):
    """What an order and its news share."""

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


class _WithTerms(_RecordFace):
    """The side and the prices that were asked for."""

    __slots__ = ()

    @property
    def direction(self) -> int:
        """Side of the order, an OrderDirection."""
        return OrderDirection(int(self._record.spec.direction))

    @property
    def limit_price(self) -> float:
        """Limit price of the order, 0 where it has none."""
        return _float(self._record.spec.limit_price)

    @property
    def stop_price(self) -> float:
        """Stop price of the order, 0 where it has none."""
        return _float(self._record.spec.stop_price)


class _WithState(_RecordFace):
    """How the order stands."""

    __slots__ = ()

    @property
    def status(self) -> int:
        """State of the order, an OrderStatus."""
        return OrderStatus(int(self._record.status))

    @property
    def tag(self) -> str:
        """The text the algorithm gave it."""
        return self._record.spec.tag

    @property
    def time(self) -> datetime:
        """When it was made, UTC."""
        return utc(self._record.created_ns)


class OrderTicket(_WithState):
    """The algorithm's handle on one order."""

    __slots__ = ()

    @property
    def order_id(self) -> int:
        """Number of the order; -1 where the request was refused before it became one."""
        return int(self._record.id)

    @property
    def order_type(self) -> int:
        """Type of the order, an OrderType."""
        return OrderType(int(self._record.spec.type))

    @property
    def quantity_filled(self) -> float:
        """Signed quantity filled so far."""
        return float(self._record.filled_quantity)

    @property
    def quantity_remaining(self) -> float:
        """Signed quantity still open."""
        return float(self._record.remaining)

    @property
    def average_fill_price(self) -> float:
        """Mean price of the fills, 0 without one."""
        return float(self._record.average_fill_price)

    @property
    def submit_request(self) -> OrderTicket:
        """The request: its `response` says whether it was accepted."""
        return self

    @property
    def response(self) -> OrderResponse:
        """The answer to the submission."""
        return OrderResponse(self._record.response)

    def get_most_recent_order_response(self) -> OrderResponse:
        """Return the answer to the submission."""
        return OrderResponse(self._record.response)

    def get(self, field: int) -> float:
        """Return one price of the order by its OrderField."""
        spec = self._record.spec
        values = {
            int(OrderField.LIMIT_PRICE): spec.limit_price,
            int(OrderField.STOP_PRICE): spec.stop_price,
            int(OrderField.TRIGGER_PRICE): spec.trigger_price,
            int(OrderField.TRAILING_AMOUNT): spec.trailing_amount,
        }
        if int(field) not in values:
            raise NotInLivetrader(f"OrderTicket.get({field})")
        return _float(values[int(field)])

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

    def update_trailing_amount(self, amount: float, tag: str | None = None) -> OrderResponse:
        """Ask for another trailing amount."""
        return self._change(OrderChange(trailing_amount=decimal(amount), tag=tag))

    def update_tag(self, tag: str) -> OrderResponse:
        """Ask for another tag."""
        return self._change(OrderChange(tag=tag))

    def _change(self, change: OrderChange) -> OrderResponse:
        return OrderResponse(self._binding.engine.orders.update(self._record.id, change))

    def cancel(self, tag: str | None = None) -> OrderResponse:
        """Ask for a cancel; the order may still fill until the brokerage confirms."""
        return OrderResponse(self._binding.engine.orders.cancel(self._record.id, tag or ""))

    def __str__(self) -> str:
        record = self._record
        return f"{self.order_id}: {self.order_type} {record.quantity} {self.symbol} is {self.status}"


class Order(_WithState, _WithTerms):
    """One order as it stands."""

    __slots__ = ()

    @property
    def id(self) -> int:
        """Number of the order."""
        return int(self._record.id)

    @property
    def type(self) -> int:
        """Type of the order, an OrderType."""
        return OrderType(int(self._record.spec.type))

    @property
    def price(self) -> float:
        """Mean price of its fills, 0 without one."""
        return float(self._record.average_fill_price)

    @property
    def value(self) -> float:
        """Signed quantity times price."""
        return float(self._record.quantity * self._record.average_fill_price)

    @property
    def absolute_quantity(self) -> float:
        """Quantity without sign."""
        return abs(float(self._record.quantity))


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


class OrderEvent(_WithTerms):
    """News of one order."""

    __slots__ = ("_event",)

    def __init__(self, binding: Binding, event: OrderEventArrived, record: OrderRecord) -> None:
        super().__init__(binding, record)
        self._event = event

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._event.order_id)

    @property
    def status(self) -> int:
        """State of the order after these news, an OrderStatus."""
        return OrderStatus(int(self._record.status if self._event.fill else self._event.status))

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
    def order_fee(self) -> OrderFee:
        """What this fill cost."""
        fill = self._event.fill
        return OrderFee(float(fill.fee), fill.fee_currency) if fill else OrderFee(0.0, "USD")

    @property
    def utc_time(self) -> datetime:
        """When it happened, UTC."""
        return utc(self._event.time_ns)

    @property
    def message(self) -> str:
        """The reason of a refusal, cancel or expiry."""
        return self._event.message

    @property
    def ticket(self) -> OrderTicket:
        """The handle on the order."""
        return OrderTicket(self._binding, self._record)

    @property
    def is_assignment(self) -> bool:
        """Return False: options are not offered."""
        return False

    def __str__(self) -> str:
        filled = f" {self.fill_quantity:g} @ {self.fill_price:g}" if self._event.fill else ""
        told = f" {self.message}" if self.message else ""
        return f"OrderID: {self.order_id} Symbol: {self.symbol} Status: {self.status}{filled}{told}"
