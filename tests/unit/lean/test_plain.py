"""Values as JSON and XML in the object store."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_lean.plain import MAX_DEPTH, NotPlainError, to_json, typed
from livetrader_lean.xml_text import from_xml, to_xml

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"))
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@dataclass
class Settings:
    name: str
    fast: int = 10
    _hidden: int = 1


class Old:
    """As people write them: attributes in __init__."""

    def __init__(self) -> None:
        self.weights = [1.5, 2.0]
        self.inner = Settings("x")
        self._private = object()


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Pair(NamedTuple):
    left: int
    right: int


class Side(IntEnum):
    LONG = 0
    SHORT = 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, 2.0, None, True], "ü": "x"}, '{"a":[1,2.0,null,true],"ü":"x"}'),
        (Settings("x", 5), '{"name":"x","fast":5}'),
        (Old(), '{"weights":[1.5,2.0],"inner":{"name":"x","fast":10}}'),
        (Slotted(), '{"a":1}'),
        (Pair(1, 2), '{"left":1,"right":2}'),
        ((1, 2), "[1,2]"),
        (Side.SHORT, "1"),
        ({Side.SHORT: 1, 5: 2}, '{"SHORT":1,"5":2}'),
        (Decimal("1.25"), "1.25"),
        (b"\x00\x01", '"AAE="'),
        (datetime(2024, 1, 2, 3, 4, 5), '"2024-01-02T03:04:05"'),  # noqa: DTZ001 — naive, as algorithms have them
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), '"2024-01-02T03:04:05Z"'),
        (date(2024, 1, 2), '"2024-01-02"'),
        (timedelta(days=1, hours=2, seconds=3), '"1.02:00:03"'),
        (timedelta(milliseconds=-1500), '"-00:00:01.5000000"'),
        (np.float64(1.5), "1.5"),
        (np.int64(7), "7"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), "[[1.0,2.0],[3.0,4.0]]"),
        (pd.Timestamp("2024-01-02"), '"2024-01-02T00:00:00"'),
    ],
)
def test_values_are_written_as_newtonsoft_would(value: object, written: str) -> None:
    assert to_json(value) == written


def test_numbers_that_are_none_stay_numbers() -> None:
    assert math.isnan(json.loads(to_json(float("nan"))))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": [object()]}, r"\$\.a\[0\] is a object, which is no data"),
        ({"f": len.__class__}, r"\$\.f is code, not data"),
        (lambda: 1, "is code, not data"),
        (pd.DataFrame({"a": [1]}), r"frame\.to_csv"),
    ],
)
def test_what_is_no_data_is_refused_with_its_place(value: object, told: str) -> None:
    with pytest.raises(NotPlainError, match=told):
        to_json(value)


def test_circles_and_depths_are_refused() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = [circle]
    with pytest.raises(NotPlainError, match="refers to itself"):
        to_json(circle)
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(NotPlainError, match="deeper than"):
        to_json(deep)
    twice = [1]
    assert to_json([twice, twice]) == "[[1],[1]]"  # the same value twice is no circle


@given(DATA)
def test_plain_data_come_back_from_json(data: Any) -> None:
    assert json.loads(to_json(data)) == data


@given(DATA)
def test_plain_data_come_back_from_xml(data: Any) -> None:
    assert from_xml(to_xml(data)) == data


def test_objects_become_xml_named_after_their_class() -> None:
    assert "<Settings " in to_xml(Settings("a & b\r\n<c>"))
    assert from_xml(to_xml(Settings("a & b\r\n<c>"))) == {"name": "a & b\r\n<c>", "fast": 10}
    assert from_xml(to_xml({"not a name!": 1, "key": float("-inf")})) == {
        "not a name!": 1,
        "key": float("-inf"),
    }


def test_other_xml_is_read_as_texts_and_lists() -> None:
    text = (
        '<?xml version="1.0" encoding="utf-16"?><Bars unit="d"><Bar><C>1</C></Bar><Bar><C>2</C></Bar></Bars>'
    )
    assert from_xml(text) == {"Bar": [{"C": "1"}, {"C": "2"}]}
    assert from_xml("<string>hello</string>") == "hello"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>'])
def test_xml_with_a_document_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="document type"):
        from_xml(text)


@pytest.mark.parametrize("text", ["", "hello", "<a>", "<a></b>", "<a>&unknown;</a>", "<a>" * 500])
def test_what_is_no_xml_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"no XML|deeper"):
        from_xml(text)


def test_a_character_that_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(NotPlainError, match=r"'\\x00'; use save_json"):
        to_xml({"a": "x\0"})


def test_what_is_read_can_be_an_object_again() -> None:
    assert typed({"name": "x", "fast": 3}, Settings) == Settings("x", 3)
    old = typed({"weights": [1]}, Old)
    assert isinstance(old, Old) and old.weights == [1]
    assert typed([1], list) == [1]
    with pytest.raises(ValueError, match="is dict, not list"):
        typed({}, list)
    with pytest.raises(ValueError, match="does not make a Settings"):
        typed({"nobody": 1}, Settings)
