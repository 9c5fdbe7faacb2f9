"""A real daemon at simulated Polygons: silence, a stale mark that refuses risk, fail-over, and back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from livetrader_plugins.lean_data.reference import HOURS_FILE, PROPERTIES_FILE
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from livetrader_venues.stockmarket.tape import Quote, Trade
from livetrader_venues.web.threads import Threaded
from tests.campaign.workload import ALWAYS, WEEKDAYS
from tests.scenario.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

EVERY_S = 0.2  # a trade of each symbol
KEY = "test-key"
IDLE: dict[str, Any] = {"reasons": {}}
TICKERS = ("SPY", "AAPL")
# Buys one share at every bar: the gateway's answer shows what it thinks of the data.
EAGER = """
from AlgorithmImports import *


class Eager(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.SECOND, fill_forward=False).symbol
        self.aapl = self.add_equity("AAPL", Resolution.SECOND, fill_forward=False).symbol
        every = self.time_rules.every(timedelta(seconds=1))
        self.schedule.on(self.date_rules.every_day(), every, self.try_it)

    def try_it(self):
        if self.securities[self.spy].price:
            self.market_order(self.spy, 1)

    def on_order_event(self, event):
        if event.status == OrderStatus.INVALID:
            self.log(f"refused {event.message}")
"""


class Tape:
    """Trades of both symbols at some peers, told as long as the block lasts."""

    def __init__(self, peers: list[Threaded[Peer]]) -> None:
        self._peers = peers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tape")
        self._sequence = 0

    def __enter__(self) -> Tape:
        self._thread.start()
        return self

    def __exit__(self, *of: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._sequence += 1
            number, now_ns = self._sequence, time.time_ns()
            price = 100.0 + number % 7 / 100
            told: list[Trade | Quote] = []
            for ticker in TICKERS:
                told.append(Trade(ticker, now_ns, number, f"{number}", price, 100, now_ns))
                told.append(Quote(ticker, now_ns, number, price - 0.01, 100, price + 0.01, 100, now_ns))
            for served in self._peers:
                served.do(partial(Peer.stream_now, ticks=told))


def a_peer() -> Peer:
    return Peer(Market.recorded([], stocks(12, seed=1)), clock=time.time_ns, access=(Access(KEY),))


@contextmanager
def peers(count: int) -> Iterator[list[Threaded[Peer]]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Threaded(
                    lambda: Peer(
                        Market.recorded([], stocks(12, seed=1)), clock=time.time_ns, access=(Access(KEY),)
                    )
                )
            )
            for _ in range(count)
        ]


def daemon_at(folder: Path, served: list[Threaded[Peer]]) -> Daemon:
    week = dict.fromkeys((*WEEKDAYS, "saturday", "sunday"), ALWAYS)
    zones = {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York"}
    hours, properties = folder / "data" / HOURS_FILE, folder / "data" / PROPERTIES_FILE
    for path in (hours, properties):
        path.parent.mkdir(parents=True, exist_ok=True)
    hours.write_text(json.dumps({"entries": {"Equity-usa-[*]": zones | week}}))
    heads = (
        "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size"
    )
    properties.write_text(f"{heads}\nusa,[*],equity,,USD,1,0.01,1\n")
    daemon = Daemon(folder, EAGER)
    feeds = "".join(
        f"""
        [[feed]]
        plugin = "polygon"
        api_key = "{KEY}"
        host = "{each.peer.host}"
        tls = false
        """
        for each in served
    )
    daemon.config.write_text(
        f"""
        [algorithm]
        path = "main.py"
        [account]
        state_directory = "state"
        [brokerage]
        plugin = "paper"
        {feeds}
        [data]
        folder = "data"
        [freshness]
        silence_s = 1.0
        silence_most_s = 1.0
        renew_s = 0.5
        stale_s = 3.0
        reconnect_every_s = 2.0
        failback_s = 3.0
        backfill = "none"
        [control]
        port = 0
        [daemon]
        on_feed_end = "wait"
        """
    )
    return daemon


def data_of(daemon: Daemon) -> dict[str, Any]:
    status = daemon.status()
    return {} if status is None else dict(status["data"])


def notified(daemon: Daemon) -> list[str]:
    lines = [line for line in daemon.log.read_text().splitlines() if '"notification"' in line]
    return [json.loads(line)["title"] for line in lines]


def test_a_mute_symbol_takes_no_new_risk_until_it_speaks_again(tmp_path: Path) -> None:
    with peers(1) as served, Tape(served):
        daemon = daemon_at(tmp_path, served)
        daemon.start()
        try:
            daemon.until(lambda: daemon.status() and daemon.holdings(), "the first share", 40)
            served[0].do(lambda peer: peer.mute("SPY"))
            took_s = daemon.until(lambda: data_of(daemon).get("stale_symbols") == 1, "the stale mark")
            assert took_s < 8
            daemon.until(lambda: "refused data_stale" in daemon.log.read_text(), "a refusal")
            unwell = data_of(daemon)["unwell"][0]
            assert (unwell["ticker"], unwell["stale"], unwell["feed"]) == ("SPY", True, "polygon")
            daemon.until(lambda: notified(daemon) == ["market data stale"], "one word for it")
            held = daemon.holdings()[0]["quantity"]
            served[0].do(lambda peer: peer.unmute("SPY"))
            daemon.until(lambda: data_of(daemon).get("stale_symbols") == 0, "fresh data")
            daemon.until(lambda: daemon.holdings()[0]["quantity"] != held, "the next share")
            assert notified(daemon) == ["market data stale", "market data fresh again"]
            served[0].do(lambda peer: peer.mute())
            daemon.until(
                lambda: "all" in (daemon.status() or {"reasons": {}})["reasons"].get("data", ""), "all stale"
            )
            daemon.liquidate()
            daemon.until(daemon.is_flat, "a flat account although nothing is fresh")
        finally:
            daemon.close()


def test_the_second_feed_takes_over_and_the_first_comes_back(tmp_path: Path) -> None:
    with peers(2) as served, Tape(served):
        daemon = daemon_at(tmp_path, served)
        daemon.start()
        try:
            daemon.until(lambda: daemon.status() and daemon.holdings(), "the first share", 40)
            assert [feed["streams"] > 0 for feed in data_of(daemon)["feeds"]] == [True, False]
            served[0].do(lambda peer: peer.freeze())
            served[0].do(lambda peer: peer.mute())  # and what connects anew hears nothing either
            daemon.until(lambda: data_of(daemon)["feeds"][1]["streams"] > 0, "the second feed")
            daemon.until(lambda: data_of(daemon)["stale_symbols"] == 0, "fresh data from it")
            held = daemon.holdings()[0]["quantity"]
            daemon.until(lambda: daemon.holdings()[0]["quantity"] != held, "a share at its prices")
            served[0].do(lambda peer: peer.unmute())
            daemon.until(lambda: data_of(daemon)["feeds"][1]["streams"] == 0, "the first feed again", 40)
            assert "market data from polygon-2 now" in notified(daemon)
        finally:
            daemon.close()
