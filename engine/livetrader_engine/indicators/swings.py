"""Wilder's swing index and its running sum. Sources: LEAN Indicators/Wilder{,Accumulative}SwingIndex.cs."""

from __future__ import annotations

from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator


@indicator("SI")
class WilderSwingIndex(Indicator):
    """How far two bars together moved, in units of what the market lets a day move (`limit_move`)."""

    kind = InputKind.TRADE_BAR
    warm_up_period = 2

    def __init__(self, limit_move: float, *, name: str | None = None) -> None:
        super().__init__(name or "SI")
        self._limit = abs(float(limit_move))
        self._before: BarLike | None = None

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._before = self._before, bar
        if before is None:
            return 0.0
        up, down = abs(bar.high - before.close), abs(bar.low - before.close)
        widest = _widest(bar, before, up, down)
        if not widest or not self._limit:
            return 0.0
        move = bar.close - before.close + (bar.close - bar.open) / 2 + (before.close - before.open) / 4
        return 50 * (move / widest) * (max(up, down) / self._limit)

    def _clear(self) -> None:
        self._before = None


def _widest(bar: BarLike, before: BarLike, up: float, down: float) -> float:
    span = abs(bar.high - bar.low)
    body = abs(before.close - before.open) / 4
    if up >= down and up >= span:  # on a tie LEAN takes the first of the three
        return up - down / 2 + body
    if down >= span:
        return down - up / 2 + body
    return span + body


@indicator("ASI")
class WilderAccumulativeSwingIndex(Indicator):
    """Running sum of the swing index."""

    kind = InputKind.TRADE_BAR
    warm_up_period = 2

    def __init__(self, limit_move: float, *, name: str | None = None) -> None:
        super().__init__(name or "ASI")
        self._index = WilderSwingIndex(limit_move)

    def _compute_bar(self, bar: BarLike) -> float:
        return self.value + self._index.value if self._index.push_bar(bar) else 0.0
