"""What the supervisor knows of training: the jobs of this engine process, what they cost, what was missed.

The buckets live on a clock that no step of the wall clock moves (livetrader.clocks.elapsed_ns); the wall's
is only what is shown and what carries them over a restart of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from livetrader.control.training_views import (
    BucketView,
    DeferredJobView,
    ModelView,
    TrainingJobView,
    TrainingSummary,
    TrainingView,
)
from livetrader.ipc.messages import (
    Beat,
    BucketLevel,
    HostBucketLevel,
    HostBucketPlace,
    TrainingReported,
    TrainingState,
)
from livetrader.journal.journal import Journal
from livetrader.journal.records import BucketCharged, ScheduleOutcome, ScheduleSettled
from livetrader.settings import TrainingSettings
from livetrader_engine.limits import ClockMark, LeakyBucket, Quota, quota_of_server
from livetrader_engine.missed import MissedTrainings, ScheduleJudged
from livetrader_engine.symbols import NS_PER_SECOND

JOBS_KEPT: Final = 100  # the newest; older ones are in the journal as far as they cost anything
_FAILURES: Final = frozenset({TrainingState.FAILED, TrainingState.EXPIRED})


def quota_from(settings: TrainingSettings) -> Quota:
    """Return the quota of the settings: a row of the table, or the numbers."""
    if settings.server_mb:
        return quota_of_server(settings.server_mb)
    return Quota(settings.capacity_minutes, settings.refill_minutes, settings.refill_interval_minutes)


def host_bucket_from(settings: TrainingSettings) -> HostBucketPlace | None:
    """Return the bucket that is shared with other daemons of this machine, None where none is."""
    if not settings.host_capacity_minutes or settings.host_file is None:
        return None
    return HostBucketPlace(
        str(settings.host_file),
        settings.host_capacity_minutes,
        settings.host_refill_minutes,
        settings.host_refill_interval_minutes,
    )


def model_view(beat: Beat | None, now_ns: int) -> ModelView:
    """Return what the engine's newest beat says of the model; `now_ns` is session time."""
    if beat is None:
        return ModelView()
    age_s = None if beat.model_ns is None else max(0, now_ns - beat.model_ns) / NS_PER_SECOND
    return ModelView(beat.model_required, beat.model_ns, age_s, beat.model_problem)


