"""Orders that hang together: brackets (a parent and its children) and one-cancels-all groups.

Children wait until their parent is filled and go when it is cancelled unfilled. Children of one parent are
a group of their own in which a fill of one reduces the others, as TWS treats attached orders. In a named
group, ocaType 1 cancels the others at any fill; 2 and 3 reduce them by what was filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from livetrader_venues.tws.orders import Order, Status

CANCEL_OTHERS = 1


class Groups:
    """Who hangs together with whom. It looks at the exchange's orders and changes none."""

    def __init__(self, orders: dict[int, Order]) -> None:
        self._orders = orders

    def parent_of(self, order: Order) -> Order | None:
        """Return the newest order that a child names as its parent."""
        if not order.terms.parent_id:
            return None
        for other in reversed(self._orders.values()):
            if other.client_id == order.client_id and other.order_id == order.terms.parent_id:
                return other
        return None

    def children_of(self, order: Order) -> list[Order]:
        """Return the orders that name this one as their parent."""
        if not order.order_id:
            return []
        return [
            other
            for other in self._orders.values()
            if other.terms.parent_id == order.order_id and self.parent_of(other) is order
        ]

    def family_of(self, order: Order) -> list[Order]:
        """Return what is transmitted with an order: its parent first, then the parent's children."""
        head = self.parent_of(order) or order
        if head is order:
            return [order]
        return [head, *self.children_of(head)]

    def waits_for_parent(self, order: Order) -> bool:
        """Return whether a child must wait."""
        parent = self.parent_of(order)
        return parent is not None and parent.status is not Status.FILLED

    def touched_by_fill(self, order: Order, filled: Decimal) -> Iterator[tuple[Order, Decimal]]:
        """Yield the open orders that a fill reaches and the quantity each keeps, 0 for a cancel."""
        parent = self.parent_of(order)
        for other in list(self._orders.values()):
            if other is order or not other.is_open or not other.is_accepted:
                continue
            if order.terms.oca_group and other.terms.oca_group == order.terms.oca_group:
                if order.terms.oca_type in (0, CANCEL_OTHERS):
                    yield other, Decimal(0)
                else:
                    yield other, other.terms.quantity - filled
            elif parent is not None and self.parent_of(other) is parent:
                yield other, other.terms.quantity - filled
