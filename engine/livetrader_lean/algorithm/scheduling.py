"""Timed events and training."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule.scheduler import ScheduledEvent
from livetrader_lean.algorithm.part import Part
from livetrader_lean.schedule import Schedule
from livetrader_lean.schedule_rules import DateRules, TimeRules
from livetrader_lean.storage import ObjectStore
from livetrader_lean.training import Training, wanted_work

_TRAINING: Final = ("date_rule", "time_rule", "training_code")


class SchedulingMixin(Part):
    """`schedule`, `train` and what they need."""

    @property
    def schedule(self) -> Schedule:
        """Schedule functions: `schedule.on(date_rule, time_rule, function)`."""
        return Schedule(self._lean)

    @property
    def date_rules(self) -> DateRules:
        """Builder of date rules."""
        return DateRules(self._lean)

    @property
    def time_rules(self) -> TimeRules:
        """Builder of time rules."""
        return TimeRules(self._lean)

    def train(self, *arguments: Any, **named: Any) -> ScheduledEvent:
        """Run a training function: at once, `train(function)`, or on rules, `train(date, time, function)`.

        In a backtest it runs inside the step in which it is due. Live it runs on its own thread, beside
        `on_data`, within the training quota, and not before warm-up is over; `training.ready` says when a
        model may be used. An occurrence of a schedule is started once, over restarts too.

        Beyond LEAN, all optional: `process=True` runs it in a process of its own, which can be limited and
        killed; the function must then stand at the top level of the file, and arguments and result be data.
        `arguments` (a tuple, or the only one) are handed to it, or what `prepare()` returns right before it
        runs. `then(result)` is called between two steps, so that `on_data` never sees half a model. After
        `deadline` (timedelta, or minutes) it is ended. `gpu=True` lets it use one. `name` is for the log.
        """
        arguments = (*arguments, *(named.pop(name) for name in _TRAINING if name in named))
        if len(arguments) not in (1, 3):
            raise AlgorithmError("train takes a function, or date_rule, time_rule, function")
        *rules, function = arguments
        work = wanted_work(function, named)
        if named:
            raise AlgorithmError(f"train has no argument {', '.join(sorted(named))}")
        schedule = Schedule(self._lean)
        return schedule.train_on(None, rules[0], rules[1], work) if rules else schedule.train_now(work)

    @cached_property
    def training(self) -> Training:
        """Readiness of what `train` runs. Not in LEAN: an algorithm's own attribute takes its place."""
        engine = self._lean.engine
        return Training(engine.ports.trainer.status, engine.readiness)

    @property
    def object_store(self) -> ObjectStore:
        """Text and bytes that outlive the algorithm."""
        return self._lean.object_store
