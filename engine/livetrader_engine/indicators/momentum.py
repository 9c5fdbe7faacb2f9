"""How fast values move. Sources: LEAN Indicators/{Momentum,RateOfChange,RelativeStrengthIndex,…}.cs."""

from __future__ import annotations

import math

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import MovingAverageType, make_average
from livetrader_engine.indicators.base import Indicator, WindowIndicator, indicator
from livetrader_engine.indicators.extremes import Reading

_NO_LOSS = 5e-11  # LEAN rounds the average loss to 10 decimals before it divides by it


@indicator("Identity")
class Identity(Indicator):
    """The value itself."""

    def __init__(self, name: str = "Identity") -> None:
        super().__init__(name)

    def _compute(self, value: float) -> float:
        return value


@indicator("MOM")
class Momentum(WindowIndicator):
    """Value minus the value `period` samples ago."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MOM({period})", period)
        self.warm_up_period = period + 1

    def _compute_window(self, value: float) -> float:
        return value - self.lagged


@indicator("ROC")
class RateOfChange(WindowIndicator):
    """Change over `period` samples as a ratio; 0 where the old value is 0."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ROC({period})", period)
        self.warm_up_period = period + 1

    def _compute_window(self, value: float) -> float:
        old = self.lagged
        return (value - old) / old if old else 0.0


@indicator("ROCP")
class RateOfChangePercent(RateOfChange):
    """Change over `period` samples in percent."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(period, name=name or f"ROCP({period})")

    def _compute_window(self, value: float) -> float:
        return 100 * super()._compute_window(value)


@indicator("MOMP")
class MomentumPercent(RateOfChangePercent):
    """The same as RateOfChangePercent, under LEAN's other name."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(period, name=name or f"MOMP({period})")


@indicator("LOGR")
class LogReturn(WindowIndicator):
    """Natural logarithm of the ratio to the value `period` samples ago; 0 where there is none."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"LOGR({period})", period)

    def _compute_window(self, value: float) -> float:
        old = self.lagged
        return math.log(value / old) if old and value / old > 0 else 0.0


@indicator("RSI")
class RelativeStrengthIndex(Indicator):
    """100 − 100/(1 + average gain/average loss); Wilder's averages by default; 100 without losses."""

    def __init__(
        self, period: int, moving_average_type: int = MovingAverageType.WILDERS, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"RSI({period})")
        self.warm_up_period = period + 1
        self.moving_average_type = moving_average_type
        self.average_gain = make_average(moving_average_type, period)
        self.average_loss = make_average(moving_average_type, period)
        self._before: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether both averages are."""
        return self.average_gain.is_ready and self.average_loss.is_ready

    def _compute(self, value: float) -> float:
        before, self._before = self._before, value
        if before is not None:
            self.average_gain.push(self.time_ns, max(value - before, 0.0))
            self.average_loss.push(self.time_ns, max(before - value, 0.0))
        loss = max(self.average_loss.value, 0.0)
        if loss <= _NO_LOSS:
            return 100.0
        return 100 - 100 / (1 + max(self.average_gain.value, 0.0) / loss)

    def _clear(self) -> None:
        super()._clear()
        self._before = None


@indicator("MACD")
class MovingAverageConvergenceDivergence(Indicator):
    """Fast average minus slow one, with `signal` (its average) and `histogram` (what is between them)."""

    def __init__(
        self, fast_period: int, slow_period: int, signal_period: int,
        moving_average_type: int = MovingAverageType.EXPONENTIAL, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"MACD({fast_period},{slow_period},{signal_period})")
        if fast_period >= slow_period:
            raise AlgorithmError(f"{self.name}: the fast period must be less than the slow one")
        self.warm_up_period = slow_period + signal_period - 1
        self.fast = make_average(moving_average_type, fast_period)
        self.slow = make_average(moving_average_type, slow_period)
        self.signal = make_average(moving_average_type, signal_period)
        self.histogram = Reading(f"{self.name}_Histogram")

    @property
    def is_ready(self) -> bool:
        """Whether the signal is."""
        return self.signal.is_ready

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        fast_ready = self.fast.push(time_ns, value)
        slow_ready = self.slow.push(time_ns, value)
        difference = self.fast.value - self.slow.value
        if fast_ready and slow_ready and self.signal.push(time_ns, difference):
            self.histogram.push(time_ns, difference - self.signal.value)
        return difference


@indicator("CMO")
class ChandeMomentumOscillator(Indicator):
    """100·(gains − losses)/(gains + losses), both smoothed as Wilder does; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"CMO({period})")
        self.warm_up_period = period + 1
        self._period = period
        self._gain = self._loss = self._before = 0.0

    def _compute(self, value: float) -> float:
        if self.samples == 1:
            self._before = value
            return 0.0
        change, self._before = value - self._before, value
        if self.samples > self._period + 1:
            self._gain *= self._period - 1
            self._loss *= self._period - 1
        self._gain += max(change, 0.0)
        self._loss += max(-change, 0.0)
        if not self.is_ready:
            return 0.0
        self._gain /= self._period
        self._loss /= self._period
        total = self._gain + self._loss
        return 100 * (self._gain - self._loss) / total if total else 0.0

    def _clear(self) -> None:
        self._gain = self._loss = self._before = 0.0
