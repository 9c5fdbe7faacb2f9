"""The LEAN face of IB's instructions, from the algorithm's class to the wire's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.orders.order import OrderId, OrderType, PropertyValue
from livetrader_lean.order_properties import PROPERTY_CLASSES
from livetrader_plugins.ibkr.instructions import (
    BadInstructionError,
    Instructions,
    instructions_of,
    parent_of,
    properties_of,
)
from tests.ibkr.wires import Wire, spec
from tests.unit.lean.test_orders import run

Properties = PROPERTY_CLASSES["InteractiveBrokersOrderProperties"]
LEANS = (
    ("account", None), ("faGroup", None), ("faMethod", None), ("faPercentage", 0), ("faProfile", None),
    ("outsideRegularTradingHours", False),
)  # fmt: skip


@dataclass
class Ticket:
    order_id: int


def test_properties_that_say_nothing_new_are_told_as_lean_tells_them() -> None:
    assert Properties().instructions() == LEANS
    assert instructions_of(spec(properties=LEANS)) == Instructions()


def test_every_instruction_reaches_the_plugin_in_either_spelling() -> None:
    properties = Properties(oca_group="exit", all_or_none=True)
    properties.OcaType = 3
    properties.tif = "IOC"
    properties.parent_order_id = Ticket(12)
    properties.transmit = False
    properties.hidden = True
    properties.DisplaySize = 100
    properties.account = "DU7"
    told = properties.instructions()
    assert told[len(LEANS) :] == (
        ("tif", "IOC"), ("ocaGroup", "exit"), ("ocaType", 3), ("parentOrderId", 12), ("transmit", False),
        ("allOrNone", True), ("hidden", True), ("displaySize", 100),
    )  # fmt: skip
    wanted = spec(properties=told)
    assert instructions_of(wanted) == Instructions(
        account="DU7", tif="IOC", oca_group="exit", oca_type=3, parent_order_id=12, transmit=False,
        all_or_none=True, hidden=True, display_size=100,
    )  # fmt: skip
    assert parent_of(wanted) == 12 and parent_of(spec()) is None


def test_a_copy_of_properties_keeps_what_was_added() -> None:
    properties = Properties(oca_group="exit")
    copy = properties.clone()
    copy.oca_group = "other"
    assert ("ocaGroup", "exit") in properties.instructions()
    assert ("ocaGroup", "other") in copy.instructions()


@pytest.mark.parametrize("name", sorted(set(PROPERTY_CLASSES) - {"InteractiveBrokersOrderProperties"}))
def test_other_brokerages_properties_are_told_as_before(name: str) -> None:
    made = PROPERTY_CLASSES[name]()
    assert [pair[0] for pair in made.instructions()] == [
        "".join(w.capitalize() if i else w for i, w in enumerate(n.split("_"))) for n in type(made).own
    ]
    assert instructions_of(spec(properties=made.instructions())) == Instructions()  # they ask for nothing


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("postOnly", True, "no instruction postOnly"),
        ("tif", "GTC", "IOC, FOK, OPG"),
        ("ocaType", 4, "1: cancel the rest"),
        ("ocaType", True, "1: cancel the rest"),
        ("ocaGroup", "a\0b", "plain characters"),
        ("ocaGroup", "ä", "plain characters"),
        ("ocaGroup", "x" * 65, "at most 64"),
        ("account", 7, "plain characters"),
        ("displaySize", -1, "above zero"),
        ("displaySize", 2**31, "above zero"),
        ("hidden", "yes", "True or False"),
        ("faPercentage", "50", "a number"),
        ("ocaType", 1, "set oca_group as well"),
        ("faMethod", "Equal", "set fa_group as well"),
        ("faPercentage", 50, "belongs to fa_method"),
        ("parentOrderId", 1, "own parent"),
    ],
)
def test_an_instruction_that_cannot_be_given_is_refused_in_words(
    name: str, value: PropertyValue, words: str
) -> None:
    with pytest.raises(BadInstructionError, match=words):
        instructions_of(spec(properties=((name, value),)))


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ((("account", "A"), ("faGroup", "B")), OrderType.LIMIT, "exclude each other"),
        ((("tif", "IOC"),), OrderType.MARKET_ON_CLOSE, "does not go with an auction"),
        ((("tif", "OPG"),), OrderType.STOP_MARKET, "market and limit orders only"),
    ],
)
def test_instructions_that_exclude_each_other_are_refused(
    properties: tuple[tuple[str, PropertyValue], ...], kind: OrderType, words: str
) -> None:
    with pytest.raises(BadInstructionError, match=words):
        instructions_of(spec(id=OrderId(5), type=kind, properties=properties))


def test_instructions_come_back_as_the_properties_they_were() -> None:
    made = Instructions(
        tif="FOK", oca_group="g", oca_type=2, all_or_none=True, display_size=5, transmit=False
    )
    assert instructions_of(spec(properties=properties_of(made))) == made
    assert properties_of(Instructions()) == ()


def documented(name: str) -> Callable[..., None]:
    """Return a function that docs/ibkr.md shows."""
    text = (Path(__file__).parents[2] / "docs" / "ibkr.md").read_text()
    (block,) = [b.split("```")[0] for b in text.split("```python\n")[1:] if b.startswith(f"def {name}(")]
    made: dict[str, Any] = {"InteractiveBrokersOrderProperties": Properties}
    exec(block, made)
    found: Callable[..., None] = made[name]
    return found


def test_the_bracket_of_the_guide_reaches_ib_as_one(library: str) -> None:
    bracket = documented("bracket")
    algorithm = run(lambda algorithm: bracket(algorithm, "SPY", 10, 90.0, 110.0, 80.0), bars=1)
    specs = [record.spec for record in algorithm._lean.engine.orders.records()]
    assert len(specs) == 3
    wire = Wire(library, 176)
    numbers: dict[int, int] = {}
    for each in specs:
        above = parent_of(each)
        parent = numbers[above] if above is not None else 0
        numbers[each.id] = wire.place(each, f"LTa-{each.id}", parent_id=parent)
    entry, profit, stop = (wire.got(number) for number in numbers.values())
    assert [order.terms.parent_id for order in (entry, profit, stop)] == [0, entry.order_id, entry.order_id]
    assert [order.terms.transmit for order in (entry, profit, stop)] == [False, False, True]
    assert {profit.terms.oca_group, stop.terms.oca_group} == {"exit-1"} and entry.terms.oca_group == ""
    assert (entry.status.value, profit.why_held, stop.why_held) == ("Submitted", "child", "child")
