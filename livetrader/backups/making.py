"""Makes a backup of an account's state directory, beside a running daemon or without one.

SQLite files are copied by SQLite's own backup, which takes one moment of each. The journal comes last: what
the others know, it knows, too. Everything else is written by the daemon beside its name and renamed, or only
ever grows: what is read through one descriptor up to the length of its first look is whole.

Left out: the lock, sockets, the journal's reserve of disk space, what an earlier restore put aside.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

import msgspec

from livetrader import __version__
from livetrader.backups.manifest import (
    CHUNK_BYTES,
    FORMAT,
    MANIFEST,
    PREFIX,
    BackupError,
    FileEntry,
    JournalFacts,
    Manifest,
    sha256_of,
)
from livetrader.configuration.stores import FOLDER as OBJECT_STORE
from livetrader.journal.examination import examine

JOURNAL_NAME: Final = "journal.sqlite3"
LOCK_NAME: Final = "daemon.lock"
REPLACED: Final = "replaced-"  # what the folder begins with that a restore puts things aside in
SQLITE_MAGIC: Final = b"SQLite format 3\0"
COPY_PAGES: Final = 1_000  # of a SQLite file between two looks of its writers
BUSY_TIMEOUT_S: Final = 30.0
ATTEMPTS: Final = 5  # at a file that shrinks while it is read
_BESIDE: Final = ("-wal", "-shm", "-journal")  # of SQLite files: their copies need none
_PASSED_OVER: Final = (".ballast", ".part")

Told = Callable[[str], None]


def make_backup(
    folder: Path, account: str, output: Path, created_ns: int, told: Told = lambda path: None
) -> Manifest:
    """Write a backup of `folder` to `output`, a .tar.gz that appears when it is whole and durable.

    Raises BackupError where the folder is none, or its journal is damaged or another account's; OSError
    where the disk fails, or a folder may not be read: what is not looked at is no empty folder.
    """
    if not folder.is_dir():
        raise BackupError(
            f"there is no state directory {folder}: name the configuration of a daemon that has run"
        )
    if output.exists():
        raise BackupError(f"{output} is there already: name another file")
    if output.resolve().is_relative_to(folder.resolve()):
        raise BackupError(f"{output} lies in the state directory itself: name a place on another disk")
    part = output.with_name(output.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            manifest = _write(folder, account, file, created_ns, told, part.absolute().parent)
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
        _sync_folder(output.absolute().parent)
    except BaseException:
        with suppress(OSError):  # what failed is told, not that its remains stay
            part.unlink(missing_ok=True)
        raise
    return manifest


def _write(
    folder: Path, account: str, file: IO[bytes], created_ns: int, told: Told, beside: Path
) -> Manifest:
    """Write the archive; copies on the way to it lie in `beside`, where there is room."""
    entries: list[FileEntry] = []
    facts: JournalFacts | None = None
    with (
        TemporaryDirectory(prefix=".backup-", dir=beside) as name,
        tarfile.open(fileobj=file, mode="w:gz") as archive,
    ):
        scratch = Path(name) / "copy.sqlite3"
        for path in _in_order(folder):
            relative = path.relative_to(folder).as_posix()
            told(relative)
            is_journal = relative == JOURNAL_NAME
            if _is_sqlite(path) and _copy_sqlite(path, scratch, needed=is_journal):
                if is_journal:
                    facts = journal_facts(scratch, account)
                entry = _add_copy(archive, scratch, relative, created_ns)
            elif is_journal and path.stat().st_size:
                raise BackupError(
                    "the journal is damaged: it is no file of SQLite. `livetrader journal check` says more"
                )
            else:
                found = _add_file(archive, path, relative, scratch)
                if found is None:
                    continue  # it went while we looked: nobody promised it
                entry = found
            scratch.unlink()
            entries.append(entry)
        manifest = Manifest(FORMAT, __version__, account, created_ns, facts, tuple(entries))
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        _add(archive, MANIFEST, body, 0o600, created_ns)
    return manifest


def journal_facts(journal: Path, account: str) -> JournalFacts:
    """Return what a journal says of itself. Raises BackupError where it is damaged or another account's."""
    found = examine(journal)
    if not found.intact:
        raise BackupError(
            f"the journal is damaged: {found.problems[0]}. `livetrader journal check` says more"
        )
    if found.account != account:
        raise BackupError(
            f"the journal is of the account {found.account!r}, the configuration names {account!r}"
        )
    return JournalFacts(found.account, found.instance, found.schema, found.rows, found.last_ns)


