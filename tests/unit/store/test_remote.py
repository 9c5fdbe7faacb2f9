"""A store that is far away: what it remembers, and what it does when the place is slow, sick or gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import fsspec  # type: ignore[import-untyped]  # fsspec has no types
import pytest

from livetrader.store.calls import MAX_STUCK, BoundedCalls
from livetrader.store.copies import Copies
from livetrader.store.objects import RemoteObjects, Version
from livetrader.store.quota import Quota
from livetrader.store.remote import FRESH_S, RemoteObjectStore, RemoteOptions
from livetrader_engine.errors import StoreError, StoreFullError

T = TypeVar("T")


class Seconds:
    """A clock that stands until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wavering:
    """The memory file system behind fsspec, counting what it is asked, and failing as it is told."""

    def __init__(self) -> None:
        self.real = RemoteObjects("memory://wavering", {})
        self.asked: list[str] = []
        self.error: Exception | None = None

    def _do(self, what: str, call: Callable[[], T]) -> T:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
        return call()

    def connect(self) -> None:
        self.real.connect()

    def get(self, name: str) -> bytes:
        return self._do("get", lambda: self.real.get(name))

    def info(self, name: str) -> Version | None:
        return self._do("info", lambda: self.real.info(name))

    def put(self, name: str, value: bytes) -> None:
        self._do("put", lambda: self.real.put(name, value))

    def create(self, name: str, value: bytes) -> None:
        self._do("create", lambda: self.real.create(name, value))

    def remove(self, name: str) -> None:
        self._do("remove", lambda: self.real.remove(name))

    def find(self, folder: str) -> dict[str, Version]:
        return self._do("find", lambda: self.real.find(folder))


@pytest.fixture
def place() -> Iterator[Wavering]:
    fsspec.filesystem("memory").store.clear()
    yield Wavering()
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def store(place: Wavering, clock: Seconds, reports: list[str], tmp_path: Path) -> RemoteObjectStore:
    options = RemoteOptions(report=reports.append, monotonic_s=clock)
    return RemoteObjectStore(place, "memory://wavering", tmp_path / "copies", options)


def test_what_is_fresh_is_read_without_asking(
    store: RemoteObjectStore, place: Wavering, clock: Seconds
) -> None:
    place.real.put("a", b"1")
    assert store.read("a") == store.read("a") == b"1"
    assert store.contains("a")
    assert not store.contains("b")
    assert not store.contains("b")
    assert place.asked == ["info", "get", "info"]
    clock.now += FRESH_S
    assert store.read("a") == b"1"
    assert place.asked == ["info", "get", "info", "info"]  # unchanged, so not fetched again


def test_others_changes_are_seen_within_a_minute(
    store: RemoteObjectStore, place: Wavering, clock: Seconds
) -> None:
    assert not store.contains("new")
    place.real.put("a", b"1")
    assert store.read("a") == b"1"
    assert list(store.keys()) == ["a"]
    place.real.put("a", b"2")
    place.real.put("new", b"")
    clock.now += 60.0
    assert store.read("a") == b"2"
    assert store.contains("new")
    assert list(store.keys()) == ["a", "new"]
    place.real.remove("a")
    clock.now += 60.0
    assert not store.contains("a")
    with pytest.raises(KeyError):
        store.read("a")


def test_clear_shows_others_changes_at_once(store: RemoteObjectStore, place: Wavering) -> None:
    place.real.put("a", b"1")
    assert store.read("a") == b"1"
    place.real.put("a", b"2")
    assert store.read("a") == b"1"
    store.forget()
    assert store.read("a") == b"2"


def test_a_save_of_ours_does_not_hide_a_later_one_of_others(
    store: RemoteObjectStore, place: Wavering, clock: Seconds
) -> None:
    store.save("a", b"ours")
    place.real.put("a", b"theirs")
    assert store.read("a") == b"ours"
    clock.now += FRESH_S
    assert store.read("a") == b"theirs"


def test_an_answer_from_before_a_save_of_ours_is_not_believed_after_it(
    store: RemoteObjectStore, place: Wavering
) -> None:
    """A training thread saves while the engine's thread is reading the value before."""
    place.real.put("a", b"old")
    get = place.real.get

    def get_while_somebody_saves(name: str) -> bytes:
        value = get(name)
        store.save("a", b"new")
        return value

    place.real.get = get_while_somebody_saves  # type: ignore[method-assign]  # the race, made to happen
    assert store.read("a") == b"old"
    place.real.get = get  # type: ignore[method-assign]
    assert store.read("a") == b"new"


