"""The result files of a run in LEAN's layout and spelling: the whole one, its summary, the list of orders.

Sources: LEAN's Common/Result.cs, Common/Packets/BacktestResultPacket.cs, Common/AlgorithmConfiguration.cs,
Engine/Results/BaseResultsHandler.cs (state) and BacktestingResultHandler.cs (CreateResultSummary).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.results.charts import CANDLE, Charts, Series, chart_json, charts_json
from livetrader.results.json_text import Json, decimal_text, time_text
from livetrader.results.orders import OrderRow
from livetrader.results.performance import performance_json, portfolio_statistics_json, trade_statistics_json
from livetrader.results.sampling import summary_candles
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.money import ZERO
from livetrader_engine.statistics.charts import Candle
from livetrader_engine.statistics.charts import Charts as EngineCharts
from livetrader_engine.statistics.results import StatisticsResults
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_engine.wire import writable

EQUITY_CHART: Final = "Strategy Equity"
EQUITY_SERIES: Final = "Equity"
ORDER_COLUMNS: Final = ("Time", "Symbol", "Price", "Quantity", "Type", "Status", "Value", "Tag")
_NS_PER_MS: Final = 1_000_000


class RunSummary(msgspec.Struct, frozen=True):
    """What is known of a run beside its figures. `started_ns` and `finished_ns` are wall time, UTC."""

    id: str
    name: str
    status: str
    started_ns: int
    finished_ns: int
    start: date
    end: date
    account_currency: str = "USD"
    account_type: int = 0
    trading_days: int = 252
    parameters: Mapping[str, str] = {}
    tags: Sequence[str] = ()
    log_lines: int = 0
    insights: int = 0
    error: str = ""
    host: str = ""


class RunFigures(msgspec.Struct, frozen=True):
    """What came out of a run. `profits` are the closing fills' profits by time (UTC ns)."""

    orders: Sequence[OrderRow]
    charts: Charts
    statistics: StatisticsResults
    runtime: Mapping[str, str]
    summary: Mapping[str, str]
    profits: Iterable[tuple[int, Decimal]] = ()


def result_json(run: RunSummary, figures: RunFigures) -> dict[str, Json]:
    """Return the content of `<id>.json`."""
    statistics = figures.statistics
    windows = statistics.rolling.items()
    return {
        "rollingWindow": {name: performance_json(item, trades=False) for name, item in windows},
        "charts": charts_json(figures.charts),
        "orders": {str(record.id): row for record, row in figures.orders},
        "profitLoss": profits_json(figures.profits),
        "statistics": dict(figures.summary),
        "runtimeStatistics": dict(sorted(figures.runtime.items())),
        "state": _state(run, len(figures.orders)),
        "serverStatistics": _server(run),
        "algorithmConfiguration": configuration_json(run),
        "totalPerformance": performance_json(statistics.total),
    }


def summary_json(run: RunSummary, figures: RunFigures) -> dict[str, Json]:
    """Return the content of `<id>-summary.json`: no orders, no trades, the equity curve in few candles."""
    total = figures.statistics.total
    return {
        "rollingWindow": {},
        "charts": _equity_alone(figures.charts),
        "statistics": dict(figures.summary),
        "runtimeStatistics": dict(sorted(figures.runtime.items())),
        "state": _state(run, len(figures.orders)),
        "serverStatistics": _server(run),
        "algorithmConfiguration": configuration_json(run),
        "totalPerformance": {
            "tradeStatistics": trade_statistics_json(total.trade_statistics),
            "portfolioStatistics": portfolio_statistics_json(total.portfolio_statistics),
            "closedTrades": [],
        },
    }


