"""Consolidators by symbol: which bars are made of which data, and when the clock closes them.

A bar is closed by data, or by the clock before the next time step. The clock does not look at every instant:
LEAN looks at the end of the first bar, then one bar's length after each bar's end, and again after every such
length (Common/Data/ConsolidatorWrapper.cs, SubscriptionManager.ScanPastConsolidators). When a handler runs,
and so which price an order of it meets, follows from that; `_Fed.look_at` computes the instant without
looking at those before it, so that a step in which nothing is due costs one comparison.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from livetrader_engine.clock import EventClock
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.consolidators import NEVER_NS, Consolidator
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, Symbol

# lengths of points by resolution, (longer than, at most): a symbol may be subscribed at more than one
_LENGTHS: Final[dict[Resolution, tuple[int, int]]] = {
    Resolution.TICK: (-1, 0),
    Resolution.SECOND: (0, Resolution.SECOND.period_ns),
    Resolution.MINUTE: (Resolution.SECOND.period_ns, Resolution.MINUTE.period_ns),
    Resolution.HOUR: (Resolution.MINUTE.period_ns, Resolution.HOUR.period_ns),
    Resolution.DAILY: (Resolution.HOUR.period_ns, NEVER_NS),
}
LATE_NS: Final = 2 * NS_PER_SECOND  # behind the step: no live bar is, what a gap is filled with is
_ANY_LENGTH: Final = (-1, NEVER_NS)


class _Fed:
    """One consolidator that is fed, and where the clock stands in looking at it."""

    __slots__ = (
        "at_most_ns", "consolidator", "due_ns", "longer_than_ns", "look_ns", "looks_again", "number",
        "span_ns", "step_ns",
    )  # fmt: skip

    def __init__(
        self, consolidator: Consolidator, number: int, resolution: Resolution | None, only: bool
    ) -> None:
        self.consolidator = consolidator
        self.number = number
        self.longer_than_ns, self.at_most_ns = _ANY_LENGTH
        if resolution is not None and (only or resolution is Resolution.TICK):
            self.longer_than_ns, self.at_most_ns = _LENGTHS[resolution]
        self.step_ns = max(NS_PER_SECOND, resolution.period_ns if resolution is not None else 0)
        self.span_ns: int | None = None  # length of the first bar: how far the clock looks ahead from then on
        self.look_ns = 0  # when the clock looks next
        self.due_ns = NEVER_NS  # of the working bar, as far as the heap knows
        # made by the user: nobody knows when its bars are due, so every look counts
        self.looks_again = bool(getattr(consolidator, "wants_every_look", False))

    def note(self, bar: Any) -> None:
        """Take note of a bar: the clock looks again after its length."""
        if self.span_ns is None:
            clock = self.consolidator.clock
            self.span_ns = max(self.step_ns, clock.wall(bar.end_time_ns) - clock.wall(bar.time_ns))
        self.look_ns = bar.end_time_ns + self.span_ns

    def look_at(self, due_ns: int, now_ns: int) -> int:
        """Return when the clock first looks at or after `due_ns`."""
        if self.span_ns is None:
            first_ns = _at_or_after(self.look_ns, self.step_ns, now_ns)
            return max(first_ns, due_ns)
        return _at_or_after(self.look_ns, self.span_ns, due_ns)


def _at_or_after(start_ns: int, step_ns: int, wanted_ns: int) -> int:
    if wanted_ns <= start_ns:
        return start_ns
    return start_ns - (start_ns - wanted_ns) // step_ns * step_ns


_Streams = list[tuple[_Fed, ...]]  # consolidators of one symbol, at the number of their TickType


def _nobody(message: str) -> None:
    """Tell nobody."""


class Consolidators:
    """Hands points to the consolidators of their symbol and kind. Owned by the engine.

    Bars that wait for the clock stand in a heap by the instant at which it looks; nothing else is looked at.
    """

    def __init__(self, clock: EventClock, report: Callable[[str], None] = _nobody) -> None:
        """`report` hears of data that came too late for the bars they belong to."""
        self._clock = clock
        self._report = report
        self._streams: dict[Symbol, _Streams] = {}
        self._fed: dict[int, list[_Fed]] = {}  # by id of the consolidator
        self._fresh: list[_Fed] = []  # added since the last step
        self._heap: list[tuple[int, int, int, int, _Fed]] = []  # look, order of adding, entry, due, whose
        self._added = 0
        self._entries = 0
        self.fed: Mapping[Symbol, object] = self._streams  # symbols whose data are wanted
        self.look_ns = NEVER_NS  # when the clock looks next; an attribute, read in every time step

    def add(
        self,
        symbol: Symbol,
        consolidator: Consolidator,
        tick_type: TickType = TickType.TRADE,
        resolution: Resolution | None = None,
        *,
        only: bool = False,
    ) -> None:
        """Feed `consolidator` with the symbol's data of this kind from now on.

        `resolution` is that of the data; with `only` points of another are left out, which a symbol may have
        that is subscribed at several. Adding twice is harmless.
        """
        if any(fed in self._held(symbol, tick_type) for fed in self._fed.get(id(consolidator), ())):
            return
        self._added += 1
        fed = _Fed(consolidator, self._added, resolution, only)
        streams = self._streams.setdefault(symbol, [() for _ in TickType])
        streams[tick_type] = (*streams[tick_type], fed)
        self._fed.setdefault(id(consolidator), []).append(fed)
        if consolidator.waits:
            consolidator.handlers.append(fed.note)
            self._fresh.append(fed)
        self.look_ns = 0

    def remove(self, symbol: Symbol, consolidator: Consolidator) -> None:
        """Feed it no longer with this symbol's data; nothing happens where it was not fed."""
        known = self._fed.get(id(consolidator), [])
        streams = self._streams.get(symbol)
        if streams is None or not known:
            return
        for number, held in enumerate(streams):
            gone = [fed for fed in held if fed.consolidator is consolidator]
            streams[number] = tuple(fed for fed in held if fed not in gone)
            for fed in gone:
                known.remove(fed)
                fed.due_ns = NEVER_NS
                fed.looks_again = False
                if fed.note in consolidator.handlers:
                    consolidator.handlers.remove(fed.note)
        if not known:
            del self._fed[id(consolidator)]
        if not any(streams):
            del self._streams[symbol]

    def __len__(self) -> int:
        return len(self._fed)

    def close_before(self, time_ns: int) -> None:
        """Close every bar that the clock looks at before `time_ns` and finds over, with the clock at it.

        A bar that ends at `time_ns` itself waits: the data of that instant belong to it. As in LEAN the clock
        may go back for it: timed events between two steps have had their turn before. The caller puts it at
        the step's time afterwards.
        """
        if self._fresh:
            self._begin_looking()
        heap = self._heap
        while heap and heap[0][0] < time_ns:
            look_ns, _, _, due_ns, fed = heapq.heappop(heap)
            if fed.due_ns != due_ns:
                continue  # removed, or its bar was closed meanwhile
            if fed.looks_again or fed.consolidator.due_ns <= look_ns:
                self._clock.now_ns = look_ns
            fed.due_ns = NEVER_NS
            fed.consolidator.scan(look_ns)
            if fed.look_ns <= look_ns:
                fed.look_ns = look_ns + (fed.step_ns if fed.span_ns is None else fed.span_ns)
            self._wait(fed, look_ns)
        self.look_ns = heap[0][0] if heap else NEVER_NS

    def update(self, points: Sequence[MarketPoint], now_ns: int) -> None:
        """Hand each point on and let the clock close what ends at `now_ns`. Suspicious ticks are left out.

        Each consolidator gets all ticks of the step before the next one gets any, as in LEAN.
        """
        streams = self._streams
        if not streams:
            return
        if points and points[0].end_time_ns < now_ns - LATE_NS:
            self._take_late(points, now_ns)
            return
        self._take(points, now_ns)

    def _take_late(self, points: Sequence[MarketPoint], now_ns: int) -> None:
        """Take what was filled in after a gap; say so where a bar was closed without it."""
        before = self._late()
        self._take(points, now_ns)
        lacking = self._late() - before
        if lacking:
            self._report(
                f"{lacking} consolidated bars had been closed by the clock before data of "
                f"{points[0].symbol.value} came that belong to them; what is made of them lacks these, too"
            )

    def _late(self) -> int:
        fed = {id(one.consolidator): one.consolidator for held in self._fed.values() for one in held}
        return sum(getattr(consolidator, "late", 0) for consolidator in fed.values())

    def _take(self, points: Sequence[MarketPoint], now_ns: int) -> None:
        streams = self._streams
        ticks: dict[tuple[Symbol, TickType], list[MarketPoint]] | None = None
        for point in points:
            found = streams.get(point.symbol)
            if found is None:
                continue
            kind = type(point)
            if kind is TradeBar:
                held = found[0]
            elif kind is QuoteBar:
                held = found[1]
            elif kind is Tick:
                ticks = ticks if ticks is not None else {}
                _gather(ticks, point)
                continue
            else:
                continue  # news of a company, which no bar is made of
            if held:
                self._feed(held, point, now_ns)
        if ticks is not None:
            self._feed_ticks(ticks, now_ns)

    def _feed(self, held: tuple[_Fed, ...], point: MarketPoint, now_ns: int) -> None:
        length_ns = point.end_time_ns - point.time_ns
        for fed in held:
            if not fed.longer_than_ns < length_ns <= fed.at_most_ns:
                continue
            consolidator = fed.consolidator
            consolidator.update(point)
            due_ns = consolidator.due_ns
            if due_ns <= now_ns:
                consolidator.scan(now_ns)
                due_ns = consolidator.due_ns
            elif fed.looks_again:
                consolidator.scan(now_ns)
            if due_ns != fed.due_ns and due_ns != NEVER_NS:
                self._wait(fed, now_ns)

    def _feed_ticks(self, ticks: dict[tuple[Symbol, TickType], list[MarketPoint]], now_ns: int) -> None:
        for (symbol, tick_type), points in ticks.items():
            for fed in self._held(symbol, tick_type):
                if fed.longer_than_ns >= 0:
                    continue  # fed with bars
                for point in points:
                    fed.consolidator.update(point)
                fed.consolidator.scan(now_ns)
                if fed.consolidator.due_ns != fed.due_ns:
                    self._wait(fed, now_ns)

    def _held(self, symbol: Symbol, tick_type: TickType) -> Iterable[_Fed]:
        found = self._streams.get(symbol)
        return () if found is None else found[tick_type]

    def _begin_looking(self) -> None:
        now_ns = self._clock.now_ns
        for fed in self._fresh:
            due_ns = fed.consolidator.due_ns
            fed.look_ns = due_ns if now_ns < due_ns < NEVER_NS else now_ns + fed.step_ns
            self._wait(fed, now_ns)
        self._fresh.clear()

    def _wait(self, fed: _Fed, now_ns: int) -> None:
        due_ns = fed.consolidator.due_ns
        if fed.looks_again:
            due_ns = fed.look_ns
        fed.due_ns = due_ns
        if due_ns != NEVER_NS:
            self._entries += 1
            look_ns = fed.look_at(due_ns, now_ns)
            heapq.heappush(self._heap, (look_ns, fed.number, self._entries, due_ns, fed))
            self.look_ns = min(self.look_ns, look_ns)


def _gather(ticks: dict[tuple[Symbol, TickType], list[MarketPoint]], point: MarketPoint) -> None:
    assert isinstance(point, Tick)
    if not point.suspicious:
        tick_type = TickType.TRADE if point.price else TickType.QUOTE
        ticks.setdefault((point.symbol, tick_type), []).append(point)
