"""Where values are heading. Sources: LEAN Indicators/{TimeSeriesForecast,Momersion,RateOfChangeRatio}.cs."""

from __future__ import annotations

import math

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import Indicator, WindowIndicator, indicator
from livetrader_engine.indicators.momentum import RateOfChange
from livetrader_engine.indicators.window import RollingWindow

_LEAST_PERIOD = 4  # of Momersion's minimum


@indicator("TSF")
class TimeSeriesForecast(WindowIndicator):
    """Next value on the least-squares line through the newest `period` values; 0 until ready."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"TSF{period})", period)  # LEAN's name, its missing bracket included
        if period < 2:
            raise AlgorithmError(f"{self.name}: the period must be 2 or more, not {period}")
        # with x = 1 … n for the oldest … newest value
        self._sum_x = period * (period + 1) / 2
        self._spread = period * period * (period + 1) * (2 * period + 1) / 6 - self._sum_x * self._sum_x

    def _compute_window(self, value: float) -> float:
        period = self.period
        if not self.is_ready:
            return 0.0
        sum_y = math.fsum(self.inputs)
        sum_xy = math.fsum((period - age) * past for age, past in enumerate(self.inputs))
        slope = (period * sum_xy - self._sum_x * sum_y) / self._spread
        return (sum_y - slope * self._sum_x) / period + slope * (period + 1)


@indicator("ROCR")
class RateOfChangeRatio(RateOfChange):
    """Value over the value `period` samples ago; 0 where it has not changed, as in LEAN."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(period, name=name or f"ROCR({period})")

    def _compute_window(self, value: float) -> float:
        change = super()._compute_window(value)
        return change + 1 if change else 0.0


@indicator("MOMERSION")
class Momersion(Indicator):
    """Share of changes that went on in the direction of the change before, in percent; 50 without a verdict.

    `Momersion(full_period)` or `Momersion(min_period, full_period)`; a minimum period makes it ready early.
    """

    def __init__(
        self, min_period: int | None = None, full_period: int | None = None, *, name: str | None = None
    ) -> None:
        if full_period is None:
            min_period, full_period = None, min_period
        if full_period is None:
            raise AlgorithmError("Momersion: the full period is missing")
        super().__init__(name or f"Momersion({'' if min_period is None else min_period},{full_period})")
        if min_period is not None and min_period < _LEAST_PERIOD:
            raise AlgorithmError(f"{self.name}: the minimum period must be {_LEAST_PERIOD} or more")
        self._least = min_period
        self.warm_up_period = full_period + 3 if min_period is None else min_period + 2
        self._products: RollingWindow[int] = RollingWindow(full_period)  # signs of them
        self._values: RollingWindow[float] = RollingWindow(2)
        self._went_on = self._turned = 0

    @property
    def is_ready(self) -> bool:
        """Whether the window is full, or holds the minimum."""
        products = self._products
        return products.samples > products.size if self._least is None else products.count >= self._least

    def _compute(self, value: float) -> float:
        values = self._values
        if values.is_ready:
            self._add((value - values[0]) * (values[0] - values[1]))
        values.add(value)
        count, decided = self._products.count, self._went_on + self._turned
        if self.is_ready and count - decided < 0.5 * count:
            return 100 * self._went_on / decided
        return 50.0

    def _add(self, product: float) -> None:
        removed = self._products[self._products.size - 1] if self._products.is_ready else 0
        sign = (product > 0) - (product < 0)
        self._products.add(sign)
        self._went_on += (sign > 0) - (removed > 0)
        self._turned += (sign < 0) - (removed < 0)

    def _clear(self) -> None:
        self._products.reset()
        self._values.reset()
        self._went_on = self._turned = 0


@indicator()
class MomersionIndicator(Momersion):
    """The same as Momersion, under LEAN's older name."""
