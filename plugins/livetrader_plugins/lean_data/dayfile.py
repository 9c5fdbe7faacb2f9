"""One day's file to batches of points: at once where it is written plainly, row by row where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from livetrader_engine.data.bars import Tick
from livetrader_engine.data.batches import Batch
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import Resolution
from livetrader_plugins.lean_data import convert
from livetrader_plugins.lean_data.client import rows_of
from livetrader_plugins.lean_data.convert import Adjustment, Layout, RowReader

CHUNK_BYTES: Final = 1024 * 1024  # of text read at once: bounds the memory of a day of ticks


def day_batches(subscription: Subscription, text: bytes, layout: Layout, how: Adjustment) -> Iterator[Batch]:
    """Yield the points of one file. Raises DataError naming the file and the row that cannot be read."""
    held: Batch = []  # the last ticks of a part: the next part may have more of their instant
    row = 1
    for part in _parts(text):
        points = held + _points(subscription, part, layout._replace(first_row=row), how)
        row += part.count(b"\n")
        held = []
        if len(part) < len(text) and points and isinstance(points[-1], Tick):
            last_ns = points[-1].time_ns
            while points and points[-1].time_ns == last_ns:
                held.append(points.pop())
            held.reverse()
        if points:
            yield points
    if held:
        yield held


def _points(subscription: Subscription, part: bytes, layout: Layout, how: Adjustment) -> Batch:
    from livetrader_plugins.lean_data import bulk  # numpy: a daemon that reads no such file does without it

    trades = subscription.tick_type is TickType.TRADE
    careful: RowReader
    if subscription.resolution is Resolution.TICK:
        careful = convert.trade_ticks if trades else convert.quote_ticks
        at_once = bulk.trade_ticks if trades else bulk.quote_ticks
    else:
        careful = convert.trade_bars if trades else convert.quote_bars
        at_once = bulk.trade_bars if trades else bulk.quote_bars
    points = at_once(part, layout, how) if layout.midnight_ns is not None else None
    return list(careful(rows_of(layout.place, part), layout, how)) if points is None else points


def _parts(text: bytes) -> Iterator[bytes]:
    """Yield a text in parts of about CHUNK_BYTES, cut between rows, each ending with a newline."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    low = 0
    while low < len(text):
        cut = text.find(b"\n", low + CHUNK_BYTES)
        part = text[low:] if cut < 0 else text[low : cut + 1]
        low += len(part)
        yield part if part.endswith(b"\n") else part + b"\n"
