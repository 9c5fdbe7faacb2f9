"""Moving averages. Sources: LEAN Indicators/{Simple,Exponential,Wilder,…}MovingAverage.cs."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import Indicator, WindowIndicator, check_period, indicator
from livetrader_engine.indicators.window import RollingWindow


class MovingAverageType(IntEnum):
    """Kind of a moving average; values as in LEAN."""

    SIMPLE = 0
    EXPONENTIAL = 1
    WILDERS = 2
    LINEAR_WEIGHTED_MOVING_AVERAGE = 3
    DOUBLE_EXPONENTIAL = 4
    TRIPLE_EXPONENTIAL = 5
    TRIANGULAR = 6
    T3 = 7
    KAMA = 8
    HULL = 9
    ALMA = 10
    ZLEMA = 11
    MGD = 12


class RunningSum:
    """The sum of a window kept up to date in two operations, and summed anew once a window.

    A sum that is only ever added to and subtracted from drifts in float arithmetic; the fresh sum every
    `size` samples bounds the drift to that of one window.
    """

    def __init__(self, window: RollingWindow[float]) -> None:
        self._window = window
        self.total = 0.0

    def add(self, value: float) -> float:
        """Return the sum, the window having just been given `value`."""
        window = self._window
        if window.samples % window.size == 0:
            self.total = math.fsum(window)
        else:
            self.total += value
            if window.samples > window.size:
                removed = window.most_recently_removed
                assert removed is not None
                self.total -= removed
        return self.total


@indicator("SMA")
class SimpleMovingAverage(WindowIndicator):
    """Mean of the newest `period` values, of fewer until it is ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"SMA({period})", period)

        self._running = RunningSum(self.inputs)
        self._sum = Sum(period, name=f"{self.name}_Sum")
        self._sum_is_watched = False

    @property
    def rolling_sum(self) -> Indicator:
        """The sum behind the mean; kept up to date from when it is first asked for."""
        if not self._sum_is_watched:
            self._sum_is_watched = True
            for value in reversed(list(self.inputs)):
                self._sum.push(self.time_ns, value)
        return self._sum

    def _compute_window(self, value: float) -> float:
        if self._sum_is_watched:
            self._sum.push(self.time_ns, value)
        return self._running.add(value) / self.inputs.count

    def _clear(self) -> None:
        super()._clear()
        self._running.total = 0.0


@indicator("SUM")
class Sum(WindowIndicator):
    """Sum of the newest `period` values."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"SUM({period})", period)

        self._running = RunningSum(self.inputs)

    def _compute_window(self, value: float) -> float:
        return self._running.add(value)

    def _clear(self) -> None:
        super()._clear()
        self._running.total = 0.0


@indicator("EMA")
class ExponentialMovingAverage(Indicator):
    """Exponential average; 0 until ready, its first value the mean of the first `period` values."""

    def __init__(
        self, period: int, smoothing_factor: float | None = None, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"EMA({period})")
        self.period = check_period(self.name, period)
        self.warm_up_period = period
        self.smoothing_factor = 2.0 / (1 + period) if smoothing_factor is None else float(smoothing_factor)
        self._total = 0.0

    def _compute(self, value: float) -> float:
        if self.samples <= self.period:
            self._total += value
            return self._total / self.period if self.samples == self.period else 0.0
        return value * self.smoothing_factor + self.value * (1 - self.smoothing_factor)

    def _clear(self) -> None:
        self._total = 0.0


@indicator("WWMA")
class WilderMovingAverage(Indicator):
    """Wilder's average: mean of the first `period` values, then smoothed with 1/period."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"WWMA{period}")
        self.period = check_period(self.name, period)
        self.warm_up_period = period
        self._total = 0.0

    def _compute(self, value: float) -> float:
        # LEAN smooths from the sample that makes it ready, and means the ones before
        if self.samples < self.period:
            self._total += value
            return self._total / self.samples
        return value / self.period + self.value * (1 - 1 / self.period)

    def _clear(self) -> None:
        self._total = 0.0


@indicator("LWMA")
class LinearWeightedMovingAverage(WindowIndicator):
    """Average weighted period, period-1, …, 1 from the newest back; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"LWMA({period})", period)
        self._denominator = period * (period + 1) / 2

    def _compute_window(self, value: float) -> float:
        if not self.inputs.is_ready:
            return 0.0
        weighted = (
            weight * past for weight, past in zip(range(self.period, 0, -1), self.inputs, strict=True)
        )
        return math.fsum(weighted) / self._denominator


@indicator("DEMA")
class DoubleExponentialMovingAverage(Indicator):
    """(v+1)·EMA − v·EMA(EMA) with volume factor v, 1 by default."""

    def __init__(self, period: int, volume_factor: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name or f"DEMA({period})")
        self.warm_up_period = 1 + 2 * (period - 1)
        self.volume_factor = volume_factor
        self._first = ExponentialMovingAverage(period)
        self._second = ExponentialMovingAverage(period)

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if not self._first.push(time_ns, value):
            return self._first.value
        self._second.push(time_ns, self._first.value)
        return (self.volume_factor + 1) * self._first.value - self.volume_factor * self._second.value


@indicator("TEMA")
class TripleExponentialMovingAverage(Indicator):
    """3·EMA − 3·EMA² + EMA³; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"TEMA({period})")
        self.warm_up_period = 3 * (period - 1) + 1
        self._first = ExponentialMovingAverage(period)
        self._second = ExponentialMovingAverage(period)
        self._third = ExponentialMovingAverage(period)

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if self._first.push(time_ns, value) and self._second.push(time_ns, self._first.value):
            self._third.push(time_ns, self._second.value)
        if not self._third.is_ready:
            return 0.0
        return 3 * self._first.value - 3 * self._second.value + self._third.value


