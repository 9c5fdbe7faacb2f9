"""When the proceeds of a sale may be spent: at once, or a day later in a cash account.

Source: LEAN's Common/Securities/DelayedSettlementModel.cs and Equity.cs (T+1 at 06:00 exchange time).
"""

from __future__ import annotations

import heapq
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.cash import Cash
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType

SETTLEMENT_TIME: Final = time(6)  # of the exchange's day
_DELAYED: Final = frozenset({SecurityType.EQUITY, SecurityType.OPTION})


def settlement_ns(security: Security, fill: Fill, *, cash_account: bool) -> int | None:
    """Return when the cash of `fill` settles (UTC ns), None for at once. Buys settle at once."""
    if not cash_account or fill.quantity > 0 or security.symbol.security_type not in _DELAYED:
        return None
    hours = security.hours
    day: date = hours.next_trading_day(hours.local_date(fill.time_ns))
    local = datetime.combine(day, SETTLEMENT_TIME, tzinfo=hours.timezone)
    return int(local.timestamp()) * NS_PER_SECOND


class SettlementQueue:
    """Unsettled amounts by due time."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Cash, Decimal]] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._due)

    def add(self, due_ns: int, cash: Cash, amount: Decimal) -> None:
        """Settle `amount` of `cash` at `due_ns`; it is in `cash.unsettled` until then."""
        self._added += 1
        heapq.heappush(self._due, (due_ns, self._added, cash, amount))

    def settle(self, now_ns: int) -> None:
        """Move every amount that is due from unsettled to settled."""
        while self._due and self._due[0][0] <= now_ns:
            _, _, cash, amount = heapq.heappop(self._due)
            cash.unsettled -= amount
            cash.amount += amount
