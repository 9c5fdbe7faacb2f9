"""FEED over the ibkr feed, through both libraries, at a peer whose market moves while somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import DataFeedPlugin, FeedEvent
from livetrader_engine.symbols import Resolution
from livetrader_engine.testing.data_feed_contract import DataFeedContract, FeedSession
from livetrader_engine.testing.host import WAIT_LIMIT_S, PluginHost
from livetrader_plugins.ibkr.feed import IbkrFeed
from tests.ibkr.feeds import LIBRARIES, stream
from tests.venues.peers import Peer, library, running

STEP_S = 0.002  # of real time in which a move of the market is heard
MOVE_S = 0.5  # of market time

CASES = {
    "seconds": (
        stream(resolution=Resolution.SECOND),
        stream(resolution=Resolution.SECOND, kind=TickType.QUOTE),
    ),
    "minutes": (stream(), stream(kind=TickType.QUOTE)),
    "filled": (
        stream(resolution=Resolution.SECOND, fill_forward=True),
        stream(resolution=Resolution.SECOND, kind=TickType.QUOTE, fill_forward=True),
    ),
    "ticks": (
        stream(resolution=Resolution.TICK, kind=TickType.QUOTE),
        stream(resolution=Resolution.TICK),
    ),
}


class MovingSession(FeedSession):
    """A feed whose market moves as long as somebody waits for it."""

    def __init__(self, plugin: DataFeedPlugin, begin_ns: int, peer: Peer, move_s: float) -> None:
        super().__init__(plugin, begin_ns)
        self._peer = peer
        self._move_s = move_s
        self._moves = 0

    async def next(self) -> FeedEvent | None:
        """Return the next event, moving the market until it comes."""
        async with asyncio.timeout(WAIT_LIMIT_S), asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(), name="read")
            while not reading.done():
                await asyncio.wait({reading}, timeout=STEP_S)
                self._move()
        return reading.result()

    async def _read(self) -> FeedEvent | None:
        return await anext(self.events, None)

    def _move(self) -> None:
        self._moves += 1
        cents = self._moves * 7 % 11
        self._peer.do("quote", symbol="SPY", bid=f"100.{cents:02}", ask=f"100.{cents + 2:02}", last="100.05")
        self._peer.move(self._move_s)


class PeerFeedHarness:
    """The ibkr feed over one library, with streams of one kind."""

    finite = False
    resumes = False

    def __init__(
        self, client: str, streams: tuple[Subscription, ...], move_s: float, directory: Path
    ) -> None:
        self.name = f"ibkr through {client}"
        self.streams = streams
        self._client = client
        self._move_s = move_s
        self._directory = directory
        library(client)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[FeedSession]:
        """Connect to a new peer, and close at the end."""
        async with running() as peer, PluginHost("ibkr", self._directory) as host:
            context = msgspec.structs.replace(host.context, now_ns=lambda: peer.clock.now_ns)
            config = IbkrFeed.Config(port=peer.port, library=self._client)  # type: ignore[arg-type]  # one of two
            plugin = IbkrFeed(config, context)
            session = MovingSession(plugin, await plugin.connect(), peer, self._move_s)
            try:
                yield session
            finally:
                await plugin.close()


class TestIbkrFeed(DataFeedContract):
    """The kit, parametrized."""

    @pytest.fixture(params=[(client, case) for client in LIBRARIES for case in CASES], ids="-".join)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> PeerFeedHarness:
        """One library, one kind of streams."""
        client, case = request.param
        move_s = 20.0 if case == "minutes" else MOVE_S
        return PeerFeedHarness(client, CASES[case], move_s, tmp_path)
