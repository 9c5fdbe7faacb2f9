"""What a trainer goes by, and the one job that is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from livetrader.ipc.messages import TrainingState
from livetrader.training.attempts import Attempt
from livetrader.training.jobs import Job
from livetrader.training.runner import Outcome

GRACE_S: Final = 5.0  # for a thread that was told to stop, before it is given up


@dataclass(frozen=True, slots=True)
class TrainerClocks:
    """`wall_ns` for what is told, `monotonic_s` for durations, `engine_ns` for a model's age."""

    wall_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    engine_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class TrainerRules:
    """How jobs are run. `deadline_s` for works that name none (0: the budget is the only end).

    With `waits`, `submit` returns when the job is over or deferred: for feeds in which no time passes
    meanwhile. `wake` is called when a result waits to be adopted by the engine's thread. `start_noted` waits
    until the start of a job is journaled, and says whether it is: asked for occurrences of schedules only.
    """

    deadline_s: float = 0.0
    waits: bool = False
    wake: Callable[[], None] = lambda: None
    start_noted: Callable[[int], bool] = lambda job: True

    def may_begin(self, run: Run) -> bool:
        """Wait until an occurrence of a schedule is journaled as started: it must not be started twice."""
        work = run.job.work
        if work.schedule and work.scheduled_ns is not None and not self.start_noted(run.job.number):
            return False
        return run.sentence is None  # cancelled meanwhile


@dataclass
class Run:
    """The job under way. Mutated under the trainer's lock only."""

    job: Job
    attempt: Attempt
    started_s: float
    deadline_s: float
    working: bool = True  # the work itself goes on; afterwards only its result waits to be adopted
    sentence: tuple[TrainingState, str] | None = None  # why it was told to stop
    sentenced_s: float = 0.0
    told_s: float = 0.0  # when it was told to stop the last time
    result: tuple[object] | None = None  # waits to be adopted
    progress: tuple[float, str] | None = None  # as reported
    reported_s: float = 0.0


def verdict(sentence: tuple[TrainingState, str] | None, outcome: Outcome | None) -> tuple[TrainingState, str]:
    """Return how a job has ended, and the words. A sentence stands, whatever the work came to.

    `outcome` None: the thread was given up. Pure.
    """
    if sentence is not None:
        state, text = sentence
        if outcome is None:
            text += f"; it did not stop within {GRACE_S:.0f} s and its thread was given up: it may still run"
        return state, text
    if outcome is None:
        return TrainingState.FAILED, "its thread was given up"
    if outcome.failure is None:
        return TrainingState.READY, ""
    return (TrainingState.EXPIRED if outcome.expired else TrainingState.FAILED), outcome.failure
