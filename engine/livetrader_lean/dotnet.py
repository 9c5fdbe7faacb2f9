"""What algorithms take from .NET: its collections, delegates and a few static classes, as plain Python.

`from System import *` and `from System.Collections.Generic import List` find these. A .NET collection is the
Python one that it stands for, with .NET's members in both spellings; type arguments (`List[Symbol]()`) say
nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from livetrader_lean.names import Twins, twins
from livetrader_lean.views import KeyValuePair

Item = TypeVar("Item")
Key = TypeVar("Key")
Value = TypeVar("Value")

_TICKS_PER_SECOND: Final = 10_000_000  # .NET counts time in tenths of a microsecond
_MICROSECOND: Final = timedelta(microseconds=1)


@twins
class List(list[Item]):
    """`System.Collections.Generic.List`: a Python list."""

    @property  # .NET hides Python's method, as it does in LEAN
    def count(self) -> int:  # type: ignore[override]
        """How many items there are."""
        return len(self)

    def add(self, item: Item) -> None:
        """Append an item."""
        self.append(item)

    def add_range(self, items: Iterable[Item]) -> None:
        """Append several items."""
        self.extend(items)

    def contains(self, item: object) -> bool:
        """Return whether an item is there."""
        return item in self

    def index_of(self, item: Item) -> int:
        """Return where an item is, -1 where it is not."""
        return self.index(item) if item in self else -1

    def remove_at(self, index: int) -> None:
        """Take an item out by its place."""
        del self[index]

    def to_array(self) -> list[Item]:
        """Return a copy."""
        return list(self)


class Dictionary(dict[Key, Value]):
    """`System.Collections.Generic.Dictionary`: a Python dict whose iteration gives key-value pairs."""

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self)

    Count = count

    def add(self, key: Key, value: Value) -> None:
        """Put an entry in. Raises KeyError where there is one under this key."""
        if key in self:
            raise KeyError(f"an entry under {key!r} has been added already")
        self[key] = value

    def contains_key(self, key: object) -> bool:
        """Return whether there is an entry."""
        return key in self

    def try_get_value(self, key: Key, value: object = None) -> tuple[bool, Value | None]:
        """Return whether there is an entry, and its value; `value` is .NET's out argument."""
        return key in self, self.get(key)

    def remove(self, key: Key) -> bool:
        """Take an entry out; return whether there was one."""
        return self.pop(key, None) is not None

    Add, ContainsKey, TryGetValue, Remove = add, contains_key, try_get_value, remove

    def __iter__(self) -> Iterator[Any]:
        return (KeyValuePair(key, value) for key, value in self.items())  # type: ignore[arg-type]  # any key


@twins
class HashSet(set[Item]):
    """`System.Collections.Generic.HashSet`: a Python set."""

    @property
    def count(self) -> int:
        """How many items there are."""
        return len(self)

    def contains(self, item: object) -> bool:
        """Return whether an item is there."""
        return item in self


@twins
class Queue(list[Item]):
    """`System.Collections.Generic.Queue`: first in, first out."""

    @property  # as for List
    def count(self) -> int:  # type: ignore[override]
        """How many items there are."""
        return len(self)

    def enqueue(self, item: Item) -> None:
        """Put an item at the end."""
        self.append(item)

    def dequeue(self) -> Item:
        """Take the first item out."""
        return self.pop(0)

    def peek(self) -> Item:
        """Return the first item."""
        return self[0]


class Event:
    """A .NET event: `+=` a handler(sender, arguments), call it to fire."""

    def __init__(self) -> None:
        self._handlers: list[Callable[[Any, Any], object]] = []

    def __iadd__(self, handler: Callable[[Any, Any], object]) -> Event:
        self._handlers.append(handler)
        return self

    def __isub__(self, handler: Callable[[Any, Any], object]) -> Event:
        if handler in self._handlers:
            self._handlers.remove(handler)
        return self

    def __call__(self, sender: Any, arguments: Any = None) -> None:
        for handler in tuple(self._handlers):
            handler(sender, arguments)


class CircularQueue(Twins, Generic[Item]):
    """A queue whose items come again and again; `circle_completed` fires when the first one is next again."""

    def __init__(self, *items: Any) -> None:
        given = items[0] if len(items) == 1 and isinstance(items[0], Iterable) else items
        self._items: list[Item] = list(given)
        self._head = self._items[0] if self._items else None
        self.circle_completed = Event()

    def dequeue(self) -> Item:
        """Return the next item and put it at the end."""
        item = self._items.pop(0)
        if item == self._head:
            self.circle_completed(self)
        self._items.append(item)
        return item


