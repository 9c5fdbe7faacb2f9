"""Training jobs that eat memory, crash, hang or never return, in a live daemon: trading goes on.

The daemon, its engine process, the training and the paper brokerage are real; the market is open and goes
on. The algorithm buys one share with each bar; its training commits a crime once.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.daemons import Daemon, alive, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ALGORITHM = """
from AlgorithmImports import *
from datetime import timedelta
from livetrader import training
from pathlib import Path
import ctypes, os, re, signal, sys, time

MARKER = Path("{marker}")


def crime():
    MARKER.write_text(str(os.getpid()))
    print("about to commit it", flush=True)
    training.progress(0.1, "planning")
    {crime}


class Learner(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        if not MARKER.exists():
            self.train(crime, name="crime", deadline=timedelta(seconds={deadline_s}), process={process})

    def on_data(self, data):
        self.market_order(self.spy, 1, asynchronous=True)
"""

CRIMES = {
    "memory": "hog = []\n    while True: hog.append(bytes(range(256)) * 40_000)",
    "segfault": "ctypes.string_at(0)",
    "leave": "os._exit(3)",
    "loop": "while True: pass",
    "sleep": "time.sleep(600)",
    "native": "ctypes.CDLL(None).pause()",
    "regex": 're.match("(a+)+$", "a" * 64 + "!")',
}
IN_A_PROCESS = [
    ("memory", "failed", "out of memory: process_memory_mb is 250"),
    ("segfault", "failed", "SIGSEGV: it crashed in native code"),
    ("leave", "failed", "exited with status 3 and returned nothing"),
    ("loop", "expired", "ran past its deadline of 4 s and was killed"),
    ("sleep", "expired", "ran past its deadline of 4 s and was killed"),
    ("regex", "expired", "ran past its deadline of 4 s and was killed"),
]
IN_A_THREAD = [
    ("loop", "ran past its deadline of 4 s", False),
    ("native", "ran past its deadline of 4 s; it did not stop within 5 s", True),
]
FATAL_IN_A_THREAD = [  # what takes the whole process with it: the engine is started again
    ("segfault", "signaled"),
    ("leave", "exited"),
    ("memory", "memory"),
    ("regex", "beats_lost"),
]


class Market:
    """A daemon whose algorithm trades and trains."""

    def __init__(
        self,
        folder: Path,
        crime: str,
        *,
        process: bool,
        training: dict[str, object] | None = None,
        deadline_s: int = 4,
    ) -> None:
        write_market(folder / "data", lambda minute: 300.0)
        algorithm = ALGORITHM.format(
            marker=folder / "crime", crime=CRIMES[crime], process=process, deadline_s=deadline_s
        )
        sections: dict[str, dict[str, object]] = {
            "training": {"process_memory_mb": 250, "threads": 1, "nice": 0, **(training or {})},
            "engine": {"io_beat_limit_s": 2.0, "memory_limit_mb": 500, "restart_delay_s": 0.0},
            "limits": {"orders_per_minute": 0, "duplicate_window_s": 0, "duplicates_allowed": 1000},
        }
        self.daemon = Daemon(folder, algorithm, sections)
        self.daemon.start()
        self.marker = folder / "crime"

    def get(self, path: str) -> Any:
        code, answer = self.daemon.request("GET", path)
        return None if code == 429 else answer

    def shares(self) -> float:
        """What the account holds: one share more with each bar on which the algorithm traded."""
        portfolio = self.get("/v1/portfolio")
        return sum(float(holding["quantity"]) for holding in portfolio["holdings"]) if portfolio else 0.0

    def ended(self) -> dict[str, Any] | None:
        """Return the job once it is over."""
        training = self.get("/v1/training")
        jobs = [] if training is None else training["jobs"]
        return next((job for job in jobs if job["state"] not in ("pending", "running")), None)

    def goes_on(self) -> None:
        """Wait until it trades on."""
        before = self.shares()
        self.daemon.until(lambda: self.shares() > before + 1, "more orders")

    def notifications(self) -> list[str]:
        lines = (json.loads(line) for line in self.daemon.log.read_text().splitlines() if line[:1] == "{")
        return [f"{line['title']}: {line['detail']}" for line in lines if line["action"] == "notification"]


@pytest.fixture
def market(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Market]:
    crime, process, training = request.param
    made = Market(tmp_path, crime, process=process, training=training)
    yield made
    made.daemon.close()


def over(market: Market, limit_s: float = 25.0) -> dict[str, Any]:
    market.daemon.until(market.ended, "the end of the job", limit_s)
    job = market.ended()
    while job is None:  # asked too often
        job = market.ended()
    return job


@pytest.mark.parametrize(
    ("market", "state", "words"),
    [((crime, True, None), state, words) for crime, state, words in IN_A_PROCESS],
    indirect=["market"],
    ids=[crime for crime, _, _ in IN_A_PROCESS],
)
def test_a_crime_in_a_process_ends_the_job_and_nothing_else(market: Market, state: str, words: str) -> None:
    daemon = market.daemon
    daemon.until(market.marker.exists, "the crime")
    engine = daemon.engine_pid()
    job = over(market)
    assert job["state"] == state, job
    assert words in job["message"]
    market.goes_on()
    assert daemon.engine_pid() == engine, "the engine process never noticed"
    daemon.until_gone(int(market.marker.read_text()))
    _charged_correctly(market, job)
    assert (job["mode"], job["progress"], job["text"]) == ("process", 0.1, "planning")
    log = daemon.log.read_text()
    assert '"action":"training_output"' in log
    assert "about to commit it" in log
    assert any(note.startswith(f"training crime {state}: job 1: ") for note in market.notifications())


@pytest.mark.parametrize(
    ("market", "words", "abandoned"),
    [((crime, False, None), words, abandoned) for crime, words, abandoned in IN_A_THREAD],
    indirect=["market"],
    ids=[crime for crime, _, _ in IN_A_THREAD],
)
def test_a_thread_that_never_returns_is_stopped_or_marked(
    market: Market, words: str, abandoned: bool
) -> None:
    daemon = market.daemon
    daemon.until(market.marker.exists, "the crime")
    engine = daemon.engine_pid()
    market.goes_on()
    job = over(market)
    assert job["state"] == "expired"
    assert words in job["message"]
    assert ("thread was given up" in job["message"]) is abandoned
    market.goes_on()
    assert daemon.engine_pid() == engine
    _charged_correctly(market, job)
    assert any(note.startswith("training crime expired: job 1: ") for note in market.notifications())


@pytest.mark.parametrize(
    ("market", "cause"),
    [((crime, False, None), cause) for crime, cause in FATAL_IN_A_THREAD],
    indirect=["market"],
    ids=[crime for crime, _ in FATAL_IN_A_THREAD],
)
def test_a_thread_that_takes_the_engine_with_it_is_named_and_trading_begins_again(
    market: Market, cause: str
) -> None:
    daemon = market.daemon
    daemon.until(market.marker.exists, "the crime")
    engine = int(market.marker.read_text())
    daemon.until_gone(engine)
    daemon.until(lambda: daemon.engine_pid() not in (0, engine), "another engine process", limit_s=25.0)
    market.goes_on()
    assert f'"cause":"{cause}"' in daemon.log.read_text()
    assert any(
        note.startswith("training crime lost: job 1 ended with its engine") for note in market.notifications()
    )
    training = market.get("/v1/training")
    while training is None:
        training = market.get("/v1/training")
    assert training["bucket_level_minutes"] == training["bucket_capacity_minutes"]


@pytest.mark.parametrize("market", [("native", False, {"on_runaway": "restart"})], indirect=True)
def test_a_thread_that_never_returns_restarts_the_engine_where_asked_for(market: Market) -> None:
    daemon = market.daemon
    daemon.until(market.marker.exists, "the crime")
    engine = int(market.marker.read_text())
    daemon.until_gone(engine)
    daemon.until(lambda: daemon.engine_pid() not in (0, engine), "another engine process")
    market.goes_on()
    assert '"cause":"runaway"' in daemon.log.read_text()
    assert "training 'crime' (job 1) does not stop" in daemon.log.read_text()


@pytest.mark.parametrize("market", [("sleep", True, None), ("loop", False, None)], indirect=True)
def test_an_operator_cancels_a_job_and_trading_goes_on(market: Market) -> None:
    daemon = market.daemon
    daemon.until(lambda: market.marker.exists() and market.marker.read_text(), "the work")
    engine = daemon.engine_pid()
    code, answer = daemon.request("POST", "/v1/training/1/cancel", {"reason": "scenario"})
    assert code == 202, answer
    job = over(market)
    assert job["state"] == "cancelled", job
    market.goes_on()
    assert daemon.engine_pid() == engine
    assert not market.notifications(), "it was asked for"


@pytest.mark.parametrize("market", [("sleep", True, None)], indirect=True)
def test_no_training_process_outlives_a_killed_daemon(market: Market) -> None:
    daemon = market.daemon
    daemon.until(lambda: market.marker.exists() and market.marker.read_text(), "the process")
    worker = int(market.marker.read_text())
    assert alive(worker)
    daemon.close()
    daemon.until_gone(worker)


@pytest.mark.timeout(150)
def test_a_started_minute_is_paid_once_and_stays_paid(tmp_path: Path) -> None:
    """The first minute is free: a job that is killed after 61 s has had two, and pays for one."""
    market = Market(tmp_path, "sleep", process=True, deadline_s=61)
    daemon = market.daemon
    try:
        daemon.until(market.marker.exists, "the crime", limit_s=30.0)
        job = over(market, limit_s=90.0)
        assert (job["state"], job["minutes_used"]) == ("expired", 1.0)
        daemon.send(signal.SIGKILL)
        daemon.wait()
        daemon.start()
        daemon.until(daemon.status, "the daemon of afterwards")
        assert daemon.status()["training"]["bucket_level_minutes"] == 119.0
    finally:
        daemon.close()


def _charged_correctly(market: Market, job: dict[str, Any]) -> None:
    """Its first minute is free, and it had no second one."""
    assert job["minutes_used"] == 0
    training = market.get("/v1/training")
    while training is None:
        training = market.get("/v1/training")
    assert training["bucket_level_minutes"] == training["bucket_capacity_minutes"] == 120.0
