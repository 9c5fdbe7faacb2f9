"""The SQLite file of the journal: synchronous, one owner, one thread.

WAL with synchronous=FULL: a commit that returned survives a power cut (NORMAL loses the newest ones). The
rows are chained (chain.py), so an edited or damaged one is found at the next start, which then refuses: what
a damaged journal says is never guessed at. Readable beside the running daemon: sqlite3 journal.sqlite3
'select * from readable'.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livetrader.errors import JournalError, NewerJournalError
from livetrader.journal.chain import SELECT_ROWS, Chain, DamagedRowError, link
from livetrader.journal.disk import LOCAL_DISK, Connection, Disk
from livetrader.journal.identifiers import make_instance
from livetrader.journal.migration import TABLES, upgrade
from livetrader.journal.records import SCHEMA_VERSION, Halted, Record, encode, kind_of
from livetrader.journal.replay import JournalState

CHECKPOINT_ROWS: Final = 1_000  # rows after which an idle writer moves the write-ahead log into the file
QUARANTINED: Final = ".quarantined-"  # in the name of a journal that an operator set aside; a time follows
BALLAST_BYTES: Final = 4 * 1024 * 1024  # given back to a full disk so that the end can still be written

NUMBER_FLOOR: Final = "number_floor"  # in meta: the least number that a new order may have
_TABLES: Final = frozenset({"meta", "record"})
_INSERT: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Row:
    """One record on its way into the file."""

    time_ns: int
    kind: str
    client_order_id: str | None
    body: str


class Store:
    """Owns the connection. Every method is called from the journal's thread and may block on the disk.

    Raises sqlite3.Error or OSError where the disk fails, JournalError where the file is not ours to use.
    """

    def __init__(self, path: Path, account: str, created_ns: int, disk: Disk = LOCAL_DISK) -> None:
        self._path = path
        self._account = account
        self._created_ns = created_ns
        self._disk = disk
        self._connection: Connection | None = None
        self._seq = 0
        self._hash = ""
        self._since_checkpoint = 0

    @property
    def ballast(self) -> Path:
        """The file that holds disk space in reserve."""
        return self._path.with_name(self._path.name + ".ballast")

    def open(self) -> JournalState:
        """Create or open the file, verify every row, and return what it says.

        A file that is damaged or not a journal is refused as it is: it is read before it can be written.
        """
        try:
            state = self._read() if self._begun() else None
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # the disk, a lock: not the file's contents
            raise self._damaged(str(error)) from error
        finally:
            self.close()
        connection = self._connection = self._disk.connect(self._path)
        self._configure(connection)
        if state is None:
            self._create(connection)
            state = self._read()
        self._bring_up_to_date(connection)
        self._disk.sync_directory(
            self._path.parent
        )  # the log's name too: SQLite syncs only one it made itself
        self._reserve_ballast()
        return state

    def write(self, rows: Sequence[Row]) -> int:
        """Append rows in one durable commit; return the sequence number of the first."""
        connection = self._connection or self._reopen()
        seq, tail = self._seq, self._hash
        values: list[tuple[int | str | None, ...]] = []
        for row in rows:
            seq += 1
            tail = link(tail, seq, row.time_ns, row.kind, row.body)
            values.append((seq, row.time_ns, row.kind, SCHEMA_VERSION, row.client_order_id, row.body, tail))
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(_INSERT, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        first = self._seq + 1
        self._seq, self._hash = seq, tail
        self._since_checkpoint += len(rows)
        return first

    def reserve_numbers(self, floor: int) -> None:
        """Give no order a number below `floor` from the next start on.

        For a restored journal: orders made after its backup have had the next numbers, and the venue may
        remember their names for ever.
        """
        connection = self._connection or self._reopen()
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (NUMBER_FLOOR, str(floor)))

    def abandon(self) -> None:
        """Drop the connection after a failure and give the ballast back to the disk.

        A commit that failed may be durable all the same; the next write looks what the file really ends with.
        """
        self._disk.release(self.ballast)
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

    def _configure(self, connection: Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=0")

    def _reopen(self) -> Connection:
        connection = self._connection = self._disk.connect(self._path)
        self._configure(connection)
        self._disk.sync_directory(self._path.parent)
        tail = connection.execute("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq, self._hash = (0, "") if tail is None else (int(tail[0] or 0), str(tail[1]))
        return connection

    def _begun(self) -> bool:
        """Return whether a journal was begun here; raise JournalError for a file that is not ours to use.

        Leaves a connection that only reads, where there is something to read.
        """
        if not self._path.exists() or self._path.stat().st_size == 0:
            log = self._path.with_name(self._path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise JournalError(
                    f"{log} lies there without its journal: restore {self._path}; or move the log away, "
                    "and the next start makes a new journal and takes over the brokerage's account"
                )
            return False
        unfinished = self._path.with_name(self._path.name + "-journal").exists()  # to be rolled back first
        connection = self._connection = self._disk.connect(self._path, writable=unfinished)
        kinds = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {str(row[0]) for row in kinds if not str(row[0]).startswith("sqlite_")}
        if not tables <= _TABLES:
            strange = ", ".join(sorted(tables - _TABLES))
            raise JournalError(
                f"{self._path} is not a journal: it has the tables {strange}. Move it away, or give this "
                "account its own state directory"
            )
        known = {}
        if "meta" in tables:
            known = {str(row[0]): str(row[1]) for row in connection.execute("SELECT key, value FROM meta")}
        version = known.get("schema_version")
        if version is None:
            if "record" in tables and connection.execute("SELECT 1 FROM record LIMIT 1").fetchone():
                raise self._damaged("it has rows and does not say whose they are")
            return False  # a crash while it was made; nothing was promised
        if version.isascii() and version.isdigit() and int(version) > SCHEMA_VERSION:
            raise NewerJournalError(
                f"{self._path} was written by a newer livetrader (schema {version}, this one knows "
                f"{SCHEMA_VERSION}): install that version again, restore a backup of before with `livetrader "
                "restore`, or give this one its own state directory"
            )
        if not fits_together(known):
            raise self._damaged("what it says about itself does not fit together")
        return True

    def _create(self, connection: Connection) -> None:
        """Make the tables in one commit: a file is a whole journal or none at all.

        Where an earlier journal was set aside, the new one begins halted: nobody has looked yet at what
        the old one had at the brokerage.
        """
        facts = {
            "account": self._account,
            "instance": make_instance(self._account, self._created_ns),
            "created_ns": str(self._created_ns),
            "schema_version": str(SCHEMA_VERSION),
        }
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES:
            connection.execute(statement)
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())
        for record in self._first_records():
            body, kind = encode(record), kind_of(record)
            values = (1, record.time_ns, kind, SCHEMA_VERSION, None, body)
            connection.execute(_INSERT, (*values, link("", 1, record.time_ns, kind, body)))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _first_records(self) -> tuple[Record, ...]:
        aside = sorted(self._path.parent.glob(self._path.name + QUARANTINED + "*"))
        if not aside:
            return ()
        reason = (
            f"the journal was set aside as {aside[-1].name}: check positions and open orders at the "
            "brokerage (orders of the old journal are shown as foreign), then `resume`"
        )
        return (Halted(self._created_ns, reason, "quarantine"),)

    def _meta(self, connection: Connection, key: str) -> str:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def _read(self) -> JournalState:
        """Verify every row and return what they say."""
        connection = self._connection
        assert connection is not None
        state = JournalState(instance=self._meta(connection, "instance"))
        for record in self._verified(connection):
            state.apply(record)
        floor = self._meta(connection, NUMBER_FLOOR)
        if floor.isascii() and floor.isdigit():
            state.next_number = max(state.next_number, int(floor))
        return state

    def _bring_up_to_date(self, connection: Connection) -> None:
        schema = int(self._meta(connection, "schema_version"))
        if schema != SCHEMA_VERSION:
            upgrade(connection, self._path, schema, self._disk)

    def _verified(self, connection: Connection) -> Iterator[Record]:
        for row in connection.execute("PRAGMA quick_check(1)"):
            if row[0] != "ok":
                raise self._damaged(str(row[0]))
        chain = Chain()
        for row in connection.execute(SELECT_ROWS):
            try:
                yield chain.take(row)
            except DamagedRowError as error:
                raise self._damaged(str(error)) from error
        self._seq, self._hash = chain.seq, chain.hash

    def _damaged(self, what: str) -> JournalError:
        return JournalError(
            f"{self._path} is damaged: {what}. Nothing is traded on it. Restore the file from a backup; or "
            f"set it aside with `livetrader journal quarantine {self._path}`: the next start then takes over "
            f"the brokerage's account, halted. `livetrader journal check {self._path}` shows what can be read"
        )

    def _reserve_ballast(self) -> None:
        try:
            self._disk.reserve(self.ballast, BALLAST_BYTES)
        except OSError:
            self._disk.release(self.ballast)  # too full for a reserve; the journal itself decides


def fits_together(known: Mapping[str, str]) -> bool:
    """Hold the facts beside the chain against each other: the instance is made of the others."""
    version, created = known.get("schema_version", ""), known.get("created_ns", "")
    account, instance = known.get("account"), known.get("instance")
    if not all(text.isascii() and text.isdigit() for text in (version, created)) or account is None:
        return False
    return instance == make_instance(account, int(created))


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
