"""What every object store keeps to, wherever it is. A test file inherits the cases and makes the stores."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from livetrader.store.keys import KeyRefusedError
from livetrader.store.opening import open_store
from livetrader.store.options import StoreOptions
from livetrader.store.store import Store
from livetrader_engine.errors import StoreFullError

Opens = Callable[..., Store]


class StoreContract:
    """Cases STO-01 to STO-16. `opens(**options)` opens the same place again, as another process would."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def filesystem(self) -> dict[str, str | int | float | bool]:
        return {}

    @pytest.fixture
    def opens(self, url: str, filesystem: dict[str, str | int | float | bool], tmp_path: Path) -> Opens:
        opened = 0

        def open_again(**options: object) -> Store:
            nonlocal opened
            opened += 1
            copies = str(tmp_path / f"copies{opened}")
            given: dict[str, object] = {
                "url": url,
                "filesystem": filesystem,
                "copies": copies,
                "fresh_s": 0.0,
            }
            return open_store(StoreOptions(**(given | options)))  # type: ignore[arg-type]  # a test's shorthand

        return open_again

    @pytest.fixture
    def store(self, opens: Opens) -> Store:
        return opens()

    def test_sto01_what_is_saved_is_read_here_and_elsewhere(self, store: Store, opens: Opens) -> None:
        store.save("models/spy.v1.bin", b"\x00weights")
        assert store.read("models/spy.v1.bin") == b"\x00weights"
        assert opens().read("models/spy.v1.bin") == b"\x00weights"

    def test_sto02_an_empty_value_is_a_value(self, store: Store) -> None:
        store.save("nothing", b"")
        assert store.read("nothing") == b""
        assert store.contains("nothing")

    def test_sto03_a_large_value_comes_back_whole(self, store: Store, opens: Opens) -> None:
        value = bytes(range(256)) * 40_000
        store.save("large", value)
        assert opens().read("large") == value

    def test_sto04_saving_replaces(self, store: Store, opens: Opens) -> None:
        other = opens()
        store.save("a", b"1")
        assert other.read("a") == b"1"
        store.save("a", b"2")
        assert store.read("a") == other.read("a") == b"2"

    def test_sto05_what_is_not_there_is_said_so(self, store: Store) -> None:
        with pytest.raises(KeyError, match="missing"):
            store.read("missing/key")
        assert not store.contains("missing/key")
        assert store.stat("missing/key") is None
        assert store.delete("missing/key") is False
        assert list(store.keys()) == list(store.keys("missing/")) == []

    def test_sto06_deleting_forgets_for_all(self, store: Store, opens: Opens) -> None:
        other = opens()
        store.save("a/b", b"1")
        assert other.contains("a/b")
        assert store.delete("a/b") is True
        assert store.delete("a/b") is False
        assert not other.contains("a/b")
        with pytest.raises(KeyError):
            other.read("a/b")

    def test_sto07_keys_are_listed_sorted_and_by_prefix(self, store: Store, opens: Opens) -> None:
        for key in ("b/c/d", "a", "b/c.x", "b/a"):
            store.save(key, b"")
        assert list(opens().keys()) == ["a", "b/a", "b/c.x", "b/c/d"]
        assert list(store.keys("b/")) == ["b/a", "b/c.x", "b/c/d"]
        assert list(store.keys("b/c")) == ["b/c.x", "b/c/d"]
        assert list(store.keys("b/c/")) == ["b/c/d"]
        assert list(store.keys("x")) == []

    def test_sto08_size_and_age_are_told(self, store: Store) -> None:
        store.save("a", b"12345")
        found = store.stat("a")
        assert found is not None and found.size == 5
        assert found.modified_ns > 1_600_000_000 * 10**9
        assert [(key, each.size) for key, each in store.listing()] == [("a", 5)]

    @pytest.mark.parametrize("key", ["../x", "/x", "a\\b", "", "a\0", ".livetrader/x"])
    def test_sto09_a_key_that_breaks_a_rule_is_refused_everywhere(self, store: Store, key: str) -> None:
        for use in (store.read, store.contains, store.stat, store.delete, store.path, store.save_file):
            with pytest.raises(KeyRefusedError):
                use(key)
        for keep in (store.save, store.save_new):
            with pytest.raises(KeyRefusedError):
                keep(key, b"x")
        assert list(store.keys()) == []

    def test_sto10_one_of_several_writers_of_a_new_key_is_the_first(self, opens: Opens) -> None:
        stores = [opens() for _ in range(4)]
        told: list[tuple[bool, bytes]] = []
        ready = threading.Barrier(len(stores))

        def write(number: int) -> None:
            ready.wait()
            value = f"by {number}".encode()
            told.append((stores[number].save_new("new", value), value))

        writers = [threading.Thread(target=write, args=(number,)) for number in range(len(stores))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        first = [value for new, value in told if new]
        assert len(told) == len(stores) and len(first) == 1
        assert opens().read("new") == first[0]

    def test_sto11_a_reader_beside_a_writer_never_reads_a_part(self, store: Store, opens: Opens) -> None:
        other = opens()
        values = [json.dumps([number] * 2000).encode() for number in range(20)]
        store.save("a", values[0])
        written = threading.Event()

        def write() -> None:
            for value in values:
                store.save("a", value)
            written.set()

        writing = threading.Thread(target=write)
        writing.start()
        while not written.is_set():
            assert other.read("a") in values
        writing.join()
        assert other.read("a") == values[-1]

    def test_sto12_a_file_can_be_given_to_a_library_and_kept(self, store: Store, opens: Opens) -> None:
        path = Path(store.path("models/net.keras"))
        assert path.is_absolute() and path.parent.is_dir() and not path.exists()
        with pytest.raises(KeyError):
            store.save_file("models/net.keras")
        path.write_bytes(b"net 1")
        store.save_file("models/net.keras")
        assert store.read("models/net.keras") == b"net 1"
        other = opens()
        assert Path(other.path("models/net.keras")).read_bytes() == b"net 1"
        store.save("models/net.keras", b"net 2")
        assert Path(store.path("models/net.keras")).read_bytes() == b"net 2"
        assert Path(other.path("models/net.keras")).read_bytes() == b"net 2"

    def test_sto13_limits_hold_and_leave_what_is_there(self, opens: Opens) -> None:
        store = opens(max_bytes=10, max_files=2)
        assert (store.limits.max_bytes, store.limits.max_files) == (10, 2)
        store.save("a", b"12345")
        store.save("b", b"12345")
        with pytest.raises(StoreFullError, match="max_files"):
            store.save("c", b"")
        with pytest.raises(StoreFullError, match="max_size"):
            store.save("b", b"123456")
        assert store.read("b") == b"12345"
        assert store.delete("a")
        store.save("c", b"12345")
        assert (store.usage().files, store.usage().bytes) == (2, 10)

    def test_sto14_projects_have_their_own_and_read_the_others(self, opens: Opens) -> None:
        momentum, value = opens(project="momentum"), opens(project="value")
        momentum.save("model", b"m")
        value.save("model", b"v")
        value.save("only", b"o")
        assert momentum.read("model") == b"m"
        assert momentum.read("momentum/model") == b"m"
        assert momentum.read("value/model") == value.read("model") == b"v"
        assert list(momentum.keys()) == ["model", "value/model", "value/only"]
        assert list(momentum.keys("value/")) == ["value/model", "value/only"]
        assert list(opens().keys()) == ["momentum/model", "value/model", "value/only"]
        assert momentum.contains("value/only") and not momentum.contains("only")
        assert Path(momentum.path("value/only")).read_bytes() == b"o"

    def test_sto15_a_project_changes_its_own_only(self, opens: Opens) -> None:
        momentum, value = opens(project="momentum"), opens(project="value")
        value.save("model", b"v")
        assert momentum.delete("value/model") is False
        momentum.save("value/model", b"mine")
        assert value.read("model") == b"v"
        assert momentum.read("value/model") == b"mine"
        assert list(momentum.keys()) == ["value/model"]
        assert momentum.delete("value/model") is True
        assert momentum.read("value/model") == b"v"

    def test_sto16_forgetting_deletes_nothing(self, store: Store) -> None:
        store.save("a", b"1")
        store.forget()
        assert store.read("a") == b"1"
