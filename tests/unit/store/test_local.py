"""The object store on disk."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota
from livetrader_engine.errors import StoreError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> FileObjectStore:
    return FileObjectStore(folder)


def test_what_is_saved_is_read_by_the_next_one(store: FileObjectStore, folder: Path) -> None:
    store.save("models/spy.bin", b"\x00weights")
    assert FileObjectStore(folder).read("models/spy.bin") == b"\x00weights"
    assert store.contains("models/spy.bin")
    assert not store.contains("models")


def test_saving_replaces_and_deleting_forgets(store: FileObjectStore) -> None:
    store.save("a", b"1")
    store.save("a", b"2")
    assert store.read("a") == b"2"
    assert store.delete("a") is True
    assert store.delete("a") is False
    with pytest.raises(KeyError):
        store.read("a")


def test_keys_are_sorted_and_hide_what_is_pending(store: FileObjectStore, folder: Path) -> None:
    assert store.keys() == []
    store.save("b/c", b"")
    store.save("a", b"")
    (folder / ".livetrader" / "pending" / "1-0").write_bytes(b"half")
    assert store.keys() == ["a", "b/c"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        ".livetrader/x",
        "a\0b",
        "a\\b",
        "x" * 201,
        "a/" * 300 + "b",
    ],
)
def test_a_key_that_leaves_the_folder_is_refused(store: FileObjectStore, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        store.save(key, b"x")
    with pytest.raises(ValueError, match="no key"):
        store.read(key)


def test_a_link_out_of_the_folder_is_refused(store: FileObjectStore, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / "door").symlink_to(outside)
    with pytest.raises(ValueError, match="symbolic link"):
        store.save("door/x", b"x")
    assert list(outside.iterdir()) == []


def test_a_key_cannot_be_a_folder_of_other_keys(store: FileObjectStore) -> None:
    store.save("a", b"1")
    with pytest.raises(ValueError, match="part of it is a key"):
        store.save("a/b", b"2")
    store.save("c/d", b"3")
    with pytest.raises(ValueError, match="it is a folder"):
        store.save("c", b"4")
    assert store.read("a") == b"1"


def test_a_failed_save_leaves_the_old_value_and_no_debris(
    store: FileObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("a", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"'a' cannot be saved.*no space.*free space on its disk"):
        store.save("a", b"new")
    monkeypatch.undo()
    assert store.read("a") == b"old"
    assert list((folder / ".livetrader" / "pending").iterdir()) == []


def test_a_file_system_without_locks_takes_values_and_cleans_nothing(
    store: FileObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", none)
    left = folder / ".livetrader" / "pending" / "left by a crash"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    store.save("a", b"1")
    assert store.read("a") == b"1"
    assert list(left.parent.iterdir()) == [left]


def test_what_a_crashed_writer_left_goes_with_the_next_save(store: FileObjectStore, folder: Path) -> None:
    left = folder / ".livetrader" / "pending" / "left by a crash"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert list(store.keys()) == []
    store.save("a", b"1")
    assert not left.exists()


def test_names_that_are_no_keys_are_not_listed(store: FileObjectStore, folder: Path) -> None:
    store.save("a", b"1")
    (folder / "back\\slash").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"")
    (folder / "new\nline").write_bytes(b"")
    (folder / "ünïcode (1)").write_bytes(b"came by hand")
    assert list(store.keys()) == ["a", "ünïcode (1)"]
    assert store.read("ünïcode (1)") == b"came by hand"


def test_a_folder_whose_keys_are_all_deleted_is_no_keys_folder(store: FileObjectStore) -> None:
    store.save("a/b/c", b"1")
    assert store.delete("a/b/c")
    assert store.save_new("a", b"2") is True
    assert store.read("a") == b"2"


def test_a_key_that_becomes_a_folder_while_it_is_deleted_is_no_key_any_more(
    store: FileObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("a", b"1")
    unlink = os.unlink

    def late(name: str, *, dir_fd: int) -> None:
        monkeypatch.undo()
        store.delete("a")
        store.save("a/b", b"2")  # another process was quicker
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", late)
    assert store.delete("a") is False
    assert store.keys() == ["a/b"]


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("left", ["nothing", "a file", "keys"])
def test_a_folder_that_goes_while_its_name_becomes_a_key_is_tried_once_more(
    store: FileObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch, left: str, new: bool
) -> None:
    store.save("a/b", b"1")
    rename, link = os.rename, os.link

    def meanwhile() -> None:
        monkeypatch.undo()
        if left != "keys":
            store.delete("a/b")
            (folder / "a").rmdir()
        if left == "a file":
            store.save("a", b"2")

    def late(of: Callable[..., None]) -> Callable[..., None]:
        def act(*names: str, **folders: Any) -> None:
            try:
                of(*names, **folders)
            finally:
                meanwhile()

        return act

    monkeypatch.setattr(os, "rename", late(rename))
    monkeypatch.setattr(os, "link", late(link))
    if left == "keys":
        with pytest.raises(ValueError, match="folder of other keys"):
            store.save_new("a", b"3") if new else store.save("a", b"3")
        assert store.keys() == ["a/b"]
        return
    if new:
        assert store.save_new("a", b"3") is (left == "nothing")
    else:
        store.save("a", b"3")
    assert store.read("a") == (b"2" if new and left == "a file" else b"3")


def test_a_folder_that_cannot_be_written_is_told_with_the_remedy(
    store: FileObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("a", b"1")

    def refused(*arguments: object, **named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.rename", refused)
    with pytest.raises(StoreError, match="check owner and mode of the folder"):
        store.save("a", b"2")
    monkeypatch.undo()
    assert store.read("a") == b"1"


def test_another_writer_that_never_lets_go_is_told_in_bounded_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileObjectStore(folder, Quota(None, 5))
    store.save("a", b"1")
    monkeypatch.setattr("livetrader.store.ledger.LOCK_LIMIT_S", 0.05)
    with (folder / ".livetrader" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="has held the lock"):
            store.save("a", b"2")
    store.save("a", b"3")
    assert store.read("a") == b"3"
