"""No symbolic link is followed, whoever makes it and whenever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from livetrader.store.keys import KeyRefusedError
from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota

SECRET = b"secret"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "x").write_bytes(SECRET)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> FileObjectStore:
    return FileObjectStore(tmp_path / "store", Quota(1000, 1000))


USES: list[Callable[[FileObjectStore, str], object]] = [
    lambda store, key: store.read(key),
    lambda store, key: store.save(key, b"new"),
    lambda store, key: store.save_new(key, b"new"),
    lambda store, key: store.stat(key),
    lambda store, key: store.contains(key),
    lambda store, key: store.path(key),
]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("key", ["door/x", "window"])
def test_a_link_is_refused(
    store: FileObjectStore,
    tmp_path: Path,
    outside: Path,
    use: Callable[[FileObjectStore, str], object],
    key: str,
) -> None:
    store.save("a", b"1")
    (tmp_path / "store" / "door").symlink_to(outside)
    (tmp_path / "store" / "window").symlink_to(outside / "x")
    with pytest.raises(KeyRefusedError, match="is a symbolic link"):
        use(store, key)
    assert (outside / "x").read_bytes() == SECRET
    assert list(outside.iterdir()) == [outside / "x"]


def test_a_link_is_no_key_and_deleting_it_touches_nothing(
    store: FileObjectStore, tmp_path: Path, outside: Path
) -> None:
    store.save("a", b"1")
    (tmp_path / "store" / "door").symlink_to(outside)
    (tmp_path / "store" / "window").symlink_to(outside / "x")
    assert list(store.keys()) == ["a"]
    assert store.delete("window") is False
    with pytest.raises(KeyRefusedError, match="symbolic link"):
        store.delete("door/x")
    assert (outside / "x").read_bytes() == SECRET
    assert store.usage().files == 1


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    FileObjectStore(tmp_path / "store").save("a/b", b"1")
    assert (tmp_path / "disk" / "a" / "b").read_bytes() == b"1"


def test_a_pipe_or_a_socket_is_no_value_and_nobody_waits_for_it(
    store: FileObjectStore, tmp_path: Path
) -> None:
    store.save("a", b"1")
    os.mkfifo(tmp_path / "store" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "store" / "socket"))
    for key in ("pipe", "socket"):
        with pytest.raises(KeyError):
            store.read(key)
        assert not store.contains(key)
    assert list(store.keys()) == ["a"]


def test_a_folder_that_turns_into_a_link_never_leads_outside(
    store: FileObjectStore, tmp_path: Path, outside: Path
) -> None:
    """One thread swaps a folder with a link while another reads and saves through it."""
    store.save("a/x", b"inside")
    inside, aside = tmp_path / "store" / "a", tmp_path / "aside"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            inside.rename(aside)
            inside.symlink_to(outside)
            inside.unlink()
            aside.rename(inside)

    swapping = threading.Thread(target=swap)
    swapping.start()
    refused = 0
    try:
        for _ in range(20_000):
            if refused >= 10:
                break
            try:
                assert store.read("a/x") in (b"inside", b"saved")
            except (KeyError, KeyRefusedError):
                refused += 1
    finally:
        stop.set()
        swapping.join()
    assert (outside / "x").read_bytes() == SECRET
    assert refused, "the race was never met"
