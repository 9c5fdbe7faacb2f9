"""Streams of points in lists: what is true of a whole list is tested once instead of once a point.

A batch is a list of points of one stream, ascending by end time, never empty, and no two batches of a stream
share an instant. A history provider that reads whole files hands out batches itself
(`synchronizer.BatchedHistory`); the points of any other are put into batches here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from operator import attrgetter
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, Tick

Batch = list[MarketPoint]

BATCH_POINTS: Final = (
    512  # points put together where the provider makes no batches: a day of minutes and some
)
FEW_POINTS: Final = 8  # a batch of so few is tested point by point: cutting it would cost more

_ONE_DAY: Final = timedelta(days=1)
_tick_time = attrgetter("time_ns")
_bar_end = attrgetter("end_time_ns")


def starts_of(batch: Batch) -> list[int]:
    """Return the start times of a batch."""
    return [point.time_ns for point in batch]


def ends_of(batch: Batch) -> list[int]:
    """Return the end times of a batch."""
    # the end time of a tick is a property: asking for the field behind it is a third of the price
    return list(map(_tick_time if isinstance(batch[0], Tick) else _bar_end, batch))


def batched(points: Iterable[MarketPoint], size: int = BATCH_POINTS) -> Iterator[Batch]:
    """Put points into batches of about `size`; points of one instant stay together."""
    stream = iter(points)
    batch = list(islice(stream, size))
    while batch:
        following: Batch = []
        for point in stream:
            if point.end_time_ns > batch[-1].end_time_ns:
                following.append(point)
                break
            batch.append(point)
        yield batch
        following.extend(islice(stream, size - len(following)))
        batch = following


def ending_within(batches: Iterable[Batch], start_ns: int, end_ns: int) -> Iterator[Batch]:
    """Yield the part of a stream whose end times lie in (start_ns, end_ns], reading no further."""
    for batch in batches:
        if batch[0].end_time_ns > start_ns and batch[-1].end_time_ns <= end_ns:
            yield batch
            continue
        ends = ends_of(batch)
        low, high = bisect_right(ends, start_ns), bisect_right(ends, end_ns)
        if low < high:
            yield batch[low:high]
        if high < len(batch):
            return


def while_open(batches: Iterable[Batch], hours: ExchangeHours, extended: bool) -> Iterator[Batch]:
    """Yield the points during which the exchange is open at some instant."""
    if hours.always_open:
        yield from batches
        return
    opens_ns = closes_ns = 0  # an interval known to be open
    for batch in batches:
        first_ns, last_ns = batch[0].time_ns, batch[-1].time_ns
        if opens_ns <= first_ns and last_ns < closes_ns:
            yield batch
            continue
        day = hours.local_date(first_ns)
        intervals = hours.intervals(day, extended)
        for low_ns, high_ns in intervals:
            if low_ns <= first_ns and last_ns < high_ns:
                opens_ns, closes_ns = low_ns, high_ns
                yield batch
                break
        else:
            if len(batch) > FEW_POINTS and batch[-1].end_time_ns <= hours.local_midnight(day + _ONE_DAY):
                kept = _cut(batch, intervals)
            else:
                kept = [p for p in batch if hours.is_open_during(p.time_ns, p.end_time_ns, extended)]
            if kept:
                yield kept


def _cut(batch: Batch, intervals: tuple[tuple[int, int], ...]) -> Batch:
    """Return the points of a batch, all of one day, that overlap one of the day's open intervals."""
    starts, ends = starts_of(batch), ends_of(batch)
    kept: Batch = []
    low = 0
    for open_ns, close_ns in intervals:
        # a point without length counts at its start; a bar that has ended by the opening is left out
        first = bisect_left(starts, open_ns)
        while first > low and ends[first - 1] > open_ns:
            first -= 1
        high = bisect_left(starts, close_ns)
        kept += batch[max(first, low) : high]
        low = max(low, high)
    return kept
