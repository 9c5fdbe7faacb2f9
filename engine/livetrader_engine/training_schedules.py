"""Scheduled trainings of one run: each occurrence is handed to the trainer once, or not at all.

Without MissedTrainings (backtests, and feeds in which no time passes) everything is handed over when it is
due, during warm-up too, as in LEAN. With it, live, three things differ. Occurrences that lie before the
start of the engine are not trained in the warm-up but judged once, when it is over (see missed.py). What is
wanted at once during warm-up waits for its end, when the data that it learns from are complete; of several
wishes for one function the newest stands. And an occurrence that an engine before this one has started is
not started again.

Owned by the engine's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from livetrader_engine import missed
from livetrader_engine.missed import MissedPolicy, MissedTrainings, Plan, ScheduleJudged
from livetrader_engine.schedule.scheduler import ScheduledEvent
from livetrader_engine.training import TrainingWork

MAX_SCHEDULES: Final = 1000  # of one run; an algorithm that schedules in on_data must not fill our memory
MAX_HELD: Final = 64  # trainings that wait for the end of warm-up; the oldest goes first

MAX_TOLD: Final = 4  # names in the reason why there is no model

Instants = Callable[[int, int], Iterable[int]]  # those of a schedule in [first, end), ascending


@dataclass(slots=True)
class _Schedule:
    work: TrainingWork
    instants: Instants
    settled_ns: int | None = None  # None: not judged yet


class TrainingSchedules:
    """Says what is handed to the trainer. `judged` hears of every decision about the past."""

    def __init__(
        self, submit: Callable[[TrainingWork], None], known: MissedTrainings | None, start_ns: int
    ) -> None:
        self.judged: Callable[[ScheduleJudged], None] = _nobody
        self._submit = submit
        self._known = known
        self._start_ns = start_ns
        self._schedules: dict[str, _Schedule] = {}
        self._at_once: list[Callable[..., object]] = []
        self._held: dict[object, TrainingWork] = {}
        self._due: list[tuple[str, int]] = []  # of the time since the start, met while warming up
        self._begun = known is None
        self.planned: tuple[str, ...] = ()  # names of the first trainings that were asked for, to be told

    def scheduled(
        self,
        wanted: str,
        work: TrainingWork,
        add: Callable[[Callable[[str, int], None]], ScheduledEvent],
        now_ns: int,
    ) -> ScheduledEvent:
        """Put the work on a schedule: `add` makes the event of a callback. `wanted` names it, see `name`."""
        self._plan(work)
        name = self.name(wanted)
        event = add(lambda _, due_ns: self.due(name, work, due_ns))
        self.follow(name, work, event.between, now_ns)
        return event

    def name(self, wanted: str) -> str:
        """Return a name for a new schedule: the same in every start of the same algorithm.

        Empty where nobody has to know it, or where there are MAX_SCHEDULES: then nothing is remembered.
        """
        if self._known is None or len(self._schedules) >= MAX_SCHEDULES:
            return ""
        return missed.unique(wanted, self._schedules)

    def follow(self, name: str, work: TrainingWork, instants: Instants, now_ns: int) -> None:
        """Take on a schedule of that name; one of a run that has begun is judged at once."""
        if not name:
            return
        schedule = self._schedules[name] = _Schedule(work, instants)
        if self._known is not None and self._begun:
            self._judge(name, schedule, self._known, (now_ns - 1, now_ns))

    def want(self, work: TrainingWork) -> None:
        """Take note that this will be trained at once: it stands for missed occurrences of its function."""
        self._plan(work)
        if not self._begun:
            self._at_once.append(work.function)

    def _plan(self, work: TrainingWork) -> None:
        if work.name not in self.planned and len(self.planned) < MAX_TOLD:
            self.planned = (*self.planned, work.name)

    def at_once(self, work: TrainingWork) -> None:
        """Train this now, or when warm-up is over."""
        if self._begun:
            self._submit(work)
            return
        key = _key(work.function)
        self._held.pop(key, None)
        self._held[key] = work
        if len(self._held) > MAX_HELD:
            del self._held[next(iter(self._held))]

    def due(self, name: str, work: TrainingWork, due_ns: int) -> None:
        """Train an occurrence whose time has come, unless it is settled or past."""
        if not name:
            if self._begun or due_ns >= self._start_ns:
                self.at_once(replace(work, scheduled_ns=due_ns))
        elif self._begun:
            schedule = self._schedules[name]
            if schedule.settled_ns is None or due_ns > schedule.settled_ns:
                self._run(name, schedule, due_ns)
        elif due_ns >= self._start_ns:
            self._due.append((name, due_ns))

    def begin(self, warm_up_from_ns: int | None) -> None:
        """Take note that warm-up is over, or that there is none: judge what was missed, train what waits."""
        if self._begun or self._known is None:
            return
        self._begun = True
        known_from_ns = self._start_ns if warm_up_from_ns is None else min(warm_up_from_ns, self._start_ns)
        for name, schedule in self._schedules.items():
            self._judge(name, schedule, self._known, (known_from_ns - 1, self._start_ns))
        for work in self._held.values():
            self._submit(work)
        for name, due_ns in self._due:
            self.due(name, self._schedules[name].work, due_ns)
        self._held.clear()
        self._due.clear()
        self._at_once.clear()

    # -- inside --------------------------------------------------------------------------------------

    def _judge(self, name: str, schedule: _Schedule, known: MissedTrainings, span: tuple[int, int]) -> None:
        """Decide about occurrences before `span[1]`; a schedule nobody knew is looked at from `span[0]`."""
        from_ns, until_ns = span
        settled = missed.usable(known.settled_ns.get(name), until_ns)
        first = settled is None
        after_ns = from_ns if settled is None else settled
        found = missed.newest(schedule.instants, after_ns, until_ns)
        plan = missed.plan(known.policy, found, until_ns, first=first)
        if plan.runs and known.policy is MissedPolicy.COALESCE and schedule.work.function in self._at_once:
            plan = Plan((), until_ns - 1)
        schedule.settled_ns = max(after_ns, plan.settled_ns)
        if first or found.count:
            self.judged(ScheduleJudged(name, known.policy, first, found, plan))
        for due_ns in plan.runs:
            self._run(name, schedule, due_ns)

    def _run(self, name: str, schedule: _Schedule, due_ns: int) -> None:
        schedule.settled_ns = due_ns
        self._submit(replace(schedule.work, schedule=name, scheduled_ns=due_ns))


def _key(function: Callable[..., object]) -> object:
    """Return what two wishes for the same function share."""
    try:
        hash(function)
    except TypeError:  # a method of an object that compares by value
        return id(function)
    return function


def _nobody(judged: ScheduleJudged) -> None:
    """Tell nobody: a run without MissedTrainings decides nothing."""
