"""Whether the algorithm has the model it says it needs. Asks and remembers; trains and loads nothing.

An algorithm that calls `require` gets no new risk without a fresh model: from then on `problem` says what
is wrong, and orders that add risk are refused with it. What reduces a position passes always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.ports import Clock, TrainingStatus

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Model(msgspec.Struct, frozen=True):
    """A model that was loaded: its name, when it was made and when it was adopted (engine time)."""

    name: str
    made_ns: int
    adopted_ns: int


class Readiness:
    """The demand of one algorithm and the model it has. Owned by the engine's thread.

    Every property may be read from any thread: what changes is replaced as a whole. `planned` names what the
    algorithm wants trained.
    """

    def __init__(
        self, clock: Clock, status: TrainingStatus, planned: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._clock = clock
        self._status = status
        self._planned = planned
        self._max_age_ns: int | None = None
        self._loaded: _Model | None = None
        self.required = False

    def require(self, max_age_ns: int | None = None) -> None:
        """Demand a model from now on, trained or made at most `max_age_ns` ago where that is given.

        Raises AlgorithmError for an age that is not positive.
        """
        if max_age_ns is not None and max_age_ns <= 0:
            raise AlgorithmError("training.require(max_age=...) needs a time span longer than zero")
        self._max_age_ns = max_age_ns
        self.required = True

    def adopted(self, name: str, made_ns: int) -> None:
        """Take note that the algorithm uses a model that was made at `made_ns` (engine time), not here."""
        self._loaded = _Model(name, made_ns, self._clock.now_ns)

    @property
    def model_ns(self) -> int | None:
        """Engine time at which the model in use was made, None without one: the newest adopted or trained."""
        trained, loaded = self._status.trained_ns, self._loaded
        if loaded is None or (trained is not None and trained > loaded.adopted_ns):
            return trained
        return loaded.made_ns

    @property
    def ready(self) -> bool:
        """Whether there is a model and no training is changing it."""
        return self.model_ns is not None and not self._status.is_replacing

    def age_ns(self) -> int | None:
        """Return how old the model in use is in engine time, None without one."""
        made = self.model_ns
        return None if made is None else max(0, self._clock.now_ns - made)

    def problem(self) -> str:
        """Return why no new risk may be taken, empty where it may or where nobody demanded a model."""
        if not self.required:
            return ""
        status, made = self._status, self.model_ns
        if status.is_replacing:
            return f"the model is being trained ({self._working()})"
        if made is None:
            of = f" of {', '.join(self._planned())}" if self._planned() else ""
            error = (status.last_error or "").strip()
            if error:
                return f"there is no model{of}: its training failed: {error.splitlines()[-1]}"
            waiting = self._working()
            if waiting:
                return f"there is no model{of} yet: {waiting}"
            return f"there is no model{of}: none was trained or loaded since the engine started"
        age = max(0, self._clock.now_ns - made)
        if self._max_age_ns is None or age <= self._max_age_ns:
            return ""
        error = (status.last_error or "").strip()
        return (
            f"the model{self._name()} is stale: made {_moment(made)} UTC, {_span(age)} ago;"
            f" at most {_span(self._max_age_ns)} is allowed"
            f"{'; the newest training failed: ' + error.splitlines()[-1] if error else ''}"
        )

    # -- inside --------------------------------------------------------------------------------------

    def _name(self) -> str:
        trained, loaded = self._status.trained_ns, self._loaded
        if loaded is not None and (trained is None or trained <= loaded.adopted_ns):
            return f" {loaded.name}"
        done = [job.name for job in self._status.jobs if job.state == "ready"]
        return f" of {done[-1]}" if done else ""

    def _working(self) -> str:
        """Return the training that runs or waits, in words; empty where there is none."""
        for state in ("running", "deferred", "pending"):
            for job in self._status.jobs:
                if job.state == state:
                    return f"{job.name} is {state}{': ' + job.message if job.message else ''}"
        return ""


def _span(span_ns: int) -> str:
    return str(timedelta(seconds=span_ns // 1_000_000_000))


def _moment(time_ns: int) -> str:
    return (_EPOCH + timedelta(seconds=time_ns // 1_000_000_000)).strftime("%Y-%m-%d %H:%M:%S")
