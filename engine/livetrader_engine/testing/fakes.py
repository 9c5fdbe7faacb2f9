"""A verified brokerage in memory, with faults on command. It passes the brokerage contract kit.

`MemoryVenue` is the account: it outlives sessions, connections and crashes of whoever trades it.
`MemoryBrokerage` is one plugin object on it. As at real venues, news that nobody is connected to hear is lost
and a snapshot is the only way to learn of it. Nothing here waits or reads a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 — seeded, and only for the Context of `memory_context`
from typing import ClassVar

import msgspec

from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderId,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import (
    API_VERSION,
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageEvent,
    CashChanged,
    Context,
    FeeReported,
    OutcomeUnknownError,
    PluginError,
    VenueError,
)
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.memory_venue import (
    CAPABILITIES,
    ORDER_TYPES,
    Faults,
    VenueBooks,
    VenueOrder,
)

__all__ = ["CAPABILITIES", "ORDER_TYPES", "Faults", "MemoryBrokerage", "MemoryVenue", "VenueOrder"]


class MemoryVenue(VenueBooks):
    """The account at the venue: trades are corrected, fees told late, orders doubled, and others trade."""

    def correct(self, execution_id: ExecutionId, quantity: Decimal, price: Decimal) -> Fill:
        """Correct a trade, or take it back with a quantity of 0; return its new revision.

        The order's own state stays: a venue that busts a trade does not work the order again.
        """
        place, client_id, old = next(
            (place, client_id, fill)
            for place, (client_id, fill) in enumerate(self.fills)
            if fill.execution_id == execution_id
        )
        new = msgspec.structs.replace(
            old, quantity=quantity, price=price, revision=old.revision + 1, fee=Decimal(0)
        )
        self.fills[place] = client_id, new
        order = self.orders[client_id]
        self._book(order.spec.symbol, -old.quantity, old.price)
        self._book(order.spec.symbol, new.quantity, new.price)
        order.filled += new.quantity - old.quantity
        self.emit(CashChanged(self.now_ns, "USD", self.cash))
        self._report(order, new)
        return new

    def charge(self, execution_id: ExecutionId, fee: Decimal) -> None:
        """Say what a trade cost in all."""
        place, client_id, old = next(
            (place, client_id, fill)
            for place, (client_id, fill) in enumerate(self.fills)
            if fill.execution_id == execution_id
        )
        self.fills[place] = client_id, msgspec.structs.replace(old, fee=fee)
        self.cash -= fee - old.fee
        self.emit(FeeReported(client_id, execution_id, self.now_ns, fee, "USD"))

    def make_twin(self, client_order_id: ClientOrderId) -> VenueOrder:
        """Work a second order under the name of one of ours, as a venue never should."""
        spec = self.orders[client_order_id].spec
        twin = VenueOrder(client_order_id, self._next_number(), spec)
        self.others.append(twin)
        self._report(twin)
        return twin

    def rest_elsewhere(self, symbol: Symbol, quantity: Decimal, limit: Decimal) -> VenueOrder:
        """Let somebody else have a working order in this account, without a name that we could know."""
        spec = OrderSpec(OrderId(0), symbol, OrderType.LIMIT, quantity, self.now_ns, limit, limit_price=limit)
        order = VenueOrder(ClientOrderId(""), self._next_number(), spec)
        self.others.append(order)
        self._report(order)
        return order

    def change_elsewhere(self, client_order_id: ClientOrderId, limit: Decimal) -> None:
        """Let somebody else change a working order of ours."""
        order = self.orders[client_order_id]
        order.spec = msgspec.structs.replace(order.spec, limit_price=limit)
        order.status = OrderStatus.UPDATE_SUBMITTED
        self._report(order)

    def trade_twin(self, twin: VenueOrder, quantity: Decimal, price: Decimal) -> Fill:
        """Let an order trade that has no name of its own."""
        foreign = None if twin.client_order_id else twin.spec.symbol
        name = ExecutionId(f"X{len(self.fills) + 1}")
        fill = Fill(name, quantity, price, self.now_ns, symbol=foreign)
        self.fills.append((twin.client_order_id, fill))
        self._book(twin.spec.symbol, quantity, price)
        twin.filled += quantity
        done = abs(twin.filled) >= abs(twin.spec.quantity)
        twin.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        self._report(twin, fill)
        return fill


class MemoryBrokerage:
    """A brokerage plugin on a MemoryVenue; on a venue of its own where none is given."""

    API_VERSION: ClassVar[int] = API_VERSION

    class Config(msgspec.Struct, frozen=True):
        """It has no settings."""

    def __init__(self, config: Config, context: Context, venue: MemoryVenue | None = None) -> None:
        self.venue = venue if venue is not None else MemoryVenue()
        self.capabilities = self.venue.capabilities
        self._context = context
        self._session_id = ""
        # unbounded: a test's own few events
        self._queue: asyncio.Queue[BrokerageEvent | None] = asyncio.Queue()
        self._unhandled = 0
        self._news = asyncio.Condition()

    async def connect(self) -> AccountSnapshot:
        """Begin a session; whoever had one loses it. Raises VenueError while snapshots fail."""
        self.venue.disconnect()
        if self.venue.faults.take("wrong_settings"):
            raise PluginError("this login has another account: set [brokerage] account")
        snapshot = await self.snapshot()
        self.venue.sessions += 1
        self._session_id = f"S{self.venue.sessions}"
        self._queue, self._unhandled = asyncio.Queue(), 0
        self.venue.session = self
        return msgspec.structs.replace(snapshot, session_id=self._session_id)

    async def events(self) -> AsyncIterator[BrokerageEvent]:
        """Yield the news of this session."""
        queue = self._queue
        while (event := await queue.get()) is not None:
            self.venue.boundary("event")
            yield event
            self.venue.boundary("event handled")
            if queue is self._queue:
                self._unhandled -= 1
            async with self._news:
                self._news.notify_all()

    async def submit(self, order: Approved) -> None:
        """Send an order to the venue, as well as the faults let it."""
        self._check_session()
        faults = self.venue.faults
        if faults.take("unreachable_submits"):
            raise VenueError("the venue does not answer; nothing was sent")
        self.venue.boundary("submit")
        if faults.take("cut_before"):
            self.venue.disconnect()
            raise OutcomeUnknownError("the connection was lost while sending")
        if faults.take("hold_orders"):
            self.venue.held.append(order)
            return
        self.venue.accept(order)
        if faults.take("cut_after"):
            self.venue.disconnect()
            raise OutcomeUnknownError("the connection was lost while sending")
        self.venue.boundary("submitted")

    async def update(self, change: ApprovedChange) -> None:
        """Change a working order."""
        self._check_session()
        self.venue.boundary("update")
        self.venue.change(change)
        self.venue.boundary("updated")

    async def cancel(
        self, client_order_id: ClientOrderId, brokerage_order_id: BrokerageOrderId | None = None
    ) -> None:
        """Cancel a working order."""
        self._check_session()
        self.venue.boundary("cancel")
        self.venue.cancel(client_order_id, brokerage_order_id)
        self.venue.boundary("canceled")

    async def snapshot(self) -> AccountSnapshot:
        """Return the whole account, or raise."""
        await asyncio.sleep(0)  # a real one takes a turn of the loop at least
        if self.venue.faults.take("failed_snapshots"):
            raise VenueError("the positions did not come")
        return self.venue.snapshot(self._session_id)

    async def close(self) -> None:
        """End the session."""
        if self.venue.session is self:
            self.venue.disconnect()

    async def settle(self) -> None:
        """Return when every event emitted so far has been handled."""
        async with self._news:
            await self._news.wait_for(lambda: self._unhandled <= 0 or self.venue.session is not self)

    def deliver(self, event: BrokerageEvent) -> None:
        """Take news from the venue."""
        self._unhandled += 1
        self._queue.put_nowait(event)

    def end(self) -> None:
        """Let the events end after those delivered."""
        self._queue.put_nowait(None)

    def _check_session(self) -> None:
        if self.venue.session is not self:
            raise VenueError("not connected")


def memory_context(directory: Path, venue: MemoryVenue) -> Context:
    """Return a Context for a MemoryBrokerage outside a daemon; it spawns nothing."""
    return Context(
        name="memory",
        state_directory=directory,
        data_folder=None,
        now_ns=lambda: venue.now_ns,
        monotonic_s=lambda: venue.now_ns / 1e9,
        random=Random(1),
        spawn=lambda name, coroutine: coroutine.close(),
        report=lambda action, **fields: None,
    )
