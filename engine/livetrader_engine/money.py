"""Decimal rules: how money, quantities and order prices are rounded and converted.

Sources: LEAN's Common/Extensions.cs (normalisation, SmartRounding) and the .NET cast from double to
decimal, which keeps 15 significant digits.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from math import frexp
from typing import Final

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
_TEN: Final = Decimal(10)

_SMART_DIGITS: Final = 7  # significant digits of values up to 1000 and of all negative ones
_SMART_DECIMALS: Final = Decimal("0.0001")  # decimals of values above 1000
_SMART_LIMIT: Final = 1000

_MOST_DECIMALS: Final = 28  # of a .NET decimal
_LEAST_EXPONENT: Final = -94  # of two: doubles below are cast to zero
_PLAIN_UNIT: Final = 10_000  # most prices have four decimals at most
_PLAIN_LIMIT: Final = 1e11  # far within what a double holds exactly
_FIFTEEN_DIGITS: Final = 1e15
_POWERS: Final = tuple(float(f"1e{power}") for power in range(_MOST_DECIMALS + 1))


def from_float(value: float) -> Decimal:
    """Return `value` as LEAN's cast from double to decimal gives it: 15 digits, no trailing zeros.

    The digits are taken by scaling the double, as .NET does (Decimal.DecCalc.VarDecFromR8), so that they are
    the same where the exact value lies between two of them. Below 1E-28 there is nothing. Raises
    OverflowError for infinity and ValueError for NaN.
    """
    scaled = value * _PLAIN_UNIT
    if -_PLAIN_LIMIT < scaled < _PLAIN_LIMIT:
        digits = round(scaled)
        if digits and digits / _PLAIN_UNIT == value:  # then its 15 digits are these and zeros
            if digits % 100:
                return Decimal(digits).scaleb(-4) if digits % 10 else Decimal(digits // 10).scaleb(-3)
            return _plain(digits // 100)
    exponent = frexp(value)[1]
    if exponent < _LEAST_EXPONENT or not value:
        return ZERO
    size, sign = (value, 1) if value > 0 else (-value, -1)
    power = 14 - ((exponent * 19728) >> 16)  # decimals that make 15 digits: log10(2) is about 19728 / 65536
    if power >= 0:
        power = min(power, _MOST_DECIMALS)
        size *= _POWERS[power]
    elif power != -1 or size >= _FIFTEEN_DIGITS:
        size /= 10.0**-power
    else:
        power = 0
    if size < _FIFTEEN_DIGITS / 10 and power < _MOST_DECIMALS:
        size *= 10
        power += 1
    digits = round(size)
    while power > 0 and digits % 10 == 0:
        digits //= 10
        power -= 1
    if power <= 0:
        return Decimal(digits * 10**-power * sign)
    return Decimal(digits * sign).scaleb(-power)


def _plain(digits: int) -> Decimal:
    """Return so many hundredths as a decimal without trailing zeros."""
    if digits % 100 == 0:
        return Decimal(digits // 100)
    return Decimal(digits).scaleb(-2) if digits % 10 else Decimal(digits // 10).scaleb(-1)


def normalized(value: Decimal) -> Decimal:
    """Return `value` without trailing zeros and without an exponent; zero is never negative."""
    if not value:
        return ZERO
    short = value.normalize()
    if short.is_finite() and not short % _TEN:  # an exponent above zero
        return short.quantize(ONE)
    return short


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
