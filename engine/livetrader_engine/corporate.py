"""What corporate actions do to the account: orders, positions, cash. The engine says when.

Source of the order: LEAN's Engine/AlgorithmManager.cs; of the arithmetic: SecurityPortfolioManager
(ApplyDividend, ApplySplit), DefaultBrokerageModel.ApplySplit, BacktestingBrokerage.ProcessDelistings.
Prices that are adjusted already know of splits and dividends, so only raw prices (and, for dividends, prices
adjusted for splits) change anything. Live a brokerage keeps the account: a split brings what it holds now
(`Split.held`), dividends come with its cash, and working orders are changed by whoever talks to it.

Options on what splits are closed the session before, everywhere: AlgorithmManager.ProcessSplitSymbols.
Indicators and consolidators are left as they are, as in LEAN: algorithms reset them in `on_splits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
    SymbolChange,
)
from livetrader_engine.data.splits import point_after
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.orders.order import OrderChange, OrderSpec, OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.subscriptions import Subscriptions
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.transactions import Transactions

DELISTED_TAG: Final = "Liquidate from delisting"
SYMBOL_CHANGED_TAG: Final = "Open order cancelled on symbol changed event"

OPTION_CLOSED_TAG: Final = "Liquidated due to impending split. Option splits are not currently supported."
OPTION_CANCELLED_TAG: Final = (
    "Canceled due to impending split. Separate MarketOnClose order submitted to liquidate position."
)

_OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.INDEX_OPTION})
_PAYS: Final = frozenset({Normalization.RAW, Normalization.SPLIT_ADJUSTED})


class CorporateActions:
    """Carries out corporate actions. `books`: whether this engine keeps the account (not: a brokerage)."""

    def __init__(
        self,
        securities: SecurityManager,
        portfolio: Portfolio,
        orders: Transactions,
        books: bool,
        start_ns: int,
    ) -> None:
        """`start_ns`: prices from before it are history's, which knows of the splits until then."""
        self._securities = securities
        self._portfolio = portfolio
        self._orders = orders
        self._books = books
        self._start_ns = start_ns
        self.splits_ahead: list[Split] = []  # warnings whose options have not been closed yet
        self.delisted: set[Symbol] = set()  # what trades no more

    def priced(self, actions: Iterable[CorporateAction]) -> tuple[CorporateAction, ...]:
        """Return the actions, warnings and delistings with the newest price filled in."""
        return tuple(self._with_price(action) for action in actions)

    def _with_price(self, action: CorporateAction) -> CorporateAction:
        security = self._securities.get(action.symbol)
        if security is None:
            return action
        if isinstance(action, Delisting):
            return msgspec.structs.replace(action, price=security.price)
        if isinstance(action, Split) and action.kind is SplitKind.WARNING:
            return msgspec.structs.replace(action, reference_price=_raw_price(security))
        return action

    def rename(
        self, actions: Iterable[CorporateAction], tell: Callable[[Sequence[CorporateAction]], object]
    ) -> None:
        """Tell of new tickers, then cancel the open orders of what has one."""
        changes = [action for action in actions if isinstance(action, SymbolChange)]
        if changes:
            tell(changes)
        for change in changes:
            self._orders.cancel_open(change.symbol, SYMBOL_CHANGED_TAG)

    def delist(self, actions: Iterable[CorporateAction], subscriptions: Subscriptions) -> None:
        """Close the positions of what trades no more, cancel its orders and end its data."""
        for action in actions:
            if not isinstance(action, Delisting) or action.kind is not DelistingKind.DELISTED:
                continue
            security = self._securities.get(action.symbol)
            if security is not None:
                quantity = self._portfolio[security.symbol].quantity
                if self._books and quantity:
                    price = security.exact_price()
                    self._orders.close_out(security.symbol, -quantity, price, DELISTED_TAG)
                if not self._orders.warming_up:
                    self._orders.cancel_open(action.symbol)
                self.delisted.add(action.symbol)
                subscriptions.remove_security(security.symbol)

    def apply(self, actions: Sequence[CorporateAction]) -> None:
        """Book dividends, then splits; nothing during warm-up: what was held then is held now.

        Remember splits of the next session: options on these are closed before.
        """
        self._note_warnings(actions)
        if self._orders.warming_up:
            return
        held = [(action, self._securities.get(action.symbol)) for action in actions]
        for action, security in held:
            if security is not None and isinstance(action, Dividend) and self._books:
                self._pay(action, security)
        for action, security in held:
            if security is not None and isinstance(action, Split) and action.kind is SplitKind.OCCURRED:
                self._split(action, security)

    def _note_warnings(self, actions: Iterable[CorporateAction]) -> None:
        known = {split.symbol for split in self.splits_ahead}
        self.splits_ahead += [
            action
            for action in actions
            if isinstance(action, Split)
            and action.kind is SplitKind.WARNING
            and action.symbol not in known
            and action.symbol in self._securities
        ]

    def close_options(self, time_ns: int) -> None:
        """Close options on what splits tomorrow, with the last market-on-close order that is in time."""
        for split in tuple(self.splits_ahead):
            underlying = self._securities.get(split.symbol)
            if underlying is None or not underlying.is_tradable:
                self.splits_ahead.remove(split)
            elif time_ns >= self._last_moment(underlying, time_ns):
                self.splits_ahead.remove(split)
                if not self._orders.warming_up:
                    self._close_options_on(split.symbol)

    def _last_moment(self, underlying: Security, time_ns: int) -> int:
        """Return when market-on-close orders are sent: at a step of the data, before it is too late."""
        buffer_ns = self._orders.policy.market_on_close_buffer_ns
        latest_ns = underlying.hours.next_close(time_ns) - buffer_ns
        resolution = underlying.resolution
        step_ns = 0 if resolution is None else resolution.period_ns
        return latest_ns // step_ns * step_ns if step_ns else latest_ns

    def _close_options_on(self, underlying: Symbol) -> None:
        for security in tuple(self._securities.values()):
            symbol = security.symbol
            if symbol.security_type not in _OPTIONS or symbol.id.rsplit("|", 1)[-1] != underlying.id:
                continue
            quantity = self._portfolio[symbol].quantity
            if not quantity or self._closes(symbol):
                continue
            self._orders.cancel_open(symbol, OPTION_CANCELLED_TAG)
            closing = OrderRequest(symbol, OrderType.MARKET_ON_CLOSE, -quantity, tag=OPTION_CLOSED_TAG)
            self._orders.add(closing)
            security.is_tradable = False

    def _closes(self, symbol: Symbol) -> bool:
        """Whether an engine before this one has sent the order already."""
        return any(
            record.spec.type is OrderType.MARKET_ON_CLOSE and record.spec.tag == OPTION_CLOSED_TAG
            for record in self._orders.open_orders(symbol)
        )

    def _pay(self, dividend: Dividend, security: Security) -> None:
        if normalization_of(security) not in _PAYS:
            return
        holding = self._portfolio[security.symbol]
        if not holding.quantity:
            return
        rate = self._portfolio.cash.rate(security.properties.quote_currency)
        total = holding.quantity * dividend.distribution * rate
        self._add_cash(total)
        holding.dividends += total

    def _split(self, split: Split, security: Security) -> None:
        if security.symbol.security_type is not SecurityType.EQUITY:
            return
        if not self._books:
            self._count_anew(split, security)
            return
        if normalization_of(security) is not Normalization.RAW:
            return
        holding = self._portfolio[security.symbol]
        if holding.quantity:
            quantity = holding.quantity / split.factor
            whole = Decimal(int(quantity))
            price = security.exact_price() or split.reference_price
            holding.replace(whole, holding.average_price * split.factor)
            self._add_cash((quantity - whole) * price * split.factor)
        for record in self._orders.open_orders(security.symbol):
            self._orders.update(record.id, _split_order(record.spec, split.factor))

    def _count_anew(self, split: Split, security: Security) -> None:
        """Hold what the account holds after a split, at prices that count in the same shares.

        The cash for a fraction of a share comes from the brokerage. Told twice it changes nothing more.
        """
        if split.held is None:
            return
        holding = self._portfolio[security.symbol]
        if holding.quantity != split.held:
            average = holding.average_price * split.factor if holding.quantity else split.reference_price
            holding.replace(split.held, average)
        if self._start_ns < split.time_ns:
            _count_prices_anew(security, split.factor)

    def _add_cash(self, amount: Decimal) -> None:
        cash = self._portfolio.cash
        cash[cash.account_currency].amount += amount


