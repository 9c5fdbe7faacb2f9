"""What the brokerage kit needs to know about one plugin, and a ready harness for simulated brokerages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.orders.order import ClientOrderId, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import (
    AccountSnapshot,
    Approved,
    BrokerageCapabilities,
    BrokerageEvent,
    BrokeragePlugin,
    Context,
    ExecutionReport,
    MarketObserver,
    VenueError,
)
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType, Symbol
from livetrader_engine.testing.host import WAIT_LIMIT_S, PluginHost
from livetrader_engine.testing.market import MONDAY_MORNING_NS, SampleReference, minute_of


class BrokerageSession:
    """One connected plugin with everything it reported so far. Made by a harness, used by the cases."""

    def __init__(self, plugin: BrokeragePlugin, opening: AccountSnapshot) -> None:
        self.plugin = plugin
        self.opening = opening
        self.events: list[BrokerageEvent] = []
        self.ended = False
        self.why_ended = ""
        self.consuming = asyncio.Event()
        self.consuming.set()
        self.received = asyncio.Event()  # an event was yielded, though perhaps not handled yet
        self._news = asyncio.Condition()

    async def consume(self) -> None:
        """Collect events until they end; waits between two of them while `consuming` is clear."""
        try:
            async for event in self.plugin.events():
                self.received.set()
                await self.consuming.wait()
                self.events.append(event)
                async with self._news:
                    self._news.notify_all()
        except VenueError as error:
            self.why_ended = str(error)
        self.ended = True
        async with self._news:
            self._news.notify_all()

    def reports(self, client_order_id: ClientOrderId) -> list[ExecutionReport]:
        """Return the reports about one order, in the order they came."""
        return [
            event
            for event in self.events
            if isinstance(event, ExecutionReport) and event.client_order_id == client_order_id
        ]

    def statuses(self, client_order_id: ClientOrderId) -> list[OrderStatus]:
        """Return the statuses reported about one order."""
        return [report.status for report in self.reports(client_order_id)]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for `condition`, which is looked at after each event. Fails, saying `what`, when late."""
        try:
            async with asyncio.timeout(WAIT_LIMIT_S), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"not within {WAIT_LIMIT_S:g} s: {what}; events: {self.events}") from None

    async def until_status(self, client_order_id: ClientOrderId, *wanted: OrderStatus) -> None:
        """Wait until a report of this order has one of these statuses."""
        names = "/".join(status.name for status in wanted)
        await self.until(
            lambda: any(status in wanted for status in self.statuses(client_order_id)),
            f"{client_order_id} {names}",
        )

    async def until_closed(self, client_order_id: ClientOrderId) -> ExecutionReport:
        """Wait until the order is closed; return the report that says so."""
        await self.until_status(client_order_id, *CLOSED)
        return next(report for report in self.reports(client_order_id) if report.status in CLOSED)


class BrokerageHarness(Protocol):
    """One account of one plugin, as the kit sees it. Every session of a harness is on the same account."""

    name: str
    symbol: Symbol  # may be traded
    price: Decimal  # what it trades at when a session begins

    @property
    def capabilities(self) -> BrokerageCapabilities:
        """What the plugin declares."""
        ...

    def session(self) -> AbstractAsyncContextManager[BrokerageSession]:
        """Return a connected session whose events are being consumed; the market is open at `price`."""
        ...

    async def move(self, session: BrokerageSession, price: Decimal) -> None:
        """Make the market trade at `price`. Raises NotImplementedError where nobody can."""
        ...

    @property
    def moves_market(self) -> bool:
        """Whether `move` works: not at a real venue."""
        ...

    def refused_spec(self) -> OrderSpec | None:
        """Return an order that the venue itself refuses, None where no such order is known."""
        ...


class SimulatedBrokerageHarness:
    """Harness of any brokerage with `capabilities.simulated`: a made-up market moves on command.

    `directory` is the plugin's state directory; two harnesses over one directory are one account.
    """

    def __init__(
        self,
        name: str,
        plugin_type: Callable[[msgspec.Struct, Context], BrokeragePlugin],
        directory: Path,
        config: msgspec.Struct | None = None,
    ) -> None:
        self.name = name
        self.reference = SampleReference()
        self.symbol = self.reference.symbol("AAA", SecurityType.EQUITY, "usa")
        self.price = Decimal(100)
        self._plugin_type = plugin_type
        self._directory = directory
        self._config = config if config is not None else plugin_type.Config()  # type: ignore[attr-defined]  # a plugin class carries it
        self._now_ns = MONDAY_MORNING_NS
        self._sequence = 0

    @property
    def capabilities(self) -> BrokerageCapabilities:
        """What a fresh plugin object declares; nothing connects."""
        return self._plugin_type(self._config, PluginHost(self.name, self._directory).context).capabilities

    @property
    def moves_market(self) -> bool:
        """It does."""
        return True

    @asynccontextmanager
    async def session(self) -> AsyncIterator[BrokerageSession]:
        """Connect, show the market once, consume events; close at the end."""
        async with PluginHost(self.name, self._directory, reference=self.reference) as host:
            plugin = self._plugin_type(self._config, host.context)
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
        """Show the plugin one more minute, at this price."""
        self._now_ns += NS_PER_MINUTE
        await self.observe(session, minute_of(self.symbol, self._now_ns, float(price)).points)

    async def observe(self, session: BrokerageSession, points: tuple[MarketPoint, ...]) -> None:
        """Show the plugin these points, complete now."""
        self._sequence += 1
        plugin = session.plugin
        if not isinstance(plugin, MarketObserver):
            raise TypeError(f"{self.name} declares `simulated` but does not observe the market")
        async with asyncio.timeout(WAIT_LIMIT_S):
            await plugin.observe(MarketDataArrived(self._now_ns, self._sequence, points))

    def refused_spec(self) -> OrderSpec | None:
        """Return an order for part of a share where parts are not traded."""
        if self.capabilities.fractional:
            return None
        return make_spec(self, Decimal("0.5"))


def make_spec(
    harness: BrokerageHarness,
    quantity: Decimal,
    order_type: OrderType = OrderType.MARKET,
    price: Decimal | None = None,
) -> OrderSpec:
    """Return an order of this type; `price` is its limit, stop and trigger as the type needs them."""
    reference = harness.price if price is None else price
    stops = {OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP}
    limits = {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED}
    return OrderSpec(
        id=OrderId(0),
        symbol=harness.symbol,
        type=order_type,
        quantity=quantity,
        created_ns=MONDAY_MORNING_NS,
        reference_price=harness.price,
        limit_price=reference if order_type in limits else None,
        stop_price=reference if order_type in stops else None,
        trigger_price=reference if order_type is OrderType.LIMIT_IF_TOUCHED else None,
        trailing_amount=Decimal(5) if order_type is OrderType.TRAILING_STOP else None,
    )


def approve(client_order_id: str, spec: OrderSpec) -> Approved:
    """Wrap an order as the gateway does."""
    return Approved(ClientOrderId(client_order_id), spec)
