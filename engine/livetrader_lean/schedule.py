"""`self.schedule`: LEAN's calls in front of the core's scheduler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule import rules as core
from livetrader_engine.schedule.scheduler import ScheduledEvent
from livetrader_engine.training import TrainingWork, work_of
from livetrader_lean.binding import Binding
from livetrader_lean.schedule_rules import DateRules, TimeRules
from livetrader_lean.times import utc
from livetrader_lean.views import Face


def as_callback(function: Callable[..., object]) -> Callable[[str, int], None]:
    """Return what the scheduler calls; functions of two arguments get the event's name and UTC time."""
    wants_details = _takes_two(function)

    def call(name: str, due_ns: int) -> None:
        if wants_details:
            function(name, utc(due_ns))
        else:
            function()

    return call


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # builtins without a signature are called without arguments
        return []
    return [p for p in found if p.kind <= p.POSITIONAL_OR_KEYWORD]


def _takes_two(function: Callable[..., object]) -> bool:
    return len([p for p in _parameters(function) if p.default is p.empty]) == 2


def takes_arguments(function: Callable[..., object]) -> bool:
    """Return whether a callback takes any positional argument."""
    return bool(_parameters(function))


class Schedule(Face):
    """`self.schedule`: `on([name,] date_rule, time_rule, callback)`, and `event()` for the fluent form."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    @property
    def date_rules(self) -> DateRules:
        """Builder of date rules."""
        return DateRules(self._binding)

    @property
    def time_rules(self) -> TimeRules:
        """Builder of time rules."""
        return TimeRules(self._binding)

    def on(self, *arguments: Any, **named: Any) -> ScheduledEvent:
        """Schedule `callback()` or `callback(name, utc_time)`; return the event.

        Arguments as in LEAN, in order or by name: [name,] date_rule, time_rule, callback.
        """
        arguments = (*arguments, *(named.pop(item) for item in _EVENT if item in named))
        if named:
            raise AlgorithmError(f"schedule.on has no argument {', '.join(sorted(named))}")
        name, (date_rule, time_rule, function) = _named_arguments(arguments)
        return self._add(name, date_rule, time_rule, as_callback(function))

    def training(self, *arguments: Any) -> ScheduledEvent:
        """Schedule a training function; see `train`."""
        name, (date_rule, time_rule, function) = _named_arguments(arguments)
        return self.train_on(name, date_rule, time_rule, work_of(function))

    def train_on(
        self, name: str | None, date_rule: core.DateRule, time_rule: core.TimeRule, work: TrainingWork
    ) -> ScheduledEvent:
        """Train on rules. An occurrence is known by what is trained and when, so that none is run twice."""
        engine, rules = self._binding.engine, (date_rule, time_rule)
        wanted = f"{work.name}: {name or f'{date_rule.name}: {time_rule.name}'}"
        return engine.trainings.scheduled(
            wanted, work, lambda callback: self._add(name, *rules, callback), engine.clock.now_ns
        )

    def training_now(self, function: Callable[[], object]) -> ScheduledEvent:
        """Train once, as soon as the engine goes on."""
        return self.train_now(work_of(function))

    def train_now(self, work: TrainingWork) -> ScheduledEvent:
        """Train once, as soon as the engine goes on; live not before warm-up is over."""
        trainings = self._binding.engine.trainings
        trainings.want(work)
        rules = self.date_rules.today, self.time_rules.now
        return self._add("Training: Now", *rules, lambda _name, _due_ns: trainings.at_once(work))

    def event(self, name: str | None = None) -> FluentEvent:
        """Begin a rule in the fluent form, ended by `run(callback)`."""
        return FluentEvent(self, self._binding, name)

    def remove(self, event: ScheduledEvent) -> None:
        """Never fire the event again."""
        event.remove()

    def _add(
        self,
        name: str | None,
        date_rule: core.DateRule,
        time_rule: core.TimeRule,
        callback: Callable[[str, int], None],
    ) -> ScheduledEvent:
        engine = self._binding.engine
        title = name or f"{date_rule.name}: {time_rule.name}"
        return engine.scheduler.add(title, date_rule, time_rule, callback, engine.clock.now_ns)


_EVENT = ("name", "date_rule", "time_rule", "callback")


def _named_arguments(arguments: tuple[Any, ...]) -> tuple[str | None, tuple[Any, Any, Any]]:
    if len(arguments) == 4:
        name, *rest = arguments
        return str(name), (rest[0], rest[1], rest[2])
    if len(arguments) == 3:
        return None, (arguments[0], arguments[1], arguments[2])
    raise AlgorithmError("schedule.on takes ([name,] date_rule, time_rule, callback)")


class FluentEvent(Face):
    """`schedule.event().every_day(symbol).at(10, 0).run(callback)`: a rule word by word."""

    __slots__ = ("_binding", "_date", "_name", "_schedule", "_time", "_where")

    def __init__(self, schedule: Schedule, binding: Binding, name: str | None) -> None:
        self._schedule = schedule
        self._binding = binding
        self._name = name
        self._date: core.DateRule | None = None
        self._time: core.TimeRule | None = None
        self._where: list[Callable[[int], bool]] = []

    def on(self, *when: Any) -> FluentEvent:
        """Fire on dates."""
        return self._set_date(self._schedule.date_rules.on(*when))

    def every(self, *when: Any) -> FluentEvent:
        """Fire on weekdays, or at an interval when given a timedelta."""
        if isinstance(when[0], timedelta):
            return self._set_time(self._schedule.time_rules.every(when[0]))
        return self._set_date(self._schedule.date_rules.every(*when))

    def every_day(self, symbol: object = None) -> FluentEvent:
        """Fire every day, or every trading day of a symbol."""
        return self._set_date(self._schedule.date_rules.every_day(symbol))

    def month_start(self, *arguments: Any) -> FluentEvent:
        """Fire on the first (trading) day of each month."""
        return self._set_date(self._schedule.date_rules.month_start(*arguments))

    def month_end(self, *arguments: Any) -> FluentEvent:
        """Fire on the last (trading) day of each month."""
        return self._set_date(self._schedule.date_rules.month_end(*arguments))

    def week_start(self, *arguments: Any) -> FluentEvent:
        """Fire on the first (trading) day of each week."""
        return self._set_date(self._schedule.date_rules.week_start(*arguments))

    def at(self, *arguments: Any) -> FluentEvent:
        """Fire at a time of day."""
        return self._set_time(self._schedule.time_rules.at(*arguments))

    def after_market_open(self, *arguments: Any) -> FluentEvent:
        """Fire minutes after the open."""
        return self._set_time(self._schedule.time_rules.after_market_open(*arguments))

    def before_market_close(self, *arguments: Any) -> FluentEvent:
        """Fire minutes before the close."""
        return self._set_time(self._schedule.time_rules.before_market_close(*arguments))

    def where(self, predicate: Callable[[datetime], bool]) -> FluentEvent:
        """Fire only at UTC times for which the predicate holds."""
        self._where.append(lambda due_ns: bool(predicate(utc(due_ns))))
        return self

    def during_market_hours(self, symbol: object, extended_market_hours: bool = False) -> FluentEvent:
        """Fire only while a symbol trades."""
        hours = self._binding.market(symbol).hours
        self._where.append(lambda due_ns: hours.is_open(due_ns, extended_market_hours))
        return self

    def run(self, function: Callable[..., object]) -> ScheduledEvent:
        """Schedule it; rules that were not named are every day and midnight."""
        date_rule = self._date or self._schedule.date_rules.every_day()
        time_rule = self._time or self._schedule.time_rules.midnight
        where = tuple(self._where)

        def times(day: date) -> Iterable[int]:
            return (due for due in time_rule.times(day) if all(test(due) for test in where))

        chosen = core.TimeRule(time_rule.name, times, time_rule.once) if where else time_rule
        return self._schedule._add(self._name, date_rule, chosen, as_callback(function))

    def _set_date(self, rule: core.DateRule) -> FluentEvent:
        self._date = rule
        return self

    def _set_time(self, rule: core.TimeRule) -> FluentEvent:
        self._time = rule
        return self