def is_left_out(relative: Path) -> bool:
    """Return whether a file of the state directory is none of a backup's business."""
    name, place = relative.name, relative.parts[0]
    if place.startswith(REPLACED) or place == LOCK_NAME:
        return True
    if name.endswith(_PASSED_OVER) and place != OBJECT_STORE:  # there algorithms choose the names
        return True
    return any(name.endswith(f"sqlite3{suffix}") for suffix in _BESIDE)


def _in_order(folder: Path) -> list[Path]:
    """Return the files of a backup, the journal last. Links are left out: what they name may lie anywhere."""
    paths = [path for path in _walk(folder) if not is_left_out(path.relative_to(folder))]
    return sorted(paths, key=lambda path: (path == folder / JOURNAL_NAME, path))


def _walk(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, onerror=_refused):
        for name in names:
            path = Path(root) / name
            with suppress(FileNotFoundError):  # the daemon goes on meanwhile
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def _refused(error: OSError) -> None:
    """Raise what os.walk would pass over: a folder that is not looked at."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except FileNotFoundError:
        return False


def _copy_sqlite(path: Path, copy: Path, *, needed: bool) -> bool:
    """Copy one moment of a SQLite file that may be written to meanwhile.

    Return whether it is one. Raises BackupError where it cannot be read now, and for a damaged one that is
    `needed`; others were set aside, or are what an algorithm keeps: they are copied like any file.
    """
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    with closing(source), closing(sqlite3.connect(copy)) as target:
        try:
            source.execute("BEGIN")  # pages of one snapshot, however long it takes
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            source.backup(target, pages=COPY_PAGES)
            target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
                error, sqlite3.OperationalError
            )
            if needed or not damaged:
                raise BackupError(f"{path} cannot be copied: {error}") from error
            return False
    return True


def _add_copy(archive: tarfile.TarFile, copy: Path, relative: str, created_ns: int) -> FileEntry:
    info = tarfile.TarInfo(PREFIX + relative)
    info.size, info.mode, info.mtime = copy.stat().st_size, 0o600, created_ns // 10**9
    digest = sha256_of(copy)
    with copy.open("rb") as file:
        archive.addfile(info, file)
    return FileEntry(relative, info.size, digest, info.mode)


def _add_file(archive: tarfile.TarFile, path: Path, relative: str, scratch: Path) -> FileEntry | None:
    """Archive one file through a copy of its own, so that what is archived is what was hashed."""
    for _ in range(ATTEMPTS):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        with file:
            about = os.fstat(file.fileno())
            digest = _copy(file, about.st_size, scratch)
        if digest is None:
            continue  # it shrank: somebody cut it, and what was read is neither old nor new
        info = tarfile.TarInfo(PREFIX + relative)
        info.size, info.mode, info.mtime = about.st_size, stat.S_IMODE(about.st_mode), int(about.st_mtime)
        with scratch.open("rb") as copy:
            archive.addfile(info, copy)
        return FileEntry(relative, info.size, digest, info.mode)
    raise BackupError(f"{path} keeps shrinking while it is read: who writes it?")


def _copy(file: IO[bytes], size: int, copy: Path) -> str | None:
    """Copy the first `size` bytes and return their SHA-256, None where there are fewer."""
    digest, left = hashlib.sha256(), size
    with copy.open("wb") as target:
        while left > 0:
            piece = file.read(min(CHUNK_BYTES, left))
            if not piece:
                return None
            digest.update(piece)
            target.write(piece)
            left -= len(piece)
    return digest.hexdigest()


def _add(archive: tarfile.TarFile, name: str, body: bytes, mode: int, created_ns: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(body), mode, created_ns // 10**9
    archive.addfile(info, io.BytesIO(body))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
