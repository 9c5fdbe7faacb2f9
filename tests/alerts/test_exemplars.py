"""A real Prometheus reads our OpenMetrics and keeps the exemplars: a figure leads to an order's trace."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from livetrader.telemetry import traces
from livetrader.telemetry.metrics import Metrics
from tests.alerts.programs import POLL_S, WAIT_S, Served, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

ORDER = "LTk3x9q2-7"
CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: livetrader
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Daemon(ThreadingHTTPServer):
    """Serves the metrics of a daemon, in the format that is asked for."""

    def __init__(self) -> None:
        self.metrics, self.formats = Metrics(), set[str]()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Daemon)
        body, content_type = self.server.metrics.exposition_as(self.headers["Accept"])
        self.server.formats.add(content_type.partition(";")[0])
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with Daemon() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_prometheus_finds_the_trace_of_an_order_behind_a_figure(daemon: Daemon, tmp_path: Path) -> None:
    daemon.metrics.decision_to_sent.observe(0.3, traces.exemplar(ORDER))
    (tmp_path / "prometheus.yml").write_text(CONFIGURATION.format(port=daemon.server_port))
    port = free_port()
    arguments = [
        f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    with Served("prometheus", tmp_path, port, "/-/ready", arguments) as server:
        end_s = time.monotonic() + WAIT_S
        found = []
        while not found:
            assert time.monotonic() < end_s, server.get("/api/v1/targets")
            time.sleep(POLL_S)
            now = time.time()
            found = server.get(
                "/api/v1/query_exemplars",
                query="livetrader_decision_to_sent_seconds_bucket",
                start=str(now - 60),
                end=str(now + 60),
            )["data"]
    (series,) = found
    assert series["seriesLabels"]["le"] == "0.5"
    (exemplar,) = series["exemplars"]
    assert exemplar["labels"] == {"trace_id": f"{traces.trace_id(ORDER):032x}", "order": ORDER}
    assert float(exemplar["value"]) == 0.3
    assert daemon.formats == {"application/openmetrics-text"}
