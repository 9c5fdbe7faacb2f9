"""The records of a run's orders: by number, and the open ones by symbol. The base of Transactions.

It numbers and keeps; what happens to an order is none of its business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import OrderId, OrderType
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Symbol

KEPT_CLOSED_ORDERS: Final = (
    10_000  # closed records kept where max_orders is None; the oldest is dropped first
)


class OrderBook:
    """Every record that is kept. Not thread-safe. `keeps_all`: closed records are never dropped."""

    def __init__(self, *, keeps_all: bool) -> None:
        self.submitted = 0  # orders that got a number: LEAN's "Total Orders"
        self._keeps_all = keeps_all  # a run that is bounded: all records are kept for its statistics
        self._next_id = 1
        self._records: dict[OrderId, OrderRecord] = {}
        self._open: dict[Symbol, dict[OrderId, OrderRecord]] = {}
        self._closed: deque[OrderId] = deque()
        self.working: Mapping[Symbol, object] = self._open  # symbols with open orders

    def get(self, order_id: OrderId) -> OrderRecord | None:
        """Return the record of an order, None where it is not known (any more)."""
        return self._records.get(order_id)

    @property
    def last_id(self) -> int:
        """Number of the newest order, 0 before the first."""
        return self._next_id - 1

    def records(self) -> Iterable[OrderRecord]:
        """Return every record that is kept, oldest first."""
        return self._records.values()

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderRecord]:
        """Return the open orders of a symbol, or of all, oldest first."""
        if symbol is not None:
            return list(self._open.get(symbol, {}).values())
        found = [record for by_id in self._open.values() for record in by_id.values()]
        return sorted(found, key=_id_of)

    def open_quantity(self, symbol: Symbol, types: frozenset[OrderType] | None = None) -> Decimal:
        """Return the signed quantity still to be filled by open orders of these types (None: all)."""
        orders = self._open.get(symbol)
        if not orders:
            return ZERO
        wanted = (item for item in orders.values() if types is None or item.spec.type in types)
        return sum((item.remaining for item in wanted), ZERO)

    def _number(self) -> OrderId:
        number = OrderId(self._next_id)
        self._next_id += 1
        self.submitted += 1
        return number

    def _hold(self, record: OrderRecord) -> None:
        number, symbol = record.spec.id, record.spec.symbol
        self._records[number] = record
        working = self._open.get(symbol)
        if working is None:
            self._open[symbol] = {number: record}
        else:
            working[number] = record

    def _close(self, record: OrderRecord) -> None:
        number, symbol = record.spec.id, record.spec.symbol
        working = self._open.get(symbol)
        if working is None or working.pop(number, None) is None:
            return  # closed before: a late fill
        if not working:
            del self._open[symbol]
        if self._keeps_all:
            return
        self._closed.append(number)
        if len(self._closed) > KEPT_CLOSED_ORDERS:
            oldest = self._records.get(self._closed.popleft())
            if oldest is not None and oldest.closed:  # else a trade of it was taken back: it is open again
                del self._records[oldest.spec.id]


def _id_of(record: OrderRecord) -> int:
    return record.id
