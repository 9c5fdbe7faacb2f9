"""Indicators against references that share no code with them: pandas, numpy and sums written out."""

from __future__ import annotations

import inspect
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import REGISTRY, Indicator, InputKind, RollingWindow, SymbolsTaken
from livetrader_engine.indicators.averages import (
    DoubleExponentialMovingAverage,
    ExponentialMovingAverage,
    HullMovingAverage,
    KaufmanAdaptiveMovingAverage,
    LinearWeightedMovingAverage,
    MovingAverageType,
    SimpleMovingAverage,
    Sum,
    TripleExponentialMovingAverage,
    WilderMovingAverage,
    make_average,
)
from livetrader_engine.indicators.extremes import (
    AroonOscillator,
    DonchianChannel,
    Maximum,
    Minimum,
    Stochastic,
    WilliamsPercentR,
)
from livetrader_engine.indicators.momentum import (
    Momentum,
    MovingAverageConvergenceDivergence,
    RateOfChange,
    RateOfChangePercent,
    RelativeStrengthIndex,
)
from livetrader_engine.indicators.trend import AverageDirectionalIndex, CommodityChannelIndex
from livetrader_engine.indicators.volatility import (
    AverageTrueRange,
    BollingerBands,
    StandardDeviation,
    Variance,
)
from livetrader_engine.indicators.volume import (
    MoneyFlowIndex,
    OnBalanceVolume,
    VolumeWeightedAveragePriceIndicator,
)
from tests.unit.engine.indicators.reference import example_arguments

COUNT = 120
PERIOD = 7


class Bar(NamedTuple):
    end_time_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def value(self) -> float:
        return self.close


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    steps = np.random.default_rng(7).normal(0.0, 1.0, COUNT)
    close = 100 + np.cumsum(steps)
    opens = np.concatenate(([100.0], close[:-1])) + 0.1
    spread = np.random.default_rng(8).uniform(0.1, 1.5, COUNT)
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close) + spread,
            "low": np.minimum(opens, close) - spread / 2,
            "close": close,
            "volume": np.random.default_rng(9).integers(100, 10_000, COUNT).astype(float),
        }
    )


def run(indicator: Indicator, bars: pd.DataFrame) -> tuple[list[float], list[bool]]:
    values, ready = [], []
    for number, row in enumerate(bars.itertuples(index=False)):
        ready.append(indicator.push_bar(Bar(number + 1, *row)))
        values.append(indicator.value)
    return values, ready


def agrees(indicator: Indicator, bars: pd.DataFrame, expected: pd.Series) -> None:
    values, ready = run(indicator, bars)
    first = indicator.warm_up_period - 1
    assert ready == [number >= first for number in range(len(bars))]
    np.testing.assert_allclose(values[first:], expected.to_numpy()[first:], rtol=1e-9, atol=1e-9)


def seeded_ema(values: list[float], period: int, factor: float | None = None) -> list[float]:
    """Write LEAN's rule out: 0 before the period is full, then the mean, then smoothing."""
    factor = 2 / (period + 1) if factor is None else factor
    out: list[float] = []
    for number, value in enumerate(values):
        if number + 1 < period:
            out.append(0.0)
        elif number + 1 == period:
            out.append(sum(values[:period]) / period)
        else:
            out.append(factor * value + (1 - factor) * out[-1])
    return out


def wilder(values: list[float], period: int) -> list[float]:
    out: list[float] = []
    for number, value in enumerate(values):
        if number + 1 < period:
            out.append(sum(values[: number + 1]) / (number + 1))
        else:
            out.append(value / period + out[-1] * (1 - 1 / period))
    return out


def weighted(values: pd.Series, period: int) -> pd.Series:
    weights = np.arange(1, period + 1)
    return values.rolling(period).apply(lambda part: float(part @ weights) / weights.sum(), raw=True)


def true_range(bars: pd.DataFrame) -> pd.Series:
    before = bars.close.shift()
    parts = [bars.high - bars.low, (bars.high - before).abs(), (bars.low - before).abs()]
    return pd.concat(parts, axis=1).max(axis=1)


def test_simple_average_sum_and_extremes_agree_with_rolling_windows(bars: pd.DataFrame) -> None:
    close = bars.close
    agrees(SimpleMovingAverage(PERIOD), bars, close.rolling(PERIOD).mean())
    agrees(Sum(PERIOD), bars, close.rolling(PERIOD).sum())
    agrees(Maximum(PERIOD), bars, close.rolling(PERIOD).max())
    agrees(Minimum(PERIOD), bars, close.rolling(PERIOD).min())


