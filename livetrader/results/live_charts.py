"""What a live algorithm plots, bounded in number and in time. Pure, no I/O.

LEAN keeps two days of it in full. Here the newest RECENT points of a series are kept as they came, and
beyond them one every ten minutes: so a year's plot can be looked at, and memory never grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from livetrader.results.charts import CANDLE, LINE, MAX_SERIES
from livetrader.results.live import ChartName, ChartPoint, ChartView, SeriesView
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.symbols import NS_PER_MINUTE

RECENT: Final = 4_000  # points of one series as they came: ten trading days of minutes
THINNED: Final = 2_000  # older ones, one every THIN_NS: two weeks around the clock, seven of trading hours
THIN_NS: Final = 10 * NS_PER_MINUTE
MAX_SERIES_IN_ALL: Final = 300  # with names that charts share; LEAN counts a name once
_OHLC: Final = 4


class SeriesState(msgspec.Struct, frozen=True):
    """One series, to go on with after a restart."""

    chart: str
    name: str
    style: SeriesStyle
    thinned: tuple[ChartPoint, ...]
    recent: tuple[ChartPoint, ...]


class LiveSeries:
    """One series of one chart. Points ascend in time; the same time again replaces the value."""

    def __init__(self, name: str, style: SeriesStyle) -> None:
        self.name = name
        self.style = style
        self.recent: deque[ChartPoint] = deque()
        self.thinned: deque[ChartPoint] = deque(maxlen=THINNED)

    def add(self, point: ChartPoint) -> None:
        """Add a point. One that is earlier than the last is left out."""
        recent = self.recent
        if recent and point.time_ns <= recent[-1].time_ns:
            if point.time_ns < recent[-1].time_ns:
                return
            recent.pop()
        recent.append(point)
        if len(recent) > RECENT:
            self._thin(recent.popleft())

    def _thin(self, old: ChartPoint) -> None:
        thinned = self.thinned
        if not thinned or thinned[-1].time_ns // THIN_NS != old.time_ns // THIN_NS:
            thinned.append(old)
        else:
            thinned.append(_together(thinned.pop(), old))

    def points(self) -> tuple[ChartPoint, ...]:
        """Return all points, oldest first."""
        return (*self.thinned, *self.recent)


def _together(one: ChartPoint, other: ChartPoint) -> ChartPoint:
    """Return one point for two neighbours: the later value, or the candle over both."""
    if len(one.values) != _OHLC or len(other.values) != _OHLC:
        return other
    opened, high, low, _ = one.values
    _, top, bottom, close = other.values
    return ChartPoint(other.time_ns, (opened, max(high, top), min(low, bottom), close))


class LiveCharts:
    """The charts that an algorithm plots. One owner, one thread. `warn` hears once of too many."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._names: set[str] = set()
        self._told = False
        self.charts: dict[str, dict[str, LiveSeries]] = {}

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Have a series; one that is there keeps its points and changes its style."""
        found = self._series(chart, series, style)
        if found is not None:
            found.style = style

    def plot(self, time_ns: int, chart: str, series: str, values: tuple[float, ...]) -> None:
        """Add a point; a series that was not declared is a line in dollars, or candles for four values."""
        found = self._series(chart, series, SeriesStyle(kind=CANDLE if len(values) > 1 else LINE))
        if found is not None:
            found.add(ChartPoint(time_ns, values))

    def _series(self, chart: str, name: str, style: SeriesStyle) -> LiveSeries | None:
        held = self.charts.get(chart, {}).get(name)
        if held is not None:
            return held
        total = sum(map(len, self.charts.values()))
        if (name not in self._names and len(self._names) >= MAX_SERIES) or total >= MAX_SERIES_IN_ALL:
            if not self._told:
                self._told = True
                self._warn(f"series {name!r} and further new ones are left out: {MAX_SERIES} names are kept")
            return None
        self._names.add(name)
        made = self.charts.setdefault(chart, {})[name] = LiveSeries(name, style)
        return made

    def names(self) -> tuple[ChartName, ...]:
        """Return the charts with their series."""
        return tuple(ChartName(name, tuple(series), own=True) for name, series in self.charts.items())

    def view(self, chart: str, since_ns: int, limit: int) -> ChartView | None:
        """Return one chart with at most the `limit` newest points of each series, None for an unknown one."""
        drawn = self.charts.get(chart)
        if drawn is None:
            return None
        shown = []
        for item in drawn.values():
            points = [point for point in item.points() if point.time_ns > since_ns]
            newest = tuple(points[-limit:]) if limit > 0 else ()
            shown.append(series_view(item.name, item.style, newest))
        return ChartView(chart, own=True, series=tuple(shown))

    def state(self) -> tuple[SeriesState, ...]:
        """Return everything, to be kept or written."""
        return tuple(
            SeriesState(chart, item.name, item.style, tuple(item.thinned), tuple(item.recent))
            for chart, drawn in self.charts.items()
            for item in drawn.values()
        )

    def load(self, states: tuple[SeriesState, ...]) -> None:
        """Go on where an earlier run stood."""
        for state in states:
            held = self._series(state.chart, state.name, state.style)
            if held is not None:
                held.thinned.extend(state.thinned)
                held.recent.extend(state.recent)


def series_view(name: str, style: SeriesStyle, points: tuple[ChartPoint, ...]) -> SeriesView:
    """Return a series as readers get it."""
    return SeriesView(name, style.kind, style.unit, style.index, style.color, style.marker, points)
