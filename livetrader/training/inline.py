"""Training in a backtest: at once, in the step in which it is due."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from livetrader.ipc.messages import TrainingState
from livetrader.training.attempts import ProcessAttempt, Surroundings
from livetrader.training.jobs import Job
from livetrader.training.process import ProcessLimits
from livetrader.training.runner import ShortTurns
from livetrader.training.status import TrainerStatus
from livetrader.training.voice import Voice, speak_for_thread
from livetrader_engine.training import TrainingWork
from livetrader_lean.errors import TrainingFailedError


class InlineTrainer:
    """Implements ports.Trainer: `submit` returns when all is done.

    Nobody waits, so there is no quota, and no deadline for what runs in this thread; a training that asks
    for a process has one, and its own deadline. `now_ns` is engine time, `algorithm_path` the user's file.
    What the training raises ends the backtest, as it ends LEAN's.
    """

    def __init__(self, now_ns: Callable[[], int], algorithm_path: Path | None = None) -> None:
        self._now_ns = now_ns
        self._surroundings = Surroundings(algorithm_path, ProcessLimits(nice=0), ShortTurns())
        self._numbers = 0
        self._status = TrainerStatus()

    @property
    def status(self) -> TrainerStatus:
        """What an algorithm may ask. Nobody could cancel what runs here."""
        return self._status

    def submit(self, work: TrainingWork) -> None:
        """Train now, adopt the result, and return. Raises what the work raises."""
        self._numbers += 1
        status, job = self._status, Job(self._numbers, work)
        status.known.append(job)
        job.move(TrainingState.RUNNING)
        status.job = job
        try:
            result = self._in_process(job) if work.process else self._here(job)
            if work.then is not None:
                work.then(result)
        except BaseException as error:
            status.last_error = f"{type(error).__name__}: {error}"
            job.move(TrainingState.FAILED, status.last_error)
            raise
        finally:
            status.job = None
        job.move(TrainingState.READY)
        status.trained_ns = self._now_ns()
        status.last_error = None

    def _here(self, job: Job) -> object:
        voice = Voice(job.work.gpu)
        speak_for_thread(voice)
        try:
            return job.work.function(*job.work.prepared())
        finally:
            speak_for_thread(None)
            job.progress = voice.told

    def _in_process(self, job: Job) -> object:
        work = job.work
        attempt = ProcessAttempt(
            work, self._surroundings, deadline_s=work.deadline_s or 0.0, printed=_print, inline=True
        )
        outcome = attempt.run()
        assert outcome is not None, "nobody gives up what runs here"
        job.progress = attempt.voice.told
        if outcome.error is not None:
            raise outcome.error
        if outcome.failure is not None:
            raise TrainingFailedError(f"training {work.name!r} failed: {outcome.failure}")
        return outcome.value


def _print(lines: tuple[str, ...], lost: int) -> None:
    """Print what a training process printed, as if it had run here."""
    if lost:
        sys.stdout.write(f"({lost} lines dropped)\n")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
