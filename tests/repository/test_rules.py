"""Rules of the house that a type checker cannot hold: who may build what, and what may stand where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.repository.sources import ROOT, modules, shipped_files, text_of

MAKERS_OF_APPROVED = {
    "livetrader/gateway/limits.py": "the pre-trade checks",
    "livetrader/gateway/killswitch.py": "the kill switch, which goes past the checks",
}
KITS = "engine/livetrader_engine/testing/"  # they drive plugins directly, and no daemon imports them
LIVE_WORDS = re.compile(r"^_?(is_)?live(_mode)?$")
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_./-])/(work|farm|root)/[A-Za-z.]", re.MULTILINE)
INTERFACE_PARTS = ("Protocol", "TypedDict")


def calls_of(name: str, tree: ast.AST) -> Iterator[int]:
    """Yield the lines that call `name`, bare or as an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                yield node.lineno


def test_only_the_limits_and_the_kill_switch_approve_orders() -> None:
    makers = {m.name for m in modules() if not m.name.startswith(KITS) and any(calls_of("Approved", m.tree))}
    assert makers == set(MAKERS_OF_APPROVED)


def branches_on_live(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of conditions that ask whether this is live."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            for part in ast.walk(node.test):
                word = (
                    part.attr
                    if isinstance(part, ast.Attribute)
                    else part.id
                    if isinstance(part, ast.Name)
                    else ""
                )
                if LIVE_WORDS.match(word):
                    yield node.lineno


def test_the_engine_does_not_know_whether_it_is_live() -> None:
    found = [
        f"{module.name}:{line}"
        for module in modules()
        if module.name.startswith("engine/livetrader_engine/")
        for line in branches_on_live(module.tree)
    ]
    assert not found


@pytest.mark.parametrize(
    "text", ["if live_mode: pass", "x = 1 if self.is_live else 2", "while not a.live: pass"]
)
def test_a_branch_on_live_is_seen(text: str) -> None:
    assert list(branches_on_live(ast.parse(text))) == [1]


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _is_accessor(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Setters, overloads and the implementations of an interface inherit the words of what they complete."""
    names = {ast.unparse(decorator) for decorator in node.decorator_list}
    return any(name == "overload" or name == "override" or name.endswith(".setter") for name in names)


def undocumented(name: str, tree: ast.Module) -> Iterator[str]:
    """Yield every public module, class and function without a docstring."""
    if ast.get_docstring(tree) is None and tree.body:
        yield name
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_public(node.name):
            if ast.get_docstring(node) is None and not _is_accessor(node):
                yield f"{name}:{node.lineno} {node.name}"
        elif isinstance(node, ast.ClassDef) and _is_public(node.name) and ast.get_docstring(node) is None:
            yield f"{name}:{node.lineno} {node.name}"


def test_every_public_thing_says_what_it_does() -> None:
    found = [where for module in modules() for where in undocumented(module.name, module.tree)]
    assert not found, "\n".join(found)


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in shipped_files()
        if (text := text_of(path)) is not None and MACHINE_PATH.search(text)
    ]
    assert not found


def test_every_package_is_typed_and_named_livetrader() -> None:
    for folder in (
        "livetrader",
        "engine/livetrader_engine",
        "engine/livetrader_lean",
        "plugins/livetrader_plugins",
        "plugins/livetrader_venues",
    ):
        assert (ROOT / folder / "py.typed").is_file()
    tops = {path.name for root in ("engine", "plugins") for path in (ROOT / root).iterdir() if path.is_dir()}
    assert {top for top in tops if top != "__pycache__" and not top.endswith(".egg-info")} == {
        "livetrader_engine",
        "livetrader_lean",
        "livetrader_plugins",
        "livetrader_venues",
    }
