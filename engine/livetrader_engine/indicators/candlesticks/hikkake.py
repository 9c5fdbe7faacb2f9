"""Inside bars and their false breaks. Sources: LEAN Indicators/CandlestickPatterns/Hikkake{,Modified}.cs."""

from __future__ import annotations

from collections import deque
from typing import Final

from livetrader_engine.indicators.base import BarLike, indicator
from livetrader_engine.indicators.candlesticks.base import (
    Average,
    Candle,
    CandleSettingType,
    CandlestickPattern,
)

_CONFIRMS_WITHIN: Final = 3  # bars after the pattern
_NEAR_LAG: Final = 2


class _HikkakePattern(CandlestickPattern):
    """An inside bar and a false break out of it: ±1, and ±2 on the bar that confirms it."""

    first_look = 3  # bars from which patterns are found, be it too early to tell of them

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._found = self._found_at = 0

    def _compute_bar(self, bar: BarLike) -> float:
        candles, ready = self._candles, self.is_ready
        candles.appendleft(Candle(bar))
        value = self._judge(candles) if self.samples >= self.first_look else 0
        self._go_on(candles, ready)
        return float(value) if ready else 0.0

    def _go_on(self, candles: deque[Candle], ready: bool) -> None:
        """Let the averages go on by one candle."""

    def _judge(self, candles: deque[Candle]) -> int:
        if self._breaks_falsely(candles):
            self._found, self._found_at = (1 if candles[0].high < candles[1].high else -1), self.samples
            return self._found
        since = self.samples - self._found_at
        if not self._found or since > _CONFIRMS_WITHIN:
            return 0
        inside, close = candles[since + 1], candles[0].close
        if close > inside.high if self._found > 0 else close < inside.low:
            confirmed, self._found = 2 * self._found, 0
            return confirmed
        return 0

    def _breaks_falsely(self, candles: deque[Candle]) -> bool:
        raise NotImplementedError

    def _clear(self) -> None:
        super()._clear()
        self._found = self._found_at = 0


@indicator()
class Hikkake(_HikkakePattern):
    """An inside bar and a bar that leaves it on one side only."""

    def _warm_up(self, longest: int) -> int:
        return 6

    def _breaks_falsely(self, candles: deque[Candle]) -> bool:
        third, second, first = candles[0], candles[1], candles[2]
        inside = second.high < first.high and second.low > first.low
        return inside and (_below(third, second) or _below(second, third))


@indicator()
class HikkakeModified(_HikkakePattern):
    """Two inside bars, the first closing near its end, and a bar that leaves the second on one side only."""

    averages = (Average(CandleSettingType.NEAR, _NEAR_LAG, removed=5),)

    def _warm_up(self, longest: int) -> int:
        return max(1, longest) + 6

    @property
    def first_look(self) -> int:  # type: ignore[override]  # LEAN's depends on the setting
        """Three bars before it is ready."""
        return self.warm_up_period - 3

    def _go_on(self, candles: deque[Candle], ready: bool) -> None:
        (total,) = self._totals.values()
        if ready or self.samples < self.first_look:
            total.step(candles, ready)
        else:  # LEAN subtracts the very first candle until the pattern is ready
            total.shift(candles[_NEAR_LAG], candles[-1])

    def _breaks_falsely(self, candles: deque[Candle]) -> bool:
        fourth, third, second, first = (candles[lag] for lag in range(4))
        inside = second.high < first.high and second.low > first.low
        if not inside or third.high >= second.high or third.low <= second.low:
            return False
        near = self.average(CandleSettingType.NEAR, _NEAR_LAG)
        if _below(fourth, third):
            return second.close <= second.low + near
        return _below(third, fourth) and second.close >= second.high - near


def _below(candle: Candle, other: Candle) -> bool:
    return candle.high < other.high and candle.low < other.low
