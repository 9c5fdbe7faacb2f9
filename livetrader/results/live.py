"""What may be read of a live run's results: equity with drawdown and benchmark, charts, statistics, trades.

`LiveResults` is what the control API, the command line and the dashboard know of them; the supervisor has
the one owner (`supervisor.care.results`). Everything handed out is a frozen copy. Money is Decimal, what is
drawn is float, times are UTC nanoseconds of the session (a replay's own in a replay).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

import msgspec

MAX_POINTS_SHOWN: Final = 5_000  # of one answer: enough for a chart of any screen, about 1 MB as JSON
MAX_TRADES_SHOWN: Final = 1_000  # of one answer


class Spacing(StrEnum):
    """How far apart the points of a curve are; each has its own reach into the past."""

    SECOND = "second"  # every few seconds, the last two hours
    MINUTE = "minute"  # two days
    TEN_MINUTES = "10minute"  # two weeks
    DAY = "day"  # two years


class EquityPoint(msgspec.Struct, frozen=True, gc=False):
    """The account's value in account currency over the time since the point before; `time_ns` is its end.

    `drawdown_pct` is the fall from the highest value of the run up to then, 0 or below. `benchmark` is its
    value then, None before there is one.
    """

    time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    drawdown_pct: float
    benchmark: float | None = None


class EquityView(msgspec.Struct, frozen=True):
    """The equity curve, oldest point first. `peak` is the highest value of the run, all deployments."""

    spacing: Spacing
    currency: str
    points: tuple[EquityPoint, ...]
    peak: Decimal | None = None
    drawdown_pct: float = 0.0  # now
    max_drawdown_pct: float = 0.0  # deepest of the run
    start_equity: Decimal | None = None  # where the run began


class ChartName(msgspec.Struct, frozen=True):
    """A chart that exists, with the names of its series. `own`: drawn by the algorithm, not by the daemon."""

    name: str
    series: tuple[str, ...]
    own: bool


class ChartPoint(msgspec.Struct, frozen=True, gc=False):
    """One value, or open, high, low and close."""

    time_ns: int
    values: tuple[float, ...]


class SeriesView(msgspec.Struct, frozen=True):
    """One series, oldest point first. `index` is the pane, `color` #RRGGBB or empty.

    `kind` is LEAN's number: 0 line, 1 scatter, 2 candle, 3 bar, 4 flag, 5 stacked area, 6 pie, 7 treemap,
    9 heatmap, 10 scatter3d.
    """

    name: str
    kind: int
    unit: str
    index: int
    color: str
    marker: str
    points: tuple[ChartPoint, ...]


class ChartView(msgspec.Struct, frozen=True):
    """One chart. `own` as in ChartName."""

    name: str
    own: bool
    series: tuple[SeriesView, ...]


class StatisticsView(msgspec.Struct, frozen=True):
    """Figures of the run so far, over all deployments; names and formats are LEAN's.

    `summary` has Sharpe Ratio, Drawdown, Win Rate, ...; empty before the first day ended. `runtime` is what
    LEAN shows while a run goes on (Equity, Fees, Holdings, Net Profit, Return, Unrealized, Volume, ...) with
    what the algorithm set by `set_runtime_statistic`. `trades` and `portfolio` are LEAN's longer lists.
    """

    time_ns: int
    summary: dict[str, str] = {}
    runtime: dict[str, str] = {}
    trades: dict[str, str | int | None] = {}
    portfolio: dict[str, str] = {}


class TradeView(msgspec.Struct, frozen=True, gc=False):
    """A position that was opened and closed, as LEAN counts them. Money is in account currency."""

    number: int
    symbol: str
    ticker: str
    direction: str  # long or short
    quantity: Decimal
    entry_ns: int
    entry_price: Decimal
    exit_ns: int
    exit_price: Decimal
    profit: Decimal
    fees: Decimal


class DeploymentView(msgspec.Struct, frozen=True):
    """One deployment: a code and configuration that ran, over any number of restarts.

    `id` is LEAN's: L- and digits. `folder` holds its files. `ended_ns` is None while it goes on.
    """

    id: str
    algorithm: str
    folder: str
    started_ns: int  # wall time
    ended_ns: int | None = None
    starts: int = 1  # of the daemon in it


class LiveResults(Protocol):
    """What may be read. Every method returns at once and is called on the loop's thread."""

    def deployment(self) -> DeploymentView | None:
        """Return the deployment that runs, None before the algorithm has a name."""
        ...

    def equity(self, spacing: Spacing, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> EquityView:
        """Return at most the `limit` newest points after `since_ns`."""
        ...

    def charts(self) -> tuple[ChartName, ...]:
        """Return which charts there are, the daemon's first."""
        ...

    def chart_view(self, name: str, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> ChartView | None:
        """Return one chart with at most the `limit` newest points of each series, None for an unknown one."""
        ...

    def statistics(self) -> StatisticsView:
        """Return the figures as they were computed last: at most a minute old."""
        ...

    def trades(self, *, limit: int = MAX_TRADES_SHOWN) -> tuple[TradeView, ...]:
        """Return at most `limit` closed trades, newest first."""
        ...
