"""Charts and values for the operator."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator
from livetrader_lean.algorithm.part import Part
from livetrader_lean.charts import EQUITY_CHART, CandlestickSeries, Chart, Series, number
from livetrader_lean.enums import SeriesType
from livetrader_lean.indicators import IndicatorFace

_OHLC: Final = ("open", "high", "low", "close")
_RESERVED_NUMBERS: Final = range(101)  # names of summary statistics that LEAN keeps for itself


class PlottingMixin(Part):
    """`plot` and named values. Source: LEAN's Algorithm/QCAlgorithm.Plotting.cs."""

    def plot(self, *arguments: Any, **named: Any) -> None:
        """Add points.

        plot(series, value), plot(series, open, high, low, close), plot(series, bar): on the equity's chart.
        plot(chart, series, value), (chart, series, open, high, low, close), (chart, series, bar).
        plot(chart, *indicators): each under its own name. A value may be anything that has one.
        """
        first, *rest = [*arguments, *_in_order(named)]
        if rest and isinstance(rest[0], str):
            self._draw(str(first), rest[0], rest[1:])
        elif rest and all(_is_indicator(item) for item in rest):
            for indicator in rest:
                self._draw(str(first), indicator.name, [indicator])
        else:
            self._draw(EQUITY_CHART, str(first), rest)

    def record(self, series: str, value: Any) -> None:
        """Add a point to a series of the equity's chart."""
        self.plot(series, value)

    def add_chart(self, chart: Chart) -> None:
        """Have a chart; its series are drawn as it declares them."""
        if not isinstance(chart, Chart):
            raise AlgorithmError(f"add_chart takes a Chart, not {type(chart).__name__}")
        self._lean.charts.add(chart)

    def add_series(self, chart: str, series: str, series_type: int, unit: str = "$") -> None:
        """Have a series of this kind on a chart."""
        candles = int(series_type) == SeriesType.CANDLE
        made = CandlestickSeries(series, unit) if candles else Series(series, series_type, 0, unit)
        self._lean.charts.declare(str(chart), made)

    def plot_indicator(self, chart: str, *arguments: Any) -> None:
        """Plot indicators whenever they have a new value: plot_indicator(chart, *indicators).

        A boolean before the indicators says whether to wait until each is ready (it does not by default).
        """
        waits = arguments[0] if arguments and isinstance(arguments[0], bool) else False
        for indicator in arguments:
            if isinstance(indicator, IndicatorFace):
                indicator.updated += self._plotter(chart, indicator, waits=waits)

    def _plotter(self, chart: str, indicator: Any, *, waits: bool) -> Callable[[Any, Any], None]:
        def plot(sender: Any, point: Any) -> None:
            if indicator.is_ready or not waits:
                self._draw(str(chart), indicator.name, [indicator])

        return plot

    def _draw(self, chart: str, series: str, values: list[Any]) -> None:
        lean = self._lean
        if lean.run.live and lean.engine.is_warming_up:
            if not lean.told_of_plotting:
                lean.told_of_plotting = True
                lean.log(LogLevel.DEBUG, "Plotting is disabled during algorithm warmup in live trading.")
            return
        if len(values) == 1 and not _is_indicator(values[0]) and all(hasattr(values[0], n) for n in _OHLC):
            values = [getattr(values[0], name) for name in _OHLC]
        if len(values) not in (1, len(_OHLC)):
            raise AlgorithmError("plot takes a value, a bar, or open, high, low and close")
        drawn = tuple(number(value) for value in values)
        lean.charts.plot(lean.engine.clock.now_ns, chart, series, drawn)

    def set_runtime_statistic(self, name: str, value: Any) -> None:
        """Show a named value in the status and in the result."""
        text = self._lean.statistics[str(name)] = _text(value)
        self._lean.engine.ports.results.statistic(str(name), text)

    def set_summary_statistic(self, name: str, value: Any) -> None:
        """Add a named value to the summary of the run; a name of LEAN's own statistics is left alone."""
        if str(name).isdecimal() and int(name) in _RESERVED_NUMBERS:
            raise AlgorithmError(f"{name!r} is a reserved statistic name.")
        self._lean.engine.statistics.set_summary(str(name), _text(value))


def _in_order(named: dict[str, Any]) -> list[Any]:
    """Return keyword arguments in the order in which LEAN declares them."""
    order = ("chart", "series", "value", "bar", *_OHLC, "first", "second", "third", "fourth", "indicators")
    unknown = sorted(set(named) - set(order))
    if unknown:
        raise AlgorithmError(f"plot has no argument {', '.join(unknown)}")
    return [named[name] for name in order if name in named]


def _is_indicator(value: Any) -> bool:
    return isinstance(value, IndicatorFace | Indicator)


def _text(value: Any) -> str:
    """Return a value as .NET would write it: no zeros after the point that mean nothing."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
