"""Candlestick patterns, by the number of candles they are made of."""

from livetrader_engine.indicators.candlesticks import fives, hikkake, ones, soldiers, threes, twos
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleRangeType,
    CandleSetting,
    CandleSettings,
    CandleSettingType,
    CandlestickPattern,
)

PATTERNS = (fives, hikkake, ones, soldiers, threes, twos)

__all__ = [
    "PATTERNS",
    "Average",
    "Candle",
    "CandleRangeType",
    "CandleSetting",
    "CandleSettingType",
    "CandleSettings",
    "CandlestickPattern",
]
