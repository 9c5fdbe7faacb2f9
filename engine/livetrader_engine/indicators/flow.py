"""Money that flows with volume.

Sources: LEAN Indicators/{AccumulationDistributionOscillator,ChaikinMoneyFlow,ChaikinOscillator,
EaseOfMovementValue,ForceIndex,KlingerVolumeOscillator}.cs.
"""

from __future__ import annotations

from livetrader_engine.indicators.averages import (
    ExponentialMovingAverage,
    MovingAverageType,
    SimpleMovingAverage,
    Sum,
    make_average,
)
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.volume import AccumulationDistribution, volume_of_bar

_LEAST_MOVEMENT = 1e-8  # by which LEAN divides at least in Klinger's volume force


@indicator("ADOSC")
class AccumulationDistributionOscillator(Indicator):
    """Fast minus slow exponential average of accumulation/distribution; 0 until ready."""

    kind = InputKind.TRADE_BAR

    def __init__(self, fast_period: int, slow_period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ADOSC({fast_period},{slow_period})")
        self.warm_up_period = max(fast_period, slow_period)
        self._line = AccumulationDistribution(name=f"{self.name}_AD")
        self._fast = ExponentialMovingAverage(fast_period, name=f"{self.name}_Fast")
        self._slow = ExponentialMovingAverage(slow_period, name=f"{self.name}_Slow")

    def _compute_bar(self, bar: BarLike) -> float:
        self._line.push_bar(bar)
        self._fast.push(self.time_ns, self._line.value)
        self._slow.push(self.time_ns, self._line.value)
        return self._fast.value - self._slow.value if self.is_ready else 0.0


@indicator("CO")
class ChaikinOscillator(AccumulationDistributionOscillator):
    """The same as AccumulationDistributionOscillator, under Chaikin's name."""

    def __init__(self, fast_period: int, slow_period: int, *, name: str | None = None) -> None:
        super().__init__(
            fast_period, slow_period, name=name or f"ChaikinOscillator({fast_period},{slow_period})"
        )


@indicator("CMF")
class ChaikinMoneyFlow(Indicator):
    """Volume weighed with where in its range each bar closed, over the volume; 0 until ready."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"CMF({period})")
        self.warm_up_period = period
        self._flow, self._volume = Sum(period), Sum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        span, volume = bar.high - bar.low, volume_of_bar(bar)
        self._flow.push(
            self.time_ns, volume * (2 * bar.close - bar.low - bar.high) / span if span > 0 else 0.0
        )
        self._volume.push(self.time_ns, volume)
        return self._flow.value / self._volume.value if self.is_ready and self._volume.value else 0.0


@indicator("EMV")
class EaseOfMovementValue(Indicator):
    """Average of how far the middle of the bars moved for the volume (in `scale` shares) it took."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int = 1, scale: int = 10000, *, name: str | None = None) -> None:
        super().__init__(name or f"EMV({period}, {scale})")
        self.warm_up_period = period
        self._average = SimpleMovingAverage(period)
        self._scale = scale
        self._high = self._low = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        if self._high == 0 and self._low == 0:
            self._high, self._low = bar.high, bar.low
        volume, span = volume_of_bar(bar), bar.high - bar.low
        ease = 0.0
        if volume and span:
            move = (bar.high + bar.low) / 2 - (self._high + self._low) / 2
            ease = move / (volume / self._scale / span)
            self._high, self._low = bar.high, bar.low
        self._average.push(self.time_ns, ease)
        return self._average.value

    def _clear(self) -> None:
        super()._clear()
        self._high = self._low = 0.0


@indicator("FI")
class ForceIndex(Indicator):
    """Average of change times volume; 0 at the first bar."""

    kind = InputKind.TRADE_BAR

    def __init__(
        self, period: int, moving_average_type: int = MovingAverageType.EXPONENTIAL, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"FI({period})")
        self.warm_up_period = period + 1
        self._average = make_average(moving_average_type, period)
        self._before: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the average is."""
        return self._average.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._before = self._before, bar.close
        if before is None:
            return 0.0
        self._average.push(self.time_ns, (bar.close - before) * volume_of_bar(bar))
        return self._average.value

    def _clear(self) -> None:
        super()._clear()
        self._before = None


@indicator("KVO")
class KlingerVolumeOscillator(Indicator):
    """Fast minus slow average of the volume force, with `signal`, its average; 0 until there are both."""

    kind = InputKind.TRADE_BAR

    def __init__(
        self, fast_period: int, slow_period: int, signal_period: int = 13, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"KVO({fast_period},{slow_period},{signal_period})")
        self.warm_up_period = max(fast_period, slow_period, signal_period) + 2
        self._fast = ExponentialMovingAverage(fast_period)
        self._slow = ExponentialMovingAverage(slow_period)
        self.signal = ExponentialMovingAverage(signal_period, name=f"{self.name}_Signal")
        self._sum: float | None = None
        self._span = self._movement = 0.0
        self._trend = 0

    @property
    def is_ready(self) -> bool:
        """Whether all averages are."""
        return self._fast.is_ready and self._slow.is_ready and self.signal.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        span_before, self._span = self._span, bar.high - bar.low
        sum_before, self._sum = self._sum, bar.high + bar.low + bar.close
        if sum_before is None:
            return 0.0
        trend_before, self._trend = self._trend, 1 if self._sum > sum_before else -1
        if not trend_before:
            return 0.0
        if not self._movement or self._trend != trend_before:
            self._movement = self._span + span_before
        else:
            self._movement += self._span
        part = self._span / (self._movement if abs(self._movement) >= _LEAST_MOVEMENT else _LEAST_MOVEMENT)
        force = volume_of_bar(bar) * abs(2 * (part - 1)) * self._trend * 100
        fast_ready = self._fast.push(self.time_ns, force)
        slow_ready = self._slow.push(self.time_ns, force)
        line = self._fast.value - self._slow.value if fast_ready and slow_ready else 0.0
        self.signal.push(self.time_ns, line)
        return line

    def _clear(self) -> None:
        super()._clear()
        self._sum = None
        self._span = self._movement = 0.0
        self._trend = 0
