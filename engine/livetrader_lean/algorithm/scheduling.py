"""Timed events and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule.scheduler import ScheduledEvent
from livetrader_lean.algorithm.part import Part
from livetrader_lean.schedule import DateRules, Schedule, TimeRules
from livetrader_lean.storage import ObjectStore
from livetrader_lean.training import Training

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

    def train(self, *arguments: Callable[[], object] | Any, **named: Any) -> ScheduledEvent:
        """Run a training function: at once, `train(function)`, or on rules, `train(date, time, function)`.

        In a backtest it runs inside the step in which it is due. Live it runs on its own thread, beside
        `on_data`, within the training quota; `training.ready` says when a model may be used. Python cannot
        stop a function that runs too long: its result is then marked as expired, not interrupted.
        """
        arguments = (*arguments, *(named.pop(name) for name in _TRAINING if name in named))
        if named:
            raise AlgorithmError(f"train has no argument {', '.join(sorted(named))}")
        if len(arguments) == 1:
            return Schedule(self._lean).training_now(arguments[0])
        return Schedule(self._lean).training(*arguments)

    @property
    def training(self) -> Training:
        """Readiness of what `train` runs. Not in LEAN."""
        engine = self._lean.engine
        return Training(engine.ports.trainer.status, engine.readiness)

    @property
    def object_store(self) -> ObjectStore:
        """Text and bytes that outlive the algorithm."""
        return ObjectStore(self._lean.engine.ports.object_store)
