"""docs/runbook.md has a row for everything an operator can meet: found in the sources, not in a list here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from livetrader import errors
from livetrader.cli.main import cli
from livetrader.gateway.limits import DenialReason
from livetrader.supervisor.gates import GateFacts, gates
from tests.repository.sources import PACKAGE_FOLDERS, ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
QUIET = {"debug", "info"}  # levels that want nobody
TITLED = {  # callee -> the place of the title among the arguments
    "notify": 0, "alert": 0, "Word": 1, "Notification": 2,
}  # fmt: skip
ANYTHING = ".+"  # what stands in a title for a name that is known when it happens


def section(heading: str) -> str:
    """Return one chapter of the runbook."""
    text = RUNBOOK.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def rows(heading: str) -> set[str]:
    """Return what the first cells of a chapter's tables name in code style."""
    cells = re.findall(r"^\| (.*?) \|", section(heading), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def parsed(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the files of the packages that have one of these words in them, parsed."""
    for folder in PACKAGE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if any(word in text for word in words):
                yield path.relative_to(ROOT).as_posix(), ast.parse(text)


def calls(node: ast.AST, around: ast.AST) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Yield each call below a node with the last name of what is called, and the function it stands in."""
    for child in ast.iter_child_nodes(node):
        inside = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else around
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name | ast.Attribute):
            yield (child.func.id if isinstance(child.func, ast.Name) else child.func.attr), child, inside
        yield from calls(child, inside)


def pattern(node: ast.expr, around: ast.AST) -> list[str]:
    """Return regular expressions for the texts an expression can be; none where it is handed in."""
    match node:
        case ast.Constant(value=str(text)):
            return [re.escape(text)]
        case ast.JoinedStr(values=values):
            parts = [re.escape(each.value) if isinstance(each, ast.Constant) else ANYTHING for each in values]
            return ["".join(parts)]
        case ast.IfExp(body=one, orelse=other):
            return [*pattern(one, around), *pattern(other, around)]
        case ast.BoolOp(values=values):
            return [found for each in values for found in pattern(each, around)]
        case ast.Name(id=name):
            return [found for each in given(name, around) for found in pattern(each, ast.Pass())]
    return []


def given(name: str, around: ast.AST) -> Iterator[ast.expr]:
    """Yield what a function assigns to one of its names."""
    for node in ast.walk(around):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts, strict=True)
                    yield from (
                        value for each, value in pairs if isinstance(each, ast.Name) and each.id == name
                    )


@cache
def titles() -> dict[str, str]:
    """Return the title of everything that people are told, as an expression, with where it is told."""
    found: dict[str, str] = {}
    for name, tree in parsed("notify(", "alert(", "Word(", "Notification("):
        for called, node, around in calls(tree, tree):
            if called not in TITLED or not name.startswith("livetrader/"):
                continue
            title = next((each.value for each in node.keywords if each.arg == "title"), None)
            if title is None and len(node.args) > TITLED[called]:
                title = node.args[TITLED[called]]
            if title is not None:
                found |= dict.fromkeys(pattern(title, around), name)
    return found


@cache
def actions() -> dict[str, str]:
    """Return every action that is logged louder than information, with where."""
    found: dict[str, str] = {}
    for name, tree in parsed("level=", '"action"'):
        for called, node, _ in calls(tree, tree):
            words = {each.arg: each.value for each in node.keywords if each.arg}
            level = words.get("level")
            if level is not None and not (isinstance(level, ast.Constant) and level.value in QUIET):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and re.fullmatch("[a-z]+(_[a-z]+)*", str(first.value)):
                    found[str(first.value)] = name
            extra = words.get("extra")
            if isinstance(extra, ast.Dict) and called in {"warning", "error", "critical", "exception"}:
                pairs = zip(extra.keys, extra.values, strict=True)
                found |= {
                    str(value.value): name
                    for key, value in pairs
                    if isinstance(key, ast.Constant)
                    and key.value == "action"
                    and isinstance(value, ast.Constant)
                }
    return found


def reasons() -> set[str]:
    """Return the keys under which /ready says why not."""
    found: set[str] = set()
    for _, tree in parsed("def _reasons(", "def ready_reasons("):
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(
                    value=ast.Name(id="reasons"), slice=ast.Constant(value=str(name)), ctx=ast.Store()
                ):
                    found.add(name)
    return found


def test_the_scan_finds_what_is_known_to_be_there() -> None:
    assert {"kill\\ switch", "brokerage\\ lost", "training\\ .+\\ lost", "positions\\ differ"} <= set(
        titles()
    )
    assert "more\\ notifications\\ than\\ could\\ be\\ taken\\ in" in titles()
    assert any(title.startswith("alert\\ ") for title in titles())
    assert {"engine_lost", "journal_broken", "order_denied", "stream_silent"} <= set(actions())
    assert "engine_started" not in actions()
    assert {"halted", "brokerage", "model", "kill_switch"} <= reasons()


def test_every_notification_has_a_row() -> None:
    named = rows("What people are told")
    missing = {
        title: where
        for title, where in titles().items()
        if not any(re.fullmatch(title, name) for name in named) and title != ANYTHING
    }
    assert not missing, "add a row to docs/runbook.md, What people are told"


def test_every_loud_line_of_the_log_has_a_row() -> None:
    named = rows("What the log says")
    missing = {action: where for action, where in actions().items() if action not in named}
    assert not missing, "add a row to docs/runbook.md, What the log says"


def test_no_row_is_about_a_line_that_nothing_writes() -> None:
    named = rows("What the log says") - {"action"}
    texts = [
        path.read_text(encoding="utf-8")
        for folder in PACKAGE_FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    ]
    written = set(re.findall(r'"([a-z_]+)"', "".join(texts)))
    assert {name for name in named if re.fullmatch("[a-z]+(_[a-z]+)*", name)} - written == set()


def test_every_reason_not_to_trade_has_a_row() -> None:
    named = rows("Why it does not trade")
    assert reasons() - named == set()
    assert {gate.name for gate in gates(GateFacts())} - named == set()
    assert {reason.value for reason in DenialReason} - named == set()


def test_every_exit_code_has_a_row() -> None:
    kinds = [errors.DaemonError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    codes = {str(kind.exit_code) for kind in kinds if kind.__module__ == errors.__name__}
    assert {"2", "3", "7"} <= codes
    assert codes | {"0", "130", "143"} <= rows("Exit codes")


def test_every_alert_that_leads_here_finds_its_chapter_and_commands_exist() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:[`$#] ?|`)livetrader ([a-z-]+)", text))
    assert {"status", "liquidate", "resume", "reconcile", "notify"} <= named
    assert named <= set(cli.commands)
