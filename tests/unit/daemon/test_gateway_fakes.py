"""The brokerage in memory is itself held to the contract of brokerages."""

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
from livetrader_engine.testing.fakes import MemoryBrokerage, MemoryVenue, memory_context

from .money import SPY


class MemoryHarness:
    """One venue in memory; every session is on it."""

    name = "memory"
    symbol = SPY
    price = Decimal(100)
    moves_market = True

    def __init__(self, directory: Path) -> None:
        self.venue = MemoryVenue()
        self._directory = directory

    @property
    def capabilities(self) -> BrokerageCapabilities:
        return self.venue.capabilities

    @asynccontextmanager
    async def session(self) -> AsyncIterator[BrokerageSession]:
        context = memory_context(self._directory, self.venue)
        plugin = MemoryBrokerage(MemoryBrokerage.Config(), context, self.venue)
        async with asyncio.TaskGroup() as group:
            session = BrokerageSession(plugin, await plugin.connect())
            group.create_task(session.consume(), name="consumer")
            await self.move(session, self.price)
            try:
                yield session
            finally:
                session.consuming.set()
                await plugin.close()

    async def move(self, session: BrokerageSession, price: Decimal) -> None:
        self.venue.set_price(self.symbol, price)

    def refused_spec(self) -> OrderSpec | None:
        return make_spec(self, Decimal("0.5"))


class TestMemoryBrokerage(BrokerageContract):
    """The kit, over the fake."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> MemoryHarness:
        return MemoryHarness(tmp_path)
