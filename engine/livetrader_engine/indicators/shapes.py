"""What bars look like and how wide they are.

Sources: LEAN Indicators/{AverageRange,BalanceOfPower,
ChoppinessIndex,HeikinAshi,InternalBarStrength,AverageDirectionalMovementIndexRating}.cs.
"""

from __future__ import annotations

import math

from livetrader_engine.indicators.averages import SimpleMovingAverage, Sum
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.extremes import Maximum, Minimum
from livetrader_engine.indicators.momentum import Identity
from livetrader_engine.indicators.trend import AverageDirectionalIndex
from livetrader_engine.indicators.volatility import TrueRange
from livetrader_engine.indicators.window import RollingWindow

_NO_TREND = 50.0  # what the directional rating is until it is ready
_ALL_CHOP = 100.0  # the choppiness of a market that does not move at all


@indicator("AR")
class AverageRange(Indicator):
    """Mean of high minus low."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"AR({period})")
        self.warm_up_period = period
        self._average = SimpleMovingAverage(period)

    def _compute_bar(self, bar: BarLike) -> float:
        self._average.push(self.time_ns, bar.high - bar.low)
        return self._average.value


@indicator("BOP")
class BalanceOfPower(Indicator):
    """Close minus open as a part of the range; 0 without range."""

    kind = InputKind.BAR

    def __init__(self, *, name: str = "BOP") -> None:
        super().__init__(name)

    def _compute_bar(self, bar: BarLike) -> float:
        span = bar.high - bar.low
        return (bar.close - bar.open) / span if span > 0 else 0.0


@indicator("IBS")
class InternalBarStrength(Indicator):
    """Where in its range the bar closed, from 0 to 1; one half without range."""

    kind = InputKind.BAR

    def __init__(self, *, name: str = "IBS()") -> None:
        super().__init__(name)

    def _compute_bar(self, bar: BarLike) -> float:
        return (bar.close - bar.low) / (bar.high - bar.low) if bar.high != bar.low else 0.5


@indicator("CHOP")
class ChoppinessIndex(Indicator):
    """100·log(sum of true ranges / whole range)/log(period); 0 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"CHOP({period})")
        self.warm_up_period = period
        self._scale = math.log10(period)
        self._range, self._ranges = TrueRange(), Sum(period)
        self._high, self._low = Maximum(period), Minimum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        self._range.push_bar(bar)
        self._ranges.push(self.time_ns, self._range.value)
        self._high.push(self.time_ns, bar.high)
        self._low.push(self.time_ns, bar.low)
        if not self.is_ready:
            return 0.0
        span = self._high.value - self._low.value
        return 100 * math.log10(self._ranges.value / span) / self._scale if span else _ALL_CHOP


@indicator("HeikinAshi")
class HeikinAshi(Indicator):
    """Bars smoothed with the bar before: `open`, `high`, `low`, `close`, `volume`; its value is the close."""

    kind = InputKind.BAR
    warm_up_period = 2

    def __init__(self, *, name: str = "HA") -> None:
        super().__init__(name)
        self.open, self.high, self.low = (Identity(f"{name}_{part}") for part in ("Open", "High", "Low"))
        self.close, self.volume = Identity(f"{name}_Close"), Identity(f"{name}_Volume")

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns = self.time_ns
        mean = (bar.open + bar.high + bar.low + bar.close) / 4
        if self.samples == 1:
            self.open.push(time_ns, (bar.open + bar.close) / 2)
            high, low = bar.high, bar.low
        else:
            self.open.push(time_ns, (self.open.value + self.close.value) / 2)
            high, low = max(bar.high, self.open.value, mean), min(bar.low, self.open.value, mean)
        self.close.push(time_ns, mean)
        self.high.push(time_ns, high)
        self.low.push(time_ns, low)
        self.volume.push(time_ns, getattr(bar, "volume", 0.0))
        return mean


@indicator("ADXR")
class AverageDirectionalMovementIndexRating(Indicator):
    """Mean of the directional index now and a period ago; 50 until ready."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"ADXR({period})")
        self.warm_up_period = period * 3 - 1
        self.adx = AverageDirectionalIndex(period, name=f"{self.name}_ADX")
        self._past: RollingWindow[float] = RollingWindow(period)

    @property
    def is_ready(self) -> bool:
        """Whether the index has been ready for a period."""
        return self._past.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        if self.adx.push_bar(bar):
            self._past.add(self.adx.value)
        return (self.adx.value + self._past[self._past.size - 1]) / 2 if self.is_ready else _NO_TREND

    def _clear(self) -> None:
        super()._clear()
        self._past.reset()
