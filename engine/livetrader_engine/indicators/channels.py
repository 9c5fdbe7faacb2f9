"""Channels around a fitted line. Source: LEAN Indicators/RegressionChannel.cs."""

from __future__ import annotations

from livetrader_engine.indicators.base import Indicator, indicator
from livetrader_engine.indicators.extremes import Reading
from livetrader_engine.indicators.fits import LeastSquaresMovingAverage
from livetrader_engine.indicators.volatility import StandardDeviation


@indicator("RC")
class RegressionChannel(Indicator):
    """End of the fitted line (`linear_regression`); channels `k` standard deviations above and below it.

    The channels move with every sample, be the line ready or not.
    """

    def __init__(self, period: int, k: float, *, name: str | None = None) -> None:
        super().__init__(name or f"RC({period},{k})")
        self.warm_up_period = period
        self._k = float(k)
        self._deviation = StandardDeviation(period)
        self.linear_regression = LeastSquaresMovingAverage(period, name=f"{self.name}_LinearRegression")
        self.upper_channel = Reading(f"{self.name}_UpperChannel")
        self.lower_channel = Reading(f"{self.name}_LowerChannel")

    @property
    def intercept(self) -> Indicator:
        """Where the line begins."""
        return self.linear_regression.intercept

    @property
    def slope(self) -> Indicator:
        """How much the line rises with each sample."""
        return self.linear_regression.slope

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        self._deviation.push(time_ns, value)
        self.linear_regression.push(time_ns, value)
        middle, reach = self.linear_regression.value, self._k * self._deviation.value
        self.upper_channel.push(time_ns, middle + reach)
        self.lower_channel.push(time_ns, middle - reach)
        return middle
