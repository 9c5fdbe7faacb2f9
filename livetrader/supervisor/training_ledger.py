"""What the supervisor knows of training: the jobs of this engine process, and the bucket over restarts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from livetrader.control.operations import TrainingJobView, TrainingSummary, TrainingView
from livetrader.ipc.messages import BucketLevel, TrainingReported, TrainingState
from livetrader.journal.journal import Journal
from livetrader.journal.records import BucketCharged
from livetrader.settings import TrainingSettings
from livetrader_engine.limits import LeakyBucket, Quota, quota_of_server

JOBS_KEPT: Final = 100  # the newest; older ones are in the journal as far as they cost anything


def quota_from(settings: TrainingSettings) -> Quota:
    """Return the quota of the settings: a row of the table, or the numbers."""
    if settings.server_mb:
        return quota_of_server(settings.server_mb)
    return Quota(settings.capacity_minutes, settings.refill_minutes, settings.refill_interval_minutes)


class TrainingLedger:
    """Journals what training costs and shows how it goes. Owned by the supervisor's loop."""

    def __init__(self, settings: TrainingSettings, journal: Journal, wall_ns: Callable[[], int]) -> None:
        self._journal = journal
        self._wall_ns = wall_ns
        self._nice = settings.nice
        self._bucket = LeakyBucket.full(quota_from(settings), wall_ns())
        self._jobs: dict[int, TrainingJobView] = {}
        self._succeeded = False
        self._last_error = ""

    def load(self, charged: BucketCharged | None) -> None:
        """Continue from the newest journaled level: a restart of the daemon refills nothing."""
        if charged is not None:
            self._restore(charged.level_minutes, charged.refilled_ns)

    def engine_started(self) -> None:
        """Forget the jobs of the engine process before; its models died with it."""
        self._jobs.clear()
        self._succeeded, self._last_error = False, ""

    def level(self) -> BucketLevel:
        """Return the bucket for the next engine process."""
        return BucketLevel(self._bucket.level_minutes, self._bucket.refilled_ns)

    def limits(self) -> dict[str, float]:
        """Return the quota as StartEngine carries it."""
        quota = self._bucket.quota
        return {
            "capacity_minutes": quota.capacity_minutes,
            "refill_minutes": quota.refill_minutes,
            "refill_interval_minutes": quota.refill_interval_minutes,
            "nice": float(self._nice),
        }

    def reported(self, report: TrainingReported) -> None:
        """Take note of a change; a changed bucket is journaled."""
        level = report.bucket
        if level != self.level():
            self._restore(level.level_minutes, level.refilled_ns)
            self._journal.append_soon(
                BucketCharged(
                    self._wall_ns(), level.level_minutes, level.refilled_ns, report.name, report.minutes_used
                )
            )
        self._jobs.pop(report.job, None)
        self._jobs[report.job] = TrainingJobView(
            report.job, report.name, report.state, report.time_ns, report.minutes_used, report.message
        )
        while len(self._jobs) > JOBS_KEPT:
            del self._jobs[next(iter(self._jobs))]
        if report.state is TrainingState.READY:
            self._succeeded, self._last_error = True, ""
        elif report.state in (TrainingState.FAILED, TrainingState.EXPIRED):
            self._last_error = report.message

    @property
    def is_training(self) -> bool:
        """Whether a job of the current engine process runs."""
        return any(job.state == TrainingState.RUNNING for job in self._jobs.values())

    def summary(self) -> TrainingSummary:
        """Return readiness in one line."""
        bucket = self._bucket.refilled(self._wall_ns())
        return TrainingSummary(
            ready=self._succeeded and not self.is_training,
            is_training=self.is_training,
            jobs=len(self._jobs),
            bucket_level_minutes=bucket.level_minutes,
            bucket_capacity_minutes=bucket.quota.capacity_minutes,
            last_error=self._last_error,
        )

    def view(self) -> TrainingView:
        """Return jobs and bucket."""
        bucket = self._bucket.refilled(self._wall_ns())
        return TrainingView(
            ready=self._succeeded and not self.is_training,
            is_training=self.is_training,
            bucket_level_minutes=bucket.level_minutes,
            bucket_capacity_minutes=bucket.quota.capacity_minutes,
            next_refill_ns=bucket.next_refill_ns(),
            jobs=tuple(self._jobs.values()),
        )

    def _restore(self, level_minutes: float, refilled_ns: int) -> None:
        self._bucket = LeakyBucket.restored(self._bucket.quota, level_minutes, refilled_ns)
