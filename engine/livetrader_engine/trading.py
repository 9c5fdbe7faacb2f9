"""What algorithms say about trading, in terms of orders: market orders, targets, liquidation.

Source: LEAN's QCAlgorithm.Trading.cs (MarketOrder, SetHoldings, Liquidate) and Extensions.cs
(OrderTargetsByMarginImpact).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import GOOD_TIL_CANCELED, OrderType, TimeInForce
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.margin import TargetRules, target_quantity
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock
from livetrader_engine.securities import SecurityManager
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.transactions import Transactions

LIQUIDATED: Final = "Liquidated"  # LEAN's default tag

_FUTURES: Final = frozenset({SecurityType.FUTURE, SecurityType.FUTURE_OPTION})
_IMMEDIATE: Final = frozenset({OrderType.MARKET, OrderType.MARKET_ON_OPEN})
_WITHOUT_PRICE: Final = frozenset({OrderType.MARKET, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})


class OrderTerms(msgspec.Struct, frozen=True):
    """What may be said about any order beside symbol, quantity and prices."""

    time_in_force: TimeInForce = GOOD_TIL_CANCELED
    outside_regular_hours: bool = False
    tag: str = ""
    synchronous: bool = True


DEFAULT_TERMS: Final = OrderTerms()


class Target(msgspec.Struct, frozen=True):
    """A position wanted, as a signed part of the equity."""

    symbol: Symbol
    weight: Decimal


class Trading:
    """Turns wishes into requests. Holds no state of its own."""

    def __init__(
        self, clock: Clock, securities: SecurityManager, portfolio: Portfolio, transactions: Transactions
    ) -> None:
        self._clock = clock
        self._securities = securities
        self._portfolio = portfolio
        self._transactions = transactions
        policy = transactions.policy
        self._fees = policy.fees
        self._rules = TargetRules(policy.free_portfolio_value, policy.minimum_order_margin)

    def market_order(
        self, symbol: Symbol, quantity: Decimal, terms: OrderTerms = DEFAULT_TERMS
    ) -> OrderRecord:
        """Trade at the market: now, at the next open where the exchange is closed.

        With `convert_daily_market_orders` and daily data only it becomes market-on-close while the exchange
        is open, market-on-open where it is too late for that.
        """
        return self.order(self._market_type(symbol), symbol, quantity, terms)

    def _market_type(self, symbol: Symbol) -> OrderType:
        security = self._securities.get(symbol)
        if security is None or symbol.security_type in _FUTURES or security.hours.always_open:
            return OrderType.MARKET
        now_ns, hours, policy = self._clock.now_ns, security.hours, self._transactions.policy
        if not hours.is_open(now_ns):
            return OrderType.MARKET_ON_OPEN
        if not policy.convert_daily_market_orders or not security.daily_only:
            return OrderType.MARKET
        too_late = now_ns > hours.next_close(now_ns) - policy.market_on_close_buffer_ns
        return OrderType.MARKET_ON_OPEN if too_late else OrderType.MARKET_ON_CLOSE

    def order(
        self, kind: OrderType, symbol: Symbol, quantity: Decimal, terms: OrderTerms = DEFAULT_TERMS
    ) -> OrderRecord:
        """Submit an order that needs no price: market, market-on-open or market-on-close, as given."""
        return self._transactions.submit(
            OrderRequest(
                symbol=symbol,
                type=kind,
                quantity=quantity,
                time_in_force=terms.time_in_force,
                outside_regular_hours=terms.outside_regular_hours,
                tag=terms.tag,
                synchronous=terms.synchronous,
            )
        )

    def quantity_for(self, symbol: Symbol, weight: Decimal) -> Decimal:
        """Return the signed quantity to trade for the position to be `weight` of the equity."""
        return target_quantity(self._portfolio, self._securities[symbol], weight, self._fees, self._rules)

    def set_holdings(
        self, targets: Sequence[Target], *, liquidate_others: bool = False, terms: OrderTerms = DEFAULT_TERMS
    ) -> list[OrderRecord]:
        """Trade towards targets: those that reduce positions first, then the larger ones.

        What open market and market-on-open orders will still bring is taken into account.
        `liquidate_others` closes every position without a target first.
        """
        records: list[OrderRecord] = []
        if liquidate_others:
            wanted = {target.symbol for target in targets}
            others = [held.symbol for held in self._portfolio.holdings() if held.symbol not in wanted]
            records.extend(self.liquidate(others, terms))
        for target in self._by_margin_impact(targets):
            quantity = self.quantity_for(target.symbol, target.weight)
            quantity -= self._transactions.open_quantity(target.symbol, _IMMEDIATE)
            if abs(quantity) >= self._securities[target.symbol].properties.lot_size:
                records.append(self.market_order(target.symbol, quantity, terms))
        return records

    def _by_margin_impact(self, targets: Sequence[Target]) -> Sequence[Target]:
        if len(targets) < 2:
            return targets

        def impact(target: Target) -> tuple[bool, Decimal]:
            held = self._portfolio[target.symbol]
            change = self.quantity_for(target.symbol, target.weight)
            reduces = held.quantity != 0 and abs(held.quantity + change) < abs(held.quantity)
            return (not reduces, -abs(change * held.price))

        return sorted(targets, key=impact)

    def liquidate(
        self, symbols: Iterable[Symbol] | None = None, terms: OrderTerms = DEFAULT_TERMS
    ) -> list[OrderRecord]:
        """Cancel the open orders of these symbols (None: all) and close their positions at the market.

        Symbols go in the order of their tickers. Open market orders are left to fill and counted in.
        """
        tagged = terms if terms.tag else msgspec.structs.replace(terms, tag=LIQUIDATED)
        chosen = self._securities if symbols is None else symbols
        records: list[OrderRecord] = []
        for symbol in sorted(chosen, key=_ticker):
            if symbol not in self._securities:
                continue
            coming = ZERO
            for record in self._transactions.open_orders(symbol):
                if record.spec.type in _WITHOUT_PRICE:
                    coming += record.remaining
                else:
                    self._transactions.cancel(record.id, tagged.tag)
            quantity = -self._portfolio.quantity(symbol) - coming
            if quantity:
                records.append(self.market_order(symbol, quantity, tagged))
        return records


def _ticker(symbol: Symbol) -> str:
    return symbol.value
