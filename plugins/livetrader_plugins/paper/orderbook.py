"""The orders and fills that the venue remembers, and how snapshots show them."""

from __future__ import annotations

import msgspec

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, Fill, OrderChange, OrderSpec
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import OrderRecord
from livetrader_plugins.paper.store import StoredAccount, StoredOrder


class OrderBook:
    """Every open order, and those closed last with their fills. Owned by the venue.

    Once twice `remembered` orders are closed, those closed first leave the memory; the disk keeps them. The
    order of closing counts, not of placing: an old order that ends while nobody listens must be shown.
    """

    def __init__(self, stored: StoredAccount, remembered: int) -> None:
        self.orders: dict[ClientOrderId, StoredOrder] = {
            order.client_order_id: order for order in stored.orders
        }
        self.open: dict[ClientOrderId, StoredOrder] = {
            name: order for name, order in self.orders.items() if order.status not in CLOSED
        }
        ended = [order for order in stored.orders if order.status in CLOSED]
        self._closed: dict[ClientOrderId, StoredOrder] = {
            order.client_order_id: order for order in sorted(ended, key=_closing)
        }
        self._next_closing = stored.next_closing
        self._fills: list[tuple[ClientOrderId, Fill]] = list(stored.fills)
        self._next_number = stored.next_number
        self._remembered = remembered

    def add(self, client_order_id: ClientOrderId, spec: OrderSpec) -> StoredOrder:
        """Return a new order with the next number."""
        order = StoredOrder(self._next_number, client_order_id, spec, OrderStatus.NEW)
        self._next_number += 1
        self.orders[client_order_id] = self.open[client_order_id] = order
        return order

    def add_fill(self, order: StoredOrder, fill: Fill) -> None:
        """Note a fill of an order."""
        order.filled += fill.quantity
        self._fills.append((order.client_order_id, fill))

    def fill_count(self, order: StoredOrder) -> int:
        """Return how many fills the order has had."""
        if not order.filled:
            return 0
        return sum(1 for name, _ in self._fills if name == order.client_order_id)

    def close(self, order: StoredOrder) -> None:
        """Take an order off the open ones; forget those closed first where there are too many."""
        del self.open[order.client_order_id]
        order.closing = self._next_closing
        self._next_closing += 1
        self._closed[order.client_order_id] = order
        if len(self._closed) < 2 * self._remembered:
            return
        for name in list(self._closed)[: -self._remembered]:
            del self._closed[name], self.orders[name]
        self._fills = [item for item in self._fills if item[0] in self.orders]

    def open_orders(self) -> tuple[OrderRecord, ...]:
        """Return the working orders, oldest first."""
        return tuple(record_of(order) for order in self.open.values())

    def closed_orders(self) -> tuple[OrderRecord, ...]:
        """Return the closed orders that are still remembered, in the order of closing."""
        return tuple(record_of(order) for order in self._closed.values())

    def fills(self) -> tuple[tuple[ClientOrderId, Fill], ...]:
        """Return the fills of the orders that are still remembered, oldest first."""
        return tuple(self._fills)


def _closing(order: StoredOrder) -> tuple[int, int]:
    return order.closing, order.number


def brokerage_order_id(order: StoredOrder) -> BrokerageOrderId:
    """Return the venue's own id of an order."""
    return BrokerageOrderId(f"P{order.number}")


def record_of(order: StoredOrder) -> OrderRecord:
    """Return an order as snapshots show it."""
    return OrderRecord(
        client_order_id=order.client_order_id,
        brokerage_order_id=brokerage_order_id(order),
        spec=order.spec,
        status=order.status,
        filled_quantity=order.filled,
    )


def changed_spec(spec: OrderSpec, change: OrderChange) -> OrderSpec:
    """Return the order with the values that the change names."""
    named = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    return msgspec.structs.replace(spec, **named)
