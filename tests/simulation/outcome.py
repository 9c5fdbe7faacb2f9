"""What comes of a seed, and what a world does at its edges: dying by chance, words, and clearing away."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.simulation.invariants import Violation

SHARES: Final = {  # of the probability to die, where there are many boundaries of a kind
    "socket read": 0.01, "socket write": 0.1, "socket written": 0.1, "message": 0.1, "message handled": 0.1,
}  # fmt: skip
NOISE: Final = re.compile(
    r'"(type|time_ns|client_order_id|created_ns|reference_price)":("[^"]*"|[\d.-]+),?|"[a-z_]+":(null|""|false|\[\]),?'
)


@dataclass(slots=True)
class Outcome:
    """What came of one seed."""

    seed: int
    violations: list[Violation]
    reached: Counter[str]
    journal_hash: str
    virtual_s: float
    steps: int
    lives: int
    orders: int
    trades: int
    transcript: list[str] = field(default_factory=list)


class Chance:
    """Dies at a boundary now and then. Quiet while `sleeping`."""

    def __init__(self, random: Random, probability: float) -> None:
        self.sleeping = False
        self._random = random
        self._probability = probability

    def strikes(self, kind: str) -> bool:
        """See Reaper."""
        share = SHARES.get(kind, 1.0)
        return self._random.random() < self._probability * share and not self.sleeping


def abridged(body: str) -> str:
    """Return a record without what the line says already and without what is empty."""
    return " ".join(NOISE.sub("", body).split())


def leaf(error: BaseException | None) -> str:
    """Return the innermost error of groups, with the place where it was raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None:
        return "it returned"
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{error!r} at {where}"


def close(task: asyncio.Task[object]) -> None:
    """End a dead task's coroutine; what its cleanup wants to do is refused."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be pending
    coroutine = task.get_coro()
    for _ in range(20):  # each await in a `finally` takes one
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001 — whatever a dead program's cleanup raises, nobody hears it
            continue
        return
