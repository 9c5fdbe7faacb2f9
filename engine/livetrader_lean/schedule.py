"""`self.schedule`, `self.date_rules` and `self.time_rules`: LEAN's calls in front of the core's rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule import rules as core
from livetrader_engine.schedule.scheduler import ScheduledEvent
from livetrader_engine.symbols import SecurityType
from livetrader_engine.training import TrainingWork
from livetrader_lean.binding import Binding
from livetrader_lean.enums import DayOfWeek
from livetrader_lean.times import span_ns, utc
from livetrader_lean.views import Face

_DAYS_PER_WEEK = 7


def _zone(zone: object) -> ZoneInfo | None:
    if zone is None or isinstance(zone, ZoneInfo):
        return zone
    if isinstance(zone, str):
        return ZoneInfo(zone)
    raise AlgorithmError(
        f"{zone!r} is no time zone; use TimeZones.NEW_YORK or a name like 'America/New_York'"
    )


class DateRules(Face):
    """Which dates a scheduled event fires on. A symbol or ticker means its exchange's trading days."""

    __slots__ = ("_binding", "_core")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._core = core.DateRules(lambda: binding.engine.clock.now_ns, lambda: _named(binding.time_zone))

    @property
    def today(self) -> core.DateRule:
        """The date on which the event is scheduled."""
        return self._core.today()

    @property
    def tomorrow(self) -> core.DateRule:
        """The date after it."""
        return self._core.tomorrow()

    def on(self, *when: Any) -> core.DateRule:
        """Fire on dates, given as year, month, day or as dates."""
        if len(when) == 3 and all(isinstance(part, int) for part in when):
            return self._core.on(date(*when))
        flat = when[0] if len(when) == 1 and isinstance(when[0], list | tuple) else when
        return self._core.on(*(day.date() if isinstance(day, datetime) else day for day in flat))

    def every(self, *days: Any) -> core.DateRule:
        """Fire on weekdays, given as DayOfWeek."""
        flat = days[0] if len(days) == 1 and isinstance(days[0], list | tuple) else days
        # .NET counts from Sunday, the core from Monday
        return self._core.every(*((int(DayOfWeek(int(day))) - 1) % _DAYS_PER_WEEK for day in flat))

    def every_day(self, symbol: object = None, extended_market_hours: bool = False) -> core.DateRule:
        """Fire every day, or every trading day of a symbol."""
        return self._core.every_day(self._market(symbol), extended_market_hours)

    def week_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each week, or `days_offset` days later."""
        return self._core.week_start(*self._period(arguments, named))

    def week_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each week, or `days_offset` days earlier."""
        return self._core.week_end(*self._period(arguments, named))

    def month_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each month, or `days_offset` days later."""
        return self._core.month_start(*self._period(arguments, named))

    def month_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each month, or `days_offset` days earlier."""
        return self._core.month_end(*self._period(arguments, named))

    def quarter_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each quarter, or `days_offset` days later."""
        return self._core.quarter_start(*self._period(arguments, named))

    def quarter_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each quarter, or `days_offset` days earlier."""
        return self._core.quarter_end(*self._period(arguments, named))

    def year_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each year, or `days_offset` days later."""
        return self._core.year_start(*self._period(arguments, named))

    def year_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each year, or `days_offset` days earlier."""
        return self._core.year_end(*self._period(arguments, named))

    def _period(
        self, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[core.Market | None, int, bool]:
        given = list(arguments)
        symbol = named.pop("symbol", None)
        if given and not isinstance(given[0], int):
            symbol = given.pop(0)
        offset = named.pop("days_offset", named.pop("daysOffset", given.pop(0) if given else 0))
        extended = named.pop("extended_market_hours", given.pop(0) if given else True)
        if given or named:
            raise AlgorithmError(f"a date rule does not understand {given or sorted(named)}")
        return self._market(symbol), int(offset), bool(extended)

    def _market(self, symbol: object) -> core.Market | None:
        return None if symbol is None else self._binding.market(symbol)


class TimeRules(Face):
    """At which times of its dates a scheduled event fires."""

    __slots__ = ("_binding", "_core")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._core = core.TimeRules(
            lambda: binding.engine.clock.now_ns, lambda: _named(binding.time_zone), self._markets
        )

    def _markets(self) -> Iterator[ExchangeHours]:
        # LEAN's market rules without a symbol always look at SPY's hours, subscribed or not
        reference = self._binding.engine.ports.reference
        yield reference.hours(reference.symbol("SPY", SecurityType.EQUITY, "usa"))
        for security in self._binding.engine.securities.values():
            yield security.hours

    @property
    def now(self) -> core.TimeRule:
        """At once."""
        return self._core.now()

    @property
    def midnight(self) -> core.TimeRule:
        """At 00:00."""
        return self._core.midnight()

    @property
    def noon(self) -> core.TimeRule:
        """Twelve hours after midnight."""
        return self._core.noon()

    def set_default_time_zone(self, time_zone: object) -> None:
        """Use another time zone for rules made from now on."""
        zone = _zone(time_zone)
        if zone is not None:
            self._core.set_default_time_zone(zone)

    def at(self, *arguments: Any) -> core.TimeRule:
        """Fire at a time of day: hour, minute[, second][, time zone], or a timedelta[, time zone]."""
        given = list(arguments)
        zone = _zone(given.pop()) if isinstance(given[-1], str | tzinfo) else None
        if isinstance(given[0], timedelta):
            return self._core.at_time_of_day(span_ns(given[0]), zone)
        hour, minute, second = (*given, 0, 0)[:3]
        return self._core.at(int(hour), int(minute), int(second), zone)

    def every(self, interval: timedelta) -> core.TimeRule:
        """Fire at midnight and at each interval after it."""
        return self._core.every(span_ns(interval))

    def after_market_open(
        self, symbol: object = None, minutes_after_open: float = 0, extended_market_open: bool = False
    ) -> core.TimeRule:
        """Fire minutes after the open."""
        market, minutes = self._market_rule(symbol, minutes_after_open)
        return self._core.after_market_open(market, minutes, extended_market_open)

    def before_market_open(
        self, symbol: object = None, minutes_before_open: float = 0, extended_market_open: bool = False
    ) -> core.TimeRule:
        """Fire minutes before the open."""
        market, minutes = self._market_rule(symbol, minutes_before_open)
        return self._core.before_market_open(market, minutes, extended_market_open)

    def before_market_close(
        self, symbol: object = None, minutes_before_close: float = 0, extended_market_close: bool = False
    ) -> core.TimeRule:
        """Fire minutes before the close; early closes move it."""
        market, minutes = self._market_rule(symbol, minutes_before_close)
        return self._core.before_market_close(market, minutes, extended_market_close)

    def after_market_close(
        self, symbol: object = None, minutes_after_close: float = 0, extended_market_close: bool = False
    ) -> core.TimeRule:
        """Fire minutes after the close."""
        market, minutes = self._market_rule(symbol, minutes_after_close)
        return self._core.after_market_close(market, minutes, extended_market_close)

    def _market_rule(self, symbol: object, minutes: float) -> tuple[core.Market | None, float]:
        if isinstance(symbol, int | float):  # after_market_open(30): no symbol
            return None, float(symbol)
        return (None if symbol is None else self._binding.market(symbol)), float(minutes)


def _named(zone: tzinfo) -> ZoneInfo:
    assert isinstance(zone, ZoneInfo), "set_time_zone makes ZoneInfo only"
    return zone


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
        engine = self._binding.engine
        trainings = engine.trainings
        known_as = trainings.name(f"{work.name}: {name or f'{date_rule.name}: {time_rule.name}'}")
        event = self._add(name, date_rule, time_rule, lambda _, due_ns: trainings.due(known_as, work, due_ns))
        trainings.follow(known_as, work, event.between, engine.clock.now_ns)
        return event

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


def work_of(function: Callable[[], object]) -> TrainingWork:
    """Return the training of a function as LEAN takes it: named like it, in a thread, without arguments."""
    return TrainingWork(getattr(function, "__name__", "training"), function)


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
