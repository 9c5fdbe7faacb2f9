"""Patterns of four and five candles. Sources: LEAN Indicators/CandlestickPatterns/{MatHold,…}.cs."""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Final

from livetrader_engine.indicators.base import indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
    PenetratingPattern,
)

_Kind = CandleSettingType


@indicator()
class ConcealedBabySwallow(CandlestickPattern):
    """Two black marubozus, a black candle below with an upper shadow into them, and one that covers it."""

    averages = tuple(Average(_Kind.SHADOW_VERY_SHORT, lag) for lag in (3, 2, 1))
    length = 4

    def _judge(self, candles: deque[Candle]) -> int:
        fourth, third, second, first = (candles[lag] for lag in range(4))
        if not (first.black and second.black and third.black and fourth.black):
            return 0
        for candle, lag in ((first, 3), (second, 2)):
            if max(candle.lower, candle.upper) >= self.average(_Kind.SHADOW_VERY_SHORT, lag):
                return 0
        into = third.upper > self.average(_Kind.SHADOW_VERY_SHORT, 1) and third.high > second.close
        covers = fourth.high > third.high and fourth.low < third.low
        return int(third.body_gaps_down(second) and into and covers)


@indicator()
class ThreeLineStrike(CandlestickPattern):
    """Three candles in a row of one color, and one of the other that takes all of it back."""

    averages = (Average(_Kind.NEAR, 3), Average(_Kind.NEAR, 2))
    length = 4

    def _judge(self, candles: deque[Candle]) -> int:
        fourth, third, second, first = (candles[lag] for lag in range(4))
        color = third.color
        if not (first.color == second.color == color == -fourth.color):
            return 0
        for candle, before, lag in ((second, first, 3), (third, second, 2)):
            near = self.average(_Kind.NEAR, lag)
            if not before.bottom - near <= candle.open <= before.top + near:
                return 0
        rises = (third.close - second.close) * color > 0 and (second.close - first.close) * color > 0
        strikes = (fourth.open - third.close) * color > 0 and (first.open - fourth.close) * color > 0
        return color if rises and strikes else 0


@indicator()
class Breakaway(CandlestickPattern):
    """Long candle, a gap, two more on, and one back that closes in the gap."""

    averages = (Average(_Kind.BODY_LONG, 4),)
    length = 5

    def _judge(self, candles: deque[Candle]) -> int:
        fifth, fourth, third, second, first = (candles[lag] for lag in range(5))
        if first.body <= self.average(_Kind.BODY_LONG, 4):
            return 0
        if not (first.color == second.color == fourth.color == -fifth.color):
            return 0
        if first.black:
            on = second.body_gaps_down(first) and _falls(second, third) and _falls(third, fourth)
            return int(on and second.open < fifth.close < first.close)
        on = second.body_gaps_up(first) and _falls(third, second) and _falls(fourth, third)
        return -int(on and first.close < fifth.close < second.open)


def _falls(before: Candle, candle: Candle) -> bool:
    return candle.high < before.high and candle.low < before.low


@indicator()
class LadderBottom(CandlestickPattern):
    """Three falling black candles, a black one with an upper shadow, and a white one above it."""

    averages = (Average(_Kind.SHADOW_VERY_SHORT, 1),)
    length = 5

    def _judge(self, candles: deque[Candle]) -> int:
        fifth, fourth, third, second, first = (candles[lag] for lag in range(5))
        if not (first.black and second.black and third.black and fourth.black and fifth.white):
            return 0
        falls = first.open > second.open > third.open and first.close > second.close > third.close
        shadow = fourth.upper > self.average(_Kind.SHADOW_VERY_SHORT, 1)
        return int(falls and shadow and fifth.open > fourth.open and fifth.close > fourth.high)


_LONG_FIRST: Final = Average(_Kind.BODY_LONG, 4)
_SHORT_MIDDLE: Final = tuple(Average(_Kind.BODY_SHORT, lag) for lag in (3, 2, 1))


@indicator()
class MatHold(PenetratingPattern):
    """Long white candle, three short ones that hold its upper part, and a white one above them all."""

    averages = (_LONG_FIRST, *_SHORT_MIDDLE)
    length = 5
    late = 1
    default_penetration: ClassVar[float] = 0.5

    def _judge(self, candles: deque[Candle]) -> int:
        fifth, fourth, third, second, first = (candles[lag] for lag in range(5))
        if not (first.white and second.black and fifth.white and second.body_gaps_up(first)):
            return 0
        if first.body <= self.average(_Kind.BODY_LONG, 4):
            return 0
        for candle, lag in ((second, 3), (third, 2), (fourth, 1)):
            if candle.body >= self.average(_Kind.BODY_SHORT, lag):
                return 0
        floor = first.close - self.reach(first)
        holds = floor < third.bottom < first.close and floor < fourth.bottom < first.close
        falls = third.top < second.open and fourth.top < third.top
        above = fifth.open > fourth.close and fifth.close > max(second.high, third.high, fourth.high)
        return int(holds and falls and above)


@indicator()
class RiseFallThreeMethods(CandlestickPattern):
    """Long candle, three short ones back within its range, and a long one on."""

    averages = (_LONG_FIRST, *_SHORT_MIDDLE, Average(_Kind.BODY_LONG))
    length = 5
    late = 1

    def _judge(self, candles: deque[Candle]) -> int:
        fifth, fourth, third, second, first = (candles[lag] for lag in range(5))
        color = first.color
        if not (second.color == third.color == fourth.color == -color) or fifth.color != color:
            return 0
        long = first.body > self.average(_Kind.BODY_LONG, 4) and fifth.body > self.average(_Kind.BODY_LONG)
        if not long:
            return 0
        for candle, lag in ((second, 3), (third, 2), (fourth, 1)):
            if candle.body >= self.average(_Kind.BODY_SHORT, lag):
                return 0
            if candle.bottom >= first.high or candle.top <= first.low:
                return 0
        back = (second.close - third.close) * color > 0 and (third.close - fourth.close) * color > 0
        on = (fifth.open - fourth.close) * color > 0 and (fifth.close - first.close) * color > 0
        return color if back and on else 0
