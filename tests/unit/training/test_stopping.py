"""Training threads that have to end: deadline, quota, cancel; and those that do not listen."""

from __future__ import annotations

import sys
import threading
import weakref
from contextlib import suppress
from typing import Any

import pytest

from livetrader.ipc.messages import TrainingState
from livetrader.training import cancelled
from livetrader.training import trainer as training_module
from livetrader.training.runner import Outcome, Runner, ShortTurns, TrainingStopped
from livetrader.training.runs import GRACE_S, TrainerRules, verdict
from livetrader.training.voice import Voice
from livetrader_engine.training import TrainingWork
from tests.unit.training.scenes import LIMIT_S, Scene

T = TrainingState


class Loop:
    """A training function of pure Python that would never return."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.turns = 0

    def __call__(self) -> None:
        try:
            self.begun.set()
            while True:
                self.turns += 1
        finally:
            self.ended.set()


class Stuck:
    """Native code that does not return until the test says so, as seen from Python."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Lock()
        self.release.acquire()

    def __call__(self) -> None:
        self.begun.set()
        self.release.acquire()


def test_a_loop_of_python_is_ended_at_its_deadline() -> None:
    scene, loop = Scene(), Loop()
    scene.submit(TrainingWork("fit", loop, deadline_s=30.0))
    assert loop.begun.wait(LIMIT_S)
    scene.pass_s(29)
    assert not loop.ended.is_set()
    scene.pass_s(1)
    expired = scene.wait_for(T.EXPIRED)
    assert expired.message == "ran past its deadline of 30 s"
    assert not expired.abandoned
    assert loop.ended.wait(LIMIT_S)
    assert scene.trainer.status.last_error == expired.message
    scene.submit(TrainingWork("next", lambda: None))
    scene.wait_for(T.READY, job=2)


def test_the_operators_deadline_is_that_of_jobs_that_name_none() -> None:
    scene, loop = Scene(rules=TrainerRules(deadline_s=10.0)), Loop()
    scene.submit(TrainingWork("fit", loop))
    assert loop.begun.wait(LIMIT_S)
    scene.pass_s(10)
    assert "deadline of 10 s" in scene.wait_for(T.EXPIRED).message


def test_a_job_that_outlives_its_minutes_is_ended_and_pays_for_what_it_used() -> None:
    scene, loop = Scene(level=2.0), Loop()
    scene.submit(TrainingWork("fit", loop))
    assert loop.begun.wait(LIMIT_S)
    scene.pass_s(180)
    expired = scene.wait_for(T.EXPIRED)
    assert expired.minutes_used == 2.0
    assert expired.bucket.level_minutes == 0.0
    assert "longer than granted (2 minutes)" in expired.message


def test_a_running_job_is_cancelled() -> None:
    scene, loop = Scene(), Loop()
    scene.submit(TrainingWork("fit", loop))
    assert loop.begun.wait(LIMIT_S)
    scene.trainer.cancel(1)
    scene.trainer.tick()
    assert "operator" in scene.wait_for(T.CANCELLED).message
    assert loop.ended.wait(LIMIT_S)
    assert scene.trainer.status.last_error is None, "it is no failure"


def test_a_waiting_job_is_cancelled_and_never_runs() -> None:
    scene, release, ran = Scene(), threading.Event(), list[str]()
    scene.submit(TrainingWork("first", lambda: release.wait(LIMIT_S)))
    scene.submit(TrainingWork("second", lambda: ran.append("second")))
    scene.submit(TrainingWork("third", lambda: ran.append("third")))
    scene.wait_for(T.RUNNING)
    scene.trainer.cancel(2)
    scene.trainer.cancel(99)  # nobody knows it: nothing happens
    scene.trainer.tick()
    scene.wait_for(T.CANCELLED, job=2)
    release.set()
    scene.wait_for(T.READY, job=3)
    assert ran == ["third"]


def test_a_function_that_asks_may_end_in_good_order() -> None:
    scene, begun, seen = Scene(), threading.Event(), list[str]()

    def fit() -> None:
        with suppress(TrainingStopped):
            begun.set()
            while True:
                pass
        while not cancelled():
            pass
        seen.append("tidied up")

    scene.submit(TrainingWork("fit", fit))
    assert begun.wait(LIMIT_S)
    scene.trainer.cancel(1)
    scene.trainer.tick()
    scene.wait_for(T.CANCELLED)
    assert seen == ["tidied up"]


def test_a_function_that_catches_exceptions_is_stopped_all_the_same() -> None:
    scene, begun = Scene(), threading.Event()

    def fit() -> None:
        while True:
            with suppress(Exception):
                begun.set()
                raise ValueError

    scene.submit(TrainingWork("fit", fit, deadline_s=5.0))
    assert begun.wait(LIMIT_S)
    scene.pass_s(5)
    assert not scene.wait_for(T.EXPIRED).abandoned


def test_a_result_that_comes_after_the_deadline_does_not_count() -> None:
    scene, stuck, adopted = Scene(), Stuck(), list[object]()
    scene.submit(TrainingWork("fit", stuck, then=adopted.append, deadline_s=5.0))
    assert stuck.begun.wait(LIMIT_S)
    scene.pass_s(5)
    stuck.release.release()
    assert not scene.wait_for(T.EXPIRED).abandoned
    scene.trainer.adopt()
    assert not adopted
    assert not scene.trainer.status.ready


