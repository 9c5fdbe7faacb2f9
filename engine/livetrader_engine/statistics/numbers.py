"""Arithmetic that the last digit of a statistic depends on: casts, rounding, text and moments.

Sources: the .NET casts and formats that LEAN relies on, and the recurrences of MathNet.Numerics
(StreamingStatistics, RunningStatistics), which are kept in their order of work because another order gives
another last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from livetrader_engine.money import ONE, ZERO, from_float

LARGEST: Final = Decimal("79228162514264337593543950335")  # the largest .NET decimal
HUNDRED: Final = Decimal(100)
_EXPONENT_AT: Final = 1e15  # .NET writes doubles from here on with an exponent


def cast(value: float) -> Decimal:
    """Return a double as LEAN's SafeDecimalCast gives it. Raises ValueError for what is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no decimal")
    if abs(value) >= float(LARGEST):
        return LARGEST.copy_sign(Decimal(value))
    return from_float(value)


def percent(ratio: Decimal) -> Decimal:
    """Return a hundred times the ratio, the largest decimal at most."""
    return LARGEST if ratio >= LARGEST / HUNDRED else ratio * HUNDRED


def rounded(value: Decimal, places: int) -> Decimal:
    """Return `value` with at most so many decimals, half to even; fewer stay fewer, zero has no sign."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -places:
        value = value.quantize(ONE.scaleb(-places), rounding=ROUND_HALF_EVEN)
    return value if value else abs(value)


def decimal_text(value: Decimal, places: int) -> str:
    """Return a rounded decimal as .NET writes it: trailing zeros stay."""
    return format(rounded(value, places), "f")


def float_text(value: float, places: int) -> str:
    """Return a rounded double as .NET writes it: no trailing zeros, an exponent from 1E+15 on.

    The rounding multiplies first, as .NET's Math.Round does: 0.0005 becomes 0 and not 0.001.
    """
    factor = 10.0**places
    short = math.copysign(round(value * factor) / factor, value)
    if abs(short) < _EXPONENT_AT:
        text = format(Decimal(repr(short)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = format(Decimal(repr(short)).normalize(), "E").partition("E")
    return f"{mantissa}E{int(exponent):+03d}"


def fixed_text(value: Decimal, places: int, *, grouped: bool = False) -> str:
    """Return `value` with exactly so many decimals, half away from zero, thousands apart if asked for."""
    short = value.quantize(ONE.scaleb(-places), rounding=ROUND_HALF_UP)
    short = short if short else abs(short)
    return f"{short:,f}" if grouped else f"{short:f}"


def significant(value: Decimal, digits: int) -> Decimal:
    """Return `value` with so many significant digits, half to even, with the zeros LEAN leaves.

    Source: Common/Extensions.cs, RoundToSignificantDigits: a power of ten times the rounded fraction.
    """
    if not value:
        return ZERO
    scale = Decimal(10) ** (math.floor(math.log10(float(abs(value)))) + 1)
    return scale * rounded(value / scale, digits)


def average(values: Sequence[Decimal]) -> Decimal:
    """Return the mean. Raises ZeroDivisionError for no values."""
    return sum(values, ZERO) / len(values)


def mean(values: Sequence[float]) -> float:
    """Return the mean. Raises ZeroDivisionError for no values."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def variance(values: Sequence[float]) -> float:
    """Return the sample variance (n - 1); NaN below 2 values."""
    if len(values) < 2:
        return math.nan
    total = values[0]
    spread = 0.0
    for index in range(1, len(values)):
        count = index + 1
        total += values[index]
        difference = count * values[index] - total
        spread += difference * difference / (count * index)
    return spread / (len(values) - 1)


def covariance(left: Iterable[float], right: Iterable[float]) -> float:
    """Return the sample covariance (n - 1) of two sequences of equal length; NaN below 2 values."""
    count = 0
    left_mean = right_mean = moment = 0.0
    for a, b in zip(left, right, strict=True):
        before = right_mean
        count += 1
        left_mean += (a - left_mean) / count
        right_mean += (b - right_mean) / count
        moment += (a - left_mean) * (b - before)
    return moment / (count - 1) if count > 1 else math.nan


def shape(values: Sequence[float]) -> tuple[float, float]:
    """Return the unbiased sample skewness (NaN below 3 values) and excess kurtosis (NaN below 4)."""
    n = 0
    m1 = m2 = m3 = m4 = 0.0
    for value in values:
        n += 1
        delta = value - m1
        step = delta / n
        square = step * step
        term = delta * step * (n - 1)
        m1 += step
        m4 += term * square * (n * n - 3 * n + 3) + 6 * square * m2 - 4 * step * m3
        m3 += term * step * (n - 2) - 3 * step * m2
        m2 += term
    if not m2:
        return math.nan, math.nan
    skewness = kurtosis = math.nan
    if n >= 3:
        skewness = n * m3 * math.sqrt(m2 / (n - 1)) / (m2 * m2 * (n - 2)) * (n - 1)
    if n >= 4:
        kurtosis = (n * n - 1) / ((n - 2) * (n - 3)) * (n * m4 / (m2 * m2) - 3 + 6.0 / (n + 1))
    return skewness, kurtosis


def normal_share_below(value: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-value / math.sqrt(2))


def absent(value: float) -> bool:
    """Return whether a figure is NaN or zero: LEAN divides by neither."""
    return math.isnan(value) or value == 0
