"""Feed a backtest from a history provider: streams filled forward, cut to open hours, merged into steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain, count
from operator import length_hint
from typing import Final, Protocol, runtime_checkable

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.corporate_actions import FOREVER_NS, ActionQueue, CorporateAction
from livetrader_engine.data.fill_forward import FillRule, complete_quotes, fill_forward
from livetrader_engine.data.merge import Block, Merger, Step
from livetrader_engine.data.periods import daily_bounds, previous_bar_start
from livetrader_engine.data.subscription import HistoryRequest, Subscription, TickType
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import DataEnded, EngineEvent, MarketDataArrived, TimePulse
from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.subscriptions import tick_types
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Resolution

_NO_STEP_NS: Final = NS_PER_DAY  # fill-forward resolution while nothing is subscribed that sets one


@runtime_checkable
class BatchedHistory(Protocol):
    """A history provider that can hand out whole batches."""

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield what `history` yields, in batches."""
        ...


def batches_of(provider: HistoryProvider, request: HistoryRequest) -> Iterator[Batch]:
    """Return the batches of a request, whoever answers it."""
    if isinstance(provider, BatchedHistory):
        return iter(provider.batches(request))
    return batched(provider.history(request))


def subscription_batches(
    provider: HistoryProvider,
    hours: ExchangeHours,
    request: HistoryRequest,
    step_ns: Callable[[], int] | None = None,
) -> Iterator[Batch]:
    """Yield what a subscription shows over a span: filled forward if it asks for it, open hours only.

    `step_ns` gives the fill-forward resolution, by default the subscription's own. The filter comes after
    the filling, so a pre-market bar may fill the first minutes of a session, as in LEAN.
    """
    subscription = request.subscription
    everything = msgspec.structs.replace(subscription, extended_market_hours=True)
    batches = batches_of(provider, msgspec.structs.replace(request, subscription=everything))
    if subscription.tick_type is TickType.QUOTE and subscription.resolution is not Resolution.TICK:
        batches = complete_quotes(batches)
    if subscription.fill_forward and subscription.resolution is not Resolution.TICK:
        own = subscription.resolution.period_ns
        batches = fill_forward(
            batches, FillRule.of(subscription, hours, step_ns or (lambda: own), request.end_ns)
        )
    return while_open(batches, hours, subscription.extended_market_hours)


def subscription_points(
    provider: HistoryProvider, hours: ExchangeHours, request: HistoryRequest
) -> Iterator[MarketPoint]:
    """Yield the points of `subscription_batches`, one by one."""
    return chain.from_iterable(subscription_batches(provider, hours, request))


