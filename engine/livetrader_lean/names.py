"""LEAN's two spellings, one from the other: snake_case is written, PascalCase is generated.

LEAN's Python API of today is snake_case; algorithms written before 2024 use PascalCase. Every class of the
face derives from `Twins` (or is decorated with `twins`), which gives each public name of the class its
other spelling. Two rules:

* a class of livetrader gets twins of all its public names;
* a class of the user gets twins only of *hooks* (methods that LEAN calls, marked `@hook`): `OnData` is
  found as `on_data`, while the user's own `debug` never replaces LEAN's `Debug`.

Enum members have UPPER_CASE names; `TwinEnum` finds them by PascalCase too. Names that do not round-trip
(acronyms) stand in ACRONYMS; indicators bring theirs with their registry entry.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from enum import EnumType, IntEnum
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar

# snake_case name -> PascalCase name, where the rule does not give it
ACRONYMS: Final[dict[str, str]] = {
    "id": "ID", "cik": "CIK", "cusip": "CUSIP", "composite_figi": "CompositeFIGI", "isin": "ISIN",
    "sedol": "SEDOL", "run_time_error": "RunTimeError",
}  # fmt: skip

_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_UPPER: Final = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*\Z")
_PASCAL: Final = re.compile(r"[A-Z][A-Za-z0-9]*\Z")

Routine = TypeVar("Routine", bound=Callable[..., object])
AnyClass = TypeVar("AnyClass", bound=type)


@lru_cache(maxsize=4096)
def pascal(name: str) -> str:
    """Return the PascalCase spelling of a snake_case name: `set_start_date` -> `SetStartDate`."""
    known = ACRONYMS.get(name)
    return known if known is not None else "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """Return the snake_case spelling of a PascalCase name: `UtcTime` -> `utc_time`."""
    known = _SNAKE_OF.get(name)
    return known if known is not None else _BOUNDARY.sub("_", name).lower()


def is_snake(name: str) -> bool:
    """Return whether `name` is a public snake_case name."""
    return _SNAKE.match(name) is not None


def is_pascal(name: str) -> bool:
    """Return whether `name` is a PascalCase name."""
    return _PASCAL.match(name) is not None


def twin_of(name: str) -> str | None:
    """Return the other spelling of a public name, None for names that have none (private, camelCase)."""
    if is_snake(name):
        return pascal(name)
    if _UPPER.match(name):
        return pascal(name.lower())  # a constant: ONE_DAY is OneDay
    if is_pascal(name):
        return snake(name)
    return None


def learn_acronyms(spellings: dict[str, str]) -> None:
    """Add names whose PascalCase the rule does not give (`sma` -> `SMA`). Call before classes use them."""
    ACRONYMS.update(spellings)
    _SNAKE_OF.update({written: name for name, written in spellings.items()})
    pascal.cache_clear()
    snake.cache_clear()


_SNAKE_OF: Final[dict[str, str]] = {written: name for name, written in ACRONYMS.items()}


def hook(function: Routine) -> Routine:
    """Mark a method as one that LEAN calls, so that a user's class may define it in either spelling."""
    function.__lean_hook__ = True  # type: ignore[attr-defined]  # a mark on the function object
    return function


def known_as(**others: str) -> Callable[[Routine], Routine]:
    """Let LEAN's other names of a method's parameters stand for ours: `known_as(bar_count="period")`.

    LEAN's overloads name the same place differently; an overload of ours has one name for it.
    """

    def decorate(function: Routine) -> Routine:
        @wraps(function)
        def call(*arguments: object, **named: object) -> object:
            if named:
                given = ((snake(name), value) for name, value in named.items())
                named = {others.get(name, name): value for name, value in given}
            return function(*arguments, **named)

        return call  # type: ignore[return-value]  # the same routine, with more names

    return decorate


def twins(cls: AnyClass) -> AnyClass:
    """Give every public name defined in `cls` its other spelling. Usable as a decorator."""
    for name, value in list(vars(cls).items()):
        _add(cls, name, value)
    return cls


def twins_of_base(cls: type, base: type) -> None:
    """Give `cls` the other spelling of what it inherits from a class of the core, which has one spelling."""
    for name, value in list(vars(base).items()):
        if name not in vars(cls):
            _add(cls, name, value)


class Twins:
    """Base of the classes that LEAN users see or derive from; see the module's rules."""

    __slots__ = ()

    def to_string(self) -> str:
        """Return it as text, as every object of .NET does."""
        return str(self)

    ToString = to_string

    def __init_subclass__(cls, **arguments: object) -> None:
        super().__init_subclass__(**arguments)
        if cls.__module__.partition(".")[0] == "livetrader_lean":
            twins(cls)
            return
        for name, value in list(vars(cls).items()):
            if _is_hook(cls, name):
                _add(cls, name, value)


def _is_hook(cls: type, name: str) -> bool:
    return any(getattr(vars(base).get(name), "__lean_hook__", False) for base in cls.__mro__[1:])


def _add(cls: type, name: str, value: object) -> None:
    other = twin_of(name)
    if other is not None and other != name and other not in vars(cls):
        setattr(cls, other, _in_camel_case(value) if is_pascal(other) else value)


def _in_camel_case(value: object) -> object:
    """Return a method that knows its arguments in camelCase too, as LEAN's PascalCase methods do."""
    if not inspect.isfunction(value) or getattr(value, "__lean_hook__", False):
        return value
    function = value
    code = inspect.unwrap(function).__code__
    if not any("_" in name for name in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]):
        return function

    @wraps(function)
    def call(*arguments: object, **named: object) -> object:
        return function(*arguments, **{snake(name): value for name, value in named.items()})

    return call


class TwinEnumType(EnumType):
    """Lets `Resolution.Daily` find `Resolution.DAILY`."""

    def __getattr__(cls, name: str) -> object:
        if is_pascal(name):
            found = cls.__members__.get(snake(name).upper())
            if found is not None:
                return found
        raise AttributeError(f"{cls.__name__} has no member {name!r}")

    def __getitem__(cls, name: str) -> Any:
        if name not in cls.__members__ and is_pascal(name):
            name = snake(name).upper()
        return super().__getitem__(name)


class TwinEnum(IntEnum, metaclass=TwinEnumType):
    """An enum of LEAN: members in UPPER_CASE, found by PascalCase too, printed as LEAN prints them."""

    def __str__(self) -> str:
        return pascal(self.name.lower())

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)

    def to_string(self) -> str:
        """Return its name, as every object of .NET does."""
        return str(self)

    ToString = to_string