def test_exponential_average_is_zero_then_the_mean_then_smoothed() -> None:
    ema = ExponentialMovingAverage(3)
    seen = [(ema.push(number, value), ema.value) for number, value in enumerate((1.0, 2.0, 6.0, 5.0), 1)]
    assert seen == [(False, 0.0), (False, 0.0), (True, 3.0), (True, 4.0)]  # 5·½ + 3·½


def test_wilder_average_by_hand() -> None:
    average = WilderMovingAverage(3)
    values = []
    for number, value in enumerate((3.0, 5.0, 10.0, 1.0), 1):
        average.push(number, value)
        values.append(average.value)
    third = 10 / 3 + 4 * 2 / 3  # smoothed into the mean of the first two
    assert values == pytest.approx([3.0, 4.0, third, 1 / 3 + third * 2 / 3])


def test_weighted_and_hull_averages_agree_with_written_out_weights(bars: pd.DataFrame) -> None:
    agrees(LinearWeightedMovingAverage(PERIOD), bars, weighted(bars.close, PERIOD))
    hull = weighted(2 * weighted(bars.close, 8) - weighted(bars.close, 16), 4)
    agrees(HullMovingAverage(16), bars, hull)


def test_double_and_triple_exponential_agree_with_nested_emas(bars: pd.DataFrame) -> None:
    first = seeded_ema(list(bars.close), PERIOD)
    second = seeded_ema(first[PERIOD - 1 :], PERIOD)
    third = seeded_ema(second[PERIOD - 1 :], PERIOD)
    at = 2 * (PERIOD - 1)
    double = [2 * a - b for a, b in zip(first[at:], second[at - PERIOD + 1 :], strict=True)]
    agrees(DoubleExponentialMovingAverage(PERIOD), bars, pd.Series([np.nan] * at + double))
    last = 3 * (PERIOD - 1)
    triple = [
        3 * a - 3 * b + c
        for a, b, c in zip(first[last:], second[last - PERIOD + 1 :], third[last - at :], strict=True)
    ]
    agrees(TripleExponentialMovingAverage(PERIOD), bars, pd.Series([np.nan] * last + triple))


def test_kaufman_average_agrees_with_its_definition(bars: pd.DataFrame) -> None:
    close = list(bars.close)
    expected: list[float] = []
    for number, value in enumerate(close):
        if number < PERIOD:
            expected.append(value)
            continue
        way = value - close[number - PERIOD]
        path = sum(abs(close[i] - close[i - 1]) for i in range(number - PERIOD + 1, number + 1))
        efficiency = 1.0 if path <= way or path == 0 else abs(way / path)
        before = close[number - 1] if number == PERIOD else expected[-1]
        factor = (efficiency * (2 / 3 - 2 / 31) + 2 / 31) ** 2
        expected.append(before + factor * (value - before))
    agrees(KaufmanAdaptiveMovingAverage(PERIOD), bars, pd.Series(expected))


def test_momentum_and_rates_agree_with_differences(bars: pd.DataFrame) -> None:
    agrees(Momentum(PERIOD), bars, bars.close.diff(PERIOD))
    agrees(RateOfChange(PERIOD), bars, bars.close.pct_change(PERIOD))
    agrees(RateOfChangePercent(PERIOD), bars, 100 * bars.close.pct_change(PERIOD))


def test_variance_and_bands_divide_by_n(bars: pd.DataFrame) -> None:
    agrees(Variance(PERIOD), bars, bars.close.rolling(PERIOD).var(ddof=0))
    agrees(StandardDeviation(PERIOD), bars, bars.close.rolling(PERIOD).std(ddof=0))
    bands = BollingerBands(PERIOD, 2)
    agrees(bands, bars, bars.close)
    middle, deviation = bars.close.rolling(PERIOD).mean(), bars.close.rolling(PERIOD).std(ddof=0)
    assert bands.upper_band.value == pytest.approx((middle + 2 * deviation).iloc[-1])
    assert bands.lower_band.value == pytest.approx((middle - 2 * deviation).iloc[-1])
    assert bands.band_width.value == pytest.approx((400 * deviation / middle).iloc[-1])
    assert bands.percent_b.value == pytest.approx(
        ((bars.close - middle + 2 * deviation) / (4 * deviation)).iloc[-1]
    )


