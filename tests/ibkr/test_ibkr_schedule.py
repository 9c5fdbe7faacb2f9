"""IB's maintenance calendar: tables of instants worked out by hand, and what holds at every instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.spi import Maintenance
from livetrader_plugins.ibkr.schedule import Calendar, calendar, maintenance

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def at(text: str, of: Calendar) -> Maintenance | None:
    return maintenance(ns(text), of)


# region, UTC instant, end of the absence or "" in ordinary times
RESETS = [
    # New York in winter (UTC-5), a Tuesday night
    ("america", "2026-01-14 04:29:59", ""),
    ("america", "2026-01-14 04:30:00", "2026-01-14 06:00:00"),
    ("america", "2026-01-14 05:59:59", "2026-01-14 06:00:00"),
    ("america", "2026-01-14 06:00:00", ""),
    # in summer (UTC-4)
    ("america", "2026-07-15 03:30:00", "2026-07-15 05:00:00"),
    ("america", "2026-07-15 05:00:00", ""),
    # clocks go forward on Sunday 8 March 2026 at 02:00, the instant where the weekend ends: 07:00 UTC
    ("america", "2026-03-07 03:44:59", ""),
    ("america", "2026-03-07 03:45:00", "2026-03-08 07:00:00"),
    ("america", "2026-03-08 06:59:59", "2026-03-08 07:00:00"),
    ("america", "2026-03-08 07:00:00", ""),
    ("america", "2026-03-09 03:29:59", ""),
    ("america", "2026-03-09 03:30:00", "2026-03-09 05:00:00"),
    # clocks go back on Sunday 1 November 2026: 02:00 is the second one, 07:00 UTC
    ("america", "2026-10-31 02:45:00", "2026-11-01 07:00:00"),
    ("america", "2026-11-01 06:59:59", "2026-11-01 07:00:00"),
    ("america", "2026-11-02 03:30:00", ""),
    ("america", "2026-11-02 04:30:00", "2026-11-02 06:00:00"),
    # Zurich: 05:30 is 04:30 UTC in winter, 03:30 in summer; changed on 29 March and 25 October 2026
    ("europe", "2026-03-27 04:30:00", "2026-03-27 06:00:00"),
    ("europe", "2026-03-30 03:30:00", "2026-03-30 05:00:00"),
    ("europe", "2026-03-30 05:00:00", ""),
    ("europe", "2026-10-26 03:30:00", ""),
    ("europe", "2026-10-26 04:30:00", "2026-10-26 06:00:00"),
    # between both changes New York is already in summer and Zurich is not
    ("europe", "2026-03-17 04:29:59", ""),
    ("europe", "2026-03-17 04:30:00", "2026-03-17 06:00:00"),
    # the weekend is New York's everywhere, and Zurich's Saturday reset lies in it
    ("europe", "2026-01-17 04:40:00", "2026-01-18 07:00:00"),
    # Sunday in Zurich: the reset ends at 06:00 UTC, the weekend at 07:00
    ("europe", "2026-01-18 05:30:00", "2026-01-18 07:00:00"),
    # Hong Kong knows no summer time: 20:00 is 12:00 UTC; New York's 16:15 is 21:15 or 20:15
    ("asia", "2026-01-14 12:00:00", "2026-01-14 13:15:00"),
    ("asia", "2026-07-15 12:00:00", "2026-07-15 13:15:00"),
    ("asia", "2026-01-14 21:15:00", "2026-01-14 22:15:00"),
    ("asia", "2026-07-15 20:15:00", "2026-07-15 21:15:00"),
    ("asia", "2026-07-15 21:15:00", ""),
]


@pytest.mark.parametrize(("region", "when", "until"), RESETS)
def test_resets_and_weekends_begin_and_end_at_local_times(region: str, when: str, until: str) -> None:
    found = at(when, calendar(region))
    assert ("" if found is None else utc(found.until_ns)) == until
    assert found is None or (found.away and not found.holds_orders and not found.notice)


# UTC instant, held?, end
DAILY = [
    ("2026-01-14 21:43:59", None, ""),
    ("2026-01-14 21:44:00", True, "2026-01-14 21:55:00"),
    ("2026-01-14 21:45:00", True, "2026-01-14 21:55:00"),
    ("2026-01-14 21:46:59", True, "2026-01-14 21:55:00"),
    ("2026-01-14 21:47:00", False, "2026-01-14 21:55:00"),
    ("2026-01-14 21:54:59", False, "2026-01-14 21:55:00"),
    ("2026-01-14 21:55:00", None, ""),
    # Berlin in summer: 22:45 is 20:45 UTC
    ("2026-07-15 20:44:00", True, "2026-07-15 20:55:00"),
]


@pytest.mark.parametrize(("when", "held", "until"), DAILY)
def test_orders_are_held_from_a_minute_before_the_daily_restart(
    when: str, held: bool | None, until: str
) -> None:
    found = at(when, calendar("america", auto_restart="22:45 Europe/Berlin"))
    assert (None if found is None else found.holds_orders) is held
    assert ("" if found is None else utc(found.until_ns)) == until


def test_a_restart_inside_a_server_reset_is_one_absence() -> None:
    of = calendar("america", auto_restart="23:45")  # New York's: the region's own zone
    for when, held in (
        ("04:30:00", False), ("04:44:00", True), ("04:46:59", True), ("04:47:00", False), ("05:30:00", False),
    ):  # fmt: skip
        found = at(f"2026-01-14 {when}", of)
        assert found is not None
        assert (found.holds_orders, utc(found.until_ns)) == (held, "2026-01-14 06:00:00"), when
    assert "servers" in (at("2026-01-14 04:44:00", of) or pytest.fail("none")).reason
    assert "23:45 America/New_York" in (at("2026-01-14 04:44:00", of) or pytest.fail("none")).reason


def test_a_restart_at_an_hour_that_comes_twice_holds_orders_both_times() -> None:
    of = calendar("europe", auto_restart="02:30")  # Zurich, 25 October 2026: 00:30 and 01:30 UTC
    assert [
        bool(found and found.holds_orders)
        for found in (at(f"2026-10-25 {when}", of) for when in ("00:30:00", "01:00:00", "01:30:00"))
    ] == [True, False, True]


# UTC instant on Sunday 18 January 2026: away, held, is there a notice, until
WEEKLY = [
    ("20:59:59", None),
    ("21:00:00", (False, False, True, "21:59:00")),
    ("21:58:59", (False, False, True, "21:59:00")),
    ("21:59:00", (True, True, True, "22:15:00")),
    ("22:01:59", (True, True, True, "22:15:00")),
    ("22:02:00", (True, False, True, "22:15:00")),
    ("22:14:59", (True, False, True, "22:15:00")),
    ("22:15:00", None),
]


@pytest.mark.parametrize(("when", "expected"), WEEKLY)
def test_the_weekly_login_is_announced_an_hour_ahead(
    when: str, expected: tuple[bool, bool, bool, str] | None
) -> None:
    found = at(f"2026-01-18 {when}", calendar("america", weekly_restart_utc="22:00"))
    if expected is None:
        assert found is None
        return
    assert found is not None
    told = (found.away, found.holds_orders, bool(found.notice), utc(found.until_ns)[11:])
    assert told == expected
    assert "22:00 UTC" in found.notice
    assert "phone" in found.notice


def test_the_weekly_restart_is_on_sundays_only() -> None:
    of = calendar("america", weekly_restart_utc="22:00")
    for day in range(12, 18):  # Monday to Saturday
        found = at(f"2026-01-{day} 22:00:00", of)
        assert found is None or not (found.holds_orders or found.notice)


def test_a_weekly_login_in_the_weekend_is_announced_during_it() -> None:
    found = at("2026-01-18 05:10:00", calendar("america", weekly_restart_utc="06:00"))
    assert found is not None
    assert (found.away, found.holds_orders) == (True, False)
    assert "06:00 UTC" in found.notice


@pytest.mark.parametrize(
    ("settings_of", "words"),
    [
        ({"region": "moon"}, "region: 'moon' is none of america, europe, asia"),
        ({"weekly_restart_utc": "25:00"}, "weekly_restart_utc: '25:00' is no time of day; write HH:MM"),
        ({"weekly_restart_utc": "22:00+01:00"}, "names an offset"),
        ({"auto_restart": "soon"}, "auto_restart: 'soon' is no time of day"),
        ({"auto_restart": "23:45 Atlantis/Capital"}, "auto_restart: no time zone 'Atlantis/Capital'"),
        ({"auto_restart": "23:45 ../etc/passwd"}, "auto_restart: no time zone"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(settings_of: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        calendar(**settings_of)
    assert words in str(caught.value)


CALENDARS = st.builds(
    calendar,
    st.sampled_from(["america", "europe", "asia"]),
    st.sampled_from(["", "22:00", "06:30", "00:00", "23:59"]),
    st.sampled_from(
        ["", "23:45", "02:30", "01:59:30", "23:59 UTC", "00:00 Europe/London", "03:00 Asia/Tokyo"]
    ),
)
YEARS = st.integers(ns("2024-01-01 00:00:00") // SECOND, ns("2030-12-31 00:00:00") // SECOND)


@settings(max_examples=300, deadline=None)
@given(YEARS, CALENDARS)
def test_an_absence_lasts_without_a_gap_until_it_is_over(second: int, of: Calendar) -> None:
    now_ns = second * SECOND
    found = maintenance(now_ns, of)
    if found is None:
        return
    assert found.until_ns > now_ns
    assert found.until_ns - now_ns < 72 * HOUR
    for part in (1, 2, 3):
        inside = maintenance(now_ns + (found.until_ns - now_ns) * part // 4, of)
        assert inside is not None
        assert (inside.away, inside.until_ns) == (found.away, found.until_ns)
    last = maintenance(found.until_ns - 1, of)
    assert last is not None
    assert (last.away, last.until_ns) == (found.away, found.until_ns)
    after = maintenance(found.until_ns, of)
    assert (after is None or not after.away) if found.away else (after is not None and after.away)


@settings(max_examples=200, deadline=None)
@given(YEARS, CALENDARS)
def test_orders_are_held_for_a_few_minutes_at_a_time_only(second: int, of: Calendar) -> None:
    found = maintenance(second * SECOND, of)
    if found is None or not found.holds_orders:
        return
    assert found.away
    free = [
        minute
        for minute in range(8)
        if not ((later := maintenance((second + 60 * minute) * SECOND, of)) and later.holds_orders)
    ]
    assert free, "never longer than two restarts in a row"


@settings(max_examples=100, deadline=None)
@given(YEARS, CALENDARS)
def test_every_night_and_every_weekend_has_its_window(second: int, of: Calendar) -> None:
    begin_ns = second * SECOND
    quarters = [maintenance(begin_ns + step * 900 * SECOND, of) for step in range(7 * 96)]
    away = [found is not None and found.away for found in quarters]
    assert all(any(away[96 * day : 96 * day + 104]) for day in range(7)), "once a day, give or take an hour"
