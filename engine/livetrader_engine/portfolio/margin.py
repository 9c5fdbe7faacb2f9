"""Buying power: what may be bought, and how much of it makes a target. Pure functions of the portfolio.

Source: LEAN's Common/Securities/BuyingPowerModel.cs and PortfolioTarget.cs. Amounts are in account currency.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import partial
from typing import Final

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, ZERO, smart_rounded
from livetrader_engine.orders.fees import FeeModel, order_value
from livetrader_engine.orders.messages import insufficient, margin_short
from livetrader_engine.orders.order import OrderDirection, OrderId, OrderSpec, OrderType
from livetrader_engine.portfolio.estimate import cash_covers
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.portfolio.models import OwnMargin
from livetrader_engine.portfolio.portfolio import AccountType, Portfolio
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Symbol

_MAX_TARGET_ROUNDS = 100  # the fee shrinks the target a little each time; LEAN's loop ends within a few


def leverage_of(portfolio: Portfolio, security: Security) -> Decimal:
    """Return the leverage that counts: 1 in a cash account."""
    return ONE if portfolio.account_type is AccountType.CASH else security.leverage


def _initial_ratio(portfolio: Portfolio, security: Security) -> Decimal:
    leverage = leverage_of(portfolio, security)
    return portfolio.models.of(security.symbol).margin.initial(security, leverage)


def _own(portfolio: Portfolio, symbol: Symbol) -> OwnMargin | None:
    """Return the margin model of the algorithm's own that a security has, if it has one."""
    margin = portfolio.models.of(symbol).margin
    return margin if isinstance(margin, OwnMargin) else None


def initial_margin(portfolio: Portfolio, security: Security, quantity: Decimal) -> Decimal:
    """Return the margin that a position of this signed quantity takes at the newest price, signed."""
    own = _own(portfolio, security.symbol) if portfolio.models.any_own else None
    if own is not None:
        rule = partial(standard_initial, portfolio, security, quantity)
        return own.initial_margin(security, quantity, rule)
    return standard_initial(portfolio, security, quantity)


def standard_initial(portfolio: Portfolio, security: Security, quantity: Decimal) -> Decimal:
    """Return price times quantity times the model's part of it, in account currency, signed."""
    properties = security.properties
    rate = portfolio.cash.rate(properties.quote_currency)
    price = security.exact_price()
    ratio = _initial_ratio(portfolio, security)
    return rate * properties.contract_multiplier * price * quantity * ratio


def maintenance_margin(portfolio: Portfolio, held: Holding) -> Decimal:
    """Return the margin one position binds."""
    own = _own(portfolio, held.symbol) if portfolio.models.any_own else None
    if own is not None:
        return own.maintenance_margin(held.security, partial(standard_maintenance, portfolio, held))
    return standard_maintenance(portfolio, held)


def standard_maintenance(portfolio: Portfolio, held: Holding) -> Decimal:
    """Return the position's absolute value times the model's part of it."""
    security = held.security
    ratio = portfolio.models.of(held.symbol).margin.maintenance(security, leverage_of(portfolio, security))
    return abs(portfolio.cash.convert(held.value, security.properties.quote_currency)) * ratio


def margin_used(portfolio: Portfolio) -> Decimal:
    """Return the margin all positions bind."""
    return sum((maintenance_margin(portfolio, held) for held in portfolio.holdings()), ZERO)


def unsettled_cash(portfolio: Portfolio) -> Decimal:
    """Return the cash that may not be spent yet, in account currency."""
    book = portfolio.cash
    return sum((book[name].unsettled * book.rate(name) for name in book), ZERO)


def margin_remaining(portfolio: Portfolio) -> Decimal:
    """Return what is left for new positions: equity less unsettled cash less margin used."""
    return portfolio.total_value - unsettled_cash(portfolio) - margin_used(portfolio)


def buying_power(portfolio: Portfolio, security: Security, direction: OrderDirection) -> Decimal:
    """Return the margin an order of this side may take: what is left, and what an opposite position frees.

    Source: PositionGroupBuyingPowerModel.GetPositionGroupBuyingPower.
    """
    free = margin_remaining(portfolio)
    held = portfolio[security.symbol]
    if _opposite(
        held, direction
    ):  # the old position frees its margin, and what it binds is open to a new one
        free += maintenance_margin(portfolio, held) + abs(initial_margin(portfolio, security, held.quantity))
    return free


def _opposite(held: Holding, direction: OrderDirection) -> bool:
    if held.quantity > 0:
        return direction is OrderDirection.SELL
    return held.quantity < 0 and direction is OrderDirection.BUY


def order_problem(
    portfolio: Portfolio, security: Security, spec: OrderSpec, filled: Decimal = ZERO
) -> str | None:
    """Return why the account cannot carry an order, None if it can; `filled` of it is held already.

    Orders that only reduce a position always pass. Source: BuyingPowerModel.HasSufficientBuyingPowerForOrder.
    """
    own = _own(portfolio, spec.symbol) if portfolio.models.any_own else None
    if own is not None:
        rule = partial(standard_problem, portfolio, security, spec, filled)
        return own.order_problem(security, spec, rule)
    return standard_problem(portfolio, security, spec, filled)


