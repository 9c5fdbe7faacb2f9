"""Indicators made of indicators and of the user's functions, as LEAN's Python API offers them.

Sources: LEAN Indicators/{IndicatorExtensions,FunctionalIndicator,IndicatorResult,CompositeIndicator}.cs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import BarLike, Indicator, InputKind, averages, composition, extremes
from livetrader_engine.indicators.averages import make_average
from livetrader_lean.indicator_points import IndicatorDataPoint
from livetrader_lean.indicators import FACES, IndicatorFace, dress
from livetrader_lean.market import DEFAULT_ZONE
from livetrader_lean.names import TwinEnum, Twins, learn_acronyms
from livetrader_lean.user_indicators import PythonIndicator, indicator_of

learn_acronyms({"sma": "SMA", "ema": "EMA", "max": "MAX", "min": "MIN"})


class IndicatorStatus(TwinEnum):
    """What became of an update."""

    SUCCESS = 0
    INVALID_INPUT = 1
    MATH_ERROR = 2
    VALUE_NOT_READY = 3


class IndicatorResult(NamedTuple):
    """What a composer may return instead of a number; only SUCCESS gives a new value."""

    value: float
    status: Any = IndicatorStatus.SUCCESS


def _number(result: Any) -> float | None:
    if isinstance(result, IndicatorResult):
        return float(result.value) if result.status == IndicatorStatus.SUCCESS else None
    return None if result is None else float(result)


_CompositeFace: Any = FACES[composition.CompositeIndicator]


class CompositeIndicator(_CompositeFace):  # type: ignore[misc]  # the face is made at import
    """What a function makes of two indicators: `CompositeIndicator([name,] left, right, composer)`."""

    def __init__(self, *arguments: Any, name: str | None = None) -> None:
        if arguments and (arguments[0] is None or isinstance(arguments[0], str)):
            name, *rest = arguments
        else:
            rest = list(arguments)
        if len(rest) != 3:
            raise AlgorithmError("CompositeIndicator([name,] left, right, composer)")
        left, right, composer = rest
        first, second = indicator_of(left), indicator_of(right)

        def compose(_left: Indicator, _right: Indicator) -> float | None:
            return _number(composer(left, right))

        super().__init__(first, second, compose, name=name)


class FunctionalIndicator(Indicator, IndicatorFace):
    """An indicator of the user's functions: `FunctionalIndicator[T](name, compute, is_ready[, reset])`.

    T says what `compute` is given: an IndicatorDataPoint (also without T), an IBaseDataBar or a TradeBar.
    """

    zone = DEFAULT_ZONE
    symbol = None
    _event = None
    _consolidators = None
    warm_up_period = 0

    def __init__(
        self,
        name: str,
        compute_next_value: Callable[[Any], Any],
        is_ready: Callable[[Any], Any],
        reset: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(name)
        self._user_compute, self._user_ready, self._user_reset = compute_next_value, is_ready, reset

    def __class_getitem__(cls, item: Any) -> type[FunctionalIndicator]:
        kind = _KINDS.get(getattr(item, "__name__", str(item)), InputKind.DATA)
        return cls if kind is cls.kind else type(cls.__name__, (cls,), {"kind": kind, "__module__": __name__})

    @property
    def is_ready(self) -> bool:
        """What the user's function says."""
        return bool(self._user_ready(self))

    def _compute(self, value: float) -> float:
        point = IndicatorDataPoint(self.symbol, self.time_ns, value)
        point.zone = self.zone
        return float(self._user_compute(point))

    def _compute_bar(self, bar: BarLike) -> float:
        return float(self._user_compute(bar))

    def _clear(self) -> None:
        if self._user_reset is not None:
            self._user_reset()


_KINDS = {
    "IndicatorDataPoint": InputKind.VALUE, "IBaseDataBar": InputKind.BAR, "TradeBar": InputKind.TRADE_BAR,
}  # fmt: skip


def _inherit(made: Indicator, like: Indicator) -> None:
    face = cast("IndicatorFace", like)
    cast("IndicatorFace", made).place(face.zone, face.symbol)


def _dressed(indicator: Indicator, like: Indicator) -> Any:
    made = dress(indicator)
    _inherit(made, like)
    return made


