"""List what a user's file takes from LEAN that is not offered here, with line numbers. Nothing is imported.

What can be told from the text: members of the algorithm (`self.add_option`), of the objects it holds
(`self.portfolio.x`, `data.dividends`), of enums, names that `AlgorithmImports` would give, and callbacks that
are never called. What cannot: members of objects kept in variables. The user's own members are not reported.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.dotnet import COLLECTIONS
from livetrader_lean.errors import LoadError
from livetrader_lean.loader import ROOTS
from livetrader_lean.names import TwinEnumType, is_pascal, snake
from livetrader_lean.namespace import MISSING, NAMES
from livetrader_lean.notify import NotificationManager
from livetrader_lean.outside import SignalExportManager
from livetrader_lean.parity import OFFERED, did_you_mean, members
from livetrader_lean.portfolio import Portfolio
from livetrader_lean.schedule import Schedule
from livetrader_lean.schedule_rules import DateRules, TimeRules
from livetrader_lean.securities import Securities
from livetrader_lean.settings import KEPT, AlgorithmSettings
from livetrader_lean.slices import Slice
from livetrader_lean.storage import ObjectStore
from livetrader_lean.subscriptions import SubscriptionManager
from livetrader_lean.transactions import Transactions

ALGORITHM_BASES: Final = frozenset({"QCAlgorithm", "QCAlgorithmFramework", "QCAlgorithmFrameworkBridge"})

HELD: Final[dict[str, type]] = {  # snake_case member of the algorithm -> class of what it is
    "portfolio": Portfolio,
    "securities": Securities,
    "transactions": Transactions,
    "schedule": Schedule,
    "date_rules": DateRules,
    "time_rules": TimeRules,
    "object_store": ObjectStore,
    "subscription_manager": SubscriptionManager,
    "settings": AlgorithmSettings,
    "notify": NotificationManager,
    "signal_export": SignalExportManager,
}
_BUILT_IN: Final = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__"}


class Finding(NamedTuple):
    """One use of something that is not offered. `line` counts from 1."""

    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.name} — {self.reason}"


@dataclass(frozen=True, slots=True)
class _Class:
    """What is known of a class of the user's: its members, and the algorithm it is or is not."""

    node: ast.ClassDef
    own: frozenset[str]
    bases: tuple[str, ...]


def check(path: Path) -> list[Finding]:
    """Return what the file uses and livetrader lacks, by line. Raises LoadError where it is no Python."""
    path = Path(path)
    tree = _parse(path)
    classes = _classes(tree, path.parent, depth=3)
    findings = set(_names(tree))
    algorithms = [
        (name, found)
        for name, found in classes.items()
        if found.node in tree.body and _is_algorithm(name, classes)
    ]
    for name, found in algorithms:
        findings.update(_members(found, _own_members(name, classes)))
        if _all_known(name, classes):
            findings.update(_unknown_members(found, _own_members(name, classes)))
    if not algorithms:
        findings.add(
            Finding(1, "QCAlgorithm", "no class of this file derives from it: there is nothing to run")
        )
    return sorted(findings)


def _all_known(name: str, classes: dict[str, _Class], seen: frozenset[str] = frozenset()) -> bool:
    """Whether everything that a class inherits is in sight: no base from a file that was not read."""
    if name not in classes:
        return name in ALGORITHM_BASES
    return name not in seen and all(_all_known(b, classes, seen | {name}) for b in classes[name].bases)


def _unknown_members(found: _Class, own: set[str]) -> Iterator[Finding]:
    """Yield members of self that neither the file nor LEAN has: misspelt ones, as a rule."""
    table = members()
    guarded = {
        node.args[1].value
        for node in ast.walk(found.node)
        if isinstance(node, ast.Call)
        and _last_name(node.func) in ("hasattr", "getattr", "setattr")
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    }
    for node in ast.walk(found.node):
        if not (isinstance(node, ast.Attribute) and _is_self(node.value) and isinstance(node.ctx, ast.Load)):
            continue
        name = node.attr
        if (
            name in own
            or name in guarded
            or name in table
            or name.startswith("_")
            or has_member(QCAlgorithm, name)
        ):
            continue
        yield Finding(node.lineno, f"self.{name}", f"neither the file nor LEAN has it{did_you_mean(name)}")


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError as error:
        raise LoadError(f"there is no file {path}") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise LoadError(f"{path}{f', line {line}' if line else ''}: {error}") from error


