"""Patterns of two candles. Sources: LEAN Indicators/CandlestickPatterns/{Engulfing,Hammer,Harami,…}.cs."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from livetrader_engine.indicators.base import indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
    PenetratingPattern,
)

_Kind = CandleSettingType
_LONG_BEFORE = Average(_Kind.BODY_LONG, 1)
_LONG = Average(_Kind.BODY_LONG)
_SHORT = Average(_Kind.BODY_SHORT)
_DOJI = Average(_Kind.BODY_DOJI)
_SHADOW_LONG = Average(_Kind.SHADOW_LONG)
_SHADOW_VERY_SHORT = Average(_Kind.SHADOW_VERY_SHORT)
_EQUAL_BEFORE = Average(_Kind.EQUAL, 1)


class TwoCandlePattern(CandlestickPattern):
    """Base of patterns of two candles."""

    length = 2

    def _judge(self, candles: deque[Candle]) -> int:
        return self._judge_two(candles[1], candles[0])

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        raise NotImplementedError

    def _long_before(self, before: Candle) -> bool:
        return before.body > self.average(_Kind.BODY_LONG, 1)


@indicator()
class Counterattack(TwoCandlePattern):
    """Long candles of opposite colors that close at the same price."""

    averages = (Average(_Kind.EQUAL, 1, added=0), _LONG_BEFORE, _LONG)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        long = self._long_before(before) and candle.body > self.average(_Kind.BODY_LONG)
        if before.color == candle.color or not long:
            return 0
        return candle.color if abs(candle.close - before.close) <= self.average(_Kind.EQUAL, 1) else 0


@indicator()
class DarkCloudCover(PenetratingPattern):
    """Black candle that opens above a long white one and closes deep inside its body."""

    averages = (_LONG_BEFORE,)
    length = 2
    default_penetration: ClassVar[float] = 0.5

    def _judge(self, candles: deque[Candle]) -> int:
        before, candle = candles[1], candles[0]
        if not (before.white and candle.black and before.body > self.average(_Kind.BODY_LONG, 1)):
            return 0
        inside = before.open < candle.close < before.close - self.reach(before)
        return -int(candle.open > before.high and inside)


@indicator()
class Piercing(TwoCandlePattern):
    """Long white candle that opens below a long black one and closes in the upper half of its body."""

    averages = (_LONG_BEFORE, _LONG)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        long = self._long_before(before) and candle.body > self.average(_Kind.BODY_LONG)
        if not (before.black and candle.white and long):
            return 0
        inside = before.close + before.body / 2 < candle.close < before.open
        return int(candle.open < before.low and inside)


@indicator()
class DojiStar(TwoCandlePattern):
    """Doji beyond a long candle in the direction of that one."""

    averages = (_LONG_BEFORE, _DOJI)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        if not self._long_before(before) or candle.body > self.average(_Kind.BODY_DOJI):
            return 0
        gap = candle.body_gaps_up(before) if before.white else candle.body_gaps_down(before)
        return -before.color if gap else 0


@indicator()
class Engulfing(TwoCandlePattern):
    """Body that covers the body before, of the other color."""

    def _warm_up(self, longest: int) -> int:
        return longest + 3  # one more than it looks at

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        covers = candle.top > before.top and candle.bottom < before.bottom
        return candle.color if candle.color != before.color and covers else 0


@indicator()
class Harami(TwoCandlePattern):
    """Short body within a long one."""

    averages = (_LONG_BEFORE, _SHORT)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        sizes = self._long_before(before) and candle.body <= self.average(_Kind.BODY_SHORT)
        return -before.color if sizes and candle.body_within(before) else 0


@indicator()
class HaramiCross(TwoCandlePattern):
    """Doji within a long body."""

    averages = (_LONG_BEFORE, _DOJI)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        sizes = self._long_before(before) and candle.body <= self.average(_Kind.BODY_DOJI)
        return -before.color if sizes and candle.body_within(before) else 0


@indicator()
class HomingPigeon(TwoCandlePattern):
    """Short black body within a long black one."""

    averages = (_LONG_BEFORE, _SHORT)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        sizes = self._long_before(before) and candle.body <= self.average(_Kind.BODY_SHORT)
        return int(before.black and candle.black and sizes and candle.body_within(before))


class _HammerShape(TwoCandlePattern):
    averages = (_SHORT, _SHADOW_LONG, _SHADOW_VERY_SHORT, Average(_Kind.NEAR, 1))

    def _is_hammer(self, candle: Candle) -> bool:
        return (
            candle.body < self.average(_Kind.BODY_SHORT)
            and candle.lower > self.average(_Kind.SHADOW_LONG)
            and candle.upper < self.average(_Kind.SHADOW_VERY_SHORT)
        )


@indicator()
class Hammer(_HammerShape):
    """Short body on a long lower shadow, at the low before."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        low = candle.bottom <= before.low + self.average(_Kind.NEAR, 1)
        return int(low and self._is_hammer(candle))


