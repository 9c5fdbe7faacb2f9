"""The object store in whole runs: shared between backtests, and between a daemon and others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader.offline.backtest import BacktestRequest, run_backtest
from livetrader.store.local import FileObjectStore
from livetrader.store.options import StoreOptions
from tests.conftest import Deadline
from tests.parity.test_quit_live import CONFIGURATION

COUNTING = """
from AlgorithmImports import *

class Counting(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 8)
        store = self.object_store
        runs = store.read_json("runs") if store.contains_key("runs") else 0
        store.save_json("runs", runs + 1)
        path = store.get_file_path("nets/net.bin")
        with open(path, "wb") as file:
            file.write(b"net")
        assert store.save("nets/net.bin")
        self.log(f"run {runs + 1} sees {store.keys()}")
"""


def backtest(folder: Path, data: Path, *words: str) -> str:
    """Run the counting algorithm of a folder; return its log."""
    (folder / "algorithm.py").write_text(COUNTING)
    output = folder / "result"
    line = ["backtest", str(folder / "algorithm.py"), "--data", str(data), "--output", str(output), *words]
    done = CliRunner().invoke(cli, line)
    assert done.exit_code == 0, done.output
    return (output / "log.txt").read_text()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder in a workspace; commands are typed elsewhere."""
    folder = tmp_path / "workspace" / "project"
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in ("LIVETRADER_OBJECT_STORE", "LIVETRADER_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_without_a_storage_folder_each_run_folder_has_its_own(project: Path, lean_data: Path) -> None:
    assert "run 1 sees ['nets/net.bin', 'runs']" in backtest(project, lean_data)
    assert FileObjectStore(project / "result" / "object_store").read("nets/net.bin") == b"net"


@pytest.mark.parametrize("place", ["project/storage", "storage"])
def test_a_storage_folder_is_shared_by_runs(project: Path, lean_data: Path, place: str) -> None:
    storage = project.parent / place
    storage.mkdir()
    backtest(project, lean_data)
    assert "run 2" in backtest(project, lean_data)
    assert FileObjectStore(storage).read("runs") == b"2"
    assert not (project / "result" / "object_store").exists()


def test_a_named_store_and_project_are_used(project: Path, lean_data: Path, tmp_path: Path) -> None:
    store = FileObjectStore(tmp_path / "named")
    store.save("other/model", b"")
    log = backtest(project, lean_data, "--object-store", str(tmp_path / "named"), "--project", "momentum")
    assert "sees ['nets/net.bin', 'other/model', 'runs']" in log
    assert list(store.keys("momentum/")) == ["momentum/nets/net.bin", "momentum/runs"]


def test_a_remote_store_is_shared_by_runs(project: Path, lean_data: Path) -> None:
    url = "memory://parity/store"
    backtest(project, lean_data, "--object-store", url)
    assert "run 2 sees ['nets/net.bin', 'runs']" in backtest(project, lean_data, "--object-store", url)


WAITING = """
from AlgorithmImports import *
import time

class Waiting(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.object_store.error_raised += lambda store, args: self.log(f"heard {type(args.error).__name__}")
        self.log(f"large one saved: {self.object_store.save_bytes('large', bytes(6 * 1024 * 1024))}")

    def on_data(self, data):
        self.object_store.save("here", str(self.time))
        for _ in range(1500):
            self.object_store.clear()
            if self.object_store.contains_key("go"):
                break
            time.sleep(0.01)
        self.log(f"got {self.object_store.read('go')}")
        self.quit("done")
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_live_algorithm_shares_its_store_with_the_command_line(
    tmp_path: Path, lean_data: Path, deadline: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "algorithm.py").write_text(WAITING)
    configuration = tmp_path / "livetrader.toml"
    text = CONFIGURATION.format(folder=tmp_path, data=lean_data)
    configuration.write_text(text + '[object_store]\ntier = "free"\nproject = "waiting"\n')
    monkeypatch.delenv("LIVETRADER_OBJECT_STORE", raising=False)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "livetrader", "run", str(configuration)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ),
    )  # fmt: skip
    try:
        store = FileObjectStore(tmp_path / "state" / "object_store")
        deadline.until(lambda: store.contains("waiting/here"), "the algorithm's save", 30.0)
        assert not store.contains("waiting/large")
        typed = ["store", "put", "-", "go", "--config", str(configuration)]
        put = CliRunner().invoke(cli, typed, input="now")
        assert put.exit_code == 0, put.output
        told, _ = daemon.communicate(timeout=25)
    finally:
        daemon.kill()
        daemon.wait()
    assert daemon.returncode == 0, told[-2000:]
    assert "got now" in told
    assert "large one saved: False" in told
    assert "heard StoreFullError" in told
    assert "Object store: the object store would hold 6.0 MB" in told


STUBBORN = """
from AlgorithmImports import *

class Stubborn(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2012, 1, 1)
        self.set_end_date(2012, 12, 31)
        self.add_equity("SPY", Resolution.DAILY)

    def on_data(self, data):
        if not self.object_store.save("two", "words"):
            self.failures = getattr(self, "failures", 0) + 1

    def on_end_of_algorithm(self):
        self.log(f"failures {self.failures}")
"""


def test_trouble_with_the_store_at_every_step_is_told_ever_more_rarely(
    tmp_path: Path, lean_data: Path
) -> None:
    algorithm = tmp_path / "algorithm.py"
    algorithm.write_text(STUBBORN)
    result = run_backtest(
        BacktestRequest(
            path=algorithm,
            data_folder=lean_data,
            output=tmp_path / "result",
            object_store=StoreOptions(str(tmp_path / "store"), max_bytes=2),
        )
    )
    assert not result.error
    log = (tmp_path / "result" / "log.txt").read_text()
    assert "failures 254" in log  # 250 days and four dividends
    assert log.count("Object store:") == 8  # the failures 1, 2, 4 ... 128
