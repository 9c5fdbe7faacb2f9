"""What became known at one instant: a thin view of the points of one time step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.symbols import Symbol

Bar = TypeVar("Bar", TradeBar, QuoteBar)


class Slice(msgspec.Struct, eq=False, gc=False, repr_omit_defaults=True):
    """The points of one time step, looked up by symbol and kind on demand.

    Indexes are built on the first look-up, so a step whose algorithm looks at nothing costs nothing.
    Where two bars of one symbol and kind end together, the shorter wins, as in LEAN
    (Engine/DataFeeds/TimeSliceFactory.cs). It does not copy the points. `actions` are the corporate actions.
    """

    time_ns: int
    points: tuple[MarketPoint, ...]
    actions: tuple[CorporateAction, ...] = ()
    _bars: Mapping[Symbol, TradeBar] | None = None
    _quotes: Mapping[Symbol, QuoteBar] | None = None
    _ticks: Mapping[Symbol, list[Tick]] | None = None

    def __len__(self) -> int:
        return len(self.points) + len(self.actions)

    def __iter__(self) -> Iterator[MarketPoint]:
        return iter(self.points)

    @property
    def bars(self) -> Mapping[Symbol, TradeBar]:
        """Trade bars by symbol, in slice order."""
        bars = self._bars
        return self._index()[0] if bars is None else bars

    @property
    def quote_bars(self) -> Mapping[Symbol, QuoteBar]:
        """Quote bars by symbol, in slice order."""
        quotes = self._quotes
        return self._index()[1] if quotes is None else quotes

    @property
    def ticks(self) -> Mapping[Symbol, list[Tick]]:
        """Ticks by symbol, oldest first."""
        ticks = self._ticks
        return self._index()[2] if ticks is None else ticks

    def _index(self) -> _Index:
        points = self.points
        made = _index_of_one(points[0]) if len(points) == 1 else _index_of(points)
        self._bars, self._quotes, self._ticks = made
        return made


_Bars = Mapping[Symbol, TradeBar]
_Quotes = Mapping[Symbol, QuoteBar]
_Ticks = Mapping[Symbol, list[Tick]]
_Index = tuple[_Bars, _Quotes, _Ticks]
_NO_BARS: Final[_Bars] = MappingProxyType({})
_NO_QUOTES: Final[_Quotes] = MappingProxyType({})
_NO_TICKS: Final[_Ticks] = MappingProxyType({})


def _index_of_one(point: MarketPoint) -> _Index:
    if isinstance(point, TradeBar):
        return {point.symbol: point}, _NO_QUOTES, _NO_TICKS
    if isinstance(point, Tick):
        return _NO_BARS, _NO_QUOTES, {point.symbol: [point]}
    return _NO_BARS, {point.symbol: point}, _NO_TICKS


def _index_of(points: tuple[MarketPoint, ...]) -> _Index:
    kinds = set(map(type, points))
    bars = {point.symbol: point for point in points if isinstance(point, TradeBar)}
    quotes: dict[Symbol, QuoteBar] = {}
    ticks: dict[Symbol, list[Tick]] = {}
    number_of_ticks = 0
    if QuoteBar in kinds:
        quotes = {point.symbol: point for point in points if isinstance(point, QuoteBar)}
    if Tick in kinds:
        for point in points:
            if isinstance(point, Tick):
                number_of_ticks += 1
                ticks.setdefault(point.symbol, []).append(point)
    if len(bars) + len(quotes) + number_of_ticks < len(points):  # a symbol has two bars of a kind
        bars, quotes = {}, {}
        for point in points:
            if isinstance(point, TradeBar):
                _shorter(bars, point)
            elif isinstance(point, QuoteBar):
                _shorter(quotes, point)
    return bars, quotes, ticks


def _shorter(held: dict[Symbol, Bar], bar: Bar) -> None:
    known = held.get(bar.symbol)
    if known is None or bar.time_ns >= known.time_ns:
        held[bar.symbol] = bar
