"""Put files into a data folder so that a kill or a power cut leaves each old or new, never half.

Two rules. A file is written beside, made durable, and renamed. Files that belong together are noted in the
coverage record before the first of them is renamed, and whoever comes next finishes what is noted. One
writer at a time, of all processes: a lock file says so, and the kernel lets go of it when its owner dies.
"""

from __future__ import annotations

import fcntl
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_plugins.lean_data.coverage import Coverage

SIDECAR: Final = ".livetrader"  # what is known of the folder: coverage record, lock, files on their way
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal data gives equal files


class NewFile(NamedTuple):
    """A file that is to be: its place, and its bytes."""

    path: Path
    data: bytes


class Depot:
    """Writes into one data folder. Any number of them, in any number of processes, may do so at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sidecar = folder / SIDECAR
        self._arriving = self._sidecar / "arriving"
        self._numbers = count()

    @property
    def coverage_path(self) -> Path:
        """Where the coverage record lies."""
        return self._sidecar / "coverage.sqlite3"

    @contextmanager
    def coverage(self) -> Iterator[Coverage | None]:
        """Open the record for reading; None where there is none yet, which makes none.

        Finishes first what a writer that died had noted. Raises OSError, DataError where it cannot be read.
        """
        if not self.coverage_path.exists():
            yield None
            return
        with Coverage.open(self.coverage_path) as found:
            if not found.pending():
                yield found
                return
        with self.writing() as found:
            yield found

    @contextmanager
    def writing(self) -> Iterator[Coverage]:
        """Be the only writer, with the record open; waits for another to be through. Raises OSError."""
        self._arriving.mkdir(parents=True, exist_ok=True)
        with (self._sidecar / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with Coverage.open(self.coverage_path) as coverage:
                self._finish(coverage)
                yield coverage

    def put(self, coverage: Coverage, files: Sequence[NewFile], note: Callable[[], None]) -> None:
        """Put all files in their places, or none of them, together with what `note` records.

        Called by the writer. Raises OSError where the disk fails; then nothing has changed.
        """
        arrived = [(self._written(file.data), file.path) for file in files]
        _sync(self._arriving)
        with coverage.transaction():
            note()
            coverage.await_renames(
                [(part.name, str(path.relative_to(self.folder))) for part, path in arrived]
            )
        self._finish(coverage)

    def _written(self, data: bytes) -> Path:
        part = self._arriving / f"{os.getpid()}-{next(self._numbers)}"
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return part

    def _finish(self, coverage: Coverage) -> None:
        """Rename what is noted; afterwards nothing but rubbish of writers that died is on its way."""
        pending = coverage.pending()
        folders: set[Path] = set()
        for name, relative in pending:
            target = self.folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            part = self._arriving / name
            if part.exists():  # else a writer renamed it and died before it said so
                part.replace(target)
                folders.add(target.parent)
        for folder in folders:
            _sync(folder)
        if pending:
            with coverage.transaction():
                coverage.renamed()
        for part in self._arriving.iterdir():
            part.unlink(missing_ok=True)


def zip_file(path: Path, entries: Sequence[tuple[str, bytes]]) -> NewFile:
    """Return a zip archive of these entries; equal entries give equal bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return NewFile(path, buffer.getvalue())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
