"""Copies of what the gateway knows, as the result files want it. Pure; cheap enough for the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from livetrader.journal.replay import OrderState, Position
from livetrader.results.live_json import HoldingFacts, OrderFacts
from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import Symbol

MAX_DIGITS: Final = 28  # before or after the point; our arithmetic has no more


def number_of(order: OrderState) -> OrderId:
    """Return the algorithm's number of an order, or one below zero for the daemon's own."""
    return order.spec.id or OrderId(-order.number)


def order_facts(order: OrderState) -> OrderFacts:
    """Return one order."""
    last_ns = order.history[-1][0] if order.history else order.created_ns
    fills = order.executions
    return OrderFacts(
        number=number_of(order),
        spec=order.spec,
        status=order.status,
        filled_quantity=order.filled,
        average_fill_price=order.filled_value / order.filled if order.filled else ZERO,
        created_ns=order.created_ns,
        last_ns=last_ns,
        brokerage_ids=tuple(order.brokerage_order_ids),
        last_fill_ns=max(fill.time_ns for fill in fills.values()) if fills else None,
        last_update_ns=order.terms_ns if order.terms_ns > order.created_ns else None,
        canceled_ns=last_ns if order.status is OrderStatus.CANCELED else None,
    )


def holding_facts(
    positions: Iterable[tuple[Symbol, Position]],
    prices: dict[Symbol, float],
    multiplier: Callable[[Symbol], Decimal],
) -> tuple[HoldingFacts, ...]:
    """Return every position."""
    return tuple(
        HoldingFacts(symbol, held.quantity, held.average_price, prices.get(symbol), multiplier(symbol))
        for symbol, held in positions
    )


def readable(noted: NoteOrderEvent) -> bool:
    """Return whether the numbers of an order event have a sensible length: an engine may send anything."""
    return all(map(_readable, _numbers(noted)))


def _numbers(noted: NoteOrderEvent) -> Iterator[Decimal | None]:
    spec, fill = noted.spec, noted.fill
    yield from (spec.quantity, spec.limit_price, spec.stop_price)
    if fill is not None:
        yield from (fill.quantity, fill.price, fill.fee)


def _readable(number: Decimal | None) -> bool:
    return number is None or not number or (number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS)
