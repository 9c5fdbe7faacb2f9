"""Charts as LEAN's algorithms declare and fill them. The points go to the results as they are added.

A series is told to the results, with how it is drawn, when its first point comes; from then on its style
stays. Sources: LEAN's Common/Chart.cs, BaseSeries.cs, Series.cs, CandlestickSeries.cs and the reserved names
in Algorithm/QCAlgorithm.Plotting.cs.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from livetrader_engine.commands import SeriesStyle
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.ports import ResultSink
from livetrader_lean.colors import Color, color_text
from livetrader_lean.enums import SeriesType
from livetrader_lean.names import TwinEnum, Twins
from livetrader_lean.times import to_ns, utc

EQUITY_CHART: Final = "Strategy Equity"  # where `plot(series, value)` draws
KEPT_POINTS: Final = 10_000  # of one series, for the algorithm to read; the oldest go
# Charts of the engine's own; an algorithm may add series to those with names, but not these, and no others.
RESERVED: Final[dict[str, frozenset[str]]] = {
    EQUITY_CHART: frozenset({"Equity", "Return"}),
    "Capacity": frozenset({"Strategy Capacity"}),
    "Drawdown": frozenset({"Equity Drawdown"}),
    "Benchmark": frozenset({"Benchmark"}),
    "Assets Sales Volume": frozenset(),
    "Exposure": frozenset(),
    "Portfolio Margin": frozenset(),
    "Portfolio Turnover": frozenset({"Portfolio Turnover"}),
}


class ScatterMarkerSymbol(TwinEnum):
    """Shape of the points of a scatter plot."""

    NONE = 0
    CIRCLE = 1
    SQUARE = 2
    DIAMOND = 3
    TRIANGLE = 4
    TRIANGLE_DOWN = 5


class ChartType(TwinEnum):
    """How LEAN once laid series out; it has no effect, there as here."""

    OVERLAY = 0
    STACKED = 1


class ChartPoint(NamedTuple):
    """A value at a time (UTC, naive); `x` and `y` are LEAN's names of them, x in seconds since 1970."""

    time: datetime
    value: float

    @property
    def x(self) -> int:
        """Seconds since 1970."""
        return to_ns(self.time, UTC) // 1_000_000_000

    @property
    def y(self) -> float:
        """The value."""
        return self.value

    @property
    def X(self) -> int:
        """Seconds since 1970."""
        return self.x

    @property
    def Y(self) -> float:
        """The value."""
        return self.value


class Candlestick(NamedTuple):
    """Open, high, low and close of the time up to `time` (UTC, naive)."""

    time: datetime
    open: float
    high: float
    low: float
    close: float


class BaseSeries(Twins):
    """One series: a name, how it is drawn, and the newest of its points."""

    def __init__(self, name: str, series_type: int, unit: str = "$", index: int = 0) -> None:
        self.name = str(name)
        self.series_type = SeriesType(series_type)
        self.unit = unit
        self.index = index
        self.index_name: str | None = None
        self.z_index: int | None = None
        self.tooltip: str | None = None
        self.color: Any = None
        self.scatter_marker_symbol = ScatterMarkerSymbol.NONE
        self.values: deque[Any] = deque(maxlen=KEPT_POINTS)
        self._drawn: Callable[[int, tuple[float, ...]], None] | None = None

    @property
    def _style(self) -> SeriesStyle:
        return SeriesStyle(
            kind=int(self.series_type),
            unit=self.unit,
            index=self.index,
            color=color_text(self.color),
            marker=ScatterMarkerSymbol(self.scatter_marker_symbol).name.lower().replace("_", "-"),
            index_name=self.index_name,
            z_index=self.z_index,
            tooltip=self.tooltip,
        )

    def purge(self) -> None:
        """Forget the points that are kept to be read; those in the results stay."""
        self.values.clear()

    def _add(self, time_ns: int, values: tuple[float, ...]) -> None:
        for value in values:
            if not math.isfinite(value):
                raise AlgorithmError(f"{value} cannot be drawn on series {self.name!r}")
        moment = utc(time_ns)
        point = Candlestick(moment, *values) if len(values) > 1 else ChartPoint(moment, *values)
        if self.values and self.values[-1].time == moment:
            self.values[-1] = point
        else:
            self.values.append(point)
        if self._drawn is not None:
            self._drawn(time_ns, values)

    def _draw_on(self, board: ChartBoard, chart: str) -> None:
        """Send the points to the results from now on, those that are there first."""
        if self._drawn is not None:
            return
        declared = False

        def draw(time_ns: int, values: tuple[float, ...]) -> None:
            nonlocal declared
            if not declared:
                declared = True
                board.results.declare(chart, self.name, self._style)
            board.results.plot(time_ns, chart, self.name, *values)

        self._drawn = draw
        for _moment, *values in self.values:
            draw(to_ns(_moment, UTC), tuple(values))


