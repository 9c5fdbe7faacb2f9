"""Training in a backtest: at once, in the step in which it is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from livetrader.ipc.messages import TrainingState
from livetrader.training.jobs import JOBS_KEPT, Job
from livetrader_engine.training import TrainingJob, TrainingWork


class InlineTrainer:
    """Implements ports.Trainer and its TrainingStatus: `submit` returns when all is done. Nobody waits,
    so there is no quota, and no deadline for what runs in this thread.

    `now_ns` is engine time. What the training raises ends the backtest, as it ends LEAN's.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._jobs: deque[Job] = deque(maxlen=JOBS_KEPT)
        self._numbers = 0
        self._running: Job | None = None
        self.last_error: str | None = None
        self.trained_ns: int | None = None
        self.device = "cpu"
        self.cancelled = False

    @property
    def status(self) -> InlineTrainer:
        """The readiness flags: this object has them."""
        return self

    @property
    def ready(self) -> bool:
        """Whether a training has succeeded and none is running."""
        return self.trained_ns is not None and self._running is None

    @property
    def is_training(self) -> bool:
        """Whether a training function is running now."""
        return self._running is not None

    @property
    def jobs(self) -> Sequence[TrainingJob]:
        """The newest trainings, oldest first."""
        return tuple(job.seen() for job in self._jobs)

    def progress(self, fraction: float, text: str = "") -> None:
        """Take note of how far the running training is."""
        if self._running is not None:
            self._running.progress = (fraction, text)

    def submit(self, work: TrainingWork) -> None:
        """Train now, adopt the result, and return. Raises what the work raises."""
        self._numbers += 1
        job = Job(self._numbers, work)
        self._jobs.append(job)
        job.move(TrainingState.RUNNING)
        self._running = job
        try:
            result = work.function(*work.prepared())
            if work.then is not None:
                work.then(result)
        except BaseException as error:
            self.last_error = f"{type(error).__name__}: {error}"
            job.move(TrainingState.FAILED, self.last_error)
            raise
        finally:
            self._running = None
        job.move(TrainingState.READY)
        self.trained_ns = self._now_ns()
        self.last_error = None