class TimeSpan(Twins):
    """Makers of time spans; a span is a Python timedelta."""

    zero: Final = timedelta()
    max_value: Final = timedelta.max
    min_value: Final = timedelta.min
    ticks_per_second: Final = _TICKS_PER_SECOND

    def __new__(cls, *parts: int) -> timedelta:  # type: ignore[misc]  # .NET's spans are timedeltas here
        """Make a span of ticks, or of (hours, minutes, seconds), or of days and these."""
        if len(parts) == 1:
            return _MICROSECOND * (parts[0] / 10)
        days = parts[0] if len(parts) > 3 else 0
        hours, minutes, seconds = parts[1:4] if len(parts) > 3 else parts
        milliseconds = parts[4] if len(parts) > 4 else 0
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)

    @staticmethod
    def from_days(value: float) -> timedelta:
        """Return so many days."""
        return timedelta(days=value)

    @staticmethod
    def from_hours(value: float) -> timedelta:
        """Return so many hours."""
        return timedelta(hours=value)

    @staticmethod
    def from_minutes(value: float) -> timedelta:
        """Return so many minutes."""
        return timedelta(minutes=value)

    @staticmethod
    def from_seconds(value: float) -> timedelta:
        """Return so many seconds."""
        return timedelta(seconds=value)

    @staticmethod
    def from_milliseconds(value: float) -> timedelta:
        """Return so many milliseconds."""
        return timedelta(milliseconds=value)

    @staticmethod
    def from_ticks(value: int) -> timedelta:
        """Return so many tenths of a microsecond."""
        return _MICROSECOND * (value / 10)


class DateTime(Twins):
    """Makers of times; a time is a Python datetime."""

    min_value: Final = datetime.min  # noqa: DTZ901 — LEAN's times are naive
    max_value: Final = datetime.max  # noqa: DTZ901

    def __new__(cls, *parts: int) -> datetime:  # type: ignore[misc]  # .NET's times are datetimes here
        """Make a time of year, month, day and hour, minute, second."""
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


class Delegate:
    """`Action[...]` and `Func[...]`: called with a function, either returns it."""

    def __class_getitem__(cls, types: object) -> type[Delegate]:
        """Return the class: type arguments say nothing here."""
        return cls

    def __new__(cls, function: Callable[..., Any]) -> Callable[..., Any]:  # type: ignore[misc]
        """Return the function."""
        return function


class Action(Delegate):
    """A function without result."""


class Func(Delegate):
    """A function with a result."""


class Object(Twins):
    """Static members of .NET's base class."""

    @staticmethod
    def equals(one: object, other: object) -> bool:
        """Return whether two objects are equal."""
        return one == other

    @staticmethod
    def reference_equals(one: object, other: object) -> bool:
        """Return whether two objects are the same."""
        return one is other


class String(Twins):
    """Static members of .NET's strings."""

    empty: Final = ""

    @staticmethod
    def is_null_or_empty(value: str | None) -> bool:
        """Return whether there is no text."""
        return not value

    @staticmethod
    def join(separator: str, values: Iterable[object]) -> str:
        """Return the values as one text."""
        return separator.join(map(str, values))

    @staticmethod
    def format(text: str, *values: object) -> str:
        """Return the text with {0}, {1} … replaced."""
        return text.format(*values)


class RegressionTestException(Exception):
    """What LEAN's own tests raise."""


# what `from System import *` gives, and with it AlgorithmImports
NAMES: Final[dict[str, Any]] = {
    "CircularQueue": CircularQueue, "TimeSpan": TimeSpan, "DateTime": DateTime,
    "Action": Action, "Func": Func, "Object": Object, "String": String, "Decimal": float, "Double": float,
    "Single": float, "Int32": int, "Int64": int, "Boolean": bool,
    "RegressionTestException": RegressionTestException,
}  # fmt: skip
# of System.Collections.Generic; elsewhere these names are those of Python's typing
COLLECTIONS: Final[dict[str, Any]] = {
    "List": List, "Dictionary": Dictionary, "HashSet": HashSet, "Queue": Queue, "KeyValuePair": KeyValuePair,
}  # fmt: skip
