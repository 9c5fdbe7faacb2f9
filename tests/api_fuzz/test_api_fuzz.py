"""The control API of a trading daemon, asked everything: a slice of the 200,000 of `make api-fuzz`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader.control.auth import Scope, TokenStore
from tests.api_fuzz.fuzz import Fuzzer
from tests.scenario.daemons import Daemon, write_market
from tests.unit.daemon.control.conftest import free_port

REQUESTS = int(os.environ.get("LIVETRADER_API_REQUESTS", "0"))
BATCH = 25 if REQUESTS else 2
ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if REQUESTS else 120)]

TRADER = """
from AlgorithmImports import *


class Trader(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol

    def on_data(self, data):
        self.market_order(self.spy, 1)
        self.plot("Own", "price", data[self.spy].close)
        self.log("bought one more")
"""


class Asked:
    """A daemon without limits on how often it may be asked, and who asks it."""

    def __init__(self, folder: Path) -> None:
        write_market(folder / "data", lambda minute: 300.0 + minute / 100)
        port = free_port()
        speed = 10.0 if REQUESTS else 240.0  # the market has to be open when the account is liquidated
        self.daemon = Daemon(folder, TRADER, {"control": {"port": port}, "feed": {"speed": speed}})
        self.daemon.state.mkdir(parents=True)
        store = TokenStore(self.daemon.state / "tokens.json")
        tokens = {scope: store.create(scope.value, [scope], now_ns=1) for scope in Scope}
        self._origin, self._tokens = f"http://127.0.0.1:{port}", tokens
        with self.daemon.log.open("ab") as log:
            self.daemon.process = subprocess.Popen(
                [sys.executable, "-m", "tests.api_fuzz.serve", str(self.daemon.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip

    def fuzzer(self) -> Fuzzer:
        """Return who asks, once the daemon trades."""
        self.daemon.until(lambda: self.daemon.status() and self.daemon.holdings(), "the first trade", 60.0)
        return Fuzzer(self._origin, self._tokens)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made = Asked(tmp_path)
    yield made
    made.daemon.close()


def test_every_answer_is_documented_and_nobody_gets_what_is_not_theirs(asked: Asked) -> None:
    daemon, fuzzer, begun_s = asked.daemon, asked.fuzzer(), time.monotonic()
    fuzzer.run(max(1, REQUESTS // 2), BATCH)
    daemon.liquidate()
    daemon.until(daemon.is_flat, "a flat account")
    fuzzer.run(max(fuzzer.total + 1, REQUESTS), BATCH if REQUESTS else 1)
    if REQUESTS:
        took_s = time.monotonic() - begun_s
        print(f"\n{fuzzer.total} requests in {took_s:.0f} s, {len(fuzzer.asked)} kinds of answers")
        for (operation, status), count in sorted(fuzzer.asked.items()):
            print(f"{count:8} {status} {operation}")
    assert daemon.is_flat() or not daemon.status()["kill_switch"]["latched"], "somebody resumed by its id"
    assert "request_failed" not in daemon.log.read_text(errors="replace"), "no fault behind any answer"
    assert daemon.request("POST", "/v1/stop", {})[0] == 202
    assert daemon.wait() == 0
