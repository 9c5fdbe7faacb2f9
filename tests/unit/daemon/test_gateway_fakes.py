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
from livetrader_engine.testing.mischief_contract import MischiefContract

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

    mischief = frozenset({"correct", "fee", "double", "rest", "trade"})

    async def correct(self, session: BrokerageSession, quantity: Decimal, price: Decimal) -> None:
        self.venue.correct(self.venue.fills[0][1].execution_id, quantity, price)

    async def charge(self, session: BrokerageSession) -> None:
        for _, fill in list(self.venue.fills):
            self.venue.charge(fill.execution_id, Decimal("1.5"))

    async def double(self, session: BrokerageSession) -> None:
        self.venue.make_twin(next(iter(self.venue.orders)))

    async def rest_elsewhere(self, session: BrokerageSession, quantity: Decimal, limit: Decimal) -> None:
        self.venue.rest_elsewhere(self.symbol, quantity, limit)

    async def trade_elsewhere(self, session: BrokerageSession, quantity: Decimal) -> None:
        self.venue.trade_elsewhere(self.symbol, quantity, self.price)

    def refused_spec(self) -> OrderSpec | None:
        return make_spec(self, Decimal("0.5"))


class TestMemoryBrokerage(BrokerageContract):
    """The kit, over the fake."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> MemoryHarness:
        return MemoryHarness(tmp_path)


class TestMischiefOfMemoryBrokerage(MischiefContract):
    """What its venue does behind our back."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> MemoryHarness:
        return MemoryHarness(tmp_path)
