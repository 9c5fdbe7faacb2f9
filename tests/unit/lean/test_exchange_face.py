"""Exchange hours as an algorithm sees them, and the calendar made of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from livetrader_engine.calendar.hours import hours_from_lean
from livetrader_engine.testing.market import NEW_YORK, SampleReference, new_york_hours, new_york_ns
from livetrader_lean.databases import (
    Database,
    MarketHoursDatabase,
    SymbolPropertiesDatabase,
    TradingCalendar,
    us_holiday,
)
from livetrader_lean.enums import MarketHoursState, SecurityType, TradingDayType
from livetrader_lean.exchange import SecurityExchange, SecurityExchangeHours

HOURS = SecurityExchangeHours(new_york_hours())
MONDAY_NOON = datetime(2013, 10, 7, 12)  # noqa: DTZ001 — LEAN's times are naive


def test_the_opens_and_closes_around_a_time() -> None:
    sunday = datetime(2013, 10, 6, 12)  # noqa: DTZ001
    assert HOURS.get_previous_market_open(MONDAY_NOON, False) == datetime(2013, 10, 7, 9, 30)  # noqa: DTZ001
    assert HOURS.get_previous_market_open(MONDAY_NOON, True) == datetime(2013, 10, 7, 4)  # noqa: DTZ001
    assert HOURS.get_previous_market_open(sunday, False) == datetime(2013, 10, 4, 9, 30)  # noqa: DTZ001
    assert HOURS.get_first_daily_market_open(MONDAY_NOON, False) == datetime(2013, 10, 7, 9, 30)  # noqa: DTZ001
    assert HOURS.get_last_daily_market_close(MONDAY_NOON, False) == datetime(2013, 10, 7, 16)  # noqa: DTZ001
    assert HOURS.get_last_daily_market_close(sunday, True) == datetime(2013, 10, 7, 20)  # noqa: DTZ001


def test_a_day_has_its_segments() -> None:
    segments = HOURS.get_market_hours(MONDAY_NOON).segments
    assert [(s.state, s.start.total_seconds() / 3600, s.end.total_seconds() / 3600) for s in segments] == [
        (MarketHoursState.PRE_MARKET, 4.0, 9.5),
        (MarketHoursState.MARKET, 9.5, 16.0),
        (MarketHoursState.POST_MARKET, 16.0, 20.0),
    ]
    assert segments[1].contains(timedelta(hours=9, minutes=30))
    assert not segments[1].contains(timedelta(hours=16))


def test_a_day_tells_whether_it_trades_at_a_time_of_day() -> None:
    monday = HOURS.get_market_hours(MONDAY_NOON)
    assert monday.is_open(timedelta(hours=10), False)
    assert not monday.is_open(timedelta(hours=8), False)
    assert monday.is_open(timedelta(hours=8), True)
    assert monday.is_open(timedelta(hours=8), timedelta(hours=10), False)
    assert HOURS.get_market_hours(date(2013, 10, 6)).is_closed_all_day


def special() -> SecurityExchangeHours:
    """New York with a holiday and a half day."""
    day = [{"start": "09:30:00", "end": "16:00:00", "state": "market"}]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), day)
    zones = {"exchangeTimeZone": NEW_YORK.key, "dataTimeZone": NEW_YORK.key}
    dates = {"holidays": ["11/28/2013"], "earlyCloses": {"11/29/2013": "13:00:00"}}
    return SecurityExchangeHours(hours_from_lean({**week, **zones, **dates}))


def test_special_dates_can_be_read() -> None:
    hours = special()
    assert set(hours.holidays) == {datetime(2013, 11, 28)}  # noqa: DTZ001
    half_day = datetime(2013, 11, 29)  # noqa: DTZ001
    assert hours.early_closes.try_get_value(half_day) == (True, timedelta(hours=13))
    assert hours.late_opens.count == 0
    assert hours.regular_market_duration == timedelta(hours=6, minutes=30)
    assert hours.market_hours[1].market_duration == timedelta(hours=6, minutes=30)


def exchange(hour: int, minute: int) -> SecurityExchange:
    """The exchange at a time of a Monday."""
    clock = SimpleNamespace(now_ns=new_york_ns(2013, 10, 7, hour, minute))
    binding = SimpleNamespace(engine=SimpleNamespace(clock=clock))
    return SecurityExchange(cast("Any", binding), cast("Any", SimpleNamespace(hours=new_york_hours())))


def test_closing_soon_is_closed_ten_minutes_from_now() -> None:
    assert not exchange(15, 49).closing_soon
    assert exchange(15, 50).closing_soon
    assert exchange(8, 0).closing_soon  # LEAN asks no more than that either
    assert exchange(15, 0).is_closing_soon(60)
    assert exchange(15, 0).trading_days_per_year == 252


def test_the_calendar_knows_weekends_and_holidays() -> None:
    clock = SimpleNamespace(now_ns=new_york_ns(2013, 11, 27))
    shares = SimpleNamespace(values=lambda: [SimpleNamespace(hours=special()._hours)])
    calendar = TradingCalendar(
        cast("Any", SimpleNamespace(engine=SimpleNamespace(clock=clock, securities=shares)))
    )
    start, end = datetime(2013, 11, 27), datetime(2013, 12, 1)  # noqa: DTZ001
    days = calendar.get_days_by_type(TradingDayType.BUSINESS_DAY, start, end)
    assert [day.date.day for day in days] == [27, 29]
    assert [day.date.day for day in calendar.get_days_by_type(TradingDayType.WEEKEND, start, end)] == [30, 1]
    assert calendar.get_trading_day(datetime(2013, 11, 28)).public_holiday  # noqa: DTZ001
    assert calendar.get_trading_day().business_day


@pytest.mark.parametrize(
    "day",
    [
        date(2013, 1, 1), date(2013, 1, 21), date(2013, 2, 18), date(2013, 5, 27), date(2013, 7, 4),
        date(2013, 9, 2), date(2013, 10, 14), date(2013, 11, 11), date(2013, 11, 28), date(2013, 12, 25),
        date(2015, 7, 3), date(2016, 12, 26), date(2023, 6, 19),
    ],
)  # fmt: skip
def test_federal_holidays_are_holidays(day: date) -> None:
    assert us_holiday(day)


@pytest.mark.parametrize("day", [date(2013, 3, 29), date(2013, 7, 5), date(2013, 5, 20), date(2019, 6, 19)])
def test_other_days_are_not(day: date) -> None:
    assert not us_holiday(day)


def test_the_databases_answer_for_tickers_and_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "reference", SampleReference())
    found = MarketHoursDatabase.from_data_folder().get_exchange_hours("usa", "SPY", SecurityType.EQUITY)
    assert found.is_open(MONDAY_NOON, False)
    entry = cast("Any", MarketHoursDatabase).FromDataFolder().GetEntry("usa", "SPY", SecurityType.EQUITY)
    assert str(entry.data_time_zone) == NEW_YORK.key
    properties = SymbolPropertiesDatabase.from_data_folder().get_symbol_properties(
        "usa", "SPY", SecurityType.EQUITY, "USD"
    )
    assert properties.lot_size == 1.0
