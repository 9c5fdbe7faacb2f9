"""Market breadth: indicators over the bars of many symbols.

Sources: LEAN Indicators/{AdvanceDecline*,ArmsIndex,McClellan*}.cs. A period is complete when
every symbol that was added has had its bar; only then is there a new value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, cast

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import ExponentialMovingAverage
from livetrader_engine.indicators.base import (
    BarLike,
    Indicator,
    IndicatorPoint,
    InputKind,
    SymbolsTaken,
    indicator,
)
from livetrader_engine.indicators.composition import chain, minus


class AssetBar(BarLike, Protocol):
    """A bar that knows whose it is and when it starts."""

    symbol: object
    time_ns: int
    volume: float


def point_of(bar: BarLike) -> AssetBar:
    """Return the engine's bar: a face's bar carries it."""
    return cast("AssetBar", getattr(bar, "core", bar))


def key_of(symbol: object) -> object:
    """Return the engine's symbol: a face's symbol carries it."""
    return getattr(symbol, "core", symbol)


class BreadthIndicator(Indicator):
    """Base of indicators over many symbols: input goes forward per symbol, not over all."""

    kind = InputKind.TRADE_BAR

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._newest: dict[object, int] = {}  # tracked symbols only

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        raise NotImplementedError

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        raise NotImplementedError

    def add_stock(self, symbol: object) -> None:
        """Do what `add` does, under LEAN's older name."""
        self.add(symbol)

    def remove_stock(self, symbol: object) -> None:
        """Do what `remove` does, under LEAN's older name."""
        self.remove(symbol)

    def push_bar(self, bar: BarLike) -> bool:
        """Take the bar of one symbol; return whether the indicator is ready."""
        key, end_ns = key_of(point_of(bar).symbol), bar.end_time_ns
        if end_ns < self._newest.get(key, 0):
            return self.is_ready
        if key in self._newest:
            self._newest[key] = end_ns
        self.samples += 1
        self.time_ns = end_ns
        self._publish(end_ns, self._compute_bar(bar))
        return self.is_ready

    def _clear(self) -> None:
        super()._clear()
        self._newest = dict.fromkeys(self._newest, 0)


class AdvanceDeclineIndicator(BreadthIndicator):
    """Base: compares what advanced since the last period with what declined."""

    warm_up_period = 2

    def __init__(
        self,
        name: str,
        weigh: Callable[[Iterable[AssetBar]], float],
        combine: Callable[[float, float], float],
    ) -> None:
        super().__init__(name)
        self._weigh, self._combine = weigh, combine
        self._current: dict[object, AssetBar | None] = {}
        self._previous: dict[object, AssetBar | None] = {}
        self._period_ns: int | None = None
        self._missing = 0  # symbols without a bar in the current period

    @property
    def is_ready(self) -> bool:
        """Whether a second period has begun."""
        return bool(self._previous)

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        key = key_of(symbol)
        if key not in self._current:
            self._current[key] = None
            self._newest[key] = 0
            self._missing += 1

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        key = key_of(symbol)
        if key in self._current:
            self._missing -= self._current.pop(key) is None
            del self._newest[key]

    def _compute_bar(self, bar: BarLike) -> float | None:
        self._enqueue(point_of(bar))
        if not self._previous or self._missing:
            return None
        advanced, declined = [], []
        for key, current in self._current.items():
            before = self._previous.get(key)
            if before is None or current is None:
                continue
            if current.close > before.close:
                advanced.append(current)
            elif current.close < before.close:
                declined.append(current)
        return self._combine(self._weigh(advanced), self._weigh(declined))

    def _enqueue(self, bar: AssetBar) -> None:
        key = key_of(bar.symbol)
        if bar.end_time_ns == self._period_ns:  # late: it belongs to the period before
            self._previous[key] = bar
            return
        if self._period_ns is not None and bar.time_ns > self._period_ns:
            self._previous = self._current
            self._begin_period()
            self._period_ns = bar.time_ns
        if key in self._current and (self._period_ns is None or bar.time_ns == self._period_ns):
            self._missing -= self._current[key] is None
            self._current[key] = bar
            self._period_ns = bar.time_ns

    def _begin_period(self) -> None:
        self._current = dict.fromkeys(self._current)
        self._missing = len(self._current)

    def _clear(self) -> None:
        super()._clear()
        self._previous = {}
        self._begin_period()
        self._period_ns = None


def _count(bars: Iterable[AssetBar]) -> float:
    return float(sum(1 for _ in bars))


def volume_of(bars: Iterable[AssetBar]) -> float:
    """Return the volume of bars together."""
    return float(sum(bar.volume for bar in bars))


def ratio_of(advance: float, decline: float) -> float:
    """Return advance / decline, the advance where nothing declined."""
    return advance / decline if decline else advance


