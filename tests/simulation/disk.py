"""The journal's disk in a simulation: a real SQLite file, boundaries around each commit, and power cuts.

What survives a power cut is what SQLite promises for the settings that the store really made: with
synchronous=FULL every commit, with less only what was checkpointed. What survives SIGKILL is everything
written. A life of the daemon that ended leaves its folder to the next one as a copy, so that nothing the dead
process still holds open can reach it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from livetrader.journal.disk import Connection, Cursor, Value
from livetrader.journal.journal import Journal
from tests.simulation.process import boundary

BUSY_TIMEOUT_S: Final = 5.0
INSERT: Final = "INSERT INTO record"
_LEFT_BEHIND: Final = ("*.ballast", "*-shm")  # made anew by the next life

Wrote = Callable[[str, str | None, str], None]  # a durable row: kind, client order id, body


class SimulatedConnection:
    """A connection that passes boundaries, and knows how much of its log is synced."""

    def __init__(self, path: Path, wrote: Wrote) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        self._wrote = wrote
        self._rows: list[Sequence[Value]] = []
        self.synced_bytes = 0

    @property
    def in_transaction(self) -> bool:
        """See Connection."""
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Cursor:
        """See Connection."""
        if sql == "COMMIT":
            boundary("commit")
        cursor = self._connection.execute(sql, parameters)
        if sql.startswith(INSERT):
            self._rows.append(parameters)
        if sql == "COMMIT":
            self._committed()
            boundary("committed")
        elif sql == "ROLLBACK":
            self._rows.clear()
        elif sql.startswith("PRAGMA wal_checkpoint"):
            self.synced_bytes = self._log_bytes()
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> object:
        """See Connection."""
        rows = list(parameters)
        if sql.startswith(INSERT):
            self._rows += rows
        return self._connection.executemany(sql, rows)

    def close(self) -> None:
        """See Connection."""
        self._connection.close()

    def _committed(self) -> None:
        level = self._connection.execute("PRAGMA synchronous").fetchone()[0]
        if level >= 2:  # FULL
            self.synced_bytes = self._log_bytes()
        rows, self._rows = self._rows, []
        for row in rows:
            client_order_id = None if row[4] is None else str(row[4])
            self._wrote(str(row[2]), client_order_id, str(row[5]))

    def _log_bytes(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0


class SimulatedDisk:
    """The disk of one life of the daemon. Tells `wrote` of every row that became durable."""

    def __init__(self, wrote: Wrote) -> None:
        self._wrote = wrote
        self._connections: list[SimulatedConnection] = []

    def connect(self, path: Path, *, writable: bool = True) -> Connection:
        """See Disk."""
        boundary("journal open")
        connection = SimulatedConnection(path, self._wrote)
        self._connections.append(connection)
        return connection

    def sync_directory(self, folder: Path) -> None:
        """See Disk."""

    def reserve(self, path: Path, size_bytes: int) -> None:
        """Keep nothing in reserve: there is room."""

    def release(self, path: Path) -> None:
        """See Disk."""

    @property
    def synced_bytes(self) -> int:
        """How much of the write-ahead log survives a power cut."""
        return self._connections[-1].synced_bytes if self._connections else 0

    def close(self) -> None:
        """Give the files back; for lives that ended."""
        for connection in self._connections:
            connection.close()


class SimulatedJournal(Journal):
    """The journal, with a boundary where a record is handed to its writer."""

    def _hand_over(self, waiting: object) -> bool:
        boundary("append")
        return super()._hand_over(waiting)  # type: ignore[arg-type]  # its own private record


def inherit(old: Path, new: Path, journal: str, synced_bytes: int | None, chance: Random) -> None:
    """Copy what a dead life left to the next one; `synced_bytes` is set where the power failed."""
    shutil.copytree(old, new, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
    log = new / f"{journal}-wal"
    if synced_bytes is not None and log.exists():
        size = log.stat().st_size
        kept = chance.randint(min(synced_bytes, size), size)
        with log.open("r+b") as file:
            file.truncate(kept)
