"""One life of the daemon: the real journal, gateway, session, kill switch and plugin, put together.

What the supervisor does beside that (a control API, a feed, an engine in a process of its own) is not here:
the operator calls methods, prices are handed in, and the agent stands where the engine is. The order of a
start is the supervisor's: journal, latch, brokerage, engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from livetrader.errors import ControlRefusedError, JournalError, NotFlatError
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killports import KillPorts
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.killswitch import KillSwitch
from livetrader.gateway.timing import Timing
from livetrader.journal.records import DaemonStarted
from livetrader.settings import AccountSettings, LimitSettings
from livetrader.supervisor.announcements import Announcements
from livetrader.supervisor.brokerage_session import BrokeragePorts, BrokerageSession
from livetrader.supervisor.corporate_watch import CorporatePorts, CorporateWatch
from livetrader.supervisor.session_watch import SessionWatch, WatchPorts
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.states import CLOSED
from livetrader_engine.spi import (
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageCapabilities,
    BrokerageEvent,
    BrokerageMessage,
    BrokeragePlugin,
    Context,
    ExecutionReport,
)
from tests.simulation.agent import SYMBOLS, Agent, AgentPorts, Command
from tests.simulation.disk import SimulatedDisk, SimulatedJournal
from tests.simulation.loop import VirtualLoop
from tests.simulation.process import Process, boundary

JOURNAL: Final = "journal.sqlite3"
LATCH: Final = "kill.latch"
PRICE_EVERY_S: Final = 1.0  # between two looks of the daemon at the prices


class Surroundings(Protocol):
    """What a life needs of the world."""

    loop: VirtualLoop
    prices: dict[str, Decimal]
    seed: int
    announcements: Announcements
    actions: list[CorporateAction]  # what is announced; without any nobody asks
    strategy: Callable[[Agent, int], None]

    def make_brokerage(self, context: Context) -> BrokeragePlugin:
        """Return a new plugin."""
        ...

    def trades(self) -> bool:
        """Whether the engine may decide."""
        ...

    def is_open(self) -> bool:
        """Whether the market is open."""
        ...

    def log(self, who: str, action: str, fields: dict[str, object]) -> None:
        """Take in one log record."""
        ...

    def wrote(self, kind: str, client_order_id: str | None, body: str) -> None:
        """Take in one durable row of the journal."""
        ...

    def violated(self, name: str, words: str) -> None:
        """Note a violation."""
        ...

    def leaves(self, client_order_id: str) -> None:
        """See an order of the algorithm leave the gateway."""
        ...

    def closed_here(self, client_order_id: str) -> None:
        """See that the engine is told that an order is over."""
        ...


class WatchedBrokerage:
    """The plugin, with boundaries at its news and a look at the gate whenever an order leaves."""

    def __init__(self, plugin: BrokeragePlugin, world: Surroundings) -> None:
        self.capabilities: BrokerageCapabilities = plugin.capabilities
        self.gate: Gateway | None = None
        self._plugin = plugin
        self._world = world

    async def connect(self) -> AccountSnapshot:
        """See BrokeragePlugin."""
        return await self._plugin.connect()

    async def events(self) -> AsyncIterator[BrokerageEvent]:
        """See BrokeragePlugin."""
        async for event in self._plugin.events():
            kind = "message"
            if isinstance(event, ExecutionReport):
                kind = "execution" if event.fill is not None else "ack"
            boundary(kind)
            yield event
            boundary(f"{kind} handled")

    async def submit(self, order: Approved) -> None:
        """See BrokeragePlugin."""
        gate = self.gate
        if gate is not None and order.spec.id:
            self._world.leaves(order.client_order_id)
            if gate.ready_reasons():
                words = f"{order.client_order_id}: {gate.ready_reasons()}"
                self._world.violated("I10 sent behind the gate", words)
            for other in gate.open_orders:
                same = other.spec.symbol is order.spec.symbol and other.spec.direction is order.spec.direction
                if same and other.unknown:
                    words = f"{order.client_order_id} was sent while {other.client_order_id} is unknown"
                    self._world.violated("I6 sent beside an unknown one", words)
        await self._plugin.submit(order)

    async def update(self, change: ApprovedChange) -> None:
        """See BrokeragePlugin."""
        await self._plugin.update(change)

    async def cancel(self, client_order_id: Any, brokerage_order_id: Any = None) -> None:
        """See BrokeragePlugin."""
        if brokerage_order_id is None:
            await self._plugin.cancel(client_order_id)
        else:
            await self._plugin.cancel(client_order_id, brokerage_order_id)

    async def snapshot(self) -> AccountSnapshot:
        """See BrokeragePlugin."""
        return await self._plugin.snapshot()

    async def close(self) -> None:
        """See BrokeragePlugin."""
        await self._plugin.close()

    def __getattr__(self, name: str) -> Any:
        """Whatever else the plugin can do, its calendar for one."""
        return getattr(self._plugin, name)


@dataclass(slots=True)
class Parts:
    """What a life is made of."""

    journal: SimulatedJournal
    gateway: Gateway
    kill: KillSwitch
    watch: SessionWatch
    session: BrokerageSession
    corporate: CorporateWatch


class Daemon:
    """One life. Owned by the world, which throws it away when its process dies."""

    def __init__(self, world: Surroundings, process: Process, folder: Path, number: int) -> None:
        self.name = f"daemon {number}"
        self.folder = folder
        self.disk = SimulatedDisk(world.wrote)
        self.agent: Agent | None = None
        self.trading = False
        self.failure: BaseException | None = None
        self._world = world
        self._process = process
        self._random = Random(f"{world.seed}/life/{number}")
        self._group: asyncio.TaskGroup | None = None
        self._wants_engine = asyncio.Event()
        self.parts = self._build()

    def _build(self) -> Parts:
        world, loop = self._world, self._world.loop
        timing = Timing(loop.wall_ns, loop.wall_ns, loop.time, asyncio.sleep)
        state = self.folder / "brokerage"
        state.mkdir(parents=True, exist_ok=True)
        plugin = world.make_brokerage(
            Context(
                name="ibkr",
                state_directory=state,
                data_folder=None,
                now_ns=loop.wall_ns,
                monotonic_s=loop.time,
                random=self._random,
                spawn=self._spawn,
                report=self._report,
            )
        )
        brokerage = WatchedBrokerage(plugin, world)
        journal = SimulatedJournal(self.folder / JOURNAL, "sim", loop.wall_ns, disk=self.disk, threaded=False)
        gateway = Gateway(brokerage, journal, LimitSettings(), timing, self._emit, self._report)  # type: ignore[arg-type]  # delegates
        brokerage.gate = gateway
        kill = KillSwitch(
            KillPorts(
                brokerage,  # type: ignore[arg-type]  # delegates
                self.folder / LATCH,
                lambda symbol, now_ns: world.is_open(),
                timing,
                self._report,
                lambda words: self._report("escalated", words=words),
            ),
            gateway,
        )
        watch = SessionWatch(
            WatchPorts(
                plugin,
                gateway,
                AccountSettings(),
                loop.wall_ns,
                loop.time,
                asyncio.sleep,
                self._report,
                self._notify,
            )
        )
        session = BrokerageSession(
            BrokeragePorts(
                brokerage=brokerage,  # type: ignore[arg-type]  # delegates
                gateway=gateway,
                watch=watch,
                monotonic_s=loop.time,
                chance=self._random.random,
                sleep=asyncio.sleep,
                report=self._report,
                said=self._said,
                lost=lambda reason: self._report("lost", reason=reason),
                regained=lambda: self._report("regained"),
            )
        )
        return Parts(journal, gateway, kill, watch, session, self._corporate(gateway))

    def _corporate(self, gateway: Gateway) -> CorporateWatch:
        loop = self._world.loop
        return CorporateWatch(
            CorporatePorts(
                announcements=self._world.announcements,
                gateway=gateway,
                booker=None,
                subscribed=tuple,
                tell=self._tell_actions,
                now_ns=loop.wall_ns,
                monotonic_s=loop.time,
                sleep=asyncio.sleep,
                report=self._report,
                notify=self._notify,
            )
        )

    def _tell_actions(self, actions: tuple[CorporateAction, ...]) -> bool:
        if self.agent is None:
            return False
        for action in actions:
            self.agent.view.act(action)
        return True

    # -- life ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until the process dies. What ends it otherwise is in `failure`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._start()
        except Exception as error:  # noqa: BLE001 — boundary: a daemon that fails is a finding
            self.failure = error

    async def _start(self) -> None:
        parts = self.parts
        await parts.journal.open()
        parts.journal.append_soon(DaemonStarted(self._world.loop.wall_ns(), 1, "simulated"))
        boundary("latch read")
        parts.kill.load()
        self._spawn("brokerage watch", parts.watch.run())
        if self._world.actions:
            await parts.corporate.begin()
        await parts.session.connect()
        self._spawn("brokerage", parts.session.run())
        self._spawn("gateway", parts.gateway.watch())
        self._spawn("kill switch", parts.kill.watch())
        if self._world.actions:
            self._spawn("corporate actions", parts.corporate.run())
        self._spawn("prices", self._watch_prices())
        self._spawn("engine", self._keep_engine())
        self.trading = True

    async def _keep_engine(self) -> None:
        """Run one engine after the other; each is told the account when it starts."""
        while True:
            self._wants_engine.clear()
            account = await self.parts.gateway.account()
            self.agent = Agent(self._agent_ports(), account)
            self.parts.corporate.engine_ready()
            async with asyncio.TaskGroup() as group:
                life = group.create_task(self.agent.run(), name="agent")
                await self._wants_engine.wait()
                life.cancel()
            self.agent = None
            self.parts.watch.orders.drop("the engine was lost")

    def _agent_ports(self) -> AgentPorts:
        world = self._world
        return AgentPorts(
            world.strategy, world.loop.wall_ns, asyncio.sleep, world.prices, world.trades, self._carry_out
        )

    async def _carry_out(self, command: Command) -> None:
        orders = self.parts.watch.orders
        match command:
            case SubmitOrder():
                await orders.submit(command)
            case UpdateOrder():
                await orders.update(command)
            case CancelOrder():
                await orders.cancel(command)

    async def _watch_prices(self) -> None:
        while True:
            for ticker, price in self._world.prices.items():
                self.parts.gateway.observe_price(SYMBOLS[ticker], float(price))
            await asyncio.sleep(PRICE_EVERY_S)

    # -- what operators ask -------------------------------------------------------------------------

    def ask(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        """Have something done in this process."""
        self._spawn(name, coroutine)

    def restart_engine(self) -> None:
        """Have the engine die and be started again."""
        self._wants_engine.set()

    async def trip(self) -> None:
        """Trip the kill switch, as the control API does; `watch` drives it."""
        await self.parts.kill.latch("the simulation says so", "operator")

    async def look_around(self) -> None:
        """Do what a person does now and then: resume what is flat, halted or restricted, having looked."""
        kill, gateway = self.parts.kill, self.parts.gateway
        try:
            if kill.latched:
                if kill.stage is KillStage.FLAT and kill.kill_id is not None:
                    await kill.resume(kill.kill_id, "operator")
            elif gateway.halted or gateway.state.restricted:
                await gateway.resume("operator")
        except (ControlRefusedError, NotFlatError, JournalError) as error:
            self._report("resume_refused", error=str(error))

    async def reconcile(self) -> None:
        """Look at the account once, now."""
        await self.parts.gateway.look()

    # -- inside -------------------------------------------------------------------------------------

    def _emit(self, event: OrderEventArrived | AccountLoaded) -> None:
        boundary("publish")
        if self.agent is not None:
            self.agent.hear(event)
        if isinstance(event, OrderEventArrived) and event.status in CLOSED and not event.quiet:
            order = self.parts.gateway.state.by_order_id.get(event.order_id)
            if order is not None:
                self._world.closed_here(order.client_order_id)
        boundary("published")

    def _said(self, message: BrokerageMessage) -> None:
        self._report("said", code=message.code, message=message.message)

    def _notify(self, title: str, message: str, next_step: str, *urgency: object) -> None:
        self._report("notified", title=title, message=message, urgency=urgency)

    def _report(self, action: str, **fields: object) -> None:
        self._world.log(self.name, action, fields)

    def _spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        if self._group is None:
            coroutine.close()
            raise RuntimeError(f"task {name!r} was started before the daemon runs")
        self._group.create_task(coroutine, name=name)
