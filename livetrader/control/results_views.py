"""What came of the trading, for charts: curves in columns, the algorithm's own charts, figures, insights.

Columns of numbers, not rows of objects: a browser draws them as they are, and an answer stays small. Times
are UTC nanoseconds of session time. Values of charts are floats: they are drawn, not calculated with.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class SeriesView(msgspec.Struct, frozen=True):
    """One series of a chart. `values` has a column per value: one, or open, high, low and close of candles.

    `kind` is one of line, scatter, candle, bar, flag, stacked_area, pie, treemap; `index` numbers the pane
    within the chart; `color` is #RRGGBB or empty.
    """

    name: str
    kind: str
    unit: str
    index: int
    color: str
    marker: str
    times_ns: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    index_name: str = ""
    tooltip: str = ""
    thinned: bool = False  # fewer points than there are: the lowest and highest of each stretch remain


class ChartView(msgspec.Struct, frozen=True):
    """One chart with its series."""

    name: str
    series: tuple[SeriesView, ...]


class ChartsView(msgspec.Struct, frozen=True):
    """Charts of this deployment. `names` lists all of them, also where only one was asked for."""

    names: tuple[str, ...]
    charts: tuple[ChartView, ...]


class EquityView(msgspec.Struct, frozen=True):
    """The value of the account, column by column; all columns are as long as `times_ns`.

    `drawdown` is a ratio of the highest value so far, 0 or below. `benchmark` is what the same money would
    be in the benchmark, None where there is none (yet). `resolution_s`: from one point to the next, at least.
    """

    currency: str
    resolution_s: float
    times_ns: tuple[int, ...]
    equity: tuple[float, ...]
    drawdown: tuple[float, ...]
    benchmark: tuple[float | None, ...]
    benchmark_name: str = ""
    thinned: bool = False


class StatisticsView(msgspec.Struct, frozen=True):
    """Key figures as texts by LEAN's names: of the whole deployment, of now, and the algorithm's own."""

    time_ns: int
    deployment: str
    summary: dict[str, str]
    runtime: dict[str, str]
    custom: dict[str, str]


class InsightView(msgspec.Struct, frozen=True):
    """One prediction that the algorithm emitted. `kind` is price or volatility; `direction` up, flat, down."""

    id: str
    time_ns: int
    close_ns: int
    symbol: str
    ticker: str
    kind: str
    direction: str
    magnitude: float | None = None
    confidence: float | None = None
    weight: float | None = None
    source: str = ""
    group: str = ""
    tag: str = ""
    active: bool = True


class InsightsView(msgspec.Struct, frozen=True):
    """The newest insights, newest first. `total` counts all since the daemon started."""

    insights: tuple[InsightView, ...]
    total: int = 0


class ResultsReader(Protocol):
    """What the owner of the live results lets others read. Returns at once, never from the disk."""

    def charts(self, *, name: str | None, since_ns: int, points: int) -> ChartsView:
        """Return all charts, or one; at most `points` points of each series, all after `since_ns`."""
        ...

    def equity(self, *, since_ns: int, points: int) -> EquityView:
        """Return the curve after `since_ns` with at most `points` points."""
        ...

    def statistics(self) -> StatisticsView:
        """Return the key figures as they stand."""
        ...
