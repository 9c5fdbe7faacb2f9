"""Holdings, cash and the portfolio as an algorithm sees them: floats, by symbol or ticker."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from livetrader_engine.orders.order import OrderDirection as CoreDirection
from livetrader_engine.portfolio import margin
from livetrader_engine.portfolio.cash import CashBook as CoreCashBook
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.cash import CashBook, CashFace, ConvertibleCashAmount
from livetrader_lean.enums import OrderDirection, SecurityType
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import known_as
from livetrader_lean.order_requests import decimal
from livetrader_lean.order_text import plain
from livetrader_lean.reality.margin_calls import DefaultMarginCallModel, MarginCallModel
from livetrader_lean.symbols import Symbol
from livetrader_lean.views import Face, SymbolView

__all__ = ["CashBook", "CashFace", "Portfolio", "SecurityHolding"]


class _Valued(Face):
    """What a position is worth: the half of SecurityHolding that looks at prices."""

    __slots__ = ("_book", "_held")

    def __init__(self, held: Holding, book: CoreCashBook | None = None) -> None:
        self._held = held
        self._book = book

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
    def unlevered_holdings_cost(self) -> float:
        """Cost over the leverage."""
        return float(self._held.cost / self._held.security.leverage)

    @property
    def unlevered_absolute_holdings_cost(self) -> float:
        """Cost over the leverage, without sign."""
        return abs(self.unlevered_holdings_cost)

    @property
    def unrealized_profit(self) -> float:
        """What closing now would bring, the fee taken off."""
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
        """Realised profit before fees, and dividends."""
        return float(self._held.profit + self._held.dividends)

    @property
    def total_dividends(self) -> float:
        """Dividends paid in cash."""
        return float(self._held.dividends)

    @property
    def net_profit(self) -> float:
        """Realised profit less fees."""
        return float(self._held.profit + self._held.dividends - self._held.fees)

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

    @property
    def type(self) -> int:
        """Kind of what is held, a SecurityType."""
        return SecurityType(int(self._held.symbol.security_type))

    def get_quantity_value(self, quantity: float, price: float | None = None) -> ConvertibleCashAmount:
        """Return what a quantity is worth, at the newest price or another; a number of account currency."""
        held = self._held
        at = held.price if price is None else decimal(price)
        amount = decimal(quantity) * at * held.security.properties.contract_multiplier
        currency = held.security.properties.quote_currency
        return ConvertibleCashAmount(amount, None if self._book is None else self._book.ensure(currency))

    def total_close_profit(self, include_fees: bool = True) -> float:
        """Return what closing the position now would bring."""
        held = self._held
        fee = held.close_fee(held) if held.close_fee and held.invested and not include_fees else 0
        return float(held.unrealized_profit + fee)

    def __str__(self) -> str:
        held = self._held
        average = plain(held.average_price.quantize(Decimal("0.01")))
        price = plain(held.price.quantize(Decimal("0.01")))
        return f"{held.symbol.value}: {plain(held.quantity)} @ {average} - Market: {price}"


class _Margin(SymbolView[SecurityHolding]):
    """What may still be bought: the half of Portfolio that asks for margin."""

    __slots__ = ()

    _binding: Binding

    def get_margin_remaining(self, symbol: object = None, direction: int = OrderDirection.BUY) -> float:
        """Return the margin an order of this side may take in a symbol."""
        if symbol is None or isinstance(symbol, int | float):
            return self.margin_remaining
        engine, core = self._binding.engine, self._binding.resolve(symbol)
        side = CoreDirection(int(direction))
        return float(margin.buying_power(engine.portfolio, engine.securities[core], side))

    def get_buying_power(self, symbol: object, direction: int = OrderDirection.BUY) -> float:
        """Return the margin an order of this side may take in a symbol."""
        return self.get_margin_remaining(symbol, direction)

    @property
    def margin_remaining(self) -> float:
        """Margin that new positions may use."""
        return float(margin.margin_remaining(self._binding.engine.portfolio))

    @property
    def total_margin_used(self) -> float:
        """Margin that positions use."""
        return float(margin.margin_used(self._binding.engine.portfolio))


class _Totals(_Margin):
    """Sums over the whole account."""

    __slots__ = ()

    _binding: Binding

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
    def total_absolute_holdings_cost(self) -> float:
        """Sum of the positions' costs without sign."""
        return sum(abs(float(held.cost)) for held in self._binding.engine.portfolio.holdings())

    @property
    def total_unlevered_absolute_holdings_cost(self) -> float:
        """Sum of the positions' costs without sign, each over its leverage."""
        held = self._binding.engine.portfolio.holdings()
        return sum(abs(float(item.cost / item.security.leverage)) for item in held)

    @property
    def total_portfolio_value_less_free_buffer(self) -> float:
        """Equity less what targets leave alone."""
        engine = self._binding.engine
        policy, equity = engine.orders.policy, engine.portfolio.total_value
        amount = policy.free_portfolio_amount
        return float(equity - (equity * policy.free_portfolio_value if amount is None else amount))


