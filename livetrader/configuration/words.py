"""Says in words what a setting may be, for error messages; knows no section and no file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import inspect

SHOWN_CHARACTERS: Final = 60  # of a wrong value in a message


def wants_path(kind: object) -> bool:
    """Return whether this is Path or an optional Path."""
    return any(isinstance(each, inspect.CustomType) and each.cls is Path for each in _members(kind))


def shown(value: object) -> str:
    """Return `value` as TOML would show it, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        text = f'"{value}"'
    elif isinstance(value, dict):
        return "a table"
    else:
        text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def describe(kind: object) -> str:
    """Return in words what values `kind` allows."""
    return " or ".join(dict.fromkeys(filter(None, (_describe(each) for each in _members(kind)))))


def _members(kind: object) -> tuple[inspect.Type, ...]:
    info = inspect.type_info(kind)
    return info.types if isinstance(info, inspect.UnionType) else (info,)


def _describe(info: inspect.Type) -> str:
    match info:
        case inspect.IntType() | inspect.FloatType():
            word = "a whole number" if isinstance(info, inspect.IntType) else "a number"
            return word + _bounds(info)
        case inspect.StrType(pattern=pattern):
            return "a text" if pattern is None else f"a text that matches {pattern}"
        case inspect.BoolType():
            return "true or false"
        case inspect.DateType():
            return "a date such as 2013-10-07"
        case inspect.EnumType(cls=cls):
            return "one of " + ", ".join(f'"{member.value}"' for member in cls)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(shown(value) for value in values)
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path"
        case inspect.DictType(value_type=value_type):
            return f"a table of {_describe(value_type)}s".replace(
                "a table of a ", "a table whose values are "
            )
        case inspect.VarTupleType(item_type=item_type) | inspect.ListType(item_type=item_type):
            return f"a list; each item {_describe(item_type)}"
        case inspect.NoneType():
            return ""
        case inspect.StructType(cls=cls):
            return f"a table with {', '.join(cls.__struct_fields__)}"
        case _:
            return type(info).__name__.removesuffix("Type").lower()


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    words = [
        f"{word} {_number(bound)}"
        for word, bound in (
            ("above", info.gt),
            ("at least", info.ge),
            ("below", info.lt),
            ("at most", info.le),
        )
        if bound is not None
    ]
    return " " + " and ".join(words) if words else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
