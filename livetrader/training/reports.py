"""What the supervisor hears of training, job by job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from livetrader.ipc.messages import TrainingPrinted, TrainingReported
from livetrader.training.budget import Budget
from livetrader.training.jobs import Job
from livetrader.training.runs import Run, TrainerClocks

PROGRESS_INTERVAL_S: Final = 1.0  # between two reports of a job's progress


class Reporter:
    """Puts jobs into messages. Belongs to the trainer, under its lock, but for `printed`."""

    def __init__(
        self,
        report: Callable[[TrainingReported | TrainingPrinted], None],
        clocks: TrainerClocks,
        budget: Budget,
    ) -> None:
        self._report = report
        self._clocks = clocks
        self._budget = budget

    def job(self, job: Job, *, abandoned: bool = False) -> None:
        """Tell how a job stands, and the bucket."""
        fraction, text = job.progress or (None, "")
        work = job.work
        self._report(
            TrainingReported(
                self._clocks.wall_ns(),
                job.number,
                job.name,
                job.state,
                job.message,
                self._budget.level,
                job.minutes_used,
                mode="process" if work.process else "thread",
                progress=fraction,
                text=text,
                scheduled_ns=work.scheduled_ns,
                schedule=work.schedule,
                abandoned=abandoned,
            )
        )

    def progress(self, run: Run, *, last: bool = False) -> None:
        """Tell new progress, at a bounded rate; the last is only noted, for the job's end is told anyway."""
        told, now_s = run.attempt.voice.told, self._clocks.monotonic_s()
        if told == run.progress or (not last and now_s - run.reported_s < PROGRESS_INTERVAL_S):
            return
        run.progress = run.job.progress = told
        run.reported_s = now_s
        if not last:
            self.job(run.job)

    def printed(self, job: Job, lines: tuple[str, ...], lost: int) -> None:
        """Tell what a training process has printed. Called on the thread that runs it."""
        self._report(TrainingPrinted(self._clocks.wall_ns(), job.number, job.name, lines, lost))
