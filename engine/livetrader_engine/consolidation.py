"""Consolidators by symbol: which bars are made of which data, and when the clock closes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Symbol


class Consolidator(Protocol):
    """What the engine needs of a consolidator; see data/consolidators.py for those there are."""

    def update(self, point: MarketPoint) -> None:
        """Take in one point; may call handlers."""
        ...

    def scan(self, now_ns: int) -> None:
        """Close the bar whose time is over; may call handlers."""
        ...


class Consolidators:
    """Hands points to the consolidators of their symbol and kind. Owned by the engine."""

    def __init__(self) -> None:
        self._by_stream: dict[tuple[Symbol, TickType], list[Consolidator]] = {}
        self._all: dict[Consolidator, None] = {}

    def add(self, symbol: Symbol, consolidator: Consolidator, tick_type: TickType = TickType.TRADE) -> None:
        """Feed `consolidator` with the symbol's data of this kind from now on."""
        held = self._by_stream.setdefault((symbol, tick_type), [])
        if consolidator not in held:
            held.append(consolidator)
            self._all[consolidator] = None

    def remove(self, symbol: Symbol, consolidator: Consolidator) -> None:
        """Feed it no longer; nothing happens where it was not fed."""
        for tick_type in TickType:
            held = self._by_stream.get((symbol, tick_type))
            if held and consolidator in held:
                held.remove(consolidator)
                if not held:
                    del self._by_stream[symbol, tick_type]
        if not any(consolidator in held for held in self._by_stream.values()):
            self._all.pop(consolidator, None)

    def __len__(self) -> int:
        return len(self._all)

    def scan(self, now_ns: int) -> None:
        """Close every bar whose time is over at `now_ns`."""
        for consolidator in tuple(self._all):
            consolidator.scan(now_ns)

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


def _kind(point: MarketPoint) -> TickType:
    if isinstance(point, TradeBar):
        return TickType.TRADE
    if isinstance(point, QuoteBar):
        return TickType.QUOTE
    return TickType.TRADE if point.price else TickType.QUOTE
