"""Three candles in a row of one color. Sources: LEAN Indicators/CandlestickPatterns/{AdvanceBlock,…}.cs."""

from __future__ import annotations

from collections import deque

from livetrader_engine.indicators.base import indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
)
from livetrader_engine.indicators.candlesticks.threes import ThreeCandlePattern

_Kind = CandleSettingType
_SHORT = Average(_Kind.BODY_SHORT)
_VERY_SHORT_SHADOWS = tuple(Average(_Kind.SHADOW_VERY_SHORT, lag) for lag in (2, 1, 0))
_NEAR = (Average(_Kind.NEAR, 2), Average(_Kind.NEAR, 1))
_FAR = (Average(_Kind.FAR, 2), Average(_Kind.FAR, 1))


class _RisingPattern(ThreeCandlePattern):
    """Three white candles, each closing higher."""

    def _rises(self, first: Candle, second: Candle, third: Candle) -> bool:
        white = first.white and second.white and third.white
        return white and third.close > second.close > first.close

    def _opens_near(self, candle: Candle, before: Candle, lag: int) -> bool:
        return before.open < candle.open <= before.close + self.average(_Kind.NEAR, lag)


@indicator()
class ThreeWhiteSoldiers(_RisingPattern):
    """Three white candles without upper shadows, each opening in or near the body before."""

    averages = (*_VERY_SHORT_SHADOWS, *_NEAR, *_FAR, _SHORT)

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not self._rises(first, second, third):
            return 0
        shadows = ((first, 2), (second, 1), (third, 0))
        if any(candle.upper >= self.average(_Kind.SHADOW_VERY_SHORT, lag) for candle, lag in shadows):
            return 0
        if not self._opens_near(second, first, 2) or not self._opens_near(third, second, 1):
            return 0
        strong = (
            second.body > first.body - self.average(_Kind.FAR, 2)
            and third.body > second.body - self.average(_Kind.FAR, 1)
            and third.body > self.average(_Kind.BODY_SHORT)
        )
        return int(strong)


@indicator()
class AdvanceBlock(_RisingPattern):
    """Three white candles that get weaker: smaller bodies or longer upper shadows."""

    averages = (
        *(Average(_Kind.SHADOW_SHORT, lag) for lag in (2, 1, 0)),
        Average(_Kind.SHADOW_LONG, 0),
        *_NEAR,
        *_FAR,
        Average(_Kind.BODY_LONG, 2),
    )

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not self._rises(first, second, third):
            return 0
        if not self._opens_near(second, first, 2) or not self._opens_near(third, second, 1):
            return 0
        strong = first.body > self.average(_Kind.BODY_LONG, 2)
        bare = first.upper < self.average(_Kind.SHADOW_SHORT, 2)
        return -int(strong and bare and self._weakens(first, second, third))

    def _weakens(self, first: Candle, second: Candle, third: Candle) -> bool:
        if third.body < second.body - self.average(_Kind.FAR, 1):
            return True
        near = second.body + self.average(_Kind.NEAR, 1)
        if second.body < first.body - self.average(_Kind.FAR, 2) and third.body < near:
            return True
        if third.body >= second.body:
            return False
        if third.upper > self.average(_Kind.SHADOW_LONG):
            return True
        shadows = (
            third.upper > self.average(_Kind.SHADOW_SHORT)
            or second.upper > self.average(_Kind.SHADOW_SHORT, 1)
        )  # fmt: skip
        return second.body < first.body and shadows


@indicator()
class StalledPattern(_RisingPattern):
    """Two long white candles and a short one at the top of the second."""

    averages = (
        Average(_Kind.BODY_LONG, 2),
        Average(_Kind.BODY_LONG, 1),
        _SHORT,
        Average(_Kind.SHADOW_VERY_SHORT, 1),
        *_NEAR,
    )

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not self._rises(first, second, third) or not self._long_first(first):
            return 0
        if second.body <= self.average(_Kind.BODY_LONG, 1) or not self._opens_near(second, first, 2):
            return 0
        bare = second.upper < self.average(_Kind.SHADOW_VERY_SHORT, 1)
        on_top = third.open >= second.close - third.body - self.average(_Kind.NEAR, 1)
        return -int(bare and on_top and third.body < self.average(_Kind.BODY_SHORT))


@indicator()
class IdenticalThreeCrows(ThreeCandlePattern):
    """Three falling black candles without lower shadows, each opening at the close before."""

    averages = (*_VERY_SHORT_SHADOWS, Average(_Kind.EQUAL, 2), Average(_Kind.EQUAL, 1))

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not (first.black and second.black and third.black):
            return 0
        shadows = ((first, 2), (second, 1), (third, 0))
        if any(candle.lower >= self.average(_Kind.SHADOW_VERY_SHORT, lag) for candle, lag in shadows):
            return 0
        identical = (
            abs(second.open - first.close) <= self.average(_Kind.EQUAL, 2)
            and abs(third.open - second.close) <= self.average(_Kind.EQUAL, 1)
        )  # fmt: skip
        return -int(identical and first.close > second.close > third.close)


@indicator()
class ThreeBlackCrows(CandlestickPattern):
    """Three falling black candles without lower shadows after a white one, each opening in a body."""

    averages = _VERY_SHORT_SHADOWS
    length = 4

    def _judge(self, candles: deque[Candle]) -> int:
        third, second, first, white = candles[0], candles[1], candles[2], candles[3]
        if not (white.white and first.black and second.black and third.black):
            return 0
        shadows = ((first, 2), (second, 1), (third, 0))
        if any(candle.lower >= self.average(_Kind.SHADOW_VERY_SHORT, lag) for candle, lag in shadows):
            return 0
        opens_in = first.close < second.open < first.open and second.close < third.open < second.open
        return -int(opens_in and white.high > first.close > second.close > third.close)


@indicator()
class ThreeStarsInSouth(ThreeCandlePattern):
    """Three black candles, each within the range before, ever smaller."""

    averages = (
        Average(_Kind.BODY_LONG, 2),
        Average(_Kind.SHADOW_LONG, 2),
        Average(_Kind.SHADOW_VERY_SHORT, 1),
        Average(_Kind.SHADOW_VERY_SHORT, 0),
        _SHORT,
    )

    def _judge_three(self, first: Candle, second: Candle, third: Candle) -> int:
        if not (first.black and second.black and third.black and self._long_first(first)):
            return 0
        smaller = (
            first.lower > self.average(_Kind.SHADOW_LONG, 2)
            and second.body < first.body
            and first.close < second.open <= first.high
            and first.low <= second.low < first.close
            and second.lower > self.average(_Kind.SHADOW_VERY_SHORT, 1)
        )
        bare = max(third.lower, third.upper) < self.average(_Kind.SHADOW_VERY_SHORT)
        inside = third.low > second.low and third.high < second.high
        return int(smaller and bare and inside and third.body < self.average(_Kind.BODY_SHORT))
