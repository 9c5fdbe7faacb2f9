"""Merge the streams of many subscriptions into time steps.

One step holds every point that is complete at its time, in LEAN's slice order: security type, kind of data,
symbol (Engine/DataFeeds/SubscriptionCollection.cs). The merge knows nothing of files or clocks; the replay
feed and the backtest feed use the same one.

Steps are lined up a block at a time: as far as every stream has its points at hand, so usually a day. Where
all streams have points at the same times, which filling forward brings about, a block is one `zip`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, groupby
from typing import Final, NamedTuple

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched, ends_of
from livetrader_engine.data.subscription import Subscription

SliceKey = tuple[int, int, str, str, int]
Points = tuple[MarketPoint, ...]
Step = tuple[int, Points, Points]  # UTC ns, what is shown, what internal subscriptions bring

FOREVER_NS: Final = 2**63 - 1


def slice_key(subscription: Subscription) -> SliceKey:
    """Return what orders the points of one time step."""
    symbol = subscription.symbol
    # of two resolutions of one symbol the longer comes first, so that the shorter has the last word
    return (
        int(symbol.security_type),
        int(subscription.tick_type),
        symbol.value,
        symbol.id,
        -int(subscription.resolution),
    )


class Block(NamedTuple):
    """Steps in order: their times, their points, and the points of internal subscriptions."""

    times_ns: list[int]
    points: list[Points]
    internal: list[Points]


class _Stream:
    """One stream: the batch at hand, how much of it was handed out, and the batches to come."""

    __slots__ = ("_batches", "_last", "batch", "ends", "internal", "key", "position")

    def __init__(self, subscription: Subscription, batches: Iterable[Batch]) -> None:
        self.key = slice_key(subscription)
        self.internal = subscription.internal
        self.batch: Batch = []
        self.ends: list[int] = []
        self.position = 0
        self._batches = iter(batches)
        self._last: MarketPoint | None = None

    def ready(self) -> bool:
        """Have a point at hand, reading the next batch if need be; return whether there is one."""
        if self.position < len(self.batch):
            return True
        batch = next(self._batches, None)
        if batch is None:
            return False
        self._last = self.newest
        ends = ends_of(batch)
        if ends != sorted(ends):
            ends = list(accumulate(ends, max))  # a point from the past is put into the present
        self.batch, self.ends, self.position = batch, ends, 0
        return True

    @property
    def newest(self) -> MarketPoint | None:
        """The point handed out last."""
        return self.batch[self.position - 1] if self.position else self._last


class Merger:
    """Merges streams that may come and go. Each stream ascends by end time; ties keep slice order.

    Holds one batch per stream and the steps made of them. A point of before `time_ns`, or from before the
    point it follows, is put into the present. Owned by one feed.
    """

    def __init__(self, time_ns: int = 0) -> None:
        self._time_ns = time_ns
        self._streams: dict[Subscription, _Stream] = {}
        self._ordered: list[_Stream] | None = None  # those that have not ended, in slice order
        self._lined_up = False

    def add(self, subscription: Subscription, points: Iterable[MarketPoint]) -> None:
        """Merge this stream from now on, in place of the one this subscription had."""
        self.add_batches(subscription, batched(points))

    def add_batches(self, subscription: Subscription, batches: Iterable[Batch]) -> None:
        """Merge a stream of batches from now on, in place of the one this subscription had.

        Give the present block back with `release` before.
        """
        assert not self._lined_up, "streams change between blocks"
        self._streams[subscription] = _Stream(subscription, batches)
        self._ordered = None

    def remove(self, subscription: Subscription) -> None:
        """Forget a stream; harmless where there is none. Give the present block back before."""
        assert not self._lined_up, "streams change between blocks"
        self._streams.pop(subscription, None)
        self._ordered = None

    def newest(self, subscription: Subscription) -> MarketPoint | None:
        """Return the point of this stream that was handed out last, None where there is none."""
        stream = self._streams.get(subscription)
        return None if stream is None else stream.newest

    def line_up(self, until_ns: int = FOREVER_NS) -> Block | None:
        """Return the next steps, none later than `until_ns`; None where there is none before that.

        They count as handed out with the `release` that must follow.
        """
        assert not self._lined_up, "one block at a time"
        now_ns = self._time_ns
        streams = self._open_streams()
        if not streams or until_ns < now_ns:
            return None
        horizon_ns = min(until_ns, max(now_ns, min(stream.ends[-1] for stream in streams)))
        shown: list[tuple[list[int], Batch]] = []
        internal: list[tuple[list[int], Batch]] = []
        for stream in streams:
            ends, low = stream.ends, stream.position
            high = bisect_right(ends, horizon_ns, low)
            if low < high:
                part = ends[low:high]
                if part[0] < now_ns:
                    part = [max(end_ns, now_ns) for end_ns in part]
                (internal if stream.internal else shown).append((part, stream.batch[low:high]))
        if not shown and not internal:
            return None
        self._lined_up = True
        return _block(shown, internal)

    def release(self, time_ns: int | None) -> None:
        """Say that of the block the steps up to `time_ns` were handed out; None: no step was."""
        if not self._lined_up:
            return
        self._lined_up = False
        if time_ns is None:
            return
        self._time_ns = time_ns
        for stream in self._ordered or ():
            stream.position = bisect_right(stream.ends, time_ns, stream.position)

    def _open_streams(self) -> list[_Stream]:
        """Return the streams that have a point at hand, in slice order."""
        ordered = self._ordered
        if ordered is None:
            ordered = sorted(self._streams.values(), key=_key_of)
        self._ordered = [stream for stream in ordered if stream.ready()]
        return self._ordered


def _key_of(stream: _Stream) -> SliceKey:
    return stream.key


def _block(shown: list[tuple[list[int], Batch]], internal: list[tuple[list[int], Batch]]) -> Block:
    times, points = _steps(shown)
    if not internal:
        return Block(times, points, [()] * len(times))
    apart = dict(zip(*_steps(internal), strict=True))
    if not apart.keys() <= set(times):
        together = dict(zip(times, points, strict=True))
        times = sorted(together.keys() | apart.keys())
        points = [together.get(time_ns, ()) for time_ns in times]
    return Block(times, points, [apart.get(time_ns, ()) for time_ns in times])


def _steps(parts: list[tuple[list[int], Batch]]) -> tuple[list[int], list[Points]]:
    """Return the distinct times of the parts, ascending, and the points of each."""
    if not parts:
        return [], []
    times = parts[0][0]
    if len(set(times)) == len(times) and all(other[0] == times for other in parts[1:]):
        return times, list(zip(*(batch for _, batch in parts), strict=True))
    ends = list(chain.from_iterable(part[0] for part in parts))
    points = list(chain.from_iterable(part[1] for part in parts))
    times, steps = [], []
    # the sort is stable: points of one instant keep the order of their streams
    order = sorted(range(len(ends)), key=ends.__getitem__)
    for time_ns, numbers in groupby(order, key=ends.__getitem__):
        times.append(time_ns)
        steps.append(tuple([points[number] for number in numbers]))
    return times, steps


def merge(
    streams: Iterable[tuple[Subscription, Iterable[MarketPoint]]],
) -> Iterator[tuple[int, Points]]:
    """Yield (time_ns, points) of each step until every stream has ended; internal points come last."""
    merger = Merger()
    for subscription, points in streams:
        merger.add(subscription, points)
    while (block := merger.line_up()) is not None:
        for time_ns, points, internal in zip(*block, strict=True):
            yield time_ns, points + internal
        merger.release(block.times_ns[-1])
