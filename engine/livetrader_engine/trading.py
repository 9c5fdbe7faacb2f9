"""What algorithms say about trading, in terms of orders: market orders, targets, liquidation.

Source: LEAN's QCAlgorithm.Trading.cs (MarketOrder, SetHoldings, Liquidate) and Extensions.cs
(OrderTargetsByMarginImpact).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.money import ZERO, toward_zero
from livetrader_engine.orders.checks import no_price, trailing_stop
from livetrader_engine.orders.messages import LIQUIDATED
from livetrader_engine.orders.order import (
    GOOD_TIL_CANCELED,
    OrderType,
    PropertyValue,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.margin import TargetRules, target_quantity
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.transactions import Transactions

_MARKET: Final = OrderType.MARKET
_FUTURES: Final = frozenset({SecurityType.FUTURE, SecurityType.FUTURE_OPTION})
_IMMEDIATE: Final = frozenset({OrderType.MARKET, OrderType.MARKET_ON_OPEN})
_AUCTIONS: Final = frozenset({OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})


class OrderTerms(msgspec.Struct, frozen=True, gc=False):
    """What may be said about any order beside symbol, quantity and prices."""

    time_in_force: TimeInForce = GOOD_TIL_CANCELED
    outside_regular_hours: bool = False
    tag: str = ""
    synchronous: bool = True
    properties: tuple[tuple[str, PropertyValue], ...] = ()


class OrderPrices(msgspec.Struct, frozen=True, gc=False):
    """The prices an order may have, as its type demands."""

    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_amount: Decimal | None = None
    trailing_as_percentage: bool = False


NO_PRICES: Final = OrderPrices()
LIQUIDATION: Final = OrderTerms(tag=LIQUIDATED)
DEFAULT_TERMS: Final = OrderTerms()


class Target(msgspec.Struct, frozen=True):
    """A position wanted, as a signed part of the equity."""

    symbol: Symbol
    weight: Decimal


class Trading:
    """Turns wishes into requests. Holds no state of its own; how, the policy of the transactions says."""

    def __init__(
        self, clock: Clock, securities: SecurityManager, portfolio: Portfolio, transactions: Transactions
    ) -> None:
        self._clock = clock
        self._securities = securities
        self._portfolio = portfolio
        self._transactions = transactions

    def market_order(
        self, symbol: Symbol, quantity: Decimal, terms: OrderTerms = DEFAULT_TERMS
    ) -> OrderRecord:
        """Trade at the market: now, at the next open where the exchange is closed.

        With `convert_daily_market_orders` and daily data only it becomes market-on-close while the exchange
        is open, market-on-open where it is too late for that.
        """
        security = self._securities.get(symbol)
        if security is not None and (kind := self._market_type(security)) is not _MARKET:
            return self.order(kind, symbol, quantity, terms)
        return self._transactions.submit(
            OrderRequest(
                symbol, _MARKET, quantity, time_in_force=terms.time_in_force,
                outside_regular_hours=terms.outside_regular_hours, tag=terms.tag,
                synchronous=terms.synchronous, properties=terms.properties,
            )
        )  # fmt: skip

    def _market_type(self, security: Security) -> OrderType:
        now_ns, hours = self._clock.now_ns, security.hours
        if hours.always_open or security.symbol.security_type in _FUTURES:
            return _MARKET
        if not hours.is_open(now_ns):
            return OrderType.MARKET_ON_OPEN
        policy = self._transactions.policy
        if not policy.convert_daily_market_orders or not security.daily_only:
            return _MARKET
        too_late = now_ns > hours.next_close(now_ns) - policy.market_on_close_buffer_ns
        return OrderType.MARKET_ON_OPEN if too_late else OrderType.MARKET_ON_CLOSE

    def order(
        self,
        kind: OrderType,
        symbol: Symbol,
        quantity: Decimal,
        terms: OrderTerms = DEFAULT_TERMS,
        prices: OrderPrices = NO_PRICES,
    ) -> OrderRecord:
        """Submit an order of this type, as given. A trailing stop without a stop begins at its distance.

        Auction orders are good til canceled even where a date was given: LEAN knows no other.
        """
        in_force = terms.time_in_force
        if kind in _AUCTIONS and in_force.kind is TimeInForceKind.GOOD_TIL_DATE:
            in_force = GOOD_TIL_CANCELED
        return self._transactions.submit(
            OrderRequest(
                symbol=symbol,
                type=kind,
                quantity=quantity,
                limit_price=prices.limit_price,
                stop_price=self._stop(kind, symbol, quantity, prices),
                trigger_price=prices.trigger_price,
                trailing_amount=prices.trailing_amount,
                trailing_as_percentage=prices.trailing_as_percentage,
                time_in_force=in_force,
                outside_regular_hours=terms.outside_regular_hours,
                tag=terms.tag,
                synchronous=terms.synchronous,
                properties=terms.properties,
            )
        )

    def _stop(
        self, kind: OrderType, symbol: Symbol, quantity: Decimal, prices: OrderPrices
    ) -> Decimal | None:
        amount, security = prices.trailing_amount, self._securities.get(symbol)
        if kind is not OrderType.TRAILING_STOP or amount is None or security is None:
            return prices.stop_price
        if prices.stop_price is not None:
            return prices.stop_price
        percent = prices.trailing_as_percentage
        return trailing_stop(security.exact_price(), quantity, amount, as_percentage=percent)

    def quantity_for(self, symbol: Symbol, weight: Decimal) -> Decimal:
        """Return the signed quantity to trade for the position to be `weight` of the equity.

        Zero, reported, where the weight is out of LEAN's bounds or there is no price.
        """
        policy, security = self._transactions.policy, self._securities[symbol]
        size = abs(weight)
        if size > policy.largest_target or (size and size < policy.smallest_target):
            self._transactions.report(
                f"the target {weight} of {symbol.value} is not within "
                f"{policy.smallest_target} and {policy.largest_target}"
            )
            return ZERO
        if not security.exact_price():
            self._transactions.report(no_price(symbol.value))
            return ZERO
        rules = TargetRules(
            policy.free_portfolio_value, policy.minimum_order_margin, policy.free_portfolio_amount
        )
        return target_quantity(self._portfolio, security, weight, rules)

    def set_holdings(
        self, targets: Sequence[Target], *, liquidate_others: bool = False, terms: OrderTerms = DEFAULT_TERMS
    ) -> list[OrderRecord]:
        """Trade towards targets: those that reduce positions first, then the larger ones.

        What open market and market-on-open orders will still bring is taken into account.
        `liquidate_others` closes every position without a target first, and cancels its orders.
        """
        records: list[OrderRecord] = []
        single = len(targets) == 1
        changes = [(item.symbol, self.quantity_for(item.symbol, item.weight)) for item in targets]
        if liquidate_others:
            wanted = {target.symbol for target in targets}
            others = sorted((s for s in self._securities if s not in wanted), key=_ticker)
            tag = terms.tag or LIQUIDATED
            liquidation = msgspec.structs.replace(terms, tag=tag, synchronous=True)
            records.extend(self.liquidate(others, liquidation))
            if not single:
                changes = [(item.symbol, self.quantity_for(item.symbol, item.weight)) for item in targets]
        for symbol, change in changes if single else self._by_margin_impact(changes):
            quantity = change - self._transactions.open_quantity(symbol, _IMMEDIATE)
            if not quantity:
                continue
            is_open = self._securities[symbol].hours.is_open(self._clock.now_ns)
            if is_open:
                records.append(self.market_order(symbol, quantity, terms))
            else:
                records.append(self.order(OrderType.MARKET_ON_OPEN, symbol, quantity, terms))
        return records

    def _by_margin_impact(self, changes: Sequence[tuple[Symbol, Decimal]]) -> list[tuple[Symbol, Decimal]]:
        """Return the changes worth a lot, those that reduce positions first, then by value.

        Source: OrderTargetsByMarginImpact in LEAN's Common/Extensions.cs.
        """
        if self._transactions.warming_up:
            return []
        ranked: list[tuple[bool, Decimal, tuple[Symbol, Decimal]]] = []
        for symbol, change in changes:
            security = self._securities[symbol]
            whole = adjusted_by_lot(security, change)
            if not security.has_data or not security.is_tradable:
                continue
            if abs(whole) < security.properties.lot_size:
                continue
            held = self._portfolio.quantity(symbol) + self._transactions.open_quantity(symbol)
            reduces = held != 0 and abs(whole + held) < abs(held)
            value = abs(whole * security.exact_price())
            ranked.append((not reduces, -value, (symbol, change)))
        ranked.sort(key=lambda item: item[:2])  # ties stay in the order given
        return [item[2] for item in ranked]

    def liquidate(
        self, symbols: Iterable[Symbol] | None = None, terms: OrderTerms = LIQUIDATION
    ) -> list[OrderRecord]:
        """Cancel the open orders of these symbols (None: all, by ticker) and close their positions.

        Open market orders are left to fill and counted in. An empty tag is kept; `LIQUIDATED` is LEAN's.
        """
        if not self._transactions.policy.liquidates:
            self._transactions.report("liquidate() is disabled by settings.liquidate_enabled")
            return []
        chosen = sorted(self._securities, key=_ticker) if symbols is None else symbols
        records: list[OrderRecord] = []
        for symbol in chosen:
            if symbol not in self._securities:
                continue
            record = self._liquidate_one(symbol, terms)
            if record is not None:
                records.append(record)
        return records

    def _liquidate_one(self, symbol: Symbol, terms: OrderTerms) -> OrderRecord | None:
        held = self._portfolio[symbol]
        quantity = held.quantity if held.invested else ZERO
        orders = self._transactions.open_orders(symbol)
        if len(orders) == 1 and quantity:
            only = orders[0]
            if only.spec.type is OrderType.MARKET and only.quantity == -quantity:
                return None  # it closes the position
        coming = ZERO
        for record in orders:
            if record.spec.type is OrderType.MARKET:
                coming += record.remaining
            else:
                self._transactions.cancel(record.id, terms.tag)
        return self.market_order(symbol, -quantity - coming, terms) if quantity else None


def adjusted_by_lot(security: Security, quantity: Decimal) -> Decimal:
    """Return whole lots, toward zero; what misses a millionth of a lot counts as one.

    Source: OrderSizing.AdjustByLotSize.
    """
    lot_size = security.properties.lot_size
    size = abs(quantity)
    whole = toward_zero(size, lot_size)
    if lot_size - (size - whole) < lot_size / 1_000_000:
        whole += lot_size
    return whole.copy_sign(quantity) if whole else ZERO


def _ticker(symbol: Symbol) -> str:
    return symbol.value
