"""Candlestick helpers, pivots and their event, and rates, as an algorithm sees them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from livetrader_engine.indicators import REGISTRY
from livetrader_engine.indicators.candlesticks import CandlestickPattern
from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.candlesticks import CandlestickPatterns
from livetrader_lean.market import TradeBar
from livetrader_lean.names import snake
from livetrader_lean.namespace import lookup
from livetrader_lean.symbols import Symbol

START = datetime(2013, 10, 7, 10, 0)  # noqa: DTZ001 — naive local time, as all of LEAN's
SPY = Symbol(CoreSymbol.create("SPY 2T", "SPY", SecurityType.EQUITY, "usa"))


def bar(number: int, price: float) -> TradeBar:
    return TradeBar(START + timedelta(minutes=number), SPY, price, price, price, price, 5)


def test_every_pattern_has_a_helper_in_both_spellings() -> None:
    patterns = {
        name for name, entry in REGISTRY.items() if issubclass(entry.indicator, CandlestickPattern)
    }  # fmt: skip
    assert len(patterns) == 61
    for name in patterns:
        assert getattr(CandlestickPatterns, name) is getattr(CandlestickPatterns, snake(name))
    algorithm: Any = object.__new__(QCAlgorithm)
    assert isinstance(algorithm.CandlestickPatterns, CandlestickPatterns)
    with pytest.raises(AttributeError, match="no_such_pattern"):
        _ = algorithm.candlestick_patterns.no_such_pattern


def test_settings_of_candles_are_read_and_replaced() -> None:
    settings, kinds = lookup("CandleSettings"), lookup("CandleSettingType")
    usual = settings.get(kinds.NEAR)
    assert (usual.range_type, usual.AveragePeriod, usual.factor) == (
        lookup("CandleRangeType").HighLow,
        5,
        0.2,
    )
    settings.Set(kinds.Near, lookup("CandleSetting")(lookup("CandleRangeType").REAL_BODY, 7, 0.3))
    try:
        assert settings.get(kinds.NEAR).average_period == 7
        assert lookup("MatchingLow")().warm_up_period == 7  # of EQUAL, which stays
        assert lookup("ThreeLineStrike")().warm_up_period == 11
    finally:
        settings.set(kinds.NEAR, usual)


def test_pivots_are_told_and_remembered() -> None:
    pivots, told = lookup("PivotPointsHighLow")("pivots", 1, 1, 10), []

    def on_pivot(sender: object, arguments: Any) -> None:
        assert sender is pivots
        told.append((arguments.pivot_point.value, arguments.PivotPoint.PivotPointType))

    pivots.new_pivot_point_formed += on_pivot
    for number, price in enumerate((5, 7, 6, 4, 8), 1):
        pivots.update(bar(number, price))
    kinds = lookup("PivotPointType")
    assert told == [(7, kinds.HIGH), (4, kinds.Low)]
    (high,) = pivots.get_high_pivot_points_array()
    assert (float(high), high.time) == (7.0, START + timedelta(minutes=3))
    assert [point.value for point in pivots.GetLowPivotPointsArray()] == [4]
    assert [point.value for point in pivots.get_all_pivot_points_array()] == [4, 7]
    pivots.NewPivotPointFormed -= on_pivot
    pivots.update(bar(6, 3))
    assert len(told) == 2 and len(pivots.get_all_pivot_points_array()) == 3


def test_a_ratio_takes_a_rate_or_a_model_of_rates() -> None:
    class Model:
        def get_interest_rate(self, time: datetime) -> float:
            assert time > START - timedelta(days=1)
            return 0.02

    ratios = [
        lookup("SharpeRatio")("constant", 3, 0.02),
        lookup("SharpeRatio")("model", 3, lookup("ConstantRiskFreeRateInterestRateModel")(0.02)),
        lookup("SharpeRatio")("function", 3, lookup("FuncRiskFreeRateInterestRateModel")(lambda time: 0.02)),
        lookup("SharpeRatio")("own", 3, Model()),
    ]
    for ratio in ratios:
        for number, price in enumerate((10.0, 11.0, 12.0, 11.5, 12.5), 1):
            ratio.update(START + timedelta(minutes=number), price)
    # by hand: the last three returns are 1/11, -1/24 and 2/23
    returns = (1 / 11, -1 / 24, 2 / 23)
    mean = sum(returns) / 3
    deviation = (sum((each - mean) ** 2 for each in returns) / 3) ** 0.5
    for ratio in ratios:
        assert ratio.is_ready
        assert ratio.current.value == pytest.approx((mean - 0.02) / deviation)


def test_enums_of_indicators_are_found_in_both_spellings() -> None:
    tool, phase = lookup("SwissArmyKnifeTool"), lookup("TomDemarkSequentialPhase")
    assert tool.TwoPoleHighPass == tool.TWO_POLE_HIGH_PASS == 3
    assert phase.BUY_SETUP_PERFECT == phase.BuySetupPerfect == 5
    assert lookup("CandleColor").Black == -1
    assert lookup("SwissArmyKnife")(20, 0.1, tool.Butter).butter.is_ready is False


def test_an_average_tells_its_sum_from_when_it_is_asked_for() -> None:
    average = lookup("SimpleMovingAverage")(3)
    for number, price in enumerate((1.0, 2.0, 4.0, 8.0), 1):
        average.update(START + timedelta(minutes=number), price)
    total = average.rolling_sum
    assert (total.current.value, total.is_ready, total.name) == (14.0, True, "SMA(3)_Sum")
    average.update(START + timedelta(minutes=5), 16.0)
    assert average.RollingSum.Current.Value == 28.0
    average.reset()
    average.update(START, 5.0)
    assert average.rolling_sum.current.value == 5.0