class Portfolio(_Totals):
    """`self.portfolio`: the account."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._binding.engine.portfolio)

    def _value(self, symbol: CoreSymbol) -> SecurityHolding:
        portfolio = self._binding.engine.portfolio
        return SecurityHolding(portfolio[symbol], portfolio.cash)

    def __getitem__(self, key: object) -> SecurityHolding:
        if isinstance(key, Symbol):  # asked for with every bar: without the general way's calls
            engine = self._binding.engine
            if engine.securities.get(key.core) is not None:
                return SecurityHolding(engine.portfolio[key.core], engine.portfolio.cash)
        return super().__getitem__(key)

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
        """Settled cash of every currency, in account currency."""
        return self.cash_book.total_value_in_account_currency

    @property
    def cash_book(self) -> CashBook:
        """Cash by currency."""
        return CashBook(self._binding)

    @property
    def unsettled_cash_book(self) -> CashBook:
        """Cash by currency that may not be spent yet."""
        return CashBook(self._binding, unsettled=True)

    @property
    def unsettled_cash(self) -> float:
        """Cash that may not be spent yet, in account currency."""
        return self.unsettled_cash_book.total_value_in_account_currency

    @property
    def margin_call_model(self) -> MarginCallModel:
        """What happens when the account runs out of margin."""
        above = self._binding.engine.margin_calls.call_above
        return MarginCallModel.NULL if above is None else DefaultMarginCallModel(self, None, float(above) - 1)

    @margin_call_model.setter
    def margin_call_model(self, model: MarginCallModel) -> None:
        self.set_margin_call_model(model)

    @known_as(margin_call_model="model", py_object="model")
    def set_margin_call_model(self, model: MarginCallModel) -> None:
        """Choose `MarginCallModel.NULL` or a DefaultMarginCallModel; others are not offered."""
        if type(model) not in (MarginCallModel, DefaultMarginCallModel):
            raise NotInLivetrader("set_margin_call_model", "models of the user's own are not offered")
        buffer = model.margin_buffer
        calls = self._binding.engine.margin_calls
        calls.call_above = None if buffer is None else 1 + decimal(buffer)

    @property
    def transactions(self) -> Any:
        """The algorithm's orders."""
        binding: Any = self._binding
        return binding.transactions

    @property
    def securities(self) -> Any:
        """The algorithm's securities."""
        binding: Any = self._binding
        return binding.securities

    def set_cash(self, *arguments: float | str) -> None:
        """Make the cash this: an amount, or a currency, an amount and a conversion rate."""
        book = self._binding.engine.portfolio.cash
        if isinstance(arguments[0], str):
            rate = decimal(arguments[2]) if len(arguments) > 2 else None
            book.set(arguments[0].upper(), decimal(arguments[1]), rate)
        else:
            book.set(book.account_currency, decimal(arguments[0]))
