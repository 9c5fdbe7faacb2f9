"""JSON to the last character as .NET's Newtonsoft writes it. Expectations follow its documentation."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import pytest

from livetrader.results.json_text import (
    Json,
    Raw,
    compact,
    decimal_text,
    double_text,
    indented,
    time_text,
)
from livetrader_engine.wire import writable


class Kind(IntEnum):
    LIMIT = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("688", "688.0"),
        ("99609.8096", "99609.8096"),
        ("144.77307790400", "144.77307790400"),
        ("0.00", "0.00"),
        ("-0", "0.0"),
        ("-0.000", "0.000"),
        ("1E+3", "1000.0"),
        ("1E-7", "0.0000001"),
        ("-10.50", "-10.50"),
    ],
)
def test_a_decimal_keeps_its_zeros_and_always_has_a_point(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1381152660.0, "1381152660.0"),
        (1381152660.25, "1381152660.25"),
        (0.0, "0.0"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e15, "1E+15"),
        (123456789012345680.0, "1.2345678901234568E+17"),
        (999999999999999.0, "999999999999999.0"),
        (0.0001, "0.0001"),
        (1e-5, "1E-05"),
        (1e-6, "1E-06"),
        (float("nan"), '"NaN"'),
    ],
)
def test_a_double_is_the_shortest_text_that_reads_back(value: float, text: str) -> None:
    assert double_text(value) == text


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (1_381_152_660_000_000_000, "2013-10-07T13:31:00Z"),
        (1_381_152_660_001_000_000, "2013-10-07T13:31:00.001Z"),
        (1_381_152_660_000_000_150, "2013-10-07T13:31:00.0000001Z"),
    ],
)
def test_a_time_has_as_many_decimals_as_it_needs(time_ns: int, text: str) -> None:
    assert time_text(time_ns) == text


def test_texts_are_escaped_as_little_as_json_allows() -> None:
    assert compact('a"b\\c\n\t\x01/ü\u2028') == '"a\\"b\\\\c\\n\\t\\u0001/ü\\u2028"'


def test_half_a_character_is_replaced_as_dotnet_does_in_keys_and_values() -> None:
    assert compact({"k\ud83d": "\udc00v"}) == '{"k\ufffd":"\ufffdv"}'
    assert compact("\U0001f600") == '"\U0001f600"'
    assert writable("tag \ud83d") == "tag \ufffd"


def test_members_keep_their_order_with_and_without_white_space() -> None:
    value: Json = {"b": [1, True, None], "a": {}, "kind": Kind.LIMIT, "raw": Raw("[1,2]"), "none": []}
    assert compact(value) == '{"b":[1,true,null],"a":{},"kind":1,"raw":[1,2],"none":[]}'
    assert indented(value) == (
        '{\n  "b": [\n    1,\n    true,\n    null\n  ],\n'
        '  "a": {},\n  "kind": 1,\n  "raw": [1,2],\n  "none": []\n}'
    )


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON"):
        compact({"a": object()})  # type: ignore[dict-item]  # on purpose
