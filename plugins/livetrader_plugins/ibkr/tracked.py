"""Orders as a session of TWS knows them, and how they are found: by permId, by our name, by their number."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_plugins.ibkr.library import Order
from livetrader_plugins.ibkr.numbers import number_of

ORDERS_KEPT: Final = 20_000  # of a session; closed ones go first, the account still shows those of today
_WITH_LIMIT: Final = frozenset({"LMT", "STP LMT", "LIT", "LOC"})
_WITH_STOP: Final = frozenset({"STP", "STP LMT", "LIT", "MIT", "TRAIL"})
Terms = tuple[Decimal | None, Decimal | None, Decimal | None]  # quantity, limit, stop


@dataclass(slots=True, eq=False)
class Tracked:
    """One order as far as this session knows it. Owned by the book."""

    client_order_id: ClientOrderId
    client_id: int
    order_id: int
    quantity: Decimal  # without sign, as TWS has it
    perm_id: int = 0
    told: OrderStatus = OrderStatus.NEW  # what the daemon has heard
    seen: bool = False  # TWS showed it working
    parent_id: int = 0  # TWS's number of the order it is attached to
    stop_price: Decimal | None = None  # where TWS showed the stop of a trailing order
    terms: Terms | None = None  # as TWS showed them last
    change: Terms | None = None  # as we asked for them and have not seen yet
    trades: dict[ExecutionId, Fill] = field(default_factory=dict)  # newest revision of each
    earlier: Decimal = Decimal(0)  # filled before the trades that TWS still tells
    claimed: Decimal = Decimal(0)  # filled, as the order's status says

    @property
    def filled(self) -> Decimal:
        """Quantity filled, without sign, as the trades say."""
        return self.earlier + abs(sum((fill.quantity for fill in self.trades.values()), Decimal(0)))

    @property
    def lacks_trades(self) -> bool:
        """Whether TWS says that more is filled than it told trades of."""
        return self.claimed > self.filled


def terms_of(order: Order) -> Terms:
    """Return what a change can change, comparable between what we send and what TWS shows.

    The prices that TWS moves by itself are not in it: those of an order that trails, or has none.
    """
    wire_type = order.orderType
    price = number_of(order.lmtPrice) if wire_type in _WITH_LIMIT else None
    stop = number_of(order.auxPrice) if wire_type in _WITH_STOP else None
    return (number_of(order.totalQuantity), price, stop)


class OrderIndex:
    """Finds the orders of a session. Owned by its book; keeps a bounded number."""

    def __init__(self) -> None:
        self._by_perm_id: dict[int, Tracked] = {}
        self._by_reference: dict[ClientOrderId, list[Tracked]] = {}
        self._by_order_id: dict[tuple[int, int], Tracked] = {}

    def __len__(self) -> int:
        return len(self._by_reference)

    def drop(self, tracked: Tracked) -> None:
        """Forget an order that was surely not sent."""
        self._by_order_id.pop((tracked.client_id, tracked.order_id), None)
        self._by_reference.pop(tracked.client_order_id, None)

    def of(self, client_order_id: ClientOrderId) -> list[Tracked]:
        """Return the orders of this name: one, or several where the venue has made two of it."""
        return self._by_reference.get(client_order_id, [])

    def named(self, name: ClientOrderId, number: BrokerageOrderId | None) -> list[Tracked]:
        """Return the orders of a name, or the one that IB gave this number."""
        if number is None:
            return list(self.of(name)) if name else []
        tracked = self._by_perm_id.get(int(number)) if number.isdecimal() else None
        return [] if tracked is None else [tracked]

    def waiting(self) -> list[Tracked]:
        """Return the orders that were sent and of which nothing was heard."""
        return [item for item in self._by_order_id.values() if item.told is OrderStatus.NEW]

    def keep(self, tracked: Tracked) -> None:
        """Take up an order, or the numbers that it has got meanwhile."""
        if tracked.order_id > 0:
            self._by_order_id[(tracked.client_id, tracked.order_id)] = tracked
        same = self._by_reference.setdefault(tracked.client_order_id, [])
        if tracked not in same:
            same.append(tracked)
        if tracked.perm_id:
            self._by_perm_id[tracked.perm_id] = tracked
        if len(self._by_reference) > ORDERS_KEPT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Forget the oldest closed orders, a tenth of all at once."""
        over = [
            name for name, orders in self._by_reference.items() if all(item.told in CLOSED for item in orders)
        ]
        for name in over[: ORDERS_KEPT // 10]:
            for tracked in self._by_reference.pop(name):
                self._by_order_id.pop((tracked.client_id, tracked.order_id), None)
                self._by_perm_id.pop(tracked.perm_id, None)

    def find(self, perm_id: int, client_id: int, order_id: int) -> Tracked | None:
        """Return an order by its permId, or by its number where it had none when it was last seen."""
        return self._by_perm_id.get(perm_id) or self._by_order_id.get((client_id, order_id))
