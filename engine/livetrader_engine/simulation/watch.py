"""Whether a working order can be left alone: asked at every look at the market, so made of floats.

Most orders rest far from the market, in an account that carries them easily. A watch says so from one bar's
low or high and the margin left; where it is in doubt it says no, and the order is looked at properly.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from livetrader_engine.money import ZERO
from livetrader_engine.orders.fills import StandardFills, WorkingOrder
from livetrader_engine.orders.order import OrderType
from livetrader_engine.portfolio.estimate import surely_affordable
from livetrader_engine.portfolio.models import SecurityModels
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import Security
from livetrader_engine.symbols import SecurityType

_SLACK = 1e-9  # relative; closer than this is in doubt


class Watch:
    """One resting order: the price it waits for, from which side, and until when."""

    __slots__ = (
        "_dearest", "_enough", "_expiry_ns", "_falling", "_level", "_leverage", "_models", "_security",
        "_spec", "_time_ns",
    )  # fmt: skip

    def __init__(
        self, order: WorkingOrder, security: Security, level: float, *, falling: bool, expiry_ns: int | None
    ) -> None:
        self._spec = order.spec
        self._time_ns = order.time_ns
        self._security = security
        self._falling = falling
        slack = abs(level) * _SLACK
        self._level = level + slack if falling else level - slack
        self._expiry_ns: float = inf if expiry_ns is None else expiry_ns
        self._enough, self._dearest = inf, 0.0
        self._models: SecurityModels | None = None
        self._leverage = security.leverage

    def idle(self, portfolio: Portfolio, now_ns: int, free: Callable[[], float]) -> bool:
        """Return whether this look at the market surely changes nothing.

        `free` gives the margin left, by estimate; it is asked only where the order could not fill anyway.
        """
        time_ns = self._time_ns
        if now_ns == time_ns:
            return True  # it is not tried before the next step
        security = self._security
        bar = security.trade_bar
        if bar is None or security.trade_tick is not None or now_ns >= self._expiry_ns:
            return False
        reached = bar.low <= self._level if self._falling else bar.high >= self._level
        if reached and bar.end_time_ns > time_ns:
            return False
        least = free()
        models = portfolio.models.of(self._spec.symbol)
        same = models is self._models and security.leverage is self._leverage
        if same and least >= self._enough and security.price <= self._dearest:
            return True
        if not surely_affordable(portfolio, security, self._spec, least):
            return self._reduces(portfolio)
        # the same margin carries it at any price up to this one
        self._enough, self._dearest = least, security.price
        self._models, self._leverage = models, security.leverage
        return True

    def _reduces(self, portfolio: Portfolio) -> bool:
        """Whether the order only closes what is held: then it needs no margin."""
        held, quantity = portfolio.quantity(self._spec.symbol), self._spec.quantity
        return held * quantity < ZERO and abs(held) >= abs(quantity)


def watch_of(
    order: WorkingOrder, security: Security, portfolio: Portfolio, expiry_ns: int | None
) -> Watch | None:
    """Return the watch of an order; None where its type or its security's fill model needs every look."""
    spec = order.spec
    if security.symbol.security_type is not SecurityType.EQUITY:
        return None
    if type(portfolio.models.of(spec.symbol).fills) is not StandardFills:
        return None
    buying = spec.quantity > 0
    match spec.type:
        case OrderType.LIMIT if spec.limit_price is not None:
            level, falling = float(spec.limit_price), buying
        case OrderType.STOP_MARKET if order.stop_price is not None:
            level, falling = float(order.stop_price), not buying
        case OrderType.LIMIT_IF_TOUCHED if spec.trigger_price is not None and not order.armed:
            level, falling = float(spec.trigger_price), buying
        case _:
            return None
    return Watch(order, security, level, falling=falling, expiry_ns=expiry_ns)
