"""How training and the engine's thread meet: results between two steps, cancels past a busy engine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from livetrader.ipc.frames import encode
from livetrader.ipc.messages import CancelTraining, TrainingState
from livetrader.training.runs import TrainerRules
from livetrader.worker.feed import LiveFeed, Progress
from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader_engine.events import TimePulse
from livetrader_engine.training import TrainingWork
from tests.unit.training.scenes import LIMIT_S, Scene

T = TrainingState


class Ends:
    """Both ends of a link: the supervisor's is a bare socket here."""

    def __init__(self) -> None:
        self.supervisor, ours = socket.socketpair()
        self.ours = ours
        self.gone = threading.Event()
        self.inbox = Inbox(ours, Outbox(ours), lambda: 0, lambda reason: self.gone.set())
        self.inbox.start()

    def close(self) -> None:
        self.supervisor.close()
        assert self.gone.wait(LIMIT_S)
        self.ours.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_a_result_is_adopted_by_the_engines_thread_though_no_data_come(ends: Ends) -> None:
    scene = Scene(rules=TrainerRules(wake=ends.inbox.wake))
    progress = Progress(lambda: 5.0)
    seen: list[tuple[object, ...]] = []
    feed = LiveFeed(ends.inbox, progress, scene.trainer.adopt)

    def adopt(model: object) -> None:
        seen.append((model, threading.get_ident(), progress.step_started_s, progress.steps))
        ends.supervisor.sendall(encode([TimePulse(7, 1)]))

    scene.submit(TrainingWork("fit", lambda: "model", then=adopt))
    assert feed.next() == TimePulse(7, 1), "it waits for data, and adopts meanwhile"
    model, thread, step_started_s, steps = seen[0]
    assert (model, thread) == ("model", threading.get_ident())
    assert step_started_s in (None, 5.0)
    assert steps == 0, "adopting is no step"
    assert progress.steps == 1
    scene.wait_for(T.READY)


def test_what_adopts_for_ever_is_seen_by_the_step_limit(ends: Ends) -> None:
    scene = Scene(rules=TrainerRules(wake=ends.inbox.wake))
    progress = Progress(lambda: 5.0)
    feed = LiveFeed(ends.inbox, progress, scene.trainer.adopt)
    seen: list[float | None] = []
    begun = threading.Event()

    def adopt(model: object) -> None:
        seen.append(progress.step_started_s)
        ends.supervisor.sendall(encode([TimePulse(8, 2)]))

    def fit() -> str:
        begun.wait(LIMIT_S)
        return "model"

    scene.submit(TrainingWork("fit", fit, then=adopt))
    ends.supervisor.sendall(encode([TimePulse(7, 1)]))
    assert feed.next() == TimePulse(7, 1)
    begun.set()  # its result comes while the engine waits for data
    assert feed.next() == TimePulse(8, 2)
    assert seen == [5.0]


def test_a_cancel_reaches_the_trainer_while_the_engine_is_busy(ends: Ends) -> None:
    scene = Scene()
    begun = threading.Event()

    def fit() -> None:
        begun.set()
        while True:
            pass

    scene.submit(TrainingWork("fit", fit))
    assert begun.wait(LIMIT_S)
    told = threading.Event()

    def cancel(job: int) -> None:
        scene.trainer.cancel(job)
        told.set()

    ends.inbox.cancel_training = cancel
    ends.supervisor.sendall(encode([CancelTraining(1)]))
    assert told.wait(LIMIT_S), "nobody asks the inbox for its next event"
    scene.trainer.tick()
    scene.wait_for(T.CANCELLED)


def test_what_a_training_asks_of_the_engine_is_done_by_the_engines_thread(ends: Ends) -> None:
    scene = Scene(rules=TrainerRules(wake=ends.inbox.wake))
    progress = Progress(lambda: 5.0)
    feed = LiveFeed(ends.inbox, progress, scene.trainer.adopt)
    seen: list[tuple[int, float | None]] = []

    def order() -> str:
        seen.append((threading.get_ident(), progress.step_started_s))
        ends.supervisor.sendall(encode([TimePulse(7, 1)]))
        return "ticket"

    scene.submit(
        TrainingWork("fit", lambda: seen.append((scene.trainer.calls.make(order) == "ticket", None)))
    )
    assert feed.next() == TimePulse(7, 1)
    scene.wait_for(T.READY)
    assert [who for who, _ in seen] == [threading.get_ident(), True]


def test_what_such_a_call_raises_is_the_trainings() -> None:
    scene = Scene()

    def refused() -> None:
        raise ValueError("no such order")

    scene.submit(TrainingWork("fit", lambda: scene.trainer.calls.make(refused)))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.adopt()
    assert "no such order" in scene.wait_for(T.FAILED).message


def test_a_cancelled_training_asks_in_vain() -> None:
    scene = Scene()
    made: list[bool] = []
    scene.submit(TrainingWork("fit", lambda: scene.trainer.calls.make(lambda: made.append(True))))
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.cancel(1)
    scene.trainer.tick()
    scene.trainer.adopt()
    scene.wait_for(T.CANCELLED)
    assert not made


def test_an_engine_that_waits_for_a_training_makes_its_calls() -> None:
    scene = Scene(rules=TrainerRules(waits=True))
    threads: list[int] = []
    order = TrainingWork(
        "fit", lambda: scene.trainer.calls.make(lambda: threads.append(threading.get_ident()))
    )
    scene.submit(order)
    assert scene.states()[-1] is T.READY
    assert threads == [threading.get_ident()]
