"""Differences of averages and what swings around a middle.

Sources: LEAN Indicators/{AbsolutePriceOscillator,
AwesomeOscillator,DeMarkerIndicator,DerivativeOscillator,DetrendedPriceOscillator,CoppockCurve,KnowSureThing,
ConnorsRelativeStrengthIndex,AugenPriceSpike}.cs.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import (
    ExponentialMovingAverage,
    LinearWeightedMovingAverage,
    MovingAverageType,
    SimpleMovingAverage,
    make_average,
)
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.composition import Delay, chain
from livetrader_engine.indicators.momentum import (
    MovingAverageConvergenceDivergence,
    RateOfChange,
    RateOfChangePercent,
    RelativeStrengthIndex,
)
from livetrader_engine.indicators.volatility import StandardDeviation
from livetrader_engine.indicators.window import RollingWindow

_LEAST_SPIKE_PERIOD = 3


@indicator("APO")
class AbsolutePriceOscillator(MovingAverageConvergenceDivergence):
    """Fast average minus slow one: a MACD whose signal is as long as the slow average."""

    def __init__(
        self, fast_period: int, slow_period: int, moving_average_type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        name = name or f"APO({fast_period},{slow_period})"
        super().__init__(fast_period, slow_period, slow_period, moving_average_type, name=name)


@indicator("AO")
class AwesomeOscillator(Indicator):
    """Fast minus slow average of the bars' middles; 0 until ready."""

    kind = InputKind.BAR

    def __init__(
        self, fast_period: int, slow_period: int, type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"AO({fast_period},{slow_period},{type})")
        self.warm_up_period = max(fast_period, slow_period)
        self.slow_ao = make_average(type, slow_period)
        self.fast_ao = make_average(type, fast_period)

    @property
    def is_ready(self) -> bool:
        """Whether both averages are."""
        return self.slow_ao.is_ready and self.fast_ao.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        middle = (bar.high + bar.low) / 2
        self.slow_ao.push(self.time_ns, middle)
        self.fast_ao.push(self.time_ns, middle)
        return self.fast_ao.value - self.slow_ao.value if self.is_ready else 0.0


@indicator("DEM")
class DeMarkerIndicator(Indicator):
    """Share of the rises of the highs in these and the falls of the lows together; 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, type: int = MovingAverageType.SIMPLE, *, name: str | None = None) -> None:
        super().__init__(name or f"DEM({period},{type})")
        self.warm_up_period = period
        self._rises, self._falls = make_average(type, period), make_average(type, period)
        self._high = self._low = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether both averages are."""
        return self._rises.is_ready and self._falls.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        first = self.samples == 1
        self._rises.push(self.time_ns, 0.0 if first else max(bar.high - self._high, 0.0))
        self._falls.push(self.time_ns, 0.0 if first else max(self._low - bar.low, 0.0))
        self._high, self._low = bar.high, bar.low
        total = self._rises.value + self._falls.value
        return self._rises.value / total if self.is_ready and total > 0 else 0.0

    def _clear(self) -> None:
        super()._clear()
        self._high = self._low = 0.0


@indicator("DO")
class DerivativeOscillator(Indicator):
    """A twice smoothed RSI minus its average; 0 until ready."""

    def __init__(
        self, rsi_period: int, smoothing_rsi_period: int, double_smoothing_rsi_period: int,
        signal_line_period: int, *, name: str | None = None,
    ) -> None:  # fmt: skip
        periods = (rsi_period, smoothing_rsi_period, double_smoothing_rsi_period, signal_line_period)
        super().__init__(name or f"DO({','.join(map(str, periods))})")
        self.warm_up_period = sum(periods) - 2
        self._rsi = RelativeStrengthIndex(rsi_period)
        self._smoothed = chain(ExponentialMovingAverage(smoothing_rsi_period), self._rsi)
        self._double = chain(ExponentialMovingAverage(double_smoothing_rsi_period), self._smoothed)
        self._signal = chain(SimpleMovingAverage(signal_line_period), self._double)

    @property
    def is_ready(self) -> bool:
        """Whether the last average is."""
        return self._signal.is_ready

    def _compute(self, value: float) -> float:
        self._rsi.push(self.time_ns, value)
        return self._double.value - self._signal.value if self.is_ready else 0.0


