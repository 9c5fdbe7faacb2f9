"""The table {crime} x {trigger}: whatever user code does, every row ends flat and latched.

The daemon, its engine process and the paper brokerage are real; the market is open and goes on. The
algorithm buys, commits its crime two bars later, and somebody wants out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from tests.scenario.daemons import Daemon, alive, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

FLAT_LIMIT_S = 1.0  # from the trigger to a verified flat account, over HTTP and from the command line

ALGORITHM = """
from AlgorithmImports import *
from pathlib import Path
import os, re, sys, threading, time


class Criminal(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.bars = 0

    def on_data(self, data):
        self.bars += 1
        if not self.portfolio.invested:
            self.market_order(self.spy, 300)
        elif self.bars >= 3:
            Path("{marker}").touch()
            self.crime()

    def crime(self):
{crime}
"""

CRIMES = {
    "regex": 're.match("(a+)+$", "a" * 64 + "!")',  # holds the interpreter for longer than anybody lives
    "deadlock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "flood": "while True:\n    self.limit_order(self.spy, 1, 1.0)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "exit": "sys.exit(0)",
    "memory": "hog = []\nwhile True:\n    hog.append(bytearray(b'x') * 20_000_000)",
    "print": "while True:\n    print('la' * 100)",
    "sleep": "time.sleep(600)",
}
TRIGGERS = ("http", "cli", "loss", "beats")


def settings_of(crime: str, trigger: str) -> dict[str, dict[str, object]]:
    engine: dict[str, object] = {"restarts": 1000, "memory_limit_mb": 400 if crime == "memory" else 0}
    limits: dict[str, object] = {}
    if crime == "flood":  # let all of it through: the limits are tested elsewhere
        limits = {"orders_per_minute": 0, "duplicate_window_s": 0, "duplicates_allowed": 1000}
    if trigger == "loss":
        limits["daily_loss"] = 1000
    if trigger == "beats":
        engine |= {"on_lost": "liquidate", "io_beat_limit_s": 1.0, "step_limit_s": 1.0}
    return {"engine": engine, "limits": limits}


@pytest.fixture
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    crime, trigger = request.param
    # The market falls from the tenth minute on, which only a loss limit minds.
    write_market(tmp_path / "data", lambda minute: 300.0 - max(0, minute - 10) * 0.25)
    algorithm = ALGORITHM.format(marker=tmp_path / "crime", crime=indent(CRIMES[crime], " " * 8))
    made = Daemon(tmp_path, algorithm, settings_of(crime, trigger))
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("daemon", "crime", "trigger"),
    [((crime, trigger), crime, trigger) for crime in CRIMES for trigger in TRIGGERS],
    indirect=["daemon"],
    ids=[f"{crime}-{trigger}" for crime in CRIMES for trigger in TRIGGERS],
)
def test_every_crime_ends_flat_whoever_pulls_the_trigger(daemon: Daemon, crime: str, trigger: str) -> None:
    daemon.until((daemon.folder / "crime").exists, "the crime")
    if trigger == "http":
        daemon.until(daemon.holdings, "a position")
        took_s = _timed(daemon, daemon.liquidate)
        assert took_s < FLAT_LIMIT_S
    elif trigger == "cli":
        daemon.until(daemon.holdings, "a position")
        took_s = _timed(daemon, lambda: _command(daemon))
        assert took_s < FLAT_LIMIT_S
    else:
        daemon.until(daemon.is_flat, f"a flat account after {trigger}", limit_s=30.0)
    status = daemon.status()
    assert daemon.holdings() == []
    assert status["open_orders"] == 0
    assert status["halted"]
    assert status["kill_switch"]["latched"]
    daemon.until(lambda: daemon.engine_pid() == 0, "the end of the engine process")
    assert (daemon.state / "kill.latch").exists()


LOCKSTEP_ALGORITHM = """
from AlgorithmImports import *
from pathlib import Path
import ctypes, os, re, signal


class Criminal(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.bars = 0

    def on_data(self, data):
        self.bars += 1
        if not self.portfolio.invested:
            self.market_order(self.spy, 300)
            self.stop_market_order(self.spy, -300, 10)
        elif self.bars >= 3:
            self.market_order(self.spy, 7, asynchronous=True)
            {in_on_data}

    def on_order_event(self, event):
        if event.quantity == 7 and event.status == OrderStatus.{status}:
            {in_on_order_event}

    def crime(self):
        Path("{marker}").touch()
        {crime}
"""
LOCKSTEP_CRIMES = {
    "regex": 're.match("(a+)+$", "a" * 64 + "!")',
    "segfault": "ctypes.string_at(0)",
    "stop": "os.kill(os.getpid(), signal.SIGSTOP)",
}
PLACES = ("on_data", "submitted", "filled")  # with an order at work; untried; the rest of a round untried


@pytest.mark.parametrize("trigger", ["http", "beats"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("crime", LOCKSTEP_CRIMES)
def test_a_crime_in_lockstep_ends_flat_wherever_the_engine_leads(
    tmp_path: Path, crime: str, place: str, trigger: str
) -> None:
    """The engine leads the market and dies or hangs between two of its questions."""
    write_market(tmp_path / "data", lambda minute: 300.0)
    call = "self.crime()"
    algorithm = LOCKSTEP_ALGORITHM.format(
        in_on_data=call if place == "on_data" else "pass",
        in_on_order_event="pass" if place == "on_data" else call,
        status="FILLED" if place == "filled" else "SUBMITTED",
        marker=tmp_path / "crime",
        crime=LOCKSTEP_CRIMES[crime],
    )
    settings = settings_of(crime, trigger)
    settings["feed"] = {"lockstep": True}
    daemon = Daemon(tmp_path, algorithm, settings)
    daemon.start()
    try:
        daemon.until((tmp_path / "crime").exists, "the crime")
        if trigger == "http":
            daemon.until(daemon.holdings, "a position")
            assert _timed(daemon, daemon.liquidate) < FLAT_LIMIT_S
        else:
            daemon.until(daemon.is_flat, "a flat account after lost beats", limit_s=30.0)
        assert daemon.holdings() == []
        assert daemon.status()["open_orders"] == 0
    finally:
        daemon.close()


def _command(daemon: Daemon) -> None:
    """Type the command: the start of its interpreter counts, the tests beside it do not where we are root."""
    command = [
        "nice",
        "-n",
        "-15",
        sys.executable,
        "-m",
        "livetrader",
        "liquidate",
        str(daemon.config),
        "--yes",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _timed(daemon: Daemon, trigger: object) -> float:
    assert callable(trigger)
    begun_s = time.monotonic()
    trigger()
    daemon.until(daemon.is_flat, "a flat account")
    return time.monotonic() - begun_s


def test_the_latch_outlives_the_daemon(tmp_path: Path) -> None:
    write_market(tmp_path / "data", lambda minute: 300.0)
    algorithm = ALGORITHM.format(marker=tmp_path / "crime", crime=" " * 8 + "pass")
    daemon = Daemon(tmp_path, algorithm)
    daemon.start()
    try:
        daemon.until((tmp_path / "crime").exists, "a position")
        engine = daemon.engine_pid()
        daemon.liquidate()
        daemon.until(daemon.is_flat, "a flat account")
        daemon.close()
        assert not alive(engine)
        daemon.start()
        daemon.until(daemon.is_flat, "the latched daemon")
        assert daemon.engine_pid() == 0
        kill_id = daemon.status()["kill_switch"]["kill_id"]
        code, answer = daemon.request("POST", "/v1/resume", {"reason": "scenario", "kill_id": kill_id})
        assert code == 202, answer
        daemon.until(daemon.holdings, "trading again")
    finally:
        daemon.close()
