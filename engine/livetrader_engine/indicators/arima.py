"""Autoregressive forecasts. Sources: LEAN Indicators/{TimeSeries,AutoRegressiveIntegratedMovingAverage}.cs.

Series run from the newest value to the oldest, as LEAN's rolling window does.
"""

from __future__ import annotations

import math
from itertools import pairwise
from operator import mul

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import Indicator, indicator
from livetrader_engine.indicators.window import RollingWindow


@indicator("ARIMA")
class AutoRegressiveIntegratedMovingAverage(Indicator):
    """Forecast of the next value by an ARIMA model fitted anew to the newest `period` values; 0 until ready.

    Fitted in two steps: the autoregression, then the whole with the residuals of the first. Where the
    equations have no solution all parameters are 0, as in LEAN.
    """

    def __init__(
        self, ar_order: int, diff_order: int, ma_order: int, period: int, intercept: bool = True, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"ARIMA(({ar_order}, {diff_order}, {ma_order}), {period}, {intercept})")
        if ar_order < 1 or ma_order < 0 or period < max(ar_order, ma_order):
            raise AlgorithmError(
                f"{self.name}: ar_order must be 1 or more, ma_order 0 or more, the period no less than either"
            )
        if 0 < ma_order < ar_order:  # LEAN fails at the first forecast
            raise AlgorithmError(f"{self.name}: ma_order must be 0 or no less than ar_order")
        self.warm_up_period = period
        self._ar_order, self._diff_order, self._ma_order = ar_order, diff_order, ma_order
        self._with_intercept = bool(intercept)
        self._values: RollingWindow[float] = RollingWindow(period)
        self._residuals: list[float] = []
        self.ar_parameters: list[float] = []
        self.ma_parameters: list[float] = []
        self.intercept = 0.0
        self.ar_residual_error = 0.0
        self.ma_residual_error = 0.0

    def _compute(self, value: float) -> float:
        self._values.add(value)
        if not self._values.is_ready:
            return 0.0
        series, heads = difference_series(self._diff_order, list(self._values))
        self._fit(series)
        forecast = self.intercept + math.fsum(map(mul, self.ar_parameters, series))
        if self._ma_order:
            newest = self._residuals[self._ma_order + 1 :]
            forecast += math.fsum(map(mul, self.ma_parameters, newest))
        return inverse_differenced_series([forecast, *series], heads)[0] if self._diff_order else forecast

    def _fit(self, series: list[float]) -> None:
        order = self._ar_order
        lags = lagged_series(order, series)
        fits = _solve(lags, series[order:])
        residuals = [value - _dot(lag, fits) for value, lag in zip(series[order:], lags, strict=True)]
        self._residuals = [0.0] * order + residuals
        self.ar_residual_error = _ratio(_dot(residuals, residuals), len(series) - order - 1)
        if not self._ma_order:
            self.ar_parameters = fits
            return
        errors = lagged_series(self._ma_order, self._residuals)
        rows = [lag + error for lag, error in zip(lags, errors, strict=False)]
        wanted = series[self._ma_order :]
        if self._with_intercept:
            self.intercept, *fits = _solve([[1.0, *row] for row in rows], wanted)
        else:
            fits = _solve(rows, wanted)
        residuals = [value - _dot(row, fits) for value, row in zip(wanted, rows, strict=True)]
        freedom = len(series) - max(order, self._ma_order) - 1
        self.ma_residual_error = _ratio(_dot(residuals, residuals), freedom)
        self.ar_parameters, self.ma_parameters = fits[:order], fits[order:]

    def _clear(self) -> None:
        super()._clear()
        self._values.reset()


def difference_series(order: int, series: list[float]) -> tuple[list[float], list[float]]:
    """Return the series differenced `order` times, and what is needed to undo it."""
    heads = []
    for _ in range(order):
        heads.append(series[-1])
        series = [newer - older for newer, older in pairwise(series)]
    return series, heads


def inverse_differenced_series(series: list[float], heads: list[float]) -> list[float]:
    """Return the series that `difference_series` was given, from its two results."""
    for head in heads:  # LEAN undoes them in the order in which they were made
        total, sums = 0.0, []
        for value in reversed([*series, head]):
            total += value
            sums.append(total)
        series = sums[::-1]
    return series


def lagged_series(order: int, series: list[float]) -> list[list[float]]:
    """Return for each value from the `order`th on the `order` ones before it, nearest first."""
    return [series[place - order : place][::-1] for place in range(order, len(series))]


def _dot(first: list[float], second: list[float]) -> float:
    return math.fsum(map(mul, first, second))


def _ratio(total: float, freedom: int) -> float:
    return total / freedom if freedom else math.nan


def _solve(rows: list[list[float]], wanted: list[float]) -> list[float]:
    """Return the least-squares fit by the normal equations and Cholesky; zeros where there is none."""
    columns = list(zip(*rows, strict=True))
    count = len(columns)
    normal = [[math.fsum(map(mul, a, b)) for b in columns] for a in columns]
    right = [math.fsum(map(mul, a, wanted)) for a in columns]
    lower = [[0.0] * count for _ in range(count)]
    for i in range(count):
        for j in range(i + 1):
            rest = normal[i][j] - math.fsum(lower[i][k] * lower[j][k] for k in range(j))
            if i != j:
                lower[i][j] = rest / lower[j][j]
            elif rest > 0:
                lower[i][i] = math.sqrt(rest)
            else:  # not positive definite
                return [0.0] * count
    middle = [0.0] * count
    for i in range(count):
        middle[i] = (right[i] - math.fsum(lower[i][k] * middle[k] for k in range(i))) / lower[i][i]
    fits = [0.0] * count
    for i in reversed(range(count)):
        fits[i] = (middle[i] - math.fsum(lower[k][i] * fits[k] for k in range(i + 1, count))) / lower[i][i]
    return fits
