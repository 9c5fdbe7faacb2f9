"""An occurrence of a schedule begins when its start is journaled, and not before."""

from __future__ import annotations

import threading

from livetrader.ipc.messages import TrainingState
from livetrader.training.runs import TrainerRules
from livetrader.training.start_notes import NOT_JOURNALED, StartNotes
from livetrader_engine.training import TrainingWork
from tests.unit.training.scenes import LIMIT_S, Scene

T = TrainingState


def occurrence(function: object) -> TrainingWork:
    return TrainingWork("fit", function, schedule="fit: daily", scheduled_ns=5)  # type: ignore[arg-type]


def test_an_occurrence_waits_for_its_note_and_others_do_not() -> None:
    notes, begun = StartNotes(limit_s=LIMIT_S), threading.Event()
    scene = Scene(rules=TrainerRules(start_noted=notes.wait))
    scene.submit(TrainingWork("at once", lambda: None))
    scene.wait_for(T.READY)
    scene.submit(occurrence(begun.set))
    scene.wait_for(T.RUNNING, 2)
    assert not begun.is_set()
    notes.noted(2)
    scene.wait_for(T.READY, 2)
    assert begun.is_set()


def test_without_a_note_it_fails_and_never_runs_and_the_next_one_does() -> None:
    notes, begun = StartNotes(limit_s=0.01), threading.Event()
    scene = Scene(rules=TrainerRules(start_noted=notes.wait))
    scene.submit(occurrence(begun.set))
    assert scene.wait_for(T.FAILED).message == NOT_JOURNALED
    assert not begun.is_set()
    scene.submit(TrainingWork("at once", lambda: None))
    scene.wait_for(T.READY, 2)


def test_one_that_is_cancelled_while_it_waits_never_runs() -> None:
    notes, begun = StartNotes(limit_s=LIMIT_S), threading.Event()
    scene = Scene(rules=TrainerRules(start_noted=notes.wait))
    scene.submit(occurrence(begun.set))
    scene.wait_for(T.RUNNING)
    scene.trainer.cancel(1)
    scene.trainer.tick()
    notes.noted(1)
    scene.wait_for(T.CANCELLED)
    assert not begun.is_set()
