"""Ranges and their middles. Sources: LEAN Indicators/{MidPoint,MidPrice,MassIndex,Vortex,…}.cs.

Also RogersSatchellVolatility.cs and SqueezeMomentum.cs.
"""

from __future__ import annotations

import math

from livetrader_engine.indicators.averages import ExponentialMovingAverage, MovingAverageType, Sum
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.extremes import Maximum, Minimum, Reading
from livetrader_engine.indicators.volatility import BollingerBands, KeltnerChannels, TrueRange


@indicator("MIDPOINT")
class MidPoint(Indicator):
    """Middle of the highest and the lowest of the newest `period` values."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MIDPOINT({period})")
        self.warm_up_period = period
        self._maximum, self._minimum = Maximum(period), Minimum(period)

    def _compute(self, value: float) -> float:
        self._maximum.push(self.time_ns, value)
        self._minimum.push(self.time_ns, value)
        return (self._maximum.value + self._minimum.value) / 2


@indicator("MIDPRICE")
class MidPrice(Indicator):
    """Middle of the highest high and the lowest low of the newest `period` bars."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MIDPRICE({period})")
        self.warm_up_period = period
        self._maximum, self._minimum = Maximum(period), Minimum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        self._maximum.push(self.time_ns, bar.high)
        self._minimum.push(self.time_ns, bar.low)
        return (self._maximum.value + self._minimum.value) / 2


@indicator("MASS")
class MassIndex(Indicator):
    """Sum of the ratio of the averaged range to its own average; `sum_period` until ready."""

    kind = InputKind.TRADE_BAR

    def __init__(self, ema_period: int = 9, sum_period: int = 25, *, name: str | None = None) -> None:
        super().__init__(name or f"MASS({ema_period},{sum_period})")
        self.warm_up_period = 2 * (ema_period - 1) + sum_period
        self._first = ExponentialMovingAverage(ema_period)
        self._second = ExponentialMovingAverage(ema_period)
        self._sum = Sum(sum_period)

    @property
    def is_ready(self) -> bool:
        """Whether the sum is."""
        return self._sum.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns, first, second = self.time_ns, self._first, self._second
        if first.push(time_ns, bar.high - bar.low) and second.push(time_ns, first.value):
            self._sum.push(time_ns, first.value / second.value if second.value else 0.0)
        return self._sum.value if self._sum.is_ready else float(self._sum.period)


@indicator("VTX")
class Vortex(Indicator):
    """Upward and downward movement over the true range: `plus_vortex` and `minus_vortex`; their middle."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"VTX({period})")
        self.warm_up_period = period
        self.plus_vortex = Reading(f"{self.name}_PlusVortex")
        self.minus_vortex = Reading(f"{self.name}_MinusVortex")
        self._true_range, self._ranges = TrueRange(), Sum(period)
        self._plus, self._minus = Sum(period), Sum(period)
        self._before: BarLike | None = None

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns, before, self._before = self.time_ns, self._before, bar
        self._true_range.push_bar(bar)
        self._ranges.push(time_ns, self._true_range.value)
        if before is not None:
            self._plus.push(time_ns, abs(bar.high - before.low))
            self._minus.push(time_ns, abs(bar.low - before.high))
            if self._ranges.value:
                self.plus_vortex.push(time_ns, self._plus.value / self._ranges.value)
                self.minus_vortex.push(time_ns, self._minus.value / self._ranges.value)
        return (self.plus_vortex.value + self.minus_vortex.value) / 2 if self.is_ready else 0.0

    def _clear(self) -> None:
        super()._clear()
        self._before = None


@indicator("RSV")
class RogersSatchellVolatility(Indicator):
    """Volatility that allows for a drift, from the four prices of each bar; 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"RSV({period})")
        self.warm_up_period = period
        self._period = period
        self._sum = Sum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        if min(bar.open, bar.high, bar.low, bar.close) <= 0:  # no logarithm
            return 0.0
        up = math.log(bar.high / bar.close) * math.log(bar.high / bar.open)
        down = math.log(bar.low / bar.close) * math.log(bar.low / bar.open)
        self._sum.push(self.time_ns, up + down)
        return math.sqrt(max(self._sum.value, 0.0) / self._period) if self.is_ready else 0.0


@indicator(
    "SM",
    defaults={
        "bollinger_period": 20,
        "bollinger_multiplier": 2.0,
        "keltner_period": 20,
        "keltner_multiplier": 1.5,
    },
)
class SqueezeMomentum(Indicator):
    """1 while the Bollinger bands lie within the Keltner channel, -1 otherwise; 0 until ready."""

    kind = InputKind.BAR

    def __init__(
        self, bollinger_period: int, bollinger_multiplier: float, keltner_period: int,
        keltner_multiplier: float, *, name: str | None = None,
    ) -> None:  # fmt: skip
        settings = (bollinger_period, bollinger_multiplier, keltner_period, keltner_multiplier)
        super().__init__(name or f"SM({','.join(str(setting) for setting in settings)})")
        self.warm_up_period = max(bollinger_period, keltner_period)
        self.bollinger_bands = BollingerBands(bollinger_period, bollinger_multiplier)
        self.keltner_channels = KeltnerChannels(
            keltner_period, keltner_multiplier, MovingAverageType.EXPONENTIAL
        )

    @property
    def is_ready(self) -> bool:
        """Whether bands and channel are."""
        return self.bollinger_bands.is_ready and self.keltner_channels.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        bands, channel = self.bollinger_bands, self.keltner_channels
        bands.push_bar(bar)
        channel.push_bar(bar)
        if not self.is_ready:
            return 0.0
        within = (
            channel.upper_band.value > bands.upper_band.value
            and channel.lower_band.value < bands.lower_band.value
        )
        return 1.0 if within else -1.0
