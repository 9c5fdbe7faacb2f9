"""A real daemon at the simulated TWS: an outage as algorithm and operator see it, and what a stop leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader_plugins.lean_data.reference import HOURS_FILE, PROPERTIES_FILE
from tests.campaign.workload import ALWAYS, WEEKDAYS
from tests.scenario.daemons import Daemon, wait_for_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

PROTECTED = """
from AlgorithmImports import *


class Protected(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.SECOND).symbol
        self.told = []

    def on_data(self, data):
        if not self.portfolio.invested and not self.transactions.orders_count:
            self.market_order(self.spy, 10)
            self.stop_market_order(self.spy, -10, 1)
            self.limit_order(self.spy, 5, 2)

    def on_brokerage_message(self, message):
        self.log(f"heard {message.type}")

    def on_brokerage_disconnect(self):
        self.log("heard the loss")

    def on_brokerage_reconnect(self):
        self.log("heard the return")
"""
IDLE = """
from AlgorithmImports import *


class Idle(QCAlgorithm):
    def initialize(self):
        self.add_equity("SPY", Resolution.SECOND)
"""
SCRIPT = """
[[step]]
on = "placeOrder"
nth = 3
do = "nightly_reset"
down_s = 2.0
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "peer.toml").write_text(SCRIPT)
    log = tmp_path / "peer.log"
    command = [
        sys.executable, "-m", "livetrader_venues.tws.cli", "--port", "0", "--json", "--script",
        str(tmp_path / "peer.toml"),
    ]  # fmt: skip
    with log.open("wb") as output:
        peer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            yield int(json.loads(wait_for_line(log, "listening"))["port"])
        finally:
            peer.kill()
            peer.wait()


def daemon_at(folder: Path, port: int, on_shutdown: str) -> Daemon:
    hours, properties = folder / "data" / HOURS_FILE, folder / "data" / PROPERTIES_FILE
    week = dict.fromkeys((*WEEKDAYS, "saturday", "sunday"), ALWAYS)
    zones = {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York"}
    for path in (hours, properties):
        path.parent.mkdir(parents=True, exist_ok=True)
    hours.write_text(json.dumps({"entries": {"Equity-usa-[*]": zones | week}}))
    heads = (
        "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size"
    )
    properties.write_text(f"{heads}\nusa,[*],equity,,USD,1,0.01,1\n")
    daemon = Daemon(folder, PROTECTED)
    daemon.config.write_text(
        f"""
        [algorithm]
        path = "main.py"
        [account]
        state_directory = "state"
        [brokerage]
        plugin = "ibkr"
        port = {port}
        [feed]
        plugin = "ibkr"
        port = {port}
        [data]
        folder = "data"
        [control]
        port = 0
        [daemon]
        on_shutdown = "{on_shutdown}"
        on_feed_end = "wait"
        """
    )
    return daemon


@pytest.mark.parametrize(
    ("on_shutdown", "left"),
    [("keep", ["-10 stop_market", "5 limit"]), ("cancel_entries", ["-10 stop_market"])],
)
def test_an_outage_is_heard_and_a_stop_leaves_the_protection_at_the_broker(
    tmp_path: Path, port: int, on_shutdown: str, left: list[str]
) -> None:
    daemon = daemon_at(tmp_path, port, on_shutdown)
    daemon.start()
    try:
        daemon.until(lambda: "heard the return" in daemon.log.read_text(), "the end of the outage", 40)
        text = daemon.log.read_text()
        heard = [word for word in text.split('"') if word.startswith("heard")]
        assert heard[-4:] == ["heard Disconnect", "heard the loss", "heard Reconnect", "heard the return"]
        said = [json.loads(line) for line in text.splitlines() if '"notification"' in line]
        assert [line["title"] for line in said][-1] == "brokerage is back"
        assert len(said) == 2, "one word for the loss, one for the return"
        daemon.until(lambda: daemon.status() is not None, "the status")
        connection = daemon.status()["brokerage_connection"]
        assert (connection["state"], connection["held_orders"]) == ("connected", 0)
        daemon.until(lambda: daemon.holdings() and len(working(daemon)) == 2, "orders as they should be")
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.tail()
        (tmp_path / "main.py").write_text(IDLE)
        daemon.start()
        daemon.until(lambda: (daemon.status() or {}).get("state") == "running", "the next daemon", 30)
        assert working(daemon) == left
        assert [held["quantity"] for held in daemon.holdings()] == ["10"]
    finally:
        daemon.close()


def working(daemon: Daemon) -> list[str]:
    code, orders = daemon.request("GET", "/v1/orders?limit=10")
    assert code == 200
    return sorted(f"{order['quantity']} {order['type']}" for order in orders if order["open"])