def past_points(
    history: HistoryProvider, reference: ReferenceData, request: HistoryRequest, now_ns: int
) -> list[MarketPoint]:
    """Return what a subscription showed over a span, as far as it has happened."""
    end_ns = min(request.end_ns, now_ns)
    if request.start_ns >= end_ns:
        return []
    clipped = msgspec.structs.replace(request, end_ns=end_ns)
    points = subscription_points(history, reference.hours(request.subscription.symbol), clipped)
    return [point for point in points if request.start_ns < point.end_time_ns <= end_ns]


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
    event; where they change the fill-forward resolution, the streams that fill are begun anew from that
    time. Internal streams that do not fill begin with the trading day before the span, so that what they
    price has a price in the first step (LEAN: UniverseSelection.AddPendingInternalDataFeeds). After the last
    point comes one DataEnded, then None. Owned by the engine's thread.
    """

    def __init__(
        self, provider: HistoryProvider, reference: ReferenceData, start_ns: int, end_ns: int
    ) -> None:
        self._provider = provider
        self._reference = reference
        self._end_ns = end_ns
        self._now_ns = start_ns  # of the newest event but for those of the block at hand
        self._merger = Merger(start_ns)
        self._subscriptions: dict[Subscription, None] = {}
        self._step_ns = _NO_STEP_NS
        self._numbers = count(1)
        self._actions = ActionQueue()
        self._wanted: list[int] = []  # times that are to have a step, with data or without
        self._stepped_ns = -1  # of the newest step
        self.ready: Iterator[Step] = iter(())  # the steps of the block at hand, for whoever runs ahead
        self._times: list[int] = []  # of the block at hand
        self._times_left: Iterator[int] = iter(())  # `ready` draws from it
        self._started = False
        self._ended = False
        self._warm_up: tuple[Resolution, int] | None = None

    def warm_up_with(self, resolution: Resolution, until_ns: int) -> None:
        """Deliver every stream at this resolution until `until_ns`, and at its own from there on.

        Streams that have no data of that resolution begin at `until_ns`. Raises InvariantError after the
        first `next`. Source: FileSystemDataFeed.CreateSubscription.
        """
        if self._started:
            raise InvariantError("the warm-up of a feed is set before its first event")
        self._warm_up = resolution, until_ns

    def set_span(self, start_ns: int, end_ns: int) -> None:
        """Feed another span. Raises InvariantError after the first `next`."""
        if self._started:
            raise InvariantError("the span of a feed is set before its first event")
        self._now_ns = start_ns
        self._end_ns = end_ns
        self._merger = Merger(start_ns)

    def step_at(self, time_ns: int) -> None:
        """Have a step there: that of the data of that time, a TimePulse where there are none."""
        self._release()
        heappush(self._wanted, time_ns)

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from the newest event on. Subscribing twice is harmless."""
        if subscription in self._subscriptions:
            return
        self._subscriptions[subscription] = None
        if self._started:
            self._release()
            self._open(subscription)
            self._await_actions(subscription)
            self._refine()

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer; harmless where it was not delivered."""
        if subscription in self._subscriptions:
            self._release()
            del self._subscriptions[subscription]
            self._merger.remove(subscription)
            self._actions.remove(subscription)
            self._refine()

    def next(self) -> EngineEvent | None:
        """Return the next event; None after DataEnded. Raises DataError of the provider."""
        step = next(self.ready, None)
        return self._next_of_another_block() if step is None else self._event(step)

    def _next_of_another_block(self) -> EngineEvent | None:
        if not self._started:
            self._start()
        self._release()
        action_ns = self._actions.next_time_ns
        while self._wanted and self._wanted[0] <= self._stepped_ns:
            heappop(self._wanted)
        wanted_ns = self._wanted[0] if self._wanted else FOREVER_NS
        block = self._merger.line_up(min(action_ns - 1, wanted_ns))
        if block is not None:
            self._line_up(block)
            return self._event(next(self.ready))
        if wanted_ns < action_ns:
            self._now_ns = self._stepped_ns = max(self._now_ns, heappop(self._wanted))
            return TimePulse(self._now_ns)
        if action_ns < FOREVER_NS:
            return self._act(action_ns)
        if self._ended:
            return None
        self._ended = True
        return DataEnded(max(self._now_ns, self._end_ns))

    def _act(self, time_ns: int) -> MarketDataArrived:
        """Return the step of a corporate action, with the points of its instant."""
        actions = self._actions.take(time_ns)
        block = self._merger.line_up(time_ns)
        if block is None:
            self._now_ns = self._stepped_ns = max(self._now_ns, time_ns)
            return self._event((time_ns, (), ()), actions)
        self._line_up(block)
        return self._event(next(self.ready), actions)

    def _event(self, step: Step, actions: tuple[CorporateAction, ...] = ()) -> MarketDataArrived:
        time_ns, points, internal = step
        return MarketDataArrived(time_ns, next(self._numbers), points, internal, actions)

    def _line_up(self, block: Block) -> None:
        self._times = block.times_ns
        self._times_left = iter(block.times_ns)
        # the times go first: what is left of them tells how far it came
        self.ready = zip(self._times_left, block.points, block.internal, strict=False)

    def _release(self) -> None:
        """Give back what is left of the block at hand: streams are about to change, or it is used up."""
        handed_out = len(self._times) - length_hint(self._times_left)
        newest_ns = self._times[handed_out - 1] if handed_out else None
        self._merger.release(newest_ns)
        if newest_ns is not None:
            self._now_ns = self._stepped_ns = newest_ns
        self._times = []
        self._times_left = iter(())
        self.ready = iter(())

    def _start(self) -> None:
        self._started = True
        self._step_ns = fill_step_ns(self._subscriptions)
        for subscription in self._subscriptions:
            self._open(subscription)
            self._await_actions(subscription)

    def _await_actions(self, subscription: Subscription) -> None:
        """Have a stream's corporate actions delivered; the engine's own streams carry none."""
        if subscription.internal:
            return
        symbol = subscription.symbol
        hours = self._reference.hours(symbol)
        first, last = hours.local_date(self._now_ns), hours.local_date(self._end_ns)
        actions = self._reference.corporate_actions(symbol, first, last)
        self._actions.add(subscription, actions, self._now_ns)

    def _open(self, subscription: Subscription) -> None:
        hours = self._reference.hours(subscription.symbol)
        start_ns = self._now_ns
        if subscription.internal and not subscription.fill_forward:
            start_ns = previous_bar_start(start_ns, subscription.symbol, hours)
        request = HistoryRequest(subscription, start_ns, self._end_of(subscription, hours))
        if self._warm_up is not None and start_ns < self._warm_up[1]:
            batches = self._warmed_up(request, hours, *self._warm_up)
        else:
            batches = subscription_batches(self._provider, hours, request, lambda: self._step_ns)
        self._merger.add_batches(subscription, batches)

    def _end_of(self, subscription: Subscription, hours: ExchangeHours) -> int:
        """Return where a stream ends: the bar of the last day belongs to it though it ends at midnight."""
        if subscription.precise_daily or subscription.resolution is not Resolution.DAILY:
            return self._end_ns
        last = datetime.fromtimestamp(self._end_ns // NS_PER_SECOND, hours.data_timezone).date()
        return daily_bounds(last, hours, False)[1]

    def _warmed_up(
        self, request: HistoryRequest, hours: ExchangeHours, resolution: Resolution, until_ns: int
    ) -> Iterator[Batch]:
        subscription = request.subscription
        coarse = msgspec.structs.replace(subscription, resolution=resolution)
        before: Iterator[Batch] = iter(())
        if subscription.tick_type in tick_types(subscription.symbol.security_type, resolution):
            past = msgspec.structs.replace(request, subscription=coarse, end_ns=until_ns)
            period_ns = resolution.period_ns
            before = subscription_batches(self._provider, hours, past, lambda: period_ns)
        # the own stream begins a day earlier, so that its last bar fills the first gap
        start_ns = max(request.start_ns, previous_bar_start(until_ns, subscription.symbol, hours))
        own = msgspec.structs.replace(request, start_ns=start_ns)
        after = subscription_batches(self._provider, hours, own, lambda: self._step_ns)
        return chain(
            ending_within(before, request.start_ns, until_ns), ending_within(after, until_ns, request.end_ns)
        )

    def _refine(self) -> None:
        """Begin the filling streams anew where the fill-forward resolution has changed, as LEAN does.

        They fill from their next bar on: what they had is forgotten (Engine/DataFeeds/DataManager.cs).
        """
        step_ns = fill_step_ns(self._subscriptions)
        if not self._started or step_ns == self._step_ns:
            return
        self._step_ns = step_ns
        for subscription in self._subscriptions:
            if subscription.fill_forward and subscription.resolution is not Resolution.TICK:
                self._open(subscription)
