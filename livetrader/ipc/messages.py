"""Every message that crosses the boundary between supervisor and engine process.

To the engine: StartEngine once, then engine events, CancelTraining and StartNoted.
From the engine: Initialized, WarmedUp (READY), then engine commands, Beat, StepCompleted, TrainingReported,
TrainingPrinted, HostBucketLevel, ScheduleJudged and ModelReported;
last EngineFailed or EngineFinished, or nothing at all if it died.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from livetrader.settings import PluginSection
from livetrader.store.options import Credentials, StoreOptions
from livetrader_engine.commands import EngineCommand
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    DataEnded,
    MarketDataArrived,
    OrderEventArrived,
    ParametersChanged,
    StopRequested,
    TimePulse,
)
from livetrader_engine.missed import MissedTrainings, ScheduleJudged


class BucketLevel(msgspec.Struct, frozen=True):
    """The training bucket: minutes left, when it was last refilled (elapsed_ns of livetrader.clocks)."""

    level_minutes: float
    refilled_ns: int


class HostBucketLevel(msgspec.Struct, frozen=True, tag="host_bucket"):
    """The training bucket that all daemons of this machine share, as the engine process found it.

    `next_refill_ns` is on the clock of BucketLevel. `problem` says in words why the bucket cannot be used
    (nothing new is trained then; `next_refill_ns` is None) or what is odd about it.
    """

    level_minutes: float
    refilled_ns: int
    capacity_minutes: float
    next_refill_ns: int | None
    problem: str = ""


class HostBucketPlace(msgspec.Struct, frozen=True):
    """The training bucket that all daemons of this machine share: its file, and its quota in minutes."""

    path: str
    capacity_minutes: float
    refill_minutes: float
    refill_interval_minutes: float


class StartEngine(msgspec.Struct, frozen=True, tag="start"):
    """What the engine process needs to begin. `time_ns` is session time: where data will continue."""

    time_ns: int
    algorithm_path: str
    class_name: str | None
    parameters: dict[str, str]
    data_folder: str
    object_store: StoreOptions
    state_directory: str
    account: AccountLoaded
    bucket: BucketLevel | None
    training: dict[str, float]  # capacity_minutes, refill_minutes, refill_interval_minutes, nice
    training_waits: bool = False  # the feed is timeless: a step waits for the trainings it starts
    lockstep: bool = False  # the feed waits for each step: no newer price will come while an order waits
    credentials: Credentials = Credentials()  # of a remote object store
    model_versions: int = 10  # kept of each model
    host_bucket: HostBucketPlace | None = None
    missed_trainings: MissedTrainings | None = None  # None: everything is trained when due, in warm-up too
    histories: tuple[PluginSection, ...] = (PluginSection("lean_data", {}),)


class Initialized(msgspec.Struct, frozen=True, tag="initialized"):
    """The algorithm's initialize returned. Subscriptions were sent as commands before this.

    `algorithm_id` is the name of its class.
    """

    warm_up_from_ns: int | None
    algorithm_id: str = ""


class ShortData(msgspec.Struct, frozen=True):
    """A stream whose past lacked sessions in the warm-up. Dates are ISO 8601; `reason` where one is known."""

    subscription: Subscription
    sessions: int
    missing: int
    first_missing: str
    last_missing: str
    reason: str = ""

    @property
    def words(self) -> str:
        """What is lacking, in a sentence."""
        stream = self.subscription
        kind = f"{stream.symbol.value} {stream.resolution.name.lower()} {stream.tick_type.name.lower()}"
        span = self.first_missing if self.missing == 1 else f"{self.first_missing} to {self.last_missing}"
        words = f"{kind}: {self.missing} of {self.sessions} sessions without data ({span})"
        return f"{words}: {self.reason}" if self.reason else words


class WarmedUp(msgspec.Struct, frozen=True, tag="ready"):
    """READY: warm-up is over, data may flow. `short`: streams whose past was not whole."""

    warm_up_points: int
    short: tuple[ShortData, ...] = ()


class StepCompleted(msgspec.Struct, frozen=True, tag="step"):
    """The step of this sequence number is over; every command it caused was sent before this."""

    sequence: int
    time_ns: int


class NewsComplete(msgspec.Struct, frozen=True, tag="news_complete"):
    """The answer to AwaitNews: what it asked about was sent before. `more`: another try may find some."""

    number: int
    more: bool = False


class TrainingState(StrEnum):
    """State of one training job; moves are in training.jobs.TRANSITIONS."""

    PENDING = "pending"
    DEFERRED = "deferred"  # the bucket is empty; waits for its refill
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"  # ran past its deadline or its granted minutes; its result does not count
    CANCELLED = "cancelled"  # told to stop by an operator


class TrainingReported(msgspec.Struct, frozen=True, tag="training"):
    """One training job changed state or told its progress, or the bucket changed.

    `mode` is thread or process. `progress` runs from 0 to 1, with words in `text`. `scheduled_ns` is the
    instant (UTC) that `schedule` named, None for a training wanted at once. `abandoned`: a thread that was
    told to stop has not; it is left to itself and the job is over. A final state is reported once.
    """

    time_ns: int
    job: int
    name: str
    state: TrainingState
    message: str
    bucket: BucketLevel
    minutes_used: float
    mode: str = "thread"
    progress: float | None = None
    text: str = ""
    scheduled_ns: int | None = None
    abandoned: bool = False
    schedule: str = ""


class ModelReported(msgspec.Struct, frozen=True, tag="model"):
    """Another version of a model is in use, or, with `trouble`, one was rolled back or refused.

    `number` is the version in use from now on, None where that is not told; so is `drift`, the population
    stability index of what it is given.
    """

    time_ns: int
    name: str
    number: int | None = None
    trouble: str = ""
    drift: float | None = None


class TrainingPrinted(msgspec.Struct, frozen=True, tag="training_printed"):
    """Lines that a training process printed, oldest first; `lost` lines before them were over the rate."""

    time_ns: int
    job: int
    name: str
    lines: tuple[str, ...]
    lost: int = 0


class StartNoted(msgspec.Struct, frozen=True, tag="start_noted"):
    """The start of this training job is journaled: an occurrence of a schedule may begin now."""

    job: int


class CancelTraining(msgspec.Struct, frozen=True, tag="cancel_training"):
    """Stop a training job, waiting or running. One that is over, or unknown, is left alone."""

    job: int


class LaneDepths(msgspec.Struct, frozen=True):
    """What waits on the lanes of one end: messages of each, and data points."""

    control: int = 0
    orders: int = 0
    data: int = 0
    points: int = 0


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """Sign of life from the thread named `beats`, every BEAT_INTERVAL_S.

    `step_started_s`: seconds the engine loop has been inside the current step, None between steps.
    `training_running`: a training function runs; `training_granted_s`: what it was granted in all.
    `model_ns`: engine time at which the model in use was made, None without one. `model_problem` is empty
    unless the algorithm demands a model and may take no new risk: then it says why. `waiting`: what has
    arrived and the engine has not asked for.
    """

    step_started_s: float | None
    steps: int
    training_running: bool
    training_granted_s: float
    resident_mb: float
    conflated: int
    model_required: bool = False
    model_ns: int | None = None
    model_problem: str = ""
    waiting: LaneDepths = LaneDepths()


class EngineFailed(msgspec.Struct, frozen=True, tag="failed"):
    """The algorithm raised. `stage` is load, initialize or run; `traceback` has the user's frames only."""

    stage: str
    error: str
    traceback: str


class EngineFinished(msgspec.Struct, frozen=True, tag="finished"):
    """The algorithm ended by itself: data over, quit, or a stop that was asked for."""

    reason: str


BEAT_INTERVAL_S = 0.25

ToEngine = (
    StartEngine
    | MarketDataArrived
    | TimePulse
    | OrderEventArrived
    | AccountLoaded
    | NewsComplete
    | BrokerageMessageArrived
    | ParametersChanged
    | DataEnded
    | StopRequested
    | CancelTraining
    | StartNoted
)
FromEngine = (
    Initialized
    | WarmedUp
    | StepCompleted
    | TrainingReported
    | TrainingPrinted
    | HostBucketLevel
    | ScheduleJudged
    | ModelReported
    | Beat
    | EngineFailed
    | EngineFinished
    | EngineCommand
)
