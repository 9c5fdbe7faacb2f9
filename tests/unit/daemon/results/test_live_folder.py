"""The results folder: whole files however the process ends, a deployment for each code, nothing private."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader.results import code_copy
from livetrader.results.code_copy import code_of
from livetrader.results.live import ChartPoint, EquityPoint
from livetrader.results.live_charts import SeriesState
from livetrader.results.live_curve import CurveState, EquityCurve
from livetrader.results.live_figures import LiveFigures
from livetrader.results.live_folder import (
    HISTORY_VERSION,
    Batch,
    History,
    LiveFolder,
    Plan,
    read_deployments,
    safe_name,
)
from livetrader.results.live_json import LiveFacts
from livetrader.results.live_settings import ResultSettings
from livetrader.results.run_result import RunSummary
from livetrader_engine.commands import NoteOrderEvent, SeriesStyle
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType, Symbol
from livetrader_engine.wire import encode_hook

NOW_NS = 1_381_156_200_000_000_000  # 2013-10-07 14:30 UTC
SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")


def plan(folder: Path, text: str = "x = 1\n", **parameters: str) -> Plan:
    path = folder / "project" / "main.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return Plan(path, "test", "paper", ("replay",), parameters, "1")


def curve() -> EquityCurve:
    made = EquityCurve(lambda time_ns, value: None)
    for number in range(400):
        made.add(NOW_NS + number * 3 * NS_PER_SECOND, Decimal(100_000 + number % 13), 300.0)
    return made


def facts(points: tuple[EquityPoint, ...], figures: LiveFigures) -> LiveFacts:
    day = NOW_NS // (86_400 * NS_PER_SECOND)
    own = SeriesState("C", "S", SeriesStyle(), (), tuple(ChartPoint(NOW_NS + n, (1.0,)) for n in range(500)))
    start = date.fromordinal(719_163 + day)
    return LiveFacts(
        run=RunSummary("L-1", "Mine", "Running", NOW_NS, 0, start, start),
        now_ns=points[-1].time_ns,
        currency="USD",
        seconds=points,
        minutes=points,
        ten_minutes=points,
        long=points,
        own=(own,),
        figures=figures.state(),
        orders=(),
        holdings=(),
        cash={"USD": Decimal(1)},
        summary={},
        runtime={},
        server={},
    )


def batch(number: int) -> Batch:
    made, figures = curve(), LiveFigures(lambda symbol: Decimal(1))
    order = OrderSpec(OrderId(number + 1), SPY, OrderType.MARKET, Decimal(1), NOW_NS, Decimal(1))
    state: CurveState = made.state()
    return Batch(
        logs=[f"line {number}"],
        events=[NoteOrderEvent(1, order, OrderStatus.SUBMITTED, NOW_NS + number, "USD")],
        facts=facts(made.points(next(iter(state.points))), figures),
        whole=True,
        history=History(HISTORY_VERSION, "L-1", state, (), figures.state(), None),
    )


def write_for_ever(root: Path, told: Plan) -> None:
    """Write everything, over and over: in a process that is killed meanwhile."""
    folder = LiveFolder(root, ResultSettings())
    folder.load()
    folder.deploy(told, NOW_NS, "L-1", fresh=False)
    number = 0
    while True:
        folder.write(batch(number))
        number += 1


def killed_after(files: int, root: Path, told: Plan) -> None:
    """Run `write_for_ever` in a child; kill it when so many more renames than before have been made."""
    child = os.fork()
    if child == 0:
        left = files
        replace = Path.replace

        def counting(path: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)  # just before the file gets its name
            return replace(path, target)

        Path.replace = counting  # type: ignore[method-assign,assignment]  # the process is ours and ends here
        try:
            write_for_ever(root, told)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("files", range(1, 12))
def test_a_process_that_is_killed_at_any_file_leaves_whole_ones(tmp_path: Path, files: int) -> None:
    root, told = tmp_path / "results", plan(tmp_path)
    killed_after(files, root, told)
    killed_after(files + 3, root, told)
    written = [path for path in root.rglob("*.json") if path.is_file()]
    for path in (*written, *root.rglob("config")):
        json.loads(path.read_text(encoding="utf-8"))
    folder = LiveFolder(root, ResultSettings())
    folder.load()
    view = folder.deploy(told, NOW_NS, "L-2", fresh=False)
    folder.write(batch(7))
    assert not list(root.rglob("*.part")), "what was begun is cleared away"
    if files > 2:  # the deployment had a row
        assert (view.id, len(read_deployments(root))) == ("L-1", 1)


def test_a_process_that_is_killed_at_any_time_leaves_whole_files(tmp_path: Path) -> None:
    root, told = tmp_path / "results", plan(tmp_path)
    for turn in range(8):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, b"x")
                write_for_ever(root, told)
            finally:
                os._exit(1)
        os.read(reading, 1)
        os.close(reading)
        os.close(writing)
        signal.sigtimedwait([], 0.013 * turn + 0.02)  # somewhere in its work
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for path in root.rglob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
    assert len(read_deployments(root)) == 1


def test_events_of_the_day_are_gone_on_with_and_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    root, told = tmp_path / "results", plan(tmp_path)
    for number in range(3):
        folder = LiveFolder(root, ResultSettings())
        view = folder.deploy(told, NOW_NS, "L-1", fresh=False)
        folder.write(batch(number))
        path = root / view.folder / "L-1-2013-10-07-order-events.json"
        assert len(json.loads(path.read_text())) == number + 1
    path.write_text("[{")
    folder = LiveFolder(root, ResultSettings())
    folder.deploy(told, NOW_NS, "L-1", fresh=False)
    folder.write(batch(9))
    assert [row["orderId"] for row in json.loads(path.read_text())] == [10]
    assert path.with_suffix(".damaged").read_text() == "[{"


def test_other_parameters_are_another_deployment_and_the_same_again_is_the_same(tmp_path: Path) -> None:
    root = tmp_path / "results"
    seen = []
    for number, parameters in enumerate(({"n": "1"}, {"n": "1"}, {"n": "2"}, {"n": "1"})):
        folder = LiveFolder(root, ResultSettings())
        seen.append(folder.deploy(plan(tmp_path, **parameters), NOW_NS, f"L-{number}", fresh=False).id)
    assert seen == ["L-0", "L-0", "L-2", "L-3"]
    assert len({row.view.folder for row in read_deployments(root)}) == 3


def test_the_copy_of_the_code_holds_what_the_algorithm_imports_and_no_state(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in {
        "algo.py": "import helpers.signals\nfrom tools import other\nfrom AlgorithmImports import *\n",
        "helpers/__init__.py": "", "helpers/signals.py": "from . import deep\nimport deeper\n",
        "tools/__init__.py": "", "tools/other.py": "", "helpers/deep.py": "",
        "deeper.py": "import algo\n", "unused.py": "",
    }.items():  # fmt: skip
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    found = {str(path.relative_to(project)) for path in code_of(project / "algo.py")}
    assert found == {"algo.py", "helpers/__init__.py", "helpers/deep.py", "helpers/signals.py",
                     "tools/__init__.py", "tools/other.py", "deeper.py"}  # fmt: skip
    (project / "main.py").write_text("")
    (project / "state").mkdir()
    (project / "state" / "tokens.json").write_text("{}")
    names = {path.name for path in code_of(project / "main.py", without=(project / "state",))}
    assert "unused.py" in names and "tokens.json" not in names


def test_a_chart_with_any_name_has_a_file(tmp_path: Path) -> None:
    assert safe_name("A/B c%") == "A-B%20c%25"
    assert len(safe_name("\U0001f600" * 4000)) <= 100 and "/" not in safe_name("../../etc/passwd")


def test_the_wire_form_of_history_is_text(tmp_path: Path) -> None:
    root, told = tmp_path / "results", plan(tmp_path)
    folder = LiveFolder(root, ResultSettings())
    folder.deploy(told, NOW_NS, "L-1", fresh=False)
    made = batch(1)
    folder.write(made)
    again = LiveFolder(root, ResultSettings()).load()
    assert again is not None and again == made.history and encode_hook(SPY) == SPY.text


def test_what_is_no_deployment_of_ours_is_neither_removed_nor_counted(tmp_path: Path) -> None:
    root, limits = tmp_path / "results", ResultSettings(keep_deployments=1, max_mb=16)
    mine = root / "2020-01-01_notes"
    mine.mkdir(parents=True)
    (mine / "large").write_bytes(b"x" * (17 << 20))
    folder, told = LiveFolder(root, limits), plan(tmp_path)
    first = folder.deploy(told, NOW_NS, "L-1", fresh=True)
    second = folder.deploy(told, NOW_NS + 10**10, "L-2", fresh=True)
    assert (mine / "large").is_file() and (root / second.folder).is_dir()
    assert not (root / first.folder).exists(), "one is kept"


def test_what_cannot_be_read_is_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, read = tmp_path / "project", Path.iterdir
    for name in ("theirs", "mine", "many/more"):
        (project / name).mkdir(parents=True)
        (project / name / "part.py").write_text("")
    (project / "main.py").write_text("")
    os.mkfifo(project / "pipe.txt")  # reading it would wait for ever

    def refused(folder: Path) -> Iterator[Path]:
        if folder.name == "theirs":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return read(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    found = [str(path.relative_to(project)) for path in code_of(project / "main.py")]
    assert found == ["main.py", "many/more/part.py", "mine/part.py"]
    monkeypatch.setattr(code_copy, "MAX_FOLDERS", 2)
    assert [path.name for path in code_of(project / "main.py")] == ["main.py"]
