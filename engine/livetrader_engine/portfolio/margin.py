"""Buying power: what may be bought, and how much of it makes a target. Pure functions of the portfolio.

Source: LEAN's Common/Securities/BuyingPowerModel.cs and PortfolioTarget.cs. Amounts are in account currency.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from livetrader_engine.money import ONE, ZERO, normalized
from livetrader_engine.orders.fees import FeeModel, OrderFee, order_value
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.portfolio.portfolio import AccountType, Portfolio
from livetrader_engine.securities import Security

_MAX_TARGET_ROUNDS = 100  # the fee shrinks the target a little each time; LEAN's loop ends within a few


def leverage_of(portfolio: Portfolio, security: Security) -> Decimal:
    """Return the leverage that counts: 1 in a cash account."""
    return ONE if portfolio.account_type is AccountType.CASH else security.leverage


def maintenance_margin(portfolio: Portfolio, held: Holding) -> Decimal:
    """Return the margin one position binds."""
    currency = held.security.properties.quote_currency
    return abs(portfolio.cash.convert(held.value, currency)) / leverage_of(portfolio, held.security)


def margin_used(portfolio: Portfolio) -> Decimal:
    """Return the margin all positions bind."""
    return sum((maintenance_margin(portfolio, held) for held in portfolio.holdings()), ZERO)


def margin_remaining(portfolio: Portfolio) -> Decimal:
    """Return what is left for new positions: equity less unsettled cash less margin used."""
    unsettled = sum(
        (portfolio.cash[name].unsettled * portfolio.cash.rate(name) for name in portfolio.cash), ZERO
    )
    return portfolio.total_value - unsettled - margin_used(portfolio)


def buying_power_problem(
    portfolio: Portfolio, security: Security, spec: OrderSpec, remaining: Decimal, fee: OrderFee
) -> str | None:
    """Return why the account cannot carry the rest of an order, None if it can.

    `remaining` is the signed quantity not yet filled. Orders that only reduce a position always pass.
    """
    held = portfolio.quantity(security.symbol)
    if held * remaining < 0 and abs(remaining) <= abs(held):
        return None
    currency = security.properties.quote_currency
    leverage = leverage_of(portfolio, security)
    value = abs(portfolio.cash.convert(order_value(security, spec), currency))
    required = value / leverage + portfolio.cash.convert(fee.amount, fee.currency)
    if spec.quantity:
        required *= remaining / spec.quantity
    free = margin_remaining(portfolio)
    if held * remaining < 0:  # through zero: the old position frees its margin and what it binds anew
        free += 2 * maintenance_margin(portfolio, portfolio[security.symbol])
    if portfolio.account_type is AccountType.CASH and held + remaining < 0:
        return f"a cash account cannot sell {security.symbol.value} short"
    if required <= free:
        return None
    return (
        f"Insufficient buying power to complete order (Value:{normalized(value)}), "
        f"Free Margin: {normalized(free)}, required: {normalized(required)}"
    )


class TargetRules(msgspec.Struct, frozen=True):
    """How targets become quantities; ratios of the equity. See TradingPolicy for their meaning."""

    free_portfolio_value: Decimal = Decimal("0.0025")
    minimum_order_margin: Decimal = Decimal("0.001")


def target_quantity(
    portfolio: Portfolio, security: Security, weight: Decimal, fees: FeeModel, rules: TargetRules
) -> Decimal:
    """Return the signed quantity to trade so that the position's value is `weight` of the equity.

    Zero where there is no price, no margin left for more, or the change is too small to bother.
    """
    price = security.exact_price()
    equity = portfolio.total_value
    if not price or equity <= 0:
        return ZERO
    properties = security.properties
    leverage = leverage_of(portfolio, security)
    rate = portfolio.cash.convert(ONE, properties.quote_currency)
    unit = price * properties.contract_multiplier * rate / leverage
    held = portfolio.quantity(security.symbol)
    # weight of the investable equity, as a signed ratio of the equity that ends up bound as margin
    ratio = weight * (equity - rules.free_portfolio_value * equity) / equity / leverage
    target_margin = ratio * equity
    held_margin = held * unit
    change = abs(target_margin - held_margin)
    if ratio == 0:
        return -held
    if change < rules.minimum_order_margin * equity and margin_remaining(portfolio) > 0:
        return ZERO
    search = _Search(equity, ratio, unit, properties.lot_size)
    return search.quantity(held, lambda quantity: _fee_of(portfolio, security, quantity, fees))


def _fee_of(portfolio: Portfolio, security: Security, quantity: Decimal, fees: FeeModel) -> Decimal:
    spec = OrderSpec(OrderId(0), security.symbol, OrderType.MARKET, quantity, 0, security.exact_price())
    fee = fees.fee(security, spec)
    return portfolio.cash.convert(fee.amount, fee.currency)


class _Search(msgspec.Struct, frozen=True):
    """Find the largest order within a target: take the fee off the equity until the position fits."""

    equity: Decimal
    ratio: Decimal  # margin of the position, signed, as part of the equity
    unit: Decimal  # margin of one unit
    lot_size: Decimal

    def quantity(self, held: Decimal, fee_of: Callable[[Decimal], Decimal]) -> Decimal:
        target = self.ratio * self.equity
        rounding = ROUND_FLOOR if target >= 0 else ROUND_CEILING
        quantity = ZERO
        for _ in range(_MAX_TARGET_ROUNDS):
            position = (target / self.unit / self.lot_size).to_integral_value(
                rounding=rounding
            ) * self.lot_size
            previous, quantity = quantity, position - held
            if quantity == 0:
                return ZERO
            target = (self.equity - fee_of(quantity)) * self.ratio
            if abs(position * self.unit) <= abs(target) or previous == quantity:
                return quantity
        return quantity
