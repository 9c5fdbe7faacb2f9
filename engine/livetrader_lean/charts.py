"""Charts as LEAN's algorithms declare them; their names count: points go to the results as they are plotted.

How a series is drawn (kind, unit, colour, pane) is left to whoever reads the points.
"""

from __future__ import annotations

from livetrader_lean.enums import SeriesType
from livetrader_lean.names import Twins


class Series(Twins):
    """One line of a chart: `Series(name)`, or with its kind and whatever else LEAN takes for drawing it."""

    def __init__(self, name: str, series_type: int = SeriesType.LINE, *drawing: object) -> None:
        self.name = str(name)
        self.series_type = series_type


class Chart(Twins):
    """A named chart and the series that were declared for it."""

    def __init__(self, name: str, *drawing: object) -> None:
        self.name = str(name)
        self.series: dict[str, Series] = {}

    def add_series(self, series: Series) -> None:
        """Declare a series; one of the same name is replaced."""
        self.series[series.name] = series
