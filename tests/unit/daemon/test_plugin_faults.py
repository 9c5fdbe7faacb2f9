"""A brokerage plugin that raises what it does not declare ends nothing; without an account nothing leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec

from livetrader.gateway.gateway import Gateway
from livetrader.gateway.rules import HostRules
from livetrader.gateway.timing import Timing
from livetrader.journal.journal import Journal
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import MONDAY_MORNING_NS, SampleReference, minute_of
from livetrader_plugins.paper import PaperBrokerage
from livetrader_plugins.paper.config import PaperConfig

from .money import NO_LIMITS, new_venue, open_desk, resting
from .virtual_time import run

REFERENCE = SampleReference()
SPY = REFERENCE.symbol("SPY", SecurityType.EQUITY, "usa")
LIMIT_S = 10.0


@dataclass
class House:
    """The money path on the paper plugin, whose clock can fail below it."""

    folder: Path
    broken: bool = False
    lines: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    statuses: list[OrderStatus] = field(default_factory=list)

    def now_ns(self) -> int:
        return MONDAY_MORNING_NS + NS_PER_MINUTE // (0 if self.broken else 1)

    @asynccontextmanager
    async def life(self) -> AsyncIterator[tuple[Gateway, PaperBrokerage]]:
        timing = Timing(
            lambda: MONDAY_MORNING_NS, lambda: MONDAY_MORNING_NS, lambda: 0.0, lambda s: asyncio.sleep(0)
        )
        async with PluginHost("paper", self.folder, reference=REFERENCE) as host:
            context = msgspec.structs.replace(host.context, now_ns=self.now_ns)
            paper = PaperBrokerage(PaperConfig(fee_model="none"), context)
            journal = Journal(self.folder / "journal.sqlite3", "test", lambda: MONDAY_MORNING_NS)
            await journal.open()
            gateway = Gateway(paper, journal, NO_LIMITS, timing, self._emitted, self._reported)
            gateway.rules = HostRules(alert=lambda title, message, step: self.told.append(title))
            try:
                yield gateway, paper
            finally:
                await paper.close()
                await journal.close()

    def _emitted(self, event: object) -> None:
        status = getattr(event, "status", None)
        if status is not None:
            self.statuses.append(status)

    def _reported(self, action: str, **fields: object) -> None:
        self.lines.append(action)


def order(gateway: Gateway) -> SubmitOrder:
    return SubmitOrder(
        OrderSpec(
            OrderId(gateway.state.next_order_id), SPY, OrderType.MARKET, Decimal(1),
            created_ns=MONDAY_MORNING_NS, reference_price=Decimal(100),
        )
    )  # fmt: skip


def test_no_order_leaves_until_the_plugin_shows_an_account_again(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        async with house.life() as (gateway, paper):
            await gateway.reconcile_at_start()
            await paper.observe(minute_of(SPY, MONDAY_MORNING_NS + NS_PER_MINUTE, 100.0))
            house.broken = True
            await gateway.look()
            await gateway.look()
            await gateway.account()  # an engine that starts now is told what we know
            assert "ZeroDivisionError" in gateway.ready_reasons()["brokerage"]
            assert house.lines.count("brokerage_plugin_failed") == 1, "not with every look"
            assert house.told == ["brokerage plugin failed"]
            await gateway.submit(order(gateway))
            assert house.statuses == [OrderStatus.INVALID]
            assert not gateway.state.orders
            async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
                watching = group.create_task(gateway.watch())
                await asyncio.sleep(0)
                house.broken = False
                while gateway.ready_reasons():  # noqa: ASYNC110 — the watch has no event to wait for
                    await asyncio.sleep(0)
                watching.cancel()
            await gateway.submit(order(gateway))
            await gateway.look()
            assert gateway.state.position(SPY) == 1

    asyncio.run(scene())


def test_a_plugin_that_fails_to_connect_is_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, broken=True)
        async with house.life() as (gateway, _):
            for _ in range(2):
                try:
                    await gateway.reconcile_at_start()
                except VenueError as error:
                    assert "ZeroDivisionError" in str(error)
                    assert gateway.ready_reasons()
                    house.broken = False
            assert not gateway.ready_reasons()
            assert house.lines.count("brokerage_plugin_failed") == 1

    asyncio.run(scene())


def test_a_cancel_at_which_the_plugin_fails_is_asked_again(tmp_path: Path) -> None:
    venue = new_venue()

    def fault(name: str) -> None:
        if name == "cancel":
            raise KeyError("a field that the plugin did not expect")

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            venue.faults.lost_cancels = 1
            await desk.cancel(1)
            venue.boundary = fault
            await desk.gateway.look()
            assert desk.reported("brokerage_plugin_failed") == 1
            venue.boundary = lambda name: None
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(desk.gateway.watch())
                await asyncio.sleep(5)
                watching.cancel()
            await desk.settle()
            assert desk.statuses(1)[-1] is OrderStatus.CANCELED

    run(body())
