"""Prices of points as the decimals that LEAN would hold: what orders and fills are made of."""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.data.bars import MarketPoint, PriceScale, Tick, TradeBar
from livetrader_engine.money import ZERO, from_float


def exact(price: float, scale: PriceScale | None) -> Decimal:
    """Return a price as the decimal LEAN would hold: by its scale, else with 15 significant digits."""
    return scale.exact(price) if scale is not None else from_float(price)


def exact_value(point: MarketPoint | None) -> Decimal:
    """Return a point's price: a close, a tick's price, the middle of two quotes; zero without a point."""
    if point is None:
        return ZERO
    if isinstance(point, TradeBar):
        return exact(point.close, point.scale)
    if isinstance(point, Tick):
        return from_float(point.value)
    bid, ask = exact(point.bid_close, point.scale), exact(point.ask_close, point.scale)
    return (bid + ask) / 2 if bid and ask else bid or ask