def test_relative_strength_agrees_with_wilders_averages(bars: pd.DataFrame) -> None:
    moves = list(bars.close.diff().iloc[1:])
    gains = wilder([max(move, 0.0) for move in moves], PERIOD)
    losses = wilder([max(-move, 0.0) for move in moves], PERIOD)
    expected = [np.nan] + [
        100 - 100 / (1 + g / x) if x else 100.0 for g, x in zip(gains, losses, strict=True)
    ]
    agrees(RelativeStrengthIndex(PERIOD), bars, pd.Series(expected))


def test_relative_strength_without_losses_is_one_hundred() -> None:
    rsi = RelativeStrengthIndex(3)
    for number in range(1, 8):
        rsi.push(number, float(number))
    assert rsi.value == 100.0


def test_macd_signal_and_histogram(bars: pd.DataFrame) -> None:
    macd = MovingAverageConvergenceDivergence(5, 9, 4)
    fast, slow = seeded_ema(list(bars.close), 5), seeded_ema(list(bars.close), 9)
    lines = [a - b for a, b in zip(fast, slow, strict=True)]
    agrees(macd, bars, pd.Series(lines))
    signal = seeded_ema(lines[8:], 4)[-1]
    assert macd.signal.value == pytest.approx(signal)
    assert macd.histogram.value == pytest.approx(lines[-1] - signal)
    with pytest.raises(AlgorithmError, match="fast period"):
        MovingAverageConvergenceDivergence(9, 5, 4)


def test_true_range_averages(bars: pd.DataFrame) -> None:
    ranges = true_range(bars)
    agrees(AverageTrueRange(PERIOD, MovingAverageType.SIMPLE), bars, ranges.rolling(PERIOD).mean())
    agrees(AverageTrueRange(PERIOD), bars, pd.Series(wilder(list(ranges), PERIOD)))


def test_channels_and_oscillators_of_extremes(bars: pd.DataFrame) -> None:
    high, low = bars.high.rolling(PERIOD).max(), bars.low.rolling(PERIOD).min()
    agrees(DonchianChannel(PERIOD), bars, (high + low) / 2)
    agrees(WilliamsPercentR(PERIOD), bars, -100 * (high - bars.close) / (high - low))
    agrees(AroonOscillator(PERIOD), bars, _aroon(bars))


def _aroon(bars: pd.DataFrame) -> pd.Series:
    out = [np.nan] * PERIOD
    for last in range(PERIOD, len(bars)):
        highs = list(bars.high.iloc[last - PERIOD : last + 1])
        lows = list(bars.low.iloc[last - PERIOD : last + 1])
        since_high, since_low = PERIOD - highs.index(max(highs)), PERIOD - lows.index(min(lows))
        out.append(100 * (PERIOD - since_high) / PERIOD - 100 * (PERIOD - since_low) / PERIOD)
    return pd.Series(out)


def test_stochastic_lines(bars: pd.DataFrame) -> None:
    stochastic = Stochastic(PERIOD, 3, 4)
    high, low = bars.high.rolling(PERIOD).max(), bars.low.rolling(PERIOD).min()
    fast = 100 * (bars.close - low) / (high - low)
    agrees(stochastic, bars, fast)
    assert stochastic.stoch_k.value == pytest.approx(fast.rolling(3).mean().iloc[-1])
    assert stochastic.stoch_d.value == pytest.approx(fast.rolling(3).mean().rolling(4).mean().iloc[-1])


def test_directional_index_agrees_with_wilders_sums(bars: pd.DataFrame) -> None:
    adx = AverageDirectionalIndex(PERIOD)
    values, _ = run(adx, bars)
    up, down = bars.high.diff(), -bars.low.diff()
    ranges = list(true_range(bars).iloc[1:])
    plus = [a if a > 0 and a >= b else 0.0 for a, b in zip(up.iloc[1:], down.iloc[1:], strict=True)]
    minus = [b if b > 0 and b > a else 0.0 for a, b in zip(up.iloc[1:], down.iloc[1:], strict=True)]

    def smoothed(moves: list[float]) -> list[float]:
        total, out = 0.0, []
        for number, move in enumerate(moves):
            total = total + move if number < PERIOD else total - total / PERIOD + move
            out.append(total)
        return out

    sums = [smoothed(series) for series in (ranges, plus, minus)]
    index = []
    for _, rise, fall in list(zip(*sums, strict=True))[PERIOD - 1 :]:
        index.append(100 * abs(rise - fall) / (rise + fall) if rise + fall else np.nan)
    assert not np.isnan(index).any()
    assert values[-1] == pytest.approx(wilder(index, PERIOD)[-1])
    assert adx.positive_directional_index.value == pytest.approx(100 * sums[1][-1] / sums[0][-1])
    assert adx.is_ready


