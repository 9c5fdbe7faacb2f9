"""Averages that adapt or lag less. Sources: LEAN Indicators/{MesaAdaptive…,VariableIndex…,McGinley…,T3…}.cs.

Also ZeroLagExponentialMovingAverage.cs and RelativeMovingAverage.cs.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from livetrader_engine.indicators.averages import (
    AVERAGE_MAKERS,
    DoubleExponentialMovingAverage,
    ExponentialMovingAverage,
    MovingAverageType,
    SimpleMovingAverage,
)
from livetrader_engine.indicators.base import (
    BarLike,
    Indicator,
    InputKind,
    WindowIndicator,
    check_period,
    indicator,
)
from livetrader_engine.indicators.composition import Delay
from livetrader_engine.indicators.extremes import Reading
from livetrader_engine.indicators.momentum import ChandeMomentumOscillator


@indicator("T3")
class T3MovingAverage(Indicator):
    """Tillson's average: three double exponential averages, each of the one before."""

    def __init__(self, period: int, volume_factor: float = 0.7, *, name: str | None = None) -> None:
        super().__init__(name or f"T3({period},{volume_factor})")
        self.warm_up_period = 1 + 6 * (period - 1)
        self._first = DoubleExponentialMovingAverage(period, float(volume_factor))
        self._second = DoubleExponentialMovingAverage(period, float(volume_factor))
        self._third = DoubleExponentialMovingAverage(period, float(volume_factor))

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if not self._first.push(time_ns, value):
            return self._first.value
        if not self._second.push(time_ns, self._first.value):
            return self._second.value
        self._third.push(time_ns, self._second.value)
        return self._third.value


@indicator("ZLEMA")
class ZeroLagExponentialMovingAverage(Indicator):
    """Exponential average of the value plus its move over half the period; 0 until that move is known.

    For some even periods LEAN's warm-up period is one longer than it takes; so it is here.
    """

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ZLEMA({period})")
        self.warm_up_period = period + period // 2
        self._average = ExponentialMovingAverage(period)
        self._delayed = Delay(round((period - 1) / 2))  # half to even, as .NET rounds

    @property
    def is_ready(self) -> bool:
        """Whether the average is."""
        return self._delayed.is_ready and self._average.is_ready

    def _compute(self, value: float) -> float:
        if not self._delayed.push(self.time_ns, value):
            return 0.0
        self._average.push(self.time_ns, value + (value - self._delayed.value))
        return self._average.value


@indicator("MGD")
class McGinleyDynamic(WindowIndicator):
    """McGinley's average: moves by the distance over period·(value/average)⁴; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MGD({period})", period)

    def _compute_window(self, value: float) -> float:
        if not self.is_ready:
            return 0.0
        before = self.value
        if self.samples == self.period:
            return math.fsum(self.inputs) / self.period
        if before == 0 or value == 0:
            return before
        square = (value / before) * (value / before)  # ** raises where the product overflows
        denominator = self.period * square * square
        return before + ((value - before) / denominator if denominator else 0.0)


@indicator("VIDYA")
class VariableIndexDynamicAverage(Indicator):
    """Exponential average whose smoothing is scaled by the Chande momentum oscillator; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"VIDYA({period})")
        self.warm_up_period = check_period(self.name, period) + 1
        self._oscillator = ChandeMomentumOscillator(period)
        self._smoothing_factor = 2.0 / (period + 1)
        self._average = 0.0

    def _compute(self, value: float) -> float:
        self._oscillator.push(self.time_ns, value)
        if not self.is_ready:
            self._average = value
            return 0.0
        share = self._smoothing_factor * abs(self._oscillator.value / 100)
        self._average = value * share + self._average * (1 - share)
        return self._average

    def _clear(self) -> None:
        super()._clear()
        self._average = 0.0


