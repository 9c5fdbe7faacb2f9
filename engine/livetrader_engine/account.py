"""Take over what the account has: cash, positions, working orders."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.errors import DataError
from livetrader_engine.events import AccountLoaded
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.subscriptions import Subscriptions
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_engine.transactions import Transactions


class AccountLoader:
    """Replaces what the engine holds by what the account has. Owned by the engine; it keeps nothing."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        portfolio: Portfolio,
        orders: Transactions,
        report: Callable[[str], None],
    ) -> None:
        self._subscriptions = subscriptions
        self._portfolio = portfolio
        self._orders = orders
        self._report = report

    def load(self, event: AccountLoaded) -> None:
        """Replace cash, positions and working orders.

        A position in a symbol that the algorithm did not add gets data all the same: without a price it could
        be neither valued nor closed. One whose symbol is not known here is reported and left alone.
        """
        positions = {
            item.symbol: (item.quantity, item.average_price)
            for item in event.positions
            if self._adopt(item.symbol, "position")
        }
        open_orders = [item for item in event.open_orders if self._adopt(item.spec.symbol, "open order")]
        self._portfolio.load(event.cash, positions)
        self._orders.load(open_orders, event.next_order_id)

    def _adopt(self, symbol: Symbol, what: str) -> bool:
        """Have data of a symbol that the account brings; return whether it is known."""
        subscriptions = self._subscriptions
        try:
            if not subscriptions.ensure_security(symbol).subscriptions:
                subscriptions.add_security(symbol, subscriptions.finest() or Resolution.MINUTE)
        except DataError as error:
            self._report(f"the account has a {what} in {symbol.value}, which cannot be traded here: {error}")
            return False
        return True
