"""Positions: signed quantity, average price, realised profit. Source: LEAN's SecurityPortfolioModel.cs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.corrections import corrected
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Symbol


class TransactionRecord(msgspec.Struct, frozen=True, gc=False):
    """Profit of one closing fill as LEAN books it: both legs' fees taken as this fill's, twice."""

    time_ns: int
    symbol: Symbol
    profit: Decimal  # in account currency


CloseFee = Callable[["Holding"], Decimal]


class Holding:
    """The position in one security. Owned by `Portfolio`, changed by its fills only.

    Money is in the security's quote currency unless a name says other. `fees`, `profit` and `last_profit` are
    in account currency. `close_fee` says what closing the position now would cost, in quote currency.
    """

    __slots__ = (
        "average_price", "close_fee", "dividends", "fees", "last_profit", "profit", "quantity",
        "sale_volume", "security",
    )  # fmt: skip

    def __init__(self, security: Security, close_fee: CloseFee | None = None) -> None:
        self.security = security
        self.close_fee = close_fee
        self.quantity = ZERO
        self.average_price = ZERO
        self.fees = ZERO
        self.profit = ZERO  # realised, before fees
        self.dividends = ZERO  # paid in cash, in account currency
        self.last_profit = ZERO  # of the newest closing fill
        self.sale_volume = ZERO  # sum of the absolute value of all fills

    @property
    def symbol(self) -> Symbol:
        """What is held."""
        return self.security.symbol

    @property
    def invested(self) -> bool:
        """Whether there is a position of a lot or more: what is left below it cannot be traded."""
        return abs(self.quantity) >= self.security.properties.lot_size

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
        """What closing now would bring: at bid or ask, less cost, less the fee. Source: TotalCloseProfit."""
        if not self.invested:
            return ZERO
        security = self.security
        price = security.exact_bid() if self.quantity > 0 else security.exact_ask()
        exit_value = self.quantity * (price or self.price) * security.properties.contract_multiplier
        fee = ZERO if self.close_fee is None else self.close_fee(self)
        return exit_value - self.cost - fee

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

    def correct(self, old: Fill, new: Fill, rate: Decimal = ONE) -> Decimal:
        """Put a fill in the place of one that was applied; return the profit that this adds, as `apply` does.

        The position's worth and the profit together are exact, see portfolio.corrections for their parts.
        """
        multiplier = self.security.properties.contract_multiplier
        before = self.quantity * self.average_price
        paid = new.quantity * new.price - old.quantity * old.price
        self.sale_volume += (
            (abs(new.quantity) * new.price - abs(old.quantity) * old.price) * multiplier * rate
        )
        self.quantity, self.average_price = corrected(
            self.quantity, self.average_price, (old.quantity, old.price), (new.quantity, new.price)
        )
        realised = (self.quantity * self.average_price - before - paid) * multiplier * rate
        self.profit += realised
        return realised