def test_a_thread_that_never_returns_is_given_up_and_the_next_job_has_a_fresh_one() -> None:
    before = sys.getswitchinterval()
    scene, stuck = Scene(), Stuck()
    scene.submit(TrainingWork("fit", stuck, deadline_s=5.0))
    assert stuck.begun.wait(LIMIT_S)
    scene.pass_s(5 + GRACE_S)
    expired = scene.wait_for(T.EXPIRED)
    assert expired.abandoned
    assert "given up" in expired.message
    assert not scene.trainer.status.is_training
    threads: list[int] = []
    scene.submit(TrainingWork("next", lambda: threads.append(threading.get_ident())))
    scene.wait_for(T.READY, job=2)
    assert sys.getswitchinterval() < before, "somebody still trains"
    stuck.release.release()
    _until_usual_turns(before)


def test_threads_that_never_return_are_bounded_and_processes_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_module, "MAX_ABANDONED", 2)
    before = sys.getswitchinterval()
    scene, stuck = Scene(), [Stuck(), Stuck()]
    for number, function in enumerate(stuck, 1):
        scene.submit(TrainingWork(f"stuck {number}", function, deadline_s=5.0))
        assert function.begun.wait(LIMIT_S)
        scene.pass_s(5 + GRACE_S)
        scene.wait_for(T.EXPIRED, job=number)
    scene.submit(TrainingWork("one too many", lambda: None))
    assert "restart the engine" in scene.wait_for(T.FAILED, job=3).message
    for function in stuck:
        function.release.release()
    _until_usual_turns(before)
    scene.trainer.tick()
    scene.submit(TrainingWork("room again", lambda: None))
    scene.wait_for(T.READY, job=4)


def _until_usual_turns(before: float) -> None:
    for thread in threading.enumerate():
        if thread.name == "training":
            thread.join(LIMIT_S)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_user_code_inside_of_ours_is_left_alone_until_it_is_out() -> None:
    """It may hold a lock of ours there, which nobody would give back."""
    inside, outside, release = threading.Event(), threading.Event(), threading.Lock()
    release.acquire()
    ours: dict[str, Any] = {"__name__": "livetrader.worker.outbox"}
    exec("def send(enter, wait):\n    enter()\n    wait()\n", ours)

    def fit() -> None:
        ours["send"](inside.set, release.acquire)
        outside.set()
        while True:
            pass

    runner = Runner(fit, Voice(), ShortTurns())
    runner.start()
    assert inside.wait(LIMIT_S)
    assert not runner.interrupt()
    release.release()
    assert outside.wait(LIMIT_S), "nothing was raised inside of ours"
    while not runner.interrupt():  # it may still be on its way back
        pass
    outcome = runner.wait()
    assert outcome is not None
    assert outcome.failure == "it was told to stop"


def test_what_is_being_adopted_can_no_longer_be_cancelled() -> None:
    scene = Scene()

    def adopt(model: object) -> None:
        scene.trainer.cancel(1)
        scene.trainer.tick()

    scene.submit(TrainingWork("fit", lambda: "model", then=adopt))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.adopt()
    scene.wait_for(T.READY)


def test_nothing_of_an_adopted_model_is_kept() -> None:
    class Model:
        pass

    scene, kept = Scene(), list[weakref.ref[object]]()
    scene.submit(TrainingWork("fit", Model, then=lambda model: kept.append(weakref.ref(model))))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.adopt()
    scene.wait_for(T.READY)
    for thread in threading.enumerate():
        if thread.name == "training":
            thread.join(LIMIT_S)
    assert kept[0]() is None, "models are large"


SENTENCE = (T.EXPIRED, "ran past its deadline of 5 s")


@pytest.mark.parametrize(
    ("sentence", "outcome", "state", "words"),
    [
        (None, Outcome(7), T.READY, ""),
        (None, Outcome(failure="ValueError"), T.FAILED, "ValueError"),
        (None, Outcome(failure="too late", expired=True), T.EXPIRED, "too late"),
        (None, None, T.FAILED, "given up"),
        (SENTENCE, Outcome(7), T.EXPIRED, "deadline of 5 s"),
        (SENTENCE, Outcome(failure="it was told to stop"), T.EXPIRED, "deadline of 5 s"),
        (SENTENCE, None, T.EXPIRED, "it may still run"),
        ((T.CANCELLED, "cancelled"), Outcome(7), T.CANCELLED, "cancelled"),
    ],
)
def test_a_sentence_stands_whatever_the_work_came_to(
    sentence: tuple[T, str] | None, outcome: Outcome | None, state: T, words: str
) -> None:
    assert verdict(sentence, outcome)[0] is state
    assert words in verdict(sentence, outcome)[1]


def test_a_thread_that_has_not_begun_is_not_interrupted() -> None:
    reached, go = threading.Event(), threading.Event()
    runner = Runner(lambda: 7, Voice(), ShortTurns())
    begin = runner._main

    def late() -> None:
        reached.set()
        go.wait(LIMIT_S)
        begin()

    runner._thread = threading.Thread(target=late, daemon=True)
    runner.start()
    assert reached.wait(LIMIT_S)
    assert not runner.interrupt(), "nobody would catch it"
    go.set()
    outcome = runner.wait()
    assert outcome is not None and outcome.value == 7


def test_nothing_is_raised_in_a_thread_after_its_call_has_ended() -> None:
    for _ in range(200):
        runner = Runner(lambda: 7, Voice(), ShortTurns())
        runner.start()
        runner.interrupt()
        outcome = runner.wait()
        assert outcome is not None
        assert outcome.value == 7 or outcome.failure == "it was told to stop"
        runner.interrupt()
        runner.give_up()
