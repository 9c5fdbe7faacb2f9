"""Patterns of three candles that go by their bodies. Sources: LEAN Indicators/CandlestickPatterns/*.cs."""

from __future__ import annotations

from collections import deque

from livetrader_engine.indicators.base import indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
    PenetratingPattern,
)

_Kind = CandleSettingType
_LONG_FIRST = Average(_Kind.BODY_LONG, 2)
_SHORT_SECOND = Average(_Kind.BODY_SHORT, 1)
_SHORT = Average(_Kind.BODY_SHORT)
_DOJI_SECOND = Average(_Kind.BODY_DOJI, 1)


class ThreeCandlePattern(CandlestickPattern):
    """Base of patterns of three candles."""

    length = 3

    def _judge(self, candles: deque[Candle]) -> int:
        return self._judge_three(candles[2], candles[1], candles[0])

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        raise NotImplementedError

    def _long_first(self, first: Candle) -> bool:
        return first.body > self.average(_Kind.BODY_LONG, 2)


class _StarPattern(PenetratingPattern):
    """A long candle, a small one beyond it, and one back into the first; up or down as `color` says."""

    length = 3
    color = 1
    middle = _Kind.BODY_SHORT

    def _judge(self, candles: deque[Candle]) -> int:
        third, second, first = candles[0], candles[1], candles[2]
        if first.color != -self.color or third.color != self.color:
            return 0
        if first.body <= self.average(_Kind.BODY_LONG, 2) or second.body > self.average(self.middle, 1):
            return 0
        if third.body <= self.average(_Kind.BODY_SHORT):
            return 0
        gap = second.body_gaps_down(first) if self.color > 0 else second.body_gaps_up(first)
        into = (third.close - first.close) * self.color > self.reach(first)
        return self.color if gap and into else 0


@indicator()
class MorningStar(_StarPattern):
    """Long black candle, a short body below it, and a white candle back into the first."""

    # LEAN's sum for the third candle starts two bars too early
    averages = (_LONG_FIRST, _SHORT_SECOND, Average(_Kind.BODY_SHORT, 0, warm_lag=2))


@indicator()
class EveningStar(_StarPattern):
    """Long white candle, a short body above it, and a black candle back into the first."""

    averages = (_LONG_FIRST, _SHORT_SECOND, _SHORT)
    color = -1


@indicator()
class MorningDojiStar(_StarPattern):
    """Long black candle, a doji below it, and a white candle back into the first."""

    averages = (_LONG_FIRST, _DOJI_SECOND, _SHORT)
    middle = _Kind.BODY_DOJI


@indicator()
class EveningDojiStar(_StarPattern):
    """Long white candle, a doji above it, and a black candle back into the first."""

    averages = (_LONG_FIRST, _DOJI_SECOND, _SHORT)
    color = -1
    middle = _Kind.BODY_DOJI


@indicator()
class AbandonedBaby(PenetratingPattern):
    """Doji that a gap on either side cuts off from a long candle and one back into that."""

    # LEAN subtracts other candles than it added: its averages keep some of the first ones for ever
    averages = (
        Average(_Kind.BODY_LONG, 2, removed=-1),
        Average(_Kind.BODY_DOJI, 1, removed=0),
        Average(_Kind.BODY_SHORT, 0, removed=1),
    )
    length = 2
    late = 1

    def _judge(self, candles: deque[Candle]) -> int:
        third, second, first = candles[0], candles[1], candles[2]
        if first.body <= self.average(_Kind.BODY_LONG, 2) or second.body > self.average(_Kind.BODY_DOJI, 1):
            return 0
        if third.body <= self.average(_Kind.BODY_SHORT) or first.color == third.color:
            return 0
        if third.black:
            gaps = second.gaps_up(first) and third.gaps_down(second)
        else:
            gaps = second.gaps_down(first) and third.gaps_up(second)
        into = (third.close - first.close) * third.color > self.reach(first)
        return third.color if gaps and into else 0


@indicator()
class ThreeInside(ThreeCandlePattern):
    """Harami that the third candle confirms."""

    averages = (_LONG_FIRST, _SHORT_SECOND)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        harami = second.body <= self.average(_Kind.BODY_SHORT, 1) and second.body_within(first)
        if not harami or not self._long_first(first) or first.color == third.color:
            return 0
        return -first.color if (third.close - first.open) * third.color > 0 else 0


