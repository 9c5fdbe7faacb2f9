"""What the account is worth, from the prices the daemon sees go by, and what it lost today."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from livetrader.gateway.ledger import Ledger
from livetrader.gateway.rules import HostRules
from livetrader.journal.records import DayStarted
from livetrader_engine.data.quality import SIGNED
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_MINUTE, SecurityType, Symbol

ACCOUNT_CURRENCY: Final = "USD"
UNPRICED_WAIT_NS: Final = 10 * NS_PER_MINUTE  # then the average price must do: a limit is not to sleep


# Buying and selling them moves no cash but profit: they are worth what they have won since.
_MARGINED: Final = frozenset({SecurityType.FUTURE, SecurityType.CFD, SecurityType.CRYPTO_FUTURE})


class Valuation:
    """Newest prices, cash, equity and the loss of the day. Owned by the gateway.

    Counts cash of ACCOUNT_CURRENCY only: other currencies have no rate here. The host's `rules` say how many
    units a contract stands for. A position without a price seen counts at its average price; no loss is
    judged by that before UNPRICED_WAIT_NS, because after a restart it can be far from the market.
    """

    def __init__(
        self,
        ledger: Ledger,
        now_ns: Callable[[], int],
        daily_loss: float,
        rules: Callable[[], HostRules],
    ) -> None:
        self._ledger = ledger
        self._now_ns = now_ns
        self._daily_loss = daily_loss
        self._rules = rules
        self._unpriced_since_ns: int | None = None
        self.prices: dict[Symbol, float] = {}
        self.cash: dict[str, Decimal] = {}

    def multiplier(self, symbol: Symbol) -> Decimal:
        """Return how many units one contract stands for."""
        return self._rules().multiplier(symbol)

    def observe(self, symbol: Symbol, price: float) -> None:
        """See a price; zero says nothing, nor does less where only futures and their like can cost that."""
        if price > 0 or (price < 0 and symbol.security_type in SIGNED):
            self.prices[symbol] = price

    def equity(self) -> Decimal:
        """Return cash plus positions at the newest prices."""
        total = self.cash.get(ACCOUNT_CURRENCY, Decimal(0))
        state = self._ledger.state
        for symbol, held in (*state.positions.items(), *state.ignored.items()):
            seen = self.prices.get(symbol)
            price = held.average_price if seen is None else Decimal(str(seen))
            counted = price - held.average_price if symbol.security_type in _MARGINED else price
            total += held.quantity * counted * self.multiplier(symbol)
        return total

    @property
    def day_start_equity(self) -> Decimal | None:
        """Equity at the beginning of the present UTC day, None before the first look of the day."""
        day = self._ledger.state.day
        if day is None or day.day != self._now_ns() // NS_PER_DAY:
            return None
        return day.equity

    def daily_loss(self) -> Decimal:
        """Return what was lost since the day began, negative for a gain.

        The first look of a UTC day marks its beginning, durable across restarts.
        """
        equity = self.equity()
        start = self.day_start_equity
        if start is None and self._waits_for_prices():
            return Decimal(0)
        if start is None:
            now_ns = self._now_ns()
            self._ledger.write_soon(DayStarted(now_ns, now_ns // NS_PER_DAY, equity))
            return Decimal(0)
        return start - equity

    def loss_limit_reached(self) -> bool:
        """Return whether limits.daily_loss is lost; marks the beginning of a day with or without a limit."""
        if self._daily_loss > 0:
            return not self._waits_for_prices() and self.daily_loss() >= Decimal(str(self._daily_loss))
        if self.day_start_equity is None:
            self.daily_loss()  # operators see the profit of the day where nothing limits it, too
        return False

    def _waits_for_prices(self) -> bool:
        """Whether a position has no price yet and may still get one."""
        if all(symbol in self.prices for symbol in self._ledger.state.positions):
            self._unpriced_since_ns = None
            return False
        now_ns = self._now_ns()
        if self._unpriced_since_ns is None:
            self._unpriced_since_ns = now_ns
        return now_ns - self._unpriced_since_ns < UNPRICED_WAIT_NS
