"""Merge the streams of many subscriptions into time steps, and feed a backtest from a history provider.

One step holds every point that is complete at its time, in LEAN's slice order: security type, kind of
data, symbol (Engine/DataFeeds/SubscriptionCollection.cs). The merge knows nothing of files or clocks; the
replay feed and the backtest feed use the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush, heapreplace
from typing import Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, Tick
from livetrader_engine.data.fill_forward import (
    Bar,
    FillRule,
    complete_quotes,
    fill_forward,
    open_hours_only,
)
from livetrader_engine.data.subscription import HistoryRequest, Subscription, TickType
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import DataEnded, EngineEvent, MarketDataArrived, TimePulse
from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.symbols import NS_PER_DAY, Resolution

SliceKey = tuple[int, int, str, str, int]

_NO_STEP_NS: Final = NS_PER_DAY  # fill-forward resolution while nothing is subscribed that sets one


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


def subscription_points(
    provider: HistoryProvider,
    hours: ExchangeHours,
    request: HistoryRequest,
    step_ns: Callable[[], int] | None = None,
    previous: Bar | None = None,
) -> Iterator[MarketPoint]:
    """Yield what a subscription shows over a span: filled forward if it asks for it, open hours only.

    `step_ns` gives the fill-forward resolution, by default the subscription's own; `previous` is the bar
    before the span, whose copies fill a gap at its start. The filter comes after the filling, so a
    pre-market bar may fill the first minutes of a session, as in LEAN.
    """
    subscription = request.subscription
    everything = msgspec.structs.replace(subscription, extended_market_hours=True)
    raw = provider.history(msgspec.structs.replace(request, subscription=everything))
    points: Iterable[MarketPoint] = raw
    if subscription.tick_type is TickType.QUOTE:
        points = complete_quotes(points)
    if subscription.fill_forward and subscription.resolution is not Resolution.TICK:
        own = subscription.resolution.period_ns
        rule = FillRule.of(subscription, hours, step_ns or (lambda: own), request.end_ns)
        points = fill_forward(points, rule, previous)
    return open_hours_only(points, hours, subscription.extended_market_hours)


class Merger:
    """Merges streams that may come and go. Each stream ascends by end time; ties keep slice order.

    Holds two points per stream and nothing else: the newest handed out and the next. A stream
    that goes back in time is put into the present.
    """

    def __init__(self) -> None:
        # (end time, slice key, serial, point, stream): serials are unique, so points are never compared
        self._heap: list[tuple[int, SliceKey, int, MarketPoint, Iterator[MarketPoint]]] = []
        self._newest: dict[int, MarketPoint] = {}  # by serial: the point handed out last
        self._serial_of: dict[Subscription, int] = {}
        self._next_serial = 0
        self._time_ns = 0

    def add(self, subscription: Subscription, points: Iterable[MarketPoint]) -> None:
        """Merge this stream from now on, in place of the one this subscription had."""
        newest = self.newest(subscription)
        self.remove(subscription)
        serial = self._next_serial
        self._next_serial += 1
        if newest is not None:
            self._newest[serial] = newest
        self._serial_of[subscription] = serial
        stream = iter(points)
        point = next(stream, None)
        if point is not None:
            heappush(self._heap, (point.end_time_ns, slice_key(subscription), serial, point, stream))

    def remove(self, subscription: Subscription) -> None:
        """Forget a stream with the point it has ready; harmless where there is none."""
        serial = self._serial_of.pop(subscription, None)
        if serial is not None:
            self._newest.pop(serial, None)
            if self._heap:
                self._heap = [entry for entry in self._heap if entry[2] != serial]
                self._heap.sort()

    def newest(self, subscription: Subscription) -> MarketPoint | None:
        """Return the point of this stream that was handed out last, None where there is none."""
        serial = self._serial_of.get(subscription)
        return None if serial is None else self._newest.get(serial)

    @property
    def next_time_ns(self) -> int | None:
        """When the next step is; None where every stream has ended."""
        return max(self._heap[0][0], self._time_ns) if self._heap else None

    def next(self) -> tuple[int, tuple[MarketPoint, ...]] | None:
        """Return time and points of the next step; None where every stream has ended."""
        heap = self._heap
        if not heap:
            return None
        time_ns = self._time_ns = max(heap[0][0], self._time_ns)
        newest = self._newest
        points: list[MarketPoint] = []
        while heap and heap[0][0] <= time_ns:
            _, key, serial, point, stream = heap[0]
            points.append(point)
            newest[serial] = point
            following = next(stream, None)
            if following is None:
                heappop(heap)
            else:
                # late points count as of now, so that they keep their place among this step's
                heapreplace(heap, (max(following.end_time_ns, time_ns), key, serial, following, stream))
        return time_ns, tuple(points)


def merge(
    streams: Iterable[tuple[Subscription, Iterable[MarketPoint]]],
) -> Iterator[tuple[int, tuple[MarketPoint, ...]]]:
    """Yield (time_ns, points) of each step until every stream has ended."""
    merger = Merger()
    for subscription, points in streams:
        merger.add(subscription, points)
    while (step := merger.next()) is not None:
        yield step


def fill_step_ns(subscriptions: Iterable[Subscription]) -> int:
    """Return the fill-forward resolution: the smallest over the algorithm's own bar subscriptions."""
    return min(
        (
            subscription.resolution.period_ns
            for subscription in subscriptions
            if not subscription.internal and subscription.resolution is not Resolution.TICK
        ),
        default=_NO_STEP_NS,
    )


