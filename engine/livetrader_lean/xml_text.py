"""Plain data as XML, in the way of .NET's XmlSerializer, and back. No document type, no entities of its own.

An object is an element with an element for each entry; `xsi:type` says what a text is, so that what was saved
is read as what it was. Other XML is read too: an element with elements is a dictionary (several of one name
are a list), any other is its text; attributes are left out.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from livetrader_engine.wire import writable
from livetrader_lean.plain import MAX_DEPTH, NotPlainError, plain

_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
_SPACES: Final = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
)
_LIST, _ENTRY, _OBJECT, _KEY = "ArrayOfAnyType", "anyType", "Object", "key"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*\Z")
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_READ: Final[dict[str, Any]] = {
    "xsd:boolean": lambda text: text in ("true", "1"),
    "xsd:int": int,
    "xsd:long": int,
    "xsd:double": float,
    "xsd:string": str,
}


def to_xml(value: object) -> str:
    """Return a value as XML; the root is named after its class. Raises NotPlainError."""
    data = plain(value)
    kind = type(value).__name__
    named = isinstance(data, dict) and not isinstance(value, dict) and _NAME.match(kind)
    parts = [_HEAD]
    _write(parts, kind if named else _OBJECT if isinstance(data, dict) else _ENTRY, data, _SPACES)
    return "".join(parts)


def _write(parts: list[str], name: str, value: Any, attributes: str) -> None:
    if not _NAME.match(name):
        name, attributes = _ENTRY, f"{attributes} {_KEY}={_quoted(name)}"
    if value is None:
        parts.append(f'<{name}{attributes} xsi:nil="true" />')
        return
    if isinstance(value, dict):
        parts.append(f'<{name}{attributes} xsi:type="{_OBJECT}">')
        for key, entry in value.items():
            _write(parts, key, entry, "")
    elif isinstance(value, list):
        parts.append(f'<{name}{attributes} xsi:type="{_LIST}">')
        for entry in value:
            _write(parts, _ENTRY, entry, "")
    else:
        kind, text = _text(value)
        parts.append(f'<{name}{attributes} xsi:type="{kind}">{text}')
    parts.append(f"</{name}>")


def _text(value: object) -> tuple[str, str]:
    if isinstance(value, bool):
        return "xsd:boolean", "true" if value else "false"
    if isinstance(value, int):
        return ("xsd:int" if -(2**31) <= value < 2**31 else "xsd:long"), str(value)
    if isinstance(value, float):
        return "xsd:double", {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(repr(value), repr(value))
    text = str(value)
    if found := _NOT_XML.search(text):
        raise NotPlainError(f"XML cannot hold the character {found.group()!r}; use save_json or save_bytes")
    return "xsd:string", escape(text, {"\r": "&#13;"})


def _quoted(text: str) -> str:
    _text(text)  # refuses what XML cannot hold
    return quoteattr(text)


class _Element:
    """One element while it is read."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = attributes.get(_KEY, name)
        self.kind = attributes.get("xsi:type", "")
        self.nil = attributes.get("xsi:nil") == "true"
        self.inner: list[_Element] = []
        self.text: list[str] = []

    def value(self) -> Any:
        if self.nil:
            return None
        if self.kind == _LIST:
            return [element.value() for element in self.inner]
        if self.inner or self.kind == _OBJECT:
            return self._entries()
        text = "".join(self.text)
        try:
            return _READ.get(self.kind, str)(text)
        except ValueError as error:
            raise ValueError(f"<{self.name}> is {text[:40]!r}, not {self.kind}") from error

    def _entries(self) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for element in self.inner:
            found.setdefault(element.name, []).append(element.value())
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def from_xml(text: str) -> Any:
    """Return what XML holds. Raises ValueError for what is no XML, and for a document type declaration."""
    root = _Element("", {})
    open_elements = [root]
    parser = expat.ParserCreate("utf-8")  # of the bytes below, whatever the declaration says

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH + 1:
            raise ValueError(f"the XML is deeper than {MAX_DEPTH} elements")
        element = _Element(name, attributes)
        open_elements[-1].inner.append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        open_elements.pop()

    def refuse(*declaration: object) -> None:
        raise ValueError("the XML declares a document type, which is not read; take the DOCTYPE out")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: open_elements[-1].text.append(data)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(writable(text.lstrip("\ufeff")).encode(), True)
    except expat.ExpatError as error:
        raise ValueError(f"what is stored is no XML: {error}") from error
    return root.inner[0].value()