def test_a_sick_place_is_stood_in_for_by_copies(
    store: RemoteObjectStore, place: Wavering, clock: Seconds, reports: list[str], tmp_path: Path
) -> None:
    place.real.put("a", b"1")
    store.read("a")
    place.error = OSError("connection reset")
    clock.now += FRESH_S
    assert store.read("a") == b"1"
    assert store.contains("a")
    assert len(reports) == 1 and "connection reset" in reports[0] and "the copy of 'a'" in reports[0]
    with pytest.raises(StoreError, match="connection reset"):
        store.read("b")
    options = RemoteOptions(report=reports.append, monotonic_s=clock)
    after_a_restart = RemoteObjectStore(place, "memory://wavering", tmp_path / "copies", options)
    assert after_a_restart.read("a") == b"1"


def test_a_sick_place_rests_and_is_well_again_within_a_minute(
    store: RemoteObjectStore, place: Wavering, clock: Seconds
) -> None:
    place.error = PermissionError("Forbidden")
    for _ in range(10):
        with pytest.raises(StoreError):
            store.save("a", b"1")
        clock.now += 1.0
    assert place.asked == ["put", "put"]  # at 0 s and at 5 s
    place.error = None
    clock.now += 60.0
    store.save("a", b"1")
    assert place.real.get("a") == b"1"


def test_wrong_credentials_are_told_with_the_remedy(store: RemoteObjectStore, place: Wavering) -> None:
    place.error = PermissionError("Forbidden")
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID"):
        store.save("a", b"1")


def test_a_passing_failure_is_tried_again(store: RemoteObjectStore, place: Wavering) -> None:
    class Passing(OSError):
        def __init__(self) -> None:
            super().__init__("try again")
            place.error = self

    Passing()
    put, place_put = place.real.put, place.put

    def put_better(name: str, value: bytes) -> None:
        if len(place.asked) == 1:
            place.error = None
        place_put(name, value)

    place.put = put_better  # type: ignore[method-assign]  # the place gets well after the first try
    store.save("a", b"1")
    assert place.asked == ["put", "put"]
    assert put is not None and place.real.get("a") == b"1"


def test_limits_are_kept_by_one_listing_a_minute(place: Wavering, clock: Seconds, tmp_path: Path) -> None:
    options = RemoteOptions(Quota(None, 30), monotonic_s=clock)
    store = RemoteObjectStore(place, "memory://wavering", tmp_path, options)
    for number in range(30):
        store.save(f"k{number}", b"")
    with pytest.raises(StoreFullError):
        store.save("one more", b"")
    assert place.asked.count("find") == 1


def test_a_file_that_was_changed_and_not_stored_is_not_replaced(
    store: RemoteObjectStore, place: Wavering, clock: Seconds
) -> None:
    place.real.put("net", b"1")
    path = Path(store.path("net"))
    path.write_bytes(b"being written")
    place.real.put("net", b"2")
    clock.now += FRESH_S
    assert Path(store.path("net")).read_bytes() == b"being written"
    store.save_file("net")
    assert place.real.get("net") == b"being written"


def test_copies_have_a_limit_and_the_oldest_go_first(tmp_path: Path) -> None:
    copies = Copies(tmp_path, max_bytes=30)
    for name in ("a", "b", "c", "d"):
        assert copies.keep(name, b"0123456789")
    assert copies.read("a") is None
    assert copies.read("d") == b"0123456789"
    assert copies.keep("e", b"x" * 31) is False


def test_a_call_that_hangs_is_given_up_and_only_so_many_may() -> None:
    clock, gate = Seconds(), threading.Event()
    calls = BoundedCalls("the place", clock)
    try:
        for _ in range(MAX_STUCK):
            with pytest.raises(StoreError, match=r"read: the place failed: no answer within 0 s; check"):
                calls.run("read", gate.wait, 0.001)
            clock.now += 60.0
        with pytest.raises(StoreError, match=f"{MAX_STUCK} earlier calls"):
            calls.run("read", gate.wait, 0.001)
    finally:
        gate.set()


def test_a_save_that_was_given_up_keeps_the_next_one_back() -> None:
    """Else the late one could end after the next, and the older value would stand."""
    clock, gate = Seconds(), threading.Event()
    calls = BoundedCalls("the place", clock)
    try:
        with pytest.raises(StoreError):
            calls.run("save 'a'", gate.wait, 0.001, alone="a")
        clock.now += 60.0
        with pytest.raises(StoreError, match="an earlier one is still under way"):
            calls.run("save 'a'", lambda: None, 5.0, alone="a")
        assert calls.run("save 'b'", lambda: 7, 5.0, alone="b") == 7
    finally:
        gate.set()


def test_an_answer_of_no_is_no_failure() -> None:
    calls = BoundedCalls("the place", Seconds())

    def missing() -> None:
        raise FileNotFoundError("a")

    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            calls.run("read", missing, 5.0)
    assert calls.run("read", lambda: 1, 5.0) == 1
