"""Sends the spans of orders to an OpenTelemetry collector: OTLP over HTTP, from a thread of its own.

Needs the extra `livetrader[otel]`, which is imported where a collector is configured and nowhere else. What
the collector does not take is lost and counted: a trace must never hold up an order.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from livetrader import __version__
from livetrader.errors import ConfigError
from livetrader.telemetry.logs import event
from livetrader.telemetry.traces import ORDER_SPAN, Span

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

QUEUE_LIMIT: Final = 4_096  # spans that wait; 500 orders and 4 MB, what comes on top is dropped and counted
BATCH_LIMIT: Final = 512  # spans of one request
BATCH_S: Final = 1.0  # how long a span may wait for company
REQUEST_S: Final = 5.0  # for one request with its repetitions
CLOSE_S: Final = 3.0  # for what waits when the daemon ends

_log = logging.getLogger(__name__)


class OtlpSpans:
    """Implements traces.Spans. `put` may be called from any thread; `start` and `close` once each.

    `counted(outcome, spans)` hears what became of them, from either thread. Headers and certificates are
    taken from the standard's environment, OTEL_EXPORTER_OTLP_HEADERS and so on. Raises ConfigError where the
    extra is not installed.
    """

    def __init__(self, endpoint: str, account: str, counted: Callable[[str, int], None]) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise ConfigError(
                ["telemetry.otlp_endpoint: traces need OpenTelemetry: pip install 'livetrader[otel]'"]
            ) from error
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we say once what it says each time
        self._exporter: OTLPSpanExporter = OTLPSpanExporter(endpoint=endpoint, timeout=REQUEST_S)
        self._resource: Resource = Resource(
            {"service.name": "livetrader", "service.version": __version__, "service.instance.id": account}
        )
        self._endpoint = endpoint
        self._counted = counted
        self._waiting: queue.Queue[Span] = queue.Queue(QUEUE_LIMIT)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._failing = False  # the thread's own

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, span: Span) -> None:
        """Take a span; one that finds the queue full is dropped."""
        try:
            self._waiting.put_nowait(span)
        except queue.Full:
            self._counted("dropped", 1)

    def close(self) -> None:
        """Send what waits, for CLOSE_S at most. Blocks so long; call it from a thread."""
        self._closing.set()
        self._thread.join(CLOSE_S)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # not typed

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            batch = self._batch()
            if batch:
                self._send(batch)

    def _batch(self) -> list[Span]:
        """Return what waits; with nothing there, look again after BATCH_S."""
        self._closing.wait(BATCH_S)
        batch: list[Span] = []
        while len(batch) < BATCH_LIMIT:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _send(self, batch: Sequence[Span]) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        taken = False
        try:
            result = self._exporter.export([_readable(span, self._resource) for span in batch])
            taken = result is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 — boundary: a fault of the library costs these spans, not the thread
            _log.warning("spans were not sent", exc_info=True, extra={"action": "traces_failed"})
        self._counted("exported" if taken else "failed", len(batch))
        if taken is self._failing:  # once, not with every batch
            self._failing = not taken
            if taken:
                event(_log, logging.INFO, "traces_taken_again", endpoint=self._endpoint)
            else:
                event(_log, logging.WARNING, "traces_refused", endpoint=self._endpoint,
                      next_step="see that the collector runs and takes OTLP over HTTP there")  # fmt: skip


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    """Return a span as the SDK has it; its ids are ours."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(span_id: int) -> SpanContext:
        return SpanContext(
            span.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )

    return ReadableSpan(
        span.name,
        context=context(span.span_id),
        parent=None if span.parent_id is None else context(span.parent_id),
        resource=resource,
        attributes=span.attributes,
        events=[Event(each.name, {"detail": each.detail}, each.time_ns) for each in span.events],
        kind=SpanKind.CLIENT if span.name == ORDER_SPAN else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("livetrader", __version__),
    )