@indicator("HMA")
class HullMovingAverage(Indicator):
    """LWMA(√n) of 2·LWMA(n/2) − LWMA(n). Raises AlgorithmError for periods under 2."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"HMA({period})")
        if period < 2:
            raise AlgorithmError(f"{self.name}: the period must be 2 or more, not {period}")
        root = round(math.sqrt(period))
        self.warm_up_period = period + root - 1
        self._fast = LinearWeightedMovingAverage(round(period / 2))  # half to even, as .NET rounds
        self._slow = LinearWeightedMovingAverage(period)
        self._hull = LinearWeightedMovingAverage(root)

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        self._fast.push(time_ns, value)
        self._slow.push(time_ns, value)
        if self._fast.is_ready and self._slow.is_ready:
            self._hull.push(time_ns, 2 * self._fast.value - self._slow.value)
        return self._hull.value


@indicator("TRIMA")
class TriangularMovingAverage(Indicator):
    """SMA of an SMA, each over about half the period."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"TRIMA({period})")
        self.warm_up_period = check_period(self.name, period)
        half = (period + 1) // 2
        self._first = SimpleMovingAverage(half)
        self._second = SimpleMovingAverage(half + 1 if period % 2 == 0 else half)

    def _compute(self, value: float) -> float:
        self._first.push(self.time_ns, value)
        self._second.push(self.time_ns, self._first.value)
        return self._second.value


@indicator("TRIX")
class Trix(Indicator):
    """One-step change, in percent, of a triple exponential smoothing."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"TRIX({period})")
        self.warm_up_period = 3 * (period - 1) + 2
        self._first = ExponentialMovingAverage(period)
        self._second = ExponentialMovingAverage(period)
        self._third = ExponentialMovingAverage(period)
        self._before: float | None = None

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if not (
            self._first.push(time_ns, value)
            and self._second.push(time_ns, self._first.value)
            and self._third.push(time_ns, self._second.value)
        ):
            return 0.0
        before, self._before = self._before, self._third.value
        return 100 * (self._third.value - before) / before if before else 0.0

    def _clear(self) -> None:
        super()._clear()
        self._before = None


@indicator("KAMA")
class KaufmanAdaptiveMovingAverage(WindowIndicator):
    """Kaufman's average: smoothing between a fast and a slow EMA by the efficiency of the move."""

    def __init__(
        self, period: int, fast_ema_period: int = 2, slow_ema_period: int = 30, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"KAMA({period},{fast_ema_period},{slow_ema_period})", period + 1)
        self._slow = 2.0 / (slow_ema_period + 1)
        self._spread = 2.0 / (fast_ema_period + 1) - self._slow

    def _compute_window(self, value: float) -> float:
        if not self.inputs.is_ready:
            return value
        values = list(self.inputs)
        before = values[1] if self.samples == self.period else self.value
        path = math.fsum(abs(newer - older) for newer, older in pairwise(values))
        # signed on purpose: LEAN takes 1 when the path is no longer than the (signed) way made
        way = value - values[-1]
        efficiency = 1.0 if path <= way or path == 0 else abs(way / path)
        smoothing = (efficiency * self._spread + self._slow) ** 2
        return before + (value - before) * smoothing


# how a moving average of each kind is made; families with further kinds add theirs
AVERAGE_MAKERS: Final[dict[MovingAverageType, Callable[..., Indicator]]] = {
    MovingAverageType.SIMPLE: SimpleMovingAverage,
    MovingAverageType.EXPONENTIAL: ExponentialMovingAverage,
    MovingAverageType.WILDERS: WilderMovingAverage,
    MovingAverageType.LINEAR_WEIGHTED_MOVING_AVERAGE: LinearWeightedMovingAverage,
    MovingAverageType.DOUBLE_EXPONENTIAL: DoubleExponentialMovingAverage,
    MovingAverageType.TRIPLE_EXPONENTIAL: TripleExponentialMovingAverage,
    MovingAverageType.TRIANGULAR: TriangularMovingAverage,
    MovingAverageType.KAMA: KaufmanAdaptiveMovingAverage,
    MovingAverageType.HULL: HullMovingAverage,
}


def make_average(kind: int, period: int, name: str | None = None) -> Indicator:
    """Return a moving average of this kind. Raises AlgorithmError for kinds that are not offered."""
    maker = AVERAGE_MAKERS.get(MovingAverageType(int(kind)))
    if maker is None:
        raise AlgorithmError(f"the moving average {MovingAverageType(int(kind)).name} is not offered")
    return maker(period, name=name)
