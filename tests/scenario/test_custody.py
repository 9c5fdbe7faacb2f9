"""One symbol is flattened, adopted and compared over the control API of a real daemon."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.daemons import Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

KEEN = """
from AlgorithmImports import *


class Keen(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol

    def on_data(self, data):
        if not self.portfolio.invested:
            self.market_order(self.spy, 10)
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    made = Daemon(tmp_path, KEEN, {"feed": {"speed": 60.0}})
    made.start()
    try:
        made.until(lambda: made.status() and made.holdings(), "a position")
        yield made
    finally:
        made.close()


def command(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line against this daemon."""
    return subprocess.run(
        [sys.executable, "-m", "livetrader", *words, "--config", str(daemon.config)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip


def restricted(daemon: Daemon) -> list[Any]:
    status = daemon.status()
    return [] if status is None else list(status["restricted"])


def test_a_symbol_is_compared_flattened_and_given_back(daemon: Daemon) -> None:
    compared = command(daemon, "reconcile")
    assert compared.returncode == 0 and "agree" in compared.stdout, compared.stderr
    closed = command(daemon, "flatten", "SPY", "--yes", "--reason", "scenario")
    assert closed.returncode == 0 and "SPY is flat" in closed.stdout, closed.stderr + daemon.tail()
    assert daemon.holdings() == []
    daemon.until(lambda: restricted(daemon), "the restriction in the status")
    assert restricted(daemon)[0]["closed"] is True
    refused = "takes no orders"
    daemon.until(lambda: refused in daemon.tail(), "an order that is denied")
    assert daemon.holdings() == []
    unknown = command(daemon, "adopt", "ZZZ")
    assert unknown.returncode == 6 and "livetrader reconcile" in unknown.stderr
    adopted = command(daemon, "adopt", "SPY")
    assert adopted.returncode == 0, adopted.stderr
    daemon.until(daemon.holdings, "a position again")
    code, answer = daemon.request("GET", "/v1/reconciliation")
    assert code == 200 and answer["restricted"] == []
