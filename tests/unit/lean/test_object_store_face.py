"""`self.object_store`: LEAN's methods, in both spellings, over a real folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota
from livetrader_engine.errors import StoreError, StoreFullError
from livetrader_lean.storage import MAX_INT, MAX_LONG, ObjectStore


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> ObjectStore:
    return ObjectStore(FileObjectStore(tmp_path / "store", Quota(1000, 5)), told.append)


class Model:
    def __init__(self) -> None:
        self.weights = [1.5]


def test_texts_bytes_json_and_xml_come_back(store: ObjectStore) -> None:
    assert store.save("a/text", "käse") and store.read("a/text") == store.read_string("a/text") == "käse"
    assert store.save_string("text", "x", "utf-16") and store.read("text", "utf-16") == "x"
    for contents in (b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff"), [0, 255]):
        assert store.save_bytes("bytes", contents) and store.read_bytes("bytes") == b"\x00\xff"
    assert store.save_json("json", {"a": [1, None]}) and store.read_json("json") == {"a": [1, None]}
    assert store.read("json") == '{"a":[1,null]}'
    assert store.save_xml("json", {"a": [1, None]}) and store.read_xml("json") == {"a": [1, None]}


def test_generic_methods_take_a_type(store: ObjectStore) -> None:
    assert store.save_json[Model]("m", Model())
    again = store.read_json[Model]("m")
    assert isinstance(again, Model) and again.weights == [1.5]
    assert store.save_xml("m", Model())
    assert store.ReadXml[Model]("m").weights == [1.5]


def test_the_old_spelling_does_the_same(store: Any) -> None:
    assert store.Save("key", "value") and store.Read("key") == "value"
    assert store.SaveBytes("b", bytearray(b"1")) and store.ReadBytes("b") == b"1"
    assert store.SaveJson("j", [1]) and store.ReadJson("j") == [1]
    assert store.SaveXml("x", [1]) and store.ReadXml("x") == [1]
    assert store.ContainsKey("j") and store.Delete("j") and not store.ContainsKey("j")
    assert store.Keys == store.keys == store.keys() == ["b", "key", "x"]
    assert store.GetFilePath("key").endswith("/store/key")
    assert (store.MaxSize, store.MaxFiles) == (1000, 5)
    store.Clear()
    assert store.Read("key") == "value"


@pytest.mark.parametrize("path", ["/a/b", "./a/b", "\\a\\b", "a\\b", ".a/b"])
def test_paths_are_spelt_as_loosely_as_in_lean(store: ObjectStore, path: str) -> None:
    assert store.save(path, "x")
    assert store.keys == ["a/b"]
    assert store.contains_key(path) and store.read(path) == "x" and store.delete(path)


def test_iterating_gives_keys_and_bytes(store: ObjectStore) -> None:
    store.save("a", "1")
    store.save("b", "2")
    assert [(key, value) for key, value in store] == [("a", b"1"), ("b", b"2")]
    assert [pair.Key + pair.Value.decode() for pair in store] == ["a1", "b2"]
    assert len(store) == 2 and "a" in store and "c" not in store
    assert bool(store)


def test_what_is_missing_is_named(store: ObjectStore) -> None:
    with pytest.raises(KeyError, match="no 'models/x' in the object store; ask contains_key first"):
        store.read("models/x")
    assert store.delete("models/x") is False


def test_a_file_written_by_a_library_is_saved_by_its_key(store: ObjectStore) -> None:
    path = Path(store.get_file_path("models/net.h5"))
    assert not store.contains_key("models/net.h5")
    with pytest.raises(ValueError, match=r"no file for 'models/net.h5'; write the file"):
        store.save("models/net.h5")
    path.write_bytes(b"net")
    assert store.save("models/net.h5")
    assert store.read_bytes("models/net.h5") == b"net"


def test_a_full_store_answers_false_and_says_why(store: ObjectStore, told: list[str]) -> None:
    heard: list[tuple[object, Exception]] = []

    def handler(sender: object, args: Any) -> None:
        heard.append((sender, args.Error))

    store.error_raised += handler
    store.ErrorRaised += handler
    assert store.save_bytes("a", b"x" * 1001) is False
    assert [sender for sender, _ in heard] == [store, store]
    assert isinstance(heard[0][1], StoreFullError) and "max_size" in str(heard[0][1])
    assert len(told) == 1 and told[0].startswith("Object store: ") and "max_size" in told[0]
    assert not store.contains_key("a")
    store.error_raised -= handler
    store.error_raised -= handler
    assert store.save_bytes("a", b"x" * 1001) is False
    assert len(heard) == 2


def test_in_research_a_full_store_is_an_error(store: ObjectStore) -> None:
    store.raises = True
    with pytest.raises(StoreFullError):
        store.save_bytes("a", b"x" * 1001)


class Sick(FileObjectStore):
    """A folder whose disk has gone."""

    def read(self, key: str) -> bytes:
        raise StoreError("the disk has gone; bring it back")

    def stat(self, key: str) -> None:
        raise StoreError("the disk has gone; bring it back")

    def delete(self, key: str) -> bool:
        raise StoreError("the disk has gone; bring it back")

    def listing(self, prefix: str = "") -> list[Any]:
        raise StoreError("the disk has gone; bring it back")


def test_a_sick_store_ends_nothing(tmp_path: Path, told: list[str]) -> None:
    store = ObjectStore(Sick(tmp_path), told.append)
    assert store.contains_key("a") is False
    assert store.delete("a") is False
    assert store.keys == [] and len(store) == 0
    assert len(told) == 4 and all("bring it back" in words for words in told)
    with pytest.raises(StoreError):
        store.read("a")


@pytest.mark.parametrize("contents", ["text", 5, None])
def test_bytes_must_be_bytes(store: ObjectStore, contents: object) -> None:
    with pytest.raises(TypeError, match="save_bytes takes bytes"):
        store.save_bytes("a", contents)


def test_without_limits_the_limits_are_dotnets(tmp_path: Path) -> None:
    store = ObjectStore(FileObjectStore(tmp_path))
    assert (store.max_size, store.max_files) == (MAX_LONG, MAX_INT)


def test_a_key_that_breaks_a_rule_is_an_error_of_the_algorithm(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match=r"'\.\./x' is no key: '\.\.' would leave the object store"):
        store.save("../x", "1")


def test_what_is_no_json_is_told(store: ObjectStore) -> None:
    store.save("a", "{")
    with pytest.raises(ValueError, match="'a' holds no JSON"):
        store.read_json("a")
    with pytest.raises(ValueError, match="'a': what is stored is no XML"):
        store.read_xml("a")