@indicator("DPO")
class DetrendedPriceOscillator(Indicator):
    """The value of half a period (and one) ago minus the average."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"DPO({period})")
        self.warm_up_period = period
        self._lagged, self._average = Delay(period // 2 + 1), SimpleMovingAverage(period)

    @property
    def is_ready(self) -> bool:
        """Whether delay and average are."""
        return self._average.is_ready and self._lagged.is_ready

    def _compute(self, value: float) -> float:
        self._lagged.push(self.time_ns, value)
        self._average.push(self.time_ns, value)
        return self._lagged.value - self._average.value


@indicator("CC")
class CoppockCurve(Indicator):
    """Weighted average of the sum of two rates of change in percent; 0 until these are ready."""

    def __init__(
        self, short_roc_period: int = 11, long_roc_period: int = 14, lwma_period: int = 10, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"CC({short_roc_period},{long_roc_period},{lwma_period})")
        self._short, self._long = RateOfChangePercent(short_roc_period), RateOfChangePercent(long_roc_period)
        self._average = LinearWeightedMovingAverage(lwma_period)
        self.warm_up_period = max(self._short.warm_up_period, self._long.warm_up_period) + lwma_period - 1

    @property
    def is_ready(self) -> bool:
        """Whether the average is."""
        return self._average.is_ready

    def _compute(self, value: float) -> float:
        self._short.push(self.time_ns, value)
        self._long.push(self.time_ns, value)
        if not (self._short.is_ready and self._long.is_ready):
            return 0.0
        self._average.push(self.time_ns, self._short.value + self._long.value)
        return self._average.value


@indicator(
    "KST",
    defaults={
        "roc1_period": 10, "roc1_ma_period": 10, "roc2_period": 15, "roc2_ma_period": 10, "roc3_period": 20,
        "roc3_ma_period": 10, "roc4_period": 30, "roc4_ma_period": 15, "signal_period": 9,
    },
)  # fmt: skip
class KnowSureThing(Indicator):
    """Weighted sum (1, 2, 3, 4) of four smoothed rates of change; 0 until its `signal_line` is ready."""

    def __init__(  # noqa: PLR0913 — LEAN's parameters
        self, roc1_period: int, roc1_ma_period: int, roc2_period: int, roc2_ma_period: int,
        roc3_period: int, roc3_ma_period: int, roc4_period: int, roc4_ma_period: int, signal_period: int,
        moving_average_type: int = MovingAverageType.SIMPLE, *, name: str | None = None,
    ) -> None:  # fmt: skip
        rates = (roc1_period, roc2_period, roc3_period, roc4_period)
        averages = (roc1_ma_period, roc2_ma_period, roc3_ma_period, roc4_ma_period)
        numbers = [number for pair in zip(rates, averages, strict=True) for number in pair]
        kind = MovingAverageType(int(moving_average_type)).name.title()
        super().__init__(name or f"KST({','.join(map(str, numbers))},{signal_period},{kind})")
        self.warm_up_period = max(rate + average for rate, average in zip(rates, averages, strict=True))
        self.moving_average_type = moving_average_type
        self.roc1, self.roc2, self.roc3, self.roc4 = (RateOfChange(period) for period in rates)
        self.roc1ma, self.roc2ma, self.roc3ma, self.roc4ma = (
            make_average(moving_average_type, period, f"{self.name}_ROC{number}MA")
            for number, period in enumerate(averages, 1)
        )
        self.signal_line = make_average(moving_average_type, signal_period, f"{self.name}_SignalLine")
        self._lines = (
            (self.roc1, self.roc1ma), (self.roc2, self.roc2ma), (self.roc3, self.roc3ma),
            (self.roc4, self.roc4ma),
        )  # fmt: skip

    @property
    def is_ready(self) -> bool:
        """Whether all averages are."""
        return self.signal_line.is_ready and all(average.is_ready for _, average in self._lines)

    def _compute(self, value: float) -> float:
        total = 0.0
        for weight, (rate, average) in enumerate(self._lines, 1):
            rate.push(self.time_ns, value)
            if rate.is_ready:
                average.push(self.time_ns, 100 * rate.value)
            total += weight * average.value
        self.signal_line.push(self.time_ns, total)
        return total if self.signal_line.is_ready else 0.0


@indicator("CRSI")
class ConnorsRelativeStrengthIndex(Indicator):
    """Mean of the RSI, the RSI of the streak of rises or falls, and the rank of the last change; 0 first."""

    def __init__(
        self, rsi_period: int, rsi_period_streak: int, look_back_period: int, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"CRSI({rsi_period},{rsi_period_streak},{look_back_period})")
        self._rsi = RelativeStrengthIndex(rsi_period)
        self._streak_rsi = RelativeStrengthIndex(rsi_period_streak)
        self.warm_up_period = max(look_back_period, self._rsi.warm_up_period, self._streak_rsi.warm_up_period)
        self._ratios: RollingWindow[float] = RollingWindow(look_back_period)
        self._sorted: list[float] = []  # the same ratios in order
        self._streak = 0
        self._before: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether both RSIs are and the look-back is full."""
        return self._rsi.is_ready and self._streak_rsi.is_ready and self._ratios.is_ready

    def _compute(self, value: float) -> float:
        self._rsi.push(self.time_ns, value)
        before = self._before
        if before is not None and value != before:
            rose = value > before
            if self._streak and (self._streak > 0) is not rose:
                self._streak = 0
            self._streak += 1 if rose else -1
        self._streak_rsi.push(self.time_ns, float(self._streak))
        self._before = value
        if not before:
            self._remember(0.0)
            return 0.0
        change = (value - before) / before
        rank = 100 * bisect_left(self._sorted, change) / self._ratios.size if self._ratios.is_ready else 0.0
        self._remember(change)
        return (self._rsi.value + self._streak_rsi.value + rank) / 3 if self.is_ready else 0.0

    def _remember(self, change: float) -> None:
        if self._ratios.is_ready:
            del self._sorted[bisect_left(self._sorted, self._ratios[self._ratios.size - 1])]
        self._ratios.add(change)
        insort(self._sorted, change)

    def _clear(self) -> None:
        super()._clear()
        self._ratios.reset()
        self._sorted.clear()
        self._streak = 0
        self._before = None


@indicator("APS")
class AugenPriceSpike(Indicator):
    """The last change in standard deviations of the changes before it; 0 until ready."""

    def __init__(self, period: int = 3, *, name: str | None = None) -> None:
        super().__init__(name or f"APS({period})")
        if period < _LEAST_SPIKE_PERIOD:
            raise AlgorithmError(f"{self.name}: the period must be {_LEAST_SPIKE_PERIOD} or more")
        self.warm_up_period = period + 2
        self._deviation = StandardDeviation(period)
        self._values: RollingWindow[float] = RollingWindow(3)

    @property
    def is_ready(self) -> bool:
        """Whether the deviation is."""
        return self._values.is_ready and self._deviation.is_ready

    def _compute(self, value: float) -> float:
        self._values.add(value)
        if not self._values.is_ready:
            return 0.0
        before, older = self._values[1], self._values[2]
        self._deviation.push(self.time_ns, math.log(before / older) if before and older else 0.0)
        unit = self._deviation.value * before
        return (value - before) / unit if self._deviation.is_ready and unit else 0.0

    def _clear(self) -> None:
        super()._clear()
        self._values.reset()
