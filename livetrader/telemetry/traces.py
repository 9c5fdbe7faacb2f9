"""What a trace of an order is: spans, and ids that follow from the order's own.

The id of an order's trace is a function of its client order id, which is on the disk before the order is
sent. So a daemon that starts again goes on with the same trace, and whoever has the order finds the trace
without asking anybody: `trace_id`. Pure; who sends spans somewhere is in otlp.py.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

import msgspec

ORDER_SPAN: Final = "order"  # the root: from the tick, or from when we first heard of it, to its end
_LOW_64: Final = (1 << 64) - 1

Attribute = str | int | float | bool


class SpanEvent(msgspec.Struct, frozen=True):
    """Something that happened within a span; `time_ns` is wall-clock UTC."""

    time_ns: int
    name: str
    detail: str = ""


class Span(msgspec.Struct, frozen=True):
    """A stretch of an order's way; times are wall-clock UTC. `parent_id` is None for the root.

    `error` says why the order ended badly, empty where it did not.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: dict[str, Attribute]
    events: tuple[SpanEvent, ...] = ()
    error: str = ""


class Spans(Protocol):
    """Where spans go."""

    def put(self, span: Span) -> None:
        """Take a span; never waits, never raises: a trace that is lost is no harm."""
        ...


def trace_id(seed: str) -> int:
    """Return the id (128 bits, not zero) of the trace of the order with this client order id."""
    return int.from_bytes(hashlib.sha256(b"trace of " + seed.encode()).digest()[:16], "big") or 1


def span_id(seed: str, name: str) -> int:
    """Return the id (64 bits, not zero) of a span of an order's trace; `name` is unique within it."""
    digest = hashlib.sha256(b"span of " + seed.encode() + b"\0" + name.encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1


def exemplar(client_order_id: str) -> dict[str, str]:
    """Return the labels by which a figure in the metrics names the order that it came from.

    Below the 128 characters that OpenMetrics allows.
    """
    return {"trace_id": f"{trace_id(client_order_id):032x}", "order": client_order_id}


def sampled(trace: int, ratio: float) -> bool:
    """Return whether a trace is among the share `ratio` that is kept.

    By the low 64 bits of its id, as OpenTelemetry's TraceIdRatioBased sampler decides: the same in every
    process and after every restart.
    """
    return trace & _LOW_64 < ratio * (1 << 64)
