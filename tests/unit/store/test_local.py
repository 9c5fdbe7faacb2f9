"""The object store on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from livetrader.store.local import FileObjectStore
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
