"""A float's look at the account: cheap, and trusted only where it is far from the edge.

Every resting order is checked against the account at every look at the market, and nearly always passes by
far. These estimates say so without a decimal; whatever is close, or not plain, is left to `portfolio.margin`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.portfolio.models import LeverageMargin, MarginModel
from livetrader_engine.portfolio.portfolio import AccountType, Portfolio
from livetrader_engine.securities import Security
from livetrader_engine.symbols import SecurityType

ROOM: Final = 0.9  # the part of the free margin that an estimate may use up
FEE_ROOM: Final = 0.02  # of the value, and
FEE_LEAST: Final = 100.0  # at least so much: more than any fee of the models that are estimated

AT_EASE: Final = 0.2  # of the equity as free margin; LEAN warns at a twentieth

_CASH: Final = AccountType.CASH
_PLAIN: Final = frozenset({SecurityType.EQUITY})  # valued as quantity times price, in one currency


def free_margin_estimate(portfolio: Portfolio) -> float:
    """Return the margin left, in account currency; minus infinity where a float cannot know it."""
    found = _free_and_equity(portfolio, portfolio.holdings())
    return -inf if found is None else found[0]


def _free_and_equity(portfolio: Portfolio, positions: Iterable[Holding]) -> tuple[float, float] | None:
    """Return margin left and equity of an account with these positions; None where floats cannot know."""
    cash, models = portfolio.cash.only, portfolio.models
    if cash is None:
        return None
    free = equity = float(cash.amount)
    cash_account = portfolio.account_type is _CASH
    for held in positions:
        security = held.security
        price = security.price
        if not _plain_by(models.of(security.symbol).margin, portfolio, security, price):
            return None
        value = float(held.quantity) * price
        equity += value
        free += value - abs(value) / (1.0 if cash_account else float(security.leverage))
    return free, equity


def surely_at_ease(portfolio: Portfolio) -> bool:
    """Return whether so much margin is left that nobody need be warned: a fifth of the equity or more."""
    held = portfolio.holdings()
    if not held:
        return True
    found = _free_and_equity(portfolio, held)
    if found is not None:
        free, equity = found
        if equity > 0 and free > AT_EASE * equity:
            return True
    return not portfolio.invested


def cash_covers(portfolio: Portfolio, security: Security, spec: OrderSpec) -> bool:
    """Return whether the cash alone carries the order with room to spare; False means: look closer.

    A long position is worth no less than the margin it binds, so that without short ones the cash is the
    least there is.
    Cheaper than `free_margin_estimate`: no position is valued.
    """
    models = portfolio.models
    cash = portfolio.cash.only
    if cash is None or models.any_own:
        return False
    least = float(cash.amount - abs(cash.unsettled)) if cash.unsettled else float(cash.amount)
    return portfolio.only_long_stock and surely_affordable(portfolio, security, spec, least)


def _plain_by(margin: MarginModel, portfolio: Portfolio, security: Security, price: float) -> bool:
    if security.symbol.security_type not in _PLAIN or not price:
        return False
    if security.properties.quote_currency != portfolio.cash.account_currency:
        return False
    return type(margin) is LeverageMargin and not margin.free_ratio


def surely_affordable(portfolio: Portfolio, security: Security, spec: OrderSpec, free: float) -> bool:
    """Return whether `free` carries the order with room to spare; False means that it must be looked at.

    Not for fee models of the algorithm's own: they may ask for anything.
    """
    if free <= 0:
        return False
    price = security.price
    models = portfolio.models.of(security.symbol)
    if not _plain_by(models.margin, portfolio, security, price) or not getattr(
        models.fees, "moderate", False
    ):
        return False
    value = abs(float(spec.quantity)) * price * float(security.properties.contract_multiplier)
    leverage = 1.0 if portfolio.account_type is _CASH else float(security.leverage)
    fee = value * FEE_ROOM
    return value / leverage + (fee if fee > FEE_LEAST else FEE_LEAST) < free * ROOM
