"""IB's own instructions of an order: OrderSpec.properties by name, checked before anything is sent. Pure.

The names are those of LEAN's InteractiveBrokersOrderProperties and of what this plugin adds to it. An
instruction that IB has no word for refuses the order: dropping it would make another order of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType, PropertyValue

TEXT_LIMIT: Final = 64  # characters; IB's names of accounts and groups are shorter
TIMES: Final = ("IOC", "FOK", "OPG")
OCA_TYPES: Final = {
    1: "cancel the rest, with a block",
    2: "reduce, with a block",
    3: "reduce, without a block",
}


class Instructions(msgspec.Struct, frozen=True):
    """What an order says to IB beyond its terms; the defaults say nothing."""

    account: str = ""
    fa_group: str = ""
    fa_method: str = ""
    fa_percentage: str = ""
    fa_profile: str = ""
    tif: str = ""  # IOC, FOK or OPG in place of the engine's time in force
    oca_group: str = ""
    oca_type: int = 0
    parent_order_id: int = 0  # the engine's number
    transmit: bool = True
    all_or_none: bool = False
    hidden: bool = False
    display_size: int = 0


class BadInstructionError(Exception):
    """An instruction that cannot be given. The message says which, and what may be written there."""


def instructions_of(spec: OrderSpec) -> Instructions:
    """Return what an order's properties say to IB. Raises BadInstructionError."""
    said: dict[str, object] = {}
    for name, value in spec.properties:
        reader = _READERS.get(name)
        if name in _ELSEWHERE or value is None or value is False or value in ("", 0):
            if name == "transmit" and value is False:
                said["transmit"] = False
            continue
        if reader is None:
            raise BadInstructionError(f"Interactive Brokers has no instruction {name} (it is {value!r})")
        field, read = reader
        said[field] = read(name, value)
    made = msgspec.convert(said, Instructions)
    _check(made, spec)
    return made


def _check(made: Instructions, spec: OrderSpec) -> None:
    chosen = [n for n in ("account", "fa_group", "fa_profile") if getattr(made, n)]
    if len(chosen) > 1:
        raise BadInstructionError(f"{' and '.join(chosen)} exclude each other: an order has one of them")
    if made.fa_method and not made.fa_group:
        raise BadInstructionError("fa_method says how a group is served: set fa_group as well")
    if made.fa_percentage and made.fa_method != "PctChange":
        raise BadInstructionError("fa_percentage belongs to fa_method 'PctChange'")
    if made.oca_type and not made.oca_group:
        raise BadInstructionError("oca_type says what becomes of a group: set oca_group as well")
    if made.tif == "OPG" and spec.type not in (OrderType.MARKET, OrderType.MARKET_ON_OPEN, OrderType.LIMIT):
        raise BadInstructionError("tif 'OPG' is for the opening auction: market and limit orders only")
    if made.tif in ("IOC", "FOK") and spec.type in (OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE):
        raise BadInstructionError(f"tif {made.tif!r} does not go with an auction")
    if made.parent_order_id == spec.id and spec.id:
        raise BadInstructionError("an order cannot be its own parent")


def parent_of(spec: OrderSpec) -> OrderId | None:
    """Return the engine's number of the order this one is attached to, None where it stands alone."""
    value = dict(spec.properties).get("parentOrderId")
    return OrderId(value) if isinstance(value, int) and value else None


def properties_of(made: Instructions) -> tuple[tuple[str, PropertyValue], ...]:
    """Return instructions as OrderSpec.properties; those that say nothing are not in it."""
    default = Instructions()
    found = {field: getattr(made, field) for field in Instructions.__struct_fields__}
    return tuple(
        (name, found[field])
        for name, (field, _) in _READERS.items()
        if found[field] != getattr(default, field)
    )


def _text(name: str, value: PropertyValue) -> str:
    """Return a text that cannot shift the fields of the wire."""
    if not isinstance(value, str) or len(value) > TEXT_LIMIT or not (value.isascii() and value.isprintable()):
        raise BadInstructionError(f"{name} is a text of at most {TEXT_LIMIT} plain characters, not {value!r}")
    return value


def _percentage(name: str, value: PropertyValue) -> str:
    if isinstance(value, str | bool) or value is None:
        raise BadInstructionError(f"{name} is a number, not {value!r}")
    return f"{value:g}"


def _flag(name: str, value: PropertyValue) -> bool:
    if not isinstance(value, bool):
        raise BadInstructionError(f"{name} is True or False, not {value!r}")
    return value


def _count(name: str, value: PropertyValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise BadInstructionError(f"{name} is a whole number above zero, not {value!r}")
    return value


def _tif(name: str, value: PropertyValue) -> str:
    if value not in TIMES:
        raise BadInstructionError(
            f"{name} is one of {', '.join(TIMES)}, not {value!r}; DAY, GTC and dates are time_in_force"
        )
    return str(value)


def _oca_type(name: str, value: PropertyValue) -> int:
    if isinstance(value, bool) or value not in OCA_TYPES:
        kinds = "; ".join(f"{number}: {words}" for number, words in OCA_TYPES.items())
        raise BadInstructionError(f"{name} is one of {kinds}, not {value!r}")
    return int(value)


_ELSEWHERE: Final = frozenset({"outsideRegularTradingHours"})  # it is OrderSpec.outside_regular_hours
_READERS: Final[dict[str, tuple[str, Callable[[str, PropertyValue], object]]]] = {
    "account": ("account", _text),
    "faGroup": ("fa_group", _text),
    "faMethod": ("fa_method", _text),
    "faPercentage": ("fa_percentage", _percentage),
    "faProfile": ("fa_profile", _text),
    "tif": ("tif", _tif),
    "ocaGroup": ("oca_group", _text),
    "ocaType": ("oca_type", _oca_type),
    "parentOrderId": ("parent_order_id", _count),
    "transmit": ("transmit", _flag),
    "allOrNone": ("all_or_none", _flag),
    "hidden": ("hidden", _flag),
    "displaySize": ("display_size", _count),
}
