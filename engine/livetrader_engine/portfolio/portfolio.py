"""The account as the engine sees it: cash, positions, and what follows from them.

Values are computed when asked for, never per market event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import IntEnum
from typing import Final

from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.order import Fill, OrderId, OrderSpec, OrderType
from livetrader_engine.portfolio.cash import CashBook
from livetrader_engine.portfolio.holdings import Holding, TransactionRecord
from livetrader_engine.portfolio.models import AccountModels
from livetrader_engine.portfolio.settlement import OwnSettlement, SettlementQueue
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_SECOND, SecurityType, Symbol

MAX_TRANSACTIONS: Final = 100_000  # records kept for statistics; the oldest go first, in live runs only
_DROPPED_AT_ONCE: Final = 1000
_NS_PER_MS: Final = NS_PER_SECOND // 1000
# Their quantity is a currency of its own: buying moves two entries of the cash book and no holdings value.
_CURRENCY_PAIRS = frozenset({SecurityType.FOREX, SecurityType.CRYPTO})
# Trading them moves no cash but profit and fees.
_MARGINED = frozenset({SecurityType.FUTURE, SecurityType.CFD, SecurityType.CRYPTO_FUTURE})


class AccountType(IntEnum):
    """Kind of account; values as in LEAN."""

    MARGIN = 0
    CASH = 1


_CASH: Final = AccountType.CASH
_EQUITY: Final = SecurityType.EQUITY


class Portfolio:
    """Cash and holdings. Changed by `apply_fill`, `load` and the cash setters; nothing else.

    It decides nothing: buying power is in `portfolio.margin`. A holding exists for every security that was
    ever asked for or filled; `securities` is shared with the engine.
    """

    def __init__(
        self,
        securities: SecurityManager,
        *,
        account_currency: str = "USD",
        account_type: AccountType = AccountType.MARGIN,
    ) -> None:
        self.securities = securities
        self.cash = CashBook(account_currency)
        self.account_type = account_type
        self.models = AccountModels()
        self.transactions: list[TransactionRecord] = []
        self.total_fees = ZERO
        self.settlement = SettlementQueue()
        self._holdings: dict[Symbol, Holding] = {}
        self._others: set[Symbol] = set()  # positions that are short, or not of equities
        self._transaction_times: set[int] = set()
        self._charges: tuple[Callable[[int], None], ...] = ()
        self._next_charge_ns = 0
        self._next_free = (-1, 0)  # an instant, and from when on there may be room for its next record

    def __getitem__(self, symbol: Symbol) -> Holding:
        """Return the holding of a security, an empty one where nothing is held. Raises AlgorithmError."""
        held = self._holdings.get(symbol)
        if held is None:
            held = self._holdings[symbol] = Holding(self.securities[symbol], self._close_fee)
        return held

    def __contains__(self, symbol: object) -> bool:
        return symbol in self.securities

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self.securities)

    def holdings(self) -> Iterable[Holding]:
        """Return the positions that are not zero, in the order they were first held."""
        return [held for held in self._holdings.values() if held.quantity]

    @property
    def only_long_stock(self) -> bool:
        """Whether all positions are long and of equities: they bind no more than their value."""
        return not self._others

    def _close_fee(self, held: Holding) -> Decimal:
        """Return the fee of closing a position with a market order, in its quote currency."""
        security = held.security
        spec = OrderSpec(OrderId(0), held.symbol, OrderType.MARKET, -held.quantity, 0, security.exact_price())
        fee = self.models.of(held.symbol).fees.fee(security, spec)
        currency = security.properties.quote_currency
        if fee.currency == currency or not fee.amount:
            return fee.amount
        return self.cash.convert(fee.amount, fee.currency) / (self.cash.rate(currency) or ONE)

    def quantity(self, symbol: Symbol) -> Decimal:
        """Return the signed position, zero for anything not held."""
        held = self._holdings.get(symbol)
        return ZERO if held is None else held.quantity

    @property
    def invested(self) -> bool:
        """Whether any position of a lot or more is open."""
        return any(held.invested for held in self._holdings.values())

    @property
    def total_holdings_value(self) -> Decimal:
        """Signed value of all positions in account currency."""
        return sum((self._to_account(held.value, held) for held in self.holdings()), ZERO)

    @property
    def unrealized_profit(self) -> Decimal:
        """Sum of what closing every position would bring, in account currency; fees taken off."""
        return sum((self._to_account(held.unrealized_profit, held) for held in self.holdings()), ZERO)

    @property
    def total_profit(self) -> Decimal:
        """Realised profit before fees and dividends paid, in account currency."""
        return sum((held.profit + held.dividends for held in self._holdings.values()), ZERO)

    @property
    def total_sale_volume(self) -> Decimal:
        """Absolute value of everything ever filled, in account currency."""
        return sum((held.sale_volume for held in self._holdings.values()), ZERO)

    @property
    def total_value(self) -> Decimal:
        """Equity: cash plus positions in account currency. Source: TotalPortfolioValue."""
        total = self.cash.total
        for held in self.holdings():
            kind = held.symbol.security_type
            if kind in _CURRENCY_PAIRS:
                continue
            worth = held.unrealized_profit if kind in _MARGINED else held.value
            total += self._to_account(worth, held)
        return total

    def _to_account(self, amount: Decimal, held: Holding) -> Decimal:
        return self.cash.convert(amount, held.security.properties.quote_currency)

    def apply_fill(self, symbol: Symbol, fill: Fill) -> Holding:
        """Book one fill: fee, cash, position, transaction record; return the position.

        The caller has deduplicated it.

        Source of the order of work: SecurityPortfolioModel.ProcessFill.
        """
        held = self._holdings.get(symbol) or self[symbol]
        security = held.security
        properties = security.properties
        rate = self.cash.rate(properties.quote_currency) or ONE
        if fill.fee:
            self._book_fee(held, fill.fee, fill.fee_currency)
        realised = held.apply(fill, rate)
        kind = symbol.security_type
        if kind is not _EQUITY or held.quantity < 0 or self._others:
            self._sort_out(held)
        if kind in _MARGINED:
            if realised is not None:
                self.cash.ensure(properties.quote_currency).amount += realised / rate
        else:
            self._book_proceeds(security, fill, -fill.quantity * fill.price * properties.contract_multiplier)
        if kind in _CURRENCY_PAIRS:
            base = symbol.value.removesuffix(properties.quote_currency)
            self.cash.ensure(base).amount += fill.quantity
        if realised is not None:
            fee = self.cash.rate(fill.fee_currency) * fill.fee
            self._record(symbol, fill.time_ns, realised - 2 * fee)
        return held

    def correct(self, symbol: Symbol, old: Fill, new: Fill) -> Holding:
        """Book that a fill which was applied turned out to be another one; return the position.

        Cash and quantity are what they were, had the new one come first; so is the sum of what was won and
        what the position is worth.
        """
        held = self[symbol]
        properties, kind = held.security.properties, symbol.security_type
        rate = self.cash.rate(properties.quote_currency) or ONE
        self.charge(symbol, -old.fee, old.fee_currency)
        self.charge(symbol, new.fee, new.fee_currency)
        realised = held.correct(old, new, rate)
        self._sort_out(held)
        if kind in _MARGINED:
            self.cash.ensure(properties.quote_currency).amount += realised / rate
        else:
            paid = (old.quantity * old.price - new.quantity * new.price) * properties.contract_multiplier
            self._book_proceeds(held.security, new, paid)
        if kind in _CURRENCY_PAIRS:
            base = symbol.value.removesuffix(properties.quote_currency)
            self.cash.ensure(base).amount += new.quantity - old.quantity
        if realised:
            self._record(symbol, new.time_ns, realised)
        return held

    def charge(self, symbol: Symbol, amount: Decimal, currency: str) -> None:
        """Book what trading a symbol has cost beside its price; below zero is given back."""
        if amount:
            self._book_fee(self[symbol], amount, currency)

    def _sort_out(self, held: Holding) -> None:
        """Note whether a position is one of the others."""
        symbol = held.symbol
        if held.quantity < 0 or (held.quantity and symbol.security_type is not _EQUITY):
            self._others.add(symbol)
        else:
            self._others.discard(symbol)

    def _book_fee(self, held: Holding, fee: Decimal, currency: str) -> None:
        cash = self.cash.ensure(currency)
        cash.amount -= fee
        in_account = fee * (cash.rate or ONE)
        held.fees += in_account
        self.total_fees += in_account

    def _book_proceeds(self, security: Security, fill: Fill, proceeds: Decimal) -> None:
        model = self.models.of(security.symbol).settlement
        if isinstance(model, OwnSettlement):
            model.apply_funds(security, fill, proceeds)
            return
        cash = self.cash.ensure(security.properties.quote_currency)
        due_ns = model.due_ns(security, fill, cash_account=self.account_type is _CASH)
        if due_ns is None:
            cash.amount += proceeds
        else:
            cash.unsettled += proceeds
            self.settlement.add(due_ns, cash, proceeds)

    def _record(self, symbol: Symbol, time_ns: int, profit: Decimal) -> None:
        if time_ns in self._transaction_times:  # LEAN keeps one record per millisecond
            wanted_ns = time_ns
            # many at one instant: the search goes on where it ended for the one before
            time_ns = self._next_free[1] if self._next_free[0] == wanted_ns else wanted_ns + _NS_PER_MS
            while time_ns in self._transaction_times:
                time_ns += _NS_PER_MS
            self._next_free = wanted_ns, time_ns + _NS_PER_MS
        self._transaction_times.add(time_ns)
        self.transactions.append(TransactionRecord(time_ns, symbol, profit))
        if len(self.transactions) > MAX_TRANSACTIONS:
            dropped = self.transactions[:_DROPPED_AT_ONCE]
            del self.transactions[:_DROPPED_AT_ONCE]
            self._transaction_times.difference_update(record.time_ns for record in dropped)

    def each_hour(self, charge: Callable[[int], None]) -> None:
        """Call `charge` with the time in the first step, then in the first one of every hour after it."""
        self._charges = (*self._charges, charge)
        self.settlement.set_alarm(0)

    def settle(self, now_ns: int) -> None:
        """Make cash available whose settlement time has come; do what is to be done every hour."""
        self.settlement.settle(now_ns)
        if self._charges and now_ns >= self._next_charge_ns:
            self._next_charge_ns = (now_ns // NS_PER_HOUR + 1) * NS_PER_HOUR
            self.settlement.set_alarm(self._next_charge_ns)
            for charge in self._charges:
                charge(now_ns)

    def load(self, cash: Mapping[str, Decimal], positions: Mapping[Symbol, tuple[Decimal, Decimal]]) -> None:
        """Replace all cash and positions; `positions` maps a symbol to (quantity, average price).

        Every symbol must be among the securities. Statistics (fees, profit, records) stay.
        """
        self.settlement = SettlementQueue()
        if self._charges:
            self.settlement.set_alarm(self._next_charge_ns)
        for currency in list(self.cash):
            held_cash = self.cash[currency]
            held_cash.amount = held_cash.unsettled = ZERO
        for currency, amount in cash.items():
            self.cash.set(currency, amount)
        for held in self._holdings.values():
            held.replace(ZERO, ZERO)
        for symbol, (quantity, average_price) in positions.items():
            self[symbol].replace(quantity, average_price)
        for held in self._holdings.values():
            self._sort_out(held)