@indicator("ADDIFF", SymbolsTaken.MANY)
class AdvanceDeclineDifference(AdvanceDeclineIndicator):
    """How many symbols rose minus how many fell."""

    def __init__(self, *, name: str = "A/D Difference") -> None:
        super().__init__(name, _count, lambda advance, decline: advance - decline)


@indicator("ADR", SymbolsTaken.MANY)
class AdvanceDeclineRatio(AdvanceDeclineIndicator):
    """How many symbols rose for each that fell; how many rose where none fell."""

    def __init__(self, *, name: str = "A/D Ratio") -> None:
        super().__init__(name, _count, ratio_of)


@indicator("ADVR", SymbolsTaken.MANY)
class AdvanceDeclineVolumeRatio(AdvanceDeclineIndicator):
    """Volume of the symbols that rose for each share of those that fell."""

    def __init__(self, *, name: str = "A/D Volume Rate") -> None:
        super().__init__(name, volume_of, ratio_of)


@indicator("TRIN", SymbolsTaken.MANY)
class ArmsIndex(BreadthIndicator):
    """Ratio of advancing to declining symbols over the ratio of their volumes; 0 where that is 0."""

    warm_up_period = 2

    def __init__(self, *, name: str = "TRIN") -> None:
        super().__init__(name)
        self.ad_ratio = AdvanceDeclineRatio(name=f"{name}_A/D Ratio")
        self.adv_ratio = AdvanceDeclineVolumeRatio(name=f"{name}_A/D Volume Ratio")

    @property
    def is_ready(self) -> bool:
        """Whether both ratios are."""
        return self.ad_ratio.is_ready and self.adv_ratio.is_ready

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        self._newest.setdefault(key_of(symbol), 0)
        self.ad_ratio.add(symbol)
        self.adv_ratio.add(symbol)

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        self._newest.pop(key_of(symbol), None)
        self.ad_ratio.remove(symbol)
        self.adv_ratio.remove(symbol)

    def _compute_bar(self, bar: BarLike) -> float:
        self.ad_ratio.push_bar(bar)
        self.adv_ratio.push_bar(bar)
        return self.ad_ratio.value / self.adv_ratio.value if self.adv_ratio.value else 0.0


@indicator("MOSC", SymbolsTaken.MANY)
class McClellanOscillator(BreadthIndicator):
    """Fast minus slow exponential average of the advance-decline difference."""

    def __init__(
        self, fast_period: int = 19, slow_period: int = 39, *, name: str = "McClellanOscillator"
    ) -> None:
        super().__init__(name)
        if fast_period > slow_period:
            raise AlgorithmError(f"{name}: the fast period must not be more than the slow one")
        self.warm_up_period = slow_period + 2
        self.ad_difference = AdvanceDeclineDifference(name="ADD")
        self.ema_fast = chain(ExponentialMovingAverage(fast_period), self.ad_difference)
        self.ema_slow = chain(ExponentialMovingAverage(slow_period), self.ad_difference)
        self._delta = minus(self.ema_fast, self.ema_slow)

    @property
    def is_ready(self) -> bool:
        """Whether the slow average is."""
        return self.ema_slow.is_ready

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        self._newest.setdefault(key_of(symbol), 0)
        self.ad_difference.add(symbol)

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        self._newest.pop(key_of(symbol), None)
        self.ad_difference.remove(symbol)

    def _compute_bar(self, bar: BarLike) -> float:
        self.ad_difference.push_bar(bar)
        return self._delta.value


@indicator("MSI", SymbolsTaken.MANY)
class McClellanSummationIndex(BreadthIndicator):
    """Running sum of the McClellan oscillator, one addend per period."""

    def __init__(
        self, fast_period: int = 19, slow_period: int = 39, *, name: str = "McClellanSummationIndex"
    ) -> None:
        super().__init__(name)
        self.mc_clellan_oscillator = McClellanOscillator(fast_period, slow_period)
        self.warm_up_period = self.mc_clellan_oscillator.warm_up_period
        self.mc_clellan_oscillator.handlers.append(self._sum)
        self._total = 0.0
        self._summed_ns = 0

    @property
    def is_ready(self) -> bool:
        """Whether the oscillator is."""
        return self.mc_clellan_oscillator.is_ready

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        self._newest.setdefault(key_of(symbol), 0)
        self.mc_clellan_oscillator.add(symbol)

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        self._newest.pop(key_of(symbol), None)
        self.mc_clellan_oscillator.remove(symbol)

    def _sum(self, _sender: Indicator, point: IndicatorPoint) -> None:
        # at a period's first bar the oscillator still has the last period's value: that one is summed
        if point.time_ns != self._summed_ns:
            self._summed_ns = point.time_ns
            self._total += point.value

    def _compute_bar(self, bar: BarLike) -> float:
        self.mc_clellan_oscillator.push_bar(bar)
        return self._total + self.mc_clellan_oscillator.value

    def _clear(self) -> None:
        super()._clear()
        self._total = 0.0
        self._summed_ns = 0