def _classes(tree: ast.Module, folder: Path, depth: int) -> dict[str, _Class]:
    """Return the file's classes by name, and those it imports by name from files beside it."""
    found: dict[str, _Class] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and depth:
            beside = folder / (node.module.replace(".", "/") + ".py")
            if beside.is_file():
                theirs = _classes(_parse(beside), beside.parent, depth - 1)
                found.update({name: held for name, held in theirs.items() if name not in found})
        elif isinstance(node, ast.ClassDef):
            bases = tuple(base for base in map(_last_name, node.bases) if base)
            found[node.name] = _Class(node, frozenset(_defined(node)), bases)
    return found


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _defined(node: ast.ClassDef) -> Iterator[str]:
    """Yield what a class defines: methods, class attributes, and whatever is stored on self."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield item.name
        for part in ast.walk(item):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is_self(part.value):
                yield part.attr
        targets = item.targets if isinstance(item, ast.Assign) else ()
        if isinstance(item, ast.AnnAssign):
            targets = [item.target]
        for target in targets:
            yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_algorithm(name: str, classes: dict[str, _Class], seen: frozenset[str] = frozenset()) -> bool:
    if name in ALGORITHM_BASES and name not in classes:
        return True
    found = classes.get(name)
    if found is None or name in seen:
        return False
    return any(_is_algorithm(base, classes, seen | {name}) for base in found.bases)


def _own_members(name: str, classes: dict[str, _Class], seen: frozenset[str] = frozenset()) -> set[str]:
    found = classes.get(name)
    if found is None or name in seen:
        return set()
    own = set(found.own)
    for base in found.bases:
        own |= _own_members(base, classes, seen | {name})
    return own


def _members(found: _Class, own: set[str]) -> Iterator[Finding]:
    table = members()
    for method in found.node.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        member = table.get(method.name)
        if member is not None and member.status not in OFFERED and snake(member.name).startswith("on_"):
            yield Finding(method.lineno, method.name, "is never called here")
        if snake(method.name) == "on_data" and len(method.args.args) > 1:
            yield from _slice_members(method, method.args.args[1].arg)
    for node in ast.walk(found.node):
        if not isinstance(node, ast.Attribute):
            continue
        if _is_self(node.value):
            member = table.get(node.attr)
            if member is not None and member.status not in OFFERED and node.attr not in own:
                note = member.note or f"{member.status} in livetrader"
                yield Finding(node.lineno, f"self.{node.attr}", note)
        elif isinstance(node.value, ast.Attribute) and _is_self(node.value.value):
            held = HELD.get(snake(node.value.attr))
            if held is not None and node.value.attr not in own and not has_member(held, node.attr):
                yield Finding(node.lineno, f"self.{node.value.attr}.{node.attr}", "not in livetrader")


def _slice_members(method: ast.FunctionDef, parameter: str) -> Iterator[Finding]:
    for node in ast.walk(method):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if node.value.id == parameter and not has_member(Slice, node.attr):
            yield Finding(node.lineno, f"{parameter}.{node.attr}", "not in livetrader")


def has_member(cls: type, name: str) -> bool:
    """Return whether objects of a class have a member in one of LEAN's spellings."""
    if cls is AlgorithmSettings and snake(name) in KEPT:
        return True
    return hasattr(cls, name) or (is_pascal(name) and hasattr(cls, snake(name)))


def _names(tree: ast.Module) -> Iterator[Finding]:
    """Yield names of LEAN's that are not offered: imported ones, used ones, and members of its enums."""
    bound = bound_names(tree)
    lean_stars = other_stars = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            is_lean = (node.module or "").partition(".")[0] in ROOTS
            starred = any(alias.name == "*" for alias in node.names)
            lean_stars |= is_lean and starred
            other_stars |= starred and not is_lean
            if is_lean and node.module != "clr":
                for alias in node.names:
                    if alias.name != "*" and alias.name not in NAMES and alias.name not in COLLECTIONS:
                        yield Finding(node.lineno, alias.name, "not in livetrader")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            held = NAMES.get(node.value.id)
            if isinstance(held, TwinEnumType) and node.value.id not in bound and not hasattr(held, node.attr):
                yield Finding(node.lineno, f"{node.value.id}.{node.attr}", "not in livetrader")
    if lean_stars and not other_stars:  # another star import could give any name
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                known = node.id in bound or node.id in NAMES or node.id in _BUILT_IN
                if not known:
                    lean = node.id in MISSING
                    why = "not in livetrader" if lean else "neither in livetrader nor defined in the file"
                    yield Finding(node.lineno, node.id, why)


def bound_names(tree: ast.Module) -> set[str]:
    """Return every name that the file itself binds somewhere."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound.update(node.names)
    return bound
