"""Operators and quotas around a live daemon: cancelled jobs, and a bucket that daemons share."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from livetrader.clocks import clock_mark
from livetrader.training.host_bucket import HostBucket
from livetrader_engine.limits import Quota
from tests.scenario.daemons import WAIT_S, Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LEARNER = """
from AlgorithmImports import *
import time


class Learner(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        for number in range(int(self.get_parameter("jobs"))):
            self.train(self.endless if self.get_parameter("endless") else self.fit)

    def endless(self):
        while True:
            time.sleep(0.01)

    def fit(self):
        self.log("fitted")

    def on_data(self, data):
        self.market_order(self.spy, 1)
"""


def shared(file: Path, capacity: float) -> dict[str, object]:
    return {"host_file": str(file), "host_capacity_minutes": capacity, "host_refill_minutes": 0.0}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Start daemons, each with an account of its own, and close them all."""
    made: list[Daemon] = []

    def begin(name: str, training: dict[str, object], **parameters: str) -> Daemon:
        folder = tmp_path / name
        write_market(folder / "data", lambda minute: 300.0)
        sections: dict[str, dict[str, object]] = {
            "training": training,
            "algorithm.parameters": {"jobs": "1", **parameters},
        }
        daemon = Daemon(folder, LEARNER, sections)
        made.append(daemon)
        daemon.start()
        daemon.until(lambda: jobs(daemon), "a training job")
        return daemon

    yield begin
    for daemon in made:
        daemon.close()


def training(daemon: Daemon) -> Any:
    try:
        code, answer = daemon.request("GET", "/v1/training")
    except (FileNotFoundError, ConnectionError):
        return None  # it has not begun to listen
    return answer if code == 200 else None


def jobs(daemon: Daemon) -> list[str]:
    return [job["state"] for job in (training(daemon) or {"jobs": ()})["jobs"]]


def livetrader(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livetrader", *words, "--state-directory", str(daemon.state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)


def bought(daemon: Daemon) -> float:
    return sum(float(holding["quantity"]) for holding in daemon.holdings())


def test_jobs_that_run_and_that_wait_are_cancelled_and_trading_goes_on(start: Any) -> None:
    daemon = start("one", {}, endless="1", jobs="3")
    daemon.until(lambda: jobs(daemon) == ["running", "pending", "pending"], "one that runs, two that wait")
    code, operation = daemon.request("POST", "/v1/training/2/cancel", {"reason": "not needed"})
    assert (code, operation["kind"]) == (202, "cancel training")
    daemon.until(lambda: jobs(daemon).count("cancelled") == 1, "the end of the one that waited")
    done = livetrader(daemon, "training", "cancel", "1", "--reason", "endless", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "done"), done.stderr
    daemon.until(lambda: jobs(daemon) == ["cancelled", "cancelled", "running"], "the next one")
    again = livetrader(daemon, "training", "cancel", "1")
    assert (again.returncode, "training job 1 is over: cancelled" in again.stderr) == (6, True)
    assert daemon.request("POST", "/v1/training/77/cancel", {})[0] == 404
    held = bought(daemon)
    daemon.until(lambda: bought(daemon) > held, "more trades")
    daemon.close()
    with closing(sqlite3.connect(daemon.state / "journal.sqlite3")) as journal:
        rows = journal.execute("SELECT body FROM record WHERE kind = 'audit' ORDER BY seq").fetchall()
    asked = [(entry["route"], entry["outcome"]) for entry in (json.loads(body) for (body,) in rows)]
    assert asked == [
        ("POST /v1/training/2/cancel", "202"),
        ("POST /v1/training/1/cancel", "202"),
        ("POST /v1/training/1/cancel", "409 refused"),
        ("POST /v1/training/77/cancel", "404 not_found"),
    ]


def test_a_damaged_shared_bucket_defers_training_until_it_is_mended_and_stops_nothing(
    start: Any, tmp_path: Path
) -> None:
    file = tmp_path / "host.json"
    file.write_text("this is no bucket")
    daemon = start("one", shared(file, 10.0))
    daemon.until(lambda: jobs(daemon) == ["deferred"], "a job that waits")
    view = daemon.status()["training"]
    assert str(file) in view["deferred"][0]["reason"] and "delete it" in view["deferred"][0]["reason"]
    assert "not a training bucket" in view["host"]["problem"]
    daemon.until(lambda: bought(daemon) > 0, "trades")
    assert daemon.status()["reasons"] == {}
    file.unlink()
    daemon.until(lambda: jobs(daemon) == ["ready"], "the training")
    daemon.until(lambda: daemon.status()["training"]["host"]["problem"] == "", "a usable bucket")
    assert daemon.status()["training"]["host"]["left_minutes"] == 10.0


def test_what_others_used_of_the_shared_bucket_defers_and_is_shown(start: Any, tmp_path: Path) -> None:
    file = tmp_path / "host.json"
    other = HostBucket(file, Quota(2.0, 0.0), clock_mark)  # another daemon of this machine
    assert other.take(2.0) is not None
    daemon = start("one", shared(file, 2.0))
    daemon.until(lambda: jobs(daemon) == ["deferred"], "a job that waits")
    view = daemon.status()["training"]
    assert view["deferred"][0]["reason"].startswith("the training bucket of this machine is empty")
    assert (view["host"]["left_minutes"], view["host"]["used_minutes"]) == (0.0, 2.0)
    assert view["bucket_level_minutes"] == 120.0, "its own has everything"
    shown = livetrader(daemon, "training")
    assert "0.0 of 2 minutes left, 2.0 used" in shown.stdout and "deferred" in shown.stdout
