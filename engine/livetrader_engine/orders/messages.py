"""What is said about orders: refusals, and how a fill came about. Where LEAN has words, they are LEAN's.

Algorithms compare some of them. Source: LEAN's Messages.Orders*.cs and Messages.Securities.cs.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.money import normalized
from livetrader_engine.orders.order import OrderChange, OrderSpec
from livetrader_engine.orders.states import OrderStatus

EXPIRED: Final = "The order has expired."
KEPT_TEXTS: Final = 64  # of fills: those of one instant say the same
UNPROCESSED: Final = "The request has not yet been processed."
LIQUIDATED: Final = "Liquidated"
MARGIN_CALL: Final = "Margin Call"

_STATUS_NAMES: Final = {status: "".join(p.title() for p in status.name.split("_")) for status in OrderStatus}


_TWO: Final = tuple(f"{number:02}" for number in range(60))  # fills tell the time: two digits, made once


def number_text(value: Decimal) -> str:
    """Return a decimal as .NET prints it: never with an exponent, trailing zeros kept."""
    return format(value, "f")


def invalid_status(order_id: int, status: OrderStatus) -> str:
    """Return why a closed order cannot be changed."""
    return f"Unable to update order with id {order_id} because it already has {_STATUS_NAMES[status]} status."


def invalid_new_status(order_id: int, status: OrderStatus) -> str:
    """Return why an order that nobody has confirmed can be neither changed nor canceled."""
    return (
        f"Unable to update or cancel order with id {order_id} and status {_STATUS_NAMES[status]} "
        "because the submit confirmation has not been received yet."
    )


def unable_to_find(order_id: int) -> str:
    """Return why a number means nothing."""
    return f"Unable to locate order with id {order_id}."


def zero_quantity(verb: str, order_id: int) -> str:
    """Return why nothing can be ordered; `verb` is submit or update."""
    return f"Unable to {verb} order with id {order_id} that has zero quantity."


def below_lot_size(order_id: int, quantity: Decimal, lot_size: Decimal) -> str:
    """Return why so little cannot be ordered."""
    return (
        f"Unable to submit order with id {order_id} which quantity ({number_text(abs(quantity))}) "
        f"is less than lot size ({number_text(lot_size)})."
    )


def warming_up(request: str) -> str:
    """Return why a request (Submit, Update or Cancel) comes too early."""
    return (
        f"This operation is not allowed in initialize or during warm up: OrderRequest.{request}. "
        "Please move this code to the on_warmup_finished() method."
    )


def risk_refused(ticker: str, quantity: Decimal, reason: str) -> str:
    """Return why an order that would add risk is refused; `reason` says what the algorithm demanded."""
    return (
        f"{ticker}: an order of {number_text(quantity)} adds risk and is refused: {reason}."
        " Orders that reduce a position pass."
    )


def cancel_requested(order_id: int) -> str:
    """Return why a second cancel is refused."""
    return f"Order {order_id} has already received a cancellation request."


def margin_short(order_id: int, required: Decimal, free: Decimal) -> str:
    """Return how far the account falls short of carrying an order; both in account currency."""
    return (
        f"Id: {order_id}, Initial Margin: {number_text(normalized(required))}, "
        f"Free Margin: {number_text(normalized(free))}"
    )


def insufficient(order_id: int, value: Decimal, reason: str) -> str:
    """Return what is told of an order that the account cannot carry."""
    return (
        f"Order Error: ids: [{order_id}], Insufficient buying power to complete orders "
        f"(Value:[{number_text(value)}]), Reason: {reason}."
    )


def insufficient_for_update(order_id: int, ticker: str, reason: str) -> str:
    """Return what is told of a change that the account cannot carry."""
    return (
        f"Brokerage failed to update order with id: {order_id}, Symbol: {ticker}, "
        f"Insufficient buying power to complete order, Reason: {reason}."
    )


def _when(time_ns: int, hours: ExchangeHours) -> str:
    day, second = hours.wall_clock(time_ns)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    date, clock = (
        f"{_TWO[day.month]}/{_TWO[day.day]}/{day.year:04}",
        f"{_TWO[hour]}:{_TWO[minute]}:{_TWO[second]}",
    )
    return f"{date} {clock} {hours.timezone}"


def gap(end_ns: int, hours: ExchangeHours, price: Decimal, *, favorable: bool) -> str:
    """Return that a bar opened beyond the order's price and filled it there."""
    kind = "a favorable" if favorable else "an unfavorable"
    when = _when(end_ns, hours)
    return f"Due to {kind} gap at {when}, order filled using the open price ({number_text(price)})"


def stale_fill(end_ns: int, hours: ExchangeHours, source: str) -> str:
    """Return that a fill was made on an old price; `source` names the kind of data."""
    return f"Warning: fill at stale price ({_when(end_ns, hours)}){source}"


@lru_cache(maxsize=KEPT_TEXTS)
def without_quote(end_ns: int, hours: ExchangeHours, source: str) -> str:
    """Return that a trade stood in for a quote; `source` is the kind of trade data."""
    return (
        f"Warning: No quote information available at {_when(end_ns, hours)}, order filled using {source} data"
    )


def change_text(change: OrderChange) -> str:
    """Return the values that a change names, as LEAN lists them."""
    parts = (
        ("Quantity", change.quantity),
        ("LimitPrice", change.limit_price),
        ("StopPrice", change.stop_price),
        ("TrailingAmount", change.trailing_amount),
        ("TriggerPrice", change.trigger_price),
    )
    return ", ".join(
        f"{name}: {number_text(normalized(value))}" for name, value in parts if value is not None
    )


def tag_of(spec: OrderSpec) -> str:
    """Return the tag LEAN gives an order that has none."""
    if spec.trailing_amount is None:
        return ""
    if spec.trailing_as_percentage:
        return f"Trailing Amount: {number_text(spec.trailing_amount * 100)}%"
    return f"Trailing Amount: ${number_text(spec.trailing_amount)}"
