"""A real daemon with data from a peer process: prices and history reach the algorithm, over an outage."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scenario.daemons import WAIT_S, Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

ALGORITHM = """
from AlgorithmImports import *


class Look(QCAlgorithm):
    def initialize(self):
        self.coin = self.add_crypto("BTCUSD", Resolution.SECOND, Market.COINBASE).symbol
        self.seen = 0

    def on_data(self, data):
        bar = data.bars.get(self.coin)
        if bar is None or bar.is_fill_forward:
            return
        self.seen += 1
        if self.seen == 1:
            past = self.history(TradeBar, self.coin, 30, Resolution.MINUTE)
            self.log(f"PAST {len(past)}")
        self.log(f"BAR {self.seen} {bar.low <= bar.close <= bar.high} {bar.volume > 0}")
"""


@contextmanager
def peer_process(port: int) -> Iterator[None]:
    """Run a peer whose prices move, until the end of the block; it listens when this yields."""
    command = [sys.executable, "-m", "livetrader_venues.tws.cli", "--port", str(port), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None and process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait(WAIT_S)
        process.stdout.close()


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that trades on paper with IB's data; not started."""
    port = free_port()
    made = Daemon(tmp_path, ALGORITHM)
    (tmp_path / "data").mkdir()
    made.config.write_text(
        f"""
[algorithm]
path = "main.py"
[account]
name = "scenario"
state_directory = "state"
[brokerage]
plugin = "paper"
[feed]
plugin = "ibkr"
port = {port}
[data]
folder = "data"
[history]
plugin = "ibkr"
port = {port}
[control]
port = 0
""",
        encoding="utf-8",
    )
    made.port = port  # type: ignore[attr-defined]  # of its peer
    yield made
    made.close()


def test_prices_and_the_past_come_from_ib_and_come_again_after_an_outage(daemon: Daemon) -> None:
    port: int = daemon.port  # type: ignore[attr-defined]
    with peer_process(port):
        daemon.start()
        daemon.until(lambda: "BAR 3 True True" in daemon.tail(), "bars", 30)
        assert "PAST 30" in daemon.log.read_text()
    daemon.until(lambda: "feed_reconnect" in daemon.tail(), "the end of the connection")
    before = daemon.log.read_text().count("BAR ")
    with peer_process(port):
        daemon.until(lambda: daemon.log.read_text().count("BAR ") >= before + 3, "bars after the outage", 30)
