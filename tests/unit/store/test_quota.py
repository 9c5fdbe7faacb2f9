"""Limits: what they are, and that a store keeps them without counting at each save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader.store import ledger
from livetrader.store.local import FileObjectStore
from livetrader.store.quota import MB, TIERS, Quota, Usage, quota_of, refusal
from livetrader_engine.errors import StoreFullError

SECOND = 10**9


class Wall:
    """A clock that stands until it is told."""

    now = 10**18

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.mark.parametrize(
    ("tier", "megabytes", "files"), [("free", 5, 100), ("prime", 50, 1_000), ("professional", 500, 10_000)]
)
def test_the_tiers_are_quantconnects(tier: str, megabytes: int, files: int) -> None:
    assert quota_of(tier) == Quota(megabytes * 1024 * 1024, files)
    assert not TIERS["unlimited"].limited


def test_own_limits_replace_the_tiers() -> None:
    assert quota_of("free", max_mb=0.5) == Quota(MB // 2, 100)
    assert quota_of("unlimited", max_files=3) == Quota(None, 3)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_a_quota_refuses_exactly_what_is_above_it(files: int, size: int, most: int, most_files: int) -> None:
    words = refusal(Quota(most, most_files), Usage(files, size))
    assert (words is not None) == (files > most_files or size > most)


def test_a_refusal_names_limit_and_remedy() -> None:
    words = refusal(Quota(5 * MB, None), Usage(3, 6 * MB))
    assert words is not None
    assert "6.0 MB" in words and "max_size" in words and "5.0 MB" in words and "store rm" in words
    words = refusal(Quota(None, 2), Usage(3, 0))
    assert words is not None and "3 files" in words and "max_files" in words


def test_saves_up_to_the_limit_are_taken_and_the_next_is_not(tmp_path: Path) -> None:
    store = FileObjectStore(tmp_path, Quota(10, 2))
    store.save("a", b"12345")
    store.save("b", b"12345")
    with pytest.raises(StoreFullError, match="max_files"):
        store.save("c", b"")
    with pytest.raises(StoreFullError, match="max_size"):
        store.save("b", b"123456")
    assert store.read("b") == b"12345"
    assert list(store.keys()) == ["a", "b"]
    store.save("a", b"1")  # a replaced value counts once
    store.save("b", b"123456789")
    assert store.delete("a")
    store.save("c", b"1")
    with pytest.raises(StoreFullError):
        store.save_new("d", b"")
    assert store.save_new("c", b"22") is False  # nothing is stored, so nothing is too much


def test_a_smaller_value_is_taken_by_a_store_that_is_over_its_limit(tmp_path: Path) -> None:
    FileObjectStore(tmp_path).save("a", b"x" * 100)
    store = FileObjectStore(tmp_path, Quota(10, None))
    store.save("a", b"x" * 50)
    with pytest.raises(StoreFullError):
        store.save("a", b"x" * 51)


def test_a_writer_without_limits_counts_for_one_with(tmp_path: Path) -> None:
    limited, free = FileObjectStore(tmp_path, Quota(None, 2)), FileObjectStore(tmp_path)
    limited.save("a", b"")
    free.save("b", b"")
    free.save("c", b"")
    with pytest.raises(StoreFullError):
        limited.save("d", b"")
    free.delete("a")
    free.delete("b")
    limited.save("d", b"")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often all files were looked at."""
    calls = []

    def counted(self: ledger.Ledger) -> ledger.Count:
        calls.append(1)
        return count(self)

    count = ledger.Ledger._count
    monkeypatch.setattr(ledger.Ledger, "_count", counted)
    return lambda: len(calls)


def test_saves_do_not_look_at_all_files(tmp_path: Path, wall: Wall, counts: Callable[[], int]) -> None:
    store = FileObjectStore(tmp_path, Quota(1000, 1000), wall)
    for number in range(50):
        store.save(f"k{number}", b"x")
    FileObjectStore(tmp_path, Quota(1000, 1000), wall).save("another process", b"x")
    assert counts() == 1


def test_files_put_by_hand_count_after_a_minute(
    tmp_path: Path, wall: Wall, counts: Callable[[], int]
) -> None:
    store = FileObjectStore(tmp_path, Quota(None, 3), wall)
    store.save("a", b"")
    (tmp_path / "by hand").write_bytes(b"")
    (tmp_path / "by hand too").write_bytes(b"")
    wall.now += 61 * SECOND
    with pytest.raises(StoreFullError, match="4 files"):
        store.save("b", b"")
    assert counts() == 2


def test_nobody_is_refused_because_of_files_that_are_gone(tmp_path: Path, wall: Wall) -> None:
    store = FileObjectStore(tmp_path, Quota(None, 1), wall)
    store.save("a", b"")
    with pytest.raises(StoreFullError):
        store.save("b", b"")
    (tmp_path / "a").unlink()
    wall.now += 2 * SECOND
    store.save("b", b"")


def test_a_clock_that_goes_back_makes_the_count_new(
    tmp_path: Path, wall: Wall, counts: Callable[[], int]
) -> None:
    store = FileObjectStore(tmp_path, Quota(None, 10), wall)
    store.save("a", b"")
    wall.now -= 3600 * SECOND
    store.save("b", b"")
    assert counts() == 2


@pytest.mark.parametrize(
    "left", [b"", b"not json", b'{"files":0,"bytes":0,"counted_ns":1000000000000000000,"dirty":true}']
)
def test_a_count_that_cannot_be_trusted_is_made_again(tmp_path: Path, wall: Wall, left: bytes) -> None:
    store = FileObjectStore(tmp_path, Quota(None, 2), wall)
    store.save("a", b"")
    store.save("b", b"")
    (tmp_path / ".livetrader" / "usage").write_bytes(left)
    with pytest.raises(StoreFullError):
        store.save("c", b"")


def test_usage_counts_values_only(tmp_path: Path) -> None:
    store = FileObjectStore(tmp_path, Quota(1000, 1000))
    assert store.usage() == Usage()
    store.save("a/b", b"123")
    store.save("c", b"4")
    assert store.usage() == Usage(2, 4)
