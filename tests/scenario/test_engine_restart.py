"""An engine process that dies is replaced; account, feed and brokerage session do not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.daemons import Daemon, alive, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

RESTART_LIMIT_S = 3.0  # from SIGKILL to trading again, without warm-up

TRADER = """
from AlgorithmImports import *


class Trader(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol

    def on_data(self, data):
        self.market_order(self.spy, 1)
"""


@pytest.fixture
def lockstep() -> bool:
    """Whether the replay waits for the engine; a test that wants it says so."""
    return False


@pytest.fixture
def daemon(tmp_path: Path, lockstep: bool) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    made = Daemon(tmp_path, TRADER, {"engine": {"restarts": 1000}, "feed": {"lockstep": lockstep}})
    yield made
    made.close()


def fills(daemon: Daemon) -> int:
    code, answer = daemon.request("GET", "/v1/orders?limit=500")
    assert code == 200, answer
    return sum(1 for order in answer if order["status"] == "filled")


@pytest.mark.parametrize("lockstep", [False, True], ids=["free", "lockstep"])
def test_a_killed_engine_trades_again_within_the_same_brokerage_session(daemon: Daemon) -> None:
    daemon.start()
    daemon.until(lambda: daemon.status() and fills(daemon) >= 2, "the first fills")
    before = daemon.status()
    pid = before["engine"]["pid"]
    held = float(daemon.holdings()[0]["quantity"])
    os.kill(pid, signal.SIGKILL)
    daemon.until(lambda: not alive(pid), "its end")
    known = fills(daemon)
    took_s = daemon.until(lambda: fills(daemon) > known, "trading again")
    after = daemon.status()
    assert took_s < RESTART_LIMIT_S
    assert after["engine"]["pid"] not in (pid, None)
    assert after["engine"]["restarts"] == 1
    assert after["brokerage_session_id"] == before["brokerage_session_id"]
    assert float(daemon.holdings()[0]["quantity"]) > held
    assert float(daemon.holdings()[0]["quantity"]) == fills(daemon)


def test_the_engine_dies_with_a_killed_supervisor_and_the_next_one_goes_on(daemon: Daemon) -> None:
    daemon.start()
    daemon.until(lambda: daemon.status() and fills(daemon) >= 1, "the first fill")
    engine = daemon.engine_pid()
    daemon.send(signal.SIGKILL)
    daemon.wait()
    daemon.until_gone(engine)
    daemon.start()
    known = daemon.until(
        lambda: daemon.status() and daemon.status()["state"] == "running", "a running daemon"
    )
    assert known >= 0
    held = float(daemon.holdings()[0]["quantity"])
    assert held == fills(daemon)
    daemon.until(lambda: fills(daemon) > held, "trading again")


WARMER = """
from AlgorithmImports import *

import os, signal, time  # after LEAN's names: one of them is a time of day

BAR_S = 0.1  # at the speed of the test


class Warmer(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.set_warm_up(5, Resolution.MINUTE)
        self.bars = 0

    def on_data(self, data):
        with open("{bars}", "a") as bars:
            bars.write(f"{{self.time:%H:%M}} {{self.is_warming_up}}\\n")
        if not self.is_warming_up:
            self.bars += 1
            if self.bars == {stop_at}:
                os.kill(os.getppid(), signal.SIGTERM)  # in the midst of a step, and its order follows
                time.sleep(BAR_S)
            self.market_order(self.spy, 1)

    def on_end_of_algorithm(self):
        time.sleep(3 * BAR_S)  # the next bars are due while it lasts
"""


@pytest.mark.parametrize("stop_at", [0, 8], ids=["from outside", "within a step"])
def test_the_bar_at_which_a_daemon_stopped_is_past_for_the_next_one(tmp_path: Path, stop_at: int) -> None:
    """It ends exactly where live data goes on: the warm-up has it, nobody trades on it a second time."""
    write_market(tmp_path / "data", lambda minute: 300.0)
    bars = tmp_path / "bars"
    feed: dict[str, object] = {"lockstep": True, "speed": 600.0}
    daemon = Daemon(tmp_path, WARMER.format(bars=bars, stop_at=stop_at), {"feed": feed})
    runs: list[list[tuple[str, bool]]] = []
    try:
        for _ in range(2):
            daemon.start()
            if not stop_at:
                daemon.until(
                    lambda: daemon.status() and bars.exists() and _live(bars) >= 8, "eight live bars"
                )
                daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0, daemon.tail()
            runs.append(_bars(bars))
            bars.unlink()
    finally:
        daemon.close()
    first, second = runs
    seen = [time for time, warming in first if not warming]
    past = [time for time, warming in second if warming]
    present = [time for time, warming in second if not warming]
    assert past == seen[-5:], "history ends with the bar that was traded on last"
    assert not set(present) & set(seen), "no bar is traded on twice"
    assert _minutes(present[0]) == _minutes(seen[-1]) + 1, "none is lost"
    assert "order_denied" not in daemon.log.read_text()


def _bars(path: Path) -> list[tuple[str, bool]]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(time, warming == "True") for time, warming in lines]


def _live(path: Path) -> int:
    return sum(1 for _, warming in _bars(path) if not warming)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def test_sigterm_keeps_the_position_and_ends_in_good_order(daemon: Daemon) -> None:
    daemon.start()
    daemon.until(lambda: daemon.status() and fills(daemon) >= 1, "the first fill")
    engine = daemon.engine_pid()
    daemon.send(signal.SIGTERM)
    assert daemon.wait() == 0
    assert not alive(engine)
    assert not (daemon.state / "kill.latch").exists()
    daemon.start()
    daemon.until(lambda: daemon.status() and daemon.holdings(), "the position that was kept")


def test_a_second_daemon_on_the_same_account_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    daemon.until(daemon.status, "the first daemon")
    second = Daemon(tmp_path, TRADER)
    second.start()
    try:
        assert second.wait() == 4
    finally:
        second.close()
    assert daemon.status() is not None


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("def broken(:\n", "main.py"),
        (
            "from AlgorithmImports import *\nclass A(QCAlgorithm):\n    def initialize(self):\n"
            "        1 / 0\n",
            "ZeroDivisionError",
        ),
        (
            "from AlgorithmImports import *\nclass A(QCAlgorithm):\n    def initialize(self):\n"
            "        raise SystemExit(0)\n",
            "SystemExit",
        ),
        ("from AlgorithmImports import *\nimport os\nos._exit(0)\n", "did not start"),
    ],
    ids=["import", "syntax", "initialize", "sys.exit", "os._exit"],
)
def test_an_algorithm_that_cannot_start_is_its_authors_business(
    tmp_path: Path, algorithm: str, told: str
) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    daemon = Daemon(tmp_path, algorithm)
    daemon.start()
    try:
        assert daemon.wait() == 3
    finally:
        daemon.close()
    log = daemon.log.read_text()
    assert told in log
    assert "/livetrader_lean/" not in log
    assert "/livetrader/worker/" not in log


def test_what_only_fails_later_is_restarted_until_the_budget_is_spent_then_liquidated(tmp_path: Path) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    algorithm = TRADER + "        raise ValueError('my own mistake')\n"
    daemon = Daemon(tmp_path, algorithm, {"engine": {"restarts": 2}})
    daemon.start()
    try:
        daemon.until(daemon.is_flat, "a flat account")
        status = daemon.status()
        assert status["kill_switch"]["source"] == "restarts"
        assert status["engine"]["restarts"] == 2
        assert "my own mistake" in status["engine"]["last_failure"]
        assert daemon.holdings() == []
    finally:
        daemon.close()


@pytest.mark.parametrize("then", ["halt", "exit"])
def test_a_spent_budget_may_halt_or_end_the_daemon_and_keeps_the_position(tmp_path: Path, then: str) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    algorithm = (
        TRADER + "        if self.portfolio.invested:\n            raise ValueError('my own mistake')\n"
    )
    daemon = Daemon(tmp_path, algorithm, {"engine": {"restarts": 1, "on_restarts_spent": then}})
    daemon.start()
    try:
        if then == "exit":
            assert daemon.wait() == 1, daemon.tail()
            assert "my own mistake" in daemon.log.read_text()
        else:
            daemon.until(lambda: (daemon.status() or {}).get("state") == "halted", "a halted daemon")
            status = daemon.status()
            assert status["halted"] and not status["kill_switch"]["latched"]
            assert status["engine"]["state"] == "given_up"
            assert "my own mistake" in status["engine"]["last_failure"]
            assert daemon.holdings(), "a halt sells nothing"
        assert not (daemon.state / "kill.latch").exists()
    finally:
        daemon.close()
