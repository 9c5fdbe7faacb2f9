"""What an algorithm wants trained, and what it may ask about it. Frozen; who runs it is a port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from livetrader_engine.errors import AlgorithmError


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """One training, wanted by the algorithm. Made by the face; run by a Trainer.

    `function(*arguments)` is the work. In a thread (the default) it may change the algorithm as it likes.
    With `process` it runs in a process of its own: function, arguments and result are then pickled.
    `prepare()` returns the arguments and runs in the engine process, on the training's thread, right before
    the work. `then(result)` runs in the engine's thread between two steps, so no callback of the algorithm
    ever sees half of what it changes; the training has succeeded when it has returned.

    `gpu`: leave graphics processors visible where there are any. `deadline_s`: wall seconds after which the
    work is ended; None for the operator's default. `scheduled_ns`: the instant (UTC) that a schedule named,
    None for work wanted at once; `schedule`: what the schedule is called, empty where nobody remembers it.
    """

    name: str
    function: Callable[..., object]
    arguments: tuple[object, ...] = ()
    process: bool = False
    gpu: bool = False
    deadline_s: float | None = None
    prepare: Callable[[], object] | None = None
    then: Callable[[object], object] | None = None
    scheduled_ns: int | None = None
    schedule: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant. Raises AlgorithmError naming the remedy."""
        if self.deadline_s is not None and self.deadline_s <= 0:
            raise AlgorithmError(f"the deadline of training {self.name!r} must be more than 0")
        if self.prepare is not None and self.arguments:
            raise AlgorithmError(
                f"training {self.name!r} has arguments and prepare: prepare() returns the arguments"
            )

    def prepared(self) -> tuple[object, ...]:
        """Return the arguments; calls `prepare` where there is one: a tuple, or the only argument."""
        if self.prepare is None:
            return self.arguments
        made = self.prepare()
        return made if isinstance(made, tuple) else (made,)


def work_of(function: Callable[[], object]) -> TrainingWork:
    """Return the training of a function as LEAN takes it: named like it, in a thread, without arguments."""
    return TrainingWork(getattr(function, "__name__", "training"), function)


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training as the algorithm sees it. `state` is the trainer's word; `progress` from 0 to 1."""

    number: int
    name: str
    state: str
    message: str = ""
    progress: float | None = None
    text: str = ""
