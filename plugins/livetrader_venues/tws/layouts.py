"""Walk the fields of a message along a layout: names in order, some only in some server versions.

A layout is a string of words. `name` is one field, `name>=103` one that is there from server version 103 on,
`name<177` one that is there before 177, `@group` a part with a shape of its own (legs, parameters), which the
caller knows by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from livetrader_venues.tws.wire import ProtocolError

Rows = list[tuple[str, ...]]
_WORD = re.compile(r"(@?)(\w+)(?:(>=|<)(\d+))?")


@dataclass(frozen=True, slots=True)
class Part:
    """One word of a layout."""

    name: str
    is_group: bool


@cache
def parts(layout: str, version: int) -> tuple[Part, ...]:
    """Return the parts that a layout has at a server version."""
    found = []
    for word in layout.split():
        match = _WORD.fullmatch(word)
        if match is None:
            raise ValueError(f"not a part of a layout: {word}")
        group, name, relation, number = match.groups()
        if not relation or (version >= int(number)) == (relation == ">="):
            found.append(Part(name, bool(group)))
    return tuple(found)


class Reader:
    """Reads fields in order. A client that sends less than its version says is a ProtocolError."""

    def __init__(self, fields: list[str], version: int) -> None:
        self.version = version
        self._fields = fields
        self._at = 0

    def next(self) -> str:
        """Return the next field."""
        if self._at >= len(self._fields):
            raise ProtocolError(f"{len(self._fields)} fields are too few at version {self.version}")
        self._at += 1
        return self._fields[self._at - 1]

    def rows(self, width: int) -> Rows:
        """Read a count and as many rows of fields."""
        return [tuple(self.next() for _ in range(width)) for _ in range(whole(self.next()))]

    @property
    def left(self) -> int:
        """Fields that nobody has read."""
        return len(self._fields) - self._at


@dataclass(slots=True)
class Values:
    """What a message said: fields by name, groups by name."""

    fields: dict[str, str]
    groups: dict[str, Rows]

    def text(self, name: str) -> str:
        """Return a field, empty where the version has none."""
        return self.fields.get(name, "")

    def whole(self, name: str) -> int:
        """Return a field as a whole number, 0 where it is empty."""
        return whole(self.text(name))

    def flag(self, name: str) -> bool:
        """Return a field as true or false."""
        return self.text(name).lower() in ("1", "true")


GroupReader = Callable[[Reader, Values], None]


def whole(field: str) -> int:
    """Return a whole number, 0 for an empty field. Raises ProtocolError."""
    try:
        return int(float(field)) if field else 0
    except (ValueError, OverflowError) as error:
        raise ProtocolError(f"not a whole number: {field!r}") from error


def read(layout: str, reader: Reader, groups: Mapping[str, GroupReader]) -> Values:
    """Return the values of a message. Raises ProtocolError."""
    values = Values({}, {})
    for part in parts(layout, reader.version):
        if part.is_group:
            groups[part.name](reader, values)
        else:
            values.fields[part.name] = reader.next()
    return values


def write(
    layout: str, version: int, values: Mapping[str, object], groups: Mapping[str, Callable[[], list[object]]]
) -> list[object]:
    """Return the fields of a message; what nobody set is an empty field."""
    fields: list[object] = []
    for part in parts(layout, version):
        if part.is_group:
            fields += groups[part.name]()
        else:
            fields.append(values.get(part.name, ""))
    return fields
