"""Candlestick patterns against LEAN's test tables, against TA-Lib, and against ties written out by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest
import talib

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.indicators import REGISTRY, Indicator
from livetrader_engine.indicators.candlesticks import (
    CandleRangeType,
    CandleSetting,
    CandleSettings,
    CandleSettingType,
    CandlestickPattern,
)
from livetrader_engine.indicators.candlesticks.ones import Doji
from livetrader_engine.indicators.candlesticks.twos import Engulfing
from livetrader_engine.symbols import NS_PER_DAY
from tests.unit.engine.indicators.reference import FOLDER, bars_of, symbol_of

# LEAN's class -> TA-Lib's name behind CDL
NAMES: Final = {
    "TwoCrows": "2CROWS", "ThreeBlackCrows": "3BLACKCROWS", "ThreeInside": "3INSIDE",
    "ThreeLineStrike": "3LINESTRIKE", "ThreeOutside": "3OUTSIDE", "ThreeStarsInSouth": "3STARSINSOUTH",
    "ThreeWhiteSoldiers": "3WHITESOLDIERS", "AbandonedBaby": "ABANDONEDBABY",
    "AdvanceBlock": "ADVANCEBLOCK", "BeltHold": "BELTHOLD", "Breakaway": "BREAKAWAY",
    "ClosingMarubozu": "CLOSINGMARUBOZU", "ConcealedBabySwallow": "CONCEALBABYSWALL",
    "Counterattack": "COUNTERATTACK", "DarkCloudCover": "DARKCLOUDCOVER", "Doji": "DOJI",
    "DojiStar": "DOJISTAR", "DragonflyDoji": "DRAGONFLYDOJI", "Engulfing": "ENGULFING",
    "EveningDojiStar": "EVENINGDOJISTAR", "EveningStar": "EVENINGSTAR",
    "GapSideBySideWhite": "GAPSIDESIDEWHITE", "GravestoneDoji": "GRAVESTONEDOJI", "Hammer": "HAMMER",
    "HangingMan": "HANGINGMAN", "Harami": "HARAMI", "HaramiCross": "HARAMICROSS",
    "HighWaveCandle": "HIGHWAVE", "Hikkake": "HIKKAKE", "HikkakeModified": "HIKKAKEMOD",
    "HomingPigeon": "HOMINGPIGEON", "IdenticalThreeCrows": "IDENTICAL3CROWS", "InNeck": "INNECK",
    "InvertedHammer": "INVERTEDHAMMER", "Kicking": "KICKING", "KickingByLength": "KICKINGBYLENGTH",
    "LadderBottom": "LADDERBOTTOM", "LongLeggedDoji": "LONGLEGGEDDOJI", "LongLineCandle": "LONGLINE",
    "Marubozu": "MARUBOZU", "MatHold": "MATHOLD", "MatchingLow": "MATCHINGLOW",
    "MorningDojiStar": "MORNINGDOJISTAR", "MorningStar": "MORNINGSTAR", "OnNeck": "ONNECK",
    "Piercing": "PIERCING", "RickshawMan": "RICKSHAWMAN", "RiseFallThreeMethods": "RISEFALL3METHODS",
    "SeparatingLines": "SEPARATINGLINES", "ShootingStar": "SHOOTINGSTAR", "ShortLineCandle": "SHORTLINE",
    "SpinningTop": "SPINNINGTOP", "StalledPattern": "STALLEDPATTERN", "StickSandwich": "STICKSANDWICH",
    "Takuri": "TAKURI", "TasukiGap": "TASUKIGAP", "Thrusting": "THRUSTING", "Tristar": "TRISTAR",
    "UniqueThreeRiver": "UNIQUE3RIVER", "UpDownGapThreeMethods": "XSIDEGAP3METHODS",
    "UpsideGapTwoCrows": "UPSIDEGAP2CROWS",
}  # fmt: skip

# Tables that LEAN leaves out for a pattern: ties that its decimals see and the table's doubles do not, or
# sums that LEAN begins elsewhere
LEFT_OUT: Final = {
    "spy": {"HighWaveCandle", "RickshawMan", "ShortLineCandle", "SpinningTop", "StickSandwich"},
    "ewz": {"HikkakeModified"},
    "eurusd": {"HighWaveCandle", "HikkakeModified", "MorningStar", "StickSandwich"},
}

# LEAN averages other candles here than TA-Lib does: they only agree as far as LEAN's own tables show it
SUMMED_OTHERWISE: Final = {
    "AbandonedBaby", "Counterattack", "HikkakeModified", "MorningStar", "StickSandwich",
}  # fmt: skip


def patterns() -> dict[str, type[Indicator]]:
    return {
        name: entry.indicator
        for name, entry in REGISTRY.items()
        if issubclass(entry.indicator, CandlestickPattern)
    }


def test_every_pattern_is_compared() -> None:
    assert set(patterns()) == set(NAMES)


@pytest.mark.parametrize("table", LEFT_OUT)
def test_patterns_are_found_where_leans_tables_have_them(table: str) -> None:
    rows = list(bars_of(FOLDER / f"{table}_candle_patterns.csv"))
    for name, make in patterns().items():
        if name in LEFT_OUT[table]:
            continue
        pattern = make()  # type: ignore[call-arg]  # all have a default name
        for bar, row in rows:
            expected = sum(int(hit[-2:]) for hit in row["patterns"].split() if hit[:-2] == NAMES[name])
            if pattern.push_bar(bar):
                assert pattern.value == expected, f"{name} in row {row['date']}"


def candles(seed: int, count: int) -> Iterator[TradeBar]:
    """Yield candles that lean on the ones before, with prices so odd that sizes never tie."""
    chance = random.Random(seed)
    opens, high, low, close = 50.0, 50.5, 49.5, 50.2
    trend, left = 1, 0
    for number in range(1, count + 1):
        if not left:
            trend, left = chance.choice((-1, 1)), chance.randint(1, 5)
        left -= 1
        base = chance.choice((opens, close, close, high, low))
        opens = max(base + chance.choice((0.001, 0.1, 0.3)) * chance.uniform(-1, 1), 20)
        close = max(opens + trend * chance.choice((0.004, 0.1, 0.4)) * chance.random(), 20)
        high = max(opens, close) + chance.choice((0.0, 0.001, 0.2)) * chance.random()
        low = min(opens, close) - chance.choice((0.0, 0.001, 0.2)) * chance.random()
        start_ns = number * NS_PER_DAY
        yield TradeBar(symbol_of("SPY"), start_ns, start_ns + NS_PER_DAY, opens, high, low, close, 1.0)


# patterns that are in none of the tables -> a seed of candles that have them
RARE: Final = {
    "Breakaway": 16, "ConcealedBabySwallow": 16, "MatHold": 17, "RiseFallThreeMethods": 16,
    "ThreeBlackCrows": 16, "ThreeStarsInSouth": 22,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(NAMES) - SUMMED_OTHERWISE))
def test_patterns_are_found_where_ta_lib_finds_them(name: str) -> None:
    bars = list(candles(RARE.get(name, 11), 4000 if name in RARE else 1500))
    columns = (np.array([getattr(bar, part) for bar in bars]) for part in ("open", "high", "low", "close"))
    found = getattr(talib, f"CDL{NAMES[name]}")(*columns)
    assert found.any() or name not in RARE
    pattern = patterns()[name]()  # type: ignore[call-arg]  # all have a default name
    for number, bar in enumerate(bars):
        if pattern.push_bar(bar):
            assert pattern.value * 100 == found[number], f"{name} in candle {number}"


def bar_at(number: int, opens: float, high: float, low: float, close: float) -> TradeBar:
    start_ns = number * NS_PER_DAY
    return TradeBar(symbol_of("SPY"), start_ns, start_ns + NS_PER_DAY, opens, high, low, close, 1.0)


def test_a_body_of_just_a_tenth_of_the_average_range_is_a_doji() -> None:
    # ranges of 0.7: a tenth is 0.07, which 10.1 - 10.03 misses in floats
    doji = Doji()
    for number in range(1, 11):
        assert not doji.push_bar(bar_at(number, 10.0, 10.5, 9.8, 10.4))
        assert doji.value == 0
    assert 10.1 - 10.03 > 0.1 * 0.7
    doji.push_bar(bar_at(11, 10.03, 10.5, 9.8, 10.1))
    assert doji.value == 1
    doji.push_bar(bar_at(12, 10.03, 10.5, 9.8, 10.11))
    assert doji.value == 0


def test_an_engulfing_candle_tells_its_direction() -> None:
    engulfing = Engulfing()
    values = []
    for number, (opens, close) in enumerate(((10, 11), (11, 10.5), (10.4, 11.1), (11.2, 10.3)), 1):
        engulfing.push_bar(bar_at(number, opens, 12, 9, close))
        values.append(engulfing.value)
    assert values == [0, 0, 1, -1]


def test_changed_settings_hold_for_patterns_made_afterwards() -> None:
    before, usual = Doji(), CandleSettings.get(CandleSettingType.BODY_DOJI)
    CandleSettings.set(CandleSettingType.BODY_DOJI, CandleSetting(CandleRangeType.HIGH_LOW, 3, 0.5))
    try:
        after = Doji()
    finally:
        CandleSettings.set(CandleSettingType.BODY_DOJI, usual)
    assert (before.warm_up_period, after.warm_up_period) == (11, 4)
    for number in range(1, 5):
        after.push_bar(bar_at(number, 10.0, 10.5, 9.5, 10.5))
    assert after.value == 1  # half of the range
