"""What the journal's state is made of: positions, orders, counters. Moved by replay.py only."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, OrderSpec
from livetrader_engine.orders.states import OPEN, OrderStatus

MAX_HISTORY: Final = 100  # lines per order shown to the operator; the oldest after the first go


@dataclass(frozen=True, slots=True)
class Position:
    """Signed quantity held and its average price."""

    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)

    def after(self, quantity: Decimal, price: Decimal) -> Position:
        """Return the position after a trade of this signed quantity at this price."""
        total = self.quantity + quantity
        if total == 0:
            return Position()
        if self.quantity == 0 or (self.quantity > 0) != (total > 0):
            return Position(total, price)  # opened, or crossed zero
        if (self.quantity > 0) == (quantity > 0):
            return Position(total, (self.quantity * self.average_price + quantity * price) / total)
        return Position(total, self.average_price)  # reduced


@dataclass(slots=True)
class OrderState:
    """One order of ours. Owned by its JournalState; everybody else reads.

    `unknown`: it may or may not be at the venue. `pending` is the order as a change we sent would make it.
    """

    client_order_id: ClientOrderId
    spec: OrderSpec
    number: int
    created_ns: int
    kill_id: str | None = None
    status: OrderStatus = OrderStatus.NEW
    filled: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    brokerage_order_id: BrokerageOrderId | None = None
    sent: bool = False
    unknown: bool = False
    late_found: bool = False
    cancel_asked: bool = False
    pending: OrderSpec | None = None
    executions: set[ExecutionId] = field(default_factory=set)
    history: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it may still trade, as far as we know."""
        return self.status in OPEN

    @property
    def remaining(self) -> Decimal:
        """Signed quantity that may still trade; the larger one while a change is under way."""
        quantity = self.spec.quantity
        if self.pending is not None and abs(self.pending.quantity) > abs(quantity):
            quantity = self.pending.quantity
        return quantity - self.filled

    def note(self, time_ns: int, words: str) -> None:
        """Add a line to what the operator sees of this order."""
        if len(self.history) >= MAX_HISTORY:
            del self.history[1]
        self.history.append((time_ns, words))


@dataclass(slots=True)
class Counters:
    """Oddities that were dealt with; shown as metrics, none of them normal."""

    repeated_fills: int = 0
    late_fills: int = 0
    overfills: int = 0
    stale_reports: int = 0
    unknown_reports: int = 0
    fills_claimed_without_trade: int = 0
