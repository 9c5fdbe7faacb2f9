"""Parameters change while the algorithm runs: from a file that the daemon follows, and as in LEAN."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.daemons import Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ALGORITHM = """
from AlgorithmImports import *


class Steered(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.log(f"starts with {self.get_parameter('target', 0)}")
        self.schedule.on(self.date_rules.every_day(), self.time_rules.every(timedelta(minutes=1)), self.fetch)
        self.fetched = ""

    def fetch(self):
        content = self.download("ADDRESS")
        if content != self.fetched:
            self.fetched = content
            self.log(f"downloaded {content}")

    def on_parameters_changed(self, parameters):
        self.log(f"told {sorted(parameters.items())}")

    def on_data(self, data):
        missing = self.get_parameter("target", 0) - self.portfolio[self.spy].quantity
        if missing:
            self.market_order(self.spy, missing)
"""


class Page(BaseHTTPRequestHandler):
    """Hands out the parameters of now."""

    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    made.body = b"target = 2"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def daemon(tmp_path: Path, server: Any) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    address = f"http://127.0.0.1:{server.server_address[1]}/p.toml"
    sections: dict[str, dict[str, object]] = {
        "algorithm": {"path": "main.py"},
        "algorithm.parameters": {"target": 1},
        "parameters": {"url": address, "interval_s": 1.0},
        "feed": {"speed": 60.0},
    }
    made = Daemon(tmp_path, ALGORITHM.replace("ADDRESS", address), sections)
    yield made
    made.close()


def logged(daemon: Daemon, words: str) -> bool:
    code, page = daemon.request("GET", "/v1/log?limit=200")
    return code == 200 and any(words in line["message"] for line in page["lines"])


def test_new_values_reach_the_algorithm_and_its_next_process(daemon: Daemon, server: Any) -> None:
    daemon.start()
    daemon.until(lambda: daemon.status() and held(daemon) == 2, "the first file's target")
    server.body = b"target = 5"
    daemon.until(lambda: held(daemon) == 5, "the second file's target")
    daemon.until(lambda: logged(daemon, "told [('target', '5')]"), "the callback")
    daemon.until(lambda: logged(daemon, "downloaded target = 5"), "the algorithm's own download")
    server.body = b"target = 'much'"
    daemon.until(lambda: "parameters_refused" in daemon.log.read_text(), "the refusal")
    os.kill(daemon.engine_pid(), signal.SIGKILL)
    daemon.until(lambda: logged(daemon, "starts with 5"), "the next engine process")
    assert held(daemon) == 5


def held(daemon: Daemon) -> float:
    code, answer = daemon.request("GET", "/v1/portfolio")
    if code != 200:
        return -1.0  # we ask faster than the daemon likes
    return sum(float(holding["quantity"]) for holding in answer["holdings"])
