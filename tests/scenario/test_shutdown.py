"""Signals and the settings about the end: what becomes of the account."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livetrader.gateway.latch import Latch
from tests.scenario.daemons import Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

HOLDER = """
from AlgorithmImports import *
import time


class Holder(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.train(self.fit)

    def fit(self):
        self.log("fitted")

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.spy, 10)
            self.limit_order(self.spy, 1, 1.0)

    def on_end_of_algorithm(self):
        self.log("farewell")
"""

IDLE = """
from AlgorithmImports import *


class Idle(QCAlgorithm):
    def initialize(self):
        self.add_equity("SPY", Resolution.MINUTE)
"""

Make = Callable[[dict[str, dict[str, object]]], Daemon]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    made: list[Daemon] = []

    def start(sections: dict[str, dict[str, object]]) -> Daemon:
        daemon = Daemon(tmp_path, HOLDER, sections)
        made.append(daemon)
        daemon.start()
        daemon.until(lambda: daemon.status() and daemon.holdings(), "a position")
        return daemon

    yield start
    for daemon in made:
        daemon.close()


def test_sigusr1_is_the_kill_switch(make: Make) -> None:
    daemon = make({})
    daemon.send(signal.SIGUSR1)
    daemon.until(daemon.is_flat, "a flat account")
    assert daemon.status()["kill_switch"]["source"] == "signal"
    assert daemon.holdings() == []


def test_stopping_may_liquidate_where_the_operator_said_so(make: Make) -> None:
    daemon = make({"daemon": {"on_shutdown": "liquidate"}})
    daemon.send(signal.SIGTERM)
    assert daemon.wait() == 0, daemon.tail()
    daemon.start()
    daemon.until(daemon.is_flat, "the latched daemon")
    assert daemon.holdings() == []


def test_stopping_may_cancel_and_keep_the_position(make: Make) -> None:
    daemon = make({"daemon": {"on_shutdown": "cancel"}})
    daemon.until(lambda: (daemon.status() or {}).get("open_orders") == 1, "a working order")
    daemon.send(signal.SIGTERM)
    assert daemon.wait() == 0, daemon.tail()
    assert "farewell" in daemon.log.read_text(), "the algorithm was told"
    daemon.start()
    daemon.until(lambda: (daemon.status() or {}).get("state") == "running", "the next daemon")
    code, orders = daemon.request("GET", "/v1/orders?limit=10")
    assert code == 200
    assert "canceled" in [order["status"] for order in orders]
    assert daemon.holdings()[0]["quantity"] == "10"


PROTECTED = HOLDER.replace(
    "            self.limit_order(self.spy, 1, 1.0)\n",
    "            self.limit_order(self.spy, 1, 1.0)\n"
    "            self.stop_market_order(self.spy, -10, 1.0)\n"
    "            self.limit_order(self.spy, -10, 100000.0)\n",
)


@pytest.mark.parametrize(
    ("on_shutdown", "left"),
    [
        ("keep", ["-10 limit", "-10 stop_market", "1 limit"]),
        ("cancel_entries", ["-10 limit", "-10 stop_market"]),
    ],
)
def test_a_stop_leaves_the_orders_that_protect_a_position_alone(
    tmp_path: Path, on_shutdown: str, left: list[str]
) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    daemon = Daemon(tmp_path, PROTECTED, {"daemon": {"on_shutdown": on_shutdown}})
    daemon.start()
    try:
        daemon.until(lambda: (daemon.status() or {}).get("open_orders") == 3, "three working orders")
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.tail()
        (tmp_path / "main.py").write_text(IDLE)
        daemon.start()
        daemon.until(lambda: (daemon.status() or {}).get("state") == "running", "the next daemon")
        code, orders = daemon.request("GET", "/v1/orders?limit=10")
        assert code == 200
        working = sorted(f"{order['quantity']} {order['type']}" for order in orders if order["open"])
        assert working == left
        assert daemon.holdings()[0]["quantity"] == "10"
    finally:
        daemon.close()


def test_a_stop_lets_a_liquidation_under_way_end_flat(make: Make) -> None:
    daemon = make({"brokerage": {"wire_delay_ms": [700, 900]}})  # the liquidation order takes its time
    daemon.liquidate()
    daemon.send(signal.SIGTERM)
    assert daemon.wait() == 0, daemon.tail()
    latch = Latch(daemon.state / "kill.latch").read()
    assert latch is not None and latch.flat, "not left half done"
    daemon.start()
    daemon.until(daemon.is_flat, "the latched daemon")
    assert daemon.holdings() == []


def test_halt_refuses_orders_and_resume_allows_them_again(make: Make) -> None:
    daemon = make({})
    code, _ = daemon.request("POST", "/v1/halt", {"reason": "scenario"})
    assert code in (200, 202)
    assert daemon.status()["state"] == "halted"
    code, ready = daemon.request("GET", "/ready")
    assert (code, "halted" in ready["reasons"]) == (503, True)
    code, _ = daemon.request("POST", "/v1/resume", {"reason": "scenario"})
    assert code in (200, 202)
    assert daemon.status()["state"] == "running"


def test_training_is_visible_to_the_operator(make: Make) -> None:
    daemon = make({"training": {"server_mb": 512}})
    daemon.until(lambda: daemon.request("GET", "/v1/training")[1]["ready"], "a trained model")
    code, training = daemon.request("GET", "/v1/training")
    assert code == 200
    assert training["bucket_capacity_minutes"] == 30.0
    assert [job["state"] for job in training["jobs"]] == ["ready"]


def test_an_empty_bucket_defers_training_and_trading_goes_on(make: Make) -> None:
    daemon = make({"training": {"capacity_minutes": 0, "refill_minutes": 0}})
    code, training = daemon.request("GET", "/v1/training")
    assert code == 200
    assert [job["state"] for job in training["jobs"]] == ["deferred"]
    assert "bucket is empty" in training["jobs"][0]["message"]
    assert daemon.status()["engine"]["state"] == "running"


def test_an_algorithm_that_quits_ends_the_daemon_and_keeps_the_position(tmp_path: Path) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    algorithm = HOLDER.replace(
        "            self.limit_order(self.spy, 1, 1.0)\n", "        else:\n            self.quit('enough')\n"
    )
    daemon = Daemon(tmp_path, algorithm)
    daemon.start()
    try:
        assert daemon.wait() == 0, daemon.tail()
    finally:
        daemon.close()
    log = daemon.log.read_text()
    assert "the algorithm ended: enough" in log
    assert not (daemon.state / "kill.latch").exists()