class IndicatorExtensions(Twins):
    """LEAN's extension methods of indicators, called by name: `IndicatorExtensions.of(second, first)`."""

    @staticmethod
    def of(second: Any, first: Any, wait_for_first_to_ready: bool = True) -> Any:
        """Update `second` with the values of `first`; return `second`."""
        source, target = indicator_of(first), indicator_of(second)
        composition.chain(target, source, wait_for_first_to_ready=wait_for_first_to_ready)
        _inherit(target, source)
        return second

    @staticmethod
    def plus(left: Any, right: Any, name: str | None = None) -> Any:
        """Return left + right; either an indicator, the right one also a number."""
        return _arithmetic(composition.plus, left, right, name)

    @staticmethod
    def minus(left: Any, right: Any, name: str | None = None) -> Any:
        """Return left - right; either an indicator, the right one also a number."""
        return _arithmetic(composition.minus, left, right, name)

    @staticmethod
    def times(left: Any, right: Any, name: str | None = None) -> Any:
        """Return left * right; either an indicator, the right one also a number."""
        return _arithmetic(composition.times, left, right, name)

    @staticmethod
    def over(left: Any, right: Any, name: str | None = None) -> Any:
        """Return left / right; either an indicator, the right one also a number."""
        return _arithmetic(composition.over, left, right, name)

    @staticmethod
    def weighted_by(value: Any, weight: Any, period: int) -> Any:
        """Return the mean of the newest `period` values weighted by another indicator's."""
        first = indicator_of(value)
        return _dressed(composition.weighted_by(first, indicator_of(weight), period), first)

    @staticmethod
    def sma(left: Any, period: int, wait_for_first_to_ready: bool = True) -> Any:
        """Return the simple moving average of an indicator."""
        return _chained("SMA", averages.SimpleMovingAverage, left, period, wait_for_first_to_ready)

    @staticmethod
    def max(left: Any, period: int, wait_for_first_to_ready: bool = True) -> Any:
        """Return the maximum of an indicator."""
        return _chained("MAX", extremes.Maximum, left, period, wait_for_first_to_ready)

    @staticmethod
    def min(left: Any, period: int, wait_for_first_to_ready: bool = True) -> Any:
        """Return the minimum of an indicator."""
        return _chained("MIN", extremes.Minimum, left, period, wait_for_first_to_ready)

    @staticmethod
    def ema(
        left: Any, period: int, smoothing_factor: float | None = None, wait_for_first_to_ready: bool = True
    ) -> Any:
        """Return the exponential moving average of an indicator."""
        if isinstance(smoothing_factor, bool):  # given in its place
            smoothing_factor, wait_for_first_to_ready = None, smoothing_factor

        def make(period: int, *, name: str) -> Indicator:
            return averages.ExponentialMovingAverage(period, smoothing_factor, name=name)

        return _chained("EMA", make, left, period, wait_for_first_to_ready)

    @staticmethod
    def update(indicator: Any, *arguments: Any) -> bool:
        """Update an indicator with a point, or with a time and a value."""
        return bool(indicator.update(*arguments))


def _arithmetic(
    make: Callable[[Indicator, Indicator | float, str | None], Indicator],
    left: Any,
    right: Any,
    name: str | None,
) -> Any:
    first = indicator_of(left)
    constant = isinstance(right, int | float)
    return _dressed(make(first, float(right) if constant else indicator_of(right), name), first)


def _chained(helper: str, make: Callable[..., Indicator], left: Any, period: int, waits: bool) -> Any:
    source = indicator_of(left)
    made = make(period, name=f"{helper}{period}_Of_{source.name}")
    composition.chain(made, source, wait_for_first_to_ready=waits)
    return _dressed(made, source)


class MovingAverageTypeExtensions(Twins):
    """Makes moving averages by their kind."""

    @staticmethod
    def as_indicator(moving_average_type: int, *arguments: Any) -> Any:
        """Return a moving average: `as_indicator(kind, [name,] period)`."""
        name = str(arguments[0]) if len(arguments) == 2 else None
        return dress(make_average(moving_average_type, int(arguments[-1]), name))


def _subscriptable(name: str, face: type[Indicator]) -> type[Indicator]:
    return type(
        name, (face,), {"__class_getitem__": classmethod(lambda cls, item: cls), "__module__": __name__}
    )


ConstantIndicator = _subscriptable("ConstantIndicator", FACES[composition.ConstantIndicator])

# what `from AlgorithmImports import *` gives beside the registered indicators; some stand in for those
COMPOSITION = {
    "CompositeIndicator": CompositeIndicator, "ConstantIndicator": ConstantIndicator,
    "FunctionalIndicator": FunctionalIndicator, "IndicatorExtensions": IndicatorExtensions,
    "IndicatorResult": IndicatorResult, "IndicatorStatus": IndicatorStatus, "IndicatorBase": IndicatorFace,
    "Indicator": IndicatorFace, "IIndicator": IndicatorFace,
    "MovingAverageTypeExtensions": MovingAverageTypeExtensions, "PythonIndicator": PythonIndicator,
}  # fmt: skip
