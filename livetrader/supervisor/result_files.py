"""What a live algorithm leaves to look at: order events and charts, in LEAN's format, a folder per run.

They repeat what the journal has, in other words; nothing reads them back.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from livetrader.gateway.timing import Timing
from livetrader.results.charts import ChartBook, ChartLimits, charts_json
from livetrader.results.json_text import indented
from livetrader.results.order_events import order_event_text
from livetrader_engine.commands import DeclareSeries, NoteOrderEvent, Plot
from livetrader_engine.money import from_float
from livetrader_engine.symbols import NS_PER_SECOND

WRITE_S: Final = 5.0  # between two looks at whether there is something to write
RUNS_KEPT: Final = 50  # folders of runs; the oldest goes when a new one is made
MAX_EVENTS_BYTES: Final = 256 * 1024 * 1024  # of one run's order events; later ones are only journaled
MAX_DIGITS: Final = 28  # before or after the point; our arithmetic has no more
MAX_PENDING: Final = 100_000  # order events that wait to be written; then the newest are only journaled
LIMITS: Final = ChartLimits(series=30, points=10_000)  # of one run's charts


class EventsFile:
    """An array of JSON in a file that is valid after every write. Used by one thread at a time.

    A new item replaces the closing bracket; a crash in the middle of that leaves the array open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0

    def append(self, items: list[str]) -> None:
        """Add items, or leave them out where the file is full. Raises OSError."""
        text = ",".join(items)
        if self._size + len(text) > MAX_EVENTS_BYTES:
            return
        whole = f"{',' if self._size else '['}{text}]".encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            at = max(0, self._size - 1)  # over the bracket
            os.pwrite(descriptor, whole, at)
        finally:
            os.close(descriptor)
        self._size = at + len(whole)


class ResultFiles:
    """Owns the folder of this run. Belongs to the loop's thread; a thread of the pool writes.

    The folder is made with the first thing to write. A disk that fails is reported once and costs nothing
    but these files.
    """

    def __init__(self, root: Path, timing: Timing, report: Callable[..., None]) -> None:
        self._root = root
        self._timing = timing
        self._report = report
        self._algorithm_id = ""
        self._events: list[NoteOrderEvent] = []
        self._events_file: EventsFile | None = None
        self._charts = ChartBook(LIMITS, lambda words: report("chart_limit", level="warning", message=words))
        self._charts_changed = False
        self._failed = False
        self._writing = asyncio.Lock()

    def name(self, algorithm_id: str) -> None:
        """Say which algorithm runs; its name stands in the files."""
        self._algorithm_id = self._algorithm_id or algorithm_id

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Take one order event; it is written soon. Numbers that nobody could read are left out."""
        if len(self._events) < MAX_PENDING and all(map(_readable, _numbers(noted))):
            self._events.append(noted)

    def chart(self, message: DeclareSeries | Plot) -> None:
        """Take a series or a point."""
        if isinstance(message, DeclareSeries):
            self._charts.declare(message.chart, message.series, message.style)
        elif all(map(math.isfinite, message.values)):
            values = tuple(from_float(value) for value in message.values)
            self._charts.plot(message.time_ns, message.chart, message.series, values)
        self._charts_changed = True

    async def run(self) -> None:
        """Write what has come, every few seconds, until cancelled."""
        while True:
            await self._timing.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write what has come. Before the algorithm has a name it waits."""
        async with self._writing:
            if self._failed or not self._algorithm_id:
                return
            events, self._events = self._events, []
            charts = None
            if self._charts_changed:
                self._charts_changed = False
                charts = indented(charts_json(self._charts.charts)) + "\n"
            if events or charts is not None:
                await self._write(events, charts)

    async def _write(self, events: list[NoteOrderEvent], charts: str | None) -> None:
        if self._events_file is None:
            began = datetime.fromtimestamp(self._timing.wall_ns() / NS_PER_SECOND, UTC)
            folder = self._root / began.strftime("%Y-%m-%d_%H-%M-%S")
            self._events_file = EventsFile(folder / f"{self._algorithm_id}-order-events.json")
        try:
            await asyncio.to_thread(_write, self._events_file, events, charts, self._algorithm_id)
        except OSError as error:
            self._failed = True
            self._report("results_not_written", level="error", error=str(error))


def _numbers(noted: NoteOrderEvent) -> Iterator[Decimal | None]:
    spec, fill = noted.spec, noted.fill
    yield from (spec.quantity, spec.limit_price, spec.stop_price)
    if fill is not None:
        yield from (fill.quantity, fill.price, fill.fee)


def _readable(number: Decimal | None) -> bool:
    """Return whether the text of a number has a sensible length: the engine process may send anything."""
    return number is None or not number or (number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS)


def _write(file: EventsFile, events: list[NoteOrderEvent], charts: str | None, algorithm_id: str) -> None:
    folder = file.path.parent
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        _forget_old_runs(folder.parent)
    if events:
        file.append([order_event_text(noted, algorithm_id) for noted in events])
    if charts is not None:
        path = folder / f"{algorithm_id}-charts.json"
        part = path.with_name(path.name + ".part")
        part.write_text(charts, encoding="utf-8")
        part.replace(path)


def _forget_old_runs(root: Path) -> None:
    runs = sorted(path for path in root.iterdir() if path.is_dir())
    for path in runs[:-RUNS_KEPT]:
        shutil.rmtree(path)
