"""Transforms of prices.

Sources: LEAN Indicators/{FractalAdaptiveMovingAverage,FisherTransform,HilbertTransform}.cs.
"""

from __future__ import annotations

import math

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.composition import Delay
from livetrader_engine.indicators.extremes import Maximum, Minimum, Reading
from livetrader_engine.indicators.window import RollingWindow

_FISHER_WEIGHT = 0.33  # of the new price in Fisher's smoothing
_FISHER_LIMIT = 0.999  # beyond which the transform grows without bound
_LEAST_ALPHA = 0.01  # of the fractal average


@indicator("FRAMA", aliases={"period": "n"})
class FractalAdaptiveMovingAverage(Indicator):
    """Average that smooths more the more the range of `n` bars is filled; the bar's middle until full."""

    kind = InputKind.BAR

    def __init__(self, n: int, long_period: int = 198, *, name: str | None = None) -> None:
        super().__init__(name or f"FRAMA({n},{long_period})")
        if n % 2 or n < 2:
            raise AlgorithmError(f"{self.name}: n must be even, not {n}")
        self.warm_up_period = n
        self._half = n // 2
        self._weight = math.log(2 / (1 + long_period))
        self._high, self._low = Maximum(self._half), Minimum(self._half)
        # the same extremes of half a window ago: those of the older half
        self._old_high, self._old_low = Delay(self._half), Delay(self._half)

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns, price = self.time_ns, (bar.high + bar.low) / 2
        self._high.push(time_ns, bar.high)
        self._low.push(time_ns, bar.low)
        self._old_high.push(time_ns, self._high.value)
        self._old_low.push(time_ns, self._low.value)
        if self.samples <= self.warm_up_period:
            return price
        high, low, old_high, old_low = (
            self._high.value, self._low.value, self._old_high.value, self._old_low.value,
        )  # fmt: skip
        halves = (high - low + old_high - old_low) / self._half
        whole = (max(high, old_high) - min(low, old_low)) / self.warm_up_period
        dimension = math.log(halves / whole) / math.log(2) if halves > 0 and whole > 0 else 0.0
        alpha = min(max(math.exp(self._weight * (dimension - 1)), _LEAST_ALPHA), 1.0)
        return alpha * price + (1 - alpha) * self.value


@indicator("FISH")
class FisherTransform(Indicator):
    """Fisher's transform of where in their range the bars' middles lie; 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"FISH({period})")
        self.warm_up_period = period
        self._high, self._low = Maximum(period), Minimum(period)
        self._place = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        price = (bar.low + bar.high) / 2
        self._low.push(self.time_ns, price)
        self._high.push(self.time_ns, price)
        if not self.is_ready:
            return 0.0
        low, span = self._low.value, self._high.value - self._low.value
        if not span:
            self._place = 0.0
            return self.value / 2
        place = 2 * _FISHER_WEIGHT * ((price - low) / span - 0.5) + (1 - _FISHER_WEIGHT) * self._place
        self._place = place
        bounded = min(max(place, -_FISHER_LIMIT), _FISHER_LIMIT)
        return 0.5 * math.log((1 + bounded) / (1 - bounded)) + self.value / 2

    def _clear(self) -> None:
        super()._clear()
        self._place = 0.0


@indicator("HT")
class HilbertTransform(Indicator):
    """Components `in_phase` and `quadrature` of the detrended value; its own value is the input."""

    def __init__(
        self, length: int = 7, in_phase_multiplication_factor: float = 0.635,
        quadrature_multiplication_factor: float = 0.338, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            name or f"Hilbert({length}, {in_phase_multiplication_factor}, {quadrature_multiplication_factor})"
        )
        self.warm_up_period = length + 2
        self._in_phase_factor = float(in_phase_multiplication_factor)
        self._quadrature_factor = float(quadrature_multiplication_factor)
        self.in_phase, self.quadrature = Reading(f"{self.name}_inPhase"), Reading(f"{self.name}_quad")
        self.in_phase.warm_up_period, self.quadrature.warm_up_period = length + 3, length + 1
        self._lagged = Delay(length)
        # newest first; they hold only what was seen once their source was ready
        self._trendless: RollingWindow[float] = RollingWindow(4)
        self._in_phases: RollingWindow[float] = RollingWindow(3)
        self._quadratures: RollingWindow[float] = RollingWindow(2)

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if self._lagged.push(time_ns, value):
            self._trendless.add(value - self._lagged.value)
        in_phase = quadrature = 0.0
        past = self._trendless
        second = past[1] if past.count > 1 else 0.0
        if self.samples >= self.in_phase.warm_up_period:
            fourth = past[3] if past.is_ready else 0.0
            third = self._in_phases[2] if self._in_phases.is_ready else 0.0
            factor = self._in_phase_factor
            in_phase = 1.25 * (fourth - second * factor) + third * factor
            self._in_phases.add(in_phase)
        if self.samples >= self.quadrature.warm_up_period:
            before = self._quadratures[1] if self._quadratures.is_ready else 0.0
            quadrature = second - past[0] * self._quadrature_factor + before * self._quadrature_factor
            self._quadratures.add(quadrature)
        self.in_phase.push(time_ns, in_phase)
        self.quadrature.push(time_ns, quadrature)
        return value

    def _clear(self) -> None:
        super()._clear()
        for window in (self._trendless, self._in_phases, self._quadratures):
            window.reset()
