"""Puts a backup back: unpacks it aside, verifies every byte, asks whether it may, and only then moves files.

Nothing is deleted. What was there moves to `replaced-TIME` in the same folder; its journal is set aside
first, in the way that lets a daemon which is started in between begin halted. The restored journal ends with
a halt: orders that were made after the backup exist at the brokerage and in no journal: somebody has to look.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
import zlib
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Final

import msgspec

from livetrader.backups.making import JOURNAL_NAME, LOCK_NAME, REPLACED, journal_facts
from livetrader.backups.manifest import (
    CHUNK_BYTES,
    FORMAT,
    MANIFEST,
    MANIFEST_LIMIT_BYTES,
    PREFIX,
    BackupError,
    JournalFacts,
    Manifest,
    RestoreRefusedError,
    why_not,
)
from livetrader.gateway.takeover import StateLock
from livetrader.journal.examination import examine, quarantine
from livetrader.journal.records import Halted, encode, kind_of
from livetrader.journal.store import QUARANTINED, Row, Store

SKIPPED_NUMBERS: Final = 1_000_000  # of orders: more than any account makes between a backup and its use
STAGING: Final = f"{REPLACED}staging-"  # begins so that no backup takes it along
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_STAYS: Final = (LOCK_NAME, "control.sock")


def read_backup(archive: Path, folder: Path) -> Manifest:
    """Unpack a backup into `folder`, which is empty, and verify it.

    Raises BackupError for anything odd; PermissionError where somebody else may read it.
    """
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            found, manifest = _unpack(opened, folder)
    except FileNotFoundError as error:
        raise BackupError(f"there is no file {archive}") from error
    except PermissionError:
        raise  # says nothing of the backup
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise BackupError(
                f"there is no room to unpack {archive} in {folder.parent}: free some"
            ) from error
        raise BackupError(f"{archive} cannot be read: {error}; it is damaged or no backup") from error
    if manifest is None:
        raise BackupError(f"{archive} has no manifest: it was cut off, or is no backup")
    if manifest.format != FORMAT:
        raise BackupError(
            f"{archive} has format {manifest.format}, this livetrader reads {FORMAT}: "
            f"install {manifest.livetrader}"
        )
    expected = {entry.path: (entry.size, entry.sha256, entry.mode) for entry in manifest.files}
    if found != expected:
        wrong = sorted(
            path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path)
        )
        raise BackupError(f"{archive} is damaged: {', '.join(wrong[:5])} is not what was backed up")
    return manifest


def _unpack(
    archive: tarfile.TarFile, folder: Path
) -> tuple[dict[str, tuple[int, str, int]], Manifest | None]:
    found: dict[str, tuple[int, str, int]] = {}
    manifest: Manifest | None = None
    for member in archive:
        source = archive.extractfile(member) if member.isreg() else None
        if source is None or manifest is not None:
            raise BackupError(f"{member.name!r} does not belong into a backup")
        if member.name == MANIFEST:
            try:
                manifest = msgspec.json.decode(source.read(MANIFEST_LIMIT_BYTES), type=Manifest)
            except msgspec.DecodeError as error:
                raise BackupError(f"the manifest cannot be read: {error}") from error
            continue
        relative = PurePosixPath(member.name.removeprefix(PREFIX))
        odd = relative.is_absolute() or ".." in relative.parts or not relative.parts
        if not member.name.startswith(PREFIX) or odd or relative.as_posix() in found:
            raise BackupError(f"{member.name!r} does not belong into a backup")
        target = folder / relative
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with target.open("xb") as file:
            while piece := source.read(CHUNK_BYTES):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        target.chmod(member.mode & 0o777)
        found[relative.as_posix()] = (member.size, digest.hexdigest(), member.mode)
    return found, manifest


def restore(
    archive: Path, folder: Path, account: str, now_ns: int, *, replace_newer: bool = False
) -> tuple[Manifest, Path | None]:
    """Put a backup back as the state directory `folder`; return what it was and where the former state lies.

    Raises AlreadyRunningError while a daemon owns the folder, RestoreRefusedError where the backup is of
    another account or older than what is there, BackupError where it is damaged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = StateLock.acquire(folder / LOCK_NAME)
    staging = Path(mkdtemp(prefix=STAGING, dir=folder))
    try:
        manifest = read_backup(archive, staging)
        refusal = why_not(manifest, account, _present(folder), replace_newer=replace_newer)
        if refusal is not None:
            raise RestoreRefusedError(refusal)
        if manifest.journal is not None:
            _vouch(staging / JOURNAL_NAME, manifest, account)
            _halt(staging / JOURNAL_NAME, manifest, now_ns)
        return manifest, _exchange(folder, staging, now_ns)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        lock.release()


def _present(folder: Path) -> JournalFacts | None:
    """Return what is known of the journal that is there; a damaged one counts with its sound rows."""
    journal = folder / JOURNAL_NAME
    if not journal.is_file() or not journal.stat().st_size:
        return None
    found = examine(journal)
    return JournalFacts(found.account, found.instance, found.schema, found.sound, found.last_ns)


def _vouch(journal: Path, manifest: Manifest, account: str) -> None:
    if journal_facts(journal, account) != manifest.journal:
        raise BackupError("the journal in the backup is not the one that its manifest describes")


def _halt(journal: Path, manifest: Manifest, now_ns: int) -> None:
    made = datetime.fromtimestamp(manifest.created_ns // 10**9, UTC).isoformat()
    reason = (
        f"restored from a backup of {made}: check positions and open orders at the brokerage (orders made "
        "since are shown as foreign), then `resume`"
    )
    record = Halted(now_ns, reason, "restore")
    store = Store(journal, manifest.account, now_ns)
    try:
        state = store.open()
        store.reserve_numbers(state.next_number + SKIPPED_NUMBERS)
        store.write([Row(record.time_ns, kind_of(record), None, encode(record))])
    finally:
        store.close()


def _exchange(folder: Path, staging: Path, now_ns: int) -> Path | None:
    """Move the former state aside and the staged one in, the journal first out and last in."""
    stamp = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
    if (folder / JOURNAL_NAME).exists():
        quarantine(folder / JOURNAL_NAME, now_ns)
    aside = folder / f"{REPLACED}{stamp}"
    former = [path for path in folder.iterdir() if not _stays(path.name)]
    if former:
        aside.mkdir(mode=0o700)
        for path in former:
            path.rename(aside / path.name)
    _own(staging, folder)
    for path in sorted(staging.iterdir(), key=lambda path: path.name == JOURNAL_NAME):
        path.rename(folder / path.name)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return aside if former else None


def _stays(name: str) -> bool:
    return name in _STAYS or name.startswith((REPLACED, f"{JOURNAL_NAME}{QUARANTINED}"))


def _own(staging: Path, folder: Path) -> None:
    """Give what root has unpacked to whoever the folder belongs to."""
    about = folder.stat()
    if os.geteuid() != 0 or about.st_uid == 0:
        return
    for root, folders, files in os.walk(staging):
        for name in (*folders, *files):
            os.chown(Path(root) / name, about.st_uid, about.st_gid, follow_symlinks=False)
