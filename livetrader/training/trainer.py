"""Training live: jobs one after the other on a thread of their own, paid from the leaky bucket.

The states of a job are the table of jobs.py. A job that may not start because the bucket is empty is
DEFERRED until the next refill; one whose minutes run out while it works is EXPIRED: it cannot be stopped
inside Python, so it runs on and its outcome does not count. Neither ends the algorithm (LEAN's live
bucket does).

Accounting follows LEAN's TimeMonitor: the first minute is free, then every started minute takes one token.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from livetrader.ipc.messages import TrainingReported, TrainingState
from livetrader.training.budget import Budget
from livetrader.training.jobs import ENDED, JOBS_KEPT, UNDER_WAY, Job
from livetrader_engine.training import TrainingJob, TrainingWork
from livetrader_lean.failures import user_traceback

MAX_WAITING: Final = 64  # jobs; a schedule that trains faster than training runs would grow for ever
SWITCH_INTERVAL_S: Final = 0.0005  # how long training may hold the interpreter while trading waits for it
MESSAGE_LENGTH: Final = 4000  # characters of a traceback that travel


@dataclass(frozen=True, slots=True)
class TrainerClocks:
    """`wall_ns` for the bucket (as in LEAN), `monotonic_s` for durations, `engine_ns` for a model's age."""

    wall_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    engine_ns: Callable[[], int]


class ThreadedTrainer:
    """Implements ports.Trainer and its TrainingStatus. Thread-safe.

    `report` is called for every change of a job or of the bucket, from whatever thread caused it. With
    `waits`, `submit` returns when the job is over or deferred: for feeds in which no time passes meanwhile.
    `tick` must be called a few times a second (the beat thread does); it charges the running job.
    """

    def __init__(
        self,
        budget: Budget,
        clocks: TrainerClocks,
        report: Callable[[TrainingReported], None],
        nice: int = 0,
        *,
        waits: bool = False,
    ) -> None:
        self._budget = budget
        self._clocks = clocks
        self._report = report
        self._nice = nice
        self._waits = waits
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._numbers = 0
        self._jobs: deque[Job] = deque(maxlen=JOBS_KEPT)
        self._cancels: deque[int] = deque()
        self._trained_ns: int | None = None
        self._last_error: str | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)
        self._started = False

    @property
    def status(self) -> ThreadedTrainer:
        """The readiness flags: this object has them."""
        return self

    @property
    def ready(self) -> bool:
        """Whether at least one training has succeeded and none is running."""
        return self._trained_ns is not None and self._running is None

    @property
    def is_training(self) -> bool:
        """Whether a training function runs now."""
        return self._running is not None

    @property
    def last_error(self) -> str | None:
        """What the newest failed training said, None after a success."""
        return self._last_error

    @property
    def trained_ns(self) -> int | None:
        """Engine time at which the newest success was complete, None before the first."""
        return self._trained_ns

    @property
    def jobs(self) -> Sequence[TrainingJob]:
        """The newest trainings, oldest first."""
        return tuple(job.seen() for job in tuple(self._jobs))

    @property
    def cancelled(self) -> bool:
        """Whether the training that asks has been told to stop."""
        return False

    @property
    def device(self) -> str:
        """Where the training that asks should put its model."""
        return "cpu"

    def progress(self, fraction: float, text: str = "") -> None:
        """Take note of how far the training that calls is."""
        job = self._running
        if job is not None and threading.current_thread() is self._thread:
            job.progress = (fraction, text)

    def cancel(self, job: int) -> None:
        """Stop a job, waiting or running, at the next tick. Never waits; any thread may call it."""
        self._cancels.append(job)

    @property
    def granted_s(self) -> float:
        """How long the running job has been allowed to take so far, in seconds; 0 where none runs."""
        job = self._running
        return 0.0 if job is None else (1.0 + job.minutes_used) * 60.0

    def submit(self, work: TrainingWork) -> None:
        """Run the work on the training thread when the quota allows; returns at once, or see `waits`."""
        with self._changed:
            self._numbers += 1
            job = Job(self._numbers, work)
            self._jobs.append(job)
            if len(self._waiting) >= MAX_WAITING:
                self._move(job, TrainingState.FAILED, f"{MAX_WAITING} trainings are waiting already")
                self._last_error = job.message
                return
            self._waiting.append(job)
            self._tell(job)
            if not self._started:
                self._started = True
                self._thread.start()
            self._changed.notify_all()
            if self._waits and threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: job.state not in UNDER_WAY)

    def tick(self) -> None:
        """Charge the running job for its minutes and look whether a deferred one may start."""
        with self._changed:
            while self._cancels:
                self._cancel(self._cancels.popleft())
            job = self._running
            if job is not None:
                self._charge(job)
            self._changed.notify_all()

    def _cancel(self, number: int) -> None:
        for job in (*self._waiting, *filter(None, [self._running])):
            if job.number == number and job.state not in ENDED:
                if job in self._waiting:
                    self._waiting.remove(job)
                self._move(job, TrainingState.CANCELLED, "cancelled by an operator")

    def _charge(self, job: Job) -> bool:
        """Take what the job has used by now; return whether all of it was there."""
        if job.state in ENDED:
            return False
        started_minutes = int((self._clocks.monotonic_s() - job.started_s) // 60.0)
        while job.minutes_used < started_minutes:
            if not self._budget.pay(1.0, self._clocks.wall_ns()):
                text = f"ran longer than granted ({job.minutes_used:.0f} minutes): its result does not count"
                self._move(job, TrainingState.EXPIRED, text)
                self._last_error = job.message
                return False
            job.minutes_used += 1.0
            self._tell(job)
        return True

    def _work(self) -> None:
        if self._nice:
            # Linux applies this to the calling thread only, so trading keeps its priority.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
        while True:
            job = self._next()
            interval_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            failure = _outcome(lambda work=job.work: _trained(work))  # type: ignore[misc]
            sys.setswitchinterval(interval_s)
            with self._changed:
                self._running = None
                if self._charge(job):
                    self._finish(job, failure)

    def _finish(self, job: Job, failure: str | None) -> None:
        self._last_error = failure
        if failure is None:
            self._trained_ns = self._clocks.engine_ns()
            self._move(job, TrainingState.READY)
        else:
            self._move(job, TrainingState.FAILED, failure)

    def _next(self) -> Job:
        """Wait for a job that may start, mark it as running and return it."""
        with self._changed:
            while True:
                if self._waiting:
                    job = self._waiting[0]
                    refusal = self._budget.refusal(self._clocks.wall_ns())
                    if not refusal:
                        self._waiting.popleft()
                        job.started_s = self._clocks.monotonic_s()
                        self._running = job
                        self._move(job, TrainingState.RUNNING)
                        return job
                    if job.state is TrainingState.PENDING:
                        self._move(job, TrainingState.DEFERRED, refusal)
                self._changed.wait()

    def _move(self, job: Job, state: TrainingState, message: str = "") -> None:
        job.move(state, message)
        self._tell(job)
        self._changed.notify_all()

    def _tell(self, job: Job) -> None:
        now_ns = self._clocks.wall_ns()
        self._report(
            TrainingReported(
                now_ns, job.number, job.name, job.state, job.message, self._budget.level, job.minutes_used
            )
        )


def _trained(work: TrainingWork) -> None:
    result = work.function(*work.prepared())
    if work.then is not None:
        work.then(result)


def _outcome(function: Callable[[], object]) -> str | None:
    """Run user code; return None, or what it raised as the user would see it."""
    try:
        function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 — boundary: a failed training must not end trading
        return user_traceback(error)[-MESSAGE_LENGTH:]
    return None
