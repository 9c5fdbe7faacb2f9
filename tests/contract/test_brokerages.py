"""BRK over every installed brokerage that a made-up market can move, in each of its interesting settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.symbols import SecurityType
from livetrader_engine.testing.brokerage_contract import BrokerageContract
from livetrader_engine.testing.brokerage_harness import (
    BrokerageSession,
    SimulatedBrokerageHarness,
    make_spec,
)
from livetrader_engine.testing.fakes import MemoryBrokerage, MemoryVenue, memory_context
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import SampleReference

# Settings under which a plugin must keep the same contract; every plugin is tried with its defaults.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "paper": [
        {},
        {"ack_delay_ms": (0, 20), "wire_delay_ms": (0, 20)},
        {"largest_fill": 3.0, "fee_model": "flat"},
        {"slippage": 0.001, "fee_model": "none", "ack_delay_ms": (5, 5)},
    ],
}

CASES = [
    pytest.param((entry.name, options), id=f"{entry.name}-{number}" if number else entry.name)
    for entry in entry_points(group="livetrader.brokerages")
    for number, options in enumerate(SETTINGS.get(entry.name, [{}]))
]


class TestInstalledBrokerages(BrokerageContract):
    """The kit, parametrized."""

    @pytest.fixture(params=CASES)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> SimulatedBrokerageHarness:
        """A fresh account of one installed plugin."""
        name, options = request.param
        (entry,) = entry_points(group="livetrader.brokerages", name=name)
        plugin_type = entry.load()
        config = msgspec.convert(options, plugin_type.Config)
        context = PluginHost(name, tmp_path).context
        if not plugin_type(config, context).capabilities.simulated:
            pytest.skip(f"{name} trades at a real venue: run the kit with a harness of its own")
        return SimulatedBrokerageHarness(name, plugin_type, tmp_path, config)


class MemoryHarness:
    """The in-memory fake that other tests use: it must keep the contract as well, or they prove nothing."""

    name = "memory"
    moves_market = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._venue = MemoryVenue()
        self.symbol = SampleReference().symbol("AAA", SecurityType.EQUITY, "usa")
        self.price = Decimal(100)
        self.capabilities = self._venue.capabilities

    @asynccontextmanager
    async def session(self) -> AsyncIterator[BrokerageSession]:
        """Connect, consume events; close at the end."""
        async with asyncio.TaskGroup() as group:
            context = memory_context(self._directory, self._venue)
            plugin = MemoryBrokerage(MemoryBrokerage.Config(), context, self._venue)
            session = BrokerageSession(plugin, await plugin.connect())
            group.create_task(session.consume(), name="consumer")
            await self.move(session, self.price)
            try:
                yield session
            finally:
                session.consuming.set()
                await plugin.close()

    async def move(self, session: BrokerageSession, price: Decimal) -> None:
        """Let the venue trade at this price."""
        self._venue.set_price(self.symbol, price)

    def refused_spec(self) -> OrderSpec:
        """Return an order for half a share."""
        return make_spec(self, Decimal("0.5"))


class TestMemoryBrokerage(BrokerageContract):
    """The kit over the fake."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> MemoryHarness:
        """A fresh venue."""
        return MemoryHarness(tmp_path)


def test_a_brokerage_is_installed() -> None:
    assert "paper" in {entry.name for entry in entry_points(group="livetrader.brokerages")}
