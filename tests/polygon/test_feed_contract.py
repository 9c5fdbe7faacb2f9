"""FEED over the Polygon feed, at a peer whose market moves while somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import DataFeedPlugin, FeedEvent
from livetrader_engine.symbols import Resolution
from livetrader_engine.testing.data_feed_contract import DataFeedContract, FeedSession
from livetrader_engine.testing.host import WAIT_LIMIT_S, PluginHost
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from tests.polygon.desk import KEY, OPEN_NS, stream

STEP_S = 0.002  # of real time in which a move of the market is heard

# The resolution of the streams, what the plan has, how far the market moves at a time, and which line.
CASES: dict[str, tuple[Resolution, tuple[str, ...], float, Literal["fast", "client"]]] = {
    "ticks": (Resolution.TICK, ("T", "Q"), 0.2, "fast"),
    "seconds": (Resolution.SECOND, ("T", "Q"), 0.5, "fast"),
    "minutes": (Resolution.MINUTE, ("T", "Q"), 20.0, "fast"),
    "minutes of minutes": (Resolution.MINUTE, ("AM", "Q"), 20.0, "fast"),
    "ticks by the official client": (Resolution.TICK, ("T", "Q"), 0.2, "client"),
}


class MovingSession(FeedSession):
    """A feed whose market moves as long as somebody waits for it."""

    def __init__(self, plugin: DataFeedPlugin, begin_ns: int, peer: Peer, move_s: float) -> None:
        super().__init__(plugin, begin_ns)
        self._peer = peer
        self._move_s = move_s

    async def next(self) -> FeedEvent | None:
        """Return the next event, moving the market until it comes."""
        async with asyncio.timeout(WAIT_LIMIT_S), asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(), name="read")
            while not reading.done():
                await asyncio.wait({reading}, timeout=STEP_S)
                self._peer.move(self._move_s)
        return reading.result()

    async def _read(self) -> FeedEvent | None:
        return await anext(self.events, None)


class PeerFeedHarness:
    """The Polygon feed, with streams of one resolution."""

    finite = False
    resumes = False

    def __init__(self, case: str, directory: Path) -> None:
        resolution, self._plan, self._move_s, self._transport = CASES[case]
        self.name = f"polygon, {case}"
        self.streams: tuple[Subscription, ...] = (
            stream(resolution=resolution),
            stream(resolution=resolution, kind=TickType.QUOTE),
        )
        self._directory = directory

    @asynccontextmanager
    async def session(self) -> AsyncIterator[FeedSession]:
        """Connect to a new peer, and close at the end."""
        clock = ManualClock(OPEN_NS)
        market = Market.generated(stocks(2, trades=240.0, quotes=120.0), seed=5)
        async with (
            Peer(market, clock=clock, access=[Access(KEY, streams=self._plan)]) as peer,
            PluginHost("polygon", self._directory) as host,
        ):
            context = msgspec.structs.replace(host.context, now_ns=clock)
            config = PolygonFeed.Config(api_key=KEY, host=peer.host, tls=False, transport=self._transport)
            plugin = PolygonFeed(config, context)
            session = MovingSession(plugin, await plugin.connect(), peer, self._move_s)
            try:
                yield session
            finally:
                await plugin.close()


class TestPolygonFeed(DataFeedContract):
    """The kit, parametrized."""

    @pytest.fixture(params=CASES)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> PeerFeedHarness:
        """One kind of streams."""
        return PeerFeedHarness(request.param, tmp_path)
