"""What became known at one instant: a thin view of the points of one time step."""

from __future__ import annotations

from collections.abc import Iterator

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.symbols import Symbol


class Slice:
    """The points of one time step, looked up by symbol and kind on demand.

    Indexes are built on the first look-up, so a step whose algorithm looks at nothing costs nothing.
    Where two bars of one symbol and kind end together, the shorter wins, as in LEAN
    (Engine/DataFeeds/TimeSliceFactory.cs). It does not copy the points. `actions` are the corporate actions.
    """

    __slots__ = ("_bars", "_quotes", "_ticks", "actions", "points", "time_ns")

    def __init__(
        self, time_ns: int, points: tuple[MarketPoint, ...], actions: tuple[CorporateAction, ...] = ()
    ) -> None:
        self.time_ns = time_ns
        self.points = points
        self.actions = actions
        self._bars: dict[Symbol, TradeBar] | None = None
        self._quotes: dict[Symbol, QuoteBar] = {}
        self._ticks: dict[Symbol, list[Tick]] = {}

    def __len__(self) -> int:
        return len(self.points) + len(self.actions)

    def __iter__(self) -> Iterator[MarketPoint]:
        return iter(self.points)

    @property
    def bars(self) -> dict[Symbol, TradeBar]:
        """Trade bars by symbol, in slice order."""
        return self._index()

    @property
    def quote_bars(self) -> dict[Symbol, QuoteBar]:
        """Quote bars by symbol, in slice order."""
        self._index()
        return self._quotes

    @property
    def ticks(self) -> dict[Symbol, list[Tick]]:
        """Ticks by symbol, oldest first."""
        self._index()
        return self._ticks

    def _index(self) -> dict[Symbol, TradeBar]:
        bars = self._bars
        if bars is not None:
            return bars
        bars = {}
        for point in self.points:
            if isinstance(point, TradeBar):
                known = bars.get(point.symbol)
                if known is None or point.time_ns >= known.time_ns:
                    bars[point.symbol] = point
            elif isinstance(point, QuoteBar):
                quote = self._quotes.get(point.symbol)
                if quote is None or point.time_ns >= quote.time_ns:
                    self._quotes[point.symbol] = point
            else:
                self._ticks.setdefault(point.symbol, []).append(point)
        self._bars = bars
        return bars
