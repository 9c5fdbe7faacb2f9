"""Sizes that make a reader's day: smell detectors, each exception named with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.repository.sources import modules

FILE_LINES = 400
FUNCTION_LINES = 50
CLASS_LINES = 250
PUBLIC_METHODS = 20
ARGUMENTS = 6

KIT = "a contract kit: one class of numbered cases, inherited whole"
LEANS = "LEAN's parameters, in LEAN's order"
# "path", "path::Class" or "path::Class.function" -> why splitting it would hurt the reader.
EXEMPT: dict[str, str] = {
    "engine/livetrader_engine/testing/brokerage_contract.py": KIT,
    "engine/livetrader_engine/testing/brokerage_contract.py::BrokerageContract": KIT,
    "engine/livetrader_engine/engine.py::Engine.step": "LEAN's order of work inside a time step, one list",
    "engine/livetrader_engine/indicators/bands.py::IchimokuKinkoHyo.__init__": LEANS,
    "engine/livetrader_engine/indicators/greeks.py::Greek.__init__": LEANS,
    "engine/livetrader_engine/indicators/oscillators.py::KnowSureThing.__init__": LEANS,
    "engine/livetrader_engine/indicators/stops.py::ParabolicStopAndReverseExtended.__init__": LEANS,
    "engine/livetrader_lean/models.py::Models.save": "what is kept with a model, each by its name",
    "engine/livetrader_lean/symbols.py::Symbol.create_option": LEANS,
    "plugins/livetrader_venues/alphavantage/cli.py::main": "one parameter an option, as click passes them",
    "plugins/livetrader_venues/polygon/cli.py::main": "one parameter an option, as click passes them",
    "plugins/livetrader_venues/tws/cli.py::main": "one parameter an option, as click passes them",
    "plugins/livetrader_plugins/polygon/runs.py::Runs.take_in": "one loop: a call a tick doubles its cost",
    "livetrader/telemetry/metrics.py::Metrics": "the table of all metrics, a declaration a line",
    "livetrader/cli/operating.py::liquidate": "one parameter an option, as click passes them",
    "livetrader/app.py::build": "the composition root: one flat list of what is made of what",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _arguments(node: Function) -> int:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([argument for argument in every if argument.arg not in ("self", "cls")])


def _of_function(where: str, node: Function) -> Iterator[tuple[str, str]]:
    if _span(node) > FUNCTION_LINES:
        yield where, f"{_span(node)} lines, a function has at most {FUNCTION_LINES}"
    if _arguments(node) > ARGUMENTS:
        yield where, f"{_arguments(node)} arguments, a function takes at most {ARGUMENTS}"


def _of_class(where: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    public = [m for m in node.body if isinstance(m, Function) and not m.name.startswith("_")]
    if _span(node) > CLASS_LINES:
        yield where, f"{_span(node)} lines, a class has at most {CLASS_LINES}"
    if len(public) > PUBLIC_METHODS:
        yield where, f"{len(public)} public methods, a class has at most {PUBLIC_METHODS}"


def _walk(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, Function):
            yield from _of_function(prefix + node.name, node)
        elif isinstance(node, ast.ClassDef):
            yield from _of_class(prefix + node.name, node)
            yield from _walk(f"{prefix}{node.name}.", node.body)


def too_big(name: str, tree: ast.Module, lines: int) -> Iterator[tuple[str, str]]:
    """Yield (where, what) for everything in a module that is over a limit."""
    if lines > FILE_LINES:
        yield name, f"{lines} lines, a file has at most {FILE_LINES}"
    yield from _walk(f"{name}::", tree.body)


def test_files_classes_and_functions_stay_small() -> None:
    found = [f"{where}: {what}" for m in modules() for where, what in too_big(*m) if where not in EXEMPT]
    assert not found, "split these, or exempt them by name with a reason:\n" + "\n".join(found)


def test_every_exemption_is_still_needed() -> None:
    needed = {where for module in modules() for where, _ in too_big(*module)}
    assert set(EXEMPT) <= needed, f"no longer over a limit: {sorted(set(EXEMPT) - needed)}"


def test_the_measure_sees_what_it_should() -> None:
    long_function = "def f(a, b, c, d, e, f, g):\n" + "    pass\n" * FUNCTION_LINES
    methods = "".join(f"    def m{i}(self): ...\n" for i in range(PUBLIC_METHODS + 1))
    text = long_function + "class C:\n" + methods + "    class D:\n" + "        x = 1\n" * CLASS_LINES
    found = dict.fromkeys(where for where, _ in too_big("m.py", ast.parse(text), FILE_LINES + 1))
    assert list(found) == ["m.py", "m.py::f", "m.py::C", "m.py::C.D"]
