"""What may be a key, and whose."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader.store.keys import (
    MAX_KEY_BYTES,
    MAX_PART_BYTES,
    KeyRefusedError,
    Scope,
    checked,
    checked_for_saving,
)
from livetrader.store.local import FileObjectStore

LEANS = "abcXYZ019_#-$= "  # what LEAN lets a key be made of, beside / and .


@pytest.mark.parametrize("key", ["a", "models/spy.bin", "a b/$c=1#2-3", "model.v1.2.pkl", ".hidden", "x..y"])
def test_a_key_is_kept_as_it_is(key: str) -> None:
    assert checked(key) == checked_for_saving(key) == key


@pytest.mark.parametrize("key", ["./a/b", "a//b", "a/./b", "././a//./b"])
def test_different_spellings_are_one_key(key: str) -> None:
    assert checked(key) == "a/b"


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("", "empty"),
        (".", "empty"),
        ("..", "leave the object store"),
        ("../x", "leave the object store"),
        ("a/../../x", "leave the object store"),
        ("a/...", "leave the object store"),
        ("/etc/passwd", "absolute; leave the leading '/' away"),
        ("a/", "names a folder"),
        (".livetrader/usage", "reserved"),
        ("./.livetrader/usage", "reserved"),
        ("a\0b", "NUL"),
        ("a\\b", "backslash; separate folders with '/'"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\u202eb", "unprintable"),
        ("a\udc80b", "unprintable"),
        ("x" * (MAX_PART_BYTES + 1), f"longer than {MAX_PART_BYTES} bytes"),
        ("é" * (MAX_PART_BYTES // 2 + 1), f"longer than {MAX_PART_BYTES} bytes"),
        ("/".join(["x" * 99] * 6), f"longer than {MAX_KEY_BYTES} bytes"),
        ("a/" * 101 + "b", "folders or more"),
        (None, "a key is a text"),
        (7, "a key is a text"),
    ],
)
def test_a_key_that_breaks_a_rule_is_refused_with_the_rule(key: object, rule: str) -> None:
    with pytest.raises(KeyRefusedError) as caught:
        checked(key)
    assert rule in str(caught.value)
    assert repr(key)[:50] in str(caught.value)


@pytest.mark.parametrize("key", ["a@b", "a:b", "é", "a+b", "a(1)"])
def test_what_lean_would_not_save_can_be_read_but_not_saved(key: str) -> None:
    assert checked(key) == key
    with pytest.raises(KeyRefusedError, match="use letters, digits, spaces"):
        checked_for_saving(key)


@given(st.text())
def test_whatever_is_let_through_stays_inside_and_is_stable(text: str) -> None:
    try:
        clean = checked(text)
    except KeyRefusedError:
        return
    path = PurePosixPath(clean)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert str(path) == clean == checked(clean)
    assert Path("/store").joinpath(clean).resolve().is_relative_to("/store")


@given(st.lists(st.text(LEANS + ".", min_size=1, max_size=20), min_size=1, max_size=5).map("/".join))
def test_what_lean_would_save_can_be_saved(key: str) -> None:
    if any(not part.strip(".") for part in key.split("/")):
        return  # LEAN takes leading dots away; here they are refused, or mean "here"
    assert checked_for_saving(key) == key


@given(st.text(LEANS, min_size=1, max_size=10), st.text(LEANS, min_size=1, max_size=10))
def test_a_project_reads_its_own_first_then_what_others_have(project: str, key: str) -> None:
    scope = Scope(project)
    assert scope.own(key) == f"{project}/{key}"
    assert scope.readable(key) == (f"{project}/{key}", key)
    assert scope.shown(scope.own(key)) == key
    assert scope.own(scope.own(key)) == scope.own(key)  # its own data by the name others use


def test_without_a_project_all_keys_are_the_stores() -> None:
    assert Scope().own("a/b") == "a/b"
    assert Scope().readable("a/b") == ("a/b",)
    assert Scope().shown("a/b") == "a/b"


@pytest.mark.parametrize("project", ["a/b", "..", "/a", ".livetrader", "a\\b", "é", "a/"])
def test_a_project_that_is_no_part_of_a_key_is_refused(project: str) -> None:
    with pytest.raises(KeyRefusedError):
        Scope(project)


def test_a_project_and_a_key_together_may_be_too_long() -> None:
    key = "/".join(["x" * 100] * 5)
    assert checked(key) == key
    with pytest.raises(KeyRefusedError, match="longer than"):
        Scope("p" * 30).own(key)


NAMES = st.sampled_from(["a", "b", "c.d", "x y"])


@given(st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=20))))
def test_a_folder_holds_what_a_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, saves: list[tuple[str, bytes]]
) -> None:
    store = FileObjectStore(tmp_path_factory.mktemp("store"))
    model: dict[str, bytes] = {}
    for key, value in saves:
        in_the_way = any(key.startswith(f"{other}/") or other.startswith(f"{key}/") for other in model)
        if in_the_way:
            with pytest.raises(KeyRefusedError, match="use another name"):
                store.save(key, value)
        elif key in model and value == b"":
            assert store.delete(key)
            del model[key]
        else:
            store.save(key, value)
            model[key] = value
    assert {key: store.read(key) for key in store.keys()} == model  # noqa: SIM118 — no dict
