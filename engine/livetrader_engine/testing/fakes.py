"""A verified brokerage in memory, with faults on command. It passes the brokerage contract kit.

`MemoryVenue` is the account: it outlives sessions, connections and crashes of whoever trades it.
`MemoryBrokerage` is one plugin object on it. As at real venues, news that nobody is connected to hear is lost
and a snapshot is the only way to learn of it. Nothing here waits or reads a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 — seeded, and only for the Context of `memory_context`
from typing import ClassVar, Final

import msgspec

from livetrader_engine.events import BrokerageMessageKind, PositionRecord
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderId,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import (
    API_VERSION,
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageCapabilities,
    BrokerageEvent,
    BrokerageMessage,
    CashChanged,
    Context,
    ExecutionReport,
    OrderRecord,
    OutcomeUnknownError,
    VenueError,
)
from livetrader_engine.symbols import Symbol

ORDER_TYPES: Final = frozenset(
    {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.MARKET_ON_OPEN}
)
CAPABILITIES: Final = BrokerageCapabilities(order_types=ORDER_TYPES, absence_fence_s=0.0)


@dataclass(slots=True)
class Faults:
    """What goes wrong next. Numbers count down; the test sets them."""

    unreachable_submits: int = 0  # VenueError: surely not sent
    cut_before: int = 0  # the connection dies before the venue has the order
    cut_after: int = 0  # … after it; the answer is lost with it
    hold_orders: int = 0  # the order stays somewhere on the way until `deliver_held`
    lost_acks: int = 0  # the order is working and nobody is told
    lost_cancels: int = 0  # the cancel never arrives
    failed_snapshots: int = 0
    repeat_fills: bool = False  # every fill is reported twice
    refuse: dict[Symbol, str] = field(default_factory=dict)  # the venue refuses, with these words
    fill_parts: int = 1  # market orders trade in this many parts
    fills_by_hand: bool = False  # market orders trade only when `trade` says so

    def take(self, name: str) -> bool:
        """Return whether this fault strikes now, and count it down."""
        left = int(getattr(self, name))
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(slots=True)
class VenueOrder:
    """One order as the venue has it. Owned by its MemoryVenue."""

    client_order_id: ClientOrderId
    brokerage_order_id: BrokerageOrderId
    spec: OrderSpec
    status: OrderStatus = OrderStatus.SUBMITTED
    filled: Decimal = Decimal(0)

    def record(self) -> OrderRecord:
        """Return it as a snapshot shows it."""
        return OrderRecord(self.client_order_id, self.brokerage_order_id, self.spec, self.status, self.filled)


def _nothing(_: str) -> None:
    return None


class MemoryVenue:
    """The account at the venue: cash, positions, orders, trades, prices. No fees.

    `boundary(name)` is called around everything that crosses the wire; raising in it is a crash there.
    `open` says whether the market is open: while closed, market orders wait, and MARKET_ON_OPEN orders
    trade at `open_market`.
    """

    def __init__(
        self, capabilities: BrokerageCapabilities = CAPABILITIES, cash: Decimal = Decimal(1_000_000)
    ) -> None:
        self.capabilities = capabilities
        self.faults = Faults()
        self.cash = cash
        self.positions: dict[Symbol, tuple[Decimal, Decimal]] = {}
        self.orders: dict[ClientOrderId, VenueOrder] = {}
        self.fills: list[tuple[ClientOrderId, Fill]] = []
        self.prices: dict[Symbol, Decimal] = {}
        self.held: list[Approved] = []
        self.foreign: set[ClientOrderId] = set()  # orders that somebody else made
        self.open = True
        self.now_ns = 1
        self.boundary: Callable[[str], None] = _nothing
        self.submits: list[ClientOrderId] = []  # every submit that reached the venue, repeated ones too
        self.session: MemoryBrokerage | None = None
        self.sessions = 0

    def accept(self, order: Approved) -> None:
        """Take an order as it arrives; an id that is known makes no second order."""
        self.submits.append(order.client_order_id)
        if order.client_order_id in self.orders:
            return
        number = BrokerageOrderId(f"V{len(self.orders) + 1}")
        made = VenueOrder(order.client_order_id, number, order.spec)
        self.orders[order.client_order_id] = made
        refusal = self._refusal(order.spec)
        if refusal is not None:
            made.status = OrderStatus.INVALID
            self._report(made, message=refusal)
            return
        if not self.faults.take("lost_acks"):
            self._report(made)
        self._match(made)

    def cancel(self, client_order_id: ClientOrderId) -> None:
        """Cancel a working order; unknown and closed ones are no news."""
        order = self.orders.get(client_order_id)
        if order is not None and order.status not in CLOSED and not self.faults.take("lost_cancels"):
            order.status = OrderStatus.CANCELED
            self._report(order, message="canceled on request")

    def change(self, change: ApprovedChange) -> None:
        """Change a working order."""
        order = self.orders.get(change.client_order_id)
        if order is not None and order.status not in CLOSED:
            order.spec = change.spec
            order.status = OrderStatus.UPDATE_SUBMITTED
            self._report(order)
            self._match(order)

    def set_price(self, symbol: Symbol, price: Decimal) -> None:
        """Trade at this price; working orders it reaches fill."""
        self.prices[symbol] = price
        for order in list(self.orders.values()):
            if order.spec.symbol is symbol and order.status not in CLOSED:
                self._match(order)

    def open_market(self) -> None:
        """Open the market: what waited for that trades."""
        self.open = True
        for order in list(self.orders.values()):
            if order.status not in CLOSED:
                self._match(order)

    def trade(self, client_order_id: ClientOrderId, quantity: Decimal, price: Decimal) -> Fill:
        """Let an order trade this much, whatever its state; return the fill."""
        order = self.orders[client_order_id]
        foreign = order.spec.symbol if client_order_id in self.foreign else None
        name = ExecutionId(f"X{len(self.fills) + 1}")
        fill = Fill(name, quantity, price, self.now_ns, symbol=foreign)
        self.fills.append((client_order_id, fill))
        self._book(order.spec.symbol, quantity, price)
        order.filled += quantity
        if order.status not in CLOSED:
            done = abs(order.filled) >= abs(order.spec.quantity)
            order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        self.emit(CashChanged(self.now_ns, "USD", self.cash))
        for _ in range(2 if self.faults.repeat_fills else 1):
            self._report(order, fill)
        return fill

    def trade_elsewhere(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        """Let somebody else trade in this account."""
        name = ClientOrderId(f"manual{len(self.orders) + 1}")
        spec = OrderSpec(OrderId(0), symbol, OrderType.MARKET, quantity, self.now_ns, price)
        self.orders[name] = VenueOrder(name, BrokerageOrderId(f"V{len(self.orders) + 1}"), spec)
        self.foreign.add(name)
        self.trade(name, quantity, price)

    def deliver_held(self) -> None:
        """Let the orders that were held on their way arrive."""
        held, self.held = self.held, []
        for order in held:
            self.accept(order)

    def disconnect(self) -> None:
        """End the session's events; what happens from now on nobody hears."""
        session, self.session = self.session, None
        if session is not None:
            session.end()

    def emit(self, event: BrokerageEvent) -> None:
        """Send news to the session, if there is one."""
        if self.session is not None:
            self.session.deliver(event)

    def say(self, kind: BrokerageMessageKind, message: str) -> None:
        """Send a message that is about no order."""
        self.emit(BrokerageMessage(self.now_ns, kind, "", message))

    def snapshot(self, session_id: str) -> AccountSnapshot:
        """Return the whole account."""
        records = [order.record() for order in self.orders.values()]
        return AccountSnapshot(
            account_id="MEMORY",
            session_id=session_id,
            time_ns=self.now_ns,
            cash={"USD": self.cash},
            positions=tuple(
                PositionRecord(symbol, quantity, price)
                for symbol, (quantity, price) in self.positions.items()
                if quantity
            ),
            open_orders=tuple(record for record in records if record.status not in CLOSED),
            closed_orders=tuple(record for record in records if record.status in CLOSED),
            fills=tuple(self.fills),
        )

    def _refusal(self, spec: OrderSpec) -> str | None:
        if spec.type not in self.capabilities.order_types:
            return f"no {spec.type.name} orders here"
        if not self.capabilities.fractional and spec.quantity != spec.quantity.to_integral_value():
            return f"{spec.quantity} is not a whole number"
        return self.faults.refuse.get(spec.symbol)

    def _match(self, order: VenueOrder) -> None:
        spec, price = order.spec, self.prices.get(order.spec.symbol)
        if not self.open or price is None or self.faults.fills_by_hand:
            return
        buys = spec.quantity > 0
        if spec.type is OrderType.LIMIT and spec.limit_price is not None:
            reached = price <= spec.limit_price if buys else price >= spec.limit_price
        elif spec.type is OrderType.STOP_MARKET and spec.stop_price is not None:
            reached = price >= spec.stop_price if buys else price <= spec.stop_price
        else:
            reached = True
        if not reached:
            return
        left = spec.quantity - order.filled
        part = (left / self.faults.fill_parts).to_integral_value() if self.faults.fill_parts > 1 else left
        for _ in range(self.faults.fill_parts - 1):
            self.trade(order.client_order_id, part, price)
            left -= part
        if left:
            self.trade(order.client_order_id, left, price)

    def _book(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        held, average = self.positions.get(symbol, (Decimal(0), Decimal(0)))
        total = held + quantity
        if held == 0 or (held > 0) != (total > 0):
            average = price
        elif (held > 0) == (quantity > 0):
            average = (held * average + quantity * price) / total
        self.cash -= quantity * price
        self.positions[symbol] = (total, average)

    def _report(self, order: VenueOrder, fill: Fill | None = None, message: str = "") -> None:
        report = ExecutionReport(
            order.client_order_id, order.status, self.now_ns, order.brokerage_order_id, fill, message
        )
        self.emit(report)


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
        """Cancel a working order; this venue has one of a name only."""
        self._check_session()
        self.venue.boundary("cancel")
        self.venue.cancel(client_order_id)
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
