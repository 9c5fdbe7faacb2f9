"""The journal: append-only, durable when awaited, on its own thread.

Rule 1: the event loop never touches SQLite; it hands rows over and is called back. (A simulation in virtual
time says `threaded=False`: then the loop itself writes, at its next turn.)
Rule 2: after a failed write nothing more is promised: `broken` says why, every `append` raises, and only the
rows of `append_soon` are still tried, so that the end of a story can be read.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livetrader.clocks import monotonic_s, wall_ns
from livetrader.errors import JournalError
from livetrader.journal.disk import LOCAL_DISK, Disk
from livetrader.journal.records import Record, client_order_id_of, encode, kind_of
from livetrader.journal.replay import JournalState
from livetrader.journal.store import Row, Store

MAX_PENDING: Final = 20_000  # rows waiting for the disk; beyond it appends fail and soon-rows are dropped
MAX_BATCH: Final = 1_000  # rows per commit: keeps one commit in the milliseconds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Row
    future: asyncio.Future[int] | None


class Journal:
    """Append-only record of everything that money depends on.

    Owned by the gateway; every method is called on the daemon's loop. One thread owns the file. Does not
    decide what to record, and does not lock the directory (daemon.lock does).
    """

    def __init__(
        self,
        path: Path,
        account: str = "paper",
        now_ns: Callable[[], int] = wall_ns,
        *,
        disk: Disk = LOCAL_DISK,
        threaded: bool = True,
    ) -> None:
        self._store = Store(path, account, now_ns(), disk)
        self._path = path
        self._threaded = threaded
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._condition = threading.Condition()
        self._queue: deque[_Waiting] = deque()  # guarded by _condition
        self._closing = False  # guarded by _condition
        self._writing = 0  # rows of the batch at the disk; written by the thread, read by the loop
        self.state = JournalState()
        self.broken: str | None = None
        self.dropped = 0
        self.appended: Callable[[float], None] = _nobody_measures  # seconds of each `append`

    @property
    def pending(self) -> int:
        """Rows handed over and not yet on disk."""
        return len(self._queue) + self._writing

    async def open(self) -> None:
        """Open or create the file, verify it, and make `state` what it says.

        Raises JournalError where it cannot be read, was damaged, or is of a newer livetrader.
        """
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[JournalState] = self._loop.create_future()
        self._writing = 1
        if not self._threaded:
            self._begin(opened)
            self.state = await opened
            return
        self._thread = threading.Thread(target=self._run, args=(opened,), name="journal", daemon=True)
        self._thread.start()
        self.state = await opened

    def replay(self) -> JournalState:
        """Return what the journal said when it was opened, moved on by the gateway since."""
        return self.state

    async def append(self, record: Record) -> int:
        """Write a record; return its sequence number when it is durable.

        Raises JournalError where that is not certain; then nothing that depends on it may happen.
        """
        if self.broken is not None:
            raise JournalError(self.broken)
        if self._loop is None:
            raise JournalError(f"{self._path} is not open")
        future: asyncio.Future[int] = self._loop.create_future()
        if not self._hand_over(_Waiting(_row(record), future)):
            raise JournalError(f"{self._path} is closed, or {MAX_PENDING} rows are waiting for the disk")
        begun_s = monotonic_s()
        sequence = await future
        self.appended(monotonic_s() - begun_s)
        return sequence

    def append_soon(self, record: Record) -> None:
        """Write a record with the next commit. Never blocks, never raises.

        Only for what a snapshot of the brokerage shows again. Dropped and counted in `dropped` where too
        many rows wait or the disk fails.
        """
        if self._loop is None or not self._hand_over(_Waiting(_row(record), None)):
            self.dropped += 1

    async def close(self) -> None:
        """Write what waits and close the file; idempotent. Raises nothing: what failed is in `broken`."""
        if not self._threaded:
            self._closing = True
            while batch := self._pop():
                self._write(batch)
            self._store.close()
            return
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._condition:
            self._closing = True
            self._condition.notify()
        await asyncio.to_thread(thread.join)

    def _hand_over(self, waiting: _Waiting) -> bool:
        with self._condition:
            if self._closing or len(self._queue) >= MAX_PENDING:
                return False
            self._queue.append(waiting)
            self._condition.notify()
        if not self._threaded and len(self._queue) == 1:
            self._call(self._turn)
        return True

    def _turn(self) -> None:
        """Write what waits, from the loop: in place of the thread."""
        if batch := self._pop():
            self._write(batch)
        if not self._queue:
            self._tidy()
        elif not self._closing:
            self._call(self._turn)

    # -- the journal's thread -----------------------------------------------------------------------

    def _begin(self, opened: asyncio.Future[JournalState]) -> bool:
        try:
            state = self._store.open()
        except (JournalError, sqlite3.Error, OSError) as error:
            refusal = (
                error
                if isinstance(error, JournalError)
                else JournalError(f"{self._path} cannot be opened: {error}")
            )
            self._store.close()
            self._call(_refuse, opened, refusal)
            return False
        else:
            self._call(_succeed, opened, state)
            return True
        finally:
            self._writing = 0

    def _run(self, opened: asyncio.Future[JournalState]) -> None:
        if not self._begin(opened):
            return
        batch: list[_Waiting] = []
        try:
            while batch := self._next_batch():
                self._write(batch)
        except Exception:  # noqa: BLE001 — boundary: those who wait for a dead thread must be told
            _log.exception("journal thread died", extra={"action": "journal_thread_died"})
            with self._condition:
                self._closing = True
                batch += self._queue
                self._queue.clear()
            self._call(self._break, f"{self._path}: the journal's thread died; restart the daemon", batch)
        finally:
            self._store.close()

    def _next_batch(self) -> list[_Waiting]:
        """Return up to MAX_BATCH waiting rows; block until there are some; empty when closing."""
        with self._condition:
            if not self._queue and not self._closing:
                self._condition.release()
                try:
                    self._tidy()
                finally:
                    self._condition.acquire()
            while not self._queue and not self._closing:
                self._condition.wait()
            return self._pop()

    def _pop(self) -> list[_Waiting]:
        batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
        self._writing = len(batch)
        return batch

    def _write(self, batch: list[_Waiting]) -> None:
        if self.broken is not None:
            self._salvage(batch)
            return
        try:
            first = self._store.write([waiting.row for waiting in batch])
        except (sqlite3.Error, OSError) as error:
            self.broken = f"{self._path} cannot be written: {error}. Free disk space, then restart the daemon"
            self._abandon()
            self._call(self._break, self.broken, batch)
        else:
            self._call(_settle, batch, first)
        self._writing = 0

    def _salvage(self, batch: list[_Waiting]) -> None:
        rows = [waiting.row for waiting in batch if waiting.future is None]
        lost = 0
        try:
            if rows:
                self._store.write(rows)
        except (sqlite3.Error, OSError):
            lost = len(rows)
            self._abandon()
        self._call(self._lose, batch, lost)
        self._writing = 0

    def _tidy(self) -> None:
        try:
            self._store.tidy()
        except (sqlite3.Error, OSError):
            _log.warning("journal checkpoint failed", exc_info=True, extra={"action": "journal_checkpoint"})

    def _abandon(self) -> None:
        try:
            self._store.abandon()
        except (sqlite3.Error, OSError):
            _log.warning("journal abandon failed", exc_info=True, extra={"action": "journal_abandon"})

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return  # nobody is left to be told
        loop.call_soon_threadsafe(function, *arguments)

    # -- back on the loop ---------------------------------------------------------------------------

    def _break(self, reason: str, batch: list[_Waiting]) -> None:
        self.broken = reason
        _log.critical("journal broken", extra={"action": "journal_broken", "reason": reason})
        self._lose(batch, sum(1 for waiting in batch if waiting.future is None))

    def _lose(self, batch: list[_Waiting], lost: int) -> None:
        self.dropped += lost
        for waiting in batch:
            if waiting.future is not None:
                _fail(waiting.future, self.broken or f"{self._path} is closed")


def _nobody_measures(seconds: float) -> None:
    """Take no note of how long it took."""


def _row(record: Record) -> Row:
    return Row(record.time_ns, kind_of(record), client_order_id_of(record), encode(record))


def _fail(future: asyncio.Future[int], reason: str) -> None:
    if not future.done():  # its waiter may have been cancelled
        future.set_exception(JournalError(reason))


def _refuse(future: asyncio.Future[JournalState], error: JournalError) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: asyncio.Future[JournalState], state: JournalState) -> None:
    if not future.done():
        future.set_result(state)


def _settle(batch: list[_Waiting], first: int) -> None:
    for offset, waiting in enumerate(batch):
        if waiting.future is not None and not waiting.future.done():
            waiting.future.set_result(first + offset)