class Series(BaseSeries):
    """A series of single values.

    `Series(name, series_type, index, unit)` or `Series(name, series_type, unit, color, symbol)`.
    """

    def __init__(self, name: str, series_type: int = SeriesType.LINE, *drawing: Any, **named: Any) -> None:
        if "type" in named:
            series_type = named.pop("type")
        super().__init__(name, series_type)
        rest = list(drawing)
        if rest and isinstance(rest[0], int):
            self.index = rest.pop(0)
        for attribute in ("unit", "color", "scatter_marker_symbol"):
            if rest:
                setattr(self, attribute, rest.pop(0))
        for given, value in named.items():
            setattr(self, _NAMED_ARGUMENTS.get(given, given), value)

    def add_point(self, time: Any, value: float | None = None) -> None:
        """Add a point: a time (UTC where it is naive) and a value, or a ChartPoint."""
        if isinstance(time, ChartPoint):
            time, value = time.time, time.value
        if value is None:
            raise AlgorithmError("add_point of a Series takes a time and a value, or a ChartPoint")
        self._add(to_ns(time, UTC), (number(value),))


class CandlestickSeries(BaseSeries):
    """A series of candles: `CandlestickSeries(name, index, unit)` or `CandlestickSeries(name, unit)`."""

    def __init__(self, name: str, *drawing: Any, **named: Any) -> None:
        super().__init__(name, SeriesType.CANDLE)
        rest = list(drawing)
        if rest and isinstance(rest[0], int):
            self.index = rest.pop(0)
        if rest:
            self.unit = rest.pop(0)
        for given, value in named.items():
            setattr(self, given, value)

    def add_point(self, time: Any, *values: Any) -> None:
        """Add a candle: a time with open, high, low and close, a Candlestick, or a bar."""
        if isinstance(time, Candlestick):
            candle = time
            time, values = candle.time, candle[1:]
        elif not values:
            bar = time
            time, values = bar.end_time, (bar.open, bar.high, bar.low, bar.close)
        if len(values) != 4:
            raise AlgorithmError("a candle has four values: open, high, low and close")
        self._add(to_ns(time, UTC), tuple(number(value) for value in values))


_NAMED_ARGUMENTS: Final = {"symbol": "scatter_marker_symbol"}


class Chart(Twins):
    """A named chart and its series. A symbol, or LEAN's old chart type, may follow the name."""

    def __init__(self, name: str = "", symbol: Any = None) -> None:
        self.name = str(name)
        self.symbol = symbol
        self.legend_disabled = False
        self.series: dict[str, BaseSeries] = {}
        self._board: ChartBoard | None = None

    def add_series(self, series: BaseSeries) -> None:
        """Declare a series. Raises AlgorithmError where there is one of that name."""
        if series.name in self.series:
            raise AlgorithmError(f"chart {self.name!r} has a series {series.name!r} already")
        self._hold(series)

    def try_add_and_get_series(self, name: str, *drawing: Any) -> BaseSeries:
        """Return the series of this name, made as `Series(name, ...)` would be where there is none."""
        return self.series.get(name) or self._hold(Series(name, *drawing))

    def _hold(self, series: BaseSeries) -> BaseSeries:
        self.series[series.name] = series
        if self._board is not None:
            series._draw_on(self._board, self.name)
        return series

    def _draw_on(self, board: ChartBoard) -> None:
        self._board = board
        for series in self.series.values():
            series._draw_on(board, self.name)


class ChartBoard:
    """The charts of one algorithm. Owned by its binding; draws into the run's results."""

    def __init__(self, results: ResultSink) -> None:
        self.results = results
        self._charts: dict[str, Chart] = {}

    def add(self, chart: Chart) -> None:
        """Take a chart that the algorithm has made; one of a name that is there changes nothing."""
        if chart.name not in self._charts:
            self._charts[chart.name] = chart
            chart._draw_on(self)

    def declare(self, chart: str, series: BaseSeries) -> None:
        """Have a series on a chart, in place of one of its name."""
        self._chart(chart)._hold(series)

    def plot(self, time_ns: int, chart: str, name: str, values: tuple[float, ...]) -> None:
        """Add a point to a series, made where there is none. Raises AlgorithmError for a reserved name."""
        taken = RESERVED.get(chart)
        if taken is not None and not taken:
            raise AlgorithmError(f"{chart!r} is a reserved chart name.")
        if taken is not None and name in taken:
            raise AlgorithmError(f"{name!r} is a reserved series name for chart {chart!r}.")
        held = self._chart(chart)
        series = held.series.get(name)
        if series is None:
            series = held._hold(CandlestickSeries(name) if len(values) > 1 else Series(name))
        if isinstance(series, CandlestickSeries) is not (len(values) > 1):
            words = "four values" if isinstance(series, CandlestickSeries) else "one value"
            raise AlgorithmError(f"series {name!r} of chart {chart!r} takes {words} at a time")
        series._add(time_ns, values)

    def _chart(self, name: str) -> Chart:
        held = self._charts.get(name)
        if held is None:
            held = Chart(name)
            self.add(held)
        return held


def number(value: Any) -> float:
    """Return what can be drawn as a number: a number, or something with a current or own value."""
    for attribute in ("current", "value"):
        inner = getattr(value, attribute, None)
        if inner is not None and not callable(inner):
            return number(inner)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise AlgorithmError(f"{value!r} cannot be drawn: it is no number and has no value") from error


CHARTING: Final[dict[str, Any]] = {
    made.__name__: made
    for made in (
        Chart, BaseSeries, Series, CandlestickSeries, ChartPoint, Candlestick, ScatterMarkerSymbol, ChartType,
        Color,
    )
}  # fmt: skip
