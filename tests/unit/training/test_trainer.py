"""Training live: queue, states, budget, adoption. What runs is the real thing, on real threads."""

from __future__ import annotations

import sys
import threading

import pytest

from livetrader.ipc.messages import TrainingState
from livetrader.training import trainer as training_module
from livetrader.training.jobs import ENDED, TRANSITIONS, Job
from livetrader.training.runner import SWITCH_INTERVAL_S
from livetrader.training.runs import TrainerRules
from livetrader_engine.errors import InvariantError
from livetrader_engine.training import TrainingWork
from tests.unit.training.scenes import DAY_NS, LIMIT_S, Scene

T = TrainingState


def test_a_job_runs_on_a_thread_of_its_own_and_becomes_ready() -> None:
    scene = Scene()
    threads: list[str] = []
    scene.submit(TrainingWork("fit", lambda: threads.append(threading.current_thread().name)))
    scene.wait_for(T.READY)
    assert threads == ["training"]
    assert scene.states() == [T.PENDING, T.RUNNING, T.READY]
    assert scene.trainer.status.ready
    assert scene.trainer.status.trained_ns == 77
    assert scene.trainer.status.last_error is None


def test_flags_say_that_training_is_under_way() -> None:
    scene = Scene()
    release = threading.Event()
    scene.submit(TrainingWork("fit", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    assert scene.trainer.status.is_training
    assert scene.trainer.status.is_replacing
    assert not scene.trainer.status.ready
    release.set()
    scene.wait_for(T.READY)
    assert not scene.trainer.status.is_training


@pytest.mark.parametrize("minutes", [0, 1, 3])
def test_the_first_minute_is_free_then_every_started_one_costs_a_token(minutes: int) -> None:
    scene = Scene(level=10.0)
    release = threading.Event()
    scene.submit(TrainingWork("fit", lambda: release.wait(LIMIT_S)))
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
    scene.submit(TrainingWork("fit", done.set))
    deferred = scene.wait_for(T.DEFERRED)
    assert "bucket is empty" in deferred.message
    scene.wall_ns = DAY_NS - 1
    scene.trainer.tick()
    assert not done.is_set()
    scene.wall_ns = DAY_NS
    scene.trainer.tick()
    scene.wait_for(T.READY)
    assert scene.states() == [T.PENDING, T.DEFERRED, T.RUNNING, T.READY]


def test_jobs_queue_by_age() -> None:
    scene = Scene()
    release, order = threading.Event(), list[str]()
    scene.submit(TrainingWork("first", lambda: release.wait(LIMIT_S)))
    for name in ("second", "third", "fourth"):
        scene.submit(TrainingWork(name, lambda name=name: order.append(name)))
    assert [job.state for job in scene.trainer.status.jobs][1:] == ["pending"] * 3
    release.set()
    scene.wait_for(T.READY, job=4)
    assert order == ["second", "third", "fourth"]


def test_overrun_is_noticed_at_the_end_too() -> None:
    scene = Scene(level=1.0)

    def long() -> None:
        scene.now_s += 600.0

    scene.submit(TrainingWork("fit", long))
    expired = scene.wait_for(T.EXPIRED)
    assert "bucket is empty" in expired.message
    assert expired.minutes_used == 1.0
    assert not scene.trainer.status.ready


@pytest.mark.parametrize("error", [ValueError("no data"), SystemExit(3), KeyboardInterrupt()])
def test_a_failing_job_tells_the_users_traceback_and_the_next_one_runs(error: BaseException) -> None:
    scene = Scene()

    def fit() -> None:
        raise error

    scene.submit(TrainingWork("fit", fit))
    failed = scene.wait_for(T.FAILED)
    assert "in fit" in failed.message
    assert "runner.py" not in failed.message
    assert scene.trainer.status.last_error == failed.message
    scene.submit(TrainingWork("again", lambda: None))
    scene.wait_for(T.READY, job=2)
    assert scene.trainer.status.last_error is None


def test_a_failure_leaves_the_model_before_in_charge() -> None:
    scene = Scene()
    scene.submit(TrainingWork("good", lambda: None))
    scene.wait_for(T.READY)
    scene.submit(TrainingWork("bad", lambda: 1 / 0))
    scene.wait_for(T.FAILED, job=2)
    assert scene.trainer.status.ready
    assert scene.trainer.status.trained_ns == 77


def test_too_many_waiting_jobs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_module, "MAX_WAITING", 1)
    scene = Scene()
    release = threading.Event()
    scene.submit(TrainingWork("a", lambda: release.wait(LIMIT_S)))
    scene.wait_for(T.RUNNING)
    scene.submit(TrainingWork("b", lambda: None))
    scene.submit(TrainingWork("c", lambda: None))
    assert "waiting already" in scene.wait_for(T.FAILED, job=3).message
    release.set()
    scene.wait_for(T.READY, job=2)


def test_while_training_the_interpreter_is_handed_over_often() -> None:
    before = sys.getswitchinterval()
    seen: list[float] = []
    scene = Scene()
    scene.submit(TrainingWork("fit", lambda: seen.append(sys.getswitchinterval())))
    scene.wait_for(T.READY)
    assert seen[0] == pytest.approx(SWITCH_INTERVAL_S)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_the_usual_turns_come_back_when_the_last_of_several_trainings_has_ended() -> None:
    before = sys.getswitchinterval()
    turns = Scene().turns
    turns.begin()
    turns.begin()
    turns.end()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    turns.end()
    assert sys.getswitchinterval() == pytest.approx(before)


# -- adoption -----------------------------------------------------------------------------------------------


def test_a_result_waits_until_the_engine_adopts_it_between_two_steps() -> None:
    scene = Scene()
    adopted: list[tuple[object, int]] = []
    engine = threading.get_ident()
    work = TrainingWork(
        "fit", lambda: "model", then=lambda model: adopted.append((model, threading.get_ident()))
    )
    scene.submit(work)
    assert scene.woken.wait(LIMIT_S), "the engine must be told that something waits"
    assert not adopted
    assert scene.trainer.status.is_training
    assert not scene.trainer.status.ready
    scene.trainer.adopt()
    scene.wait_for(T.READY)
    assert adopted == [("model", engine)]
    scene.trainer.adopt()
    assert len(adopted) == 1, "once is enough"


def test_a_failing_then_fails_the_job_and_keeps_the_old_model() -> None:
    scene = Scene()

    def adopt_badly(model: object) -> None:
        raise ValueError("no such layer")

    scene.submit(TrainingWork("fit", lambda: "model", then=adopt_badly))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.adopt()
    failed = scene.wait_for(T.FAILED)
    assert "in adopt_badly" in failed.message
    assert not scene.trainer.status.ready
    scene.submit(TrainingWork("next", lambda: None))
    scene.wait_for(T.READY, job=2)


def test_what_waits_to_be_adopted_costs_no_minutes() -> None:
    scene = Scene(level=10.0)
    scene.submit(TrainingWork("fit", lambda: "model", then=lambda model: None))
    assert scene.woken.wait(LIMIT_S)
    scene.now_s += 600.0
    scene.trainer.tick()
    scene.trainer.adopt()
    assert scene.wait_for(T.READY).minutes_used == 0.0


def test_a_result_cancelled_before_its_adoption_is_never_adopted() -> None:
    scene = Scene()
    adopted: list[object] = []
    scene.submit(TrainingWork("fit", lambda: "model", then=adopted.append))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.cancel(1)
    scene.trainer.tick()
    scene.wait_for(T.CANCELLED)
    scene.trainer.adopt()
    assert not adopted
    scene.submit(TrainingWork("next", lambda: None))
    scene.wait_for(T.READY, job=2)


def test_where_the_feed_waits_submit_returns_with_the_result_adopted() -> None:
    scene = Scene(rules=TrainerRules(waits=True))
    done: list[object] = []
    scene.submit(TrainingWork("fit", lambda: done.append("trained") or "model", then=done.append))  # type: ignore[func-returns-value]  # on purpose
    assert done == ["trained", "model"]
    assert scene.states() == [T.PENDING, T.RUNNING, T.READY]


def test_where_the_feed_waits_a_deferred_job_is_not_waited_for() -> None:
    scene = Scene(level=0.0, rules=TrainerRules(waits=True))
    scene.submit(TrainingWork("fit", lambda: None))
    assert scene.states()[-1] is T.DEFERRED


# -- progress -----------------------------------------------------------------------------------------------


def test_progress_is_told_at_a_bounded_rate_with_its_words() -> None:
    scene = Scene()
    half, go_on = threading.Event(), threading.Event()

    def fit() -> None:
        for epoch in range(1000):
            scene.trainer.status.progress(epoch / 1000, f"epoch {epoch}")
        half.set()
        assert go_on.wait(LIMIT_S)

    scene.submit(TrainingWork("fit", fit))
    assert half.wait(LIMIT_S)
    for _ in range(10):
        scene.trainer.tick()
    told = [(r.progress, r.text) for r in scene.reports if r.progress is not None]
    assert told == [(0.999, "epoch 999")], "ten ticks in one instant tell one"
    assert scene.trainer.status.jobs[0].text == "epoch 999"
    go_on.set()
    assert scene.wait_for(T.READY).progress == 0.999


def test_progress_of_a_thread_that_does_not_train_is_left_out() -> None:
    scene = Scene()
    scene.trainer.status.progress(0.5, "nobody")
    assert not scene.trainer.status.cancelled
    assert scene.trainer.status.device == "cpu"
    assert not scene.reports


# -- the table ----------------------------------------------------------------------------------------------


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
