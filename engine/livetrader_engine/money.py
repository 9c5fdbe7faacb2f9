"""Decimal rules: how money, quantities and order prices are rounded and converted.

Sources: LEAN's Common/Extensions.cs (normalisation, SmartRounding) and the .NET cast from double to
decimal, which keeps 15 significant digits.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

_SMART_DIGITS: Final = 7  # significant digits of values up to 1000 and of all negative ones
_SMART_DECIMALS: Final = Decimal("0.0001")  # decimals of values above 1000
_SMART_LIMIT: Final = 1000


def from_float(value: float) -> Decimal:
    """Return `value` as LEAN's cast from double to decimal gives it: 15 significant digits."""
    return Decimal(format(value, ".15g"))


def normalized(value: Decimal) -> Decimal:
    """Return `value` without trailing zeros and without an exponent; zero is never negative."""
    if not value:
        return ZERO
    short = value.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(ONE) if isinstance(exponent, int) and exponent > 0 else short


def smart_rounded(value: Decimal) -> Decimal:
    """Return `value` with 4 decimals above 1000, with 7 significant digits otherwise, half to even."""
    short = normalized(value)
    if short > _SMART_LIMIT:
        return normalized(short.quantize(_SMART_DECIMALS, rounding=ROUND_HALF_EVEN))
    with localcontext() as context:
        context.prec = _SMART_DIGITS
        context.rounding = ROUND_HALF_EVEN
        return normalized(+short)


def toward_zero(quantity: Decimal, lot_size: Decimal) -> Decimal:
    """Return the largest multiple of `lot_size` that is not larger in size than `quantity`."""
    if lot_size == ONE:
        return quantity.to_integral_value(rounding=ROUND_DOWN)
    return (quantity / lot_size).to_integral_value(rounding=ROUND_DOWN) * lot_size
