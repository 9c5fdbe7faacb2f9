"""What an operator may decide about the account, as the control server asks for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from livetrader.control.custody_views import ReconciliationView
from livetrader.control.tracked import OperationView


class CustodyOperations(Protocol):
    """What an operator may decide about the account; see Operations for the rules that all of it follows."""

    def reconciliation(self) -> ReconciliationView:
        """Return how journal and brokerage compare since the last look."""
        ...

    async def reconcile(self, *, who: str, reason: str) -> OperationView:
        """Compare with the brokerage's account now."""
        ...

    async def adopt(self, *, who: str, what: str, reason: str) -> OperationView:
        """Take a position or an order as the algorithm's. Raises KeyError for what is not known."""
        ...

    async def ignore(self, *, who: str, what: str, quantity: Decimal | None, reason: str) -> OperationView:
        """Leave a part of a position, or an order, to somebody else. Raises KeyError as `adopt` does."""
        ...

    async def flatten(self, *, who: str, symbol: str, reason: str) -> OperationView:
        """Close a symbol to orders, cancel its orders and close its position, verified.

        Raises KeyError for what is not known.
        """
        ...
