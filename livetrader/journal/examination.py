"""Look at a journal without changing it, take it out as text, set it aside: what an operator may do.

Reading opens the file read-only and repairs nothing. Setting aside renames the file and never deletes: what
it holds is evidence, and perhaps the only trace of an order.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from livetrader.errors import JournalError
from livetrader.journal.chain import SELECT_ROWS, Chain, DamagedRowError
from livetrader.journal.disk import LOCAL_DISK, Connection, Disk, Value
from livetrader.journal.records import SCHEMA_VERSION
from livetrader.journal.replay import JournalState
from livetrader.journal.store import QUARANTINED, fits_together

MAX_PROBLEMS: Final = 20  # lines of what is wrong; the first ones tell, the rest follows from them
PROGRESS_ROWS: Final = 5_000  # between two reports of progress
MAX_UNREADABLE: Final = 100_000  # rows in a row behind damaged pages, after which there is nothing more
PARTS: Final = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file, and belongs to it

_NEXT_ROW: Final = SELECT_ROWS.replace("ORDER BY", "WHERE seq >= ? ORDER BY") + " LIMIT 1"

Progress = Callable[[int, int], None]  # (rows done, rows in all)


def _quiet(done: int, rows: int) -> None:
    """Report nothing."""


@dataclass
class Examination:
    """What a look at a journal found. `sound` rows are those before the first problem.

    `state` is what the sound rows say; where there are problems it is a past state, not to be traded on.
    """

    path: Path
    problems: list[str] = field(default_factory=list)
    rows: int = 0
    sound: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    account: str = ""
    instance: str = ""
    schema: str = ""
    state: JournalState = field(default_factory=JournalState)

    @property
    def intact(self) -> bool:
        """Whether a daemon could trade on it."""
        return not self.problems

    def blame(self, problem: str) -> None:
        """Note a problem, up to MAX_PROBLEMS of them."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    """Open a file so that nothing is written to it.

    Raises JournalError where there is none or it cannot be opened, PermissionError where it may not be: a
    journal that nobody looked at is no damaged one.
    """
    if not path.is_file():
        raise JournalError(f"there is no journal at {path}")
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    try:
        connection = LOCAL_DISK.connect(path, writable=False)
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be opened: {error}; look at its disk, then try again") from error
    try:
        yield connection
    finally:
        connection.close()


def examine(path: Path, progress: Progress = _quiet) -> Examination:
    """Return what can be said of a journal file. Changes nothing; works beside a running daemon.

    Raises JournalError where there is no file, PermissionError where it may not be read.
    """
    found = Examination(path)
    with _reading(path) as connection:
        try:
            _examine(connection, found, progress)
        except sqlite3.Error as error:
            found.blame(f"the file cannot be read: {error}")
    return found


def _examine(connection: Connection, found: Examination, progress: Progress) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"meta", "record"} <= tables:
        found.blame(f"it is not a journal: its tables are {', '.join(map(str, tables)) or 'none'}")
        return
    meta = {str(key): str(value) for key, value in connection.execute("SELECT key, value FROM meta")}
    found.account, found.schema = meta.get("account", ""), meta.get("schema_version", "")
    found.instance = found.state.instance = meta.get("instance", "")
    if found.schema.isdigit() and int(found.schema) > SCHEMA_VERSION:
        found.blame(f"written by a newer livetrader: schema {found.schema}, this one knows {SCHEMA_VERSION}")
    elif not fits_together(meta):
        found.blame("what it says about itself does not fit together")
    for (words,) in connection.execute(f"PRAGMA quick_check({MAX_PROBLEMS})"):
        if words != "ok":
            found.blame(str(words).replace("\n", " "))
    for (count,) in connection.execute("SELECT COUNT(*) FROM record"):
        found.rows = int(count or 0)
    chain = Chain()
    for row in connection.execute(SELECT_ROWS):
        try:
            record = chain.take(row)
        except DamagedRowError as error:
            found.blame(str(error))
            break
        found.state.apply(record)
        found.sound = chain.seq
        found.first_ns = record.time_ns if found.first_ns is None else found.first_ns
        found.last_ns = record.time_ns
        if chain.seq % PROGRESS_ROWS == 0:
            progress(chain.seq, found.rows)
    progress(found.rows, found.rows)


def export(path: Path, progress: Progress = _quiet) -> Iterator[str]:
    """Yield a line of JSON for each row that can be read, with `verified`: whether the chain holds up to it.

    Rows behind a damaged page are reached by their number. Raises JournalError where there is no file or
    no table of records in it.
    """
    with _reading(path) as connection:
        try:
            rows = next(iter(connection.execute("SELECT MAX(seq) FROM record")))[0]
        except sqlite3.Error as error:
            raise JournalError(f"{path}: nothing can be read: {error}") from error
        chain, holds, at, unreadable = Chain(), True, 0, 0
        while unreadable < MAX_UNREADABLE:
            try:
                row = connection.execute(_NEXT_ROW, (at,)).fetchone()
            except sqlite3.Error:  # its page is damaged; the next row may lie on another
                holds, at, unreadable = False, at + 1, unreadable + 1
                continue
            if row is None:
                return
            holds = holds and _follows(chain, row)
            yield _line(row, verified=holds)
            at, unreadable = _number(row[0]) + 1, 0
            if at % PROGRESS_ROWS == 0:
                progress(at, _number(rows))


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _follows(chain: Chain, row: tuple[Value, ...]) -> bool:
    try:
        chain.take(row)
    except DamagedRowError:
        return False
    return True


def _line(row: tuple[Value, ...], *, verified: bool) -> str:
    seq, time_ns, kind, body, _ = row
    try:
        content: object = json.loads(str(body))
    except ValueError:
        content = str(body)
    utc = None
    if isinstance(time_ns, int) and 0 <= time_ns < 2**63:
        utc = datetime.fromtimestamp(time_ns // 10**9, UTC).isoformat()
    fields = {"seq": seq, "utc": utc, "time_ns": time_ns, "kind": kind, "verified": verified, "body": content}
    return json.dumps(fields, default=str)


def quarantine(path: Path, now_ns: int, disk: Disk = LOCAL_DISK) -> Path:
    """Set a journal aside under a name with the time, and return that name. Deletes nothing.

    The caller holds the account's lock. The next start makes a new journal, which begins halted. Raises
    JournalError where there is no journal, OSError where it cannot be renamed.
    """
    if not path.exists():
        raise JournalError(f"there is no journal at {path}")
    stamp = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}{QUARANTINED}{stamp}")
    if aside.exists():
        raise JournalError(f"{aside} exists already: wait a second, then try again")
    # The file itself moves in one step, and what belongs to it has both names then: no crash in between
    # leaves a journal without its newest rows, which would look like a sound one.
    beside = [path.with_name(path.name + part) for part in PARTS if path.with_name(path.name + part).exists()]
    for source in beside:
        aside.with_name(source.name.replace(path.name, aside.name, 1)).hardlink_to(source)
    disk.sync_directory(path.parent)
    path.rename(aside)
    disk.sync_directory(path.parent)
    for source in beside:
        source.unlink()
    disk.sync_directory(path.parent)
    return aside
