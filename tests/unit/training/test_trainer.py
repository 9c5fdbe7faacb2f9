"""Training live: its own thread, its states, its budget."""

from __future__ import annotations

import sys
import threading

import pytest

from livetrader.ipc.messages import TrainingReported, TrainingState
from livetrader.training import trainer as training_module
from livetrader.training.budget import Budget
from livetrader.training.jobs import ENDED, TRANSITIONS, Job
from livetrader.training.trainer import ThreadedTrainer, TrainerClocks
from livetrader_engine.errors import InvariantError
from livetrader_engine.limits import LeakyBucket, Quota
from livetrader_engine.training import TrainingWork

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS
LIMIT_S = 10.0
T = TrainingState


class Scene:
    """A trainer with clocks to set, and everything it reported."""

    def __init__(self, level: float, capacity: float = 120.0) -> None:
        self.wall_ns = 0
        self.now_s = 1000.0
        self.reports: list[TrainingReported] = []
        self._changed = threading.Condition()
        bucket = LeakyBucket.restored(Quota(capacity, 18.0), level, 0)
        clocks = TrainerClocks(lambda: self.wall_ns, lambda: self.now_s, lambda: 77)
        self.trainer = ThreadedTrainer(Budget(bucket), clocks, self._report)

    def _report(self, report: TrainingReported) -> None:
        with self._changed:
            self.reports.append(report)
            self._changed.notify_all()

    def states(self, job: int = 1) -> list[TrainingState]:
        return [report.state for report in self.reports if report.job == job]

    def wait_for(self, state: TrainingState, job: int = 1) -> TrainingReported:
        with self._changed:
            reached = self._changed.wait_for(lambda: state in self.states(job), LIMIT_S)
        assert reached, f"job {job} went {self.states(job)}, never {state}"
        return next(report for report in self.reports if report.job == job and report.state == state)


def test_a_job_runs_on_a_thread_of_its_own_and_becomes_ready() -> None:
    scene = Scene(level=5.0)
    threads: list[str] = []
    scene.trainer.submit(TrainingWork("fit", lambda: threads.append(threading.current_thread().name)))
    scene.wait_for(T.READY)
    assert threads == ["training"]
    assert scene.states() == [T.PENDING, T.RUNNING, T.READY]
    assert scene.trainer.status.ready
    assert scene.trainer.status.last_error is None


def test_flags_say_that_training_is_under_way() -> None:
    scene = Scene(level=5.0)
    release = threading.Event()
    scene.trainer.submit(TrainingWork("fit", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    assert scene.trainer.status.is_training
    assert not scene.trainer.status.ready
    release.set()
    scene.wait_for(T.READY)
    assert not scene.trainer.status.is_training


@pytest.mark.parametrize("minutes", [0, 1, 3])
def test_the_first_minute_is_free_then_every_started_one_costs_a_token(minutes: int) -> None:
    scene = Scene(level=10.0)
    release = threading.Event()
    scene.trainer.submit(TrainingWork("fit", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    scene.now_s += minutes * 60 + 59.0
    scene.trainer.tick()
    release.set()
    last = scene.wait_for(T.READY)
    assert last.minutes_used == minutes
    assert last.bucket.level_minutes == 10.0 - minutes


def test_an_empty_bucket_defers_the_job_until_the_refill_and_says_so() -> None:
    scene = Scene(level=0.5)
    done = threading.Event()
    scene.trainer.submit(TrainingWork("fit", done.set))
    deferred = scene.wait_for(T.DEFERRED)
    assert "bucket is empty" in deferred.message
    scene.wall_ns = DAY_NS - 1
    scene.trainer.tick()
    assert not done.is_set()
    scene.wall_ns = DAY_NS
    scene.trainer.tick()
    scene.wait_for(T.READY)
    assert scene.states() == [T.PENDING, T.DEFERRED, T.RUNNING, T.READY]


def test_a_job_that_outlives_its_minutes_expires_and_its_outcome_does_not_count() -> None:
    scene = Scene(level=2.0)
    release = threading.Event()
    scene.trainer.submit(TrainingWork("fit", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    for _ in range(3):
        scene.now_s += 60.0
        scene.trainer.tick()
    expired = scene.wait_for(T.EXPIRED)
    assert expired.minutes_used == 2.0
    assert scene.trainer.is_training, "it cannot be stopped inside Python"
    release.set()
    scene.wall_ns = DAY_NS
    scene.trainer.submit(TrainingWork("next", lambda: None))  # the thread is free again
    scene.wait_for(T.READY, job=2)
    assert scene.states() == [T.PENDING, T.RUNNING, T.RUNNING, T.RUNNING, T.EXPIRED]


def test_overrun_is_noticed_at_the_end_too() -> None:
    scene = Scene(level=1.0)

    def long() -> None:
        scene.now_s += 600.0

    scene.trainer.submit(TrainingWork("fit", long))
    scene.wait_for(T.EXPIRED)
    assert not scene.trainer.ready


@pytest.mark.parametrize("error", [ValueError("no data"), SystemExit(3)])
def test_a_failing_job_tells_the_users_traceback_and_the_next_one_runs(error: BaseException) -> None:
    scene = Scene(level=5.0)

    def fit() -> None:
        raise error

    scene.trainer.submit(TrainingWork("fit", fit))
    failed = scene.wait_for(T.FAILED)
    assert "in fit" in failed.message
    assert "trainer.py" not in failed.message.replace(__file__, "")
    assert scene.trainer.last_error == failed.message
    scene.trainer.submit(TrainingWork("again", lambda: None))
    scene.wait_for(T.READY, job=2)
    assert scene.trainer.last_error is None


def test_too_many_waiting_jobs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_module, "MAX_WAITING", 1)
    scene = Scene(level=5.0)
    release = threading.Event()
    scene.trainer.submit(TrainingWork("a", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    scene.trainer.submit(TrainingWork("b", lambda: None))
    scene.trainer.submit(TrainingWork("c", lambda: None))
    assert "waiting already" in scene.wait_for(T.FAILED, job=3).message
    release.set()
    scene.wait_for(T.READY, job=2)


def test_while_training_the_interpreter_is_handed_over_often() -> None:
    before = sys.getswitchinterval()
    seen: list[float] = []
    scene = Scene(level=5.0)
    scene.trainer.submit(TrainingWork("fit", lambda: seen.append(sys.getswitchinterval())))
    scene.wait_for(T.READY)
    assert seen[0] == pytest.approx(training_module.SWITCH_INTERVAL_S)
    assert sys.getswitchinterval() == pytest.approx(before)


@pytest.mark.parametrize("state", list(T))
def test_the_table_is_the_law(state: TrainingState) -> None:
    for target in T:
        job = Job(1, TrainingWork("fit", lambda: None), state=state)
        if target in TRANSITIONS[state]:
            job.move(target)
            assert job.state is target
        else:
            with pytest.raises(InvariantError):
                job.move(target)


def test_ended_jobs_stay_ended() -> None:
    assert all(not TRANSITIONS[state] for state in ENDED)
    assert {T.READY, T.FAILED, T.EXPIRED, T.CANCELLED} == ENDED
