"""A file of parameters may only say what the settings let it say."""

from __future__ import annotations

import pytest

from livetrader.parameters.values import BODY_LIMIT_BYTES, ParameterFileError, changes, parse, problems_of

DECLARED = {"fast": "10", "symbol": "SPY", "live": "true"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"fast": 12, "symbol": "QQQ", "live": false}',
        b'fast = 12\nsymbol = "QQQ"\nlive = false\n',
        b'\xef\xbb\xbf{"fast": 12, "symbol": "QQQ", "live": false}',
    ],
    ids=["json", "toml", "json with a byte order mark"],
)
def test_both_forms_say_the_same_as_texts(body: bytes) -> None:
    assert parse(body) == {"fast": "12", "symbol": "QQQ", "live": "false"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>log in</html>", "not valid TOML"),
        (b'{"fast": 1, "fast": 2}', "a name stands there twice"),
        (b'{"fast": [1]}', "'fast' is list"),
        (b"[fast]\nvalue = 1\n", "'fast' is dict"),
        (b'{"fast": NaN}', "finite number"),
        (b"fast = inf", "finite number"),
        (b'{"fast": null}', "'fast' is NoneType"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"#" * (BODY_LIMIT_BYTES + 1), "larger than"),
        (b'{"symbol": "' + b"A" * 10_001 + b'"}', "longer than"),
        (b'{"symbol": "S\\ud83dY"}', "'symbol' has half a character"),
        (b"fast = 0x" + b"f" * 4_000, "'fast' has too many digits"),
        (b'{"a":' * 100_000, "larger than"),
        (b'{"a":' * 10_000, "not valid JSON"),
    ],
)
def test_what_is_no_flat_table_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(ParameterFileError, match=words):
        parse(body)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"fats": "12"}, "'fats' is not named in [algorithm.parameters] (those are: fast, live, symbol)"),
        ({"fast": "often"}, "'fast' is 'often', not a number"),
        ({"fast": "51"}, "'fast' is 51, outside of 5 to 50"),
        ({"fast": "4.9"}, "'fast' is 4.9, outside of 5 to 50"),
    ],
)
def test_only_declared_names_and_sensible_numbers_are_taken(found: dict[str, str], words: str) -> None:
    assert problems_of(found, DECLARED, {"fast": (5, 50)}) == [words]


def test_every_problem_is_told_at_once_and_bounds_include_their_ends() -> None:
    bounds = {"fast": (5.0, 50.0)}
    assert len(problems_of({"fats": "1", "fast": "x"}, DECLARED, bounds)) == 2
    assert problems_of({"fast": "5"}, DECLARED, bounds) == problems_of({"fast": "50"}, DECLARED, bounds) == []
    assert problems_of({"symbol": "7", "live": "no"}, DECLARED, bounds) == []


def test_changes_are_told_old_to_new() -> None:
    assert changes(DECLARED, DECLARED | {"fast": "12"}) == "fast: 10 -> 12"
    assert changes(DECLARED, DECLARED) == ""
