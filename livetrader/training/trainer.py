"""Training live: one job after the other, oldest first, beside trading, paid from the training budget.

A job that may not start because the bucket is empty is DEFERRED until the next refill. One that runs past
its deadline or its granted minutes, or is cancelled, is told to stop; a process is then killed within a
moment, a thread may need a while and is given up after GRACE_S (see runner.py). Neither ends the algorithm:
LEAN's live bucket does.

Threads: the manager (`training manager`: takes one job after the other and waits for it), one more for each
piece of user code, the engine's (`submit`, `adopt`), the beats' (`tick`: charges, deadlines, progress).

Accounting follows LEAN's TimeMonitor: the first minute is free, then every started minute takes one token.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from livetrader.ipc.messages import TrainingPrinted, TrainingReported, TrainingState
from livetrader.training.attempts import Attempt, Surroundings, attempt_at
from livetrader.training.budget import Budget
from livetrader.training.engine_calls import EngineCalls
from livetrader.training.jobs import ENDED, UNDER_WAY, Job
from livetrader.training.reports import Reporter
from livetrader.training.runner import Outcome, outcome_of
from livetrader.training.runs import GRACE_S, Run, TrainerClocks, TrainerRules, verdict
from livetrader.training.start_notes import NOT_JOURNALED
from livetrader.training.status import TrainerStatus
from livetrader.training.voice import current
from livetrader_engine.training import TrainingWork

MAX_WAITING: Final = 64  # jobs; a schedule that trains faster than training runs would grow for ever
MAX_ABANDONED: Final = 4  # threads that were given up and still run; each takes processor time and memory
CROWDED: Final = (
    f"{MAX_ABANDONED} trainings that never returned still hold their threads: restart the engine, "
    "or train with process=True, which can be ended"
)
STOP_AGAIN_S: Final = 1.0  # between two times that a thread is told to stop: it may have caught the first
GUARDIAN_S: Final = 2.0  # how long we leave the deadline of a process to its guardian


class ThreadedTrainer:
    """Implements ports.Trainer. Thread-safe; owns queue, jobs, budget and status.

    `report` is called for every change of a job or of the bucket, from whatever thread caused it. `tick`
    must be called a few times a second. `adopt` must be called by the engine's thread between two steps.
    It is made in that thread, and what other threads ask of the engine goes through `calls`.
    """

    def __init__(
        self,
        budget: Budget,
        clocks: TrainerClocks,
        report: Callable[[TrainingReported | TrainingPrinted], None],
        surroundings: Surroundings,
        rules: TrainerRules,
    ) -> None:
        self._budget = budget
        self._clocks = clocks
        self._reporter = Reporter(report, clocks, budget)
        self._surroundings = surroundings
        self._rules = rules
        self._waiting: deque[Job] = deque()
        self._given_up: list[Attempt] = []
        self._numbers = 0
        self._cancels: deque[int] = deque()
        self._status = TrainerStatus()
        self._run: Run | None = None  # of the status's job
        self._changed = threading.Condition()
        self.calls = EngineCalls(self._changed, rules.wake)
        self._manager = threading.Thread(target=self._manage, name="training manager", daemon=True)

    @property
    def status(self) -> TrainerStatus:
        """What an algorithm may ask."""
        return self._status

    # -- what the engine process needs -----------------------------------------------------------------

    @property
    def granted_s(self) -> float:
        """How long the running job has been allowed to take so far, in seconds; 0 where none runs."""
        run = self._run
        return 0.0 if run is None else (1.0 + run.job.minutes_used) * 60.0

    def submit(self, work: TrainingWork) -> None:
        """Have the work done when its turn has come and the budget allows; see TrainerRules.waits."""
        with self._changed:
            self._numbers += 1
            job = Job(self._numbers, work)
            self._status.known.append(job)
            if len(self._waiting) >= MAX_WAITING:
                self._end(job, TrainingState.FAILED, f"{MAX_WAITING} trainings are waiting already")
                return
            self._waiting.append(job)
            self._reporter.job(job)
            if not self._manager.is_alive():
                self._manager.start()
            self._changed.notify_all()
        if self._rules.waits and current() is None:
            self._wait_for(job)

    def cancel(self, job: int) -> None:
        """Stop a job, waiting or running, at the next tick. Never waits; any thread may call it."""
        self._cancels.append(job)

    def tick(self) -> None:
        """Charge the running job, end it where it is over its limits, tell progress; see what may start."""
        with self._changed:
            while self._cancels:
                self._cancel(self._cancels.popleft())
            run = self._run
            if run is not None:
                if run.working:
                    self._judge(run)
                self._reporter.progress(run)
            self._given_up = [attempt for attempt in self._given_up if attempt.alive()]
            self._budget.look()
            self._changed.notify_all()

    def adopt(self) -> None:
        """Do what waits for the engine's thread: calls, then an adoption. Call it there, between steps."""
        self.calls.serve()
        run = self._run
        if run is None or run.result is None:
            return
        with self._changed:
            if run.result is None or run.job.state in ENDED:
                return  # cancelled meanwhile
            (result,), run.result = run.result, None
        then = run.job.work.then
        assert then is not None, "only what wants to be adopted waits"
        outcome = outcome_of(lambda: then(result))
        with self._changed:
            self._finish(run, outcome)

    # -- the manager -----------------------------------------------------------------------------------

    def _manage(self) -> None:
        while True:
            self._conduct(self._next())  # what a job leaves behind, models too, goes with its call

    def _conduct(self, run: Run) -> None:
        """See a run through, until its result is adopted."""
        outcome = run.attempt.run() if self._rules.may_begin(run) else Outcome(failure=NOT_JOURNALED)
        with self._changed:
            run.working = False
            if outcome is None:
                self._given_up.append(run.attempt)
            self._charge(run)
            self._ended(run, outcome)
            del outcome
            self._changed.wait_for(lambda: self._run is not run)

    def _next(self) -> Run:
        """Wait for a job that may start, mark it as running and return its run."""
        with self._changed:
            while True:
                if self._waiting:
                    job = self._waiting[0]
                    refusal = self._budget.refusal()
                    if not refusal and self._crowded(job):
                        self._waiting.popleft()
                        continue
                    if not refusal:
                        self._waiting.popleft()
                        return self._begin(job)
                    if job.state is TrainingState.PENDING:
                        self._move(job, TrainingState.DEFERRED, refusal)
                self._changed.wait()

    def _crowded(self, job: Job) -> bool:
        """Fail a job for which there is no thread, and return whether that was so."""
        if job.work.process or len(self._given_up) < MAX_ABANDONED:
            return False
        self._end(job, TrainingState.FAILED, CROWDED)
        return True

    def _begin(self, job: Job) -> Run:
        work = job.work
        deadline_s = self._rules.deadline_s if work.deadline_s is None else work.deadline_s
        attempt = attempt_at(work, self._surroundings, deadline_s, partial(self._reporter.printed, job))
        run = self._run = Run(job, attempt, self._clocks.monotonic_s(), deadline_s)
        self._status.job = job
        self._move(job, TrainingState.RUNNING)
        return run

    def _ended(self, run: Run, outcome: Outcome | None) -> None:
        """Take note that the work is over; `then` is the engine's thread's business."""
        failed = outcome is None or outcome.failure is not None
        if run.sentence is not None or failed or run.job.work.then is None:
            self._finish(run, outcome)
            return
        assert outcome is not None, "what was given up has failed"
        run.result = (outcome.value,)
        self._changed.notify_all()
        self._rules.wake()

    def _finish(self, run: Run, outcome: Outcome | None) -> None:
        if run.job.state in ENDED:
            return  # cancelled while its result was being adopted: that has been told
        self._run = self._status.job = None
        self._reporter.progress(run, last=True)
        state, text = verdict(run.sentence, outcome)
        if state is TrainingState.READY:
            self._status.trained_ns = self._clocks.engine_ns()
        self._end(run.job, state, text, abandoned=outcome is None)

    # -- limits ----------------------------------------------------------------------------------------

    def _judge(self, run: Run) -> None:
        """Sentence a run that is over a limit, and see to it that it ends."""
        now_s = self._clocks.monotonic_s()
        if run.sentence is None and not self._charge(run):
            return  # just sentenced, and told to stop
        late_s = now_s - run.started_s - run.deadline_s - (GUARDIAN_S if run.job.work.process else 0.0)
        if run.sentence is None and run.deadline_s and late_s >= 0:
            self._sentence(run, TrainingState.EXPIRED, f"ran past its deadline of {run.deadline_s:g} s")
        elif run.sentence is not None:
            if now_s - run.sentenced_s >= GRACE_S:
                run.attempt.give_up()
            elif now_s - run.told_s >= STOP_AGAIN_S:
                self._tell_to_stop(run)

    def _charge(self, run: Run) -> bool:
        """Take what the run has used by now; sentence it where that was not there, and return False."""
        used_minutes = int((self._clocks.monotonic_s() - run.started_s) // 60.0)
        job = run.job
        while job.minutes_used < used_minutes and run.sentence is None:
            if not self._budget.pay(1.0):
                text = f"ran longer than granted ({job.minutes_used:.0f} minutes): {self._budget.shortage}"
                self._sentence(run, TrainingState.EXPIRED, text)
                return False
            job.minutes_used += 1.0
            self._reporter.job(job)
        return True

    def _cancel(self, number: int) -> None:
        run, text = self._run, "cancelled by an operator"
        for job in tuple(self._waiting):
            if job.number == number:
                self._waiting.remove(job)
                self._end(job, TrainingState.CANCELLED, text)
        if run is None or run.job.number != number or run.sentence is not None:
            return
        if run.working:
            self._sentence(run, TrainingState.CANCELLED, text)
        elif run.result is not None:  # else it is being adopted: too late
            run.result = None
            self._sentence(run, TrainingState.CANCELLED, text)
            self._finish(run, Outcome())

    def _sentence(self, run: Run, state: TrainingState, text: str) -> None:
        """Decide that a run has to end as `state`, and tell it to stop."""
        run.sentence = (state, text)
        run.sentenced_s = self._clocks.monotonic_s()
        if run.working:
            self._tell_to_stop(run)

    def _tell_to_stop(self, run: Run) -> None:
        """Tell it; where it could not be told now, the next tick tries again."""
        if run.attempt.stop():
            run.told_s = self._clocks.monotonic_s()

    # -- moves -----------------------------------------------------------------------------------------

    def _wait_for(self, job: Job) -> None:
        """Wait until a job is over or deferred; adopt its result, for this is the engine's thread."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        job.state not in UNDER_WAY
                        or self.calls
                        or (self._run is not None and self._run.result is not None)
                    )
                )
                if job.state not in UNDER_WAY:
                    return
            self.adopt()

    def _end(self, job: Job, state: TrainingState, message: str = "", *, abandoned: bool = False) -> None:
        self._status.last_error = message if state in (TrainingState.FAILED, TrainingState.EXPIRED) else (
            None if state is TrainingState.READY else self._status.last_error
        )  # fmt: skip
        self._move(job, state, message, abandoned=abandoned)

    def _move(self, job: Job, state: TrainingState, message: str = "", *, abandoned: bool = False) -> None:
        job.move(state, message)
        self._reporter.job(job, abandoned=abandoned)
        self._changed.notify_all()
