"""What a backup says of itself, and whether it may take the place of what is there. Pure but for the hashes.

The manifest is the last member of the archive, so that a copy that was cut off has none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from livetrader.errors import DaemonError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PREFIX: Final = "state/"  # of the files in the archive
MANIFEST_LIMIT_BYTES: Final = 64 * 1024 * 1024  # some hundred thousand files
CHUNK_BYTES: Final = 1 << 20


class BackupError(DaemonError):
    """A backup cannot be made, or is not to be trusted. The message says why, and nothing was changed."""


class RestoreRefusedError(BackupError):
    """The backup would replace something worth more. Nothing was changed."""

    exit_code = 6


class FileEntry(msgspec.Struct, frozen=True):
    """One file: where it lies in the state directory, how long it is, and its SHA-256."""

    path: str
    size: int
    sha256: str
    mode: int


class JournalFacts(msgspec.Struct, frozen=True):
    """Which journal it is, and how far it goes. `last_ns` is the time of its newest row."""

    account: str
    instance: str
    schema: str
    rows: int
    last_ns: int | None


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `journal` None: the daemon had none yet."""

    format: int
    livetrader: str
    account: str
    created_ns: int
    journal: JournalFacts | None
    files: tuple[FileEntry, ...]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def why_not(
    backup: Manifest, account: str, present: JournalFacts | None, *, replace_newer: bool
) -> str | None:
    """Return why a backup must not be restored for `account` over what is there, None where it may.

    `present` is the journal that is there. Another account's is never replaced; a newer one only by an
    operator who says so: its orders exist at the brokerage, and the backup does not know them.
    """
    if backup.account != account:
        return (
            f"the backup is of the account {backup.account!r}, the configuration names {account!r}: "
            "restore it with its own configuration"
        )
    if present is None:
        return None
    if present.account != account:
        return (
            f"the state directory holds the account {present.account!r}: give this one its own, "
            "or move that one away by hand"
        )
    theirs = backup.journal
    remedy = (
        "to go back all the same, look at positions and orders at the brokerage, then add --replace-newer"
    )
    if replace_newer:
        return None
    if theirs is None:
        return f"the backup has no journal and there is one with {present.rows} rows; {remedy}"
    if present.instance == theirs.instance and present.rows > theirs.rows:
        return (
            f"the journal there is newer: {present.rows} rows, the backup has {theirs.rows}; what happened "
            f"since would be forgotten; {remedy}"
        )
    if present.instance != theirs.instance and (present.last_ns or 0) > (theirs.last_ns or 0):
        return f"the journal there is another one of this account, and newer; {remedy}"
    return None
