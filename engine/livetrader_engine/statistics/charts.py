"""The engine's own charts: series of points, every value rounded as LEAN's chart points are.

Sources: LEAN's Common/ChartPoint.cs and Candlestick.cs (SmartRounding of every stored value) and the rule of
Engine/Results/BacktestingResultHandler.cs that a point must be later than the one before it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Final

import msgspec

from livetrader_engine.money import smart_rounded

MAX_CHART_SERIES: Final = 512  # of one chart; further ones are not drawn (sales volume of a wide universe)
MAX_SERIES_POINTS: Final = 100_000  # of one series; then every second point goes


class SeriesKind(IntEnum):
    """How a series is drawn; values as in LEAN's SeriesType."""

    LINE = 0
    CANDLE = 2
    BAR = 3
    TREEMAP = 7


class Point(msgspec.Struct, frozen=True, gc=False):
    """One value at an instant, UTC."""

    time_ns: int
    value: Decimal


class Candle(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low and close of the time since the candle before; `time_ns` is its end, UTC."""

    time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    value: Decimal  # the close


class Series:
    """Points of one name, ascending in time. `index` says on which pane, `unit` what the axis shows."""

    __slots__ = ("index", "kind", "name", "points", "unit")

    def __init__(self, name: str, kind: SeriesKind, unit: str, index: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.index = index
        self.points: list[Point | Candle] = []

    def add(self, time_ns: int, value: Decimal) -> None:
        """Add a point; one that is not later than the last is dropped."""
        if not self.points or time_ns > self.points[-1].time_ns:
            self._append(Point(time_ns, smart_rounded(value)))

    def put(self, time_ns: int, value: Decimal) -> None:
        """Add a point, in place of the last one where that is not earlier."""
        if self.points and time_ns <= self.points[-1].time_ns:
            self.points.pop()
        self._append(Point(time_ns, smart_rounded(value)))

    def add_candle(self, candle: Candle) -> None:
        """Add a candle; one that is not later than the last is dropped."""
        if not self.points or candle.time_ns > self.points[-1].time_ns:
            opens, close = smart_rounded(candle.open), smart_rounded(candle.value)
            # of the four that a candle has, two are often the same object
            high = opens if candle.high is candle.open else smart_rounded(candle.high)
            low = opens if candle.low is candle.open else smart_rounded(candle.low)
            self._append(Candle(candle.time_ns, opens, high, low, close))

    def _append(self, point: Point | Candle) -> None:
        self.points.append(point)
        if len(self.points) > MAX_SERIES_POINTS:
            self.points = self.points[::2]


class Charts:
    """The engine's charts by name, each with its series by name, in the order they were first drawn."""

    def __init__(self) -> None:
        self._charts: dict[str, dict[str, Series]] = {}

    def __getitem__(self, name: str) -> dict[str, Series]:
        return self._charts[name]

    def items(self) -> list[tuple[str, dict[str, Series]]]:
        """Return the charts with their series."""
        return list(self._charts.items())

    def series(
        self, chart: str, name: str, kind: SeriesKind = SeriesKind.LINE, unit: str = "$", index: int = 0
    ) -> Series:
        """Return a series, made where there is none. Past MAX_CHART_SERIES it belongs to no chart."""
        drawn = self._charts.setdefault(chart, {})
        found = drawn.get(name)
        if found is None:
            found = Series(name, kind, unit, index)
            if len(drawn) < MAX_CHART_SERIES:
                drawn[name] = found
        return found

    def points(self, chart: str, name: str) -> list[Point | Candle]:
        """Return the points of a series, none where there is no such series."""
        found = self._charts.get(chart, {}).get(name)
        return [] if found is None else found.points
