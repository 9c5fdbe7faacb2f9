"""Indicators made of indicators, and of two symbols: expectations by hand and from numpy."""

from __future__ import annotations

import numpy as np
import pytest

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator
from livetrader_engine.indicators.arima import AutoRegressiveIntegratedMovingAverage
from livetrader_engine.indicators.averages import SimpleMovingAverage
from livetrader_engine.indicators.composition import (
    CompositeIndicator,
    ConstantIndicator,
    Delay,
    chain,
    minus,
    over,
    plus,
    times,
    weighted_by,
)
from livetrader_engine.indicators.fits import HurstExponent, KaufmanEfficiencyRatio
from livetrader_engine.indicators.identities import FilteredIdentity
from livetrader_engine.indicators.momentum import Identity
from livetrader_engine.indicators.pairs import Alpha, Beta, Correlation, CorrelationType, Covariance
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from tests.unit.engine.indicators.reference import symbol_of

SPY, BTC = symbol_of("SPY"), symbol_of("BTC")


def fed(indicator: Indicator, *values: float, after_ns: int = 0) -> list[float]:
    seen = []
    for number, value in enumerate(values, 1):
        indicator.push(after_ns + number, value)
        seen.append(indicator.value)
    return seen


def bar(symbol: object, number: int, close: float, span_ns: int = NS_PER_DAY, late_ns: int = 0) -> TradeBar:
    start_ns = number * span_ns + late_ns
    return TradeBar(symbol, start_ns, start_ns + span_ns, close, close, close, close, 1.0)  # type: ignore[arg-type]  # symbols come untyped through the helper


def test_a_composite_waits_for_both_and_keeps_the_later_time() -> None:
    left, right = Identity("left"), Identity("right")
    total = plus(left, right)
    left.push(5, 2.0)
    assert (total.samples, total.is_ready) == (0, False)
    right.push(3, 4.0)
    assert (total.value, total.time_ns, total.samples, total.is_ready) == (6.0, 5, 1, True)
    right.push(6, 5.0)
    assert total.value == 6.0  # left has nothing new
    left.push(6, 1.0)
    assert total.value == 6.0 == 1.0 + 5.0
    assert total.name == "COMPOSE(left,right)"


def test_a_constant_does_not_keep_a_composite_waiting() -> None:
    source = Identity("x")
    lines = [plus(source, 2), minus(source, 2), times(source, 2), over(source, 2, "half")]
    source.push(1, 8.0)
    assert [line.value for line in lines] == [10.0, 6.0, 16.0, 4.0]
    assert lines[3].name == "half"
    constant = ConstantIndicator(3)
    assert (constant.is_ready, constant.value) == (True, 3.0)
    constant.reset()
    assert (constant.value, constant.points[0].value) == (3.0, 3.0)


def test_dividing_by_zero_leaves_the_value() -> None:
    left, right = Identity("left"), Identity("right")
    ratio = over(left, right)
    for number, (a, b) in enumerate(((6.0, 3.0), (9.0, 0.0), (8.0, 2.0)), 1):
        left.push(number, a)
        right.push(number, b)
        assert ratio.value == (2.0, 2.0, 4.0)[number - 1]
    assert ratio.samples == 3


def test_a_chain_waits_until_the_first_is_ready_unless_told_not_to() -> None:
    waiting, eager = SimpleMovingAverage(2), SimpleMovingAverage(2)
    first = SimpleMovingAverage(2)
    assert chain(waiting, first) is waiting
    chain(eager, first, wait_for_first_to_ready=False)
    fed(first, 2.0, 4.0, 6.0)  # means: 2 (not ready), 3, 5
    assert (waiting.samples, waiting.value) == (2, 4.0)
    assert (eager.samples, eager.value) == (3, 4.0)


def test_resetting_a_composite_resets_its_parts() -> None:
    left, right = SimpleMovingAverage(2), SimpleMovingAverage(2)
    both = CompositeIndicator(left, right, lambda a, b: max(a.value, b.value))
    fed(left, 1.0, 2.0)
    fed(right, 3.0, 4.0)
    assert both.is_ready
    both.reset()
    assert (left.samples, right.samples, both.samples, both.value) == (0, 0, 0, 0.0)


