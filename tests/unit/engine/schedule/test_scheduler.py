"""The scheduler: due order, ties, lateness, removal; against a list that is scanned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.schedule.rules import DateRule, DateRules, TimeRule, TimeRules
from livetrader_engine.schedule.scheduler import NEVER_NS, ScheduledEvent, Scheduler
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, NEW_YORK, at, us_equities

START = at("2013-10-07")
DATES = DateRules(lambda: START, lambda: NEW_YORK)
TIMES = TimeRules(lambda: START, lambda: NEW_YORK, lambda: (us_equities(),))


def _ignore(name: str, time_ns: int) -> None:
    """Stand in for a callback of the algorithm."""


def _fired(scheduler: Scheduler, now_ns: int, *, inclusive: bool = True) -> list[tuple[str, int]]:
    return [(event.name, due_ns) for event, due_ns in scheduler.due(now_ns, inclusive=inclusive)]


def test_events_come_in_due_order_and_ties_in_order_of_creation() -> None:
    scheduler = Scheduler()
    scheduler.add("noon", DATES.every_day(), TIMES.at(12), _ignore, START)
    scheduler.add("late", DATES.every_day(), TIMES.at(10), _ignore, START)
    scheduler.add("too", DATES.every_day(), TIMES.at(10), _ignore, START)
    assert scheduler.next_due_ns == at("2013-10-07 10:00")
    assert _fired(scheduler, at("2013-10-07 12:00")) == [
        ("late", at("2013-10-07 10:00")),
        ("too", at("2013-10-07 10:00")),
        ("noon", at("2013-10-07 12:00")),
    ]
    assert scheduler.next_due_ns == at("2013-10-08 10:00")


def test_an_event_at_now_is_due_only_inclusively() -> None:
    scheduler = Scheduler()
    scheduler.add("ten", DATES.every_day(), TIMES.at(10), _ignore, START)
    assert _fired(scheduler, at("2013-10-07 10:00"), inclusive=False) == []
    assert _fired(scheduler, at("2013-10-07 10:00")) == [("ten", at("2013-10-07 10:00"))]


@pytest.mark.parametrize(
    ("after", "first"), [("10:00", "2013-10-07 10:00"), ("10:00:01", "2013-10-08 10:00")]
)
def test_instants_before_the_start_are_skipped_and_the_start_itself_counts(after: str, first: str) -> None:
    scheduler = Scheduler()
    scheduler.add("ten", DATES.every_day(), TIMES.at(10), _ignore, at(f"2013-10-07 {after}"))
    assert scheduler.next_due_ns == at(first)


def test_what_was_missed_fires_one_after_the_other() -> None:
    scheduler = Scheduler()
    scheduler.add("hourly", DATES.every_day(), TIMES.every(HOUR), _ignore, START)
    missed = _fired(scheduler, START + 5 * HOUR)
    assert [due_ns for _, due_ns in missed] == [START + hours * HOUR for hours in range(6)]


def test_a_removed_event_never_fires_not_even_while_the_due_ones_are_handed_out() -> None:
    scheduler = Scheduler()
    events: dict[str, ScheduledEvent] = {}
    for name in ("first", "second"):
        events[name] = scheduler.add(name, DATES.every_day(), TIMES.at(10), _ignore, START)
    fired = []
    for event, _ in scheduler.due(at("2013-10-07 10:00"), inclusive=True):
        fired.append(event.name)
        events["second"].remove()
        events["second"].remove()
    assert fired == ["first"]
    assert [event.name for event in scheduler.events] == ["first"]


def test_an_event_added_by_a_handler_fires_in_the_same_round_if_it_is_due() -> None:
    scheduler = Scheduler()
    scheduler.add("first", DATES.today(), TIMES.at(10), _ignore, START)
    fired = []
    now = at("2013-10-07 11:00")
    for event, due_ns in scheduler.due(now, inclusive=True):
        fired.append(event.name)
        if event.name == "first":
            scheduler.add("second", DATES.today(), TIMES.at(10, 30), _ignore, due_ns)
    assert fired == ["first", "second"]


def test_a_handler_that_raises_does_not_make_its_event_fire_again() -> None:
    scheduler = Scheduler()
    scheduler.add("daily", DATES.every_day(), TIMES.at(10), _ignore, START)
    for _event, _ in scheduler.due(at("2013-10-07 10:00"), inclusive=True):
        break  # as a raised exception leaves the loop
    assert _fired(scheduler, at("2013-10-07 10:00")) == []
    assert scheduler.next_due_ns == at("2013-10-08 10:00")


def test_now_fires_once_whatever_the_dates() -> None:
    scheduler = Scheduler()
    scheduler.add("train", DATES.every_day(), TIMES.now(), _ignore, START)
    assert _fired(scheduler, START) == [("train", START)]
    assert scheduler.next_due_ns == NEVER_NS


def test_a_restart_from_earlier_finds_the_instants_before_the_first_start() -> None:
    scheduler = Scheduler()
    scheduler.add("once", DATES.on(date(2013, 10, 1)), TIMES.at(10), _ignore, START)
    scheduler.add("daily", DATES.every_day(), TIMES.at(10), _ignore, START)
    assert scheduler.next_due_ns == at("2013-10-07 10:00")
    scheduler.restart(at("2013-10-01"))
    assert _fired(scheduler, at("2013-10-02")) == [
        ("once", at("2013-10-01 10:00")),
        ("daily", at("2013-10-01 10:00")),
    ]


def test_many_removed_events_do_not_stay_in_memory() -> None:
    scheduler = Scheduler()
    keep = scheduler.add("keep", DATES.every_day(), TIMES.at(10), _ignore, START)
    for number in range(1_000):
        scheduler.add(str(number), DATES.every_day(), TIMES.at(11), _ignore, START).remove()
    assert len(scheduler._heap) < 200
    assert scheduler.events == (keep,)


def _rule_of(instants: list[int]) -> tuple[DateRule, TimeRule]:
    """Return rules that fire at these minutes after START."""
    days: dict[date, list[int]] = {}
    for minute in instants:
        day = date(2013, 10, 7) + timedelta(days=minute // 1440)
        days.setdefault(day, []).append(START + minute * MINUTE)

    def dates(start: date, end: date) -> Iterator[date]:
        return iter(sorted(days))

    times: Callable[[date], list[int]] = lambda day: days[day]  # noqa: E731
    return DateRule("test", dates), TimeRule("test", times)


@given(
    st.lists(st.lists(st.integers(0, 5_000), max_size=20, unique=True).map(sorted), max_size=8),
    st.lists(st.integers(0, 5_000), min_size=1, max_size=10).map(sorted),
    st.booleans(),
)
def test_the_heap_agrees_with_scanning_a_list(
    schedules: list[list[int]], probes: list[int], inclusive: bool
) -> None:
    scheduler = Scheduler()
    for number, instants in enumerate(schedules):
        scheduler.add(str(number), *_rule_of(instants), _ignore, START)
    waiting = sorted((minute, number) for number, instants in enumerate(schedules) for minute in instants)
    for probe in probes:
        fired = _fired(scheduler, START + probe * MINUTE, inclusive=inclusive)
        due = [entry for entry in waiting if entry[0] < probe or (inclusive and entry[0] == probe)]
        waiting = waiting[len(due) :]
        assert fired == [(str(number), START + minute * MINUTE) for minute, number in due]
