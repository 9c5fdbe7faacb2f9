"""Which orders an operator asked for: the newest that fit, page by page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livetrader.control.queries import OrdersQuery
from livetrader.journal.replay import OrderState


def newest(orders: Sequence[OrderState], query: OrdersQuery) -> list[OrderState]:
    """Return at most `query.limit` orders, newest first; `orders` stand oldest first.

    Raises KeyError where the order that the page begins after is not known.
    """
    older: Iterable[OrderState] = reversed(orders)
    if query.before:
        older = iter(older)
        if not any(order.client_order_id == query.before for order in older):
            raise KeyError(query.before)
    page: list[OrderState] = []
    for order in older:
        if len(page) >= query.limit:
            break
        if _fits(order, query):
            page.append(order)
    return page


def _fits(order: OrderState, query: OrdersQuery) -> bool:
    spec, status = order.spec, order.status.name.lower()
    if query.open and not order.is_open:
        return False
    if query.symbol and query.symbol not in (spec.symbol.value, spec.symbol.text):
        return False
    if query.status and query.status.lower() != status:
        return False
    words = (order.client_order_id, spec.symbol.text, spec.symbol.value, spec.type.name, status, spec.tag)
    return any(query.text.casefold() in word.casefold() for word in words)
