"""What is shown of training: jobs, the buckets that pay for them, the model. Frozen copies.

Times are UTC nanoseconds: of the wall, but where a docstring says session time.
"""

from __future__ import annotations

import msgspec


class BucketView(msgspec.Struct, frozen=True):
    """A bucket of training minutes: `left` of `capacity`, and when more come (wall UTC).

    `problem` says why it cannot be used, or what is odd about it; then `next_refill_ns` may be missing.
    """

    capacity_minutes: float
    left_minutes: float
    used_minutes: float
    next_refill_ns: int | None
    refill_minutes: float = 0.0
    problem: str = ""


class ModelView(msgspec.Struct, frozen=True):
    """The model the algorithm uses. `required`: it said that it takes no new risk without one.

    `made_ns` is session time. `problem` is why no new risk is taken now, empty where it is.
    """

    required: bool = False
    made_ns: int | None = None
    age_s: float | None = None
    problem: str = ""


class DeferredJobView(msgspec.Struct, frozen=True):
    """A training that waits because it cannot be paid: since when (wall UTC), and for what."""

    job: int
    name: str
    since_ns: int
    reason: str


class TrainingSummary(msgspec.Struct, frozen=True):
    """Readiness of the algorithm's training, and what it may still cost."""

    ready: bool
    is_training: bool
    jobs: int
    bucket_level_minutes: float
    bucket_capacity_minutes: float
    last_error: str = ""
    bucket_used_minutes: float = 0.0
    next_refill_ns: int | None = None
    deferred: tuple[DeferredJobView, ...] = ()
    host: BucketView | None = None  # none where no bucket is shared with other daemons of this machine
    model: ModelView = ModelView()


class TrainingJobView(msgspec.Struct, frozen=True):
    """One training job. `state` is a TrainingState, `since_ns` when it came into it.

    `time_ns` is that of its newest news. `mode` is thread or process. `progress` runs from 0 to 1. `schedule`
    and `scheduled_ns` (session time) name the occurrence it is, if it is one.
    """

    job: int
    name: str
    state: str
    time_ns: int
    minutes_used: float = 0.0
    message: str = ""
    since_ns: int = 0
    mode: str = "thread"
    progress: float | None = None
    text: str = ""
    schedule: str = ""
    scheduled_ns: int | None = None


class TrainingView(msgspec.Struct, frozen=True):
    """Every training job of this engine process, newest last, and the leaky buckets that pay for them."""

    ready: bool
    is_training: bool
    bucket_level_minutes: float
    bucket_capacity_minutes: float
    next_refill_ns: int | None
    jobs: tuple[TrainingJobView, ...]
    bucket_used_minutes: float = 0.0
    refill_minutes: float = 0.0
    deferred: tuple[DeferredJobView, ...] = ()
    host: BucketView | None = None
    model: ModelView = ModelView()
    missed_policy: str = ""
    last_error: str = ""
