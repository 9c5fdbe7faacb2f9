"""What the journal's file needs of the disk, in one injectable bundle: SQLite, directories, spare room.

The daemon has one implementation, `LocalDisk`. A power cut or a failing disk is another one, in the tests:
the store above it is the same.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

BUSY_TIMEOUT_MS: Final = 5_000  # an operator's reader may hold the file for a moment

Value = int | float | str | bytes | None


class Cursor(Protocol):
    """The rows of a statement."""

    def fetchone(self) -> tuple[Value, ...] | None:
        """Return the next row, None after the last."""
        ...

    def __iter__(self) -> Iterator[tuple[Value, ...]]: ...


class Connection(Protocol):
    """The part of sqlite3.Connection that the store uses. Raises sqlite3.Error."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, sql: str, parameters: Sequence[Value] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> object:
        """Run one statement for each set of parameters."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Disk(Protocol):
    """Where journals live. Every method may block; raises OSError or sqlite3.Error where the disk fails."""

    def connect(self, path: Path, *, writable: bool = True) -> Connection:
        """Open or create a database that commits only what it is told to.

        Not `writable`: open one that exists so that nothing in its folder changes but SQLite's own memory
        of the write-ahead log; not even closing it does.
        """
        ...

    def sync_directory(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        ...

    def reserve(self, path: Path, size_bytes: int) -> None:
        """Make a file that holds so much space, or leave it as it is where it does."""
        ...

    def release(self, path: Path) -> None:
        """Remove such a file; idempotent."""
        ...


class LocalDisk:
    """The machine's own disk, through the standard library."""

    def connect(self, path: Path, *, writable: bool = True) -> Connection:
        """See Disk."""
        name = path.absolute().as_uri() + ("" if writable else "?mode=ro")
        return sqlite3.connect(name, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, uri=True)

    def sync_directory(self, folder: Path) -> None:
        """See Disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reserve(self, path: Path, size_bytes: int) -> None:
        """See Disk."""
        with path.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, size_bytes)

    def release(self, path: Path) -> None:
        """See Disk."""
        path.unlink(missing_ok=True)


LOCAL_DISK: Final = LocalDisk()
