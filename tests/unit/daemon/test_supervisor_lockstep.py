"""The engine leads the market, whatever becomes of the engine: router, gateway and paper account, all real.

The engine is what the test says at the other end of a real link.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from livetrader.changes import Changes
from livetrader.clocks import SessionClock
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killports import KillPorts
from livetrader.gateway.killswitch import KillSwitch
from livetrader.gateway.timing import Timing
from livetrader.ipc.frames import FrameSplitter, decode_to_engine
from livetrader.ipc.messages import NewsComplete, StepCompleted, ToEngine
from livetrader.journal.journal import Journal
from livetrader.settings import EngineSettings
from livetrader.supervisor.ending import LAST_STEP_LIMIT_S, last_step
from livetrader.supervisor.engine_keeper import EngineKeeper, KeeperPorts
from livetrader.supervisor.engine_process import EngineProcess
from livetrader.supervisor.router import Router, RouterPorts
from livetrader.supervisor.states import DaemonState, StateMachine
from livetrader_engine.commands import AwaitNews, SubmitOrder
from livetrader_engine.events import MarketDataArrived, OrderEventArrived, TimePulse
from livetrader_engine.orders.order import ClientOrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import Approved, FeedCapabilities, MarketObserver
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import MONDAY_MORNING_NS, SampleReference, minute_of
from livetrader_plugins.paper.brokerage import PaperBrokerage
from livetrader_plugins.paper.config import PaperConfig

from .money import NO_LIMITS, reporter, spec
from .virtual_time import run as run_virtually

LIMIT_S = 10.0
FLAT_LIMIT_S = 1.0
LOCKSTEP = FeedCapabilities(keeps_time=True, lockstep=True)
REFERENCE = SampleReference()
AAA = REFERENCE.symbol("AAA", SecurityType.EQUITY, "usa")
HALF_SPREAD = Decimal("0.01")  # of the sample market: a buyer pays it


def unused(*arguments: object) -> NoReturn:
    raise AssertionError(f"nobody should ask for this: {arguments}")


def minute(number: int, price: float = 100.0) -> MarketDataArrived:
    return minute_of(AAA, MONDAY_MORNING_NS + number * NS_PER_MINUTE, price)


def order(number: int, quantity: int, limit: int | None = None) -> OrderSpec:
    made = spec(number, quantity, AAA, OrderType.MARKET if limit is None else OrderType.LIMIT, limit)
    return msgspec.structs.replace(made, created_ns=MONDAY_MORNING_NS)


class Stage:
    """Everything between the feed and the account, without tasks of its own but those of the paper plugin."""

    def __init__(self, host: PluginHost, directory: Path, observed: bool) -> None:
        loop = asyncio.get_running_loop()
        self.records: list[tuple[str, dict[str, object]]] = []
        self.directory = directory
        self.brokerage = PaperBrokerage(PaperConfig(), host.context)
        self.clock = SessionClock()
        self.timing = Timing(lambda: self.clock.now_ns, lambda: self.clock.now_ns, loop.time, asyncio.sleep)
        self.journal = Journal(directory / "journal.sqlite3", "test", lambda: self.clock.now_ns)
        report = reporter(self.records)
        self.gateway = Gateway(
            self.brokerage, self.journal, NO_LIMITS, self.timing,
            lambda event: self.process.link.send(event), report,
        )  # fmt: skip
        self.changes = Changes()
        self.state = StateMachine(lambda old, new, reason: self.changes.announce())
        self.keeper = EngineKeeper(
            KeeperPorts(
                settings=EngineSettings(), monotonic_s=loop.time, chance=lambda: 0.0, changes=self.changes,
                prepare=unused, received=unused, drained=unused, output=unused, started=unused, lost=unused,
                spent=unused, finished=unused,
            )
        )  # fmt: skip
        self.process = EngineProcess(EngineSettings(), loop.time, unused, unused, unused)
        self.keeper.process, self.keeper.ready = self.process, True
        self.marked_at: list[float] = []
        self.taken = 0
        observer: MarketObserver | None = self.brokerage if observed else None
        self.router = Router(
            RouterPorts(
                self.clock,
                self.gateway,
                observer,
                self.keeper,
                self.state,
                self.changes,
                self._marked,
                report,
                self._taken,
            ),
            LOCKSTEP,
        )
        self.router.subscriptions = 1
        self._splitter = FrameSplitter()
        self._engine: socket.socket = self.process._theirs
        self._engine.setblocking(False)
        self.steps = 0

    def _marked(self) -> None:
        self.marked_at.append(self.gateway.last_prices[AAA])

    def _taken(self) -> None:
        self.taken += 1

    async def pump(self) -> None:
        async for event in self.brokerage.events():
            await self.gateway.on_event(event)

    def heard(self) -> list[ToEngine]:
        """What has reached the engine since the last look."""
        try:
            chunk = self._engine.recv(1 << 20)
        except BlockingIOError:
            return []
        return [message for body in self._splitter.feed(chunk) for message in decode_to_engine(body)]

    def statuses(self) -> list[OrderStatus]:
        return [message.status for message in self.heard() if isinstance(message, OrderEventArrived)]

    async def until(self, predicate: object) -> None:
        assert callable(predicate)
        async with asyncio.timeout(LIMIT_S):
            while not predicate():  # noqa: ASYNC110 — every turn of the loop is progress
                await asyncio.sleep(0)

    async def ask(self, question: AwaitNews) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.router.await_news(self.process.link, question)

    def step_over(self) -> None:
        """Say, as the engine does, that the newest step is over."""
        self.steps += 1
        self.router.completed(StepCompleted(self.steps, 0).sequence)

    def held(self) -> Decimal:
        return self.gateway.state.position(AAA)

    def said(self, action: str) -> int:
        return sum(1 for name, _ in self.records if name == action)


@asynccontextmanager
async def stage(directory: Path, *, observed: bool = True) -> AsyncIterator[Stage]:
    async with PluginHost("paper", directory, reference=REFERENCE) as host:
        made = Stage(host, directory, observed)
        await made.journal.open()
        await made.gateway.reconcile_at_start()
        made.state.move(DaemonState.RECONCILING, "x")
        made.state.move(DaemonState.RUNNING, "x")
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(made.pump())
            try:
                yield made
            finally:
                pump.cancel()
                await made.brokerage.close()
                await made.journal.close()
                made.process.link.close()
                made._engine.close()


def test_an_order_meets_the_price_of_the_step_in_which_it_was_asked_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            first = group.create_task(it.router.carry(minute(1, 100.0)))
            await asyncio.sleep(0)
            it.step_over()
            await first
            second = group.create_task(it.router.carry(minute(2, 110.0)))
            await asyncio.sleep(0)
            # a scheduled event between the two bars: the clock is not yet at the second one
            await it.router.market_at(minute(1).time_ns + 1)
            await it.gateway.submit(SubmitOrder(order(1, 10)))
            await it.ask(AwaitNews(1))
            assert it.statuses() == [OrderStatus.SUBMITTED] and not it.held()
            await it.ask(AwaitNews(2, tries=True, anew=True))
            (told, answer) = it.heard()
            assert isinstance(told, OrderEventArrived) and told.fill is not None
            assert told.fill.price == 100 + HALF_SPREAD
            assert answer == NewsComplete(2, more=True)
            await it.ask(AwaitNews(3, tries=True))
            assert it.heard() == [NewsComplete(3)]
            await it.router.market_at(minute(2).time_ns)
            await it.gateway.submit(SubmitOrder(order(2, 10)))
            await it.ask(AwaitNews(4, tries=True, anew=True))
            fills = [m.fill.price for m in it.heard() if isinstance(m, OrderEventArrived) and m.fill]
            assert fills == [110 + HALF_SPREAD]
            it.step_over()
            await second

    asyncio.run(scene())


def test_two_prices_of_one_instant_both_reach_the_market(tmp_path: Path) -> None:
    """The engine tells each time once; a second event of that time must not wait for it to say so again."""

    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            for price in (100.0, 120.0):
                step = group.create_task(it.router.carry(minute(1, price)))
                await asyncio.sleep(0)
                if price == 100.0:
                    await it.router.market_at(minute(1).time_ns)
                else:
                    await it.until(lambda: it.router._sequence == 2)
                    await it.gateway.submit(SubmitOrder(order(1, 10)))
                    await it.ask(AwaitNews(1, tries=True, anew=True))
                    fills = [m.fill.price for m in it.heard() if isinstance(m, OrderEventArrived) and m.fill]
                    assert fills == [120 + HALF_SPREAD]
                it.step_over()
                await step

    asyncio.run(scene())


def test_a_loss_is_seen_while_the_engine_hangs_in_the_step_of_that_price(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            step = group.create_task(it.router.carry(minute(1, 40.0)))
            await asyncio.sleep(0)
            assert it.marked_at == [40.0]
            assert not step.done()
            it.step_over()

    asyncio.run(scene())


def test_a_halted_gateway_denies_and_the_engine_gets_its_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it:
            await it.router.market_at(minute(1).time_ns)
            it.gateway.halt("a person said so")
            await it.gateway.submit(SubmitOrder(order(1, 10)))
            await it.ask(AwaitNews(1))
            denied, answer = it.heard()
            assert isinstance(denied, OrderEventArrived) and denied.status is OrderStatus.INVALID
            assert answer == NewsComplete(1)
            await it.ask(AwaitNews(2, tries=True, anew=True))
            assert it.heard() == [NewsComplete(2)]

    asyncio.run(scene())


def test_a_paper_account_that_broke_neither_ends_the_daemon_nor_keeps_the_engine_waiting(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            await it.brokerage.close()
            step = group.create_task(it.router.carry(minute(1)))
            await asyncio.sleep(0)
            await it.router.market_at(minute(1).time_ns)
            await it.ask(AwaitNews(1, tries=True, anew=True))
            assert NewsComplete(1) in it.heard()
            it.step_over()
            await step
            await it.router.pulse(minute(2).time_ns)
            assert it.said("market_not_seen") == 1
            await it.brokerage.connect()
            group.create_task(it.pump(), name="new session")
            await it.router.pulse(minute(3).time_ns)
            await it.brokerage.close()
            await it.router.pulse(minute(4).time_ns)
            assert it.said("market_not_seen") == 2

    asyncio.run(scene())


def test_the_kill_switch_is_flat_at_once_while_the_engine_hangs_with_orders_untried(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            step = group.create_task(it.router.carry(minute(1)))
            await asyncio.sleep(0)
            await it.router.market_at(minute(1).time_ns)
            await it.gateway.submit(SubmitOrder(order(1, 10)))
            await it.ask(AwaitNews(1, tries=True, anew=True))
            await it.gateway.submit(SubmitOrder(order(2, 10)))
            await it.gateway.submit(SubmitOrder(order(3, -5, limit=200)))
            await it.ask(AwaitNews(2))
            assert it.held() == 10  # and here the algorithm hangs, the step never ends
            ports = KillPorts(
                it.brokerage, tmp_path / "kill.latch", lambda symbol, now_ns: True, it.timing,
                reporter(it.records), unused,
            )  # fmt: skip
            begun_s = it.timing.monotonic_s()
            await KillSwitch(ports, it.gateway).trip("out", "http")
            assert it.timing.monotonic_s() - begun_s < FLAT_LIMIT_S
            assert not it.held() and not it.gateway.open_orders
            snapshot = await it.brokerage.snapshot()
            assert not snapshot.positions and not snapshot.open_orders
            it.state.move(DaemonState.LIQUIDATING, "x")
            await step

    asyncio.run(scene())


def test_what_a_dead_engine_left_untried_is_tried_before_the_next_one_starts(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            step = group.create_task(it.router.carry(minute(1)))
            await asyncio.sleep(0)
            await it.router.market_at(minute(1).time_ns)
            await it.gateway.submit(SubmitOrder(order(1, 10)))
            it.keeper.process = None  # it was killed here
            it.changes.announce()
            async with asyncio.timeout(LIMIT_S):
                await step
            assert not it.held()
            await it.router.let_market_lead()
            assert it.held() == 10
            assert (await it.gateway.account()).positions[0].quantity == 10
            it.keeper.process = it.process

    asyncio.run(scene())


def test_a_price_that_a_dead_engine_never_asked_about_reaches_the_market_and_its_orders(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            await it.router.market_at(minute(0).time_ns)
            await it.gateway.submit(SubmitOrder(order(1, 10, limit=50)))
            step = group.create_task(it.router.carry(minute(1, 40.0)))
            await asyncio.sleep(0)
            assert not it.held()
            it.keeper.process = None
            it.changes.announce()
            await step
            assert it.held() == 10
            it.keeper.process = it.process

    asyncio.run(scene())


def test_orders_that_are_not_the_algorithms_are_tried_though_the_engine_asks_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            await it.router.market_at(minute(0).time_ns)
            await it.brokerage.submit(Approved(ClientOrderId("K-1"), order(0, 10, limit=50)))
            step = group.create_task(it.router.carry(minute(1, 40.0)))
            await asyncio.sleep(0)
            it.step_over()
            await step
            (held,) = (await it.brokerage.snapshot()).positions
            assert held.quantity == 10

    asyncio.run(scene())


def test_an_engine_in_lockstep_is_answered_where_the_brokerage_is_a_real_one(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path, observed=False) as it:
            await it.router.market_at(minute(1).time_ns)
            await it.ask(AwaitNews(1, tries=True, anew=True))
            assert it.heard() == [NewsComplete(1)]
            assert it.router.events == 0

    asyncio.run(scene())


def test_a_question_of_an_engine_that_is_gone_meanwhile_goes_nowhere(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it:
            it.process.link.close()
            await it.router.market_at(minute(1).time_ns)
            await it.ask(AwaitNews(1, tries=True, anew=True))
            assert it.heard() == []
            await it.router.pulse(TimePulse(minute(2).time_ns).time_ns)

    asyncio.run(scene())


async def the_last_step(it: Stage, group: asyncio.TaskGroup) -> asyncio.Task[None]:
    """Have the engine in a step, and the daemon on its way to the end."""
    step = group.create_task(it.router.carry(minute(1)))
    await it.until(lambda: it.taken == 1)
    it.router.ask_no_more()
    return step


def test_the_end_waits_for_the_step_in_flight_and_its_orders_and_asks_for_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            step = await the_last_step(it, group)
            end = group.create_task(last_step(it.router, unused))
            next_question = group.create_task(it.router.may_ask())
            late = group.create_task(it.router.carry(minute(2)))  # the feed had been asked before
            await it.router.market_at(minute(1).time_ns)
            await it.gateway.submit(SubmitOrder(order(1, 10)))
            await it.ask(AwaitNews(1, tries=True, anew=True))
            assert not end.done()
            it.step_over()
            async with asyncio.timeout(LIMIT_S):
                await end
            assert step.done() and it.held() == 10
            it.changes.announce()
            await asyncio.sleep(0)
            assert (it.taken, it.router.events, it.clock.now_ns) == (1, 1, minute(1).time_ns)
            assert not next_question.done() and not late.done(), "what comes late comes again"
            next_question.cancel()
            late.cancel()

    asyncio.run(scene())


def test_a_liquidation_needs_the_market_also_while_the_daemon_ends(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            hung = await the_last_step(it, group)
            end = group.create_task(last_step(it.router, unused))
            late = group.create_task(it.router.carry(minute(2)))
            await asyncio.sleep(0)
            assert not end.done() and not late.done()
            it.state.move(DaemonState.LIQUIDATING, "somebody wants out, at once")
            it.keeper.process = None  # as the liquidation kills it
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(end, hung, late)
            assert it.router.events == 2

    asyncio.run(scene())


def test_an_engine_that_hangs_in_its_step_delays_the_end_by_no_more_than_its_limit(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            said: list[tuple[str, float]] = []
            hung = await the_last_step(it, group)
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await last_step(it.router, lambda action, **fields: said.append((action, fields["limit_s"])))
            assert loop.time() - begun_s == pytest.approx(LAST_STEP_LIMIT_S)
            assert said == [("last_step_overdue", LAST_STEP_LIMIT_S)]
            assert it.taken == 1, "it may have ordered: the step does not come again"
            hung.cancel()

    run_virtually(scene())


def test_where_no_step_is_in_flight_the_end_waits_for_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as it, asyncio.TaskGroup() as group:
            it.keeper.ready = False  # it is on its way
            it.keeper.want()
            waiting = group.create_task(it.router.carry(minute(1)))
            await asyncio.sleep(0)
            it.router.ask_no_more()
            async with asyncio.timeout(0):
                await last_step(it.router, unused)
            it.keeper.ready = True
            it.changes.announce()
            await asyncio.sleep(0)
            assert it.taken == 0 and not waiting.done()
            waiting.cancel()

    asyncio.run(scene())
