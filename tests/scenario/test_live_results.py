"""A real daemon's results: LEAN's files while it trades, over a kill -9 and a restart."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.daemons import Daemon, write_market

ALGORITHM = """
from AlgorithmImports import *


class Held(QCAlgorithm):
    def initialize(self):
        self.set_cash(100_000)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.set_benchmark(lambda time: 42.0)
        self.bars = 0

    def on_data(self, data):
        self.bars += 1
        self.plot("Mine", "bars", self.bars)
        self.log(f"bar {self.bars}")
        self.market_order(self.spy, 10 if self.portfolio[self.spy].quantity <= 0 else -10)
"""


def deployments(daemon: Daemon) -> list[Any]:
    path = daemon.state / "results" / "deployments.json"
    return [row["view"] for row in json.loads(path.read_bytes())] if path.exists() else []


def whole(folder: Path) -> dict[str, Any]:
    """Return every JSON file of a folder by name; fails where one is not whole."""
    return {path.name: json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_results_go_on_after_a_kill_and_every_file_is_whole(tmp_path: Path) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0 + minute % 7)
    daemon = Daemon(tmp_path, ALGORITHM, {"feed": {"speed": 600.0}})
    try:
        daemon.start()
        history = daemon.state / "results" / "history.json"
        daemon.until(history.exists, "something to go on with", 60.0)
        daemon.send(signal.SIGKILL)
        daemon.wait()
        (first,) = deployments(daemon)
        whole(daemon.state / "results")
        daemon.start()
        daemon.until(lambda: deployments(daemon)[0]["starts"] == 2, "the second start", 60.0)
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.tail()
    finally:
        daemon.close()
    (view,) = deployments(daemon)
    assert (view["id"], view["algorithm"], view["starts"]) == (first["id"], "Held", 2)
    files = whole(daemon.state / "results" / view["folder"])
    result = files[f"{view['id']}.json"]
    assert result["state"]["Status"] == "Stopped" and len(result["orders"]) > 20
    assert result["charts"]["Benchmark"]["series"]["Benchmark"]["values"][-1][1] == 42.0
    assert result["charts"]["Mine"]["series"]["bars"]["values"]
    closed = result["totalPerformance"]["closedTrades"]
    sold = [order for order in result["orders"].values() if order["quantity"] < 0 and order["status"] == 3]
    assert len(closed) == len(sold), "trades of before the kill count, too"
    (events,) = [rows for name, rows in files.items() if name.endswith("order-events.json")]
    assert {row["algorithmId"] for row in events} == {view["id"]}
