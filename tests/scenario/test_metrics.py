"""A real paper daemon moves every metric that is declared, and its orders leave traces at a collector.

One daemon has a day in which much happens: it trades, is denied, trains, plots, loses its engine and is
liquidated. What that day does not bring is named in RARE, each with the place where it is tested.
"""

from __future__ import annotations

import http.server
import math
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from livetrader.telemetry.metrics import Metrics
from tests.scenario.daemons import Daemon, UnixConnection, write_market

pytest.importorskip("opentelemetry.sdk", reason="the extra livetrader[otel] is not installed")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
ALGORITHM = """
from AlgorithmImports import *


class Busy(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.minutes, self.drifted = 0, False
        self.train(self.fit)

    def fit(self):
        self.models.save("slope", [1.0])

    def on_data(self, data):
        self.minutes += 1
        self.plot("mine", "close", data[self.spy].close)
        if not self.drifted and "slope" in self.models.names:
            self.drifted = True
            self.models.load("slope")
            self.models.drift("slope", list(range(100)), list(range(50, 150)))
        if self.minutes % 3 == 0:
            self.market_order(self.spy, 200 if self.minutes == 6 else 1)
"""
SPANS = {"order", "decide", "deliver", "check", "send", "acknowledge", "fill"}

# Families that this day leaves untouched: why, and where they are moved.
RARE: dict[str, str] = {
    "orders_rejected": "a refusal of the venue or when sending: unit/daemon/telemetry/test_flights.py",
    "model_trouble": "a broken model: scenario/test_models.py",
    "stream_dropped": "a reader too slow: unit/daemon/control/test_stream.py",
    "feed_points_refused": "bad prices: unit/daemon/feeds",
    "reconnects": "a brokerage that comes back: scenario/test_ibkr_outage.py",
    "venue_clock_offset_seconds": "paper has no clock of its own: ibkr/test_outages.py",
    "streams": "freshness of live feeds; a replay keeps its own time: unit/daemon/feeds",
    "notifications": "somebody has to be told something: unit/daemon/notifying",
    "alerts": "Prometheus and Alertmanager: tests/alerts",
    "alerts_firing": "Prometheus and Alertmanager: tests/alerts",
}
MAX_SERIES = 600  # of a daemon with one feed and one model, as docs/metrics.md says
DAY_LIMIT_S = 40.0  # until the next thing of the day has happened, with other tests beside it
# Gauges that are NaN where what they measure does not exist; counters of what a good day does not bring.
NAN_TODAY: dict[str, str] = {
    "training_refill_seconds": "the bucket is full",
    "training_host_bucket_seconds": "no bucket is shared",
}


