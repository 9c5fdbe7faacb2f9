"""Values as plain data, for JSON and XML in the object store: what LEAN's Newtonsoft makes of them.

Texts, numbers, lists and dictionaries stay what they are. An object is its public attributes; an enum its
number; a date its ISO text; a span .NET's `d.hh:mm:ss`; bytes base64; a symbol LEAN's `value`, `id`,
`permtick`. NumPy's numbers and arrays are numbers and lists. What is no data is refused, naming its place.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any, Final
from uuid import UUID

from livetrader_lean.symbols import Symbol

MAX_DEPTH: Final = 100  # of values in values; deeper is a mistake, or a circle
_PLAIN: Final = (str, bool, int, float)
_NO_DATA: Final = (type, FunctionType, ModuleType)


class NotPlainError(ValueError):
    """A value cannot be stored as JSON or XML. The message names the place and what to do."""


def to_json(value: object) -> str:
    """Return a value as Newtonsoft writes it: compact. NaN and infinities stay numbers, as readers take them.

    Raises NotPlainError.
    """
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


def plain(value: object) -> Any:
    """Return a value as texts, numbers, None, lists and dictionaries by text. Raises NotPlainError."""
    return _plain(value, "$", ())


def typed(value: Any, kind: type | None) -> Any:
    """Return plain data as a value of a kind: a dataclass or object gets the entries as attributes.

    Raises ValueError where the data are of another shape.
    """
    if kind is None or isinstance(value, kind):
        return value
    if not isinstance(value, dict) or kind in _PLAIN or kind in (list, dict, tuple):
        raise ValueError(f"what is stored is {type(value).__name__}, not {kind.__name__}")
    try:
        if dataclasses.is_dataclass(kind):
            return kind(**value)
        made = kind()
        for name, entry in value.items():
            setattr(made, name, entry)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"what is stored does not make a {kind.__name__}: {error}") from error
    return made


def _plain(value: object, place: str, above: tuple[int, ...]) -> Any:
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, int | str) else value.name
    if value is None or type(value) in _PLAIN:
        return value
    for kind, told in _TEXTS.items():
        if isinstance(value, kind):
            return told(value)
    if isinstance(value, _PLAIN):  # a subclass, such as numpy.float64
        return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))
    if id(value) in above:
        raise NotPlainError(f"{place} refers to itself; store a copy without the circle")
    if len(above) >= MAX_DEPTH:
        raise NotPlainError(f"{place[:80]}... lies deeper than {MAX_DEPTH} values; store something flatter")
    return _compound(value, place, (*above, id(value)))


def _compound(value: Any, place: str, above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        return {_name(key): _plain(entry, f"{place}.{key}", above) for key, entry in value.items()}
    if isinstance(value, Symbol):
        return {"value": value.value, "id": str(value.id), "permtick": value.value}
    if isinstance(value, list | tuple | AbstractSet) and not hasattr(value, "_fields"):
        return [_plain(entry, f"{place}[{at}]", above) for at, entry in enumerate(value)]
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        return _plain(value.tolist(), place, above[:-1])
    if kind.__module__.partition(".")[0] == "pandas":
        remedy = "store its text: save(key, frame.to_csv()) or save(key, frame.to_json())"
        raise NotPlainError(f"{place} is a {kind.__name__} of pandas; {remedy}")
    found = {} if isinstance(value, _NO_DATA) else dict(_attributes(value))
    if not found and not hasattr(value, "__dict__"):
        raise NotPlainError(f"{place} is a {kind.__name__}, which is no data; store its numbers or texts")
    if isinstance(value, _NO_DATA):
        raise NotPlainError(f"{place} is code, not data; store what it works on")
    return {name: _plain(entry, f"{place}.{name}", above) for name, entry in found.items()}


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    """Yield the public attributes that an object holds, in the order in which it got them."""
    named: list[str] = list(getattr(value, "_fields", ()))
    for base in reversed(type(value).__mro__):
        slots = vars(base).get("__slots__", ())
        named.extend([slots] if isinstance(slots, str) else slots)
    named.extend(getattr(value, "__dict__", ()))
    for name in dict.fromkeys(named):
        if not name.startswith("_") and hasattr(value, name):
            yield name, getattr(value, name)


def _name(key: object) -> str:
    if isinstance(key, Enum):
        return key.name
    for kind, told in _TEXTS.items():
        if isinstance(key, kind):
            return str(told(key))
    return str(key)


def _moment(value: datetime) -> str:
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _span(value: timedelta) -> str:
    """Return a span as .NET writes it: [-][d.]hh:mm:ss[.fffffff]."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = value.seconds
    days = f"{value.days}." if value.days else ""
    part = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{part}"


_TEXTS: Final[dict[type, Any]] = {
    datetime: _moment,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _span,
    Decimal: float,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    bytearray: lambda value: base64.b64encode(value).decode(),
    memoryview: lambda value: base64.b64encode(value).decode(),
}
