"""The folder that a backtest leaves: all files that LEAN leaves, of one run, however the run ended."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader.offline.backtest import BacktestRequest, run_backtest
from livetrader.offline.project import default_output
from tests.conftest import Deadline
from tests.parity.conftest import Backtest

TRADES = """
class Trades(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.fail = self.get_parameter("fail", "")

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.spy, 100, tag="in")
            self.limit_order(self.spy, -100, self.securities[self.spy].price * 2, "far")
        if self.time.day == 8:
            if self.fail:
                raise ValueError(self.fail)
            self.log("Tuesday")
"""
HALF = """
class Half(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 7)
        self.set_name("name \\ud83d")
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        for tell in (self.log, self.debug, self.error):
            tell("line \\ud83d")
        self.plot("chart \\ud83d", "series \\ud83d", 3)
        self.set_runtime_statistic("name \\ud83d", "value \\ud83d")
        self.object_store.save("half", "text \\ud83d")

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.spy, 100, tag="tag \\ud83d")

    def on_end_of_algorithm(self):
        raise ValueError("error \\ud83d")
"""
FILES = {
    "Trades.json", "Trades-summary.json", "Trades-order-events.json", "Trades-log.txt", "log.txt",
    "orders.csv", "summary.json", "config", "code",
}  # fmt: skip
STAMPED = ("data-monitor-report-", "succeeded-data-requests-", "failed-data-requests-")


def contents(folder: Path) -> dict[str, Any]:
    """Return every JSON file of the folder by its name without the time stamp."""
    found = {}
    for path in folder.iterdir():
        if path.suffix == ".json" or path.name == "config":
            name = path.name.partition("-2")[0] if path.name.startswith(STAMPED) else path.name
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_all_files_of_the_seeds_are_there_and_agree(backtest: Backtest) -> None:
    run = backtest(TRADES)
    names = {path.name for path in run.folder.iterdir() if path.name != "object_store"}
    stamped = {name for name in names if name.startswith(STAMPED)}
    assert names - stamped == FILES
    assert sorted(name.rstrip("0123456789.jsontx") for name in stamped) == sorted(STAMPED)
    found = contents(run.folder)
    whole, summary = found["Trades.json"], found["Trades-summary.json"]
    assert list(whole) == [
        "rollingWindow", "charts", "orders", "profitLoss", "statistics", "runtimeStatistics", "state",
        "serverStatistics", "algorithmConfiguration", "totalPerformance",
    ]  # fmt: skip
    assert found["summary.json"] == {
        "status": "Completed",
        "data_points": run.result.data_points,
        "history_data_points": 0,
        "statistics": run.result.statistics,
    }
    assert whole["statistics"] == summary["statistics"] == run.result.statistics
    assert list(run.result.statistics)[-1] == "OrderListHash"
    assert whole["state"]["Status"] == "Completed"
    assert whole["state"]["OrderCount"] == "2"
    assert whole["algorithmConfiguration"]["startDate"] == "2013-10-07T00:00:00Z"
    assert whole["algorithmConfiguration"]["endDate"] == "2013-10-11T23:59:59Z"
    assert list(summary["charts"]) == ["Strategy Equity"]
    assert whole["runtimeStatistics"]["Fees"] == "-$1.00", "100 shares cost the minimum fee"
    assert found["config"]["id"] == "Trades"
    assert (run.folder / "code" / "algorithm1.py").read_text(encoding="utf-8").endswith(TRADES)


def test_order_events_and_the_list_of_orders_tell_the_same_story(backtest: Backtest) -> None:
    run = backtest(TRADES)
    events = contents(run.folder)["Trades-order-events.json"]
    assert [(event["orderId"], event["orderEventId"], event["status"]) for event in events] == [
        (1, 1, "submitted"),
        (1, 2, "filled"),
        (2, 1, "submitted"),
    ]
    assert events[1]["id"] == "Trades-1-2"
    with (run.folder / "orders.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["Time"], first["Type"], first["Status"]) == ("2013-10-07T13:31:00Z", "Market", "Filled")
    assert float(first["Value"]) == pytest.approx(100 * events[1]["fillPrice"], rel=1e-6)
    assert (second["Type"], second["Quantity"], second["Price"], second["Tag"]) == (
        "Limit",
        "-100",
        "0",
        "far",
    )


def test_the_algorithms_log_is_told_in_its_own_time_zone(backtest: Backtest) -> None:
    run = backtest(TRADES)
    own = (run.folder / "Trades-log.txt").read_text(encoding="utf-8").splitlines()
    assert own[0] == "2013-10-08 09:31:00 Tuesday"
    assert run.log[0] == "2013-10-08T13:31:00Z LOG Tuesday"


def test_an_error_of_the_algorithm_leaves_a_whole_folder(backtest: Backtest) -> None:
    run = backtest(TRADES, fail="mine")
    found = contents(run.folder)
    assert run.result.status == found["summary.json"]["status"] == "RuntimeError"
    state = found["Trades.json"]["state"]
    assert (state["Status"], state["RuntimeError"]) == ("RuntimeError", "ValueError: mine")
    assert "in on_data" in state["StackTrace"]
    assert {path.name for path in run.folder.iterdir()} >= FILES
    assert not list(run.folder.glob("*.part"))


def test_a_second_run_in_the_same_folder_leaves_only_its_own_files(
    backtest: Backtest, lean_data: Path
) -> None:
    run = backtest(TRADES)
    other = run.folder.parent / "other.py"
    text = "from AlgorithmImports import *\n" + TRADES.replace("Trades", "Other")
    other.write_text(text, encoding="utf-8")
    run_backtest(BacktestRequest(other, lean_data, run.folder))
    assert not list(run.folder.glob("Trades*"))
    assert len(list(run.folder.glob("data-monitor-report-*"))) == 1


@pytest.fixture
def damaged(lean_data: Path, tmp_path: Path) -> Path:
    """Return a data folder with two days of SPY minutes: one zip is no zip, one has a bad row."""
    folder = tmp_path / "data"
    for name in ("market-hours", "symbol-properties"):
        shutil.copytree(lean_data / name, folder / name)
    minutes = folder / "equity/usa/minute/spy"
    minutes.mkdir(parents=True)
    for day in ("20131007", "20131008"):
        for kind in ("trade", "quote"):
            shutil.copy(lean_data / f"equity/usa/minute/spy/{day}_{kind}.zip", minutes)
    (minutes / "20131007_trade.zip").write_bytes(b"no zip at all")
    bad = minutes / "20131008_trade.zip"
    with zipfile.ZipFile(bad) as archive:
        name = archive.namelist()[0]
        rows = archive.read(name).decode().splitlines()
    rows[400] = "not,a,row"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr(name, "\n".join(rows))
    return folder


def test_damaged_and_missing_data_are_named_counted_and_left_out(
    backtest: Backtest, damaged: Path, tmp_path: Path
) -> None:
    path = tmp_path / "algorithm_reads.py"
    path.write_text("from AlgorithmImports import *\n" + TRADES, encoding="utf-8")
    output = tmp_path / "result"
    result = run_backtest(BacktestRequest(path, damaged, output))
    assert result.status == "Completed"
    failed = next(output.glob("failed-data-requests-*.txt")).read_text(encoding="utf-8").splitlines()
    minutes = "equity/usa/minute/spy/"
    assert {f"{minutes}20131007_trade.zip", f"{minutes}20131008_trade.zip"} < set(failed)
    assert f"{minutes}20131009_quote.zip" in failed
    found = next(output.glob("succeeded-data-requests-*.txt")).read_text(encoding="utf-8").splitlines()
    assert f"{minutes}20131008_quote.zip" in found
    report = json.loads(next(output.glob("data-monitor-report-*.json")).read_text(encoding="utf-8"))
    assert report["failed-data-requests-count"] == len(failed) == result.failed_data_requests
    assert report["succeeded-data-requests-count"] == len(found)
    log = (output / "log.txt").read_text(encoding="utf-8")
    assert "20131007_trade.zip is left out: not a readable zip archive" in log
    assert "20131008_trade.zip is left out: row 401 cannot be read: 'not,a,row'" in log
    assert "there is no " in log


def test_results_go_beside_the_algorithm_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    now = datetime(2026, 3, 4, 15, 6, 7)  # noqa: DTZ001 — a name for people
    first = default_output(file, now)
    assert first == tmp_path / "backtests" / "2026-03-04_15-06-07"
    first.mkdir(parents=True)
    assert default_output(file, now).name == "2026-03-04_15-06-07-2"


def test_a_project_is_copied_without_its_results_and_environments(
    backtest: Backtest, lean_data: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for name in ("models", "backtests", ".git", "venv", "__pycache__"):
        (project / name).mkdir(parents=True)
    (project / "venv/pyvenv.cfg").write_text("")
    for name in ("models/net.py", "backtests/old.py", ".git/hook.py", "venv/site.py", "notes.md", "data.bin"):
        (project / name).write_text("x = 1\n")
    main = project / "main.py"
    main.write_text("from AlgorithmImports import *\n" + TRADES, encoding="utf-8")
    output = project / "backtests" / "now"
    run_backtest(BacktestRequest(main, lean_data, output, end=None))
    copied = {path.relative_to(output / "code").as_posix() for path in (output / "code").rglob("*.*")}
    assert copied == {"main.py", "notes.md", "models/net.py"}


SLOW = """
from pathlib import Path

