"""Patterns of one candle. Sources: LEAN Indicators/CandlestickPatterns/{BeltHold,Doji,Marubozu,…}.cs."""

from __future__ import annotations

from collections import deque

from livetrader_engine.indicators.base import indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
)

_Kind = CandleSettingType
_LONG = Average(_Kind.BODY_LONG)
_SHORT = Average(_Kind.BODY_SHORT)
_DOJI = Average(_Kind.BODY_DOJI)
_SHADOW_LONG = Average(_Kind.SHADOW_LONG)
_SHADOW_VERY_LONG = Average(_Kind.SHADOW_VERY_LONG)
_SHADOW_SHORT = Average(_Kind.SHADOW_SHORT)
_SHADOW_VERY_SHORT = Average(_Kind.SHADOW_VERY_SHORT)


@indicator()
class BeltHold(CandlestickPattern):
    """Long body without the shadow at its open."""

    averages = (_LONG, _SHADOW_VERY_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        if candle.body <= self.average(_Kind.BODY_LONG):
            return 0
        shadow = candle.lower if candle.white else candle.upper
        return candle.color if shadow < self.average(_Kind.SHADOW_VERY_SHORT) else 0


@indicator()
class ClosingMarubozu(CandlestickPattern):
    """Long body without the shadow at its close."""

    averages = (_LONG, _SHADOW_VERY_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        if candle.body <= self.average(_Kind.BODY_LONG):
            return 0
        shadow = candle.upper if candle.white else candle.lower
        return candle.color if shadow < self.average(_Kind.SHADOW_VERY_SHORT) else 0


@indicator()
class Marubozu(CandlestickPattern):
    """Long body without shadows."""

    averages = (_LONG, _SHADOW_VERY_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle, shadow = candles[0], self.average(_Kind.SHADOW_VERY_SHORT)
        long = candle.body > self.average(_Kind.BODY_LONG)
        return candle.color if long and candle.upper < shadow and candle.lower < shadow else 0


@indicator()
class Doji(CandlestickPattern):
    """Open and close at about the same price."""

    averages = (_DOJI,)

    def _judge(self, candles: deque[Candle]) -> int:
        return int(candles[0].body <= self.average(_Kind.BODY_DOJI))


@indicator()
class DragonflyDoji(CandlestickPattern):
    """Doji at the high, with a lower shadow."""

    averages = (_DOJI, _SHADOW_VERY_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle, shadow = candles[0], self.average(_Kind.SHADOW_VERY_SHORT)
        doji = candle.body <= self.average(_Kind.BODY_DOJI)
        return int(doji and candle.upper < shadow < candle.lower)


@indicator()
class GravestoneDoji(CandlestickPattern):
    """Doji at the low, with an upper shadow."""

    averages = (_DOJI, _SHADOW_VERY_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle, shadow = candles[0], self.average(_Kind.SHADOW_VERY_SHORT)
        doji = candle.body <= self.average(_Kind.BODY_DOJI)
        return int(doji and candle.lower < shadow < candle.upper)


@indicator()
class LongLeggedDoji(CandlestickPattern):
    """Doji with a long shadow."""

    averages = (_DOJI, _SHADOW_LONG)

    def _judge(self, candles: deque[Candle]) -> int:
        candle, shadow = candles[0], self.average(_Kind.SHADOW_LONG)
        return int(candle.body <= self.average(_Kind.BODY_DOJI) and max(candle.lower, candle.upper) > shadow)


@indicator()
class RickshawMan(CandlestickPattern):
    """Doji with two long shadows and the body in the middle."""

    averages = (_DOJI, _SHADOW_LONG, Average(_Kind.NEAR))

    def _judge(self, candles: deque[Candle]) -> int:
        candle, shadow = candles[0], self.average(_Kind.SHADOW_LONG)
        if candle.body > self.average(_Kind.BODY_DOJI) or min(candle.lower, candle.upper) <= shadow:
            return 0
        middle, near = (candle.low + candle.high) / 2, self.average(_Kind.NEAR)
        return int(candle.bottom <= middle + near and candle.top >= middle - near)


@indicator()
class Takuri(CandlestickPattern):
    """Dragonfly doji with a very long lower shadow."""

    averages = (_DOJI, _SHADOW_VERY_SHORT, _SHADOW_VERY_LONG)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        doji = candle.body <= self.average(_Kind.BODY_DOJI)
        bare = candle.upper < self.average(_Kind.SHADOW_VERY_SHORT)
        return int(doji and bare and candle.lower > self.average(_Kind.SHADOW_VERY_LONG))


@indicator()
class HighWaveCandle(CandlestickPattern):
    """Short body with two very long shadows."""

    averages = (_SHORT, _SHADOW_VERY_LONG)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        short = candle.body < self.average(_Kind.BODY_SHORT)
        waves = min(candle.upper, candle.lower) > self.average(_Kind.SHADOW_VERY_LONG)
        return candle.color if short and waves else 0


@indicator()
class LongLineCandle(CandlestickPattern):
    """Long body with short shadows."""

    averages = (_LONG, _SHADOW_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        long = candle.body > self.average(_Kind.BODY_LONG)
        bare = max(candle.upper, candle.lower) < self.average(_Kind.SHADOW_SHORT)
        return candle.color if long and bare else 0


@indicator()
class ShortLineCandle(CandlestickPattern):
    """Short body with short shadows."""

    averages = (_SHORT, _SHADOW_SHORT)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        short = candle.body < self.average(_Kind.BODY_SHORT)
        bare = max(candle.upper, candle.lower) < self.average(_Kind.SHADOW_SHORT)
        return candle.color if short and bare else 0


@indicator()
class SpinningTop(CandlestickPattern):
    """Short body with shadows longer than it."""

    averages = (_SHORT,)

    def _judge(self, candles: deque[Candle]) -> int:
        candle = candles[0]
        short = candle.body < self.average(_Kind.BODY_SHORT)
        return candle.color if short and min(candle.upper, candle.lower) > candle.body else 0