class TrainingLedger:
    """Journals what training costs and what was started; shows how it goes. Owned by the supervisor's loop.

    `mark` looks at the clocks.
    """

    def __init__(self, settings: TrainingSettings, journal: Journal, mark: Callable[[], ClockMark]) -> None:
        self._journal = journal
        self._mark = mark
        self._settings = settings
        self._bucket = LeakyBucket.full(quota_from(settings), mark().elapsed_ns)
        self._host_place = host_bucket_from(settings)
        self._host: HostBucketLevel | None = None
        self._settled_ns: dict[str, int] = {}
        self._jobs: dict[int, TrainingJobView] = {}
        self._succeeded = False
        self._last_error = ""

    # -- over restarts ---------------------------------------------------------------------------------

    def load(self, charged: BucketCharged | None, settled_ns: Mapping[str, int]) -> None:
        """Continue from what was journaled: a restart of the daemon refills nothing and repeats nothing."""
        self._settled_ns = dict(settled_ns)
        if charged is not None:
            then = ClockMark(charged.time_ns, charged.elapsed_ns, charged.boot_id)
            waited_ns = charged.time_ns - charged.refilled_ns
            now = self._mark()
            quota = self._bucket.quota
            self._bucket = LeakyBucket.carried(quota, charged.level_minutes, waited_ns, (then, now))
        if charged is None or charged.boot_id != self._mark().boot_id:
            self._journal_bucket()  # from here on no step of the wall clock is seen

    def engine_started(self) -> None:
        """Forget the jobs of the engine process before; its models died with it."""
        self._jobs.clear()
        self._succeeded, self._last_error = False, ""

    def under_way(self) -> tuple[TrainingJobView, ...]:
        """Return the jobs that run: they end with the engine process; what they used stays paid."""
        return tuple(job for job in self._jobs.values() if job.state == TrainingState.RUNNING)

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
            "nice": float(self._settings.nice),
            "deadline_minutes": self._settings.deadline_minutes,
            "process_memory_mb": float(self._settings.process_memory_mb),
            "process_cpu_s": float(self._settings.process_cpu_s),
            "process_result_mb": float(self._settings.process_result_mb),
            "threads": float(self._settings.threads),
        }

    @property
    def host_place(self) -> HostBucketPlace | None:
        """Where the shared bucket is, None where there is none."""
        return self._host_place

    def missed(self) -> MissedTrainings:
        """Return what the next engine process has to know about scheduled trainings."""
        return MissedTrainings(self._settings.missed, dict(self._settled_ns))

    # -- news of the engine ----------------------------------------------------------------------------

    def reported(self, report: TrainingReported) -> ScheduleSettled | None:
        """Take note of a change; a changed bucket is journaled.

        Returns a record where an occurrence of a schedule starts: it begins when that is durable.
        """
        self._charge(report)
        known = self._jobs.get(report.job)
        starts = report.state is TrainingState.RUNNING and (known is None or known.state != report.state)
        since_ns = known.since_ns if known is not None and known.state == report.state else report.time_ns
        self._jobs[report.job] = TrainingJobView(
            report.job, report.name, report.state, report.time_ns, report.minutes_used, report.message,
            since_ns, report.mode, report.progress, report.text, report.schedule, report.scheduled_ns,
        )  # fmt: skip
        while len(self._jobs) > JOBS_KEPT:
            del self._jobs[next(iter(self._jobs))]
        if report.state is TrainingState.READY:
            self._succeeded, self._last_error = True, ""
        elif report.state in _FAILURES:
            self._last_error = report.message
        if not starts or not report.schedule or report.scheduled_ns is None:
            return None
        return self._settled(report.schedule, report.scheduled_ns, ScheduleOutcome.STARTED)

    def judged(self, decision: ScheduleJudged) -> None:
        """Journal what was decided about occurrences of the past."""
        outcome = ScheduleOutcome.REGISTERED if decision.first else ScheduleOutcome.JUDGED
        settled = self._settled(decision.schedule, decision.plan.settled_ns, outcome)
        self._journal.append_soon(settled)

    def host_told(self, level: HostBucketLevel) -> None:
        """Take note of how the shared bucket stands."""
        self._host = level

    # -- what is shown ---------------------------------------------------------------------------------

    def state_of(self, job: int) -> str | None:
        """Return the state of a job, None where it is not known."""
        known = self._jobs.get(job)
        return None if known is None else known.state

    @property
    def is_training(self) -> bool:
        """Whether a job of the current engine process runs."""
        return bool(self.under_way())

    def summary(self, model: ModelView | None = None) -> TrainingSummary:
        """Return readiness and quotas at a glance. `model` is what the engine's newest beat says of it."""
        bucket = self._bucket_view()
        return TrainingSummary(
            ready=self._ready(model),
            is_training=self.is_training,
            jobs=len(self._jobs),
            bucket_level_minutes=bucket.left_minutes,
            bucket_capacity_minutes=bucket.capacity_minutes,
            last_error=self._last_error,
            bucket_used_minutes=bucket.used_minutes,
            next_refill_ns=bucket.next_refill_ns,
            deferred=self._deferred(),
            host=self._host_view(),
            model=model or ModelView(),
        )

    def view(self, model: ModelView | None = None) -> TrainingView:
        """Return jobs and buckets."""
        bucket = self._bucket_view()
        return TrainingView(
            ready=self._ready(model),
            is_training=self.is_training,
            bucket_level_minutes=bucket.left_minutes,
            bucket_capacity_minutes=bucket.capacity_minutes,
            next_refill_ns=bucket.next_refill_ns,
            jobs=tuple(self._jobs.values()),
            bucket_used_minutes=bucket.used_minutes,
            refill_minutes=bucket.refill_minutes,
            deferred=self._deferred(),
            host=self._host_view(),
            model=model or ModelView(),
            missed_policy=self._settings.missed.value,
            last_error=self._last_error,
        )

    # -- inside --------------------------------------------------------------------------------------

    def _ready(self, model: ModelView | None) -> bool:
        loaded = model is not None and model.made_ns is not None
        changing = any(job.mode == "thread" for job in self.under_way())
        return (self._succeeded or loaded) and not changing

    def _charge(self, report: TrainingReported) -> None:
        level = report.bucket
        if level != self.level():
            quota = self._bucket.quota
            self._bucket = LeakyBucket.restored(quota, level.level_minutes, level.refilled_ns)
            self._journal_bucket(report.name, report.minutes_used)

    def _journal_bucket(self, job: str = "", minutes: float = 0.0) -> None:
        now, bucket = self._mark(), self._bucket
        refilled_ns = now.wall_ns - bucket.waited_ns(now.elapsed_ns)
        self._journal.append_soon(
            BucketCharged(
                now.wall_ns, bucket.level_minutes, refilled_ns, job, minutes, now.elapsed_ns, now.boot_id
            )
        )

    def _settled(self, schedule: str, due_ns: int, outcome: ScheduleOutcome) -> ScheduleSettled:
        self._settled_ns[schedule] = due_ns
        return ScheduleSettled(self._mark().wall_ns, schedule, due_ns, outcome)

    def _deferred(self) -> tuple[DeferredJobView, ...]:
        return tuple(
            DeferredJobView(job.job, job.name, job.since_ns, job.message)
            for job in self._jobs.values()
            if job.state == TrainingState.DEFERRED
        )

    def _bucket_view(self) -> BucketView:
        now = self._mark()
        bucket = self._bucket.refilled(now.elapsed_ns)
        capacity = bucket.quota.capacity_minutes
        return BucketView(
            capacity_minutes=capacity,
            left_minutes=bucket.level_minutes,
            used_minutes=capacity - bucket.level_minutes,
            next_refill_ns=_on_the_wall(bucket.next_refill_ns(), now),
            refill_minutes=bucket.quota.refill_minutes,
        )

    def _host_view(self) -> BucketView | None:
        place, level = self._host_place, self._host
        if place is None:
            return None
        if level is None:
            text = "not looked at yet"
            return BucketView(place.capacity_minutes, 0.0, 0.0, None, place.refill_minutes, text)
        refill_ns = level.next_refill_ns
        return BucketView(
            capacity_minutes=level.capacity_minutes,
            left_minutes=level.level_minutes,
            used_minutes=0.0 if refill_ns is None else level.capacity_minutes - level.level_minutes,
            next_refill_ns=None if refill_ns is None else _on_the_wall(refill_ns, self._mark()),
            refill_minutes=place.refill_minutes,
            problem=level.problem,
        )


def _on_the_wall(elapsed_ns: int, now: ClockMark) -> int:
    """Return the wall time of an instant of the machine's clock, as the two stand now."""
    return now.wall_ns + elapsed_ns - now.elapsed_ns
