"""Charts as LEAN keeps and writes them: series of rounded points, within QuantConnect's quotas.

A point at the time of the one before replaces it. Sources: LEAN's Chart.cs, BaseSeries.cs, ChartPoint.cs,
Candlestick.cs and their JSON converters; SampleRange in BacktestingResultHandler.cs for the quotas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.results.json_text import Json, Raw, compact
from livetrader.results.orders import rounded
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.money import ZERO
from livetrader_engine.symbols import NS_PER_SECOND

LINE: Final = 0
CANDLE: Final = 2
PIE: Final = 6
MAX_SERIES: Final = 30  # names of series in all charts of a run; LEAN's maximum-chart-series
MAX_POINTS: Final = 1_000_000  # of one series; LEAN's maximum-data-points-per-chart-series

Point = tuple[int, tuple[Decimal | None, ...]]  # UTC ns; one value, or open, high, low and close


class ChartLimits(msgspec.Struct, frozen=True):
    """How much of the algorithm's plotting is kept. Beyond it, new series and points are left out."""

    series: int = MAX_SERIES
    points: int = MAX_POINTS


class Series:
    """One series of one chart. Points ascend in time."""

    __slots__ = ("name", "points", "style")

    def __init__(self, name: str, style: SeriesStyle) -> None:
        self.name = name
        self.style = style
        self.points: list[Point] = []

    def add(self, time_ns: int, values: Iterable[Decimal | None]) -> None:
        """Add a point, rounded as LEAN rounds what it charts; the same time again replaces the value."""
        point = (time_ns, tuple(None if value is None else rounded(value) for value in values))
        if self.points and self.points[-1][0] == time_ns:
            self.points[-1] = point
        else:
            self.points.append(point)

    def json(self) -> dict[str, Json]:
        """Return the series with LEAN's names in LEAN's order."""
        style = self.style
        row: dict[str, Json] = {
            "name": self.name, "unit": style.unit, "index": style.index, "seriesType": style.kind,
        }  # fmt: skip
        optional = (("zIndex", style.z_index), ("indexName", style.index_name), ("tooltip", style.tooltip))
        row.update((name, value) for name, value in optional if value is not None)
        points = self._pie() if style.kind == PIE else self.points
        row["values"] = [[time_ns // NS_PER_SECOND, *values] for time_ns, values in points]
        if style.kind != CANDLE:
            row["color"] = style.color
            row["scatterMarkerSymbol"] = style.marker
        return row

    def _pie(self) -> list[Point]:
        """Return the one point of a pie: the sum, at the last time."""
        if not self.points:
            return []
        total = sum((values[0] or ZERO for _, values in self.points), ZERO)
        return [(self.points[-1][0], (rounded(total),))]


Charts = Mapping[str, Mapping[str, Series]]


class ChartBook:
    """The charts that an algorithm plots. Owned by whoever writes the results, in one thread.

    `warn` hears once of each quota that is reached.
    """

    def __init__(self, limits: ChartLimits, warn: Callable[[str], None]) -> None:
        self.limits = limits
        self.charts: dict[str, dict[str, Series]] = {}
        self._warn = warn
        self._names: set[str] = set()
        self._full: set[tuple[str, str]] = set()

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Have a series; one that is there keeps its points and changes its style."""
        found = self._series(chart, series, style)
        if found is not None:
            found.style = style

    def plot(self, time_ns: int, chart: str, series: str, values: tuple[Decimal | None, ...]) -> None:
        """Add a point; a series that was not declared is a line in dollars, or candles for four values."""
        found = self._series(chart, series, SeriesStyle(kind=CANDLE if len(values) > 1 else LINE))
        if found is None:
            return
        if len(found.points) < self.limits.points:
            found.add(time_ns, values)
        elif (chart, series) not in self._full:
            self._full.add((chart, series))
            limit = f"maximum-data-points-per-chart-series is {self.limits.points}"
            self._warn(f"further points of series {series!r} of chart {chart!r} are left out: {limit}")

    def _series(self, chart: str, name: str, style: SeriesStyle) -> Series | None:
        held = self.charts.get(chart, {}).get(name)
        if held is not None:
            return held
        if name not in self._names:
            # as in LEAN, series of one name count once however many charts have them
            if len(self._names) >= self.limits.series:
                if self._full.isdisjoint({("", "")}):
                    self._full.add(("", ""))
                    limit = f"maximum-chart-series is {self.limits.series}"
                    self._warn(f"series {name!r} and further new ones are left out: {limit}")
                return None
            self._names.add(name)
        made = self.charts.setdefault(chart, {})[name] = Series(name, style)
        return made


def charts_json(charts: Charts) -> dict[str, Json]:
    """Return charts with their series as LEAN's result file has them; those without points are left out."""
    return {name: chart_json(name, series) for name, series in charts.items()}


def chart_json(name: str, series: Mapping[str, Series]) -> dict[str, Json]:
    """Return one chart; its series stand by index, then number and sum of their points, each on a line."""
    held = [item for item in series.values() if item.points]
    held.sort(key=lambda item: (item.style.index, len(item.points), _sum(item)))
    rows = {item.name: Raw(compact(item.json())) for item in held}
    return {"name": name, "chartType": 0, "series": rows}


def _sum(series: Series) -> Decimal:
    """Return what LEAN sorts equally long series by; candles count for nothing."""
    if series.style.kind == CANDLE:
        return ZERO
    return sum((values[0] or ZERO for _, values in series.points), ZERO)
