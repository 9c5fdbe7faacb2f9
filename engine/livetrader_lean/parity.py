"""What LEAN's QCAlgorithm and QuantBook have and what of it is offered here, and what follows from it.

Columns of parity.csv and quantbook.csv: member (LEAN's PascalCase name), kind (method | property), status
(done | partial | missing | refused), note. The names are the public members of LEAN's
Algorithm/QCAlgorithm*.cs and what Research/QuantBook.cs adds to them, commit 24863901.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple, NoReturn

from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import pascal, snake

OFFERED = frozenset({"done", "partial"})
ALGORITHM, QUANT_BOOK = "parity.csv", "quantbook.csv"


class Member(NamedTuple):
    """One public member of LEAN's QCAlgorithm or QuantBook."""

    name: str
    kind: str
    status: str
    note: str


@lru_cache(maxsize=2)
def members(table: str = ALGORITHM) -> dict[str, Member]:
    """Return every member of a table by each of its two names."""
    found: dict[str, Member] = {}
    text = files("livetrader_lean").joinpath(table).read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        member = Member(row["member"], row["kind"], row["status"], row["note"])
        found[member.name] = member
        found[snake(member.name)] = member
        if pascal(snake(member.name)) != member.name:
            found.setdefault(pascal(snake(member.name)), member)
    return found


@lru_cache(maxsize=1024)
def did_you_mean(name: str) -> str:
    """Return a hint at the members that a misspelt name may stand for, empty where none is near."""
    known = [spelling for spelling, member in members().items() if member.status in OFFERED]
    near = get_close_matches(name, known, n=2, cutoff=0.8)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def refuse(name: str, owner: str = "QCAlgorithm", table: str = ALGORITHM) -> Callable[..., NoReturn]:
    """Return what a member of `owner` that is not offered looks like: a method that raises when it is called.

    Raises NotInLivetrader for properties, AttributeError for names that LEAN does not have.
    """
    member = members(table).get(name)
    if member is None:
        raise AttributeError(f"neither the algorithm nor LEAN has a member {name!r}{did_you_mean(name)}")
    error = NotInLivetrader(f"{owner}.{name}", member.note)
    if member.kind == "property":
        raise error

    def call(*arguments: object, **named: object) -> NoReturn:
        raise error

    return call


def document() -> str:
    """Return both tables as Markdown: how many members have which status, and each that is not just done."""
    every = sorted({member.name: member for member in members().values()}.values())
    counts = Counter(member.status for member in every)
    lines = ["| status | members |", "|---|---|"]
    lines += [f"| {status} | {counts[status]} |" for status in _STATUSES]
    for status in _STATUSES[1:]:
        lines += ["", f"### {status.capitalize()}", "", "| member | why |", "|---|---|"]
        lines += [
            f"| `{snake(member.name)}` | {member.note} |" for member in every if member.status == status
        ]
    lines += ["", "### QuantBook, beside all of the above", "", "| member | status | why |", "|---|---|---|"]
    lines += [
        f"| `{snake(member.name)}` | {member.status} | {member.note} |"
        for member in sorted({member.name: member for member in members(QUANT_BOOK).values()}.values())
    ]
    return "\n".join(lines)


_STATUSES = ("done", "partial", "missing", "refused")
