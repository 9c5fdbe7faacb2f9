"""Spans go to a real receiver on loopback, decoded by the protocol's classes; a broken one harms nobody."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from livetrader.errors import ConfigError
from livetrader.telemetry import otlp, traces
from livetrader.telemetry.otlp import OtlpSpans
from livetrader.telemetry.traces import Span, SpanEvent

pytest.importorskip("opentelemetry.sdk", reason="the extra livetrader[otel] is not installed")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

SPAN = Span(
    "order", traces.trace_id("LTx-1"), traces.span_id("LTx-1", "order"), None, 1_000, 5_000,
    {"livetrader.order.symbol": "SPY", "livetrader.order.id": 7, "livetrader.order.resumed": False},
    (SpanEvent(2_000, "report", "submitted"),), "refused: not today",
)  # fmt: skip
LEG = Span("fill", SPAN.trace_id, traces.span_id("LTx-1", "fill 1"), SPAN.span_id, 2_000, 5_000, {})


class Collector:
    """A receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.status = 200
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        await self.answers.wait()
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.status == 200:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        return web.Response(status=self.status)

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        made.url = f"http://127.0.0.1:{port}/v1/traces"
        yield made
    finally:
        made.answers.set()
        await runner.cleanup()


class Counted:
    """What became of the spans; told by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.by_outcome: Counter[str] = Counter()

    def __call__(self, outcome: str, spans: int) -> None:
        with self._lock:
            self.by_outcome[outcome] += spans


def test_a_collector_receives_the_spans_with_our_ids() -> None:
    counted = Counted()

    async def body() -> None:
        async with collector() as receiver:
            spans = OtlpSpans(receiver.url, "paper", counted)
            spans.start()
            spans.put(SPAN)
            spans.put(LEG)
            await asyncio.to_thread(spans.close)
            root, leg = receiver.spans()
            assert root.trace_id == leg.trace_id == SPAN.trace_id.to_bytes(16, "big")
            assert root.span_id == leg.parent_span_id == SPAN.span_id.to_bytes(8, "big")
            assert leg.span_id == LEG.span_id.to_bytes(8, "big")
            assert root.parent_span_id == b""
            assert (root.name, root.start_time_unix_nano, root.end_time_unix_nano) == ("order", 1_000, 5_000)
            assert root.status.message == "refused: not today"
            assert [(event.name, event.time_unix_nano) for event in root.events] == [("report", 2_000)]
            told = {each.key: each.value for each in root.attributes}
            assert told["livetrader.order.symbol"].string_value == "SPY"
            assert told["livetrader.order.id"].int_value == 7
            resource = {
                each.key: each.value.string_value
                for each in receiver.requests[0].resource_spans[0].resource.attributes
            }
            assert resource["service.name"] == "livetrader"
            assert resource["service.instance.id"] == "paper"

    asyncio.run(body())
    assert counted.by_outcome == {"exported": 2}


def test_a_collector_that_refuses_or_is_not_there_costs_the_spans_and_nothing_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_S", 0.2)
    counted = Counted()

    async def body() -> None:
        async with collector() as receiver:
            receiver.status = 400
            spans = OtlpSpans(receiver.url, "paper", counted)
            spans.start()
            for _ in range(2 * otlp.BATCH_LIMIT):
                spans.put(SPAN)
            await asyncio.to_thread(spans.close)
        nobody = OtlpSpans(receiver.url, "paper", counted)
        nobody.start()
        nobody.put(SPAN)
        await asyncio.to_thread(nobody.close)

    asyncio.run(body())
    assert counted.by_outcome["exported"] == 0
    assert counted.by_outcome["failed"] == 2 * otlp.BATCH_LIMIT + 1
    told = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")]
    assert len(told) == 2, "once for each, not with every batch"


def test_a_collector_that_hangs_holds_up_neither_orders_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "CLOSE_S", 0.3)
    monkeypatch.setattr(otlp, "BATCH_S", 0.01)
    monkeypatch.setattr(otlp, "QUEUE_LIMIT", 100)
    monkeypatch.setattr(otlp, "REQUEST_S", 1.0)
    counted = Counted()

    async def body() -> None:
        async with collector() as receiver:
            receiver.answers.clear()
            spans = OtlpSpans(receiver.url, "paper", counted)
            spans.start()
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            for _ in range(1000):
                spans.put(msgspec.structs.replace(SPAN))
            assert loop.time() - begun_s < 1.0
            begun_s = loop.time()
            await asyncio.to_thread(spans.close)
            assert loop.time() - begun_s < 3.0
            receiver.answers.set()
            await asyncio.to_thread(spans._thread.join)

    asyncio.run(body())
    assert counted.by_outcome["dropped"] >= 800


def test_without_the_extra_the_setting_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ConfigError, match=r"pip install 'livetrader\[otel\]'"):
        OtlpSpans("http://127.0.0.1:1/v1/traces", "paper", Counted())
