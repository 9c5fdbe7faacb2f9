"""JSON as .NET's Newtonsoft library writes it, to the last character: LEAN's order hash is over this text.

Decimals keep their trailing zeros and always have a decimal point, doubles are the shortest text that reads
back, times end with Z and have as many decimals as they need. Source: Newtonsoft.Json's JsonConvert.ToString
and JavaScriptUtils, .NET's "R" format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_engine.wire import writable

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | Decimal | None

INDENT: Final = "  "
KNOWN_KEYS: Final = 1024  # names whose texts are kept: a result repeats a few dozen thousands of times
KNOWN_SECONDS: Final = 1024  # times whose texts are kept: an order tells the same one again and again
_NS_PER_TICK: Final = 100  # .NET counts time in these
_TICK_DIGITS: Final = 7
_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\\x85\u2028\u2029\ud800-\udfff]')
_SHORT_ESCAPES: Final = {
    "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\b": "\\b", "\\": "\\\\", '"': '\\"',
}  # fmt: skip
_PLAIN_EXPONENTS: Final = range(-4, 15)  # a double outside them is written with an exponent
_PLAIN_BELOW: Final = 1e15


class Raw(str):
    """Text that is JSON already; written as it is."""

    __slots__ = ()


def compact(value: Json) -> str:
    """Return `value` without white space."""
    writer = _WRITERS.get  # most values are leaves, and of these very types
    write = writer(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, Mapping):
        inner = [f"{_key(key)}:{writer(type(item), compact)(item)}" for key, item in value.items()]
        return f"{{{','.join(inner)}}}"
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _scalar(value)
    return f"[{','.join([writer(type(item), compact)(item) for item in value])}]"


def indented(value: Json, depth: int = 0) -> str:
    """Return `value` with a line per member, two blanks deeper at every level."""
    writer = _WRITERS.get
    write = writer(type(value))
    if write is not None:
        return write(value)

    def inner(item: Json) -> str:
        return indented(item, depth + 1)

    if isinstance(value, Mapping):
        lines = [f"{_key(key)}: {writer(type(item), inner)(item)}" for key, item in value.items()]
        return _block("{", lines, "}", depth)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _scalar(value)
    return _block("[", [writer(type(item), inner)(item) for item in value], "]", depth)


def _block(begin: str, lines: Sequence[str], end: str, depth: int) -> str:
    if not lines:
        return begin + end
    margin = "\n" + INDENT * (depth + 1)
    return f"{begin}{margin}{f',{margin}'.join(lines)}\n{INDENT * depth}{end}"


def _scalar(value: object) -> str:
    # an enum of integers, say
    write = next((made for kind, made in _WRITERS.items() if isinstance(value, kind)), None)
    if write is None:
        raise TypeError(f"{type(value).__name__} has no JSON")
    return write(value)


def quoted(text: str) -> str:
    """Return a text in quotes; only what JSON demands and three line ends of Unicode are escaped.

    Half a character, which no file can hold, is replaced as .NET does.
    """
    return '"' + (_ESCAPED.sub(_escape, text) if _ESCAPED.search(text) else text) + '"'


_key = lru_cache(maxsize=KNOWN_KEYS)(quoted)


def _escape(found: re.Match[str]) -> str:
    letter = found.group()
    if (whole := writable(letter)) != letter:
        return whole
    return _SHORT_ESCAPES.get(letter) or f"\\u{ord(letter):04x}"


def decimal_text(value: Decimal) -> str:
    """Return a decimal with all its digits and at least one after the point; zero has no sign."""
    text = f"{value:f}"
    if not value:
        text = text.lstrip("-")
    return text if "." in text else text + ".0"


def double_text(value: float) -> str:
    """Return the shortest text that reads back as the same double, as .NET writes it."""
    if -_PLAIN_BELOW < value < _PLAIN_BELOW and "e" not in (text := repr(value)):
        return text  # Python's shortest text is the same
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[repr(value)]
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int), "a finite number"
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + exponent - 1
    minus = "-" if sign else ""
    if not value or power in _PLAIN_EXPONENTS:
        return decimal_text(Decimal(repr(value))) if value else f"{minus}0.0"
    fraction = f".{shown[1:]}" if len(shown) > 1 else ""
    return f"{minus}{shown[0]}{fraction}E{'-' if power < 0 else '+'}{abs(power):02d}"


def time_text(time_ns: int) -> str:
    """Return UTC nanoseconds as an ISO time; decimals of seconds only where there are some."""
    seconds, rest_ns = divmod(time_ns, NS_PER_SECOND)
    text = _second_text(seconds)
    if rest_ns < _NS_PER_TICK:
        return text + "Z"
    decimals = f"{rest_ns // _NS_PER_TICK:0{_TICK_DIGITS}d}".rstrip("0")
    return f"{text}.{decimals}Z"


@lru_cache(maxsize=KNOWN_SECONDS)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_WRITERS: Final[dict[type, Callable[..., str]]] = {
    type(None): lambda value: "null",
    Raw: str,
    str: quoted,
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    Decimal: decimal_text,
    float: double_text,
}