@indicator()
class HangingMan(_HammerShape):
    """Short body on a long lower shadow, at the high before."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        high = candle.bottom >= before.high - self.average(_Kind.NEAR, 1)
        return -int(high and self._is_hammer(candle))


class _StarShape(TwoCandlePattern):
    averages = (_SHORT, _SHADOW_LONG, _SHADOW_VERY_SHORT)

    def _is_star(self, candle: Candle) -> bool:
        return (
            candle.body < self.average(_Kind.BODY_SHORT)
            and candle.upper > self.average(_Kind.SHADOW_LONG)
            and candle.lower < self.average(_Kind.SHADOW_VERY_SHORT)
        )


@indicator()
class InvertedHammer(_StarShape):
    """Short body under a long upper shadow, below the body before."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        return int(candle.body_gaps_down(before) and self._is_star(candle))


@indicator()
class ShootingStar(_StarShape):
    """Short body under a long upper shadow, above the body before."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        return -int(candle.body_gaps_up(before) and self._is_star(candle))


class _NeckShape(TwoCandlePattern):
    averages = (_EQUAL_BEFORE, _LONG_BEFORE)

    def _is_neck(self, before: Candle, candle: Candle) -> bool:
        opposite = before.black and candle.white and candle.open < before.low
        return opposite and self._long_before(before)


@indicator()
class InNeck(_NeckShape):
    """White candle that opens below a long black one and closes just inside its body."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        inside = 0 <= candle.close - before.close <= self.average(_Kind.EQUAL, 1)
        return -int(inside and self._is_neck(before, candle))


@indicator()
class OnNeck(_NeckShape):
    """White candle that opens below a long black one and closes at its low."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        at_low = abs(candle.close - before.low) <= self.average(_Kind.EQUAL, 1)
        return -int(at_low and self._is_neck(before, candle))


@indicator()
class Thrusting(_NeckShape):
    """White candle that opens below a long black one and closes in the lower half of its body."""

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        into = candle.close - before.close
        deep = self.average(_Kind.EQUAL, 1) < into <= before.body / 2
        return -int(deep and self._is_neck(before, candle))


@indicator()
class Kicking(TwoCandlePattern):
    """Marubozus of opposite colors with a gap between them; the second tells."""

    averages = (Average(_Kind.SHADOW_VERY_SHORT, 1), _SHADOW_VERY_SHORT, _LONG_BEFORE, _LONG)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        if before.color == candle.color:
            return 0
        gap = candle.gaps_up(before) if before.black else candle.gaps_down(before)
        if not gap or not self._is_marubozu(before, 1) or not self._is_marubozu(candle, 0):
            return 0
        return self._tell(before, candle)

    def _is_marubozu(self, candle: Candle, lag: int) -> bool:
        bare = max(candle.upper, candle.lower) < self.average(_Kind.SHADOW_VERY_SHORT, lag)
        return bare and candle.body > self.average(_Kind.BODY_LONG, lag)

    def _tell(self, before: Candle, candle: Candle) -> int:
        return candle.color


@indicator()
class KickingByLength(Kicking):
    """Marubozus of opposite colors with a gap between them; the longer tells."""

    def _tell(self, before: Candle, candle: Candle) -> int:
        return candle.color if candle.body > before.body else before.color


@indicator()
class MatchingLow(TwoCandlePattern):
    """Black candles that close at the same price."""

    averages = (_EQUAL_BEFORE,)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        equal = abs(candle.close - before.close) <= self.average(_Kind.EQUAL, 1)
        return int(before.black and candle.black and equal)


@indicator()
class SeparatingLines(TwoCandlePattern):
    """Candles of opposite colors with the same open, the second long and without a shadow there."""

    averages = (_SHADOW_VERY_SHORT, _LONG, _EQUAL_BEFORE)

    def _judge_two(self, before: Candle, candle: Candle) -> int:
        equal = abs(candle.open - before.open) <= self.average(_Kind.EQUAL, 1)
        if before.color == candle.color or not equal or candle.body <= self.average(_Kind.BODY_LONG):
            return 0
        shadow = candle.lower if candle.white else candle.upper
        return candle.color if shadow < self.average(_Kind.SHADOW_VERY_SHORT) else 0
