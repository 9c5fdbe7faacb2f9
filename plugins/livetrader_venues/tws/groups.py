"""Orders that hang together: brackets (a parent and its children) and one-cancels-all groups.

Children wait until their parent is filled and go when it is cancelled unfilled. Children of one parent are
a group of their own in which a fill of one reduces the others, as TWS treats attached orders. In a named
group, ocaType 1 cancels the others at any fill; 2 and 3 reduce them by what was filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from livetrader_venues.tws.orders import Order, Status

CANCEL_OTHERS = 1


class Groups:
    """Who hangs together with whom. It looks at the floor's open orders and changes none."""

    def __init__(self, open_orders: Mapping[int, Order]) -> None:
        self._open = open_orders
        self._newest: dict[tuple[int, int], Order] = {}  # by client and order id
        self._children: dict[tuple[int, int], list[Order]] = {}  # by client and the parent's order id

    def add(self, order: Order) -> None:
        """Take note of a new order."""
        self._newest[(order.client_id, order.order_id)] = order
        if order.terms.parent_id:
            self._children.setdefault((order.client_id, order.terms.parent_id), []).append(order)

    def parent_of(self, order: Order) -> Order | None:
        """Return the newest order that a child names as its parent."""
        if not order.terms.parent_id:
            return None
        return self._newest.get((order.client_id, order.terms.parent_id))

    def children_of(self, order: Order) -> list[Order]:
        """Return the orders that name this one as their parent."""
        named = self._children.get((order.client_id, order.order_id), [])
        return [child for child in named if self.parent_of(child) is order]

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
        if parent is None and not order.terms.oca_group:
            return
        for other in list(self._open.values()):
            if other is order or not other.is_open or not other.is_accepted:
                continue
            if order.terms.oca_group and other.terms.oca_group == order.terms.oca_group:
                if order.terms.oca_type in (0, CANCEL_OTHERS):
                    yield other, Decimal(0)
                else:
                    yield other, other.terms.quantity - filled
            elif parent is not None and self.parent_of(other) is parent:
                yield other, other.terms.quantity - filled
