"""The arithmetic of a split: shares and prices before it and after it. Pure. Orders: orders/after_split.py.

A factor is what a price is multiplied by: 0.25 for four shares out of one. Shares are divided by it and cut
towards zero; the rest is paid in cash. Source: LEAN's SecurityPortfolioManager.ApplySplit (holdings) and
SecurityCache.ApplySplit (prices).

Factors in files are rounded (0.1428572 for seven out of one), and a brokerage counts by the exact ratio: 100
shares become 700, not 699. So accounts that a brokerage keeps are counted by `ratio_of`.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar

LARGEST_TERM: Final = (
    50  # of a ratio that a rounded factor may stand for; beyond, the factor is taken as told
)
ROUNDED_DIGITS: Final = 4  # decimals from which on a factor may be a rounded one; 0.1 is ten for one


def ratio_of(factor: Decimal) -> Fraction:
    """Return the exact ratio behind a factor, the factor itself where there is no simple one."""
    exact = Fraction(factor)
    exponent = factor.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 0
    if digits < ROUNDED_DIGITS:
        return exact
    simple = exact.limit_denominator(LARGEST_TERM)
    if simple and abs(simple - exact) <= Fraction(1, 10**digits):
        return simple
    inverse = (1 / exact).limit_denominator(LARGEST_TERM)
    if inverse and abs(1 / inverse - exact) <= Fraction(1, 10**digits):
        return 1 / inverse
    return exact


def shares_after(quantity: Decimal, factor: Decimal) -> tuple[Decimal, Decimal]:
    """Return the whole shares that a signed quantity becomes, and the fraction that is paid in cash."""
    after = Fraction(quantity) / ratio_of(factor)
    whole = Decimal(int(after))  # towards zero, as LEAN cuts
    rest = after - int(after)
    return whole, Decimal(rest.numerator) / Decimal(rest.denominator)


def point_after(point: MarketPoint, factor: Decimal) -> MarketPoint:
    """Return what was seen before a split as it counts after it: prices, volumes and sizes."""
    times = float(factor)
    if isinstance(point, TradeBar):
        return msgspec.structs.replace(
            point,
            open=point.open * times,
            high=point.high * times,
            low=point.low * times,
            close=point.close * times,
            volume=point.volume / times,
            scale=None,
        )
    if isinstance(point, QuoteBar):
        names = ("open", "high", "low", "close")
        sides = {f"{side}_{name}" for side in ("bid", "ask") for name in names}
        scaled = {name: getattr(point, name) * times for name in sides}
        sizes = {"bid_size": point.bid_size / times, "ask_size": point.ask_size / times}
        return msgspec.structs.replace(point, **scaled, **sizes, scale=None)
    assert isinstance(point, Tick)
    return msgspec.structs.replace(
        point,
        price=point.price * times,
        quantity=point.quantity / times,
        bid_price=point.bid_price * times,
        bid_size=point.bid_size / times,
        ask_price=point.ask_price * times,
        ask_size=point.ask_size / times,
    )
