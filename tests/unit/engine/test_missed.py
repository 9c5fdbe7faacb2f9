"""Scheduled trainings that nobody was there to start: the policy, and each occurrence once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.missed import (
    BACK_LIMIT_NS,
    MAX_LATE,
    Missed,
    MissedPolicy,
    MissedTrainings,
    Plan,
    ScheduleJudged,
    newest,
    plan,
    unique,
    usable,
)
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from livetrader_engine.training import TrainingWork
from livetrader_engine.training_schedules import MAX_HELD, TrainingSchedules

NOW = 20_000 * NS_PER_DAY
LATE, SKIP, COALESCE = MissedPolicy.LATE, MissedPolicy.SKIP, MissedPolicy.COALESCE


@pytest.mark.parametrize(
    ("policy", "first", "due", "runs", "settled"),
    [
        (LATE, False, (10, 20, 30), (10, 20, 30), 9),
        (SKIP, False, (10, 20, 30), (), 39),
        (COALESCE, False, (10, 20, 30), (30,), 29),
        (LATE, False, (), (), 39),
        (SKIP, False, (), (), 39),
        (COALESCE, False, (), (), 39),
        (COALESCE, False, (10,), (10,), 9),
        (LATE, True, (10, 20), (20,), 19),  # a warm-up at the first start: one run on what is known now
        (COALESCE, True, (10, 20), (20,), 19),
        (SKIP, True, (10, 20), (), 39),
    ],
)
def test_the_policy_decides(
    policy: MissedPolicy, first: bool, due: tuple[int, ...], runs: tuple[int, ...], settled: int
) -> None:
    assert plan(policy, Missed(due, len(due)), 40, first=first) == Plan(runs, settled)


@pytest.mark.parametrize(
    ("settled", "used"),
    [
        (None, None),
        (NOW - 5, NOW - 5),
        (NOW + BACK_LIMIT_NS, NOW + BACK_LIMIT_NS),  # the clock went back: nothing is started twice
        (NOW + BACK_LIMIT_NS + 1, None),  # a clock that was wrong by days, or a replay that begins anew
    ],
)
def test_a_mark_of_another_time_does_not_silence_a_schedule(settled: int | None, used: int | None) -> None:
    assert usable(settled, NOW) == used


def test_schedules_that_look_alike_get_numbers() -> None:
    assert unique("fit: daily", {}) == "fit: daily"
    assert unique("fit: daily", {"fit: daily": 1, "fit: daily #2": 1}) == "fit: daily #3"


class Every:
    """A schedule that fires at each multiple of a period; counts what it was asked for."""

    def __init__(self, period_ns: int) -> None:
        self.period_ns = period_ns
        self.yielded = 0

    def __call__(self, first_ns: int, end_ns: int) -> Iterable[int]:
        for due in range(-(-first_ns // self.period_ns) * self.period_ns, end_ns, self.period_ns):
            self.yielded += 1
            yield due


def naive(period_ns: int, after_ns: int, until_ns: int) -> list[int]:
    found, due = [], -4_000 * period_ns
    while due < until_ns:
        if due > after_ns:
            found.append(due)
        due += period_ns
    return found


@given(st.integers(10, 400), st.integers(-3000, 3000), st.integers(0, 3000))
def test_the_newest_occurrences_are_those_of_a_walk_through_all(period: int, after: int, until: int) -> None:
    hours = NS_PER_HOUR
    found = newest(Every(period * hours), after * hours, until * hours)
    every = naive(period * hours, after * hours, until * hours)
    assert found.due_ns == tuple(every[-MAX_LATE:])
    if found.complete:
        assert found.count == len(every)
    else:
        assert MAX_LATE <= found.count <= len(every)


def test_years_of_a_busy_schedule_are_not_walked_through() -> None:
    minute = Every(NS_PER_MINUTE)
    found = newest(minute, 0, NOW)
    assert (found.due_ns[-1], found.complete) == (NOW - NS_PER_MINUTE, False)
    assert minute.yielded <= 2 * 1440


class Life:
    """One engine process: schedules, what was handed to the trainer, what was told."""

    def __init__(self, known: MissedTrainings | None, start_ns: int) -> None:
        self.work: list[TrainingWork] = []
        self.judged: list[ScheduleJudged] = []
        self.schedules = TrainingSchedules(self.work.append, known, start_ns)
        self.schedules.judged = self.judged.append
        self.start_ns = start_ns

    def runs(self) -> list[int | None]:
        return [work.scheduled_ns for work in self.work]


def fit() -> None:
    """Stand for a training function."""


def other() -> None:
    """Stand for another."""


FIT = TrainingWork("fit", fit)


def known(policy: MissedPolicy = COALESCE, **settled: int) -> MissedTrainings:
    return MissedTrainings(policy, settled)


def test_without_a_policy_everything_is_trained_when_it_is_due_in_warm_up_too() -> None:
    life = Life(None, NOW)
    name = life.schedules.name("fit: daily")
    life.schedules.follow(name, FIT, Every(NS_PER_DAY), NOW)
    for due in (NOW - 2 * NS_PER_DAY, NOW - NS_PER_DAY, NOW):
        life.schedules.due(name, FIT, due)
    life.schedules.begin(NOW - 3 * NS_PER_DAY)
    assert life.runs() == [NOW - 2 * NS_PER_DAY, NOW - NS_PER_DAY, NOW]
    assert life.judged == []


def test_a_warm_up_trains_once_at_its_end_not_for_each_past_occurrence() -> None:
    life = Life(known(), NOW)
    name = life.schedules.name("fit: daily")
    life.schedules.follow(name, FIT, Every(NS_PER_DAY), NOW)
    for back in (3, 2, 1):
        life.schedules.due(name, FIT, NOW - back * NS_PER_DAY)
    life.schedules.due(name, FIT, NOW)  # live: it falls due while the warm-up still runs
    assert life.work == []
    life.schedules.begin(NOW - 3 * NS_PER_DAY)
    assert life.runs() == [NOW - NS_PER_DAY, NOW]
    assert [(told.first, told.missed.count) for told in life.judged] == [(True, 3)]


def test_what_is_wanted_at_once_in_a_warm_up_waits_for_its_end_and_the_newest_stands() -> None:
    life = Life(known(), NOW)
    wishes = [TrainingWork("fit", fit, arguments=(number,)) for number in range(3)]
    for wish in (*wishes[:2], TrainingWork("other", other), wishes[2]):
        life.schedules.at_once(wish)
    assert life.work == []
    life.schedules.begin(NOW - NS_PER_DAY)
    assert [(work.name, work.arguments) for work in life.work] == [("other", ()), ("fit", (2,))]
    life.schedules.at_once(FIT)
    assert len(life.work) == 3, "after the warm-up nothing waits"


def test_the_names_of_what_is_wanted_are_told_a_few_of_them() -> None:
    life = Life(None, NOW)
    for number in (1, 1, 2, 3, 4, 5):
        life.schedules.want(TrainingWork(f"fit {number}", fit))
    assert life.schedules.planned == ("fit 1", "fit 2", "fit 3", "fit 4")


def test_what_waits_for_the_end_of_a_warm_up_is_bounded() -> None:
    life = Life(known(), NOW)
    for number in range(3 * MAX_HELD):
        life.schedules.at_once(TrainingWork("lambda", lambda number=number: number))
    life.schedules.begin(None)
    assert len(life.work) == MAX_HELD


def test_a_training_at_the_start_stands_for_the_missed_ones_of_its_function() -> None:
    life = Life(known(**{"fit: daily": NOW - 5 * NS_PER_DAY}), NOW)
    life.schedules.follow(life.schedules.name("fit: daily"), FIT, Every(NS_PER_DAY), NOW)
    life.schedules.want(FIT)
    life.schedules.at_once(FIT)
    life.schedules.begin(None)
    assert life.runs() == [None], "one training, not two of the same function in a row"
    assert life.judged[0].plan == Plan((), NOW - 1)


def test_a_schedule_made_later_is_judged_when_it_is_made() -> None:
    life = Life(known(**{"fit: daily": NOW - 2 * NS_PER_DAY}), NOW)
    life.schedules.begin(None)
    life.schedules.follow(life.schedules.name("fit: daily"), FIT, Every(NS_PER_DAY), NOW + 5)
    assert life.runs() == [NOW]
    life.schedules.follow(life.schedules.name("new"), FIT, Every(NS_PER_DAY), NOW + 5)
    assert life.runs() == [NOW], "one that nobody knew has missed nothing"


@settings(max_examples=60, deadline=None)
@given(
    policy=st.sampled_from(MissedPolicy),
    period_hours=st.integers(1, 24 * 9),
    warm_up_days=st.sampled_from([None, 3, 30]),
    lives=st.lists(
        st.tuples(
            st.integers(0, 24 * 20),  # hours up
            st.integers(-20, 24 * 20),  # hours until the next start; the clock may have gone back
            st.integers(0, 3),  # of the trainings of a life, how many the trainer had not begun when it died
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_over_months_of_restarts_no_occurrence_is_started_twice(
    policy: MissedPolicy,
    period_hours: int,
    warm_up_days: int | None,
    lives: list[tuple[int, int, int]],
) -> None:
    """A daemon's journal is simulated: it has what was settled, and what was started."""
    period = period_hours * NS_PER_HOUR
    settled: dict[str, int] = {}
    started: list[int] = []
    clock, since, downs = NOW + 1, NOW + 1, list[tuple[int, int]]()
    for up_hours, pause_hours, unstarted in lives:
        life = Life(MissedTrainings(policy, dict(settled)), clock)
        every = Every(period)
        name = life.schedules.name("fit")
        life.schedules.follow(name, FIT, every, clock)
        warm_from = None if warm_up_days is None else clock - warm_up_days * NS_PER_DAY
        end = clock + up_hours * NS_PER_HOUR
        begun = False
        for due in every(warm_from if warm_from is not None else clock, end):
            if due >= clock and not begun:
                life.schedules.begin(warm_from)
                begun = True
            life.schedules.due(name, FIT, due)
        if not begun:
            life.schedules.begin(warm_from)
        for told in life.judged:
            settled[told.schedule] = told.plan.settled_ns
        queue = [due for due in life.runs() if due is not None]
        for due in queue[: len(queue) - unstarted]:
            started.append(due)
            settled[name] = due
        downs.append((end, end + pause_hours * NS_PER_HOUR))
        clock = max(end + pause_hours * NS_PER_HOUR, since)
    assert len(started) == len(set(started)), "an occurrence was started twice"
    if policy is SKIP:
        missed = [due for due in started if any(a < due < b for a, b in downs)]
        assert not missed or any(pause < 0 for _, pause, _ in lives), "nothing of a time that was skipped"