def standard_problem(
    portfolio: Portfolio, security: Security, spec: OrderSpec, filled: Decimal
) -> str | None:
    """Return what `order_problem` says without an algorithm\'s own say in it."""
    models = portfolio.models.of(security.symbol)
    held = portfolio.quantity(security.symbol)
    quantity = spec.quantity
    if not quantity:
        return None
    if held and held * quantity < 0 and abs(held) >= abs(quantity):
        return None
    if cash_covers(portfolio, security, spec):
        return None
    free = buying_power(portfolio, security, spec.direction)
    free = max(ZERO, free - portfolio.total_value * models.margin.free_ratio)
    fee = models.fees.fee(security, spec)
    required = abs(initial_margin(portfolio, security, quantity))
    required += portfolio.cash.convert(fee.amount, fee.currency)
    if filled:
        required = (abs(quantity) - abs(filled)) / abs(quantity) * required
    return None if required <= free else margin_short(spec.id, required, free)


def told_problem(portfolio: Portfolio, security: Security, spec: OrderSpec, reason: str) -> str:
    """Return what is told of an order that `order_problem` found too large."""
    value = portfolio.cash.convert(order_value(security, spec), security.properties.quote_currency)
    return insufficient(spec.id, smart_rounded(value), reason)


class TargetRules(msgspec.Struct, frozen=True):
    """How targets become quantities; ratios of the equity. See TradingPolicy for their meaning.

    `free_portfolio_cash` is an amount that takes the place of `free_portfolio_value`.
    """

    free_portfolio_value: Decimal = Decimal("0.0025")
    minimum_order_margin: Decimal = Decimal("0.001")
    free_portfolio_cash: Decimal | None = None


DEFAULT_RULES: Final = TargetRules()


def target_quantity(
    portfolio: Portfolio, security: Security, weight: Decimal, rules: TargetRules = DEFAULT_RULES
) -> Decimal:
    """Return the signed quantity to trade so that the position's value is `weight` of the equity.

    Zero where there is no price, or the change is too small to bother. Source: PortfolioTarget.Percent.
    """
    equity = portfolio.total_value
    if not security.exact_price() or not equity:
        return ZERO
    buffer = rules.free_portfolio_cash
    buffer = equity * rules.free_portfolio_value if buffer is None else buffer
    invested = weight * (equity - buffer) / equity
    own = _own(portfolio, security.symbol)
    if own is not None:
        return quantity_for_margin(
            portfolio, security, invested / own.leverage(security), rules.minimum_order_margin
        )
    leverage = ONE / _initial_ratio(portfolio, security) if _initial_ratio(portfolio, security) else ONE
    return quantity_for_margin(portfolio, security, invested / leverage, rules.minimum_order_margin)


def quantity_for_margin(
    portfolio: Portfolio, security: Security, ratio: Decimal, minimum: Decimal
) -> Decimal:
    """Return the signed quantity to trade for a position whose margin is `ratio` of the equity, signed.

    The fee is taken off the equity until position and fee fit; `minimum` is the part of the equity below
    which a change is not worth it. Source: BuyingPowerModel.GetMaximumOrderQuantityForTargetBuyingPower.
    """
    own = _own(portfolio, security.symbol)
    if own is not None:
        rule = partial(standard_quantity, portfolio, security, ratio, minimum)
        return own.target_quantity(security, ratio, minimum, rule)
    return standard_quantity(portfolio, security, ratio, minimum)


def standard_quantity(portfolio: Portfolio, security: Security, ratio: Decimal, minimum: Decimal) -> Decimal:
    """Return what `quantity_for_margin` says without an algorithm\'s own say in it."""
    equity, held = portfolio.total_value, portfolio.quantity(security.symbol)
    models = portfolio.models.of(security.symbol)
    reserved = equity * models.margin.free_ratio
    target = ratio * (equity - reserved)
    if not target:
        return -held
    unit = initial_margin(portfolio, security, ONE)
    if not unit:
        return ZERO
    change = abs(target - initial_margin(portfolio, security, held))
    if minimum and equity * minimum > change and margin_remaining(portfolio) > 0:
        return ZERO
    last = ZERO
    for _ in range(_MAX_TARGET_ROUNDS):
        quantity = _amount_to_order(held, target, unit, security.properties.lot_size)
        if not quantity:
            return ZERO
        reached = (quantity + held) * unit
        fee = _fee_of(portfolio, security, quantity, models.fees)
        target = (equity - fee - reserved) * ratio
        if abs(reached) <= abs(target):
            return quantity
        if quantity == last:
            break
        last = quantity
    raise AlgorithmError(
        f"no quantity of {security.symbol.value} fits the target margin {target} with its fee {fee}"
    )


def _amount_to_order(held: Decimal, target: Decimal, unit: Decimal, lot_size: Decimal) -> Decimal:
    """Return whole lots that bring the position's margin up to `target`, not beyond it."""
    rounding = ROUND_CEILING if target < 0 else ROUND_FLOOR
    wanted = -held + target / unit
    quantity = (wanted / lot_size).to_integral_value(rounding=rounding) * lot_size
    step = lot_size if target < 0 else -lot_size
    while abs((quantity + held) * unit) > abs(target) and (quantity + held) * target > 0:
        quantity += step
    return quantity


def _fee_of(portfolio: Portfolio, security: Security, quantity: Decimal, fees: FeeModel) -> Decimal:
    spec = OrderSpec(OrderId(0), security.symbol, OrderType.MARKET, quantity, 0, security.exact_price())
    fee = fees.fee(security, spec)
    return portfolio.cash.convert(fee.amount, fee.currency)
