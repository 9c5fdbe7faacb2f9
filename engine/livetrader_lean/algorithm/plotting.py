"""Charts and values for the operator."""

from __future__ import annotations

from typing import Any

from livetrader_engine.indicators import Indicator
from livetrader_lean.algorithm.part import Part


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
