"""What LEAN offers by class: `Time` and `Extensions`. Expectations are worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.testing.market import new_york_hours
from livetrader_lean.enums import OrderDirection, OrderStatus, Resolution, SecurityType
from livetrader_lean.exchange import SecurityExchangeHours
from livetrader_lean.extensions import Extensions
from livetrader_lean.spans import Time

NOON = datetime(2013, 10, 7, 12)  # noqa: DTZ001 — LEAN's times are naive
HOUR = timedelta(hours=1)


def test_unix_time_goes_both_ways() -> None:
    assert Time.date_time_to_unix_time_stamp(NOON) == 1_381_147_200
    assert Time.unix_time_stamp_to_date_time(1_381_147_200) == NOON
    assert cast("Any", Time).DateTimeToUnixTimeStampMilliseconds(NOON) == 1_381_147_200_000
    assert Time.unix_nanosecond_time_stamp_to_date_time(1_381_147_200 * 10**9) == NOON


@pytest.mark.parametrize(
    "text", ["20131007 12:00", "2013-10-07T12:00:00", "10/07/2013 12:00:00", "2013-10-07 12:00:00"]
)
def test_dates_are_read_in_leans_formats(text: str) -> None:
    assert Time.parse_date(text) == NOON


def test_a_text_that_is_no_date_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="no date"):
        Time.parse_date("yesterday")


def test_days_are_midnights_with_both_ends() -> None:
    days = list(Time.each_day(NOON, NOON + timedelta(days=2)))
    assert [day.day for day in days] == [7, 8, 9]
    assert {day.hour for day in days} == {0}


def test_tradeable_days_leave_the_weekend_out() -> None:
    hours = SecurityExchangeHours(new_york_hours())
    spy = SimpleNamespace(exchange=SimpleNamespace(hours=hours))
    saturday = datetime(2013, 10, 5)  # noqa: DTZ001
    assert [day.day for day in Time.each_tradeable_day(spy, saturday, NOON)] == [7]
    assert [day.day for day in Time.each_tradeable_day([spy], saturday, NOON)] == [7]
    assert Time.tradeable_dates([spy], saturday, NOON + timedelta(days=1)) == 2
    assert not Time.tradable_date([spy], saturday)


def test_times_are_rounded_up_down_and_to_the_nearest() -> None:
    seven_past = NOON + timedelta(minutes=7)
    assert Extensions.round_up(seven_past, HOUR) == NOON + HOUR
    assert Extensions.round_up(NOON, HOUR) == NOON
    assert Extensions.round_down(seven_past, HOUR) == NOON
    assert Extensions.round(seven_past, HOUR) == NOON
    half = timedelta(minutes=2, seconds=30)  # halfway between 0 and 5 minutes: to the even one
    assert Extensions.round(half, timedelta(minutes=5)) == timedelta()
    assert Extensions.round(3 * half, timedelta(minutes=5)) == timedelta(minutes=10)


def test_a_time_is_rounded_by_the_clock_of_another_zone() -> None:
    # 12:00 in New York is 16:00 UTC that day: the UTC day began at 20:00 of the evening before
    found = Extensions.round_down_in_time_zone(NOON, timedelta(days=1), "America/New_York", "UTC")
    assert found == datetime(2013, 10, 6, 20)  # noqa: DTZ001


def test_exchange_rounding_looks_for_an_open_interval() -> None:
    hours = SecurityExchangeHours(new_york_hours())
    evening = datetime(2013, 10, 7, 18, 20)  # noqa: DTZ001
    found = Extensions.exchange_round_down(evening, HOUR, hours, False)
    assert found == datetime(2013, 10, 7, 15)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "quanta", "expected"), [(1.225, 0.05, 1.25), (-1.225, 0.05, -1.25), (7, 0, 7)]
)
def test_discrete_rounding_goes_away_from_zero(value: float, quanta: float, expected: float) -> None:
    assert Extensions.discretely_round_by(value, quanta) == expected


def test_small_questions_have_leans_answers() -> None:
    assert Extensions.get_order_direction(-3) is OrderDirection.SELL
    assert Extensions.get_order_direction(0) is OrderDirection.HOLD
    assert cast("Any", Extensions).IsFill(OrderStatus.PARTIALLY_FILLED)
    assert Extensions.is_open(OrderStatus.SUBMITTED)
    assert not Extensions.is_open(OrderStatus.CANCELED)
    assert Extensions.is_closed(OrderStatus.INVALID)
    assert Extensions.truncate_to3_decimal_places(1.23456) == 1.234
    assert Extensions.greatest_common_divisor([12, 18]) == 6
    assert Extensions.is_common_business_day(NOON)
    assert not Extensions.is_common_business_day(NOON + timedelta(days=5))
    assert Extensions.security_type_to_lower(SecurityType.EQUITY) == "equity"
    assert Extensions.resolution_to_lower(Resolution.DAILY) == "daily"
    assert Extensions.safe_division(1, 0, 9) == 9
    assert Extensions.to_md5("") == "d41d8cd98f00b204e9800998ecf8427e"
    assert Extensions.get_extension("a/b.csv") == ".csv"
