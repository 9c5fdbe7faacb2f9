"""Liquidation by a fresh process, on the paper brokerage, with a real daemon that is dead or hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

LIVETRADER = (sys.executable, "-m", "livetrader")
ALGORITHM = """
from AlgorithmImports import *

class Holder(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.symbol = self.add_equity("SPY", Resolution.MINUTE).symbol

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.symbol, 100)
"""
CONFIG = """
[algorithm]
path = "main.py"
[account]
state_directory = "state"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = "2013-10-07"
end = "2013-10-11"
speed = 60.0
[data]
folder = "{data}"
[control]
port = 0
[daemon]
on_feed_end = "wait"
"""


def ask(*words: str | Path) -> Any:
    """Return the answer of a command as JSON, None where there is none (yet)."""
    done = subprocess.run(
        [*LIVETRADER, *map(str, words), "--json"], capture_output=True, text=True, timeout=15
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


@pytest.fixture
def config(tmp_path: Path, lean_data: Path) -> Path:
    """A configuration of its own for each test."""
    (tmp_path / "main.py").write_text(ALGORITHM)
    file = tmp_path / "test.toml"
    file.write_text(CONFIG.format(data=lean_data))
    return file


@pytest.fixture
def holding_daemon(config: Path, deadline: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that holds a position."""
    with (config.parent / "daemon.log").open("wb") as output:
        process = subprocess.Popen([*LIVETRADER, "run", str(config)], stdout=output, stderr=output)
    try:

        def holds() -> object:
            assert process.poll() is None, (config.parent / "daemon.log").read_text()
            answer = ask("portfolio", config)
            return answer is not None and answer["holdings"]

        deadline.until(holds, "the first position", limit_s=15.0)
        yield process
    finally:
        process.kill()
        process.wait(10)


def liquidate(config: Path) -> dict[str, Any]:
    words = [*LIVETRADER, "liquidate", str(config), "--yes", "--json", "--timeout", "10"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=15)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def positions(config: Path, deadline: Any) -> list[Decimal]:
    """Start a daemon on the account again and return what the brokerage says it holds."""
    process = subprocess.Popen(
        [*LIVETRADER, "run", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        status = deadline.until(lambda: ask("status", config), "the next daemon")
        assert status["kill_switch"]["latched"], "a liquidation stays in force over restarts"
        return [Decimal(each["quantity"]) for each in ask("portfolio", config)["holdings"]]
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("crime", [signal.SIGSTOP, signal.SIGKILL], ids=["hung", "dead"])
def test_the_account_is_flat_although_the_daemon_cannot_do_it(
    config: Path, holding_daemon: subprocess.Popen[bytes], deadline: Any, crime: signal.Signals
) -> None:
    os.kill(holding_daemon.pid, crime)
    record = liquidate(config)
    assert record["flat"] is True
    assert holding_daemon.wait(5) == -signal.SIGKILL, "two processes must never trade one account"
    assert positions(config, deadline) == []


@pytest.mark.slow
def test_an_unusable_algorithm_does_not_stand_in_the_way(config: Path) -> None:
    (config.parent / "main.py").unlink()
    config.write_text(config.read_text() + "[engine]\nrestarts = 'x'\n")
    assert liquidate(config)["flat"] is True