def _split_order(spec: OrderSpec, factor: Decimal) -> OrderChange:
    """Return the change that leaves an order its value: fewer or more shares at another price."""
    amount = None if spec.trailing_as_percentage else spec.trailing_amount
    scaled = (
        None if price is None else price * factor
        for price in (spec.limit_price, spec.stop_price, spec.trigger_price, amount)
    )  # fmt: skip
    limit_price, stop_price, trigger_price, trailing_amount = scaled
    return OrderChange(
        Decimal(int(spec.quantity / factor)), limit_price, stop_price, trigger_price, trailing_amount
    )


def _count_prices_anew(security: Security, factor: Decimal) -> None:
    """Let the newest prices of a security count in new shares. Source: SecurityCache.ApplySplit."""
    source = security.source
    held = (security.trade_bar, security.quote_bar, security.trade_tick, security.quote_tick)
    security.trade_bar = security.quote_bar = security.trade_tick = security.quote_tick = None
    seen = [point for point in held if point is not None]
    for point in sorted(seen, key=lambda point: point is source):  # what drives the price comes last
        security.update(point_after(point, factor))


def normalization_of(security: Security) -> Normalization:
    """Return how a security's prices are adjusted: by the first of its streams, as in LEAN."""
    for subscription in security.subscriptions:
        return subscription.normalization
    return Normalization.ADJUSTED


def _raw_price(security: Security) -> Decimal:
    """Return the newest price as it was traded."""
    bar = security.trade_bar
    if bar is None or bar.scale is None:
        return security.exact_price()
    return security.exact_price() / bar.scale.factor
