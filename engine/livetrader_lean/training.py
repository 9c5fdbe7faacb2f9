"""`self.training` as an algorithm sees it, and what `train` makes of its arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.ports import TrainingStatus
from livetrader_engine.readiness import Readiness
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_engine.training import TrainingJob, TrainingWork, work_of
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

    @property
    def jobs(self) -> Sequence[TrainingJob]:
        """The newest trainings of this run, oldest first, each with number, name, state and progress."""
        return self._status.jobs

    @property
    def cancelled(self) -> bool:
        """Whether the training function that asks has been told to stop; a long loop should return then."""
        return self._status.cancelled

    @property
    def device(self) -> str:
        """Where the training function that asks should put its model: 'cuda' with `gpu=True`, or 'cpu'."""
        return self._status.device

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the training function that calls is, 0 to 1; shown to the operator.

        In a process of its own there is no algorithm: use `livetrader.training.progress` there.
        """
        self._status.progress(fraction, text)


def wanted_work(function: Any, named: dict[str, Any]) -> TrainingWork:
    """Return what `train(function, **named)` wants; takes out of `named` what it understands.

    Raises AlgorithmError for what cannot be meant, and for a function that could never reach a process.
    """
    if not callable(function):
        raise AlgorithmError(f"train needs a function, not {function!r}")
    process = bool(named.pop("process", False))
    if process:
        _refuse_unreachable(function)
    arguments = named.pop("arguments", ())
    name = named.pop("name", None)
    return TrainingWork(
        name=work_of(_inner(function)).name if name is None else str(name),
        function=function,
        arguments=arguments if isinstance(arguments, tuple) else (arguments,),
        process=process,
        gpu=bool(named.pop("gpu", False)),
        deadline_s=_seconds(named.pop("deadline", None)),
        prepare=_optional("prepare", named),
        then=_optional("then", named),
    )


def _optional(keyword: str, named: dict[str, Any]) -> Callable[..., object] | None:
    function: Callable[..., object] | None = named.pop(keyword, None)
    if function is not None and not callable(function):
        raise AlgorithmError(f"{keyword} of train is a function, not {function!r}")
    return function


def _seconds(deadline: Any) -> float | None:
    """Return the seconds of a deadline given as a timedelta or in minutes."""
    if deadline is None:
        return None
    if isinstance(deadline, timedelta):
        return span_ns(deadline) / NS_PER_SECOND
    if isinstance(deadline, int | float):
        return float(deadline) * 60.0
    raise AlgorithmError(f"the deadline of train is a timedelta or a number of minutes, not {deadline!r}")


def _inner(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _refuse_unreachable(function: Any) -> None:
    """Raise AlgorithmError, with the remedy, for a function that no other process can find."""
    inner = _inner(function)
    label = getattr(inner, "__qualname__", repr(inner))
    if inspect.ismethod(inner):
        reason = "is a method, and its object would have to go along"
    elif "<" in label:
        reason = "is a lambda or stands inside another function"
    else:
        return
    raise AlgorithmError(
        f"train(..., process=True): {label} {reason}; write it at the top level of the file, give it what it "
        "needs with prepare=, and take its result over with then="
    )