class Collector:
    """A receiver of OTLP over HTTP, in threads."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = ExportTraceServiceRequest.FromString(body)
                for resource in told.resource_spans:
                    for scope in resource.scope_spans:
                        outer.spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def scrape(daemon: Daemon, accept: str = OPENMETRICS) -> tuple[str, str]:
    connection = UnixConnection(daemon.state / "control.sock")
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        answer = connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 200, body
        return body, answer.headers["Content-Type"]
    finally:
        connection.close()


def families(daemon: Daemon) -> dict[str, Metric]:
    text, _ = scrape(daemon)
    return {
        family.name.removeprefix("livetrader_"): family for family in text_string_to_metric_families(text)
    }


def total(daemon: Daemon, family: str, end: str = "_total") -> float:
    found = families(daemon)[family]
    return sum(sample.value for sample in found.samples if sample.name.endswith(end))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Daemon]:
    """Begin the day, and let everything happen that the tests look at."""
    folder = tmp_path_factory.mktemp("busy")
    write_market(folder / "data", lambda minute: 300.0 + minute % 7)
    made = Daemon(
        folder,
        ALGORITHM,
        {
            "limits": {"max_order_quantity": 100.0},
            "telemetry": {"otlp_endpoint": collector.url},
            "feed": {"speed": 600.0},
        },
    )
    made.start()
    try:
        made.until(lambda: made.status() is not None, "an answer")
        made.until(lambda: total(made, "model_drift", "drift") > 0, "a drift", DAY_LIMIT_S)
        made.until(lambda: total(made, "orders_denied") >= 1, "a denied order", DAY_LIMIT_S)
        os.kill(made.engine_pid(), signal.SIGKILL)
        made.until(lambda: total(made, "engine_restarts") >= 1, "another engine", DAY_LIMIT_S)
        fills = total(made, "fills")
        made.until(lambda: total(made, "fills") > fills, "a trade of the next engine", DAY_LIMIT_S)
        yield made
    finally:
        made.close()


def test_every_declared_metric_is_set_by_a_day_of_trading(daemon: Daemon) -> None:
    daemon.until(lambda: total(daemon, "trace_spans") > 0, "spans at the collector")
    daemon.until(lambda: families(daemon)["process_resident_bytes"].samples, "a look at the machine")
    before = families(daemon)
    daemon.liquidate()
    daemon.until(lambda: daemon.is_flat(), "a flat account")
    after = families(daemon)
    declared = {family.name.removeprefix("livetrader_") for family in Metrics().registry.collect()}
    assert set(RARE) <= declared
    assert set(NAN_TODAY) <= declared
    unset = []
    for name in sorted(declared - set(RARE)):
        samples = [*before[name].samples, *after[name].samples]
        if not samples:
            unset.append(f"{name}: no value")
        elif all(math.isnan(sample.value) for sample in samples) and name not in NAN_TODAY:
            unset.append(f"{name}: never known")
        elif before[name].type == "histogram" and not any(
            sample.value for sample in samples if sample.name.endswith("_count")
        ):
            unset.append(f"{name}: never observed")
    assert unset == []
    assert after["exposure_gross"].samples[0].value == 0
    assert before["exposure_gross"].samples[0].value == before["exposure_net"].samples[0].value > 0


def test_a_scraper_gets_the_format_that_it_asks_for(daemon: Daemon) -> None:
    text, content_type = scrape(daemon, "text/plain")
    assert content_type.startswith("text/plain; version=0.0.4")
    assert "# {" not in text
    text, content_type = scrape(daemon)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    series = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(series) < MAX_SERIES, "a label takes too many values"


def test_one_order_is_a_trace_from_the_tick_to_the_trade(daemon: Daemon, collector: Collector) -> None:
    samples = [sample for family in families(daemon).values() for sample in family.samples if sample.exemplar]
    orders = {sample.exemplar.labels["order"]: sample.exemplar.labels["trace_id"] for sample in samples}
    named = {trace for order, trace in orders.items() if order.startswith("LT")}  # LK: of the kill switch
    assert named

    def whole() -> dict[str, list[Any]]:
        traces: dict[str, list[Any]] = {}
        for span in tuple(collector.spans):
            traces.setdefault(span.trace_id.hex(), []).append(span)
        return {name: spans for name, spans in traces.items() if {span.name for span in spans} == SPANS}

    daemon.until(lambda: whole().keys() & named, "the whole trace of an order that an exemplar names")
    trace = next(spans for name, spans in whole().items() if name in named)
    code, shown = daemon.request("GET", "/v1/orders?limit=1000")
    assert code == 200
    assert {each["client_order_id"]: each["trace_id"] for each in shown}.items() >= orders.items()
    spans = {span.name: span for span in trace}
    root = spans.pop("order")
    assert root.parent_span_id == b""
    assert {span.parent_span_id for span in spans.values()} == {root.span_id}
    assert root.start_time_unix_nano == spans["decide"].start_time_unix_nano
    order = ["decide", "deliver", "check", "send", "acknowledge", "fill"]
    starts = [spans[name].start_time_unix_nano for name in order]
    assert starts == sorted(starts)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values())
    told = {each.key: each.value.string_value for each in root.attributes}
    assert told["livetrader.order.symbol"] == "SPY"
    assert told["livetrader.order.status"] == "filled"


def test_the_latencies_of_a_paper_order_are_those_of_software(daemon: Daemon) -> None:
    seen = families(daemon)
    for name in ("tick_to_decision", "decision_to_sent", "sent_to_acknowledged"):
        samples = {each.name.rpartition("_")[2]: each.value for each in seen[f"{name}_seconds"].samples}
        assert samples["count"] > 0, name
        assert 0 <= samples["sum"] / samples["count"] < 1.0, name
