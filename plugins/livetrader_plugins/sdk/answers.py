"""How the points of a vendor become the answer to a question about the past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.symbols import Resolution


def complete(points: Iterable[MarketPoint], until_ns: int) -> Iterator[MarketPoint]:
    """Yield the points that were over at an instant; they come ascending."""
    for point in points:
        if point.end_time_ns > until_ns:
            return
        yield point


def answered(
    points: Iterable[MarketPoint], request: HistoryRequest, hours: ExchangeHours, end_ns: int
) -> Iterator[Batch]:
    """Yield what a question asked for, up to an instant: what ends in its span, while the market is open."""
    subscription = request.subscription
    batches: Iterable[Batch] = batched(points)
    if subscription.resolution is not Resolution.DAILY:
        batches = while_open(batches, hours, subscription.extended_market_hours)
    return ending_within(batches, request.start_ns, end_ns)
