"""Indicators of one symbol against another: beta, alpha, covariance, correlation.

Sources: LEAN Indicators/{MultiSymbol,DualSymbol}Indicator.cs, {Beta,Alpha,Covariance,Correlation}.cs.
A pair of bars counts once both symbols have one of the same period. Moments are taken anew over the window
each time: running sums leave a residue where prices stand still, and the quotient of two residues is noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import IntEnum

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, SymbolsTaken, indicator
from livetrader_engine.indicators.breadth import AssetBar, key_of, point_of
from livetrader_engine.indicators.momentum import RateOfChange
from livetrader_engine.indicators.window import RollingWindow
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

RateOf = Callable[[int], float]  # yearly risk-free rate at an instant (UTC ns), as a fraction
_RETURN_BARS = 2  # bars that make one return


class CorrelationType(IntEnum):
    """How a correlation is taken; values as in LEAN."""

    PEARSON = 0
    SPEARMAN = 1


class PairIndicator(Indicator):
    """Base of indicators of a target against a reference; `period` pairs of bars are kept.

    Input goes forward per symbol. The first bar of all only tells the resolution; its value is 0. Bars
    agree when their ends fall into the same day, hour or minute in UTC, whichever the resolution is.
    """

    kind = InputKind.BAR

    def __init__(self, name: str, target: object, reference: object, period: int) -> None:
        super().__init__(name)
        self.warm_up_period = period
        self.target_symbol, self.reference_symbol = key_of(target), key_of(reference)
        if self.target_symbol is self.reference_symbol:
            raise AlgorithmError(f"{name}: target and reference must be two symbols")
        self.targets: RollingWindow[float] = RollingWindow(period)
        self.references: RollingWindow[float] = RollingWindow(period)
        self._newest: dict[object, AssetBar | None] = {self.target_symbol: None, self.reference_symbol: None}
        self._grain_ns = 1
        self._result = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether there are `period` pairs."""
        return self.targets.is_ready and self.references.is_ready

    def push_bar(self, bar: BarLike) -> bool:
        """Take a bar of either symbol; return whether the indicator is ready.

        Raises AlgorithmError for the bar of a third symbol.
        """
        point = point_of(bar)
        key = key_of(point.symbol)
        if key not in self._newest:
            raise AlgorithmError(f"{self.name} was given a bar of {key}, which it is not about")
        before = self._newest[key]
        if before is not None and (point is before or bar.end_time_ns < before.end_time_ns):
            return self.is_ready
        self._newest[key] = point
        self.samples += 1
        self.time_ns = bar.end_time_ns
        self._publish(self.time_ns, self._compute_pair(point))
        return self.is_ready

    def takes(self, bar: BarLike) -> bool:
        """Return whether a bar is another one than the newest of its symbol."""
        point = point_of(bar)
        return point is not self._newest.get(key_of(point.symbol))

    def _compute_pair(self, point: AssetBar) -> float:
        if self.samples == 1:
            self._grain_ns = _grain_ns(point.end_time_ns - point.time_ns)
            return 0.0
        target, reference = self._newest[self.target_symbol], self._newest[self.reference_symbol]
        if target is None or reference is None:
            return self._result
        if target.end_time_ns // self._grain_ns == reference.end_time_ns // self._grain_ns:
            self.targets.add(target.close)
            self.references.add(reference.close)
            self._result = self._compute_result()
        return self._result

    def _compute_result(self) -> float:
        raise NotImplementedError

    def _clear(self) -> None:
        super()._clear()
        self.targets.reset()
        self.references.reset()
        self._newest = dict.fromkeys(self._newest)
        self._result = 0.0


def _grain_ns(period_ns: int) -> int:
    """Return to what a bar's end is rounded down. Source: MultiSymbolIndicator.SetResolution."""
    if period_ns > NS_PER_HOUR:
        return NS_PER_DAY
    for grain_ns in (NS_PER_HOUR, NS_PER_MINUTE):
        if period_ns >= grain_ns:
            return grain_ns
    return 1


class ReturnsIndicator(PairIndicator):
    """Base of pair indicators over the newest `period` returns."""

    def __init__(self, name: str, target: object, reference: object, period: int) -> None:
        super().__init__(name, target, reference, _RETURN_BARS)
        if period < 2:
            raise AlgorithmError(f"{name}: the period must be 2 or more, not {period}")
        self.warm_up_period = period + 1
        self._target_returns: RollingWindow[float] = RollingWindow(period)
        self._reference_returns: RollingWindow[float] = RollingWindow(period)

    @property
    def is_ready(self) -> bool:
        """Whether there are `period` returns."""
        return self._target_returns.is_ready and self._reference_returns.is_ready

    def _compute_result(self) -> float:
        if self.targets.is_ready:
            self._target_returns.add(_newest_return(self.targets))
            self._reference_returns.add(_newest_return(self.references))
        return self._compute_returns(list(self._target_returns), list(self._reference_returns))

    def _compute_returns(self, targets: list[float], references: list[float]) -> float:
        raise NotImplementedError

    def _clear(self) -> None:
        super()._clear()
        self._target_returns.reset()
        self._reference_returns.reset()


