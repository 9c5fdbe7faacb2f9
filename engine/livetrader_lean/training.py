"""`self.training` as an algorithm sees it."""

from __future__ import annotations

from datetime import timedelta

from livetrader_engine.ports import TrainingStatus
from livetrader_engine.readiness import Readiness
from livetrader_lean.times import span_ns
from livetrader_lean.views import Face


class Training(Face):
    """`self.training`: what has become of the functions given to `train`. Not in LEAN.

    Read it from any thread, and before every use of a model: live, training runs beside `on_data`.
    """

    __slots__ = ("_readiness", "_status")

    def __init__(self, status: TrainingStatus, readiness: Readiness) -> None:
        self._status = status
        self._readiness = readiness

    def require(self, max_age: timedelta | None = None) -> None:
        """Demand a model, at most `max_age` old where that is given: without one no new risk is taken.

        From now on orders that open or enlarge a position are refused, with the reason, while there is no
        model (none was trained or loaded since the engine process started), while a training in a thread
        is changing it, or when it is older than `max_age`. Orders that reduce a position, cancels and
        `liquidate` pass. In a backtest as live. `/ready` and the status tell the reason too.

        Raises AlgorithmError for a span that is not longer than zero.
        """
        self._readiness.require(None if max_age is None else span_ns(max_age))

    @property
    def problem(self) -> str | None:
        """Why orders that add risk are refused now; None where they are not. See `require`."""
        return self._readiness.problem() or None

    @property
    def model_age(self) -> timedelta | None:
        """How long ago, in the algorithm's time, the model in use was trained or made; None without one."""
        age = self._readiness.age_ns()
        return None if age is None else timedelta(microseconds=age // 1000)

    @property
    def ready(self) -> bool:
        """Whether there is a model, trained or loaded, and no training is changing it."""
        return self._readiness.ready

    @property
    def is_training(self) -> bool:
        """Whether a training function is running now."""
        return self._status.is_training

    @property
    def last_error(self) -> str | None:
        """What the newest failed training said, None after a success."""
        return self._status.last_error