def test_a_weighted_mean() -> None:
    prices, volumes = Identity("price"), Identity("volume")
    mean = weighted_by(prices, volumes, 2)
    for number, (price, volume) in enumerate(((10.0, 1.0), (20.0, 3.0), (30.0, 1.0)), 1):
        prices.push(number, price)
        volumes.push(number, volume)
    assert mean.value == pytest.approx((20 * 3 + 30 * 1) / 4)
    mean.reset()
    assert (prices.samples, mean.is_ready) == (3, False)


def test_delay_gives_the_oldest_until_it_reaches_back_far_enough() -> None:
    delay = Delay(2)
    assert fed(delay, 1.0, 2.0, 3.0, 4.0) == [1.0, 1.0, 1.0, 2.0]
    assert (delay.is_ready, delay.warm_up_period) == (True, 3)


def test_the_window_starts_with_a_zero() -> None:
    average = SimpleMovingAverage(1)
    average.points.size = 3
    fed(average, 5.0)
    assert [point.value for point in average.points] == [5.0, 0.0]
    fed(average, 6.0, 7.0, 8.0, after_ns=1)
    assert [point.value for point in average.points] == [8.0, 7.0, 6.0]


def test_a_filtered_identity_repeats_what_passed_last() -> None:
    rising = FilteredIdentity(lambda point: point.value > 10)
    seen = []
    for number, close in enumerate((5.0, 12.0, 7.0, 11.0), 1):
        rising.push_bar(bar(SPY, number, close))
        seen.append((rising.value, rising.is_ready))
    assert seen == [(0.0, False), (12.0, True), (12.0, True), (11.0, True)]


def closes(seed: int, count: int) -> list[float]:
    steps = np.random.default_rng(seed).normal(0.0, 0.01, count)
    return [float(value) for value in 100 * np.exp(np.cumsum(steps))]


def test_pairs_agree_with_numpy_though_one_market_closes_later() -> None:
    spy, btc, period = closes(1, 40), closes(2, 40), 10
    beta, covariance = Beta(SPY, BTC, period), Covariance(SPY, BTC, period)
    pearson = Correlation(SPY, BTC, period)
    alpha = Alpha(SPY, BTC, 5, period, 0.01)
    indicators: tuple[Indicator, ...] = (beta, covariance, pearson, alpha)
    for number in range(40):
        for indicator in indicators:
            indicator.push_bar(bar(SPY, number, spy[number]))
            indicator.push_bar(bar(BTC, number, btc[number], late_ns=NS_PER_HOUR))
        assert beta.is_ready is (number >= period), number
    a, b = np.diff(spy) / spy[:-1], np.diff(btc) / btc[:-1]
    matrix = np.cov(a[-period:], b[-period:])
    assert covariance.value == pytest.approx(matrix[0, 1])
    assert beta.value == pytest.approx(matrix[0, 1] / matrix[1, 1])
    assert pearson.value == pytest.approx(np.corrcoef(spy[-period:], btc[-period:])[0, 1])
    own, other = (spy[-1] / spy[-6] - 1) / 5, (btc[-1] / btc[-6] - 1) / 5
    assert alpha.value == pytest.approx(own - (0.01 + beta.value * (other - 0.01)))
    assert (beta.warm_up_period, pearson.warm_up_period, alpha.warm_up_period) == (11, 10, 11)


def test_ranks_share_the_places_of_ties() -> None:
    spearman = Correlation(SPY, BTC, 4, CorrelationType.SPEARMAN)
    for number, (a, b) in enumerate(((1.0, 1.0), (2.0, 7.0), (2.0, 9.0), (8.0, 8.0))):
        spearman.push_bar(bar(SPY, number, a))
        spearman.push_bar(bar(BTC, number, b))
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 4, 3
    assert spearman.value == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 2, 4, 3])[0, 1])


