"""Run an algorithm in backtest on LEAN's data and hand back what it left."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
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


Backtest = Callable[..., Run]


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
        with (output / "equity.csv").open(encoding="utf-8") as file:
            equity = [(row["time"], float(row["equity"])) for row in csv.DictReader(file)]
        return Run(
            result,
            json.loads((output / "orders.json").read_text(encoding="utf-8")),
            equity,
            log.read_text(encoding="utf-8").splitlines() if log.exists() else [],
            json.loads((output / "summary.json").read_text(encoding="utf-8")),
        )

    yield run
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.startswith("algorithm"):
            del sys.modules[name]
