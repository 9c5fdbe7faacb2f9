"""The money path put together over a memory venue: journal, gateway, kill switch, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.killswitch import KillPorts, KillSwitch
from livetrader.gateway.timing import Timing
from livetrader.journal.journal import Journal
from livetrader.settings import AccountSettings, LimitSettings
from livetrader.supervisor.session_watch import SessionWatch, WatchPorts
from livetrader.telemetry.notifications import Notify, Urgency
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.testing.fakes import MemoryBrokerage, MemoryVenue, memory_context

from .virtual_time import VirtualLoop

START_NS = 1_381_156_200_000_000_000  # 2013-10-07 14:30 UTC
NO_LIMITS = LimitSettings(orders_per_minute=0, duplicate_window_s=0.0)


def symbol(ticker: str) -> Symbol:
    return Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")


SPY, IBM, AAPL = symbol("SPY"), symbol("IBM"), symbol("AAPL")


def spec(
    number: int,
    quantity: int | str,
    of: Symbol = SPY,
    order_type: OrderType = OrderType.MARKET,
    limit: int | None = None,
) -> OrderSpec:
    return OrderSpec(
        id=OrderId(number),
        symbol=of,
        type=order_type,
        quantity=Decimal(quantity),
        created_ns=START_NS,
        reference_price=Decimal(100),
        limit_price=None if limit is None else Decimal(limit),
    )


def resting(number: int, quantity: int = 10, of: Symbol = SPY) -> OrderSpec:
    """A buy limit far below the market."""
    return spec(number, quantity, of, OrderType.LIMIT, 50)


def virtual_timing() -> Timing:
    running = asyncio.get_running_loop()

    def now_ns() -> int:
        return START_NS + int(running.time() * 1e9)

    return Timing(now_ns, now_ns, running.time, asyncio.sleep)


def new_venue(**prices: int) -> MemoryVenue:
    venue = MemoryVenue()
    for ticker, price in (prices or {"SPY": 100, "IBM": 100, "AAPL": 100}).items():
        venue.prices[symbol(ticker)] = Decimal(price)
    return venue


@dataclass
class Desk:
    """One run of the daemon's money path on a venue."""

    venue: MemoryVenue
    directory: Path
    journal: Journal
    brokerage: MemoryBrokerage
    gateway: Gateway
    emitted: list[OrderEventArrived | AccountLoaded]
    records: list[tuple[str, dict[str, object]]]
    calls: list[str] = field(default_factory=list)

    async def submit(self, order: OrderSpec) -> None:
        await self.gateway.submit(SubmitOrder(order))

    async def cancel(self, number: int) -> None:
        await self.gateway.cancel(CancelOrder(OrderId(number)))

    async def update(self, number: int, **change: Decimal) -> None:
        await self.gateway.update(UpdateOrder(OrderId(number), OrderChange(**change)))

    def statuses(self, number: int) -> list[OrderStatus]:
        return [
            event.status
            for event in self.emitted
            if isinstance(event, OrderEventArrived) and event.order_id == number
        ]

    def messages(self, number: int) -> str:
        return " | ".join(
            event.message
            for event in self.emitted
            if isinstance(event, OrderEventArrived) and event.order_id == number
        )

    def reported(self, action: str) -> int:
        return sum(1 for name, _ in self.records if name == action)

    def held(self, of: Symbol = SPY) -> Decimal:
        return self.gateway.state.position(of)

    def venue_held(self, of: Symbol = SPY) -> Decimal:
        return self.venue.positions.get(of, (Decimal(0), Decimal(0)))[0]

    def agrees(self) -> bool:
        """Whether journal and venue hold the same positions."""
        ours = {of: position.quantity for of, position in self.gateway.positions.items()}
        theirs = {of: quantity for of, (quantity, _) in self.venue.positions.items() if quantity}
        return ours == theirs

    async def pump(self) -> None:
        """Feed the venue's events to the gateway until the session ends, as the supervisor does."""
        async for event in self.brokerage.events():
            await self.gateway.on_event(event)

    async def settle(self) -> None:
        """Return when everything the venue said has been handled."""
        await self.brokerage.settle()

    async def stage(self, wanted: KillStage) -> None:
        """Return when the kill switch has entered this stage."""
        # virtual time: every turn of the loop is progress
        while not any(fields.get("stage") == wanted for _, fields in self.records):  # noqa: ASYNC110
            await asyncio.sleep(0)

    def kill_switch(
        self,
        is_open: Callable[[Symbol, int], bool] = lambda of, now_ns: True,
        with_gateway: bool = True,
        escalate: Callable[[str], None] | None = None,
    ) -> KillSwitch:
        ports = kill_ports(
            self.brokerage, self.directory, is_open, self.records, escalate or self.calls.append
        )
        return KillSwitch(ports, self.gateway if with_gateway else None)


def reporter(records: list[tuple[str, dict[str, object]]]) -> Callable[..., None]:
    def report(action: str, **fields: object) -> None:
        records.append((action, fields))

    return report


def kill_ports(
    brokerage: MemoryBrokerage,
    directory: Path,
    is_open: Callable[[Symbol, int], bool],
    records: list[tuple[str, dict[str, object]]],
    escalate: Callable[[str], None],
) -> KillPorts:
    return KillPorts(
        brokerage, directory / "kill.latch", is_open, virtual_timing(), reporter(records), escalate
    )


def make_desk(
    venue: MemoryVenue, directory: Path, limits: LimitSettings = NO_LIMITS, journal: Journal | None = None
) -> Desk:
    """Put the parts together; nothing is opened or connected yet."""
    timing = virtual_timing()
    directory.mkdir(exist_ok=True)
    chosen = journal or Journal(directory / "journal.sqlite3", "test", lambda: START_NS)
    running = asyncio.get_running_loop()
    if isinstance(running, VirtualLoop):
        running.threads_busy.append(lambda: chosen.pending > 0)
    brokerage = MemoryBrokerage(MemoryBrokerage.Config(), memory_context(directory, venue), venue)
    emitted: list[OrderEventArrived | AccountLoaded] = []
    records: list[tuple[str, dict[str, object]]] = []
    gateway = Gateway(brokerage, chosen, limits, timing, emitted.append, reporter(records))
    return Desk(venue, directory, chosen, brokerage, gateway, emitted, records)


def watch_over(
    desk: Desk,
    notify: Notify = lambda title, message, next_step, urgency=Urgency.WARNING, /: None,
    settings: AccountSettings | None = None,
    venue: object = None,
) -> SessionWatch:
    """The watch over the desk's session; `venue` is whoever has a calendar."""
    timing = virtual_timing()
    return SessionWatch(
        WatchPorts(
            venue,
            desk.gateway,
            settings or AccountSettings(),
            timing.wall_ns,
            timing.monotonic_s,
            timing.sleep,
            reporter(desk.records),
            notify,
        )
    )


@asynccontextmanager
async def open_desk(
    venue: MemoryVenue, directory: Path, limits: LimitSettings = NO_LIMITS, journal: Journal | None = None
) -> AsyncIterator[Desk]:
    """A connected desk whose events are pumped; closed in good order at the end."""
    desk = make_desk(venue, directory, limits, journal)
    await desk.journal.open()
    try:
        await desk.gateway.reconcile_at_start()
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(desk.pump(), name="pump")
            try:
                yield desk
            finally:
                pump.cancel()
    finally:
        await desk.journal.close()
