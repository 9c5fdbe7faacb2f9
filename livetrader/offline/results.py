"""What a backtest leaves behind: summary.json, orders.json, equity.csv, log.txt; each whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

import msgspec

from livetrader_engine.commands import LogLevel
from livetrader_engine.engine import Engine
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.statistics import statistics
from livetrader_engine.symbols import NS_PER_SECOND

MAX_LOG_BYTES: Final = 64 * 1024 * 1024  # then lines are counted and no longer written
COMPLETED: Final = "Completed"
RUNTIME_ERROR: Final = "RuntimeError"
NEED_BENCHMARK: Final = frozenset({"Alpha", "Beta", "Information Ratio", "Tracking Error", "Treynor Ratio"})


class BacktestResult(msgspec.Struct, frozen=True):
    """What came out. `statistics` has LEAN's names and formats for those that are computed here.

    `error` is the algorithm's traceback where `status` is RuntimeError.
    """

    status: str
    data_points: int
    history_data_points: int
    statistics: dict[str, str]
    error: str = ""


class FileResults:
    """Implements ports.ResultSink over log.txt; charts go to charts.csv. Close it by leaving the `with`."""

    def __init__(self, folder: Path, show: Callable[[str], None] | None = None) -> None:
        self._log = _Lines(folder / "log.txt")
        self._charts = _Lines(folder / "charts.csv", "time,chart,series,value")
        self._show = show

    def __enter__(self) -> FileResults:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.close()
        self._charts.close()

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        """Write a line with its time (UTC) and level."""
        self._line(time_ns, level.value, message)

    def warning(self, time_ns: int, message: str) -> None:
        """Write a line of our own: something that is not as the user will have expected."""
        self._line(time_ns, "warning", message)

    def _line(self, time_ns: int, level: str, message: str) -> None:
        line = f"{_text(time_ns)} {level.upper()} {message}"
        self._log.write(line)
        if self._show is not None:
            self._show(line)

    def error(self, time_ns: int, message: str) -> None:
        """Write an error line."""
        self.log(time_ns, LogLevel.ERROR, message)

    def plot(self, time_ns: int, chart: str, series: str, value: float) -> None:
        """Add a point to charts.csv."""
        names = ",".join(json.dumps(name) for name in (chart, series))
        self._charts.write(f"{_text(time_ns)},{names},{value!r}")

    def statistic(self, name: str, value: str) -> None:
        """Write a named value as a log line without a time of its own."""
        self._log.write(f"STATISTIC {name}: {value}")


class _Lines:
    """A text file that appears under its name when complete, and not at all where nothing was written."""

    def __init__(self, path: Path, heading: str | None = None) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._heading = heading
        self._file: TextIO | None = None
        self._left = MAX_LOG_BYTES
        self._dropped = 0

    def write(self, line: str) -> None:
        if self._file is None:
            self._file = self._part.open("w", encoding="utf-8")
            if self._heading is not None:
                self._file.write(self._heading + "\n")
        self._left -= len(line) + 1
        if self._left < 0:
            self._dropped += 1
            return
        self._file.write(line + "\n")

    def close(self) -> None:
        if self._file is None:
            return
        if self._dropped:
            self._file.write(
                f"{self._dropped} more lines were not written: the limit is {MAX_LOG_BYTES} bytes\n"
            )
        self._file.close()
        self._file = None
        self._part.replace(self._path)


def result_of(engine: Engine, custom: Mapping[str, str], error: str) -> BacktestResult:
    """Return the result of a finished run. `custom` are the algorithm's own summary statistics.

    The risk-free rate is taken as 0; what needs a benchmark is left out rather than shown as 0.
    """
    figures = {
        name: value for name, value in statistics(engine.facts()).items() if name not in NEED_BENCHMARK
    }
    return BacktestResult(
        status=RUNTIME_ERROR if error else COMPLETED,
        data_points=engine.data_points,
        history_data_points=engine.history_data_points,
        statistics={**custom, **figures},
        error=error,
    )


def write_result(folder: Path, engine: Engine, result: BacktestResult) -> None:
    """Write summary.json, orders.json and equity.csv, each atomically."""
    _write(
        folder / "orders.json", json.dumps([order_row(item) for item in engine.orders.records()], indent=1)
    )
    rows = (f"{_text(sample.time_ns)},{sample.equity!r}" for sample in engine.equity.samples)
    _write(folder / "equity.csv", "\n".join(("time,equity", *rows)) + "\n")
    _write(folder / "summary.json", json.dumps(msgspec.to_builtins(result), indent=1) + "\n")


def order_row(record: OrderRecord) -> dict[str, object]:
    """Return one order for orders.json: what was asked, when, and what became of it. Times are UTC."""
    spec = record.spec
    return {
        "id": int(record.id),
        "symbol": spec.symbol.value,
        "identifier": spec.symbol.id,
        "type": spec.type.name.lower(),
        "side": spec.direction.name.lower(),
        "quantity": str(spec.quantity),
        "bar_time": _text(record.created_ns),
        "status": record.status.name.lower(),
        "filled_quantity": str(record.filled_quantity),
        "fill_price": str(record.average_fill_price) if record.filled_quantity else None,
        "fill_time": None if record.last_fill_ns is None else _text(record.last_fill_ns),
        "limit_price": None if spec.limit_price is None else str(spec.limit_price),
        "stop_price": None if spec.stop_price is None else str(spec.stop_price),
        "fee": str(record.fees),
        "tag": spec.tag,
        "message": record.message,
    }


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS_PER_SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
