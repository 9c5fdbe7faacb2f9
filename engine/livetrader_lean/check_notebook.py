"""List what a notebook takes from LEAN that is not offered here, by cell and line. Nothing is run.

What can be told from the text: members of a QuantBook kept in a variable (`qb = QuantBook()`), of the objects
it holds (`qb.portfolio.x`), and names that LEAN has and livetrader has not.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_lean.check import HELD, bound_names, has_member
from livetrader_lean.errors import LoadError
from livetrader_lean.names import snake
from livetrader_lean.namespace import MISSING
from livetrader_lean.parity import OFFERED, QUANT_BOOK, did_you_mean, members
from livetrader_lean.quantbook import QuantBook

_NOT_PYTHON: Final = ("%", "!", "?")  # how lines begin that IPython understands and Python does not


class CellFinding(NamedTuple):
    """One use of something that is not offered. Code cells and their lines count from 1."""

    cell: int
    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"code cell {self.cell}, line {self.line}: {self.name} — {self.reason}"


def check_notebook(path: Path) -> list[CellFinding]:
    """Return what a notebook uses and livetrader lacks. Raises LoadError where it is none, or no Python."""
    trees = [_parsed(path, number, text) for number, text in enumerate(_cells(path), 1)]
    books = {name for tree in trees for name in _books(tree)}
    bound = {name for tree in trees for name in bound_names(tree)}
    findings: set[CellFinding] = set()
    for number, tree in enumerate(trees, 1):
        for node in ast.walk(tree):
            findings.update(CellFinding(number, *found) for found in _findings(node, books, bound))
    return sorted(findings)


def _cells(path: Path) -> Iterator[str]:
    """Yield the text of each code cell, with blank lines for what is not Python."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                yield _python("".join(cell["source"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoadError(f"{path} is no notebook that can be read: {type(error).__name__}: {error}") from error


def _python(text: str) -> str:
    if text.startswith("%%"):
        return ""  # the whole cell is something else
    lines = text.splitlines()
    return "\n".join("" if line.lstrip().startswith(_NOT_PYTHON) or line.rstrip().endswith("?") else line
                     for line in lines)  # fmt: skip


def _parsed(path: Path, number: int, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{path}, code cell {number}{f', line {line}' if line else ''}"
        raise LoadError(f"{place}: {error}") from error


def _books(tree: ast.Module) -> Iterator[str]:
    """Yield the variables that hold a QuantBook."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _makes_a_book(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _makes_a_book(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "QuantBook"


def _findings(node: ast.AST, books: set[str], bound: set[str]) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.Name) and node.id in MISSING and node.id not in bound:
        yield node.lineno, node.id, "not in livetrader"
    if not isinstance(node, ast.Attribute):
        return
    if isinstance(node.value, ast.Name) and node.value.id in books:
        reason = _lack(node.attr)
        if reason and isinstance(node.ctx, ast.Load):
            yield node.lineno, f"{node.value.id}.{node.attr}", reason
    elif isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name):
        held = HELD.get(snake(node.value.attr)) if node.value.value.id in books else None
        if held is not None and not has_member(held, node.attr):
            yield node.lineno, f"{node.value.value.id}.{node.value.attr}.{node.attr}", "not in livetrader"


def _lack(name: str) -> str:
    """Return why a QuantBook has no such member, empty where it has."""
    member = members(QUANT_BOOK).get(name) or members().get(name)
    if member is not None:
        return "" if member.status in OFFERED else member.note or f"{member.status} in livetrader"
    if name.startswith("_") or has_member(QuantBook, name):
        return ""
    return f"LEAN has it neither{did_you_mean(name)}"
