"""Exchange hours: segments, holidays, half days, sessions through midnight."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.calendar.hours import always_open_hours, hours_from_lean
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.errors import ConfigurationError, DataError
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, NEW_YORK, at, index_futures, us_equities

US = us_equities()
ES = index_futures()


@pytest.mark.parametrize(
    ("when", "regular", "extended"),
    [
        ("2013-10-07 09:29:59", False, True),
        ("2013-10-07 09:30", True, True),
        ("2013-10-07 15:59:59", True, True),
        ("2013-10-07 16:00", False, True),  # segments are half-open
        ("2013-10-07 20:00", False, False),
        ("2013-10-05 12:00", False, False),  # a Saturday
        ("2013-11-28 12:00", False, False),  # Thanksgiving
        ("2013-11-29 12:59:59", True, True),  # a half day
        ("2013-11-29 13:00", False, False),  # has no post-market
        ("2013-12-26 10:00", False, False),  # opens late
        ("2013-12-26 11:00", True, True),
    ],
)
def test_open_is_open(when: str, regular: bool, extended: bool) -> None:
    assert US.is_open(at(when)) is regular
    assert US.is_open(at(when), extended=True) is extended


@pytest.mark.parametrize(
    ("start", "end", "regular"),
    [
        ("2013-10-07 09:00", "2013-10-07 10:00", True),  # LEAN's first hour bar
        ("2013-10-07 09:00", "2013-10-07 09:30", False),
        ("2013-10-07 16:00", "2013-10-07 17:00", False),
        ("2013-10-07 15:59", "2013-10-07 16:59", True),
        ("2013-10-04 16:00", "2013-10-07 09:30", False),  # a weekend
        ("2013-10-04 16:00", "2013-10-07 09:31", True),
        ("2013-10-07 09:30", "2013-10-07 09:30", True),  # an instant
    ],
)
def test_a_span_is_open_when_any_instant_of_it_is(start: str, end: str, regular: bool) -> None:
    assert US.is_open_during(at(start), at(end)) is regular


@pytest.mark.parametrize(
    ("when", "opens", "closes"),
    [
        ("2013-10-07 09:00", "2013-10-07 09:30", "2013-10-07 16:00"),
        ("2013-10-07 09:30", "2013-10-07 09:30", "2013-10-07 16:00"),  # the opening itself
        ("2013-10-07 09:31", "2013-10-08 09:30", "2013-10-07 16:00"),
        ("2013-10-07 16:00", "2013-10-08 09:30", "2013-10-08 16:00"),  # strictly after
        ("2013-11-27 16:00", "2013-11-29 09:30", "2013-11-29 13:00"),  # holiday, half day
        ("2013-11-29 13:00", "2013-12-02 09:30", "2013-12-02 16:00"),
        ("2013-12-24 18:00", "2013-12-26 11:00", "2013-12-26 16:00"),
    ],
)
def test_next_open_and_close(when: str, opens: str, closes: str) -> None:
    assert US.next_open(at(when)) == at(opens)
    assert US.next_close(at(when)) == at(closes)


def test_extended_open_and_close_span_the_whole_day() -> None:
    assert US.next_open(at("2013-10-07 09:00"), extended=True) == at("2013-10-08 04:00")
    assert US.next_close(at("2013-10-07 09:00"), extended=True) == at("2013-10-07 20:00")


def test_midnight_is_neither_open_nor_close_of_a_session_that_runs_through_it() -> None:
    sunday = at("2013-10-06 12:00")
    assert ES.next_open(sunday, extended=True) == at("2013-10-06 18:00")
    assert ES.next_close(sunday, extended=True) == at("2013-10-07 17:00")
    assert ES.next_open(at("2013-10-06 23:00"), extended=True) == at("2013-10-07 18:00")
    assert ES.is_open(at("2013-10-07 00:00"), extended=True)
    assert not ES.is_open(at("2013-10-07 17:30"), extended=True)


def test_a_market_resumes_where_a_late_open_follows_an_early_close() -> None:
    assert ES.is_open(at("2013-07-04 11:00"))
    assert not ES.is_open(at("2013-07-04 12:00"), extended=True)
    assert ES.is_open(at("2013-07-04 18:30"), extended=True)


def test_a_day_may_open_late_and_close_early() -> None:
    rows = [{"start": "09:30:00", "end": "16:00:00", "state": "market"}]
    entry = {
        "dataTimeZone": "America/New_York",
        "exchangeTimeZone": "America/New_York",
        "monday": rows,
        "lateOpens": {"10/7/2013": "11:00:00"},
        "earlyCloses": {"10/7/2013": "13:00:00"},
    }
    session = hours_from_lean(entry).session(date(2013, 10, 7))
    assert session is not None
    assert (session.open_ns, session.close_ns) == (at("2013-10-07 11:00"), at("2013-10-07 13:00"))


def test_a_sunday_evening_counts_as_trading_only_with_extended_hours() -> None:
    sunday = date(2013, 10, 6)
    assert not ES.is_trading_day(sunday)
    assert ES.is_trading_day(sunday, extended=True)
    assert ES.session(sunday) is None
    assert ES.weekdays == (0, 1, 2, 3, 4, 6)


def test_trading_days_step_over_holidays_and_weekends() -> None:
    assert US.next_trading_day(date(2013, 11, 27)) == date(2013, 11, 29)
    assert US.previous_trading_day(date(2013, 12, 2)) == date(2013, 11, 29)
    assert US.next_trading_day(date(2013, 10, 4)) == date(2013, 10, 7)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2013, 3, 10), 23), (date(2013, 11, 3), 25), (date(2013, 6, 3), 24)]
)
def test_days_on_which_the_clock_changes_have_their_real_length(day: date, hours: int) -> None:
    length = US.local_midnight(day + timedelta(days=1)) - US.local_midnight(day)
    assert length == hours * HOUR
    assert US.local_date(US.local_midnight(day)) == day
    assert US.local_date(US.local_midnight(day) - 1) == day - timedelta(days=1)


def test_the_session_keeps_its_wall_clock_when_the_offset_changes() -> None:
    before, after = US.session(date(2013, 3, 8)), US.session(date(2013, 3, 11))
    assert before is not None and after is not None
    assert after.open_ns - before.open_ns == 71 * HOUR
    assert before.open_ns == at("2013-03-08 09:30") and after.close_ns == at("2013-03-11 16:00")
    assert (before.extended_open_ns, before.extended_close_ns) == (
        at("2013-03-08 04:00"),
        at("2013-03-08 20:00"),
    )


def test_an_always_open_market_is_open_and_says_that_it_never_closes() -> None:
    hours = always_open_hours()
    assert hours.always_open and hours.is_open(0) and hours.is_open_during(5, 6)
    assert hours.is_trading_day(date(2013, 12, 25))
    with pytest.raises(DataError, match="does not close"):
        hours.next_close(0)


@given(st.integers(at("2013-09-01") // MINUTE, at("2014-02-01") // MINUTE), st.booleans())
def test_open_close_and_is_open_agree_at_every_minute(minute: int, extended: bool) -> None:
    for hours in (US, ES):
        now = minute * MINUTE
        opens, closes = hours.next_open(now, extended), hours.next_close(now, extended)
        assert opens >= now and closes > now
        assert hours.is_open(opens, extended) and not hours.is_open(opens - 1, extended)
        assert hours.is_open(closes - 1, extended) and not hours.is_open(closes, extended)
        # open now exactly when the next close comes before the next strictly later open
        assert hours.is_open(now, extended) == (closes < hours.next_open(now + 1, extended))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exchangeTimeZone": "Mars/Olympus"}, "unknown time zone"),
        ({"holidays": ["25.12.2013"]}, "is not a date like"),
        ({"earlyCloses": {"12/24/2013": "noon"}}, "is not a time like"),
        (
            {"monday": [{"start": "09:30:00", "end": "16:00:00", "state": "open"}]},
            "not a market-hours segment",
        ),
        ({"monday": "closed"}, "list of segments"),
    ],
)
def test_an_unusable_entry_says_what_is_wrong(change: dict[str, object], message: str) -> None:
    entry: dict[str, object] = {"dataTimeZone": "UTC", "exchangeTimeZone": "UTC"}
    with pytest.raises(DataError, match=message):
        hours_from_lean({**entry, **change})


def test_every_entry_of_leans_database_can_be_read(lean_data: Path) -> None:
    entries = json.loads((lean_data / "market-hours" / "market-hours-database.json").read_text())["entries"]
    assert len(entries) > 500
    for key, entry in entries.items():
        general = entries.get(key.rsplit("-", 1)[0] + "-[*]")
        hours = hours_from_lean(entry, None if general is entry else general)
        assert hours.weekdays


def test_an_entry_inherits_the_holidays_of_its_market(lean_data: Path) -> None:
    entries = json.loads((lean_data / "market-hours" / "market-hours-database.json").read_text())["entries"]
    own = hours_from_lean(entries["Future-cme-ES"])
    merged = hours_from_lean(entries["Future-cme-ES"], entries["Future-cme-[*]"])
    christmas = date(2013, 12, 25)
    assert own.is_trading_day(christmas) and not merged.is_trading_day(christmas)


# LEAN's database knows no early closes before 2000; everything else agrees.
_KNOWN_DIFFERENCES = {date(1998, 11, 27), date(1998, 12, 24), date(1999, 12, 31)}


def test_lean_and_exchange_calendars_agree_on_29_years_of_new_york(lean_data: Path) -> None:
    entries = json.loads((lean_data / "market-hours" / "market-hours-database.json").read_text())["entries"]
    lean = hours_from_lean(entries["Equity-usa-[*]"])
    other = hours_from_exchange_calendars("XNYS")
    day, different, sessions = date(1998, 1, 1), set(), 0
    while day <= date(2026, 12, 31):
        if lean.session(day) != other.session(day):
            different.add(day)
        sessions += lean.session(day) is not None
        day += timedelta(days=1)
    assert different == _KNOWN_DIFFERENCES
    assert sessions > 7200


def test_a_calendar_with_a_lunch_break_closes_for_it() -> None:
    tokyo = hours_from_exchange_calendars("XTKS")
    noon = at("2019-06-03 12:00", tokyo.timezone)
    assert tokyo.is_open(noon - HOUR) and not tokyo.is_open(noon) and tokyo.is_open(noon + HOUR)
    session = tokyo.session(date(2019, 6, 3))
    assert session is not None and session.close_ns - session.open_ns == 6 * HOUR


def test_beyond_what_the_calendar_knows_weekdays_trade_as_usual() -> None:
    hours = hours_from_exchange_calendars("XNYS")
    wednesday = date(2048, 7, 15)
    session = hours.session(wednesday)
    assert session is not None
    assert session.open_ns == at("2048-07-15 09:30", NEW_YORK)
    assert hours.session(date(2048, 7, 18)) is None


def test_a_calendar_that_does_not_exist_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="XNOT"):
        hours_from_exchange_calendars("XNOT")
