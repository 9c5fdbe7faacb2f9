"""Casts, rounding and moments: expectations are .NET's and MathNet's published behaviour, or done by hand."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from livetrader_engine.money import from_float
from livetrader_engine.statistics.numbers import (
    LARGEST,
    cast,
    covariance,
    decimal_text,
    fixed_text,
    float_text,
    normal_share_below,
    percent,
    shape,
    significant,
    variance,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (144.773077904, "144.773077904"),
        (0.08577727276201075, "0.0857772727620108"),  # between two: LEAN's own tests expect the upper
        (-3.5, "-3.5"),
        (1e16, "10000000000000000"),
        (123456789012345678.0, "123456789012346000"),
        (1.2345678901234569e-20, "0.0000000000000000000123456789"),  # 28 decimals are all there are
        (1e-30, "0"),
        (-0.0, "0"),
    ],
)
def test_a_double_becomes_the_decimal_that_dotnet_makes(value: float, text: str) -> None:
    assert format(from_float(value), "f") == text


def test_what_is_not_finite_has_no_decimal_and_what_is_too_large_the_largest() -> None:
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="has no decimal"):
            cast(value)
    assert cast(1e40) == LARGEST
    assert cast(-1e40) == LARGEST.copy_negate()
    assert percent(LARGEST) == LARGEST


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("0", 3, "0"),
        ("0.000", 3, "0.000"),
        ("-0.00004", 3, "0.000"),
        ("10.5", 3, "10.5"),
        ("1.0005", 3, "1.000"),  # half to even
        ("1.0015", 3, "1.002"),
        ("0E+28", 2, "0"),
    ],
)
def test_decimals_keep_their_zeros(value: str, places: int, text: str) -> None:
    assert decimal_text(Decimal(value), places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8.8541, "8.854"),
        (-19.0001, "-19"),
        (1.97, "1.97"),
        (0.0005, "0"),  # times a thousand is a half, which goes to the even 0
        (0.0015, "0.002"),
        (-0.0001, "-0"),
        (0.0, "0"),
        (1e15, "1E+15"),
        (-2.5e20, "-2.5E+20"),
        (123456.7891, "123456.789"),
    ],
)
def test_doubles_do_not_keep_zeros(value: float, text: str) -> None:
    assert float_text(value, 3) == text


def test_fixed_text_rounds_half_away_from_zero() -> None:
    assert fixed_text(Decimal("3.485"), 2) == "3.49"
    assert fixed_text(Decimal("-3.485"), 2) == "-3.49"
    assert fixed_text(Decimal("-0.001"), 2) == "0.00"
    assert fixed_text(Decimal("1234567.5"), 2, grouped=True) == "1,234,567.50"


@pytest.mark.parametrize(
    ("value", "text"),
    [("56123000.00", "56000000.00"), ("1000000.00", "1000000.00"), ("0", "0"), ("995", "1000.00")],
)
def test_significant_digits_leave_the_zeros_of_a_product(value: str, text: str) -> None:
    assert format(significant(Decimal(value), 2), "f") == text


def test_moments_by_hand() -> None:
    values = [1.0, 2.0, 4.0, 9.0]  # mean 4, squares of deviations 9 + 4 + 0 + 25
    assert variance(values) == pytest.approx(38 / 3)
    assert math.isnan(variance([1.0]))
    # products of deviations with those of 2, 0, 0, 2 (mean 1): -3 + 2 + 0 + 5
    assert covariance(values, [2.0, 0.0, 0.0, 2.0]) == pytest.approx(4 / 3)
    skewness, kurtosis = shape(values)
    # unbiased, from m2 = 9.5, m3 = (-27 - 8 + 125) / 4 = 22.5, m4 = (81 + 16 + 625) / 4 = 180.5
    assert skewness == pytest.approx(math.sqrt(12) / 2 * 22.5 / 9.5**1.5)
    assert kurtosis == pytest.approx(3 / 2 * (5 * (180.5 / 9.5**2 - 3) + 6))


def test_shapes_of_too_few_or_equal_values_are_no_numbers() -> None:
    assert all(math.isnan(value) for value in shape([1.0, 1.0, 1.0, 1.0]))
    skewness, kurtosis = shape([1.0, 2.0, 4.0])
    assert not math.isnan(skewness)
    assert math.isnan(kurtosis)


def test_the_normal_distribution() -> None:
    assert normal_share_below(0) == 0.5
    assert normal_share_below(1.959963984540054) == pytest.approx(0.975)