class HistoricalFeed:
    """Feeds [start_ns, end_ns] of a history provider as events. Implements ports.DataFeed.

    Nothing is read before the first `next`. Subscriptions added later start at the time of the newest
    event; where they make the fill-forward resolution finer, the streams that fill are begun anew from
    that time. After the last point comes one DataEnded, then None. Owned by the engine's thread.
    """

    def __init__(
        self, provider: HistoryProvider, reference: ReferenceData, start_ns: int, end_ns: int
    ) -> None:
        self._provider = provider
        self._reference = reference
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._now_ns = start_ns
        self._merger = Merger()
        self._subscriptions: dict[Subscription, None] = {}
        self._step_ns = _NO_STEP_NS
        self._sequence = 0
        self._pulses: list[int] = []
        self._started = False
        self._ended = False

    def set_span(self, start_ns: int, end_ns: int) -> None:
        """Feed another span. Raises InvariantError after the first `next`."""
        if self._started:
            raise InvariantError("the span of a feed is set before its first event")
        self._start_ns = self._now_ns = start_ns
        self._end_ns = end_ns

    def pulse_at(self, time_ns: int) -> None:
        """Put a TimePulse there, before data of the same time: the end of a warm-up, a midnight."""
        heappush(self._pulses, time_ns)

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from the newest event on. Subscribing twice is harmless."""
        if subscription in self._subscriptions:
            return
        self._subscriptions[subscription] = None
        if self._started:
            self._open(subscription)
            self._refine()

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer; harmless where it was not delivered."""
        if subscription in self._subscriptions:
            del self._subscriptions[subscription]
            self._merger.remove(subscription)
            self._refine()

    def next(self) -> EngineEvent | None:
        """Return the next event; None after DataEnded. Raises DataError of the provider."""
        if not self._started:
            self._start()
        step_time_ns = self._merger.next_time_ns
        if self._pulses and (step_time_ns is None or self._pulses[0] <= step_time_ns):
            self._now_ns = max(self._now_ns, heappop(self._pulses))
            return TimePulse(self._now_ns)
        step = self._merger.next()
        if step is None:
            if self._ended:
                return None
            self._ended = True
            return DataEnded(max(self._now_ns, self._end_ns))
        self._now_ns, points = step
        self._sequence += 1
        return MarketDataArrived(self._now_ns, self._sequence, points)

    def _start(self) -> None:
        self._started = True
        self._step_ns = fill_step_ns(self._subscriptions)
        for subscription in self._subscriptions:
            self._open(subscription)

    def _open(self, subscription: Subscription) -> None:
        hours = self._reference.hours(subscription.symbol)
        request = HistoryRequest(subscription, self._now_ns, self._end_ns)
        last = self._merger.newest(subscription)
        previous = None if isinstance(last, Tick) else last
        points = subscription_points(self._provider, hours, request, lambda: self._step_ns, previous)
        self._merger.add(subscription, points)

    def _refine(self) -> None:
        """Begin the filling streams anew where the fill-forward resolution has changed."""
        step_ns = fill_step_ns(self._subscriptions)
        if not self._started or step_ns == self._step_ns:
            return
        self._step_ns = step_ns
        for subscription in self._subscriptions:
            if subscription.fill_forward and self._merger.newest(subscription) is not None:
                self._open(subscription)
