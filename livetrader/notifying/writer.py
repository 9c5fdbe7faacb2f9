"""Writes the outbox down, on a thread of its own. The loop hands over what changed and never waits.

Rule 1: sending does not depend on this. A full disk is when an alarm has to leave.
Rule 2: what could not be written is kept, the newest of each notification, and tried again: so what waits is
never more than the book holds.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from livetrader.notifying.entries import Entry
from livetrader.notifying.file import OutboxError, OutboxFile
from livetrader.telemetry.logs import event

RETRY_S: Final = 5.0  # between attempts while the disk fails
CLOSE_LIMIT_S: Final = 5.0  # for the last write; a disk that hangs must not hold the daemon's end up

_log: Final = logging.getLogger(__name__)


class OutboxWriter:
    """Owns the file and its thread. Every public method is called on the loop."""

    def __init__(self, path: Path, wall_ns: Callable[[], int]) -> None:
        self._file = OutboxFile(path)
        self._path = path
        self._wall_ns = wall_ns
        self._condition = threading.Condition()
        self._rows: dict[int, Entry | None] = {}  # guarded by _condition
        self._closing = False  # guarded by _condition
        self._busy = False  # guarded by _condition
        self._refused = False  # the file is not ours to write; guarded by _condition
        self._thread: threading.Thread | None = None
        self.problem = ""  # why nothing is kept on disk now; set by the thread, read by the loop

    @property
    def pending(self) -> int:
        """Notifications whose newest state is not on disk yet."""
        with self._condition:
            return len(self._rows) + int(self._busy)

    async def open(self) -> list[Entry]:
        """Return what an earlier run left; nothing, and `problem` says why, where that cannot be read."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[list[Entry]] = loop.create_future()

        def tell(entries: list[Entry]) -> None:
            if not opened.done():  # whoever waits may have been cancelled
                opened.set_result(entries)

        def run() -> None:
            entries = self._begin()
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, entries)
            self._write_all()

        self._busy = True
        self._thread = threading.Thread(target=run, name="outbox", daemon=True)
        self._thread.start()
        return await opened

    def put(self, rows: Mapping[int, Entry | None]) -> None:
        """Write these rows soon; a newer state of one replaces the older that still waits."""
        if not rows:
            return
        with self._condition:
            if not self._refused:
                self._rows.update(rows)
                self._condition.notify()

    async def close(self) -> None:
        """Write what waits, once, and close the file; idempotent. Waits CLOSE_LIMIT_S at most."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._condition:
            self._closing = True
            self._condition.notify()
        await asyncio.to_thread(thread.join, CLOSE_LIMIT_S)

    # ---- the thread

    def _begin(self) -> list[Entry]:
        entries: list[Entry] = []
        try:
            entries = self._file.open(self._wall_ns())
        except (OutboxError, sqlite3.Error, OSError) as error:
            self._failed(error)
        finally:
            with self._condition:
                self._busy = False
        return entries

    def _write_all(self) -> None:
        while True:
            with self._condition:
                while not self._rows and not self._closing:
                    self._condition.wait()
                rows, self._rows = self._rows, {}
                self._busy, last = True, self._closing
            written = not rows or self._write(rows)
            with self._condition:
                self._busy = False
                if not written and not self._refused:
                    self._rows = rows | self._rows
                if last:
                    break
                if not written:
                    self._condition.wait(RETRY_S)
        self._close()

    def _write(self, rows: dict[int, Entry | None]) -> bool:
        try:
            self._file.write(rows)
        except (OutboxError, sqlite3.Error, OSError) as error:
            self._close()
            self._failed(error)
            return False
        if self.problem:
            self.problem = ""
            event(_log, logging.INFO, "outbox_written_again", path=str(self._path))
        return True

    def _failed(self, error: Exception) -> None:
        if isinstance(error, OutboxError):  # nothing is written any more
            with self._condition:
                self._closing = self._refused = True
                self._rows = {}
        words = str(error) if isinstance(error, OutboxError) else f"{self._path} cannot be written: {error}"
        if words != self.problem:
            event(_log, logging.ERROR, "outbox_not_durable", problem=words, next_step="free disk space")
        self.problem = words

    def _close(self) -> None:
        try:
            self._file.close()
        except sqlite3.Error as error:
            event(_log, logging.WARNING, "outbox_close_failed", error=str(error))