def _newest_return(closes: RollingWindow[float]) -> float:
    return closes[0] / closes[1] - 1 if closes[1] else -1.0


def _covariance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the sample covariance, 0 of fewer than two pairs."""
    count = len(first)
    if count < 2:
        return 0.0
    first_mean, second_mean = math.fsum(first) / count, math.fsum(second) / count
    products = ((a - first_mean) * (b - second_mean) for a, b in zip(first, second, strict=True))
    return math.fsum(products) / (count - 1)


@indicator("B", SymbolsTaken.PAIR)
class Beta(ReturnsIndicator):
    """Covariance of the returns over the reference's variance; that counts as 1 where there is none."""

    def __init__(self, target: object, reference: object, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"B({period})", target, reference, period)

    def _compute_returns(self, targets: list[float], references: list[float]) -> float:
        return _covariance(targets, references) / (_covariance(references, references) or 1.0)


@indicator("COV", SymbolsTaken.PAIR)
class Covariance(ReturnsIndicator):
    """Sample covariance of the returns."""

    def __init__(self, target: object, reference: object, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"COV({period})", target, reference, period)

    def _compute_returns(self, targets: list[float], references: list[float]) -> float:
        return _covariance(targets, references)


@indicator("C", SymbolsTaken.PAIR)
class Correlation(PairIndicator):
    """Correlation of the closes, of their ranks with SPEARMAN; 0 where one of them does not move."""

    def __init__(
        self, target: object, reference: object, period: int,
        correlation_type: int = CorrelationType.PEARSON, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"Correlation({period})", target, reference, period)
        if period < 2:
            raise AlgorithmError(f"{self.name}: the period must be 2 or more, not {period}")
        self._ranked = int(correlation_type) == CorrelationType.SPEARMAN

    def _compute_result(self) -> float:
        targets, references = list(self.targets), list(self.references)
        if self._ranked:
            targets, references = _ranks(targets), _ranks(references)
        scale = math.sqrt(_covariance(targets, targets) * _covariance(references, references))
        return _covariance(targets, references) / scale if scale else 0.0


def _ranks(values: list[float]) -> list[float]:
    """Return the rank of each value, equal values sharing the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop < len(order) and values[order[stop]] == values[order[start]]:
            stop += 1
        for place in order[start:stop]:
            ranks[place] = (start + stop + 1) / 2
        start = stop
    return ranks


@indicator("A", SymbolsTaken.PAIR, defaults={"alpha_period": 1, "beta_period": 252})
class Alpha(Indicator):
    """Jensen's alpha: the target's mean return beyond what the rate and its beta explain.

    `risk_free_rate` is a constant, or a function of the time (UTC ns); 0 by default. A float in place of
    `beta_period` is the rate, and both periods are then the same.
    """

    kind = InputKind.BAR

    def __init__(
        self, target: object, reference: object, alpha_period: int, beta_period: int | float | None = None,
        risk_free_rate: float | RateOf | None = None, *, name: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(beta_period, float) or callable(beta_period):
            risk_free_rate, beta_period = beta_period, None
        beta_period = alpha_period if beta_period is None else int(beta_period)
        rate = "" if risk_free_rate is None or callable(risk_free_rate) else risk_free_rate
        super().__init__(name or f"ALPHA({target},{reference},{alpha_period},{beta_period},{rate})")
        if alpha_period < 1 or beta_period < 2:
            raise AlgorithmError(f"{self.name}: the periods must be 1 or more, and 2 or more for beta")
        self.warm_up_period = max(alpha_period, beta_period) + 1
        self._target, self._reference = key_of(target), key_of(reference)
        self._alpha_period = alpha_period
        self.risk_free_rate: float | RateOf = 0.0 if risk_free_rate is None else risk_free_rate
        self._target_change = RateOfChange(alpha_period)
        self._reference_change = RateOfChange(alpha_period)
        self._beta = Beta(target, reference, beta_period)
        self._alpha = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether beta and both changes are."""
        return self._target_change.is_ready and self._beta.is_ready and self._reference_change.is_ready

    def push_bar(self, bar: BarLike) -> bool:
        """Take a bar of either symbol; return whether the indicator is ready.

        Raises AlgorithmError for the bar of a third symbol.
        """
        key = key_of(point_of(bar).symbol)
        change = self._target_change if key is self._target else self._reference_change
        if bar.end_time_ns < change.time_ns or not self._beta.takes(bar):
            return self.is_ready
        self._beta.push_bar(bar)
        self.samples += 1
        self.time_ns = bar.end_time_ns
        change.push(bar.end_time_ns, bar.close)
        if self._target_change.samples == self._reference_change.samples:
            self._alpha = self._compute_alpha() if self.is_ready else 0.0
        self._publish(self.time_ns, self._alpha)
        return self.is_ready

    def _compute_alpha(self) -> float:
        rate = self.risk_free_rate
        free = rate(self._target_change.time_ns) if callable(rate) else rate
        target = self._target_change.value / self._alpha_period
        reference = self._reference_change.value / self._alpha_period
        return target - (free + self._beta.value * (reference - free))

    def _clear(self) -> None:
        super()._clear()
        self._alpha = 0.0
