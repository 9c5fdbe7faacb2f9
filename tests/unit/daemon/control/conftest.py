"""A real control server on a unix socket and on loopback, and an `Operations` that keeps honest books."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import msgspec
import pytest

from livetrader import settings as live_settings
from livetrader.control.alerts import AlertDesk, AlertPorts
from livetrader.control.auth import Scope, TokenStore
from livetrader.control.custody_views import ForeignOrderView, ReconciliationView, RestrictionView
from livetrader.control.data_views import DataView, FeedView
from livetrader.control.decision_views import DecisionsView
from livetrader.control.insight_views import InsightsView
from livetrader.control.operations import (
    ConnectionView,
    EngineView,
    HoldingView,
    KillSwitchView,
    LogPage,
    LogView,
    LogWritten,
    OperationState,
    OperationView,
    OrderChanged,
    OrderStep,
    OrderView,
    PortfolioChanged,
    PortfolioView,
    ReadyView,
    StatusChanged,
    StatusView,
    TrainingChanged,
)
from livetrader.control.queries import DecisionsQuery, InsightsQuery, LogQuery, OrdersQuery
from livetrader.control.server import ControlServer
from livetrader.control.stream import EventHub, QueuedSubscription
from livetrader.control.tracking import OperationLog
from livetrader.control.training_views import TrainingJobView, TrainingSummary, TrainingView
from livetrader.errors import ControlRefusedError
from livetrader.journal.records import AuditEntry
from livetrader.notifying.dispatcher import Dispatcher, NotifyPorts
from livetrader.notifying.service import Notifying
from livetrader.settings import NotifySettings
from livetrader.supervisor.decision_desk import sentence
from livetrader.supervisor.gates import GateFacts, gates, trading
from livetrader.supervisor.insights import InsightBook
from livetrader.supervisor.log_book import fits
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.notifications import Notification, Urgency
from tests.unit.daemon.control.results import FakeResults

NOW_NS = 1_700_000_000_000_000_000
REPLAY = FeedView("replay", connected=True, keeps_time=True, subscriptions=1, data_age_s=0.5, streams=1)


def _told_once() -> Notifying:
    """Return notifications that nobody sends: one alarm, no channel."""
    settings = NotifySettings()
    dispatcher = Dispatcher(
        NotifyPorts(settings, (), Path("unused"), "paper", lambda: NOW_NS, lambda: 0.5, lambda outcome: None)
    )
    alarm = Notification(NOW_NS, Urgency.ALARM, "kill switch", "not flat after 60 s", "look at the account")
    dispatcher.book.take(alarm, NOW_NS)
    return Notifying(dispatcher, lambda: NOW_NS)


class FakeCustody:
    """Knows SPY and one order."""

    def __init__(self, done: Callable[..., Awaitable[OperationView]], quantity: Decimal) -> None:
        self._do, self._quantity = done, quantity

    def reconciliation(self) -> ReconciliationView:
        return ReconciliationView(
            time_ns=NOW_NS,
            restricted=(RestrictionView("SPY R735QTJ8XC9X", "SPY", "nobody knows why", False, Decimal(3)),),
            foreign_orders=(
                ForeignOrderView("", "V7", "SPY R735QTJ8XC9X", "SPY", "limit", Decimal(5), Decimal(0)),
            ),
        )

    async def reconcile(self, *, who: str, reason: str) -> OperationView:
        return await self._do("reconcile", who, reason, lambda: None)

    async def adopt(self, *, who: str, what: str, reason: str) -> OperationView:
        return await self._do(f"adopt {self._known(what)}", who, reason, lambda: None)

    async def ignore(self, *, who: str, what: str, quantity: Decimal | None, reason: str) -> OperationView:
        return await self._do(f"ignore {quantity} {self._known(what)}", who, reason, lambda: None)

    async def flatten(self, *, who: str, symbol: str, reason: str) -> OperationView:
        return await self._do(f"flatten {self._known(symbol)}", who, reason, lambda: None)

    def _known(self, what: str) -> str:
        if what not in ("SPY", "lt-1"):
            raise KeyError(what)
        return what


class FakeDecisions:
    """An algorithm that has wanted nothing, and predicted nothing."""

    def __init__(self, operations: FakeOperations) -> None:
        self._operations = operations
        self.book = InsightBook(lambda: NOW_NS)

    def view(self, query: DecisionsQuery) -> DecisionsView:
        halted = "by somebody" if self._operations.halted else ""
        found = gates(GateFacts(subscriptions=1, halted=halted))
        words = sentence(found, None, 12)
        return DecisionsView(trading(found), words, found, (), total=0, stopped={}, steps=12)

    def insights(self, query: InsightsQuery) -> InsightsView:
        return self.book.view(query)


class FakeOperations:
    """A small account with one position and two working orders; operations change it as the real ones do."""

    def __init__(self) -> None:
        self.hub = EventHub()
        self.desk: AlertDesk | None = None
        self.told: list[Notification] = []
        self.log_lines: list[LogView] = []
        self.asked: list[tuple[str, str, str]] = []
        self.first_asked = asyncio.Event()
        self.halted = False
        self.kill_id = ""
        self.kill_stage = ""  # in place of what follows from kill_id
        self.stopped = asyncio.Event()
        self.alive = True
        self.reasons: dict[str, str] = {}
        self.failure: Exception | None = None
        self.held: asyncio.Event | None = None
        self._numbers = iter(range(1, 10_000))
        self._log = OperationLog(lambda: NOW_NS, lambda: f"op-{next(self._numbers)}")
        self._quantity = Decimal(10)
        self._orders = {f"lt-{number}": _order(number) for number in (1, 2)}
        self.notifications = _told_once()
        self.results = FakeResults()
        self.decisions = FakeDecisions(self)

    @property
    def alerts(self) -> AlertDesk:
        assert self.desk is not None, "Running gives one"
        return self.desk

    @property
    def custody(self) -> FakeCustody:
        return FakeCustody(self._done, self._quantity)

    def live(self) -> bool:
        return self.alive

    def ready(self) -> ReadyView:
        return ReadyView(ready=not self.reasons, reasons=self.reasons)

    def status(self) -> StatusView:
        return StatusView(
            state="flat" if self.kill_id else "halted" if self.halted else "running",
            reasons=self.reasons,
            version="0.1.0",
            pid=4242,
            account="paper",
            started_ns=NOW_NS,
            wall_ns=NOW_NS,
            time_ns=NOW_NS,
            algorithm="BuyAndHold",
            brokerage="paper",
            brokerage_connected=True,
            brokerage_session_id="session-1",
            brokerage_connection=ConnectionView("connected", NOW_NS),
            feed=REPLAY,
            data=DataView(feeds=(REPLAY,), states={"fresh": 1}),
            engine=EngineView(state="running", pid=4243, steps=12, beat_age_s=0.1, resident_mb=64.0),
            kill_switch=KillSwitchView(
                state=self.kill_stage or ("flat" if self.kill_id else "armed"),
                latched=bool(self.kill_id),
                kill_id=self.kill_id,
            ),
            training=TrainingSummary(
                ready=True,
                is_training=False,
                jobs=1,
                bucket_level_minutes=100.0,
                bucket_capacity_minutes=120.0,
            ),
            halted=self.halted,
            currency="USD",
            equity=Decimal("101500.25"),
            cash=Decimal("100000"),
            day_profit=Decimal("12.5"),
            open_orders=sum(order.open for order in self._orders.values()),
        )

    def portfolio(self) -> PortfolioView:
        holding = HoldingView(
            symbol="SPY R735QTJ8XC9X",
            ticker="SPY",
            quantity=self._quantity,
            average_price=Decimal(149),
            last_price=Decimal("150.025"),
            market_value=Decimal("1500.25"),
            unrealized_profit=Decimal("10.25"),
        )
        return PortfolioView(
            time_ns=NOW_NS,
            currency="USD",
            equity=Decimal("101500.25"),
            day_profit=Decimal("12.5"),
            cash={"USD": Decimal(100000)},
            holdings=(holding,) if self._quantity else (),
        )

    def orders(self, query: OrdersQuery) -> tuple[OrderView, ...]:
        newest = sorted(self._orders.values(), key=lambda order: -order.id)
        if query.before:
            newest = [order for order in newest if order.id < self._orders[query.before].id]
        return tuple(order for order in newest if order.open or not query.open)[: query.limit]

    def training(self) -> TrainingView:
        job = TrainingJobView(job=1, name="train", state="ready", time_ns=NOW_NS, minutes_used=2.0)
        return TrainingView(
            ready=True,
            is_training=False,
            bucket_level_minutes=100.0,
            bucket_capacity_minutes=120.0,
            next_refill_ns=NOW_NS + 10**9,
            jobs=(job,),
        )

    def log(self, query: LogQuery) -> LogPage:
        fitting = [line for line in self.log_lines if line.sequence > query.after and fits(line, query)]
        return LogPage(tuple(fitting[-query.limit :]), max(query.after, len(self.log_lines)))

    def operation(self, operation_id: str) -> OperationView | None:
        return self._log.get(operation_id)

    def subscribe(self) -> QueuedSubscription:
        return self.hub.subscribe(
            [
                StatusChanged(self.status()),
                PortfolioChanged(self.portfolio()),
                TrainingChanged(self.training()),
            ]
        )

    def write(self, message: str) -> None:
        """Add a line to the log, as the algorithm would."""
        line = LogView(
            sequence=len(self.log_lines) + 1, time_ns=NOW_NS, level="log", source="algorithm", message=message
        )
        self.log_lines.append(line)
        self.hub.publish(LogWritten(line))

    async def halt(self, *, who: str, reason: str) -> OperationView:
        return await self._done("halt", who, reason, lambda: setattr(self, "halted", True))

    async def resume(
        self, *, who: str, reason: str, kill_id: str | None, accept_residue: bool
    ) -> OperationView:
        if self.kill_id and kill_id != self.kill_id:
            raise ControlRefusedError("the kill switch is latched; resume with its kill id")
        self.halted, self.kill_id = False, ""
        return await self._done("resume", who, reason, lambda: None)

    async def cancel(self, *, who: str, order: str | None, reason: str) -> OperationView:
        if order is not None and order not in self._orders:
            raise KeyError(order)
        return await self._done("cancel", who, reason, lambda: self._cancel(order))

    async def liquidate(self, *, who: str, reason: str, include_foreign: bool) -> OperationView:
        kind = "liquidate with foreign orders" if include_foreign else "liquidate"
        return await self._done(kind, who, reason, self._flatten)

    async def cancel_training(self, *, who: str, job: int, reason: str) -> OperationView:
        if job != 1:
            raise KeyError(job)
        return await self._done("cancel training", who, reason, lambda: None)

    async def stop(self, *, who: str, reason: str) -> OperationView:
        return await self._done("stop", who, reason, self.stopped.set)

    def _cancel(self, wanted: str | None) -> None:
        for name, order in self._orders.items():
            if order.open and wanted in (None, name):
                self._orders[name] = msgspec.structs.replace(order, open=False, status="canceled")
                self.hub.publish(OrderChanged(self._orders[name]))

    def _flatten(self) -> None:
        self._cancel(None)
        self._quantity, self.halted, self.kill_id = Decimal(0), True, "kill-1"

    async def _done(self, kind: str, who: str, reason: str, change: Callable[[], None]) -> OperationView:
        self.asked.append((kind, who, reason))
        self.first_asked.set()
        if self.failure is not None:
            raise self.failure
        view = self._log.begin(kind, who)
        if self.held is not None:
            await self.held.wait()
        change()
        self._log.end(view.id, OperationState.DONE, "done")
        return view


def _order(number: int) -> OrderView:
    step = OrderStep(time_ns=NOW_NS, status="submitted")
    return OrderView(id=number, client_order_id=f"lt-{number}", brokerage_order_id=str(number),
                     symbol="SPY R735QTJ8XC9X", ticker="SPY", type="limit", quantity=Decimal(5),
                     filled_quantity=Decimal(0), average_fill_price=None, status="submitted", open=True,
                     created_ns=NOW_NS, limit_price=Decimal("140.5"), history=(step,))  # fmt: skip


class Running:
    """A started server with everything a test wants to look at. Turn `clock_s` to let time pass."""

    def __init__(self, folder: Path, port: int) -> None:
        self.clock_s = 1000.0
        self.wall_ns = NOW_NS
        self.operations = FakeOperations()
        self.audit: list[AuditEntry] = []
        self.metrics = Metrics()
        self.port = port
        self.store = TokenStore(folder / "tokens.json")
        self.settings = make_settings(folder, port)
        self.operations.desk = AlertDesk(
            AlertPorts(
                account=self.settings.account.name,
                settings=self.settings.alerts,
                announce=self.operations.told.append,
                audit=self.audit.append,
                publish=self.operations.hub.publish,
                count=lambda kind, outcome: self.metrics.alerts.labels(kind, outcome).inc(),
                wall_ns=lambda: self.wall_ns,
                monotonic_s=lambda: self.clock_s,
                file=folder / "alerts.json",
            ),
            self.operations,
        )
        self.server = ControlServer(
            self.operations,
            self.settings,
            metrics=self.metrics,
            audit=self.audit.append,
            wall_ns=lambda: self.wall_ns,
            monotonic_s=lambda: self.clock_s,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def token(self, *scopes: Scope, name: str = "tester") -> dict[str, str]:
        """Make a token and return the header that presents it; the server sees it at once."""
        secret = await asyncio.to_thread(self.store.create, name, scopes, now_ns=NOW_NS)
        self.clock_s += 1.0
        return {"Authorization": f"Bearer {secret}"}

    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Talk over TCP, where only tokens count."""
        async with aiohttp.ClientSession(self.url) as session:
            yield session

    @asynccontextmanager
    async def unix(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Talk over the unix socket, as the daemon's own user."""
        connector = aiohttp.UnixConnector(str(self.server.socket_path))
        async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
            yield session


def make_settings(folder: Path, port: int) -> live_settings.Settings:
    return live_settings.Settings(
        source=folder / "test.toml",
        algorithm=live_settings.AlgorithmSettings(path=folder / "main.py"),
        account=live_settings.AccountSettings(state_directory=folder),
        brokerage=live_settings.PluginSection(plugin="paper", options={}),
        feeds=(live_settings.PluginSection(plugin="replay", options={}),),
        histories=(live_settings.PluginSection(plugin="lean_data", options={}),),
        data=live_settings.DataSettings(folder=folder),
        engine=live_settings.EngineSettings(),
        limits=live_settings.LimitSettings(),
        training=live_settings.TrainingSettings(),
        object_store=live_settings.ObjectStoreSettings(),
        control=live_settings.ControlSettings(port=port),
        daemon=live_settings.DaemonSettings(),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _run(folder: Path) -> AsyncIterator[Running]:
    running = Running(folder, free_port())
    await running.server.start()
    try:
        yield running
    finally:
        await running.server.stop()


class Daemon:
    """A control server in a thread of its own, for commands that block."""

    def __init__(self, folder: Path, running: Running, loop: asyncio.AbstractEventLoop) -> None:
        self.folder = folder
        self.running = running
        self._loop = loop

    @property
    def operations(self) -> FakeOperations:
        return self.running.operations

    def do(self, action: Callable[[], object]) -> None:
        """Do something on the server's loop and wait for it."""
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(5)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a running server whose state directory is tmp_path."""
    started: queue.Queue[Daemon] = queue.Queue()

    async def serve_until_stopped() -> None:
        async with _run(tmp_path) as running:
            started.put(Daemon(tmp_path, running, asyncio.get_running_loop()))
            await running.operations.stopped.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve_until_stopped(),), name="server")
    thread.start()
    made = started.get(timeout=10)
    yield made
    if not made.operations.stopped.is_set():
        made.do(made.operations.stopped.set)
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[], object]:
    """Return a context manager factory: a started server in a folder of its own."""
    return lambda: _run(tmp_path)
