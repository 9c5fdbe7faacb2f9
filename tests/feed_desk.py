"""What tests of a venue's feed have in common: one subscription, and a task that reads what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.spi import DataFeedPlugin, FeedEvent, FeedStatus, VenueError
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_engine.testing.host import PluginHost

LIMIT_S = 8.0  # for what a test waits for

PeerT = TypeVar("PeerT")
FeedT = TypeVar("FeedT", bound=DataFeedPlugin)


def unfilled(
    symbol: Symbol,
    resolution: Resolution = Resolution.MINUTE,
    kind: TickType = TickType.TRADE,
    **said: Any,
) -> Subscription:
    """Return a subscription that does not fill forward, so that every bar is made of data."""
    return Subscription(symbol, resolution, kind, **{"fill_forward": False, **said})


class FeedDesk(Generic[PeerT, FeedT]):
    """One connected feed, read by a task of its own."""

    def __init__(self, peer: PeerT, feed: FeedT, host: PluginHost) -> None:
        self.peer = peer
        self.feed = feed
        self.host = host
        self.events: list[FeedEvent] = []
        self.ended = ""  # why
        self.skew_s = 0.0  # added to the clock that durations are measured with
        self._more = asyncio.Event()

    def read(self) -> None:
        """Begin to collect events, until the feed ends them."""
        self.host.context.spawn("reader", self._read())

    async def _read(self) -> None:
        self.ended = ""
        try:
            async for event in self.feed.events():
                self.events.append(event)
                self._more.set()
            self.ended = "closed"
        except VenueError as error:
            self.ended = str(error)
        self._more.set()

    async def until(self, probe: Callable[[], Any], what: str = "") -> None:
        """Wait for events until a probe is true."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not probe():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            said = f"{self.ended}; {self.statuses}"
            raise AssertionError(f"waited {LIMIT_S} s in vain for {what or probe}; {said}") from None

    # ---- what came

    @property
    def steps(self) -> list[MarketDataArrived]:
        return [event for event in self.events if isinstance(event, MarketDataArrived)]

    @property
    def points(self) -> list[MarketPoint]:
        return [point for step in self.steps for point in step.points]

    @property
    def bars(self) -> list[TradeBar]:
        return [point for point in self.points if isinstance(point, TradeBar)]

    @property
    def quote_bars(self) -> list[QuoteBar]:
        return [point for point in self.points if isinstance(point, QuoteBar)]

    @property
    def ticks(self) -> list[Tick]:
        return [point for point in self.points if isinstance(point, Tick)]

    @property
    def statuses(self) -> list[tuple[bool, str]]:
        return [(each.connected, each.message) for each in self.events if isinstance(each, FeedStatus)]