@indicator()
class ThreeOutside(ThreeCandlePattern):
    """Engulfing that the third candle confirms."""

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        engulfing = second.top > first.top and second.bottom < first.bottom
        if second.color == first.color or not engulfing:
            return 0
        return second.color if (third.close - second.close) * second.color > 0 else 0


@indicator()
class TwoCrows(ThreeCandlePattern):
    """Two black candles above a long white one, the second closing in its body."""

    averages = (_LONG_FIRST,)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        colors = first.white and second.black and third.black
        if not colors or not self._long_first(first) or not second.body_gaps_up(first):
            return 0
        opens_in = second.close < third.open < second.open
        return -int(opens_in and first.open < third.close < first.close)


@indicator()
class UpsideGapTwoCrows(ThreeCandlePattern):
    """Two black candles above a long white one, the second covering the first and staying above."""

    averages = (_LONG_FIRST, _SHORT_SECOND)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        colors = first.white and second.black and third.black
        if not colors or not self._long_first(first) or not second.body_gaps_up(first):
            return 0
        short = second.body <= self.average(_Kind.BODY_SHORT, 1)
        covers = third.open > second.open and first.close < third.close < second.close
        return -int(short and covers)


@indicator()
class UniqueThreeRiver(ThreeCandlePattern):
    """Black harami with a new low on a long black candle, then a short white one above the low."""

    averages = (_LONG_FIRST, _SHORT)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not (first.black and second.black and third.white and self._long_first(first)):
            return 0
        inside = second.close > first.close and second.open <= first.open and second.low < first.low
        return int(inside and third.body < self.average(_Kind.BODY_SHORT) and third.open > second.low)


@indicator()
class UpDownGapThreeMethods(ThreeCandlePattern):
    """Two candles of a color with a gap between them, and one of the other color that closes it."""

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if first.color != second.color or second.color == third.color:
            return 0
        gap = second.body_gaps_up(first) if first.white else second.body_gaps_down(first)
        between = second.bottom < third.open < second.top and first.bottom < third.close < first.top
        return first.color if gap and between else 0


@indicator()
class TasukiGap(ThreeCandlePattern):
    """Candle beyond a gap, and one of the other color and the same size that closes in the gap."""

    averages = (Average(_Kind.NEAR, 1),)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if second.color == third.color:
            return 0
        if second.white:
            gap = second.body_gaps_up(first) and first.top < third.close < second.bottom
        else:
            gap = second.body_gaps_down(first) and second.top < third.close < first.bottom
        opens_in = second.bottom < third.open < second.top
        same = abs(second.body - third.body) < self.average(_Kind.NEAR, 1)
        return second.color if gap and opens_in and same else 0


@indicator()
class GapSideBySideWhite(ThreeCandlePattern):
    """Two white candles of the same size and open, both beyond a gap."""

    averages = (Average(_Kind.NEAR, 1), Average(_Kind.EQUAL, 1))

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        up = second.body_gaps_up(first) and third.body_gaps_up(first)
        down = second.body_gaps_down(first) and third.body_gaps_down(first)
        if not (up or down) or second.black or third.black:
            return 0
        same = abs(third.body - second.body) <= self.average(_Kind.NEAR, 1)
        level = abs(third.open - second.open) <= self.average(_Kind.EQUAL, 1)
        return (1 if up else -1) if same and level else 0


@indicator()
class StickSandwich(ThreeCandlePattern):
    """White candle between black ones that close at the same price."""

    # LEAN's first sum is one of bodies where later it adds ranges
    averages = (Average(_Kind.EQUAL, 2, warm_kind=_Kind.BODY_LONG),)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        colors = first.black and second.white and third.black
        equal = abs(third.close - first.close) <= self.average(_Kind.EQUAL, 2)
        return int(colors and second.low > first.close and equal)


@indicator()
class Tristar(ThreeCandlePattern):
    """Three dojis, the middle one beyond the others."""

    averages = (Average(_Kind.BODY_DOJI, 2),)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if max(first.body, second.body, third.body) > self.average(_Kind.BODY_DOJI, 2):
            return 0
        if second.body_gaps_up(first) and third.top < second.top:
            return -1
        return int(second.body_gaps_down(first) and third.bottom > second.bottom)
