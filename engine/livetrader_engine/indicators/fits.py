"""Lines and powers fitted to the newest values.

Sources: LEAN Indicators/{LeastSquaresMovingAverage,
HurstExponent,KaufmanEfficiencyRatio,ArnaudLegouxMovingAverage}.cs.
"""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise
from operator import mul

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import AVERAGE_MAKERS, MovingAverageType
from livetrader_engine.indicators.base import WindowIndicator, indicator
from livetrader_engine.indicators.momentum import Identity

_LEAST_LAG = 2
_DRIFT = 1e-9  # a running sum this small beside the values is taken anew: what is left of it is rounding


@indicator("LSMA")
class LeastSquaresMovingAverage(WindowIndicator):
    """Where the line fitted to the newest `period` values ends; the value itself until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"LSMA({period})", period)
        self.intercept, self.slope = Identity(f"{self.name}_Intercept"), Identity(f"{self.name}_Slope")
        self._middle = (period + 1) / 2
        self._weights = [place - self._middle for place in range(period, 0, -1)]  # newest first
        self._scale = math.fsum(weight * weight for weight in self._weights) or 1.0

    def _compute_window(self, value: float) -> float:
        if not self.inputs.is_ready:
            return value
        slope = math.fsum(map(mul, self._weights, self.inputs)) / self._scale
        intercept = math.fsum(self.inputs) / self.period - slope * self._middle
        self.intercept.push(self.time_ns, intercept)
        self.slope.push(self.time_ns, slope)
        return intercept + slope * self.period


@indicator("ALMA")
class ArnaudLegouxMovingAverage(WindowIndicator):
    """Average with the weights of a bell around `offset` of the window; the value itself until ready."""

    def __init__(self, period: int, sigma: int = 6, offset: float = 0.85, *, name: str | None = None) -> None:
        super().__init__(name or f"ALMA({period},{sigma},{offset})", period)
        if not 0 <= offset <= 1:
            raise AlgorithmError(f"{self.name}: the offset must be from 0 to 1, not {offset}")
        middle = math.floor(
            Decimal(str(offset)) * (period - 1)
        )  # exact: 0.29 * 100 is less than 29 in floats
        width = period / sigma
        bell = [math.exp(-((place - middle) ** 2) / (2 * width * width)) for place in range(period)]
        total = math.fsum(bell)
        self._weights = [weight / total for weight in reversed(bell)]  # newest first

    def _compute_window(self, value: float) -> float:
        return math.fsum(map(mul, self._weights, self.inputs)) if self.inputs.is_ready else value


AVERAGE_MAKERS[MovingAverageType.ALMA] = ArnaudLegouxMovingAverage


@indicator("KER", defaults={"period": 2})
class KaufmanEfficiencyRatio(WindowIndicator):
    """The way made over the path walked in `period` steps; the value itself until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"KER({period})", period + 1)
        self._path = 0.0
        self._oldest = 0.0

    def _compute_window(self, value: float) -> float:
        inputs = self.inputs
        if inputs.count > 1:
            self._path += abs(value - inputs[1])
        if not inputs.is_ready:
            return value
        oldest = inputs[self.period - 1]
        if inputs.samples > self.period:
            self._path -= abs(self._oldest - oldest)
        self._oldest = oldest
        if self._path < _DRIFT * abs(value):
            self._path = math.fsum(abs(newer - older) for newer, older in pairwise(inputs))
        way = value - oldest
        # signed on purpose: LEAN takes 1 when the path is no longer than the (signed) way made
        return 1.0 if self._path <= way or not self._path else abs(way / self._path)

    def _clear(self) -> None:
        super()._clear()
        self._path = self._oldest = 0.0


@indicator("HE")
class HurstExponent(WindowIndicator):
    """Slope of the logarithm of the deviation of changes over that of their lag; 0 until ready."""

    def __init__(self, period: int, max_lag: int = 20, *, name: str | None = None) -> None:
        super().__init__(name or f"HE({period},{max_lag})", period)
        if max_lag <= _LEAST_LAG:
            raise AlgorithmError(f"{self.name}: the largest lag must be more than {_LEAST_LAG}")
        self._lags = [_Lag(lag, max(0, period - lag)) for lag in range(_LEAST_LAG, max_lag + 1)]
        total = math.fsum(lag.log for lag in self._lags)
        self._sum, self._count = total, len(self._lags)
        self._scale = self._count * math.fsum(lag.log * lag.log for lag in self._lags) - total * total

    def _compute_window(self, value: float) -> float:
        inputs = self.inputs
        fresh = inputs.samples % inputs.size == 0  # bounds the drift of the running sums to one window
        values = list(inputs) if fresh else None
        for lag in self._lags:
            if values is not None:
                lag.sum_anew(values)
            elif inputs.samples > inputs.size and lag.count:
                removed = inputs.most_recently_removed
                assert removed is not None
                oldest = inputs[inputs.size - lag.lag]
                lag.slide(inputs[lag.lag] - value, removed - oldest)
        if not inputs.is_ready:
            return 0.0
        deviations = [lag.log_deviation() for lag in self._lags]
        products = math.fsum(
            lag.log * deviation for lag, deviation in zip(self._lags, deviations, strict=True)
        )
        return (self._count * products - self._sum * math.fsum(deviations)) / self._scale


class _Lag:
    """Changes over one lag within the window: their sum and the sum of their squares."""

    __slots__ = ("count", "lag", "log", "moves", "squares", "total")

    def __init__(self, lag: int, count: int) -> None:
        self.lag, self.count, self.log = lag, count, math.log(lag)
        self.total = self.squares = 0.0
        self.moves = 0  # changes that are not zero

    def sum_anew(self, values: list[float]) -> None:
        changes = [older - newer for newer, older in zip(values, values[self.lag :], strict=False)]
        self.total = math.fsum(changes)
        self.squares = math.fsum(change * change for change in changes)
        self.moves = sum(1 for change in changes if change)

    def slide(self, new: float, old: float) -> None:
        self.total += new - old
        self.squares += new * new - old * old
        self.moves += bool(new) - bool(old)

    def log_deviation(self) -> float:
        """Return 0 where nothing moved: LEAN leaves the logarithm of zero out."""
        if not self.moves or not self.count:
            return 0.0
        mean = self.total / self.count
        variance = self.squares / self.count - mean * mean
        return math.log(variance) / 2 if variance > 0 else 0.0
