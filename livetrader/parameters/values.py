"""What a file of parameters says, and whether it may. Pure: bytes and rules in, values or problems out.

The file is a flat table in JSON or TOML: names to texts, numbers, true or false. It may only set what
[algorithm.parameters] names, so that a misspelled name is found and no algorithm meets a value that it never
asked for; where the value there is a number, so is the new one. A file with one problem changes nothing.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from typing import Final

BODY_LIMIT_BYTES: Final = 64 * 1024  # some dozens of names and numbers; more is another file than was meant
TEXT_LIMIT: Final = 10_000  # characters of one value
SHOWN: Final = 60  # characters of a value in words for people


class ParameterFileError(Exception):
    """The file is no table of parameters; the message says where and what to write instead."""


def parse(body: bytes) -> dict[str, str]:
    """Return the parameters as LEAN hands them to an algorithm: always text. Raises ParameterFileError."""
    if len(body) > BODY_LIMIT_BYTES:
        raise ParameterFileError(f"is larger than {BODY_LIMIT_BYTES} bytes; name the file of parameters")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterFileError(f"is not UTF-8 (byte {error.start}); save it as UTF-8 text") from error
    is_json = text.lstrip().startswith("{")
    try:
        table = json.loads(text, object_pairs_hook=_once) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of JSON and of TOML alike
        form = "JSON" if is_json else 'TOML (or JSON, which begins with "{")'
        raise ParameterFileError(f"is not valid {form}: {error}") from error
    return {str(name): _text(str(name), value) for name, value in table.items()}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name stands there twice")
    return table


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ParameterFileError(f"{name!r} is {value}; write a finite number")
    if isinstance(value, str | int | float):
        try:
            text = str(value)
            text.encode()
        except UnicodeEncodeError as error:  # half of a pair: neither journal nor engine takes it
            raise ParameterFileError(f"{name!r} has half a character; write it whole") from error
        except ValueError as error:  # Python's own limit for the digits of a number
            raise ParameterFileError(f"{name!r} has too many digits; write a shorter number") from error
        if len(text) > TEXT_LIMIT:
            raise ParameterFileError(f"{name!r} is longer than {TEXT_LIMIT} characters")
        return text
    raise ParameterFileError(f"{name!r} is {type(value).__name__}; write a text, a number, true or false")


def problems_of(
    found: Mapping[str, str], declared: Mapping[str, str], bounds: Mapping[str, tuple[float, float]]
) -> list[str]:
    """Return what speaks against these parameters, in words; empty where nothing does."""
    problems = []
    for name, text in found.items():
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            problems.append(f"{name!r} is not named in [algorithm.parameters] (those are: {known})")
            continue
        number, low_high = _number(text), bounds.get(name)
        if number is None and (_number(declared[name]) is not None or low_high is not None):
            problems.append(f"{name!r} is {text[:SHOWN]!r}, not a number")
        elif number is not None and low_high is not None and not low_high[0] <= number <= low_high[1]:
            problems.append(f"{name!r} is {text}, outside of {low_high[0]:g} to {low_high[1]:g}")
    return problems


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Return what is different, in words: `ema-fast: 10 -> 12`."""
    return "; ".join(
        f"{name}: {_shown(old.get(name))} -> {_shown(text)}"
        for name, text in sorted(new.items())
        if old.get(name) != text
    )


def _shown(text: str | None) -> str:
    if text is None:
        return "none"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
