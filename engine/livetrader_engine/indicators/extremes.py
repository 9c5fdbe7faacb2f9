"""Highest and lowest values and what is built on them. Sources: LEAN Indicators/{Maximum,…}.cs."""

from __future__ import annotations

from livetrader_engine.indicators.averages import Sum
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, WindowIndicator, indicator


@indicator("MAX")
class Maximum(WindowIndicator):
    """Highest of the newest `period` values."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MAX({period})", period)
        self.periods_since_maximum = 0

    def _compute_window(self, value: float) -> float:
        if self.samples == 1 or value >= self.value:
            self.periods_since_maximum = 0
            return value
        if self.periods_since_maximum >= self.period - 1:  # the old maximum fell out of the window
            values = list(self.inputs)
            best = max(values)
            self.periods_since_maximum = values.index(best)
            return best
        self.periods_since_maximum += 1
        return self.value

    def _clear(self) -> None:
        super()._clear()
        self.periods_since_maximum = 0


@indicator("MIN")
class Minimum(WindowIndicator):
    """Lowest of the newest `period` values."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MIN({period})", period)
        self.periods_since_minimum = 0

    def _compute_window(self, value: float) -> float:
        if self.samples == 1 or value <= self.value:
            self.periods_since_minimum = 0
            return value
        if self.periods_since_minimum >= self.period - 1:  # the old minimum fell out of the window
            values = list(self.inputs)
            best = min(values)
            self.periods_since_minimum = values.index(best)
            return best
        self.periods_since_minimum += 1
        return self.value

    def _clear(self) -> None:
        super()._clear()
        self.periods_since_minimum = 0


class Reading(Indicator):
    """A value that its owner computes: one line of an indicator that has several."""

    def _compute(self, value: float) -> float:
        return value


@indicator("AROON", aliases={"period": "up_period"})
class AroonOscillator(Indicator):
    """100·(n − periods since the high)/n minus the same of the low."""

    kind = InputKind.BAR

    def __init__(self, up_period: int, down_period: int | None = None, *, name: str | None = None) -> None:
        down_period = up_period if down_period is None else down_period
        super().__init__(name or f"AROON({up_period},{down_period})")
        self.warm_up_period = 1 + max(up_period, down_period)
        self._up_period, self._down_period = up_period, down_period
        self._high, self._low = Maximum(up_period + 1), Minimum(down_period + 1)
        self.aroon_up, self.aroon_down = Reading(f"{self.name}_AroonUp"), Reading(f"{self.name}_AroonDown")
        self.aroon_up.warm_up_period = up_period + 1
        self.aroon_down.warm_up_period = down_period + 1

    def _compute_bar(self, bar: BarLike) -> float:
        self._high.push(self.time_ns, bar.high)
        self._low.push(self.time_ns, bar.low)
        up = 100 * (self._up_period - self._high.periods_since_maximum) / self._up_period
        down = 100 * (self._down_period - self._low.periods_since_minimum) / self._down_period
        self.aroon_up.push(self.time_ns, up)
        self.aroon_down.push(self.time_ns, down)
        return up - down


@indicator("DCH", aliases={"period": "upper_period"})
class DonchianChannel(Indicator):
    """Middle of the highest high and the lowest low; `upper_band` and `lower_band` beside it."""

    kind = InputKind.BAR

    def __init__(
        self, upper_period: int, lower_period: int | None = None, *, name: str | None = None
    ) -> None:
        lower_period = upper_period if lower_period is None else lower_period
        super().__init__(name or f"DCH({upper_period},{lower_period})")
        self.warm_up_period = max(upper_period, lower_period)
        self.upper_band = Maximum(upper_period, name=f"{self.name}_UpperBand")
        self.lower_band = Minimum(lower_period, name=f"{self.name}_LowerBand")

    def _compute_bar(self, bar: BarLike) -> float:
        self.upper_band.push(self.time_ns, bar.high)
        self.lower_band.push(self.time_ns, bar.low)
        return (self.upper_band.value + self.lower_band.value) / 2


@indicator("WILR")
class WilliamsPercentR(Indicator):
    """−100·(highest high − close)/(highest high − lowest low); 0 until ready and without range."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"WILR({period})")
        self.warm_up_period = period
        self.maximum, self.minimum = Maximum(period), Minimum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        self.maximum.push(self.time_ns, bar.high)
        self.minimum.push(self.time_ns, bar.low)
        span = self.maximum.value - self.minimum.value
        if not self.is_ready or span == 0:
            return 0.0
        return -100 * (self.maximum.value - bar.close) / span


@indicator("STO")
class Stochastic(Indicator):
    """Where the close lies in the range, in percent: `fast_stoch`, smoothed `stoch_k`, again `stoch_d`."""

    kind = InputKind.BAR

    def __init__(
        self,
        period: int,
        k_period: int | None = None,
        d_period: int | None = None,
        *,
        name: str | None = None,
    ) -> None:
        k_period = period if k_period is None else k_period
        d_period = period if d_period is None else d_period
        super().__init__(name or f"STO({period},{k_period},{d_period})")
        self.warm_up_period = period + k_period + d_period - 2
        self._k_period, self._d_period = k_period, d_period
        self._high, self._low = Maximum(period), Minimum(period)
        self._fast_sum, self._slow_sum = Sum(k_period), Sum(d_period)
        self.fast_stoch = Reading(f"{self.name}_FastStoch")
        self.stoch_k, self.stoch_d = Reading(f"{self.name}_StochK"), Reading(f"{self.name}_StochD")
        self.fast_stoch.warm_up_period = period
        self.stoch_k.warm_up_period = period + k_period - 1
        self.stoch_d.warm_up_period = self.warm_up_period

    @property
    def is_ready(self) -> bool:
        """Whether both sums are; a bar without range adds nothing to them."""
        return self._fast_sum.is_ready and self._slow_sum.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns = self.time_ns
        self._high.push(time_ns, bar.high)
        self._low.push(time_ns, bar.low)
        span = self._high.value - self._low.value
        fast = k = d = 0.0
        if self._high.is_ready and span:  # without range the sums stand still, as in LEAN
            fast = (bar.close - self._low.value) / span
            self._fast_sum.push(time_ns, fast)
        if self._fast_sum.is_ready:
            k = self._fast_sum.value / self._k_period
            self._slow_sum.push(time_ns, k)
        if self._slow_sum.is_ready:
            d = self._slow_sum.value / self._d_period
        self.fast_stoch.push(time_ns, 100 * fast)
        self.stoch_k.push(time_ns, 100 * k)
        self.stoch_d.push(time_ns, 100 * d)
        return 100 * fast
