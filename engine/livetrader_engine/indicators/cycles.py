"""Oscillators made of averages. Sources: LEAN Indicators/{PremierStochastic…,StochasticRelativeStrength…}.cs.

Also RelativeVigorIndex{,Signal}.cs, SchaffTrendCycle.cs, TrueStrengthIndex.cs, UltimateOscillator.cs,
WaveTrendOscillator.cs and PercentagePriceOscillator.cs.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import (
    ExponentialMovingAverage,
    MovingAverageType,
    SimpleMovingAverage,
    Sum,
    make_average,
)
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.extremes import Maximum, Minimum, Stochastic
from livetrader_engine.indicators.momentum import (
    MovingAverageConvergenceDivergence,
    RelativeStrengthIndex,
)
from livetrader_engine.indicators.volatility import TrueRange

_WAVE_CONSTANT: Final = 0.015  # Lambert's, as in the commodity channel index
_STC_SMOOTHING: Final = 3  # samples over which the Schaff cycle smooths both of its stochastics
_NEUTRAL: Final = 50.0  # what the ultimate oscillator says until it is ready


@indicator("PPO")
class PercentagePriceOscillator(MovingAverageConvergenceDivergence):
    """Fast average minus slow one in percent of the slow one; a MACD whose signal period is the slow one."""

    def __init__(
        self, fast_period: int, slow_period: int, moving_average_type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            fast_period, slow_period, slow_period, moving_average_type,
            name=name or f"PPO({fast_period},{slow_period})",
        )  # fmt: skip

    def _compute(self, value: float) -> float:
        difference = super()._compute(value)
        return 100 * difference / self.slow.value if self.slow.value else 0.0


@indicator("PSO")
class PremierStochasticOscillator(Indicator):
    """Fast stochastic, averaged twice and squeezed into (-1, 1); 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, ema_period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"PSO({period},{ema_period})")
        self.warm_up_period = period + 2 * (ema_period - 1)
        self._stochastic = Stochastic(period, name=self.name)
        self._first = ExponentialMovingAverage(ema_period)
        self._second = ExponentialMovingAverage(ema_period)

    @property
    def is_ready(self) -> bool:
        """Whether the second average is."""
        return self._second.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        self._stochastic.push_bar(bar)
        fast = self._stochastic.fast_stoch
        if not fast.is_ready or not self._first.push(self.time_ns, 0.1 * (fast.value - 50)):
            return 0.0
        if not self._second.push(self.time_ns, self._first.value):
            return 0.0
        growth = math.exp(self._second.value)
        return (growth - 1) / (growth + 1)


@indicator("SRSI")
class StochasticRelativeStrengthIndex(Indicator):
    """Where the RSI lies in its range: `k` and its average `d`. Its own value is the input."""

    def __init__(
        self, rsi_period: int, stoch_period: int, k_smoothing_period: int, d_smoothing_period: int,
        moving_average_type: int = MovingAverageType.SIMPLE, *, name: str | None = None,
    ) -> None:  # fmt: skip
        periods = f"{rsi_period},{stoch_period},{k_smoothing_period},{d_smoothing_period}"
        super().__init__(name or f"SRSI({periods})")
        self.warm_up_period = rsi_period + stoch_period + max(k_smoothing_period, d_smoothing_period)
        self._rsi = RelativeStrengthIndex(rsi_period)
        self._highest, self._lowest = Maximum(stoch_period), Minimum(stoch_period)
        self.k = make_average(moving_average_type, k_smoothing_period, f"{self.name}_K")
        self.d = make_average(moving_average_type, d_smoothing_period, f"{self.name}_D")

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        self._rsi.push(time_ns, value)
        strength = self._rsi.value
        self._lowest.push(time_ns, strength)
        if not self._highest.push(time_ns, strength):
            return 0.0
        span = self._highest.value - self._lowest.value
        self.k.push(time_ns, 100 * (strength - self._lowest.value) / span if span else 100.0)
        self.d.push(time_ns, self.k.value)
        return value


