"""How widely values move. Sources: LEAN Indicators/{Variance,BollingerBands,AverageTrueRange,…}.cs."""

from __future__ import annotations

import math

from livetrader_engine.indicators.averages import MovingAverageType, SimpleMovingAverage, make_average
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, WindowIndicator, indicator
from livetrader_engine.indicators.extremes import Reading


@indicator("VAR")
class Variance(WindowIndicator):
    """Population variance of the newest `period` values (divides by n)."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"VAR({period})", period)

    def _compute_window(self, value: float) -> float:
        # two passes over the window: the difference of two large sums loses all digits in float arithmetic
        if self.samples < 2:
            return 0.0
        count = self.inputs.count
        mean = math.fsum(self.inputs) / count
        return math.fsum((past - mean) ** 2 for past in self.inputs) / count


@indicator("STD")
class StandardDeviation(Variance):
    """Population standard deviation of the newest `period` values."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(period, name=name or f"STD({period})")

    def _compute_window(self, value: float) -> float:
        return math.sqrt(super()._compute_window(value))


@indicator("MAD")
class MeanAbsoluteDeviation(WindowIndicator):
    """Mean distance of the newest `period` values from their mean."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MAD({period})", period)
        self.mean = SimpleMovingAverage(period)

    def _compute_window(self, value: float) -> float:
        self.mean.push(self.time_ns, value)
        mean = self.mean.value
        return 0.0 if self.samples < 2 else math.fsum(abs(p - mean) for p in self.inputs) / self.inputs.count


@indicator("BB")
class BollingerBands(Indicator):
    """A middle band, and bands `k` standard deviations above and below it. Its value is the input."""

    def __init__(
        self, period: int, k: float, moving_average_type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"BB({period},{k})")
        self.moving_average_type = moving_average_type
        self.warm_up_period = period
        self._k = float(k)
        self.standard_deviation = StandardDeviation(period)
        self.middle_band = make_average(moving_average_type, period)
        self.upper_band, self.lower_band = (
            Reading(f"{self.name}_UpperBand"),
            Reading(f"{self.name}_LowerBand"),
        )
        self.band_width, self.percent_b = Reading(f"{self.name}_BandWidth"), Reading(f"{self.name}_%B")
        self.price = Reading(f"{self.name}_Close")

    @property
    def is_ready(self) -> bool:
        """Whether the bands are."""
        return self.middle_band.is_ready and self.standard_deviation.is_ready

    def _compute(self, value: float) -> float | None:
        time_ns = self.time_ns
        self.standard_deviation.push(time_ns, value)
        self.middle_band.push(time_ns, value)
        self.price.push(time_ns, value)
        if not self.is_ready:
            return value
        middle, reach = self.middle_band.value, self._k * self.standard_deviation.value
        self.upper_band.push(time_ns, middle + reach)
        self.lower_band.push(time_ns, middle - reach)
        if middle:
            self.band_width.push(time_ns, 100 * 2 * reach / middle)
        if not reach:  # the percentage has no meaning in a band without width: LEAN says nothing then
            return None
        self.percent_b.push(time_ns, (value - middle + reach) / (2 * reach))
        return value


@indicator("TR")
class TrueRange(Indicator):
    """Largest of high − low and the distances of both from the previous close."""

    kind = InputKind.BAR
    warm_up_period = 2

    def __init__(self, *, name: str = "TR") -> None:
        super().__init__(name)
        self._close = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        close, self._close = self._close, bar.close
        span = bar.high - bar.low
        return span if self.samples == 1 else max(span, abs(close - bar.high), abs(close - bar.low))


@indicator(
    "ATR", defaults={"moving_average_type": MovingAverageType.SIMPLE}, aliases={"type": "moving_average_type"}
)
class AverageTrueRange(Indicator):
    """Average of the true range, Wilder's by default. LEAN's helper method averages simply."""

    kind = InputKind.BAR

    def __init__(
        self, period: int, moving_average_type: int = MovingAverageType.WILDERS, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"ATR({period})")
        self.warm_up_period = period
        self.true_range = TrueRange()
        self._average = make_average(moving_average_type, period)

    def _compute_bar(self, bar: BarLike) -> float:
        self.true_range.push_bar(bar)
        self._average.push(self.time_ns, self.true_range.value)
        return self._average.value


@indicator("NATR")
class NormalizedAverageTrueRange(Indicator):
    """Average true range in percent of the close; simply averaged at first, then smoothed as Wilder does."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"NATR({period})")
        self.warm_up_period = period + 1
        self._period = period
        self._true_range, self._first = TrueRange(), SimpleMovingAverage(period)
        self._average = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        self._true_range.push_bar(bar)
        span = self._true_range.value
        if self.samples <= self.warm_up_period:
            self._first.push(self.time_ns, span)
            self._average = self._first.value
        else:
            self._average = (self._average * (self._period - 1) + span) / self._period
        return 100 * self._average / bar.close if bar.close else 0.0

    def _clear(self) -> None:
        super()._clear()
        self._average = 0.0


@indicator("KCH")
class KeltnerChannels(Indicator):
    """Average of the typical price; bands `k` average true ranges above and below it."""

    kind = InputKind.BAR

    def __init__(
        self, period: int, k: float, moving_average_type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"KCH({period},{k})")
        self.warm_up_period = period
        self._k = float(k)
        self.average_true_range = AverageTrueRange(period, MovingAverageType.SIMPLE)
        self.middle_band = make_average(moving_average_type, period)
        self.upper_band, self.lower_band = (
            Reading(f"{self.name}_UpperBand"),
            Reading(f"{self.name}_LowerBand"),
        )

    def _compute_bar(self, bar: BarLike) -> float:
        self.average_true_range.push_bar(bar)
        self.middle_band.push(self.time_ns, (bar.high + bar.low + bar.close) / 3)
        if self.middle_band.is_ready and self.average_true_range.is_ready:
            reach = self._k * self.average_true_range.value
            self.upper_band.push(self.time_ns, self.middle_band.value + reach)
            self.lower_band.push(self.time_ns, self.middle_band.value - reach)
        return self.middle_band.value
