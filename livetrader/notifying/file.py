"""The outbox on disk: one SQLite file in the state directory. Synchronous; its one thread is the writer's.

A row per notification, replaced when it changes. WAL with synchronous=FULL: what a commit returned from
survives a power cut. Deleted rows are overwritten, for an algorithm's message may carry a password until it
is gone. Readable beside the running daemon: sqlite3 notifications.sqlite3 'select * from readable'.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from livetrader.errors import DaemonError
from livetrader.notifying.entries import Entry

SCHEMA_VERSION: Final = 1
BUSY_S: Final = 5.0  # an operator's sqlite3 may hold the file for a moment
DAMAGED: Final = ".damaged-"  # in the name of a file that was set aside; a time follows

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS notification (
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT""",
    """CREATE VIEW IF NOT EXISTS readable AS
    SELECT id, strftime('%Y-%m-%d %H:%M:%S', time_ns / 1000000000, 'unixepoch') AS utc, state,
           json_extract(body, '$.title') AS title, json_extract(body, '$.message') AS message
    FROM notification""",
)


class OutboxError(DaemonError):
    """The outbox cannot be kept on disk; people are told all the same, as long as the daemon runs."""


class OutboxFile:
    """Owns the connection. Every method may block on the disk, and raises sqlite3.Error or OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self, now_ns: int) -> list[Entry]:
        """Create or open the file and return what it holds.

        One that is damaged is set aside and a new one begun: what it held was told or will happen again.
        Raises OutboxError for one of a newer livetrader, which is left as it is.
        """
        try:
            return self._open()
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # the disk, a lock: not the file's contents
            self.close()
            for suffix in ("", "-wal", "-shm"):
                file = self._path.with_name(self._path.name + suffix)
                if file.exists():
                    file.rename(file.with_name(f"{self._path.name}{DAMAGED}{now_ns}{suffix}"))
            return self._open()

    def write(self, rows: Mapping[int, Entry | None]) -> None:
        """Replace rows, and delete those that are None, in one durable commit. Raises OutboxError, too."""
        connection = self._connection or self._connect()
        encode = msgspec.json.encode
        kept = [
            (number, entry.time_ns, int(entry.urgency), entry.state.value, encode(entry).decode())
            for number, entry in rows.items()
            if entry is not None
        ]
        gone = [(number,) for number, entry in rows.items() if entry is None]
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT OR REPLACE INTO notification VALUES (?, ?, ?, ?, ?)", kept)
            connection.executemany("DELETE FROM notification WHERE id = ?", gone)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> list[Entry]:
        connection = self._connect()
        decode = msgspec.json.Decoder(Entry).decode
        with closing(connection.execute("SELECT body FROM notification ORDER BY id")) as rows:
            return [decode(str(body)) for (body,) in rows]

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        for statement in _SCHEMA:
            connection.execute(statement)
        with closing(connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")) as found:
            row = found.fetchone()
        if row is None:
            connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
        elif not str(row[0]).isdecimal() or int(row[0]) > SCHEMA_VERSION:
            raise OutboxError(
                f"{self._path} was written by a newer livetrader (schema {row[0]}, this one knows"
                f" {SCHEMA_VERSION}): install that version again, or move the file away"
            )

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))  # SQLite would ask the umask
        connection = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection
