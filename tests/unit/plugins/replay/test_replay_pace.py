"""When a tape's events are due, by arithmetic alone."""

from __future__ import annotations

import pytest

from livetrader_plugins.replay.pace import NS_PER_SECOND, Pace

START_NS = 1_000 * NS_PER_SECOND


@pytest.mark.parametrize(("speed", "wait_s"), [(1.0, 60.0), (60.0, 1.0), (0.5, 120.0), (None, 0.0)])
def test_a_minute_of_tape_takes_a_minute_divided_by_the_speed(speed: float | None, wait_s: float) -> None:
    pace = Pace(speed)
    assert pace.wait_s(START_NS, 5.0) == 0.0, "the first event is due at once"
    assert pace.wait_s(START_NS + 60 * NS_PER_SECOND, 5.0) == pytest.approx(wait_s)


def test_a_late_event_is_due_at_once_and_the_tape_catches_up() -> None:
    pace = Pace(1.0)
    pace.wait_s(START_NS, 0.0)
    assert pace.wait_s(START_NS + 10 * NS_PER_SECOND, 25.0) == 0.0
    assert pace.wait_s(START_NS + 30 * NS_PER_SECOND, 25.0) == pytest.approx(5.0)


def test_pulses_fall_on_whole_seconds_strictly_between_two_events() -> None:
    pace = Pace(1.0)
    pace.wait_s(START_NS, 0.0)
    until = START_NS + 3 * NS_PER_SECOND
    seen = []
    here: int | None = START_NS
    while (here := pace.next_pulse_ns(here, until, 0.0)) is not None:
        seen.append((here - START_NS) / NS_PER_SECOND)
    assert seen == [1.0, 2.0]


def test_pulses_that_were_missed_are_left_out() -> None:
    pace = Pace(1.0)
    pace.wait_s(START_NS, 0.0)
    found = pace.next_pulse_ns(START_NS, START_NS + 100 * NS_PER_SECOND, 42.5)
    assert found == START_NS + 42 * NS_PER_SECOND


@pytest.mark.parametrize(("speed", "pulsed"), [(60.0, True), (61.0, False), (None, False)])
def test_pulses_stop_where_nobody_could_follow_them(speed: float | None, pulsed: bool) -> None:
    pace = Pace(speed)
    pace.wait_s(START_NS, 0.0)
    found = pace.next_pulse_ns(START_NS, START_NS + 60 * NS_PER_SECOND, 0.0)
    assert (found is not None) is pulsed


def test_there_is_no_pulse_before_the_first_event() -> None:
    assert Pace(1.0).next_pulse_ns(START_NS, START_NS + 60 * NS_PER_SECOND, 0.0) is None
