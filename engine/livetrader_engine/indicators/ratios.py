"""Reward and risk of returns. Sources: LEAN Indicators/{SharpeRatio,SortinoRatio,ValueAtRisk,…}.cs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from statistics import NormalDist

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import SimpleMovingAverage
from livetrader_engine.indicators.base import Indicator, WindowIndicator, check_period, indicator
from livetrader_engine.indicators.momentum import RateOfChange
from livetrader_engine.indicators.volatility import StandardDeviation

RiskFreeRate = Callable[[int], float]  # yearly rate at a moment (UTC ns)


@indicator("TDD")
class TargetDownsideDeviation(Indicator):
    """Root of the mean square of what the returns fell short of a minimum; returns above it count as zero.

    LEAN's mean begins with a return of zero before there are any; so does this one.
    """

    def __init__(
        self, period: int, minimum_acceptable_return: float = 0.0, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"TDD({period},{minimum_acceptable_return})")
        self.warm_up_period = check_period(self.name, period) + 1
        self._minimum = float(minimum_acceptable_return)
        self._rate_of_change = RateOfChange(1)
        self._squares: deque[float] = deque([self._shortfall(0.0)], maxlen=period)

    def _shortfall(self, change: float) -> float:
        short = min(0.0, change - self._minimum)
        return short * short

    def _compute(self, value: float) -> float:
        self._rate_of_change.push(self.time_ns, value)
        self._squares.append(self._shortfall(self._rate_of_change.value))
        # summed anew: what a running sum leaves over would be a deviation where there is none
        return math.sqrt(math.fsum(self._squares) / len(self._squares))

    def _clear(self) -> None:
        super()._clear()
        self._squares.clear()
        self._squares.append(self._shortfall(0.0))


@indicator("SR", aliases={"sharpe_period": "period"})
class SharpeRatio(Indicator):
    """Mean return beyond the risk-free rate, per standard deviation of the returns.

    `risk_free_rate` is a constant, or a function of the time (UTC ns); 0 by default.
    """

    def __init__(
        self, period: int, risk_free_rate: float | RiskFreeRate | None = None, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"SR({period})")
        self.warm_up_period = check_period(self.name, period) + 2
        self._period = period
        self.risk_free_rate: float | RiskFreeRate = 0.0 if risk_free_rate is None else risk_free_rate
        self._rate_of_change, self._mean = RateOfChange(1), SimpleMovingAverage(period)
        self._deviation = StandardDeviation(period)
        self._ratio = 0.0

    def _compute(self, value: float) -> float:
        time_ns = self.time_ns
        if self._rate_of_change.push(time_ns, value):
            change = self._rate_of_change.value
            self._mean.push(time_ns, change)
            self._deviation.push(time_ns, change)
            risk = self._risk(value)
            if risk:
                self._ratio = (self._mean.value - self._risk_free(time_ns)) / risk
        return self._ratio

    def _risk(self, value: float) -> float:
        return self._deviation.value

    def _risk_free(self, time_ns: int) -> float:
        rate = self.risk_free_rate
        return rate(time_ns) if callable(rate) else rate

    def _clear(self) -> None:
        super()._clear()
        self._ratio = 0.0


@indicator("SORTINO", aliases={"sortino_period": "period"})
class SortinoRatio(SharpeRatio):
    """Mean return over a minimum, per target downside deviation."""

    def __init__(
        self, period: int, minimum_acceptable_return: float = 0.0, *, name: str | None = None
    ) -> None:
        super().__init__(
            period, minimum_acceptable_return, name=name or f"SORTINO({period},{minimum_acceptable_return})"
        )
        self._downside = TargetDownsideDeviation(period, minimum_acceptable_return)

    def _compute(self, value: float) -> float:
        self._downside.push(self.time_ns, value)
        return super()._compute(value)

    def _risk(self, value: float) -> float:
        return self._downside.value


@indicator("VAR")
class ValueAtRisk(WindowIndicator):
    """Return that is undercut with probability 1 − `confidence_level`, were the returns normal."""

    def __init__(self, period: int, confidence_level: float, *, name: str | None = None) -> None:
        super().__init__(name or f"VaR({period}, {confidence_level})", period)
        if period < 3:
            raise AlgorithmError(f"{self.name}: the period must be 3 or more, not {period}")
        self._deviations = NormalDist().inv_cdf(1 - confidence_level)
        self._rate_of_change = RateOfChange(1)

    def _compute_window(self, value: float) -> float:
        self._rate_of_change.push(self.time_ns, value)
        self.inputs[0] = self._rate_of_change.value  # the window is one of returns
        count = self.inputs.count
        if count < 2:
            return 0.0
        mean = math.fsum(self.inputs) / count
        variance = math.fsum((change - mean) ** 2 for change in self.inputs) / (count - 1)
        return mean + self._deviations * math.sqrt(variance)
