"""The SQLite file of the journal: synchronous, one owner, one thread.

WAL with synchronous=FULL: a commit that returned survives a power cut (NORMAL loses the newest ones). Each
row carries the SHA-256 of itself and its predecessor, so an edited or damaged row is found at the next
start. Readable beside the running daemon: sqlite3 journal.sqlite3 'select * from readable'.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from livetrader.errors import JournalError
from livetrader.journal.identifiers import make_instance
from livetrader.journal.records import SCHEMA_VERSION, Record, decode
from livetrader.journal.replay import JournalState

BUSY_TIMEOUT_MS: Final = 5_000  # an operator's reader may hold the file for a moment
CHECKPOINT_ROWS: Final = 1_000  # rows after which an idle writer moves the write-ahead log into the file
BALLAST_BYTES: Final = 4 * 1024 * 1024  # given back to a full disk so that the end can still be written

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    client_order_id TEXT,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS record_by_order ON record (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE VIEW IF NOT EXISTS readable AS
    SELECT seq, strftime('%Y-%m-%d %H:%M:%S', time_ns / 1000000000, 'unixepoch') AS utc,
           kind, client_order_id, body
    FROM record;
"""
_INSERT: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Row:
    """One record on its way into the file."""

    time_ns: int
    kind: str
    client_order_id: str | None
    body: str


def _link(previous: str, seq: int, time_ns: int, kind: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{seq}\n{time_ns}\n{kind}\n{body}".encode()).hexdigest()


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Store:
    """Owns the connection. Every method is called from the journal's thread and may block on the disk.

    Raises sqlite3.Error or OSError where the disk fails, JournalError where the file is not ours to use.
    """

    def __init__(self, path: Path, account: str, created_ns: int) -> None:
        self._path = path
        self._account = account
        self._created_ns = created_ns
        self._connection: sqlite3.Connection | None = None
        self._seq = 0
        self._hash = ""
        self._since_checkpoint = 0

    @property
    def ballast(self) -> Path:
        """The file that holds disk space in reserve."""
        return self._path.with_name(self._path.name + ".ballast")

    def open(self) -> JournalState:
        """Create or open the file, verify every row, and return what it says."""
        connection = self._connect()
        version = self._meta(connection, "schema_version")
        if version is not None and int(version) > SCHEMA_VERSION:
            raise JournalError(
                f"{self._path} was written by a newer livetrader (schema {version}, this one knows "
                f"{SCHEMA_VERSION}): install that version again, or give this one its own state directory"
            )
        if version is None:
            self._create(connection)
        state = JournalState(instance=self._meta(connection, "instance") or "")
        for record in self._verified(connection):
            state.apply(record)
        self._reserve_ballast()
        return state

    def write(self, rows: Sequence[Row]) -> int:
        """Append rows in one durable commit; return the sequence number of the first."""
        connection = self._connection or self._reopen()
        seq, link = self._seq, self._hash
        values = []
        for row in rows:
            seq += 1
            link = _link(link, seq, row.time_ns, row.kind, row.body)
            values.append((seq, row.time_ns, row.kind, SCHEMA_VERSION, row.client_order_id, row.body, link))
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(_INSERT, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        first = self._seq + 1
        self._seq, self._hash = seq, link
        self._since_checkpoint += len(rows)
        return first

    def abandon(self) -> None:
        """Drop the connection after a failure and give the ballast back to the disk.

        A commit that failed may be durable all the same; the next write looks what the file really ends with.
        """
        self.ballast.unlink(missing_ok=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def tidy(self) -> None:
        """Move the write-ahead log into the file if it grew; called when there is nothing to write."""
        if self._connection is not None and self._since_checkpoint >= CHECKPOINT_ROWS:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._since_checkpoint = 0

    def close(self) -> None:
        """Close the file; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
        self._connection = connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        return connection

    def _reopen(self) -> sqlite3.Connection:
        connection = self._connect()
        tail = connection.execute("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq, self._hash = tail if tail is not None else (0, "")
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        facts = {
            "schema_version": str(SCHEMA_VERSION),
            "account": self._account,
            "instance": make_instance(self._account, self._created_ns),
            "created_ns": str(self._created_ns),
        }
        connection.execute("BEGIN IMMEDIATE")
        # schema_version goes last: a file without it is begun again
        for key in ("account", "instance", "created_ns", "schema_version"):
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, facts[key]))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _sync_directory(self._path.parent)

    def _meta(self, connection: sqlite3.Connection, key: str) -> str | None:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        if known is None:
            return None
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _verified(self, connection: sqlite3.Connection) -> Iterator[Record]:
        self._seq, self._hash = 0, ""
        for seq, time_ns, kind, body, link in connection.execute(
            "SELECT seq, time_ns, kind, body, hash FROM record ORDER BY seq"
        ):
            expected = _link(self._hash, seq, time_ns, kind, body)
            if seq != self._seq + 1 or link != expected:
                raise JournalError(
                    f"{self._path}: row {seq} was changed or damaged after it was written. Restore the file "
                    "from a backup; or move it away, and the next start takes over the brokerage's account"
                )
            self._seq, self._hash = seq, link
            try:
                yield decode(body)
            except (msgspec.DecodeError, ValueError) as error:
                raise JournalError(f"{self._path}: row {seq} ({kind}) cannot be read: {error}") from error

    def _reserve_ballast(self) -> None:
        try:
            with self.ballast.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            self.ballast.unlink(missing_ok=True)  # too full for a reserve; the journal itself decides


def read_state(path: Path) -> JournalState:
    """Return what a journal file says, verified; for tools, tests and a look after a crash.

    Does not write records. Raises JournalError where the file is missing or damaged.
    """
    if not path.exists():
        raise JournalError(f"there is no journal at {path}")
    store = Store(path, "", 0)
    try:
        return store.open()
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path} cannot be read: {error}") from error
    finally:
        store.close()
