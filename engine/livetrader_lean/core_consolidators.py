"""Which core consolidator makes the bars that an algorithm asks for."""

from __future__ import annotations

from livetrader_engine.data.consolidators import (
    Consolidator,
    CountConsolidator,
    ResolutionConsolidator,
    TimeConsolidator,
)
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Resolution


def core_consolidator(
    security: Security,
    *,
    span_ns: int | None = None,
    resolution: Resolution | None = None,
    count: int | None = None,
) -> Consolidator:
    """Return a consolidator of a security's data into bars of a span, a resolution or a number of points."""
    if count is not None:
        return CountConsolidator(count)
    if resolution is not None:
        return ResolutionConsolidator(
            resolution, security.symbol, security.hours, security.extended_market_hours
        )
    assert span_ns is not None, "a span, a resolution or a count is asked for"
    return TimeConsolidator(span_ns, security.hours)
