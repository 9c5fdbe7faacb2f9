"""Charts and values for the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator
from livetrader_lean.algorithm.part import Part
from livetrader_lean.charts import Chart
from livetrader_lean.indicators import IndicatorFace


class PlottingMixin(Part):
    """`plot` and named values."""

    def plot(self, *arguments: Any) -> None:
        """Add points: plot(series, value), plot(chart, series, value), or plot(chart, *indicators)."""
        if len(arguments) == 3 and isinstance(arguments[1], str):
            chart, series, value = arguments
            self._point(chart, series, value)
        elif len(arguments) == 2 and not isinstance(arguments[1], Indicator):
            self._point("Strategy Equity", *arguments)
        else:
            for indicator in arguments[1:]:
                self._point(arguments[0], indicator.name, indicator.value)

    def add_chart(self, chart: Chart) -> None:
        """Declare a chart. Nothing is kept of it: a chart is there once something is plotted on it."""
        if not isinstance(chart, Chart):
            raise AlgorithmError(f"add_chart takes a Chart, not {type(chart).__name__}")

    def plot_indicator(self, chart: str, *arguments: Any) -> None:
        """Plot indicators whenever they have a new value: plot_indicator(chart, *indicators).

        A boolean before the indicators says whether to wait until each is ready (it does by default).
        """
        waits = arguments[0] if arguments and isinstance(arguments[0], bool) else True
        for indicator in arguments:
            if isinstance(indicator, IndicatorFace):
                indicator.updated += self._plotter(chart, indicator, waits=waits)

    def _plotter(self, chart: str, indicator: Any, *, waits: bool) -> Callable[[Any, Any], None]:
        def plot(sender: Any, point: Any) -> None:
            if indicator.is_ready or not waits:
                self._point(chart, indicator.name, point.value)

        return plot

    def _point(self, chart: str, series: str, value: Any) -> None:
        engine = self._lean.engine
        engine.ports.results.plot(engine.clock.now_ns, str(chart), str(series), float(value))

    def set_runtime_statistic(self, name: str, value: Any) -> None:
        """Show a named value in the status."""
        self._lean.engine.ports.results.statistic(str(name), str(value))

    def set_summary_statistic(self, name: str, value: Any) -> None:
        """Add a named value to the summary of the run."""
        self._lean.statistics[str(name)] = str(value)
        self._lean.engine.ports.results.statistic(str(name), str(value))
