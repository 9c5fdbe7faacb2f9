"""What is true at a peer, for whoever judges a client: orders, trades and positions as one JSON object.

It is the venue's own books, read and not asked for over the API: orders that are still on their way to IB are
in it, though no client is shown them yet.
"""

from __future__ import annotations

from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.orderdesk import Held
from livetrader_venues.tws.orders import Order, Terms
from livetrader_venues.tws.tape import Execution


def statement(gateway: Gateway) -> dict[str, object]:
    """Return the books: `orders` ever taken, `travelling` ones, `executions` in order, `positions`.

    Quantities are texts with a sign; executions are all revisions, the oldest first.
    """
    exchange = gateway.exchange
    return {
        "time_ns": exchange.now_ns,
        "orders": [_order(order) for order in exchange.orders.values()],
        "travelling": [_travelling(held) for held in _on_their_way(gateway)],
        "executions": [_execution(execution) for execution in exchange.tape],
        "positions": [
            {"account": account.name, "symbol": held.contract.symbol, "quantity": str(held.quantity)}
            for account in exchange.accounts.values()
            for held in account.held()
            if held.quantity
        ],
    }


def _on_their_way(gateway: Gateway) -> list[Held]:
    """Return what TWS has and IB has not."""
    return [*gateway.orders.travelling, *gateway.orders.waiting]


def _order(order: Order) -> dict[str, object]:
    return {
        "perm_id": order.perm_id,
        "client_id": order.client_id,
        "order_id": order.order_id,
        "symbol": order.contract.symbol,
        "status": order.status.value,
        "is_open": order.is_open,
        "filled": str(order.terms.sign * order.filled),
        **_terms(order.terms),
    }


def _travelling(held: Held) -> dict[str, object]:
    return {
        "client_id": held.client_id,
        "order_id": held.order_id,
        "symbol": held.contract.symbol,
        **_terms(held.terms),
    }


def _terms(terms: Terms) -> dict[str, object]:
    return {
        "reference": terms.order_ref,
        "quantity": str(terms.sign * terms.quantity),
        "type": terms.order_type,
        "limit_price": None if terms.limit_price is None else str(terms.limit_price),
        "account": terms.account,
    }


def _execution(execution: Execution) -> dict[str, object]:
    return {
        "exec_id": execution.exec_id,
        "perm_id": execution.perm_id,
        "client_id": execution.client_id,
        "reference": execution.order_ref,
        "account": execution.account,
        "symbol": execution.contract.symbol,
        "quantity": str(execution.signed),
        "price": str(execution.price),
        "time_ns": execution.time_ns,
    }
