"""A backup is one moment of a directory that lives, every byte is vouched for, and it goes back with care."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import shutil
import sqlite3
import tarfile
import threading
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from livetrader.backups import making, restoring
from livetrader.backups.making import make_backup
from livetrader.backups.manifest import MANIFEST, BackupError, RestoreRefusedError
from livetrader.backups.restoring import SKIPPED_NUMBERS, restore
from livetrader.cli.main import cli
from livetrader.errors import AlreadyRunningError
from livetrader.gateway.takeover import StateLock
from livetrader.journal.examination import examine
from livetrader.journal.journal import Journal
from livetrader.journal.records import AuditEntry
from livetrader.journal.replay import JournalState

NOW_NS = 1_600_000_000 * 10**9
ACCOUNT = "kept"


def write_rows(folder: Path, count: int, account: str = ACCOUNT) -> None:
    async def body() -> None:
        journal = Journal(folder / "journal.sqlite3", account)
        await journal.open()
        for number in range(count):
            await journal.append(AuditEntry(NOW_NS + number, "me", "/v1/halt", "0" * 64, "202"))
        await journal.close()

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(body())


def opened(folder: Path) -> JournalState:
    async def body() -> JournalState:
        journal = Journal(folder / "journal.sqlite3", ACCOUNT)
        await journal.open()
        await journal.close()
        return journal.state

    return asyncio.run(body())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    write_rows(folder, 20)
    (folder / "object_store" / "models").mkdir(parents=True)
    (folder / "object_store" / "models" / "m.bin").write_bytes(bytes(range(256)) * 10_000)
    (folder / "tokens.json").write_text("{}")
    (folder / "tokens.json").chmod(0o600)
    (folder / "daemon.lock").write_text("1\n")
    (folder / "replaced-1" / "x").mkdir(parents=True)
    (folder / "replaced-1" / "old.txt").write_text("old")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.endswith((".lock", "-wal", "-shm"))
    }


def test_a_backup_restores_every_file_and_the_next_start_is_halted(state: Path, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar.gz"
    made = make_backup(state, ACCOUNT, archive, NOW_NS)
    names = {entry.path for entry in made.files}
    assert names == {"journal.sqlite3", "object_store/models/m.bin", "tokens.json"}
    assert archive.stat().st_mode & 0o777 == 0o600
    assert made.journal is not None
    assert made.journal.rows == 20
    fresh = tmp_path / "fresh"
    restored, aside = restore(archive, fresh, ACCOUNT, NOW_NS + 5)
    assert (restored, aside) == (made, None)
    assert (fresh / "object_store/models/m.bin").read_bytes() == bytes(range(256)) * 10_000
    assert (fresh / "tokens.json").stat().st_mode & 0o777 == 0o600
    halted = opened(fresh).halted
    assert halted is not None
    assert "restored from a backup of 2020-09-13" in halted.reason
    assert examine(fresh / "journal.sqlite3").rows == 21
    assert opened(fresh).next_number == opened(state).next_number + SKIPPED_NUMBERS
    assert not list(fresh.glob("replaced-staging-*"))


def test_a_restore_moves_what_was_there_aside_and_loses_nothing(state: Path, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    (state / "later.txt").write_text("made after the backup")
    (state / "tokens.json").write_text("[]")
    before = examine(state / "journal.sqlite3").rows
    _, aside = restore(archive, state, ACCOUNT, NOW_NS + 5)
    assert aside == state / "replaced-20200913T122640Z"
    assert (aside / "later.txt").read_text() == "made after the backup"
    assert (aside / "tokens.json").read_text() == "[]"
    assert (state / "tokens.json").read_text() == "{}"
    assert not (state / "later.txt").exists()
    (quarantined,) = state.glob("journal.sqlite3.quarantined-*Z")
    assert examine(quarantined).rows == before


def test_older_backups_and_other_accounts_are_refused(state: Path, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    write_rows(state, 3)
    before = contents(state)
    with pytest.raises(RestoreRefusedError, match="is newer: 23 rows, the backup has 20") as raised:
        restore(archive, state, ACCOUNT, NOW_NS + 5)
    assert raised.value.exit_code == 6
    with pytest.raises(
        RestoreRefusedError, match="is of the account 'kept', the configuration names 'other'"
    ):
        restore(archive, tmp_path / "fresh", "other", NOW_NS + 5)
    theirs = tmp_path / "theirs"
    write_rows(theirs, 1, "other")
    for newer in (False, True):
        with pytest.raises(RestoreRefusedError, match="holds the account 'other'"):
            restore(archive, theirs, ACCOUNT, NOW_NS + 5, replace_newer=newer)
    assert contents(state) == before
    restore(archive, state, ACCOUNT, NOW_NS + 5, replace_newer=True)
    assert examine(state / "journal.sqlite3").rows == 21


def test_a_crash_at_any_rename_leaves_the_old_state_or_a_halted_start(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    rename, finished, seen = Path.rename, False, set()
    for crash in range(20):
        folder, renames = tmp_path / f"crash-{crash}", 0
        shutil.copytree(state, folder, symlinks=True)

        def crashing(path: Path, target: Path, crash: int = crash) -> Path:
            nonlocal renames
            renames += 1
            if renames > crash:
                raise KeyboardInterrupt  # nothing catches it: the process is gone
            return rename(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", crashing)
            patched.setattr(restoring.shutil, "rmtree", lambda *_, **__: None)  # nobody is left to tidy up
            try:
                restore(archive, folder, ACCOUNT, NOW_NS + 5)
                finished = True
            except KeyboardInterrupt:
                pass
        journal = folder / "journal.sqlite3"
        rows = examine(journal).rows if journal.exists() else None
        seen.add(rows)
        after = opened(folder)  # the next start of the daemon
        assert after.halted is not None or rows == 20
        if finished:
            break
    assert finished
    assert seen == {20, None, 21}  # before, in between, after


def test_nothing_is_restored_under_a_running_daemon(state: Path, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    lock = StateLock.acquire(state / "daemon.lock")
    before = contents(state)
    try:
        with pytest.raises(AlreadyRunningError):
            restore(archive, state, ACCOUNT, NOW_NS)
    finally:
        lock.release()
    assert contents(state) == before


def _repacked(archive: Path, change: str) -> None:
    """Write an archive again with one thing wrong."""
    with tarfile.open(archive) as source:
        members = [(member, source.extractfile(member).read()) for member in source]  # type: ignore[union-attr]
    with tarfile.open(archive, "w:gz") as target:
        for member, body in members:
            if change == "byte" and member.name.endswith("m.bin"):
                body = b"\x01" + body[1:]
            if change == "missing" and member.name.endswith("tokens.json"):
                continue
            if change == "unfinished" and member.name == MANIFEST:
                continue
            if change == "format" and member.name == MANIFEST:
                body = json.dumps({**json.loads(body), "format": 2}).encode()
            if change == "way out" and member.name.endswith("tokens.json"):
                member.name = "state/../../escaped"
            if change == "link" and member.name.endswith("tokens.json"):
                member.type, member.linkname, body = tarfile.SYMTYPE, "/etc/passwd", b""
            member.size = len(body)
            target.addfile(member, io.BytesIO(body))
        if change == "added":
            info = tarfile.TarInfo("state/added")
            target.addfile(info, io.BytesIO())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("byte", "object_store/models/m.bin is not what was backed up"),
        ("missing", "tokens.json is not what was backed up"),
        ("unfinished", "has no manifest: it was cut off"),
        ("format", "has format 2"),
        ("way out", "does not belong into a backup"),
        ("link", "does not belong into a backup"),
        ("added", "does not belong into a backup"),
    ],
)
def test_a_backup_with_anything_wrong_changes_nothing(
    state: Path, tmp_path: Path, change: str, words: str
) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    _repacked(archive, change)
    before = contents(state)
    with pytest.raises(BackupError, match=words):
        restore(archive, state, ACCOUNT, NOW_NS + 5)
    assert contents(state) == before
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_an_archive_that_was_cut_off_is_refused(state: Path, tmp_path: Path, keep: int) -> None:
    archive = tmp_path / "b.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(BackupError):
        restore(archive, tmp_path / "fresh", ACCOUNT, NOW_NS)
    with pytest.raises(BackupError, match="there is no file"):
        restore(tmp_path / "none.tar.gz", tmp_path / "fresh", ACCOUNT, NOW_NS)


def test_a_byte_that_is_wrong_in_a_long_file_is_told_and_no_traceback(tmp_path: Path) -> None:
    state, archive, failed = tmp_path / "state", tmp_path / "kept.tar.gz", set()
    state.mkdir()
    rows = (f"{number} {Random(number).random()}\n" for number in range(9_000))
    (state / "long.txt").write_text("".join(rows))
    make_backup(state, ACCOUNT, archive, NOW_NS)
    whole = archive.read_bytes()
    for at in range(3_000, 5_000, 200):
        archive.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        unpacked = tmp_path / f"unpacked{at}"
        unpacked.mkdir()
        with pytest.raises(BackupError, match=r"damaged|cut off") as told:
            restoring.read_backup(archive, unpacked)
        failed.add(type(told.value.__cause__))
    assert zlib.error in failed


def test_a_full_disk_is_not_taken_for_a_damaged_backup(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "kept.tar.gz"
    make_backup(state, ACCOUNT, archive, NOW_NS)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match="no room"):
        restore(archive, tmp_path / "elsewhere", ACCOUNT, NOW_NS)


def test_a_backup_beside_busy_writers_is_whole(state: Path, tmp_path: Path) -> None:
    """SQLite with a write-ahead log that is never moved, and a log that grows, while backups are made."""
    other = sqlite3.connect(state / "other.sqlite3", check_same_thread=False)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("PRAGMA wal_autocheckpoint=0")
    other.execute("CREATE TABLE pair (a INTEGER, b INTEGER)")
    over, log = threading.Event(), (state / "log.txt").open("wb")

    def write() -> None:
        number = 0
        while not over.is_set():
            with other:
                other.execute("INSERT INTO pair VALUES (?, ?)", (number, number))
                other.execute("UPDATE pair SET a = a + 1, b = b + 1")
            log.write(b"line %d\n" % number)
            log.flush()
            number += 1
            over.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            archive = tmp_path / f"{number}.tar.gz"
            make_backup(state, ACCOUNT, archive, NOW_NS)
            fresh = tmp_path / f"fresh-{number}"
            restore(archive, fresh, ACCOUNT, NOW_NS)
            copy = sqlite3.connect(fresh / "other.sqlite3")
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("SELECT COUNT(*) FROM pair WHERE a <> b").fetchone() == (0,)
            copy.close()
            assert (fresh / "log.txt").read_bytes() == (state / "log.txt").read_bytes()[
                : (fresh / "log.txt").stat().st_size
            ]
    finally:
        over.set()
        writer.join()
        other.close()
        log.close()


def test_what_cannot_be_vouched_for_is_not_backed_up(state: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is of the account 'kept', the configuration names 'other'"):
        make_backup(state, "other", tmp_path / "b.tar.gz", NOW_NS)
    with pytest.raises(BackupError, match="lies in the state directory itself"):
        make_backup(state, ACCOUNT, state / "b.tar.gz", NOW_NS)
    connection = sqlite3.connect(state / "journal.sqlite3")
    connection.execute("UPDATE record SET body = '{}' WHERE seq = 7")
    connection.commit()
    connection.close()
    with pytest.raises(BackupError, match="journal is damaged: row 7"):
        make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    (state / "journal.sqlite3").write_bytes(bytes(8192))
    with pytest.raises(BackupError, match="journal is damaged: it is no file of SQLite"):
        make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]


def test_a_file_that_is_cut_while_it_is_read_is_read_again(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies, real = [], making._copy

    def cutting(file: io.BufferedReader, size: int, copy: Path) -> str | None:
        copies.append(file.name)
        if file.name.endswith("tokens.json") and copies.count(file.name) == 1:
            (state / "tokens.json").write_text("")
        return real(file, size, copy)

    monkeypatch.setattr(making, "_copy", cutting)
    made = make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    assert copies.count(str(state / "tokens.json")) == 2
    assert next(entry.size for entry in made.files if entry.path == "tokens.json") == 0


def test_keys_of_the_object_store_are_kept_whatever_they_are_called(state: Path, tmp_path: Path) -> None:
    keys = {"model.part", "replaced-by.bin", "model.ballast"}
    for key in keys:
        (state / "object_store" / key).write_bytes(b"trained")
    make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    restore(tmp_path / "b.tar.gz", tmp_path / "fresh", ACCOUNT, NOW_NS)
    assert {path.name for path in (tmp_path / "fresh" / "object_store").iterdir()} == keys | {"models"}


def test_a_damaged_file_that_was_set_aside_is_kept_as_it_is_and_keeps_no_backup_from_being_made(
    state: Path, tmp_path: Path
) -> None:
    damaged = making.SQLITE_MAGIC + b"damaged" * 1_000
    (state / "notifications.sqlite3.damaged-1").write_bytes(damaged)
    make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    restore(tmp_path / "b.tar.gz", tmp_path / "fresh", ACCOUNT, NOW_NS)
    assert (tmp_path / "fresh" / "notifications.sqlite3.damaged-1").read_bytes() == damaged


def test_a_folder_that_this_user_may_not_read_is_no_empty_one(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refused(path: Any) -> object:
        if path == str(state / "object_store"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)  # root, who runs tests in places, may read everything
    with pytest.raises(PermissionError, match="object_store"):
        make_backup(state, ACCOUNT, tmp_path / "b.tar.gz", NOW_NS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]


def test_the_commands_say_what_they_did(state: Path, tmp_path: Path) -> None:
    config, archive = tmp_path / "c.toml", tmp_path / "b.tar.gz"
    config.write_text(f'[account]\nname = "{ACCOUNT}"\nstate_directory = "state"\n')
    runner = CliRunner()
    done = runner.invoke(cli, ["backup", str(config), "--output", str(archive), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["journal"]["rows"] == 20
    again = runner.invoke(cli, ["backup", str(config), "--output", str(archive)])
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    write_rows(state, 1)
    refused = runner.invoke(cli, ["restore", str(archive), str(config), "--yes"])
    assert (refused.exit_code, "--replace-newer" in refused.output) == (6, True)
    put = runner.invoke(cli, ["restore", str(archive), str(config), "--yes", "--replace-newer"])
    assert put.exit_code == 0, put.output
    assert "halted until `livetrader resume`" in put.output