def orders_csv(orders: Iterable[OrderRow]) -> str:
    """Return the orders as LEAN's orders.csv; times are UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ORDER_COLUMNS)
    for record, row in orders:
        writer.writerow(
            (
                row["time"],
                record.symbol.value,
                _csv_number(row["price"]),
                _csv_number(row["quantity"]),
                _words(record.spec.type.name),
                _words(record.status.name),
                _csv_number(row["value"]),
                writable(record.spec.tag),
            )
        )
    return text.getvalue()


def merged(engine: EngineCharts, own: Charts) -> dict[str, dict[str, Series]]:
    """Return the engine's charts and the algorithm's as one set; the engine's come first."""
    charts: dict[str, dict[str, Series]] = {}
    for chart, drawn in engine.items():
        held = charts.setdefault(chart, {})
        for name, source in drawn.items():
            style = SeriesStyle(kind=int(source.kind), unit=source.unit, index=source.index)
            made = held[name] = Series(name, style)
            for point in source.points:
                if isinstance(point, Candle):
                    candle = (point.open, point.high, point.low, point.value)
                    made.points.append((point.time_ns, candle))
                else:
                    made.points.append((point.time_ns, (point.value,)))
    for chart, series in own.items():
        charts.setdefault(chart, {}).update(series)
    return charts


def _equity_alone(charts: Charts) -> dict[str, Json]:
    equity = charts.get(EQUITY_CHART, {}).get(EQUITY_SERIES)
    if equity is None or equity.style.kind != CANDLE:
        return {}
    fewer = Series(equity.name, equity.style)
    candles = [(time_ns, *_four(values)) for time_ns, values in equity.points]
    fewer.points = [(time_ns, tuple(values)) for time_ns, *values in summary_candles(candles)]
    return {EQUITY_CHART: chart_json(EQUITY_CHART, {equity.name: fewer})}


def _four(values: tuple[Decimal | None, ...]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    opened, high, low, close = (ZERO if value is None else value for value in values)
    return opened, high, low, close


def profits_json(profits: Iterable[tuple[int, Decimal]]) -> dict[str, Json]:
    """Return profits by time; as in LEAN, one at a time that is taken moves on by a millisecond."""
    rows: dict[int, Decimal] = {}
    for time_ns, profit in profits:
        free_ns = time_ns
        while free_ns in rows:
            free_ns += _NS_PER_MS
        rows[free_ns] = profit
    return {time_text(time_ns): rows[time_ns] for time_ns in sorted(rows)}


def _state(run: RunSummary, orders: int) -> dict[str, Json]:
    last_line = run.error.strip().rpartition("\n")[2]
    return {
        "StartTime": short_time(run.started_ns),
        "EndTime": short_time(run.finished_ns),
        "RuntimeError": last_line,
        "StackTrace": run.error,
        "LogCount": str(run.log_lines),
        "OrderCount": str(orders),
        "InsightCount": str(run.insights),
        "Name": run.name,
        "Hostname": run.host,
        "Status": run.status,
    }


def _server(run: RunSummary) -> dict[str, Json]:
    return {"Hostname": run.host, "Up Time": up_time(run.finished_ns - run.started_ns)}


def up_time(duration_ns: int) -> str:
    """Return a duration as LEAN's server statistics tell it: 1d 02:03:04."""
    minutes, second = divmod(duration_ns // NS_PER_SECOND, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}d {hour:02d}:{minute:02d}:{second:02d}"


def configuration_json(run: RunSummary) -> dict[str, Json]:
    """Return how a run was asked for."""
    return {
        "name": run.name,
        "tags": list(run.tags),
        "accountCurrency": run.account_currency,
        "brokerage": 0,
        "accountType": run.account_type,
        "parameters": dict(run.parameters),
        "outOfSampleMaxEndDate": None,
        "outOfSampleDays": 0,
        "startDate": f"{run.start:%Y-%m-%d}T00:00:00Z",
        "endDate": f"{run.end:%Y-%m-%d}T23:59:59Z",
        "tradingDaysPerYear": run.trading_days,
    }


def short_time(time_ns: int) -> str:
    """Return UTC nanoseconds as an ISO time of whole seconds."""
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv_number(value: object) -> str:
    assert isinstance(value, Decimal), "a column of numbers"
    return decimal_text(value).removesuffix(".0")


def _words(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
