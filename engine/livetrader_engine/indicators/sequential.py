"""DeMark's sequential count. Source: LEAN Indicators/TomDemarkSequential.cs."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.window import RollingWindow

_SETUP_BARS: Final = 9
_COUNTDOWN_BARS: Final = 13
_WINDOW: Final = 10  # bars it looks back on; what LEAN calls its warm-up period, though it speaks earlier
_READY_AFTER: Final = 6


class TomDemarkSequentialPhase(IntEnum):
    """Phase of the count; values as in LEAN."""

    NONE = 0
    BUY_SETUP = 1
    SELL_SETUP = 2
    BUY_COUNTDOWN = 3
    SELL_COUNTDOWN = 4
    BUY_SETUP_PERFECT = 5
    SELL_SETUP_PERFECT = 6


_Phase = TomDemarkSequentialPhase


@indicator("TDS")
class TomDemarkSequential(Indicator):
    """Counts nine closes beyond the close four bars ago, then thirteen beyond the bar two ago.

    Its value is a TomDemarkSequentialPhase; `support_price` and `resistance_price` end a countdown.
    """

    kind = InputKind.BAR
    warm_up_period = _WINDOW

    def __init__(self, *, name: str = "TomDemarkSequential") -> None:
        super().__init__(name)
        self._bars: RollingWindow[BarLike] = RollingWindow(_WINDOW)
        self._start()

    @property
    def is_ready(self) -> bool:
        """Whether a setup can be seen."""
        return self.samples >= _READY_AFTER

    def _start(self) -> None:
        self.setup_phase_step_count = self.countdown_phase_step_count = 0
        self.support_price = self.resistance_price = 0.0
        self._phase = _Phase.NONE

    def _compute_bar(self, bar: BarLike) -> float:
        self._bars.add(bar)
        if not self.is_ready:
            return float(_Phase.NONE)
        phase = self._phase
        if phase is _Phase.NONE:
            return float(self._look_for_setup(bar))
        if phase in (_Phase.BUY_SETUP, _Phase.SELL_SETUP):
            return float(self._set_up(bar, buy=phase is _Phase.BUY_SETUP))
        return float(self._count_down(bar, buy=phase is _Phase.BUY_COUNTDOWN))

    def _look_for_setup(self, bar: BarLike) -> _Phase:
        bars = self._bars
        change, change_before = bar.close - bars[4].close, bars[1].close - bars[5].close
        if change_before > 0 > change:
            self._phase = _Phase.BUY_SETUP
        elif change_before < 0 < change:
            self._phase = _Phase.SELL_SETUP
        if self._phase is not _Phase.NONE:
            self.setup_phase_step_count = 1
        return self._phase

    def _set_up(self, bar: BarLike, *, buy: bool) -> _Phase:
        before = self._bars[4].close
        if not (bar.close < before if buy else bar.close > before):
            self._phase = _Phase.NONE
            return _Phase.NONE
        self.setup_phase_step_count += 1
        setup = self._phase
        if self.setup_phase_step_count < _SETUP_BARS:
            return setup
        return self._finish_buy_setup(bar) if buy else self._finish_sell_setup(bar)

    def _finish_buy_setup(self, bar: BarLike) -> _Phase:
        self._phase = _Phase.BUY_COUNTDOWN
        # LEAN leaves out the newest of the ten bars, not the oldest
        self.resistance_price = max(each.high for each in list(self._bars)[-_SETUP_BARS:])
        if bar.close < self._bars[2].low:
            self.countdown_phase_step_count = 1
        nine, eight, seven, six = list(self._bars)[:4]
        lowest = min(six.low, seven.low)
        perfect = eight.low < lowest or nine.low < lowest
        return _Phase.BUY_SETUP_PERFECT if perfect else _Phase.BUY_SETUP

    def _finish_sell_setup(self, bar: BarLike) -> _Phase:
        self._phase = _Phase.SELL_COUNTDOWN
        self.support_price = min(each.low for each in list(self._bars)[-_SETUP_BARS:])
        if bar.close > self._bars[2].high:
            self.countdown_phase_step_count = 1
        nine, eight, seven, six = list(self._bars)[:4]
        highest = max(six.high, seven.high)
        perfect = eight.high > highest or nine.high > highest
        return _Phase.SELL_SETUP_PERFECT if perfect else _Phase.SELL_SETUP

    def _count_down(self, bar: BarLike, *, buy: bool) -> _Phase:
        two_ago, phase = self._bars[2], self._phase
        if bar.close <= two_ago.low if buy else bar.close >= two_ago.high:
            self.countdown_phase_step_count += 1
            if self.countdown_phase_step_count == _COUNTDOWN_BARS:
                self._phase = _Phase.NONE
            return phase
        if bar.close > self.resistance_price if buy else bar.close < self.support_price:
            self._phase = _Phase.NONE
        return _Phase.NONE

    def _clear(self) -> None:
        super()._clear()
        self._bars.reset()
        self._start()
