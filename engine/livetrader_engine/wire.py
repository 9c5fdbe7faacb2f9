"""How core objects that msgspec does not know travel: hooks for its encoders and decoders; and texts."""

from __future__ import annotations

import re
from typing import Any, Final

from livetrader_engine.symbols import Symbol

REPLACEMENT: Final = "\ufffd"  # what Unicode has for what is none
_HALF: Final = re.compile("[\ud800-\udfff]")  # of a character beyond 16 bits, without its other half


def writable(text: str) -> str:
    """Return a text as .NET writes it to a file: half a character becomes the sign for none."""
    return _HALF.sub(REPLACEMENT, text)


def encode_hook(value: object) -> object:
    """Return the wire form of `value`. Raises NotImplementedError for types that may not travel."""
    if isinstance(value, Symbol):
        return value.text
    raise NotImplementedError(f"{type(value).__name__} has no wire form")


def decode_hook(kind: type, value: Any) -> object:
    """Return the object of type `kind` that was sent as `value`."""
    if kind is Symbol:
        return Symbol.parse(value)
    if kind is object:
        return value  # a plugin's own keys: texts, numbers, lists and tables, as they came
    raise NotImplementedError(f"{kind.__name__} has no wire form")