@indicator("RMA")
class RelativeMovingAverage(Indicator):
    """Simple averages over 3n − 2n + n samples."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"RMA({period})")
        self.warm_up_period = 3 * check_period(self.name, period)
        self.short_average = SimpleMovingAverage(period, name=f"{self.name}_Short")
        self.medium_average = SimpleMovingAverage(2 * period, name=f"{self.name}_Medium")
        self.long_average = SimpleMovingAverage(3 * period, name=f"{self.name}_Long")

    def _compute(self, value: float) -> float:
        for average in (self.short_average, self.medium_average, self.long_average):
            average.push(self.time_ns, value)
        return self.long_average.value - self.medium_average.value + self.short_average.value


# Ehlers' constants: the coefficients of the Hilbert transform and how its gain follows the period
_NEAR: Final = 0.0962
_FAR: Final = 0.5769
_GAIN_SLOPE: Final = 0.075
_GAIN_OFFSET: Final = 0.54
_SHORTEST_PERIOD: Final = 6.0
_LONGEST_PERIOD: Final = 50.0
_MEMORY: Final = 6  # past values that the transform looks back on
_PRICES: Final = 13  # prices that LEAN gathers before it starts


class _Lags:
    """The newest six values of one stage, zeros before there are any."""

    __slots__ = ("_past",)

    def __init__(self) -> None:
        self._past: deque[float] = deque([0.0] * _MEMORY, maxlen=_MEMORY)

    def transform(self, value: float, gain: float) -> float:
        """Return the Hilbert transform of `value` and the values 2, 4 and 6 steps before it."""
        past = self._past
        return (_NEAR * value + _FAR * past[1] - _FAR * past[3] - _NEAR * past[5]) * gain

    def add(self, value: float) -> None:
        self._past.appendleft(value)

    def three_ago(self) -> float:
        return self._past[2]


@indicator("MAMA")
class MesaAdaptiveMovingAverage(Indicator):
    """Ehlers' MAMA: smoothing follows the rate of change of the measured phase; `fama` follows it."""

    kind = InputKind.BAR
    warm_up_period = 33

    def __init__(self, fast_limit: float = 0.5, slow_limit: float = 0.05, *, name: str | None = None) -> None:
        super().__init__(name or "MAMA")
        self._fast_limit, self._slow_limit = float(fast_limit), float(slow_limit)
        self.fama = Reading(f"{self.name}_Fama")
        self._prices: deque[float] = deque(maxlen=_PRICES)
        self._start()

    def _start(self) -> None:
        self._smooths, self._detrends, self._in_phases, self._quadratures = (_Lags() for _ in range(4))
        self._period = self._phase = self._mama = 0.0
        self._in_phase = self._quadrature = self._real = self._imaginary = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        prices = self._prices
        prices.appendleft((bar.high + bar.low) / 2)
        if len(prices) < _PRICES:
            return 0.0
        alpha = self._alpha((4 * prices[0] + 3 * prices[1] + 2 * prices[2] + prices[3]) / 10)
        self._mama = alpha * prices[0] + (1 - alpha) * self._mama
        self.fama.push(self.time_ns, alpha / 2 * self._mama + (1 - alpha / 2) * self.fama.value)
        return self._mama if self.is_ready else 0.0

    def _alpha(self, smooth: float) -> float:
        gain = _GAIN_SLOPE * self._period + _GAIN_OFFSET
        detrended = self._smooths.transform(smooth, gain)
        quadrature = self._detrends.transform(detrended, gain)
        in_phase = self._detrends.three_ago()
        advanced_in_phase = self._in_phases.transform(in_phase, gain)
        advanced_quadrature = self._quadratures.transform(quadrature, gain)
        self._smooths.add(smooth)
        self._detrends.add(detrended)
        self._in_phases.add(in_phase)
        self._quadratures.add(quadrature)
        self._measure_period(in_phase - advanced_quadrature, quadrature + advanced_in_phase)
        phase = math.degrees(math.atan(quadrature / in_phase)) if in_phase else 0.0
        change, self._phase = self._phase - phase, phase
        return max(self._fast_limit / max(change, 1.0), self._slow_limit)

    def _measure_period(self, in_phase: float, quadrature: float) -> None:
        in_phase = 0.2 * in_phase + 0.8 * self._in_phase
        quadrature = 0.2 * quadrature + 0.8 * self._quadrature
        real = in_phase * self._in_phase + quadrature * self._quadrature
        imaginary = in_phase * self._quadrature - quadrature * self._in_phase
        self._in_phase, self._quadrature = in_phase, quadrature
        self._real = 0.2 * real + 0.8 * self._real
        self._imaginary = 0.2 * imaginary + 0.8 * self._imaginary
        period = 0.0
        if self._imaginary and self._real:
            angle = math.degrees(math.atan(self._imaginary / self._real))
            period = 360 / angle if angle > 0 else 0.0
        period = max(min(period, 1.5 * self._period), 0.67 * self._period)
        period = min(max(period, _SHORTEST_PERIOD), _LONGEST_PERIOD)
        self._period = 0.2 * period + 0.8 * self._period

    def _clear(self) -> None:
        super()._clear()
        self._prices.clear()
        self._start()


AVERAGE_MAKERS[MovingAverageType.T3] = T3MovingAverage
AVERAGE_MAKERS[MovingAverageType.ZLEMA] = ZeroLagExponentialMovingAverage
AVERAGE_MAKERS[MovingAverageType.MGD] = McGinleyDynamic
