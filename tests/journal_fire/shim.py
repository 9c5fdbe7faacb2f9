"""SQLite's file system, watched and broken: every operation is counted, and any of them may fail.

The journal's own store runs on it unchanged: `BrokenDisk` is a Disk like the daemon's LocalDisk, with APSW's
SQLite above a shim over the real files in a folder.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import apsw

from livetrader.journal.disk import Connection, Value
from tests.journal_fire.platter import Medium, Platter, Write

BUSY_TIMEOUT_MS = 100
# What SQLite's own unix layer syncs the folder for when it first syncs the file.
DIRSYNC = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class PlantedError(Exception):
    """What the shim answers with; never a mistake."""


class PowerCutError(PlantedError):
    """The machine is off: nothing more happens."""


class PlantedIOError(PlantedError, apsw.IOError):  # type: ignore[misc]  # both are plain exceptions
    """The disk answers EIO."""


class PlantedFullError(PlantedError, apsw.FullError):  # type: ignore[misc]  # see above
    """The disk is full."""


class Fault(StrEnum):
    """What an operation answers instead of working."""

    IO_ERROR = "io_error"
    FULL = "full"
    SHORT_WRITE = "short_write"  # half of it is written; then the disk is full


class Trouble:
    """Which operation fails, and how. `operation` counts from 1; `sticky`: so does every later one."""

    def __init__(self, fault: Fault | None = None, operation: int = 0, *, sticky: bool = False) -> None:
        self.fault = fault
        self.operation = operation
        self.sticky = sticky

    def strikes(self, number: int) -> Fault | None:
        """Return how this operation fails, None where it works."""
        if self.fault is None or number < self.operation or (number > self.operation and not self.sticky):
            return None
        return self.fault


class BrokenDisk:
    """A Disk whose SQLite runs on the shim. One per folder; thread-safe as far as SQLite is.

    `cut_at`: the operation in which the power goes. `room`: bytes that files may hold together, None for no
    limit; what `reserve` holds counts. `synchronous` replaces what the store asks for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cut_at: int | None = None,
        trouble: Trouble | None = None,
        room: int | None = None,
        synchronous: str | None = None,
    ) -> None:
        self.folder = folder
        self.platter = Platter.of(folder)
        self.cut_at = cut_at
        self.trouble = trouble or Trouble()
        self.room = room
        self.operations = 0
        self.log: list[str] = []
        self.dead = False
        self.on_sync: Callable[[], None] = lambda: None
        self._synchronous = synchronous
        self._reserved: dict[str, int] = {}
        self._lock = threading.Lock()
        self._vfs = _Vfs(f"broken-{id(self)}", self)

    def connect(self, path: Path, *, writable: bool = True) -> Connection:
        """See Disk."""
        return _Connected(path, self._vfs.name, self._synchronous, writable=writable)

    def sync_directory(self, folder: Path) -> None:
        """See Disk."""
        assert folder == self.folder
        fault = self.enter("sync_directory")
        if fault is not None:
            raise OSError(5, "Input/output error")
        if not self.dead:
            self.platter.sync_names()

    def reserve(self, path: Path, size_bytes: int) -> None:
        """See Disk."""
        if self.room is not None and self.used() + size_bytes > self.room:
            raise OSError(28, "No space left on device")
        self._reserved[path.name] = size_bytes

    def release(self, path: Path) -> None:
        """See Disk."""
        self._reserved.pop(path.name, None)

    @property
    def reserved(self) -> int:
        """Bytes that `reserve` holds."""
        return sum(self._reserved.values())

    def used(self) -> int:
        """Bytes that files and reserve hold now."""
        names = [path for path in self.folder.iterdir() if not path.name.endswith("-shm")]
        return sum(path.stat().st_size for path in names) + self.reserved

    def enter(self, what: str) -> Fault | None:
        """Count an operation; return how it fails. Raises PowerCutError in the one in which the power goes.

        What is done afterwards (closing files, mostly) leaves no trace on the platter.
        """
        with self._lock:
            if self.dead:
                return None
            self.operations += 1
            self.log.append(what)
            if self.operations == self.cut_at:
                self.dead = True
                raise PowerCutError
            return self.trouble.strikes(self.operations)

    def close(self) -> None:
        """Unregister the file system."""
        self._vfs.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: BrokenDisk) -> None:
        self.name = name
        self._disk = disk
        super().__init__(name, base="unix")

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:
        text = str(name.filename() if isinstance(name, apsw.URIFilename) else name)
        _fail(self._disk.enter(f"open {Path(text).name}"))
        return _File(self._disk, text, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        _fail(self._disk.enter(f"delete {Path(filename).name}"))
        super().xDelete(filename, syncdir)
        if not self._disk.dead:
            self._disk.platter.delete(Path(filename).name, synced=syncdir)

    def xAccess(self, pathname: str, flags: int) -> bool:
        _fail(self._disk.enter(f"access {Path(pathname).name}"))
        return super().xAccess(pathname, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: BrokenDisk, path: str, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(path).name
        self._syncs_names = bool(flags[0] & DIRSYNC) and not Path(path).exists()
        super().__init__("unix", path, flags)
        self._medium = Medium() if disk.dead else disk.platter.create(self._name)

    def xRead(self, amount: int, offset: int) -> bytes:
        _fail(self._disk.enter(f"read {self._name}"))
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        fault = self._disk.enter(f"write {self._name}")
        if fault is Fault.SHORT_WRITE:
            self._put(data[: len(data) // 2], offset)
        _fail(fault)
        room = self._disk.room
        if room is not None:
            grown = max(0, offset + len(data) - super().xFileSize())
            if self._disk.used() + grown > room:
                raise PlantedFullError("database or disk is full")
        self._put(data, offset)

    def _put(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        if not self._disk.dead:
            self._medium.pending.append(Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        _fail(self._disk.enter(f"truncate {self._name}"))
        super().xTruncate(newsize)
        if not self._disk.dead:
            self._medium.pending.append(Write(0, b"", newsize))

    def xSync(self, flags: int) -> None:
        self._disk.on_sync()
        _fail(self._disk.enter(f"sync {self._name}"))
        if self._disk.dead:
            return
        self._medium.sync()
        if self._syncs_names:
            self._disk.platter.sync_names()
            self._syncs_names = False

    def xFileSize(self) -> int:
        _fail(self._disk.enter(f"size {self._name}"))
        return super().xFileSize()


def _fail(fault: Fault | None) -> None:
    if fault is Fault.IO_ERROR:
        raise PlantedIOError("disk I/O error")
    if fault is not None:
        raise PlantedFullError("database or disk is full")


class _Rows:
    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> tuple[Value, ...] | None:
        with _Translated():
            return next(self._cursor, None)  # type: ignore[arg-type]  # rows of the journal hold these types

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        while (row := self.fetchone()) is not None:
            yield row


class _Connected:
    """APSW's connection as the store knows one."""

    def __init__(self, path: Path, vfs: str, synchronous: str | None, *, writable: bool) -> None:
        self._synchronous = synchronous
        flags = (
            apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writable else apsw.SQLITE_OPEN_READONLY
        )
        with _Translated():
            self._connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
            self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> _Rows:
        if self._synchronous is not None:
            sql = sql.replace("synchronous=FULL", f"synchronous={self._synchronous}")
        with _Translated():
            return _Rows(self._connection.execute(sql, tuple(parameters)))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> object:
        with _Translated():
            return self._connection.executemany(sql, [tuple(values) for values in parameters])

    def close(self) -> None:
        with suppress(PlantedError, apsw.Error):  # SQLite closes all the same; sqlite3 says nothing either
            self._connection.close()


class _Translated:
    """Turns APSW's errors into those of sqlite3, as the store expects them."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, apsw.CorruptError | apsw.NotADBError):
            raise sqlite3.DatabaseError(str(error)) from error
        if isinstance(error, apsw.Error):
            raise sqlite3.OperationalError(f"{type(error).__name__}: {error}") from error
