"""A say in orders that an account could carry: rules of a brokerage, and what may be sold short."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from livetrader_engine.orders.order import OrderChange, OrderId
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Symbol


class OrderGate(Protocol):
    """Asked for each order before it goes on its way. Each method returns why not, None where it may go."""

    def short_problem(self, symbol: Symbol, quantity: Decimal, changed: OrderId | None) -> str | None:
        """Return why a quantity cannot be sold short; `changed` is the order that it is a change of."""
        ...

    def submit_problem(self, record: OrderRecord) -> str | None:
        """Return why the brokerage does not take an order."""
        ...

    def update_problem(self, record: OrderRecord, change: OrderChange) -> str | None:
        """Return why the brokerage does not take a change."""
        ...
