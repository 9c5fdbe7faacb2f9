"""The files that a backtest leaves when it is over, however it ended: all of one run, each whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from livetrader.errors import ConfigError
from livetrader.offline.results import BacktestResult, FileResults
from livetrader.results.json_text import indented
from livetrader.results.orders import OrderContext, order_json, order_list_hash
from livetrader.results.run_result import (
    RunFigures,
    RunSummary,
    merged,
    orders_csv,
    result_json,
    summary_json,
)
from livetrader.results.whole_files import PART, write_whole
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.engine import Engine
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.statistics.results import Performance, StatisticsResults

HASH_NAME: Final = "OrderListHash"
CODE: Final = "code"  # the folder of the user's files
_MARK: Final = "algorithm-type-name"  # what `config` of a run has
_OURS: Final = (
    "*-data-requests-*.txt", "data-monitor-report-*.json", "*-order-events.json", "*-log.txt",
    "*-summary.json", "summary.json", "log.txt", "orders.csv", "config",
)  # fmt: skip


def clear(folder: Path) -> None:
    """Remove what an earlier run left in this folder, so that all files are of one run.

    Raises ConfigError where files that a run replaces are not known to be an earlier run's: then nothing is
    removed.
    """
    known = _earlier_run(folder)
    ours = [path for pattern in _OURS for path in folder.glob(pattern)]
    strange = sorted({path.name for path in ours} | ({CODE} if (folder / CODE).exists() else set()))
    if known is None and strange:
        raise ConfigError(
            [f"{folder} holds {', '.join(strange[:3])} of no backtest's: name another folder with --output"]
        )
    if known is not None:
        (folder / f"{known}.json").unlink(missing_ok=True)
    for path in (*ours, *(path for pattern in _OURS for path in folder.glob(pattern + PART))):
        path.unlink()


def _earlier_run(folder: Path) -> str | None:
    """Return the id of the run whose results lie in a folder, None where there is no such run."""
    try:
        config = json.loads((folder / "config").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Path(str(config.get("id", ""))).name if isinstance(config, dict) and _MARK in config else None


def figures_of(engine: Engine, results: FileResults) -> RunFigures:
    """Return what came out of a run, finished or not."""
    statistics, problem = _statistics(engine)
    if problem:
        results.warning(engine.clock.now_ns, problem)
    # the hash, the result and the list of orders are made of the same rows
    orders = [(record, order_json(record, context_of(engine, record))) for record in engine.orders.records()]
    summary = {**statistics.summary, HASH_NAME: order_list_hash(orders)}
    return RunFigures(
        orders=orders,
        charts=merged(engine.sampler.charts, results.charts.charts),
        statistics=statistics,
        runtime={**results.statistics, **engine.statistics.runtime()},
        summary=summary,
        profits=[(item.time_ns, item.profit) for item in engine.portfolio.transactions],
    )


def _statistics(engine: Engine) -> tuple[StatisticsResults, str]:
    """Return the statistics, and why there are none where there are none."""
    try:
        return engine.statistics.results(), ""
    except ValueError as error:
        return StatisticsResults(Performance(), {}, {}), f"there are no statistics: {error}"


def context_of(engine: Engine, record: OrderRecord) -> OrderContext:
    """Return what LEAN writes of an order that its record does not know.

    The simulated brokerage's name of an order that reached it is its number, as in LEAN's backtests.
    """
    placed = record.brokerage_order_id is not None
    broker_ids = (str(record.id),) if placed else ()
    security = engine.securities.get(record.symbol)
    if security is None:
        properties = engine.ports.reference.properties(record.symbol)
        zone = engine.ports.reference.hours(record.symbol).timezone
        return OrderContext(broker_ids, properties.quote_currency, int(Normalization.ADJUSTED), zone)
    modes = [stream.normalization for stream in security.subscriptions] or [Normalization.ADJUSTED]
    # an order that was turned away before anybody looked at prices says nothing of them
    mode = Normalization.RAW if record.submission is None else modes[0]
    currency = security.properties.quote_currency
    return OrderContext(broker_ids, currency, int(mode), security.hours.timezone)


def write_files(folder: Path, run: RunSummary, figures: RunFigures, result: BacktestResult) -> None:
    """Write the result, its summary, the list of orders, and last summary.json, each whole or not at all."""
    write_whole(folder / f"{run.id}.json", indented(result_json(run, figures)) + "\n")
    write_whole(folder / f"{run.id}-summary.json", indented(summary_json(run, figures)) + "\n")
    write_whole(folder / "orders.csv", orders_csv(figures.orders))
    brief = {
        "status": result.status,
        "data_points": result.data_points,
        "history_data_points": result.history_data_points,
        "statistics": result.statistics,
    }
    write_whole(folder / "summary.json", json.dumps(brief, indent=1) + "\n")


def write_config(folder: Path, settings: dict[str, object]) -> None:
    """Write `config`: what this run is and how it was asked for."""
    write_whole(folder / "config", json.dumps(settings, indent=2, default=str) + "\n")
