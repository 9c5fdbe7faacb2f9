"""Positions: signed quantity, average price, realised profit. Source: LEAN's SecurityPortfolioModel.cs."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.order import Fill
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Symbol


class TransactionRecord(msgspec.Struct, frozen=True):
    """Profit of one closing fill as LEAN books it: both legs' fees taken as this fill's, twice."""

    time_ns: int
    symbol: Symbol
    profit: Decimal  # in account currency


class Holding:
    """The position in one security. Owned by `Portfolio`, changed by its fills only.

    Money is in the security's quote currency unless a name says other. `fees`, `net_profit` and
    `profit` are in account currency.
    """

    __slots__ = ("average_price", "fees", "last_profit", "profit", "quantity", "sale_volume", "security")

    def __init__(self, security: Security) -> None:
        self.security = security
        self.quantity = ZERO
        self.average_price = ZERO
        self.fees = ZERO
        self.profit = ZERO  # realised, before fees
        self.last_profit = ZERO  # of the newest closing fill
        self.sale_volume = ZERO  # sum of the absolute value of all fills

    @property
    def symbol(self) -> Symbol:
        """What is held."""
        return self.security.symbol

    @property
    def invested(self) -> bool:
        """Whether there is a position."""
        return self.quantity != 0

    @property
    def price(self) -> Decimal:
        """Newest price; the average price of the position before the first data."""
        return self.security.exact_price() or self.average_price

    @property
    def value(self) -> Decimal:
        """Signed value of the position at the newest price."""
        return self.quantity * self.price * self.security.properties.contract_multiplier

    @property
    def cost(self) -> Decimal:
        """Signed value of the position at its average price."""
        return self.quantity * self.average_price * self.security.properties.contract_multiplier

    @property
    def unrealized_profit(self) -> Decimal:
        """Value less cost; no fees."""
        return self.value - self.cost

    @property
    def unrealized_profit_ratio(self) -> Decimal:
        """Unrealised profit over absolute cost; zero without a position."""
        cost = abs(self.cost)
        return self.unrealized_profit / cost if cost else ZERO

    def replace(self, quantity: Decimal, average_price: Decimal) -> None:
        """Make the position what a brokerage says it is. Profit and fees stay."""
        self.quantity = quantity
        self.average_price = average_price if quantity else ZERO

    def apply(self, fill: Fill, rate: Decimal = ONE) -> Decimal | None:
        """Add one fill and return the profit it realised in account currency, None where it closed nothing.

        `rate` converts the quote currency into the account's. The caller books cash and fees.
        """
        multiplier = self.security.properties.contract_multiplier
        held, change = self.quantity, fill.quantity
        self.sale_volume += abs(change) * fill.price * multiplier * rate
        self.quantity = held + change
        if held * change >= 0:  # opens or adds
            self.average_price = (self.average_price * held + fill.price * change) / self.quantity
            return None
        closed = -change if abs(change) <= abs(held) else held
        realised = (fill.price - self.average_price) * closed * multiplier * rate
        self.profit += realised
        self.last_profit = realised
        if self.quantity == 0:
            self.average_price = ZERO
        elif abs(change) > abs(held):  # through zero: the rest is a new position at this price
            self.average_price = fill.price
        return realised
