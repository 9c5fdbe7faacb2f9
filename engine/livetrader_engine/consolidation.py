"""Consolidators by symbol: which bars are made of which data, and when the clock closes them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Symbol

_NEVER_NS: Final = 2**63 - 1


class Consolidator(Protocol):
    """What the engine needs of a consolidator; see data/consolidators.py for those there are."""

    @property
    def due_ns(self) -> int:
        """When the working bar's time is over; far in the future where nothing waits for the clock."""
        ...

    def update(self, point: MarketPoint) -> None:
        """Take in one point; may call handlers."""
        ...

    def scan(self, now_ns: int) -> None:
        """Close the bar whose time is over; may call handlers."""
        ...


class Consolidators:
    """Hands points to the consolidators of their symbol and kind. Owned by the engine.

    Bars that wait for the clock stand in a heap by the end of their time; nothing else is looked at.
    """

    def __init__(self) -> None:
        self._by_stream: dict[tuple[Symbol, TickType], list[Consolidator]] = {}
        self._waiting: dict[Consolidator, int] = {}  # consolidator → due time of its entry in the heap
        self._heap: list[tuple[int, int, Consolidator]] = []
        self._entries = 0

    def add(self, symbol: Symbol, consolidator: Consolidator, tick_type: TickType = TickType.TRADE) -> None:
        """Feed `consolidator` with the symbol's data of this kind from now on."""
        held = self._by_stream.setdefault((symbol, tick_type), [])
        if consolidator not in held:
            held.append(consolidator)

    def remove(self, symbol: Symbol, consolidator: Consolidator) -> None:
        """Feed it no longer; nothing happens where it was not fed."""
        for tick_type in TickType:
            held = self._by_stream.get((symbol, tick_type))
            if held and consolidator in held:
                held.remove(consolidator)
                if not held:
                    del self._by_stream[symbol, tick_type]
        self._waiting.pop(consolidator, None)

    def __len__(self) -> int:
        return len({id(item) for held in self._by_stream.values() for item in held})

    def close_before(self, time_ns: int, advance: Callable[[int], None]) -> None:
        """Close every bar whose time was over before `time_ns`, with the clock at the end of its time.

        A bar that ends at `time_ns` itself waits: the data of that instant belong to it.
        """
        heap = self._heap
        while heap and heap[0][0] < time_ns:
            due_ns, _, consolidator = heapq.heappop(heap)
            if self._waiting.get(consolidator) != due_ns:
                continue  # removed, or waits for another time by now
            del self._waiting[consolidator]
            if consolidator.due_ns == due_ns:
                advance(due_ns)
                consolidator.scan(due_ns)
            if consolidator.due_ns != due_ns:
                self._wait(consolidator)

    def update(self, points: Iterable[MarketPoint], now_ns: int) -> None:
        """Hand each point on and let the clock close what ends at `now_ns`. Suspicious ticks are left out."""
        by_stream = self._by_stream
        if not by_stream:
            return
        for point in points:
            held = by_stream.get((point.symbol, _kind(point)))
            if held is None or (isinstance(point, Tick) and point.suspicious):
                continue
            for consolidator in tuple(held):
                consolidator.update(point)
                consolidator.scan(now_ns)
                self._wait(consolidator)

    def _wait(self, consolidator: Consolidator) -> None:
        due_ns = consolidator.due_ns
        if due_ns >= _NEVER_NS or self._waiting.get(consolidator) == due_ns:
            return
        self._waiting[consolidator] = due_ns
        self._entries += 1
        heapq.heappush(self._heap, (due_ns, self._entries, consolidator))


def _kind(point: MarketPoint) -> TickType:
    if isinstance(point, TradeBar):
        return TickType.TRADE
    if isinstance(point, QuoteBar):
        return TickType.QUOTE
    return TickType.TRADE if point.price else TickType.QUOTE