@indicator()
class RelativeVigorIndexSignal(Indicator):
    """Mean of four vigor values with weights 1, 2, 2, 1; 0 for the first three."""

    warm_up_period = 3

    def __init__(self, *, name: str = "RVI_S") -> None:
        super().__init__(name)
        self._past: deque[float] = deque(maxlen=3)

    def _compute(self, value: float) -> float:
        past, smoothed = self._past, 0.0
        if len(past) == 3:
            smoothed = (value + 2 * (past[0] + past[1]) + past[2]) / 6
        past.appendleft(value)
        return smoothed

    def _clear(self) -> None:
        self._past.clear()


@indicator("RVI", aliases={"moving_average_type": "type"})
class RelativeVigorIndex(Indicator):
    """Averaged body over averaged range of the bars, with `signal`; 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, type: int = MovingAverageType.SIMPLE, *, name: str | None = None) -> None:
        super().__init__(name or f"RVI({period})")
        self.warm_up_period = period + 3
        self._bodies, self._ranges = make_average(type, period), make_average(type, period)
        self.signal = RelativeVigorIndexSignal(name=f"{self.name}_S")
        self._past: deque[tuple[float, float]] = deque(maxlen=3)  # (body, range) of the bars before

    @property
    def is_ready(self) -> bool:
        """Whether both averages are."""
        return self._bodies.is_ready and self._ranges.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        past, time_ns = self._past, self.time_ns
        body, span = bar.close - bar.open, bar.high - bar.low
        vigor = 0.0
        if len(past) == 3:
            self._bodies.push(time_ns, (body + 2 * (past[0][0] + past[1][0]) + past[2][0]) / 6)
            self._ranges.push(time_ns, (span + 2 * (past[0][1] + past[1][1]) + past[2][1]) / 6)
            if self.is_ready:
                vigor = self._bodies.value / self._ranges.value if self._ranges.value else 0.0
                self.signal.push(time_ns, vigor)
        past.appendleft((body, span))
        return vigor

    def _clear(self) -> None:
        super()._clear()
        self._past.clear()


@indicator("STC", aliases={"moving_average_type": "type"})
class SchaffTrendCycle(Indicator):
    """Stochastic of the smoothed stochastic of a MACD, smoothed."""

    def __init__(
        self, cycle_period: int = 10, fast_period: int = 23, slow_period: int = 50,
        type: int = MovingAverageType.EXPONENTIAL, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"SchaffTrendCycle({cycle_period},{fast_period},{slow_period})")
        self._macd = MovingAverageConvergenceDivergence(fast_period, slow_period, cycle_period, type)
        self.warm_up_period = self._macd.warm_up_period
        self._highest, self._lowest = Maximum(cycle_period), Minimum(cycle_period)
        self._smoothed, self._result = make_average(type, _STC_SMOOTHING), make_average(type, _STC_SMOOTHING)
        self._highest_smoothed, self._lowest_smoothed = Maximum(cycle_period), Minimum(cycle_period)

    @property
    def is_ready(self) -> bool:
        """Whether the MACD is."""
        return self._macd.is_ready

    def _compute(self, value: float) -> float:
        self._macd.push(self.time_ns, value)
        first = self._place(self._macd.value, self._highest, self._lowest)
        self._smoothed.push(self.time_ns, first)
        second = self._place(self._smoothed.value, self._highest_smoothed, self._lowest_smoothed)
        self._result.push(self.time_ns, second)
        return self._result.value

    def _place(self, value: float, highest: Maximum, lowest: Minimum) -> float:
        highest.push(self.time_ns, value)
        lowest.push(self.time_ns, value)
        span = highest.value - lowest.value
        return 100 * (value - lowest.value) / span if span > 0 else 0.0


@indicator("TSI")
class TrueStrengthIndex(Indicator):
    """Twice averaged change over the twice averaged size of the change, in percent; `signal` averages it."""

    def __init__(
        self, long_term_period: int = 25, short_term_period: int = 13, signal_period: int = 7,
        signal_type: int = MovingAverageType.EXPONENTIAL, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"TSI({long_term_period},{short_term_period},{signal_period})")
        self.warm_up_period = long_term_period + short_term_period
        self.signal = make_average(signal_type, signal_period, f"{self.name}_Signal")
        self._change, self._size = (ExponentialMovingAverage(long_term_period) for _ in range(2))
        self._change_again, self._size_again = (ExponentialMovingAverage(short_term_period) for _ in range(2))
        self._before: float | None = None
        self._strength = 0.0

    def _compute(self, value: float) -> float:
        before, self._before = self._before, value
        if before is None:
            return 0.0
        time_ns, change = self.time_ns, value - before
        self._size.push(time_ns, abs(change))
        if self._change.push(time_ns, change):
            self._size_again.push(time_ns, self._size.value)
            ready = self._change_again.push(time_ns, self._change.value)
            if self._size_again.value:
                self._strength = 100 * self._change_again.value / self._size_again.value
                if ready:
                    self.signal.push(time_ns, self._strength)
        return self._strength

    def _clear(self) -> None:
        super()._clear()
        self._before = None
        self._strength = 0.0


@indicator("ULTOSC")
class UltimateOscillator(Indicator):
    """Buying pressure over true range for three periods, the shortest weighing most; 50 until ready."""

    kind = InputKind.BAR

    def __init__(self, period1: int, period2: int, period3: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ULTOSC({period1},{period2},{period3})")
        self.warm_up_period = max(period1, period2, period3) + 1
        self._true_range = TrueRange()
        self._pressures = tuple(Sum(period) for period in (period1, period2, period3))
        self._ranges = tuple(Sum(period) for period in (period1, period2, period3))
        self._close = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        self._true_range.push_bar(bar)
        close, self._close = self._close, bar.close
        if self.samples == 1:
            return _NEUTRAL
        pressure, span = bar.close - min(bar.low, close), self._true_range.value
        for total in self._pressures:
            total.push(self.time_ns, pressure)
        for total in self._ranges:
            total.push(self.time_ns, span)
        if not self.is_ready:
            return _NEUTRAL
        if not all(total.value for total in self._ranges):
            return self.value
        fast, middle, slow = (p.value / r.value for p, r in zip(self._pressures, self._ranges, strict=True))
        return 100 * (4 * fast + 2 * middle + slow) / 7

    def _clear(self) -> None:
        super()._clear()
        self._close = 0.0
        for total in (*self._pressures, *self._ranges):
            total.reset()


@indicator("WTO")
class WaveTrendOscillator(Indicator):
    """Averaged distance of the typical price from its average in mean deviations; `signal` averages it."""

    kind = InputKind.BAR

    def __init__(
        self, channel_period: int, average_period: int, signal_period: int, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"WTO({channel_period},{average_period},{signal_period})")
        if min(channel_period, average_period, signal_period) < 1:
            raise AlgorithmError(f"{self.name}: all periods must be 1 or more")
        self.warm_up_period = 2 * channel_period + average_period + signal_period - 3
        self.channel_average = ExponentialMovingAverage(channel_period, name=f"{self.name}_ChannelAverage")
        self.channel_deviation = ExponentialMovingAverage(
            channel_period, name=f"{self.name}_ChannelDeviation"
        )
        self.channel_index_average = ExponentialMovingAverage(
            average_period, name=f"{self.name}_ChannelIndexAverage"
        )
        self.signal = SimpleMovingAverage(signal_period, name=f"{self.name}_Signal")

    @property
    def is_ready(self) -> bool:
        """Whether the signal is."""
        return self.signal.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns, typical = self.time_ns, (bar.high + bar.low + bar.close) / 3
        if not self.channel_average.push(time_ns, typical):
            return 0.0
        distance = typical - self.channel_average.value
        if not self.channel_deviation.push(time_ns, abs(distance)):
            return 0.0
        unit = _WAVE_CONSTANT * self.channel_deviation.value
        if not unit:
            return self.value
        if self.channel_index_average.push(time_ns, distance / unit):
            self.signal.push(time_ns, self.channel_index_average.value)
        return self.channel_index_average.value
