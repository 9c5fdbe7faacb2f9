"""Indicators made of indicators: chains, arithmetic between two, delays and constants.

Sources: LEAN Indicators/{IndicatorExtensions,CompositeIndicator,ConstantIndicator,Delay,WindowIdentity}.cs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from livetrader_engine.indicators.averages import Sum
from livetrader_engine.indicators.base import (
    BarLike,
    Indicator,
    IndicatorPoint,
    WindowIndicator,
    indicator,
)

Composer = Callable[[Indicator, Indicator], float | None]
Chained = TypeVar("Chained", bound=Indicator)


@indicator()
class ConstantIndicator(Indicator):
    """One value for ever, ready from the start."""

    warm_up_period = 0

    def __init__(self, constant: float, *, name: str | None = None) -> None:
        super().__init__(str(constant) if name is None else name)
        self._constant = float(constant)
        self._begin()

    def push_bar(self, bar: BarLike) -> bool:
        """Take the time of any point."""
        return self.push(bar.end_time_ns, self._constant)

    def _compute(self, value: float) -> float:
        return self._constant

    def _begin(self) -> None:
        self.value = self._constant
        self.points.add(IndicatorPoint(0, self._constant))

    def _clear(self) -> None:
        self._begin()


@indicator()
class Delay(WindowIndicator):
    """The value `period` samples ago, the oldest there is until then."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"DELAY({period})", period)
        self.warm_up_period = period + 1

    def _compute_window(self, value: float) -> float:
        return self.lagged


@indicator()
class WindowIdentity(WindowIndicator):
    """The value itself, ready after `period` of them."""

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"WIN-ID{period}", period)

    def _compute_window(self, value: float) -> float:
        return value


@indicator()
class CompositeIndicator(Indicator):
    """What `composer` makes of two indicators, once both have a new value (or the other is constant).

    A composer that returns None leaves the value as it is. Resetting it resets both.
    """

    warm_up_period = 0

    def __init__(
        self, left: Indicator, right: Indicator, composer: Composer, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"COMPOSE({left.name},{right.name})")
        self.left, self.right = left, right
        self._composer = composer
        self._left_is_new = self._right_is_new = False
        self._left_is_constant = isinstance(left, ConstantIndicator)
        self._right_is_constant = isinstance(right, ConstantIndicator)
        left.handlers.append(self._on_left)
        right.handlers.append(self._on_right)

    @property
    def is_ready(self) -> bool:
        """Whether both are."""
        return self.left.is_ready and self.right.is_ready

    def _on_left(self, _sender: Indicator, point: IndicatorPoint) -> None:
        self._left_is_new = True
        if self._right_is_new or self._right_is_constant:
            self._compose(point)

    def _on_right(self, _sender: Indicator, point: IndicatorPoint) -> None:
        self._right_is_new = True
        if self._left_is_new or self._left_is_constant:
            self._compose(point)

    def _compose(self, point: IndicatorPoint) -> None:
        self.push(max(point.time_ns, self.left.time_ns, self.right.time_ns), 0.0)
        self._left_is_new = self._right_is_new = False

    def _compute(self, value: float) -> float | None:
        return self._composer(self.left, self.right)


def chain(second: Chained, first: Indicator, *, wait_for_first_to_ready: bool = True) -> Chained:
    """Update `second` with each new value of `first`, by default once `first` is ready; return `second`."""

    def forward(_sender: Indicator, point: IndicatorPoint) -> None:
        if not wait_for_first_to_ready or first.is_ready:
            second.push(point.time_ns, point.value)

    first.handlers.append(forward)
    return second


def _operand(value: Indicator | float) -> Indicator:
    return value if isinstance(value, Indicator) else ConstantIndicator(value)


def plus(left: Indicator, right: Indicator | float, name: str | None = None) -> CompositeIndicator:
    """Return left + right."""
    return CompositeIndicator(left, _operand(right), lambda a, b: a.value + b.value, name=name)


def minus(left: Indicator, right: Indicator | float, name: str | None = None) -> CompositeIndicator:
    """Return left - right."""
    return CompositeIndicator(left, _operand(right), lambda a, b: a.value - b.value, name=name)


def times(left: Indicator, right: Indicator | float, name: str | None = None) -> CompositeIndicator:
    """Return left * right."""
    return CompositeIndicator(left, _operand(right), lambda a, b: a.value * b.value, name=name)


def over(left: Indicator, right: Indicator | float, name: str | None = None) -> CompositeIndicator:
    """Return left / right; a zero on the right leaves the value as it is."""
    return CompositeIndicator(left, _operand(right), _divide, name=name)


def _divide(left: Indicator, right: Indicator) -> float | None:
    return left.value / right.value if right.value else None


def weighted_by(value: Indicator, weight: Indicator, period: int) -> CompositeIndicator:
    """Return the mean of the newest `period` values weighted by another indicator's."""
    return WeightedAverage(value, weight, period)


class WeightedAverage(CompositeIndicator):
    """Sum of value times weight over the sum of weights. Resetting it does not reset value and weight."""

    def __init__(self, value: Indicator, weight: Indicator, period: int) -> None:
        products, weights = Sum(period, name="Sum_xy"), Sum(period, name="Sum_y")
        self._values, self._weights = WindowIdentity(period), WindowIdentity(period)
        value.handlers.append(self._on_value)
        weight.handlers.append(self._on_weight)
        super().__init__(products, weights, _divide, name=f"RESET_COMPOSE({products.name},{weights.name})")

    def _on_value(self, _sender: Indicator, point: IndicatorPoint) -> None:
        self._values.push(point.time_ns, point.value)
        if self._values.samples == self._weights.samples:
            self.left.push(point.time_ns, point.value * self._weights.value)

    def _on_weight(self, _sender: Indicator, point: IndicatorPoint) -> None:
        self._weights.push(point.time_ns, point.value)
        if self._values.samples == self._weights.samples:
            self.left.push(point.time_ns, point.value * self._values.value)
        self.right.push(point.time_ns, point.value)
