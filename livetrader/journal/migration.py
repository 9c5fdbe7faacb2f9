"""Brings a journal of an earlier version up to date: a copy of it is kept first, then the step is one commit.

Rows are never rewritten: their chain of hashes is what vouches for them, and every version since the first
reads them as they are. What a step may change are tables and facts beside the rows.

    schema 1 -> 2    corrected trades, late fees, twins, what is not the algorithm's: new kinds of records
    schema 2 -> 3    splits: new kinds of records

The copy, `journal.sqlite3.schema-N`, is a whole journal that the version it came from can trade on. It is the
way back, as long as nothing was traded since; the version itself is refused by the upgraded file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from livetrader.journal.disk import Connection, Disk
from livetrader.journal.records import SCHEMA_VERSION

KEPT: Final = ".schema-"  # in the name of the copy; the schema's number follows
TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    client_order_id TEXT,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT""",
    "CREATE INDEX IF NOT EXISTS record_by_order ON record (client_order_id)"
    " WHERE client_order_id IS NOT NULL",
    """CREATE VIEW IF NOT EXISTS readable AS
    SELECT seq, strftime('%Y-%m-%d %H:%M:%S', time_ns / 1000000000, 'unixepoch') AS utc,
           kind, client_order_id, body
    FROM record""",
)
_PARTS: Final = ("", "-journal", "-wal", "-shm")  # a file of SQLite and what it keeps beside it


def _nothing_changes(connection: Connection) -> None:
    """Leave tables and rows as they are: the step brought new kinds of records only."""


# What leads from a schema to the next. Older than the first is only what tests make.
STEPS: Final[Mapping[int, Callable[[Connection], None]]] = {
    0: _nothing_changes,
    1: _nothing_changes,
    2: _nothing_changes,
}


def kept_path(path: Path, schema: int) -> Path:
    """Return where the copy of a journal of this schema lies."""
    return path.with_name(f"{path.name}{KEPT}{schema}")


def upgrade(connection: Connection, path: Path, schema: int, disk: Disk) -> None:
    """Take an older journal to SCHEMA_VERSION, in one commit, after a copy of it is durable.

    A crash at any instant leaves the old journal or the new one. Raises sqlite3.Error or OSError where the
    disk fails; then the journal is as it was.
    """
    _keep(connection, path, schema, disk)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(schema, SCHEMA_VERSION):
            STEPS[step](connection)
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(SCHEMA_VERSION),)
        )  # older versions refuse it from now on
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _keep(connection: Connection, path: Path, schema: int, disk: Disk) -> None:
    """Write the copy and give it its name when it is whole. One that is there already is replaced."""
    kept = kept_path(path, schema)
    part = kept.with_name(kept.name + ".part")
    for suffix in _PARTS:
        part.with_name(part.name + suffix).unlink(missing_ok=True)
    try:
        _copy(connection, part, disk)
        part.replace(kept)
    except BaseException:
        with suppress(OSError):  # the disk is what failed
            part.unlink(missing_ok=True)
        raise
    disk.sync_directory(kept.parent)


def _copy(source: Connection, path: Path, disk: Disk) -> None:
    target = disk.connect(path)
    try:
        target.execute("PRAGMA synchronous=FULL")
        target.execute("BEGIN IMMEDIATE")
        for statement in TABLES:
            target.execute(statement)
        target.executemany("INSERT INTO meta VALUES (?, ?)", source.execute("SELECT key, value FROM meta"))
        rows = source.execute(
            "SELECT seq, time_ns, kind, version, client_order_id, body, hash FROM record ORDER BY seq"
        )
        target.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        target.execute("COMMIT")
    finally:
        target.close()
