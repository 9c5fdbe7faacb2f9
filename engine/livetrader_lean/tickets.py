"""The algorithm's handle on an order, and the news of it, which lead back to the handle."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderChange
from livetrader_engine.orders.request import NO_ORDER, OrderRequest, Response
from livetrader_lean.enums import OrderField, OrderType
from livetrader_lean.order_events import OrderFee, OrderNewsFace
from livetrader_lean.order_faces import Order, RecordFace
from livetrader_lean.order_requests import (
    CancelOrderRequest,
    OrderResponse,
    SubmitOrderRequest,
    UpdateOrderFields,
    UpdateOrderRequest,
    decimal,
)
from livetrader_lean.order_text import ticket_text
from livetrader_lean.times import utc

__all__ = [
    "Order", "OrderEvent", "OrderFee", "OrderResponse", "OrderTicket", "SubmitOrderRequest",
    "UpdateOrderFields", "decimal",
]  # fmt: skip


class _Updates(RecordFace):
    """Asking for changes of the order."""

    __slots__ = ()

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


class OrderTicket(_Updates):
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


class OrderEvent(OrderNewsFace):
    """One piece of news of an order, with the order's terms at that moment."""

    __slots__ = ()

    @property
    def ticket(self) -> OrderTicket:
        """The handle on the order."""
        return OrderTicket(self._binding, self._record)
