"""The equity curve of a live run: candles at four spacings, drawdown, midnights, and bounded for ever."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from livetrader.results.live import Spacing
from livetrader.results.live_curve import REACH, SECONDS_NS, CurveState, EquityCurve, day_end
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

NEW_YORK = ZoneInfo("America/New_York")
START_NS = int(datetime(2020, 3, 9, 9, 30, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND


def curve(days: list[tuple[int, Decimal]] | None = None) -> EquityCurve:
    heard = [] if days is None else days
    return EquityCurve(lambda time_ns, value: heard.append((time_ns, value)))


def drawn(values: list[int], step_ns: int = SECONDS_NS) -> EquityCurve:
    made = curve()
    for number, value in enumerate(values):
        made.add(START_NS + (number + 1) * step_ns, Decimal(value), None)
    return made


def test_a_candle_holds_what_was_seen_up_to_its_end() -> None:
    made = drawn([100, 103, 99, 101], 20 * NS_PER_SECOND)
    first, second = made.points(Spacing.MINUTE)
    assert (first.open, first.high, first.low, first.close) == (100, 103, 99, 99)
    assert first.time_ns == START_NS + NS_PER_MINUTE, "a value at the end belongs to what ends"
    assert (second.open, second.close, second.time_ns) == (101, 101, START_NS + 80 * NS_PER_SECOND)


def test_drawdown_is_the_fall_from_the_highest_value_and_the_deepest_is_kept() -> None:
    made = drawn([100, 200, 150, 190])
    view = made.view(Spacing.SECOND, "USD", 0, 100)
    assert [round(point.drawdown_pct, 6) for point in view.points] == [0.0, 0.0, -25.0, -5.0]
    assert (view.peak, round(view.drawdown_pct, 6), view.max_drawdown_pct) == (Decimal(200), -5.0, -25.0)
    assert view.start_equity == 100


def test_a_value_that_stands_still_is_drawn_once_a_minute() -> None:
    made = drawn([100] * 300)
    times = [point.time_ns for point in made.points(Spacing.SECOND)]
    assert len(times) <= 300 * SECONDS_NS // NS_PER_MINUTE + 2
    assert max(later - sooner for sooner, later in pairwise(times)) <= NS_PER_MINUTE + SECONDS_NS


def test_every_midnight_in_new_york_is_told_weekends_and_gaps_too() -> None:
    days: list[tuple[int, Decimal]] = []
    made = curve(days)
    made.add(START_NS, Decimal(100), None)
    made.add(START_NS + 3 * NS_PER_DAY, Decimal(110), None)
    assert [(datetime.fromtimestamp(t // NS_PER_SECOND, NEW_YORK).isoformat(), v) for t, v in days] == [
        ("2020-03-10T00:00:00-04:00", 100),
        ("2020-03-11T00:00:00-04:00", 100),
        ("2020-03-12T00:00:00-04:00", 100),
    ]


def test_the_day_on_which_clocks_change_has_23_hours() -> None:
    noon_ns = int(datetime(2020, 3, 8, 12, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND
    midnight_ns = int(datetime(2020, 3, 8, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND
    assert day_end(noon_ns) - midnight_ns == 23 * 3600 * NS_PER_SECOND
    assert day_end(midnight_ns) == midnight_ns


def test_a_year_of_values_needs_no_more_room_than_a_week() -> None:
    made = curve()
    for number in range(60_000):
        made.add(START_NS + number * 10 * NS_PER_MINUTE, Decimal(number % 97), 1.0)
    assert {spacing: len(made.points(spacing)) for spacing in Spacing} == {
        Spacing.SECOND: REACH[Spacing.SECOND] + 1,
        Spacing.MINUTE: REACH[Spacing.MINUTE] + 1,
        Spacing.TEN_MINUTES: REACH[Spacing.TEN_MINUTES] + 1,
        Spacing.DAY: 418,  # 416 days and 16 hours, begun in the morning
    }
    times = [point.time_ns for point in made.long_points()]
    assert times == sorted(set(times)) and times[0] < START_NS + NS_PER_DAY


def test_a_restart_goes_on_in_the_middle_of_a_candle() -> None:
    whole, first = (
        drawn([100, 120, 90, 95, 130], 13 * NS_PER_SECOND),
        drawn([100, 120, 90], 13 * NS_PER_SECOND),
    )
    kept = msgspec.json.decode(msgspec.json.encode(first.state()), type=CurveState)
    second = curve()
    second.load(kept)
    for number, value in ((3, 95), (4, 130)):
        second.add(START_NS + (number + 1) * 13 * NS_PER_SECOND, Decimal(value), None)
    for spacing in Spacing:
        assert second.view(spacing, "USD", 0, 100) == whole.view(spacing, "USD", 0, 100)


def test_time_that_goes_back_draws_nothing() -> None:
    made = drawn([100, 101])
    before = made.points(Spacing.SECOND)
    made.add(START_NS, Decimal(7), None)
    assert made.points(Spacing.SECOND) == before and made.value == 101


def test_readers_get_the_newest_points_after_what_they_have() -> None:
    made = drawn(list(range(100, 150)))
    everything = made.points(Spacing.SECOND)
    assert made.view(Spacing.SECOND, "USD", everything[40].time_ns, 5).points == everything[-5:]
    assert made.view(Spacing.SECOND, "USD", everything[-1].time_ns, 5).points == ()
    assert made.view(Spacing.SECOND, "USD", 0, 0).points == ()
