"""One training job and the states it goes through. The table is the law; everything else is bookkeeping.

Two rules. A final state is final: what a job does after it (a function that was given up may go on for
ever) is told by nobody. And a job is READY only when its `then` has returned: before that the algorithm
still trades on the model before. PENDING waits its turn, DEFERRED waits for the bucket's refill, EXPIRED
ran past its deadline or its granted minutes, CANCELLED was told to stop by an operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from livetrader.ipc.messages import TrainingState
from livetrader_engine.errors import InvariantError
from livetrader_engine.training import TrainingJob, TrainingWork

_T = TrainingState
TRANSITIONS: Final[dict[TrainingState, frozenset[TrainingState]]] = {
    _T.PENDING: frozenset({_T.RUNNING, _T.DEFERRED, _T.FAILED, _T.CANCELLED}),
    _T.DEFERRED: frozenset({_T.RUNNING, _T.FAILED, _T.CANCELLED}),
    _T.RUNNING: frozenset({_T.READY, _T.FAILED, _T.EXPIRED, _T.CANCELLED}),
    _T.READY: frozenset(),
    _T.FAILED: frozenset(),
    _T.EXPIRED: frozenset(),
    _T.CANCELLED: frozenset(),
}
JOBS_KEPT: Final = 20  # the newest, as the algorithm sees them
UNDER_WAY: Final = frozenset({_T.PENDING, _T.RUNNING})  # may end without anybody doing anything
ENDED: Final = frozenset(state for state, targets in TRANSITIONS.items() if not targets)


@dataclass(eq=False)
class Job:
    """One training on its way. Mutated under the trainer's lock only, but for `progress`.

    `progress` (fraction and words) is replaced as a whole by the thread that trains.
    """

    number: int
    work: TrainingWork
    state: TrainingState = TrainingState.PENDING
    message: str = ""
    started_s: float = 0.0
    minutes_used: float = 0.0
    progress: tuple[float, str] | None = None
    history: list[TrainingState] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the algorithm calls it."""
        return self.work.name

    def move(self, state: TrainingState, message: str = "") -> None:
        """Go to `state`. Raises InvariantError for a move the table does not have."""
        if state not in TRANSITIONS[self.state]:
            raise InvariantError(f"a training job cannot go from {self.state} to {state}")
        self.history.append(self.state)
        self.state, self.message = state, message

    def seen(self) -> TrainingJob:
        """Return the job as the algorithm sees it."""
        fraction, text = self.progress or (None, "")
        return TrainingJob(self.number, self.name, self.state.value, self.message, fraction, text)
