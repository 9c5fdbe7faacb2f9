"""Direction and strength of a trend. Sources: LEAN Indicators/{AverageDirectionalIndex,…}.cs."""

from __future__ import annotations

from livetrader_engine.indicators.averages import MovingAverageType, WilderMovingAverage, make_average
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.extremes import Reading
from livetrader_engine.indicators.volatility import MeanAbsoluteDeviation

_CCI_CONSTANT = 0.015  # Lambert's: makes most values fall between -100 and 100


@indicator("CCI")
class CommodityChannelIndex(Indicator):
    """Distance of the typical price from its average in units of 0.015 mean deviations."""

    kind = InputKind.BAR

    def __init__(
        self, period: int, moving_average_type: int = MovingAverageType.SIMPLE, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"CCI({period})")
        self.moving_average_type = moving_average_type
        self.warm_up_period = period
        self.typical_price_average = make_average(moving_average_type, period)
        self.typical_price_mean_deviation = MeanAbsoluteDeviation(period)

    def _compute_bar(self, bar: BarLike) -> float:
        typical = (bar.high + bar.low + bar.close) / 3
        self.typical_price_average.push(self.time_ns, typical)
        self.typical_price_mean_deviation.push(self.time_ns, typical)
        unit = _CCI_CONSTANT * self.typical_price_mean_deviation.value
        return (typical - self.typical_price_average.value) / unit if unit else 0.0


@indicator("ADX")
class AverageDirectionalIndex(Indicator):
    """Wilder's directional index, averaged; 50 while neither direction has moved."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ADX({period})")
        self.warm_up_period = period * 2
        self._period = period
        self.positive_directional_index = Reading(f"{self.name}_PositiveDirectionalIndex")
        self.negative_directional_index = Reading(f"{self.name}_NegativeDirectionalIndex")
        for line in (self.positive_directional_index, self.negative_directional_index):
            line.warm_up_period = period + 1
        self._average = WilderMovingAverage(period)
        self._before: BarLike | None = None
        self._range = self._plus = self._minus = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether the average is."""
        return self._average.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._before = self._before, bar
        if before is not None:
            self._smooth(bar, before)
        seen = self.samples > self._period and self._range != 0
        plus = 100 * self._plus / self._range if seen else 0.0
        minus = 100 * self._minus / self._range if seen else 0.0
        self.positive_directional_index.push(self.time_ns, plus)
        self.negative_directional_index.push(self.time_ns, minus)
        if plus + minus == 0:
            return 50.0
        self._average.push(self.time_ns, 100 * abs(plus - minus) / (plus + minus))
        return self._average.value

    def _smooth(self, bar: BarLike, before: BarLike) -> None:
        span = max(bar.high - bar.low, abs(bar.high - before.close), abs(bar.low - before.close))
        up, down = bar.high - before.high, before.low - bar.low
        keep = 1 - 1 / self._period if self.samples > self._period + 1 else 1.0
        self._range = self._range * keep + span
        self._plus = self._plus * keep + (up if up > 0 and up >= down else 0.0)
        self._minus = self._minus * keep + (down if down > 0 and down > up else 0.0)

    def _clear(self) -> None:
        super()._clear()
        self._before = None
        self._range = self._plus = self._minus = 0.0