class Trades(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.minutes = 0

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.spy, 100)
        self.minutes += 1
        if self.minutes == 100:
            here = Path(__file__).parent
            (here / "reached").touch()
            while not (here / "go on").exists():
                pass
"""


STUBBORN = SLOW.replace(
    '(here / "reached").touch()',
    "import signal; signal.raise_signal(signal.SIGINT); signal.raise_signal(signal.SIGINT)",
)


@pytest.mark.parametrize(
    ("text", "number", "code"),
    [(SLOW, signal.SIGINT, 130), (SLOW, signal.SIGTERM, 143), (STUBBORN, None, 130)],
)
def test_a_signal_leaves_a_whole_partial_result(
    lean_data: Path, tmp_path: Path, deadline: Deadline, text: str, number: signal.Signals | None, code: int
) -> None:
    algorithm = tmp_path / "slow.py"
    algorithm.write_text("from AlgorithmImports import *\n" + text, encoding="utf-8")
    output = tmp_path / "result"
    process = subprocess.Popen(
        [sys.executable, "-m", "livetrader", "backtest", str(algorithm), "--data-folder", str(lean_data),
         "--output", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if number is not None:
        deadline.until(lambda: (tmp_path / "reached").exists() or process.poll() is not None, "the algorithm")
        os.kill(process.pid, number)
        (tmp_path / "go on").touch()
    shown, told = process.communicate(timeout=15)
    assert process.returncode == code, told
    assert "Stopped" in shown
    found = contents(output)
    assert found["summary.json"]["status"] == found["Trades.json"]["state"]["Status"] == "Stopped"
    assert found["summary.json"]["statistics"]["Total Orders"] == "1"
    assert len(found["Trades-order-events.json"]) == 2
    assert {path.name for path in output.iterdir()} >= FILES
    assert not list(output.glob("*.part"))


def test_the_command_prints_json_and_names_the_folder(lean_data: Path, tmp_path: Path) -> None:
    algorithm = tmp_path / "main.py"
    algorithm.write_text("from AlgorithmImports import *\n" + TRADES, encoding="utf-8")
    words = [
        "backtest", str(algorithm), "--data-folder", str(lean_data), "--json", "--quiet",
        "--name", "first try", "--start", "2013-10-09", "--end", "2013-10-09", "--cash", "50000",
    ]  # fmt: skip
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["status"], result["statistics"]["Start Equity"]) == ("Completed", "50000")
    folder = Path(result["folder"])
    assert folder.parent == tmp_path / "backtests"
    whole = contents(folder)["Trades.json"]
    assert whole["algorithmConfiguration"]["name"] == "first try"
    assert whole["algorithmConfiguration"]["startDate"] == "2013-10-09T00:00:00Z"


def test_a_reader_that_goes_away_does_not_end_the_run(lean_data: Path, tmp_path: Path) -> None:
    algorithm = tmp_path / "main.py"
    algorithm.write_text("from AlgorithmImports import *\n" + TRADES, encoding="utf-8")
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", "backtest", str(algorithm), "--data-folder", str(lean_data),
         "--output", str(tmp_path / "result")],
        stdout=subprocess.DEVNULL, stderr=write_end, timeout=60, check=False,
    )  # fmt: skip
    os.close(write_end)
    assert done.returncode == 0
    assert contents(tmp_path / "result")["summary.json"]["status"] == "Completed"


def test_half_a_character_is_written_as_the_sign_for_none(backtest: Backtest) -> None:
    run = backtest(HALF)
    assert run.result.error.endswith("ValueError: error \ufffd\n")
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    assert log.count("line \ufffd") == 3
    found = contents(run.folder)
    assert found["config"]["backtest-name"] == "name \ufffd"
    assert "chart \ufffd" in found["Half.json"]["charts"]
    assert found["Half.json"]["runtimeStatistics"]["name \ufffd"] == "value \ufffd"
    assert (run.folder / "object_store" / "half").read_text(encoding="utf-8") == "text \ufffd"
    assert ",tag \ufffd" in (run.folder / "orders.csv").read_text(encoding="utf-8")
