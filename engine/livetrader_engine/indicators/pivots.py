"""Turning points. Sources: LEAN Indicators/{PivotPointsHighLow,ZigZag}.cs."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, check_period, indicator
from livetrader_engine.indicators.extremes import Reading
from livetrader_engine.indicators.window import RollingWindow


class PivotPointType(IntEnum):
    """What a pivot is; values as in LEAN."""

    LOW = -1
    NONE = 0
    HIGH = 1
    BOTH = 2


class PivotPoint(NamedTuple):
    """One pivot: which kind, its price, and when the bar that made it was complete (UTC ns)."""

    pivot_point_type: PivotPointType
    value: float
    time_ns: int


@indicator("PPHL", aliases={
    "length_high": "surrounding_bars_count_for_high_point",
    "length_low": "surrounding_bars_count_for_low_point",
})  # fmt: skip
class PivotPointsHighLow(Indicator):
    """Finds bars that are higher, or lower, than so many on both sides; its value is a PivotPointType.

    `pivots` holds the newest `last_stored_values`; `pivot_handlers` are called with each new one. With
    `strict` off, equal highs and lows count, too.
    """

    kind = InputKind.BAR

    def __init__(
        self, surrounding_bars_count_for_high_point: int,
        surrounding_bars_count_for_low_point: int | None = None,
        last_stored_values: int = 100, strict: bool = True, *, name: str | None = None,
    ) -> None:  # fmt: skip
        high, low = surrounding_bars_count_for_high_point, surrounding_bars_count_for_low_point
        super().__init__(name or f"PivotPointsHighLow({high if low is None else f'{high},{low}'})")
        low = high if low is None else low
        self._high_reach, self._low_reach = high, low
        self._strict = strict
        self._highs: RollingWindow[BarLike] = RollingWindow(2 * high + 1)
        self._lows: RollingWindow[BarLike] = RollingWindow(2 * low + 1)
        self.warm_up_period = max(self._highs.size, self._lows.size)
        self.pivots: RollingWindow[PivotPoint] = RollingWindow(last_stored_values)
        self.pivot_handlers: list[Callable[[PivotPoint], None]] = []

    def _compute_bar(self, bar: BarLike) -> float:
        self._highs.add(bar)
        self._lows.add(bar)
        high, low = self._find_high(), self._find_low()
        for pivot in (high, low):
            if pivot is not None:
                self.pivots.add(pivot)
                for handler in self.pivot_handlers:
                    handler(pivot)
        if high is not None:
            return float(PivotPointType.HIGH if low is None else PivotPointType.BOTH)
        return float(PivotPointType.NONE if low is None else PivotPointType.LOW)

    def _find_high(self) -> PivotPoint | None:
        if not self._highs.is_ready:
            return None
        middle, reach = self._highs[self._high_reach], self._high_reach
        top = middle.high
        for place, bar in enumerate(self._highs):
            if place != reach and (bar.high > top or (self._strict and bar.high == top)):
                return None
        return PivotPoint(PivotPointType.HIGH, top, middle.end_time_ns)

    def _find_low(self) -> PivotPoint | None:
        if not self._lows.is_ready:
            return None
        middle, reach = self._lows[self._low_reach], self._low_reach
        bottom = middle.low
        for place, bar in enumerate(self._lows):
            if place != reach and (bar.low < bottom or (self._strict and bar.low == bottom)):
                return None
        return PivotPoint(PivotPointType.LOW, bottom, middle.end_time_ns)

    def _clear(self) -> None:
        super()._clear()
        self._highs.reset()
        self._lows.reset()
        self.pivots.reset()


@indicator("ZZ")
class ZigZag(Indicator):
    """The last pivot: a turn by `sensitivity`, a ratio, `min_trend_length` bars or more after the one before.

    `high_pivot` and `low_pivot` are the newest of each kind, `pivot_type` the kind of the last.
    """

    kind = InputKind.BAR

    def __init__(
        self, sensitivity: float = 0.05, min_trend_length: int = 1, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"ZZ({sensitivity},{min_trend_length})")
        if not 0 < sensitivity < 1:
            raise AlgorithmError(f"{self.name}: the sensitivity must be between 0 and 1")
        self.warm_up_period = check_period(self.name, min_trend_length) + 1
        self._sensitivity, self._min_trend_length = float(sensitivity), min_trend_length
        self.high_pivot = Reading(f"{self.name}_HighPivot")
        self.low_pivot = Reading(f"{self.name}_LowPivot")
        self._start()

    def _start(self) -> None:
        self.pivot_type = PivotPointType.LOW
        self._pivot: BarLike | None = None
        self._was_low = False
        self._count = 0

    def _compute_bar(self, bar: BarLike) -> float:
        pivot = self._pivot
        if pivot is None:
            self._turn(bar, low=True)
            return 0.0
        long_enough = self._count >= self._min_trend_length
        price = pivot.low if self._was_low else pivot.high
        if self._was_low:
            if bar.high >= pivot.low * (1 + self._sensitivity) and long_enough:
                price = self._turn(bar, low=False)
            elif bar.low <= pivot.low:
                price = self._turn(bar, low=True)
        elif bar.low <= pivot.high * (1 - self._sensitivity) and long_enough:
            price = self._turn(bar, low=True)
        elif bar.high >= pivot.high:
            price = self._turn(bar, low=False)
        self._count += 1
        return price

    def _turn(self, bar: BarLike, *, low: bool) -> float:
        self._pivot, self._count = bar, 0
        if low != self._was_low:
            self.pivot_type = PivotPointType.LOW if low else PivotPointType.HIGH
        self._was_low = low
        price = bar.low if low else bar.high
        (self.low_pivot if low else self.high_pivot).push(self.time_ns, price)
        return price

    def _clear(self) -> None:
        super()._clear()
        self._start()
