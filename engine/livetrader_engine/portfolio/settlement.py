"""When the proceeds of a sale may be spent: at once, or a day later in a cash account.

Source: LEAN's Common/Securities/DelayedSettlementModel.cs and Equity.cs (T+1 at 06:00 exchange time).
"""

from __future__ import annotations

import heapq
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final, Protocol

from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.cash import Cash
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType

SETTLEMENT_TIME: Final = time(6)  # of the exchange's day
NEVER_NS: Final = 2**63 - 1
_DELAYED: Final = frozenset({SecurityType.EQUITY, SecurityType.OPTION})


class SettlementModel(Protocol):
    """Says when the cash of a fill is there."""

    def due_ns(self, security: Security, fill: Fill, *, cash_account: bool) -> int | None:
        """Return when the proceeds settle (UTC ns), None for at once."""
        ...


class OwnSettlement:
    """A settlement model of the algorithm's own: it books the cash of a fill itself."""

    def due_ns(self, security: Security, fill: Fill, *, cash_account: bool) -> int | None:
        """Return None: nothing is put into the queue."""
        return None

    def apply_funds(self, security: Security, fill: Fill, amount: Decimal) -> None:
        """Book what a fill brings, negative for what it takes, in quote currency."""
        raise NotImplementedError


class DelayedSettlement:
    """Sales settle some trading days later at a time of the exchange's day; buys at once."""

    def __init__(self, days: int, time_of_day: time) -> None:
        self._days = days
        self._time_of_day = time_of_day

    def due_ns(self, security: Security, fill: Fill, *, cash_account: bool) -> int | None:
        """Return the settlement of a sale."""
        if fill.quantity > 0:
            return None
        hours = security.hours
        day: date = hours.local_date(fill.time_ns)
        for _ in range(self._days):
            day = hours.next_trading_day(day)
        local = datetime.combine(day, self._time_of_day, tzinfo=hours.timezone)
        return int(local.timestamp()) * NS_PER_SECOND


class StandardSettlement:
    """LEAN's default: delayed for equities and options in a cash account, immediate otherwise."""

    def __init__(self) -> None:
        self._delayed = DelayedSettlement(1, SETTLEMENT_TIME)

    def due_ns(self, security: Security, fill: Fill, *, cash_account: bool) -> int | None:
        """Return the settlement by account and security type."""
        if not cash_account or security.symbol.security_type not in _DELAYED:
            return None
        return self._delayed.due_ns(security, fill, cash_account=True)


class SettlementQueue:
    """Unsettled amounts by due time. `alarm_ns`: when `settle` is wanted though nothing is due."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Cash, Decimal]] = []
        self._alarm_ns = NEVER_NS
        self._added = 0
        self.next_due_ns = NEVER_NS  # an attribute, because it is read in every time step

    def __len__(self) -> int:
        return len(self._due)

    def add(self, due_ns: int, cash: Cash, amount: Decimal) -> None:
        """Settle `amount` of `cash` at `due_ns`; it is in `cash.unsettled` until then."""
        self._added += 1
        heapq.heappush(self._due, (due_ns, self._added, cash, amount))
        self._look()

    def set_alarm(self, at_ns: int) -> None:
        """Be due at this time too, whatever is in the queue."""
        self._alarm_ns = at_ns
        self._look()

    def _look(self) -> None:
        self.next_due_ns = min(self._due[0][0], self._alarm_ns) if self._due else self._alarm_ns

    def settle(self, now_ns: int) -> None:
        """Move every amount that is due from unsettled to settled."""
        while self._due and self._due[0][0] <= now_ns:
            _, _, cash, amount = heapq.heappop(self._due)
            cash.unsettled -= amount
            cash.amount += amount
        self._look()
