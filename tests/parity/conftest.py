"""Run an algorithm in backtest on LEAN's data and hand back what it left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from livetrader.offline.backtest import BacktestRequest, run_backtest
from livetrader.offline.results import BacktestResult

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Run(NamedTuple):
    """A finished backtest: its result and its files, read back."""

    result: BacktestResult
    orders: list[dict[str, Any]]
    equity: list[tuple[str, float]]
    log: list[str]
    summary: dict[str, Any]
    folder: Path


Backtest = Callable[..., Run]
TYPES = {
    0: "market", 1: "limit", 2: "stop_market", 3: "stop_limit", 4: "market_on_open", 5: "market_on_close",
    7: "limit_if_touched", 11: "trailing_stop",
}  # fmt: skip
STATUSES = {1: "submitted", 2: "partially_filled", 3: "filled", 5: "canceled", 7: "invalid"}


def _order(row: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an order of the result file in words."""
    fills = [event["fillQuantity"] for event in events if event["orderId"] == row["id"]]
    return {
        "id": row["id"],
        "symbol": row["symbol"]["value"],
        "type": TYPES[row["type"]],
        "side": "buy" if row["quantity"] > 0 else "sell",
        "quantity": f"{row['quantity']:g}",
        "filled_quantity": f"{sum(fills):g}",
        "bar_time": row["time"],
        "fill_time": row.get("lastFillTime"),
        "fill_price": row["price"],
        "status": STATUSES[row["status"]],
        "tag": row["tag"],
        "stop_price": row.get("stopPrice"),
        "limit_price": row.get("limitPrice"),
        "fee": sum(event.get("orderFeeAmount", 0) for event in events if event["orderId"] == row["id"]),
    }


def _equity(charts: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the equity as (UTC time, value at the close of each candle)."""
    candles = charts["Strategy Equity"]["series"].get("Equity", {"values": []})["values"]
    times = (datetime.fromtimestamp(candle[0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for candle in candles)
    return [(time, candle[4]) for time, candle in zip(times, candles, strict=True)]


@pytest.fixture
def backtest(lean_data: Path, tmp_path: Path) -> Iterator[Backtest]:
    """Return a function that runs an example by name, or the text of an algorithm."""
    before, modules = list(sys.path), set(sys.modules)
    runs = 0

    def run(what: str, start: str = "", end: str = "", **parameters: str) -> Run:
        nonlocal runs
        runs += 1
        output = tmp_path / f"run{runs}"
        path = EXAMPLES / what
        if "\n" in what:
            path = tmp_path / f"algorithm{runs}.py"
            path.write_text("from AlgorithmImports import *\n\n" + what, encoding="utf-8")
        result = run_backtest(
            BacktestRequest(
                path,
                lean_data,
                output,
                start=date.fromisoformat(start) if start else None,
                end=date.fromisoformat(end) if end else None,
                parameters=parameters,
            )
        )
        log = output / "log.txt"
        config = json.loads((output / "config").read_text(encoding="utf-8"))
        whole = json.loads((output / f"{config['id']}.json").read_text(encoding="utf-8"))
        events = json.loads((output / f"{config['id']}-order-events.json").read_text(encoding="utf-8"))
        return Run(
            result,
            [_order(row, events) for row in whole["orders"].values()],
            _equity(whole["charts"]),
            log.read_text(encoding="utf-8").splitlines() if log.exists() else [],
            json.loads((output / "summary.json").read_text(encoding="utf-8")),
            output,
        )

    yield run
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.startswith("algorithm"):
            del sys.modules[name]