def test_commodity_channel_index(bars: pd.DataFrame) -> None:
    typical = (bars.high + bars.low + bars.close) / 3
    mean = typical.rolling(PERIOD).mean()
    distance = typical.rolling(PERIOD).apply(lambda part: float(np.abs(part - part.mean()).mean()), raw=True)
    agrees(CommodityChannelIndex(PERIOD), bars, (typical - mean) / (0.015 * distance))


def test_volume_indicators(bars: pd.DataFrame) -> None:
    direction = np.sign(bars.close.diff()).fillna(1.0)
    agrees(OnBalanceVolume(), bars, (direction * bars.volume).cumsum())
    mean = (bars.open + bars.high + bars.low + bars.close) / 4
    shares = bars.volume.rolling(PERIOD).sum()
    agrees(
        VolumeWeightedAveragePriceIndicator(PERIOD), bars, (mean * bars.volume).rolling(PERIOD).sum() / shares
    )
    typical = (bars.high + bars.low + bars.close) / 3
    flow = typical * bars.volume
    rising = flow.where(typical > typical.shift().fillna(0.0), 0.0).rolling(PERIOD).sum()
    falling = flow.where(typical < typical.shift(), 0.0).rolling(PERIOD).sum()
    agrees(MoneyFlowIndex(PERIOD), bars, 100 * rising / (rising + falling))


# made of other indicators, and so reset with them; never unready; or in need of bars over many days
SPECIAL = {"CompositeIndicator", "ConstantIndicator", "RelativeDailyVolume"}
OF_ONE_SYMBOL = [
    name for name, entry in sorted(REGISTRY.items())
    if entry.symbols is SymbolsTaken.ONE
    and name not in SPECIAL
    and "option" not in inspect.signature(entry.indicator).parameters
]  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE_SYMBOL)
def test_every_indicator_starts_over_after_a_reset(name: str, bars: pd.DataFrame) -> None:
    cls = REGISTRY[name].indicator
    indicator = cls(*example_arguments(cls))  # type: ignore[arg-type]  # the class's own parameters
    first = run(indicator, bars)
    assert indicator.is_ready
    indicator.reset()
    assert not indicator.is_ready
    assert run(indicator, bars) == first


def test_indicators_only_go_forward_and_refuse_the_wrong_input() -> None:
    sma = SimpleMovingAverage(2)
    sma.push(10, 1.0)
    sma.push(9, 50.0)
    assert (sma.samples, sma.value) == (1, 1.0)
    atr = AverageTrueRange(3)
    assert atr.kind is InputKind.BAR
    with pytest.raises(AlgorithmError, match="needs bars"):
        atr.push(1, 2.0)
    with pytest.raises(AlgorithmError, match="1 or more"):
        SimpleMovingAverage(0)
    assert {kind for kind in MovingAverageType if make_average(kind, 5).warm_up_period >= 5} == set(
        MovingAverageType
    )


def test_handlers_hear_of_each_value() -> None:
    heard = []
    sma = SimpleMovingAverage(2)
    sma.handlers.append(lambda sender, point: heard.append((sender.name, point.time_ns, point.value)))
    sma.push(1, 1.0)
    sma.push(2, 3.0)
    assert heard == [("SMA(2)", 1, 1.0), ("SMA(2)", 2, 2.0)]


def test_rolling_window_keeps_the_newest_first() -> None:
    window: RollingWindow[int] = RollingWindow(2)
    for item in (1, 2, 3):
        window.add(item)
    assert list(window) == [3, 2]
    assert (window[0], window.most_recently_removed, window.samples, window.is_ready) == (3, 1, 3, True)
    with pytest.raises(IndexError, match="no index 2"):
        window[2]
    window.size = 3
    window.add(4)
    assert list(window) == [4, 3, 2]
