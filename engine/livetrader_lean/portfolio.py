"""Holdings, cash and the portfolio as an algorithm sees them: floats, by symbol or ticker."""

from __future__ import annotations

from collections.abc import Iterator

from livetrader_engine.portfolio import margin
from livetrader_engine.portfolio.cash import Cash
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.symbols import Symbol
from livetrader_lean.views import Face, SymbolView


class _Valued(Face):
    """What a position is worth: the half of SecurityHolding that looks at prices."""

    __slots__ = ("_held",)

    def __init__(self, held: Holding) -> None:
        self._held = held

    @property
    def leverage(self) -> float:
        """How much may be held per unit of margin."""
        return float(self._held.security.leverage)

    @property
    def holdings_value(self) -> float:
        """Signed value at the newest price."""
        return float(self._held.value)

    @property
    def absolute_holdings_value(self) -> float:
        """Value without sign."""
        return abs(float(self._held.value))

    @property
    def holdings_cost(self) -> float:
        """Signed value at the mean price paid."""
        return float(self._held.cost)

    @property
    def absolute_holdings_cost(self) -> float:
        """Cost without sign."""
        return abs(float(self._held.cost))

    @property
    def unrealized_profit(self) -> float:
        """Value less cost."""
        return float(self._held.unrealized_profit)

    @property
    def unrealised_profit(self) -> float:
        """The same as `unrealized_profit`."""
        return float(self._held.unrealized_profit)

    @property
    def unrealized_profit_percent(self) -> float:
        """Unrealised profit over absolute cost, a ratio."""
        return float(self._held.unrealized_profit_ratio)


class SecurityHolding(_Valued):
    """The position in one security."""

    __slots__ = ()

    @property
    def symbol(self) -> Symbol:
        """What is held."""
        return Symbol(self._held.symbol)

    @property
    def invested(self) -> bool:
        """Whether there is a position."""
        return self._held.invested

    @property
    def hold_stock(self) -> bool:
        """The same as `invested`."""
        return self._held.invested

    @property
    def is_long(self) -> bool:
        """Whether the position is long."""
        return self._held.quantity > 0

    @property
    def is_short(self) -> bool:
        """Whether the position is short."""
        return self._held.quantity < 0

    @property
    def quantity(self) -> float:
        """Signed quantity."""
        return float(self._held.quantity)

    @property
    def absolute_quantity(self) -> float:
        """Quantity without sign."""
        return abs(float(self._held.quantity))

    @property
    def average_price(self) -> float:
        """Mean price paid."""
        return float(self._held.average_price)

    @property
    def price(self) -> float:
        """Newest price."""
        return float(self._held.price)

    @property
    def profit(self) -> float:
        """Realised profit before fees."""
        return float(self._held.profit)

    @property
    def net_profit(self) -> float:
        """Realised profit less fees."""
        return float(self._held.profit - self._held.fees)

    @property
    def last_trade_profit(self) -> float:
        """Profit of the newest closing fill."""
        return float(self._held.last_profit)

    @property
    def total_fees(self) -> float:
        """Fees paid so far."""
        return float(self._held.fees)

    @property
    def total_sale_volume(self) -> float:
        """Absolute value of everything ever filled."""
        return float(self._held.sale_volume)


class CashFace(Face):
    """Amount of one currency."""

    __slots__ = ("_cash",)

    def __init__(self, cash: Cash) -> None:
        self._cash = cash

    @property
    def symbol(self) -> str:
        """The currency."""
        return self._cash.currency

    @property
    def amount(self) -> float:
        """Settled amount."""
        return float(self._cash.amount)

    @property
    def conversion_rate(self) -> float:
        """Account currency per unit."""
        return float(self._cash.rate)

    @property
    def value_in_account_currency(self) -> float:
        """Amount in account currency."""
        return float(self._cash.value)


class CashBook(Face):
    """Cash by currency."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def __getitem__(self, currency: str) -> CashFace:
        return CashFace(self._binding.engine.portfolio.cash[currency])

    def __contains__(self, currency: object) -> bool:
        return currency in self._binding.engine.portfolio.cash

    def contains_key(self, currency: str) -> bool:
        """Return whether there is cash of a currency."""
        return currency in self

    @property
    def total_value_in_account_currency(self) -> float:
        """All cash in account currency."""
        return float(self._binding.engine.portfolio.cash.total)


class Portfolio(SymbolView[SecurityHolding]):
    """`self.portfolio`: the account."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._binding.engine.portfolio)

    def _value(self, symbol: CoreSymbol) -> SecurityHolding:
        return SecurityHolding(self._binding.engine.portfolio[symbol])

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if key.core in self._binding.engine.portfolio else None
        return super()._find(key)

    @property
    def invested(self) -> bool:
        """Whether any position is open."""
        return self._binding.engine.portfolio.invested

    @property
    def hold_stock(self) -> bool:
        """The same as `invested`."""
        return self._binding.engine.portfolio.invested

    @property
    def cash(self) -> float:
        """Settled cash of the account currency."""
        book = self._binding.engine.portfolio.cash
        return float(book[book.account_currency].amount)

    @property
    def cash_book(self) -> CashBook:
        """Cash by currency."""
        return CashBook(self._binding)

    @property
    def total_portfolio_value(self) -> float:
        """Equity of the account."""
        return float(self._binding.engine.portfolio.total_value)

    @property
    def total_holdings_value(self) -> float:
        """Sum of the positions' absolute values."""
        return sum(abs(float(held.value)) for held in self._binding.engine.portfolio.holdings())

    @property
    def total_unrealized_profit(self) -> float:
        """Sum of the positions' unrealised profits."""
        return float(self._binding.engine.portfolio.unrealized_profit)

    @property
    def total_unrealised_profit(self) -> float:
        """The same as `total_unrealized_profit`."""
        return float(self._binding.engine.portfolio.unrealized_profit)

    @property
    def total_profit(self) -> float:
        """Realised profit before fees."""
        return float(self._binding.engine.portfolio.total_profit)

    @property
    def total_net_profit(self) -> float:
        """Realised profit less fees."""
        portfolio = self._binding.engine.portfolio
        return float(portfolio.total_profit - portfolio.total_fees)

    @property
    def total_fees(self) -> float:
        """Fees paid so far."""
        return float(self._binding.engine.portfolio.total_fees)

    @property
    def total_sale_volume(self) -> float:
        """Absolute value of everything ever filled."""
        return float(self._binding.engine.portfolio.total_sale_volume)

    @property
    def margin_remaining(self) -> float:
        """Margin that new positions may use."""
        return float(margin.margin_remaining(self._binding.engine.portfolio))

    @property
    def total_margin_used(self) -> float:
        """Margin that positions use."""
        return float(margin.margin_used(self._binding.engine.portfolio))
