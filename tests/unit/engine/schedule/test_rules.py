"""Date and time rules: LEAN's results in tables, written by hand from a calendar of 2013."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.calendar.hours import always_open_hours
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule.rules import DateRule, DateRules, Market, TimeRule, TimeRules
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, NEW_YORK, at, index_futures, us_equities

US = us_equities()
SPY = Market("SPY", US)
ES = Market("ES", index_futures())
NOW = at("2013-10-07 10:00")

D = DateRules(lambda: NOW, lambda: NEW_YORK)
T = TimeRules(lambda: NOW, lambda: NEW_YORK, lambda: (US,))


def _dates(rule: DateRule, start: str, end: str) -> list[str]:
    return [str(day) for day in rule.dates(date.fromisoformat(start), date.fromisoformat(end))]


@pytest.mark.parametrize(
    ("rule", "name", "start", "end", "expected"),
    [
        (D.on(date(2013, 5, 2), date(2013, 5, 1)), "5/1/2013,5/2/2013", "2013-01-01", "2013-12-31",
         "2013-05-01 2013-05-02"),
        (D.today(), "TodayOnly", "2013-01-01", "2013-12-31", "2013-10-07"),
        (D.tomorrow(), "TomorrowOnly", "2013-01-01", "2013-12-31", "2013-10-08"),
        (D.every(0, 4), "Monday,Friday", "2013-11-25", "2013-12-02", "2013-11-25 2013-11-29 2013-12-02"),
        (D.every_day(), "EveryDay", "2013-11-29", "2013-12-01", "2013-11-29 2013-11-30 2013-12-01"),
        (D.every_day(SPY), "SPY: EveryDay", "2013-11-27", "2013-12-02", "2013-11-27 2013-11-29 2013-12-02"),
        (D.every_day(ES), "ES: EveryDay", "2013-10-05", "2013-10-07", "2013-10-07"),
        (D.every_day(ES, extended=True), "ES: EveryDay", "2013-10-05", "2013-10-07",
         "2013-10-06 2013-10-07"),
        # weeks
        (D.week_start(), "WeekStart", "2013-10-02", "2013-10-15", "2013-10-07 2013-10-14"),
        (D.week_start(offset=6), "WeekStart+6", "2013-10-02", "2013-10-13", "2013-10-06 2013-10-13"),
        (D.week_end(), "WeekEnd", "2013-10-02", "2013-10-15", "2013-10-04 2013-10-11"),
        (D.week_end(offset=6), "WeekEnd-6", "2013-10-01", "2013-10-15", "2013-10-05 2013-10-12"),
        (D.week_start(SPY), "SPY: WeekStart", "2013-10-02", "2013-10-15", "2013-10-07 2013-10-14"),
        (D.week_end(SPY, 1), "SPY: WeekEnd-1", "2013-11-18", "2013-12-06",
         "2013-11-21 2013-11-27 2013-12-05"),  # Thanksgiving's Thursday is skipped
        (D.week_start(ES), "ES: WeekStart", "2013-10-02", "2013-10-15", "2013-10-06 2013-10-13"),
        (D.week_start(ES, extended=False), "ES: WeekStart", "2013-10-02", "2013-10-15",
         "2013-10-07 2013-10-14"),
        # months
        (D.month_start(), "MonthStart", "2013-10-02", "2014-01-02", "2013-11-01 2013-12-01 2014-01-01"),
        (D.month_start(offset=40), "MonthStart+40", "2013-02-01", "2013-02-28", "2013-02-28"),
        (D.month_end(offset=1), "MonthEnd-1", "2013-02-01", "2013-03-31", "2013-02-27 2013-03-30"),
        (D.month_start(SPY), "SPY: MonthStart", "2013-11-01", "2014-01-31",
         "2013-11-01 2013-12-02 2014-01-02"),
        (D.month_start(SPY, 2), "SPY: MonthStart+2", "2013-12-01", "2014-01-31", "2013-12-04 2014-01-06"),
        (D.month_start(SPY, 30), "SPY: MonthStart+30", "2013-11-01", "2013-11-30", "2013-11-29"),
        (D.month_end(SPY), "SPY: MonthEnd", "2013-11-01", "2013-12-31", "2013-11-29 2013-12-31"),
        (D.month_end(SPY, 1), "SPY: MonthEnd-1", "2013-11-01", "2013-11-30", "2013-11-27"),
        (D.month_end(SPY, 30), "SPY: MonthEnd-30", "2013-12-01", "2013-12-31", "2013-12-02"),
        # quarters
        (D.quarter_start(), "QuarterStart", "2013-02-01", "2013-12-31", "2013-04-01 2013-07-01 2013-10-01"),
        (D.quarter_end(offset=31), "QuarterEnd-31", "2013-01-01", "2013-06-30", "2013-02-28 2013-05-30"),
        (D.quarter_end(SPY), "SPY: QuarterEnd", "2013-01-01", "2013-12-31",
         "2013-03-29 2013-06-28 2013-09-30 2013-12-31"),  # Good Friday is not in the test's holidays
        # years
        (D.year_start(SPY), "SPY: YearStart", "2013-01-01", "2014-12-31", "2013-01-01 2014-01-02"),
        (D.year_start(SPY, 100), "SPY: YearStart+100", "2013-03-01", "2014-12-31", "2014-05-22"),
        (D.year_start(offset=1), "YearStart+1", "2013-01-01", "2014-12-31", "2013-01-02 2014-01-02"),
        (D.year_end(), "YearEnd", "2013-03-01", "2014-12-31", "2013-12-31 2014-12-31"),
        (D.year_end(SPY, 5), "SPY: YearEnd-5", "2013-01-01", "2013-12-31", "2013-12-23"),
    ],
)  # fmt: skip
def test_date_rules(rule: DateRule, name: str, start: str, end: str, expected: str) -> None:
    assert rule.name == name
    assert _dates(rule, start, end) == expected.split()


@pytest.mark.parametrize(
    "make",
    [
        lambda: D.week_start(offset=7),
        lambda: D.week_end(SPY, 5),  # five trading days: 0 to 4
        lambda: D.week_start(offset=-1),
        lambda: D.month_start(SPY, 31),
        lambda: D.quarter_end(offset=93),
        lambda: D.year_start(offset=366),
        lambda: T.every(0),
    ],
)
def test_offsets_out_of_range_are_the_algorithms_fault(make: Callable[[], object]) -> None:
    with pytest.raises(AlgorithmError, match=r"offset|interval"):
        make()


def _times(rule: TimeRule, day: str) -> list[int]:
    return list(rule.times(date.fromisoformat(day)))


LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("rule", "name", "day", "expected"),
    [
        (T.now(), "Now", "2013-01-01", "2013-10-07 10:00"),
        (T.midnight(), "Midnight", "2013-10-07", "2013-10-07 00:00"),
        (T.noon(), "Noon", "2013-10-07", "2013-10-07 12:00"),
        (T.at(9, 45), "9.75", "2013-10-07", "2013-10-07 09:45"),
        (T.at(9, 45, 15), "9.75", "2013-10-07", "2013-10-07 09:45:15"),
        (T.at(14, 30, timezone=LONDON), "14.5", "2013-10-07", "2013-10-07 09:30"),
        (T.at(14, 30, timezone=LONDON), "14.5", "2013-10-30", "2013-10-30 10:30"),  # London has changed
        (T.after_market_open(SPY), "SPY: 0 min before MarketOpen", "2013-10-07", "2013-10-07 09:30"),
        (T.after_market_open(SPY, 30), "SPY: 30 min after MarketOpen", "2013-10-07", "2013-10-07 10:00"),
        (T.after_market_open(SPY, 0.5), "SPY: 0.5 min after MarketOpen", "2013-10-07", "2013-10-07 09:30:30"),
        (T.before_market_open(SPY, 30), "SPY: 30 min before MarketOpen", "2013-10-07", "2013-10-07 09:00"),
        (T.after_market_open(SPY, 0, True), "SPY: 0 min before ExtendedMarketOpen", "2013-10-07",
         "2013-10-07 04:00"),
        (T.after_market_open(SPY, 5), "SPY: 5 min after MarketOpen", "2013-12-26", "2013-12-26 11:05"),
        (T.before_market_close(SPY, 10), "SPY: 10 min before MarketClose", "2013-10-07", "2013-10-07 15:50"),
        (T.before_market_close(SPY, 10), "SPY: 10 min before MarketClose", "2013-11-29", "2013-11-29 12:50"),
        (T.before_market_close(SPY, 1, True), "SPY: 1 min before ExtendedMarketClose", "2013-10-07",
         "2013-10-07 19:59"),
        (T.after_market_close(SPY, 5), "SPY: 5 min after MarketClose", "2013-10-07", "2013-10-07 16:05"),
        (T.before_market_close(ES, 15), "ES: 15 min before MarketClose", "2013-10-07", "2013-10-07 16:45"),
        (T.after_market_open(minutes=1), "1 min after MarketOpen", "2013-10-07", "2013-10-07 09:31"),
        (T.before_market_close(), "0 min after MarketClose", "2013-11-29", "2013-11-29 13:00"),
    ],
)  # fmt: skip
def test_time_rules(rule: TimeRule, name: str, day: str, expected: str) -> None:
    assert rule.name == name
    assert _times(rule, day) == [at(expected)]


@pytest.mark.parametrize("day", ["2013-10-05", "2013-11-28"])
def test_market_rules_fire_on_no_day_without_a_session(day: str) -> None:
    for rule in (T.after_market_open(SPY), T.before_market_close(SPY), T.after_market_open()):
        assert _times(rule, day) == []


def test_a_session_through_midnight_closes_where_it_ends() -> None:
    assert _times(T.before_market_close(ES, 5, extended=True), "2013-10-06") == [at("2013-10-07 16:55")]


def test_noon_is_an_hour_off_when_the_clock_changes_as_in_lean() -> None:
    assert _times(T.noon(), "2013-03-10") == [at("2013-03-10 13:00")]
    assert _times(T.noon(), "2013-11-03") == [at("2013-11-03 11:00")]
    assert _times(T.at(12, 0), "2013-11-03") == [at("2013-11-03 12:00")]


def test_a_time_that_the_clock_skips_moves_later_by_the_gap() -> None:
    assert _times(T.at(2, 30), "2013-03-10") == [at("2013-03-10 03:30")]


def test_every_counts_from_midnight_and_ignores_the_market() -> None:
    times = _times(T.every(45 * MINUTE), "2013-10-05")
    assert len(times) == 32
    assert times[0] == at("2013-10-05 00:00") and times[1] - times[0] == 45 * MINUTE
    assert T.every(45 * MINUTE).name == "Every 45 min"


@pytest.mark.parametrize(("day", "count"), [("2013-03-10", 23), ("2013-11-03", 24), ("2013-06-03", 24)])
def test_every_hour_fires_once_per_instant_when_the_clock_changes(day: str, count: int) -> None:
    times = _times(T.every(HOUR), day)
    assert len(times) == count
    assert times == sorted(set(times))


def test_a_rule_without_symbol_spans_all_open_markets_and_ignores_those_that_never_close() -> None:
    rules = TimeRules(lambda: NOW, lambda: NEW_YORK, lambda: (US, ES.hours, always_open_hours()))
    assert _times(rules.before_market_close(), "2013-10-07") == [at("2013-10-07 17:00")]
    assert _times(rules.after_market_open(extended=True), "2013-10-07") == [at("2013-10-07 00:00")]


def test_a_default_time_zone_holds_for_rules_made_later() -> None:
    rules = TimeRules(lambda: NOW, lambda: NEW_YORK, lambda: (US,))
    before = rules.at(9, 30)
    rules.set_default_time_zone(LONDON)
    assert _times(before, "2013-10-07") == [at("2013-10-07 09:30")]
    assert _times(rules.at(9, 30), "2013-10-07") == [at("2013-10-07 04:30")]
