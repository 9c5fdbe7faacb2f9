"""What an algorithm may ask about its training, in a backtest and live."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from livetrader.training.jobs import JOBS_KEPT, Job
from livetrader.training.voice import cancelled, device, progress
from livetrader_engine.training import TrainingJob


class TrainerStatus:
    """Implements ports.TrainingStatus. The trainer writes it under its lock; anybody reads it without.

    `job` is the one under way, until its result is adopted; `known` the newest jobs. `trained_ns` is the
    engine time at which the newest success was complete, `last_error` what the newest failure said, None
    after a success.
    """

    def __init__(self) -> None:
        self.job: Job | None = None
        self.known: deque[Job] = deque(maxlen=JOBS_KEPT)
        self.trained_ns: int | None = None
        self.last_error: str | None = None

    @property
    def ready(self) -> bool:
        """Whether at least one training has succeeded and none is running."""
        return self.trained_ns is not None and self.job is None

    @property
    def is_training(self) -> bool:
        """Whether a training runs now, or its result waits to be adopted."""
        return self.job is not None

    @property
    def is_replacing(self) -> bool:
        """Whether a training in a thread runs now: it may be changing the model."""
        job = self.job
        return job is not None and not job.work.process

    @property
    def jobs(self) -> Sequence[TrainingJob]:
        """The newest trainings, oldest first."""
        return tuple(job.seen() for job in tuple(self.known))

    @property
    def cancelled(self) -> bool:
        """Whether the training that asks has been told to stop."""
        return cancelled()

    @property
    def device(self) -> str:
        """Where the training that asks should put its model."""
        return device()

    def progress(self, fraction: float, text: str = "") -> None:
        """Take note of how far the training that calls is; the trainer tells it."""
        progress(fraction, text)
