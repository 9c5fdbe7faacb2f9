"""The kit for brokerages over Interactive Brokers, as the TWS peer plays it, with both client libraries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.spi import BrokerageCapabilities
from livetrader_engine.testing.brokerage_contract import BrokerageContract
from livetrader_engine.testing.brokerage_harness import BrokerageSession, make_spec
from livetrader_plugins.ibkr import orders
from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
from livetrader_venues.tws import peer
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import Settings
from tests.ibkr.desk import SPY, round_trip, seated
from tests.venues.peers import START_NS, Clock, Peer

SHARES_A_QUOTE = 3  # so that larger orders are filled in parts
OPENING_S = 2 * 3600  # from the peer's noon UTC to the market's morning


class IbkrHarness:
    """One account at a TWS that outlives the sessions of the plugin."""

    name = "ibkr"
    moves_market = True
    symbol = SPY

    def __init__(self, library: str, directory: Path) -> None:
        self.price = Decimal(100)
        self.capabilities: BrokerageCapabilities = orders.CAPABILITIES
        self._library = library
        self._directory = directory
        self._clock = Clock(START_NS + OPENING_S * 1_000_000_000)
        self._gateway = peer.gateway(settings=Settings(messages_per_second=0), now_ns=self._clock.now_ns)
        self._peer: Peer | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[BrokerageSession]:
        """Open the port of TWS, connect, consume events; close both at the end."""
        async with Server(self._gateway, clock=self._clock, is_paced=False) as server:
            self._peer = Peer(self._gateway, server, self._clock)
            await self._quote(self.price, 0)
            async with seated(self._peer, self._library, self._directory) as desk:
                yield desk.session

    async def move(self, session: BrokerageSession, price: Decimal) -> None:
        """Let somebody offer and want a few shares at this price, once TWS has what was sent before."""
        assert isinstance(session.plugin, IbkrBrokerage)
        await round_trip(session.plugin)
        await self._quote(price, SHARES_A_QUOTE)

    async def _quote(self, price: Decimal, size: int) -> None:
        assert self._peer is not None
        self._peer.do("quote", symbol="SPY", bid=price, ask=price, last=price, size=size)
        self._peer.move(1)
        await asyncio.sleep(0)

    def refused_spec(self) -> OrderSpec | None:
        """Return an order that is too large for the account."""
        return make_spec(self, Decimal(1_000_000))


class TestIbkrBrokerage(BrokerageContract):
    """The kit."""

    @pytest.fixture
    def harness(self, library: str, tmp_path: Path) -> IbkrHarness:
        """A fresh account."""
        return IbkrHarness(library, tmp_path)