def test_minute_bars_pair_by_minute_and_prices_that_stand_still_give_no_beta() -> None:
    beta = Beta(SPY, BTC, 2)
    for number in range(4):
        beta.push_bar(bar(SPY, number, 50.0, NS_PER_MINUTE))
        beta.push_bar(bar(BTC, number, 60.0, NS_PER_MINUTE))
    assert (beta.is_ready, beta.value) == (True, 0.0)
    beta.push_bar(bar(SPY, 4, 55.0, NS_PER_MINUTE))
    assert beta.samples == 9
    beta.push_bar(bar(SPY, 2, 1.0, NS_PER_MINUTE))  # older than its symbol's newest
    assert beta.samples == 9
    with pytest.raises(AlgorithmError, match="not about"):
        beta.push_bar(bar(symbol_of("QQQ"), 5, 1.0))
    with pytest.raises(AlgorithmError, match="two symbols"):
        Beta(SPY, SPY, 5)


def test_a_float_in_place_of_the_second_period_is_the_rate() -> None:
    assert Alpha(SPY, BTC, 5, 0.02).risk_free_rate == 0.02
    assert Alpha(SPY, BTC, 5, 0.02).warm_up_period == 6
    with pytest.raises(AlgorithmError, match="for beta"):
        Alpha(SPY, BTC, 1, 1)


@pytest.mark.parametrize("orders", [(1, 0, 1), (2, 1, 2), (1, 2, 0)], ids=str)
@pytest.mark.parametrize("intercept", [True, False])
def test_arima_agrees_with_two_least_squares_fits(orders: tuple[int, int, int], intercept: bool) -> None:
    p, d, q = orders
    values, period = closes(3, 60), 30
    arima = AutoRegressiveIntegratedMovingAverage(p, d, q, period, intercept)
    fed(arima, *values)
    series, heads = np.array(values[-period:][::-1]), []
    for _ in range(d):
        heads.append(series[-1])
        series = series[:-1] - series[1:]
    lags = np.column_stack([series[p - back : len(series) - back] for back in range(1, p + 1)])
    fits = np.linalg.lstsq(lags, series[p:], rcond=None)[0]
    residuals = np.concatenate((np.zeros(p), series[p:] - lags @ fits))
    forecast = 0.0
    if q:
        errors = np.column_stack([residuals[q - back : len(series) - back] for back in range(1, q + 1)])
        table = np.column_stack((lags[: len(errors)], errors))
        if intercept:
            table = np.column_stack((np.ones(len(table)), table))
        fits = np.linalg.lstsq(table, series[q:], rcond=None)[0]
        if intercept:
            forecast, fits = fits[0], fits[1:]
        forecast += fits[p:] @ residuals[q + 1 : 2 * q + 1]
    forecast += fits[:p] @ series[:p]
    whole = np.concatenate(([forecast], series))
    for head in heads:
        whole = np.cumsum(np.append(whole, head)[::-1])[::-1]
    assert arima.value == pytest.approx(whole[0], rel=1e-6)


def test_arima_of_prices_that_stand_still_forecasts_nothing() -> None:
    arima = AutoRegressiveIntegratedMovingAverage(1, 1, 1, 10)
    fed(arima, *[5.0] * 12)
    assert arima.ar_parameters == [0.0]
    with pytest.raises(AlgorithmError, match="no less than ar_order"):
        AutoRegressiveIntegratedMovingAverage(2, 0, 1, 10)


def test_hurst_and_efficiency_do_not_divide_rounding_by_rounding() -> None:
    moved, still = closes(4, 40), [100.1] * 60
    hurst, efficiency = HurstExponent(30, 5), KaufmanEfficiencyRatio(5)
    fed(hurst, *moved, *still)
    fed(efficiency, *moved, *still)
    assert hurst.value == 0.0
    assert efficiency.value == 1.0  # no path: LEAN takes the way as wholly made


def test_hurst_agrees_with_a_fit_over_deviations() -> None:
    values, period, lags = closes(5, 100), 40, range(2, 11)
    hurst = HurstExponent(period, 10)
    fed(hurst, *values)
    newest = np.array(values[-period:])
    deviations = [np.std(newest[lag:] - newest[:-lag]) for lag in lags]
    assert hurst.value == pytest.approx(np.polyfit(np.log(list(lags)), np.log(deviations), 1)[0], rel=1e-8)
