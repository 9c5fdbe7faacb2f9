"""A real daemon whose algorithm is too slow for its ticks: the venue never waits, and no trade is lost."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.tape import Quote, Trade
from livetrader_venues.web.threads import Threaded
from tests.scenario.daemons import Daemon
from tests.scenario.test_feeds import daemon_at, peers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

BATCH = 400  # quotes told at once, and a trade behind them
BATCHES = 60
# Holds its thread for a while at the first tick; then counts. The last trade has a price of its own.
SLOW = """
import time as clock

from AlgorithmImports import *


class Slow(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.TICK).symbol
        self.trades, self.quotes, self.slept = 0, 0, False

    def on_data(self, data):
        for tick in data.ticks.get(self.spy, []):
            if tick.tick_type == TickType.TRADE:
                self.trades += 1
            else:
                self.quotes += 1
            if tick.tick_type == TickType.TRADE and tick.price == 101:
                self.log(f"counted {self.trades} {self.quotes}")
        if not self.slept and self.trades:
            self.slept = True
            self.log("busy now")
            until = clock.monotonic() + 4
            while clock.monotonic() < until:
                pass
            self.log("busy no more")
"""


def tell(served: Threaded[Peer], ticks: list[Trade | Quote]) -> None:
    served.do(partial(Peer.stream_now, ticks=ticks))


def flood(served: Threaded[Peer], numbers: range) -> int:
    """Tell quotes, and a trade behind each batch of them; return how many quotes that were."""
    for number in numbers:
        now_ns = time.time_ns()
        first = number * (BATCH + 1)
        quotes: list[Trade | Quote] = [
            Quote("SPY", now_ns + at, first + at, 99.99, 100, 100.01, 100, now_ns) for at in range(BATCH)
        ]
        last = first + BATCH
        trade = Trade("SPY", now_ns + BATCH, last, f"{last}", 100.0, 100, now_ns)
        tell(served, [*quotes, trade])
    return len(numbers) * BATCH


def counted(daemon: Daemon) -> tuple[int, int] | None:
    found: list[Any] = [line for line in daemon.log.read_text().splitlines() if "counted " in line]
    if not found:
        return None
    words = found[-1].split("counted ")[1].split('"')[0].split()
    return int(words[0]), int(words[1])


def test_a_busy_algorithm_loses_old_quotes_and_no_trade_and_its_venue_never_waits(tmp_path: Path) -> None:
    with peers(1) as served:
        daemon = daemon_at(tmp_path, served)
        (tmp_path / "main.py").write_text(SLOW)
        daemon.start()
        try:
            (peer,) = served
            daemon.until(lambda: peer.do(lambda one: "T.SPY" in one.subscriptions()), "a subscription", 40)
            daemon.until(lambda: (daemon.status() or {}).get("engine", {}).get("state") == "running", "READY")
            told = flood(peer, range(1))
            daemon.until(lambda: "busy now" in daemon.log.read_text(), "a busy algorithm")
            begun_s = time.monotonic()
            told += flood(peer, range(1, BATCHES))
            assert "busy no more" not in daemon.log.read_text(), "the flood was told while it was busy"
            assert time.monotonic() - begun_s < 4, "nobody made the venue wait"
            now_ns, last = time.time_ns(), BATCHES * (BATCH + 1)
            tell(peer, [Trade("SPY", now_ns, last, f"{last}", 101.0, 100, now_ns)])
            daemon.until(lambda: counted(daemon) is not None, "the count", 40)
            trades, quotes = counted(daemon) or (0, 0)
            assert trades == BATCHES + 1
            status = daemon.status()
            assert status["engine"]["conflated"] > 0
            assert quotes < told, "of the quotes only the newest of each moment"
            assert status["engine"]["restarts"] == 0
            assert peer.do(lambda one: one.connections) == 1
        finally:
            daemon.close()
