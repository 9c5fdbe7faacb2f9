"""One SQLite database on a thread of its own, with group commit.

An asyncio loop must not wait for a disk, and SQLite wants one writer. So the connection belongs to one
thread; the loop hands it functions and awaits their results. Functions that queue up while a commit is
under way share the next one, which is what makes many small durable writes cheap.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

Result = TypeVar("Result")

GROUP_LIMIT: Final = 256  # work items per commit: bounds how long one waits for the others
BACKLOG_LIMIT: Final = 50_000  # queued items; a disk that slow is a failure, not a reason to use up memory
BUSY_TIMEOUT_S: Final = 10.0  # another process (an operator's sqlite3) may hold the file for a moment


class StoreFailedError(Exception):
    """The database cannot be written or read; the message is SQLite's. What was asked is not durable."""


class _Item:
    """One function to run, and the future of whoever waits for it."""

    __slots__ = ("done", "error", "function", "result")

    def __init__(
        self, function: Callable[[sqlite3.Connection], object], done: asyncio.Future[object] | None
    ) -> None:
        self.function = function
        self.done = done
        self.result: object = None
        self.error: BaseException | None = None


class SqliteThread:
    """Runs functions on one SQLite connection, in order, in a thread of its own.

    `call` returns when what its function wrote is durable (WAL, synchronous=FULL). It does not retry and
    does not reconnect: a failed commit fails every call in it with StoreFailedError. Owned by one plugin
    and used from one event loop only.
    """

    def __init__(self, path: Path, schema: str) -> None:
        """Remember where the database is; nothing is opened before `open`."""
        self._path = path
        self._schema = schema
        self._queue: queue.Queue[_Item | None] = queue.Queue(maxsize=BACKLOG_LIMIT)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._post_error: BaseException | None = None

    async def open(self) -> None:
        """Open the database and create what `schema` says. Raises StoreFailedError where it cannot."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[object] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name=f"sqlite:{self._path.name}", daemon=True
        )
        self._thread.start()
        await opened

    def start(self, function: Callable[[sqlite3.Connection], object]) -> asyncio.Future[object]:
        """Queue `function`; return the future of its result, which is set once it is durable.

        An exception of `function` undoes its own writes only and is the future's. Futures are answered in
        the order of `start`. Cancelling the future does not undo the work.
        """
        if self._thread is None or self._loop is None:
            raise StoreFailedError(f"{self._path} is not open")
        done: asyncio.Future[object] = self._loop.create_future()
        self._put(_Item(function, done))
        return done

    async def call(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `function` in the thread; return its result once it is durable."""
        return await self.start(function)  # type: ignore[return-value]  # the future carries what it returned

    def post(self, function: Callable[[sqlite3.Connection], object]) -> None:
        """Run `function` in the thread some time; nobody waits. For what may be lost, like marks.

        Raises StoreFailedError where an earlier posted function failed.
        """
        if self._post_error is not None:
            error, self._post_error = self._post_error, None
            raise StoreFailedError(f"an earlier write to {self._path} failed: {error}") from error
        self._put(_Item(function, None))

    async def close(self) -> None:
        """Finish what is queued, close the database and end the thread. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        await asyncio.to_thread(self._finish, thread)

    def _finish(self, thread: threading.Thread) -> None:
        self._queue.put(None)
        thread.join()

    def _put(self, item: _Item) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            raise StoreFailedError(f"{self._path}: {BACKLOG_LIMIT} writes wait for the disk") from None

    # From here on: in the thread.

    def _run(self, opened: asyncio.Future[object]) -> None:
        first = _Item(lambda _connection: None, opened)
        try:
            connection = self._connect()
        except sqlite3.Error as error:
            first.error = StoreFailedError(f"{self._path} cannot be opened: {error}")
            self._answer([first])
            return
        self._answer([first])
        try:
            while (group := self._next_group()) is not None:
                self._commit(connection, group)
                self._answer(group)
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(self._schema)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _next_group(self) -> list[_Item] | None:
        """Wait for work; return it with whatever queued up meanwhile, None at the end."""
        item = self._queue.get()
        if item is None:
            return None
        group = [item]
        while len(group) < GROUP_LIMIT:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put_nowait(None)  # the end comes after this group
                break
            group.append(item)
        return group

    def _commit(self, connection: sqlite3.Connection, group: list[_Item]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for item in group:
                _run_item(connection, item)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            for item in group:
                item.error = StoreFailedError(f"{self._path}: {error}")
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _answer(self, group: list[_Item]) -> None:
        loop = self._loop
        for item in group:
            if item.done is None and item.error is not None:
                self._post_error = item.error
        waiting = [item for item in group if item.done is not None]
        if waiting and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting)


def _run_item(connection: sqlite3.Connection, item: _Item) -> None:
    """Run one function so that its failure undoes its own writes and nobody else's."""
    connection.execute("SAVEPOINT item")
    try:
        item.result = item.function(connection)
    except Exception as error:  # noqa: BLE001  # boundary: handed to whoever awaits the call, with its traceback
        item.error = error
        connection.execute("ROLLBACK TO item")
    connection.execute("RELEASE item")


def _resolve(items: list[_Item]) -> None:
    """Tell the waiters, on the loop. A waiter that was cancelled meanwhile is left alone."""
    for item in items:
        if item.done is None or item.done.done():
            continue
        if item.error is not None:
            item.done.set_exception(item.error)
        else:
            item.done.set_result(item.result)
