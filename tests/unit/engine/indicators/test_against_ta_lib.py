"""Indicators with several parameters against TA-Lib, where both mean the same, once they are ready."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.indicators import Indicator, InputKind
from livetrader_engine.indicators.averages import (
    Sum,
    TriangularMovingAverage,
    TripleExponentialMovingAverage,
    Trix,
)
from livetrader_engine.indicators.cycles import PercentagePriceOscillator, UltimateOscillator
from livetrader_engine.indicators.extremes import Maximum, Minimum, WilliamsPercentR
from livetrader_engine.indicators.fits import LeastSquaresMovingAverage
from livetrader_engine.indicators.forecast import RateOfChangeRatio, TimeSeriesForecast
from livetrader_engine.indicators.momentum import Momentum, RateOfChangePercent
from livetrader_engine.indicators.ranges import MidPoint, MidPrice
from livetrader_engine.indicators.stops import ParabolicStopAndReverse, ParabolicStopAndReverseExtended
from livetrader_engine.indicators.volatility import StandardDeviation, TrueRange, Variance
from livetrader_engine.symbols import NS_PER_DAY
from tests.unit.engine.indicators.reference import symbol_of

Make = Callable[[int], Indicator]
COUNT = 400

OF_CLOSE: tuple[tuple[Make, str], ...] = (
    (Maximum, "MAX"), (Minimum, "MIN"), (MidPoint, "MIDPOINT"), (Momentum, "MOM"),
    (RateOfChangePercent, "ROC"), (RateOfChangeRatio, "ROCR"), (StandardDeviation, "STDDEV"), (Sum, "SUM"),
    (TimeSeriesForecast, "TSF"), (LeastSquaresMovingAverage, "LINEARREG"),
    (TriangularMovingAverage, "TRIMA"), (TripleExponentialMovingAverage, "TEMA"), (Trix, "TRIX"),
    (Variance, "VAR"),
)  # fmt: skip


@pytest.fixture(scope="module")
def bars() -> list[TradeBar]:
    chance = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, COUNT)))
    opens = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opens, close) * (1 + chance.uniform(0, 0.01, COUNT))
    low = np.minimum(opens, close) * (1 - chance.uniform(0, 0.01, COUNT))
    return [
        TradeBar(symbol_of("SPY"), day * NS_PER_DAY, (day + 1) * NS_PER_DAY, *map(float, prices), 1.0)
        for day, prices in enumerate(zip(opens, high, low, close, strict=True), 1)
    ]


def agrees(indicator: Indicator, bars: list[TradeBar], expected: np.ndarray) -> None:
    compared = 0
    for bar, value in zip(bars, expected, strict=True):
        if indicator.kind is InputKind.VALUE:
            ready = indicator.push(bar.end_time_ns, bar.close)
        else:
            ready = indicator.push_bar(bar)
        if ready:
            assert indicator.value == pytest.approx(value, rel=1e-9, abs=1e-9)
            compared += 1
    assert compared > COUNT / 2


def columns(bars: list[TradeBar], *names: str) -> list[np.ndarray]:
    return [np.array([getattr(bar, name) for bar in bars]) for name in names]


@pytest.mark.parametrize("period", [2, 3, 10, 37])
@pytest.mark.parametrize(("make", "function"), OF_CLOSE, ids=lambda value: getattr(value, "__name__", value))
def test_of_the_close(bars: list[TradeBar], make: Make, function: str, period: int) -> None:
    agrees(make(period), bars, getattr(talib, function)(*columns(bars, "close"), timeperiod=period))


@pytest.mark.parametrize("period", [2, 3, 10, 37])
def test_of_whole_bars(bars: list[TradeBar], period: int) -> None:
    high, low, close = columns(bars, "high", "low", "close")
    agrees(MidPrice(period), bars, talib.MIDPRICE(high, low, period))
    agrees(WilliamsPercentR(period), bars, talib.WILLR(high, low, close, period))
    agrees(TrueRange(), bars, talib.TRANGE(high, low, close))
    periods = (period, 2 * period, 3 * period)
    agrees(UltimateOscillator(*periods), bars, talib.ULTOSC(high, low, close, *periods))


@pytest.mark.parametrize("periods", [(2, 3), (5, 10), (12, 40)])
def test_percentage_price_oscillator(bars: list[TradeBar], periods: tuple[int, int]) -> None:
    agrees(PercentagePriceOscillator(*periods), bars, talib.PPO(*columns(bars, "close"), *periods, matype=0))


@pytest.mark.parametrize(("step", "limit"), [(0.02, 0.2), (0.05, 0.3), (0.01, 0.1)])
def test_parabolic_stops(bars: list[TradeBar], step: float, limit: float) -> None:
    high, low = columns(bars, "high", "low")
    agrees(ParabolicStopAndReverse(step, step, limit), bars, talib.SAR(high, low, step, limit))
    short, long = (step, 2 * step, limit), (2 * step, step, 2 * limit)
    extended = ParabolicStopAndReverseExtended(0.0, 0.01, *short, *long)
    agrees(extended, bars, talib.SAREXT(high, low, 0.0, 0.01, *long, *short))  # the other way round there
