"""Makes the spans of an order's way out of moments of the monotonic clock, where somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from livetrader.telemetry import traces
from livetrader.telemetry.traces import ORDER_SPAN, Attribute, Span, SpanEvent, Spans
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.symbols import NS_PER_SECOND

STEP_NS: Final = 1_000_000  # by which the clocks may part until spans follow the wall clock anew


@dataclass(frozen=True, slots=True)
class Clocks:
    """`monotonic_s` for durations, `wall_ns` for the instants in traces."""

    monotonic_s: Callable[[], float]
    wall_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to an order, in monotonic seconds."""

    at_s: float
    name: str
    detail: str


class OrderSpans:
    """Writes spans for the share `ratio` of the orders; for none without `spans`. `seed` names the order."""

    def __init__(self, clocks: Clocks, spans: Spans | None, ratio: float) -> None:
        self._clocks = clocks
        self._spans = spans
        self._ratio = ratio
        self._offset_ns = 0  # of the wall clock

    def leg(
        self,
        seed: str,
        name: str,
        begun_s: float,
        ended_s: float,
        attributes: dict[str, Attribute] | None = None,
        *,
        number: int = 0,
    ) -> None:
        """Show a part of the way; `number` tells legs of one name apart."""
        if self._wanted(seed):
            own = traces.span_id(seed, f"{name} {number}" if number else name)
            root = traces.span_id(seed, ORDER_SPAN)
            self._put(
                Span(
                    name,
                    traces.trace_id(seed),
                    own,
                    root,
                    self._wall_ns(begun_s),
                    self._wall_ns(ended_s),
                    attributes or {},
                )
            )

    def whole(
        self,
        seed: str,
        begun_s: float,
        ended_s: float,
        attributes: dict[str, Attribute],
        events: Sequence[Moment],
        error: str = "",
    ) -> None:
        """Show the whole way, once it is over; `error` where it ended badly."""
        if self._wanted(seed):
            self._put(
                Span(
                    ORDER_SPAN,
                    traces.trace_id(seed),
                    traces.span_id(seed, ORDER_SPAN),
                    None,
                    self._wall_ns(begun_s),
                    self._wall_ns(ended_s),
                    attributes,
                    tuple(SpanEvent(self._wall_ns(each.at_s), each.name, each.detail) for each in events),
                    error,
                )
            )

    def _wanted(self, seed: str) -> bool:
        return self._spans is not None and traces.sampled(traces.trace_id(seed), self._ratio)

    def _put(self, span: Span) -> None:
        assert self._spans is not None, "asked before"
        self._spans.put(span)

    def _wall_ns(self, moment_s: float) -> int:
        """Return a moment on the wall clock; the same moment gives the same instant, unless that was set."""
        offset_ns = self._clocks.wall_ns() - int(self._clocks.monotonic_s() * NS_PER_SECOND)
        if abs(offset_ns - self._offset_ns) > STEP_NS:
            self._offset_ns = offset_ns
        return self._offset_ns + int(moment_s * NS_PER_SECOND)


def described(spec: OrderSpec) -> dict[str, Attribute]:
    """Return what a trace says of the order itself; its tag is the user's and stays here."""
    return {
        "livetrader.order.id": spec.id,
        "livetrader.order.symbol": spec.symbol.value,
        "livetrader.order.type": spec.type.name.lower(),
        "livetrader.order.quantity": str(spec.quantity),
    }
