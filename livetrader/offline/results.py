"""What a backtest tells while it runs: log lines, charts, order events, named values.

Lines go to files as they come; charts and named values are kept for the result file at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from livetrader.offline.files import LinesFile
from livetrader.results.charts import ChartBook, ChartLimits
from livetrader.results.order_events import order_event_text
from livetrader_engine.commands import LogLevel, NoteInsight, NoteOrderEvent, SeriesStyle
from livetrader_engine.money import from_float
from livetrader_engine.outgoing import Outgoing
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_engine.wire import writable

MAX_EVENTS_BYTES: Final = 256 * 1024 * 1024  # of order events; a run has at most 10,000 orders
MAX_STATISTICS: Final = 1_000  # named values of a run; further names are left out
COMPLETED: Final = "Completed"
RUNTIME_ERROR: Final = "RuntimeError"
STOPPED: Final = "Stopped"


class BacktestResult(msgspec.Struct, frozen=True):
    """What came out. `statistics` has LEAN's names and formats, OrderListHash among them.

    `status` is Completed, RuntimeError (then `error` is the algorithm's traceback) or Stopped (Ctrl-C or
    SIGTERM; the figures are those up to then). `folder` holds the files.
    """

    status: str
    data_points: int
    history_data_points: int
    statistics: dict[str, str]
    runtime_statistics: dict[str, str] = {}
    error: str = ""
    folder: str = ""
    failed_data_requests: int = 0


class FileResults:
    """Implements ports.ResultSink over files of the result folder. Close it by leaving the `with`.

    Owned by the engine's thread. `time_zone` is the algorithm's: `<id>-log.txt` is told in it, `log.txt`,
    which has our own lines too, in UTC.
    """

    def __init__(
        self,
        folder: Path,
        algorithm_id: str,
        show: Callable[[str], None] | None = None,
        limits: ChartLimits = ChartLimits(),  # noqa: B008 — frozen
    ) -> None:
        self.time_zone: Callable[[], tzinfo] = lambda: _NEW_YORK
        self.charts = ChartBook(limits, lambda words: self.warning(self._now_ns, words))
        self.statistics: dict[str, str] = {}
        self.log_lines = 0
        self.insights = 0
        self._id = algorithm_id
        self._show = show
        self._now_ns = 0
        self._own_log = LinesFile(folder / f"{algorithm_id}-log.txt", always=True)
        self._log = LinesFile(folder / "log.txt", always=True)
        self._events = _JsonArray(folder / f"{algorithm_id}-order-events.json")

    def __enter__(self) -> FileResults:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the files their names. Closing twice is harmless."""
        self._own_log.close()
        self._log.close()
        self._events.close()

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        """Write a line of the algorithm's to both logs."""
        self.log_lines += 1
        told = datetime.fromtimestamp(time_ns / NS_PER_SECOND, self.time_zone())
        self._own_log.write(writable(f"{told:%Y-%m-%d %H:%M:%S} {message}"))
        self._line(time_ns, level.value, message)

    def warning(self, time_ns: int, message: str) -> None:
        """Write a line of our own: something that is not as the user will have expected."""
        self._line(time_ns, "warning", message)

    def error(self, time_ns: int, message: str) -> None:
        """Write the algorithm's traceback to both logs; whoever asked for the run shows it in the end."""
        show, self._show = self._show, None
        self.log(time_ns, LogLevel.ERROR, message)
        self._show = show

    def _line(self, time_ns: int, level: str, message: str) -> None:
        line = writable(f"{_text(time_ns)} {level.upper()} {message}")
        self._log.write(line)
        if self._show is not None:
            self._show(line)

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Have a series on a chart."""
        self.charts.declare(chart, series, style)

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        """Add a point to a chart."""
        self._now_ns = time_ns
        self.charts.plot(time_ns, chart, series, tuple(from_float(value) for value in values))

    def insight(self, noted: NoteInsight) -> None:
        """Count it."""
        self.insights += 1

    def statistic(self, name: str, value: str) -> None:
        """Keep a named value; the newest counts."""
        name = writable(name)
        if name in self.statistics or len(self.statistics) < MAX_STATISTICS:
            self.statistics[name] = writable(value)

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        """Send nothing: a backtest tells nobody."""
        return False

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Write one order event."""
        self._events.write(order_event_text(noted, self._id))


class _JsonArray:
    """A JSON array of texts that are JSON, in one line as LEAN writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file = self._part.open("w", encoding="utf-8")
        self._left = MAX_EVENTS_BYTES
        self._begun = False

    def write(self, item: str) -> None:
        self._left -= len(item)
        if self._left < 0:
            return
        self._file.write(("," if self._begun else "[") + item)
        self._begun = True

    def close(self) -> None:
        if self._file.closed:
            return
        self._file.write("]" if self._begun else "[]")
        self._file.close()
        self._part.replace(self._path)


_NEW_YORK: Final = ZoneInfo("America/New_York")


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS_PER_SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
