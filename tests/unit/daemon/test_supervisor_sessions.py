"""Lost connections: the brokerage's shuts the gate until reconciled, the feed's comes back as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, NoReturn

import msgspec
import pytest

from livetrader.changes import Changes
from livetrader.clocks import SessionClock
from livetrader.errors import AccountMismatchError, ConfigError
from livetrader.feeds.session import FeedPorts, FeedSession
from livetrader.settings import EngineSettings
from livetrader.supervisor.brokerage_session import HURRY, LOOK_S, BrokeragePorts, BrokerageSession
from livetrader.supervisor.engine_keeper import EngineKeeper, KeeperPorts
from livetrader.supervisor.router import Router, RouterPorts
from livetrader.supervisor.states import DaemonState, StateMachine
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import AccountLoaded, BrokerageMessageKind, DataEnded, MarketDataArrived
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, FeedCapabilities, FeedEvent, VenueError
from livetrader_engine.symbols import Resolution

from .money import SPY, Desk, make_desk, new_venue, resting, spec, watch_over

LIMIT_S = 10.0


async def nothing(seconds: float) -> None:
    """Wait for nothing: the pause is tested with the restart policy."""
    await asyncio.sleep(0)


class Told:
    """What a session said to its owner."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.changes = Changes()

    def say(self, word: str) -> None:
        self.words.append(word)
        self.changes.announce()

    async def until(self, word: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.changes.until(lambda: word in self.words)


def brokerage_session(desk: Desk, told: Told) -> BrokerageSession:
    return BrokerageSession(
        BrokeragePorts(
            brokerage=desk.brokerage,
            gateway=desk.gateway,
            watch=watch_over(desk),
            monotonic_s=asyncio.get_running_loop().time,
            chance=lambda: 0.0,
            sleep=nothing,
            report=lambda action, **fields: told.say(action),
            said=lambda message: told.say(message.message),
            lost=lambda reason: told.say("lost"),
            regained=lambda: told.say("regained"),
        )
    )


def test_a_lost_brokerage_is_reconciled_before_anything_is_sent_again(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        await session.connect()
        assert session.connected
        before = desk.gateway.session_id
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            await desk.submit(resting(1))
            (order,) = desk.gateway.open_orders
            venue.say(BrokerageMessageKind.WARNING, "the farm is slow")
            await told.until("the farm is slow")
            venue.faults.failed_snapshots = 2  # the first attempts to come back fail
            venue.disconnect()
            venue.trade(order.client_order_id, Decimal(10), Decimal(50))  # and nobody tells us
            await told.until("lost")
            await told.until("regained")
            assert told.words.count("brokerage_reconnect") == 2, "one line for each reason"
            assert session.reconnects == 1
            assert desk.gateway.session_id != before
            assert desk.held() == 10
            assert desk.statuses(1)[-1] is OrderStatus.FILLED
            await desk.submit(spec(2, 1))
            await desk.settle()
            assert desk.agrees()
            running.cancel()
        await desk.journal.close()

    asyncio.run(scene())


def test_a_liquidation_does_not_wait_for_the_pause_between_two_attempts_to_connect(tmp_path: Path) -> None:
    """After many failures a pause lasts half a minute; it ends when an account has to become flat."""

    async def scene() -> None:
        venue = new_venue()
        desk, slept = make_desk(venue, tmp_path), list[float]()
        await desk.journal.open()
        session = brokerage_session(desk, Told())

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await asyncio.sleep(0)

        session._ports = replace(
            session._ports, sleep=sleep, chance=lambda: 1.0, hurried=lambda: len(slept) >= 150
        )
        venue.faults.failed_snapshots = 14  # 0.5, 1, 2, 4, 8, 16, 30, 30 … seconds
        await session.connect()
        patient, hurried = slept[:150], slept[150:]
        assert max(patient) == LOOK_S and sum(patient) > 60
        assert sum(hurried) <= 14 * HURRY.delay_max_s
        await desk.journal.close()

    asyncio.run(scene())


def test_an_engine_is_told_the_account_that_changed_while_the_brokerage_was_away(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        await session.connect()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            await asyncio.sleep(0)
            venue.disconnect()
            venue.trade_elsewhere(SPY, Decimal(7), Decimal(100))
            await told.until("regained")
            accounts = [event for event in desk.emitted if isinstance(event, AccountLoaded)]
            assert [held.quantity for held in accounts[-1].positions] == [7]
            running.cancel()
        await desk.journal.close()

    asyncio.run(scene())


def test_a_plugin_whose_events_fail_is_connected_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        await session.connect()

        def fault(name: str) -> None:
            if name == "event":
                venue.boundary = lambda name: None
                raise KeyError("a field that the plugin did not expect")

        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            venue.boundary = fault
            await desk.submit(spec(1, 10))
            await told.until("regained")
            assert told.words.count("brokerage_plugin_failed") == 1
            assert desk.statuses(1)[-1] is OrderStatus.FILLED
            assert desk.agrees()
            running.cancel()
        await desk.journal.close()

    asyncio.run(scene())


def test_a_broken_journal_and_a_lost_brokerage_do_not_stop_a_liquidation(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        await session.connect()
        switch = desk.kill_switch()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            await desk.submit(spec(1, 10))
            await desk.settle()
            desk.journal.broken = "the disk is full"
            venue.disconnect()
            async with asyncio.timeout(LIMIT_S):
                await switch.trip("test", "http")
            assert not venue.positions.get(SPY, (Decimal(0), Decimal(0)))[0]
            await told.until("regained")
            assert desk.gateway.ready_reasons().keys() >= {"halted", "brokerage", "journal"}
            running.cancel()
        await desk.journal.close()

    asyncio.run(scene())


def test_a_brokerage_that_cannot_be_reached_is_asked_until_it_can(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        venue.faults.failed_snapshots = 5
        session = brokerage_session(desk, told)
        await session.connect()
        assert told.words == ["brokerage_reconnect"], "one line for one reason"
        assert venue.faults.failed_snapshots == 0
        assert session.connected
        await desk.journal.close()

    asyncio.run(scene())


def test_settings_that_fit_no_account_end_a_start_and_nothing_later(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        venue.faults.wrong_settings = 1
        with pytest.raises(ConfigError, match="another account"):
            await session.connect()
        assert told.words == []
        await session.connect()
        venue.faults.wrong_settings = 3  # somebody logs in elsewhere while we hold positions
        await session.connect()
        assert session.connected and venue.faults.wrong_settings == 0
        await desk.journal.close()

    asyncio.run(scene())


def test_another_account_ends_a_start_and_is_waited_out_later(tmp_path: Path) -> None:
    async def scene() -> None:
        venue = new_venue()
        desk, told = make_desk(venue, tmp_path), Told()
        await desk.journal.open()
        session = brokerage_session(desk, told)
        await session.connect()
        other = OtherAccount(venue.snapshot)
        venue.snapshot = other  # type: ignore[method-assign]  # the gateway is logged in to another account
        with pytest.raises(AccountMismatchError) as caught:
            await brokerage_session(desk, told).connect()
        assert caught.value.exit_code == 2, "nothing of the other account may be liquidated"
        other.left = 2
        await session.connect()
        assert session.connected
        assert other.left == 0
        await desk.journal.close()

    asyncio.run(scene())


class OtherAccount:
    """Snapshots of another account, for a while."""

    def __init__(self, real: Callable[[str], AccountSnapshot]) -> None:
        self.real = real
        self.left = 1

    def __call__(self, session_id: str) -> AccountSnapshot:
        if not self.left:
            return self.real(session_id)
        self.left -= 1
        return msgspec.structs.replace(self.real(session_id), account_id="ANOTHER")


SUBSCRIPTION = Subscription(SPY, Resolution.MINUTE)


class ScriptedFeed:
    """A feed whose sessions are written down: each list is one session; it is lost where the list ends."""

    API_VERSION: ClassVar[int] = 1
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, sessions: list[list[FeedEvent]], capabilities: FeedCapabilities) -> None:
        self.capabilities = capabilities
        self._sessions = sessions
        self.calls: list[str] = []
        self.refusals = 1

    async def connect(self) -> int:
        self.calls.append("connect")
        if len(self.calls) > 1 and self.refusals:
            self.refusals -= 1
            raise VenueError("not now")
        return 1

    async def events(self) -> AsyncIterator[FeedEvent]:
        for event in self._sessions.pop(0):
            yield event

    async def subscribe(self, subscription: Subscription) -> None:
        self.calls.append("subscribe")

    async def unsubscribe(self, subscription: Subscription) -> None:
        self.calls.append("unsubscribe")

    async def close(self) -> None:
        self.calls.append("close")


def unused(*arguments: object) -> NoReturn:
    raise AssertionError(f"nobody should ask for this: {arguments}")


def idle_keeper(changes: Changes) -> EngineKeeper:
    """A keeper that is never asked for an engine."""
    return EngineKeeper(
        KeeperPorts(
            settings=EngineSettings(), monotonic_s=lambda: 0.0, chance=lambda: 0.0, changes=changes,
            prepare=unused, received=unused, drained=unused, output=unused, started=unused, lost=unused,
            spent=unused, finished=unused,
        )
    )  # fmt: skip


def bar(time_ns: int) -> MarketDataArrived:
    return MarketDataArrived(
        time_ns, 1, (TradeBar(SPY, time_ns - 1, time_ns, 1.0, 1.0, 1.0, float(time_ns), 1.0),)
    )


class FeedScene:
    """A feed session over a scripted feed, a real gateway, and no engine."""

    def __init__(self, desk: Desk, sessions: list[list[FeedEvent]], capabilities: FeedCapabilities) -> None:
        self.feed = ScriptedFeed(sessions, capabilities)
        self.changes = Changes()
        self.clock = SessionClock()
        self.state = StateMachine(lambda old, new, reason: self.changes.announce())
        self.ended: list[DataEnded] = []
        self.keeper = idle_keeper(self.changes)
        self.marks = 0
        ports = RouterPorts(
            self.clock, desk.gateway, None, self.keeper, self.state, self.changes, self._marked, unused
        )
        self.router = Router(ports, capabilities)
        self.session = FeedSession(
            FeedPorts(
                feed=self.feed, may_ask=self.router.may_ask, carry=self.router.carry,
                monotonic_s=asyncio.get_running_loop().time, now_ns=lambda: 0, chance=lambda: 0.0,
                sleep=nothing, report=lambda action, **fields: None, said=unused, refused=unused,
                missing=unused, ended=self.ended.append, stands=lambda up, reason: None,
                counted=self._counted,
            )
        )  # fmt: skip

    def _counted(self, streams: int) -> None:
        self.router.subscriptions = streams
        self.changes.announce()

    def _marked(self) -> None:
        self.marks += 1


def with_feed(
    directory: Path, sessions: list[list[FeedEvent]], capabilities: FeedCapabilities,
    act: Callable[[FeedScene, Desk], object],
) -> None:  # fmt: skip
    async def scene() -> None:
        desk = make_desk(new_venue(), directory)
        await desk.journal.open()
        async with asyncio.timeout(LIMIT_S):
            result = act(FeedScene(desk, sessions, capabilities), desk)
            assert asyncio.iscoroutine(result)
            await result
        await desk.journal.close()

    asyncio.run(scene())


def test_a_lost_feed_comes_back_with_every_subscription(tmp_path: Path) -> None:
    async def act(scene: FeedScene, desk: Desk) -> None:
        assert await scene.session.connect() == 1
        await scene.session.subscribe(SUBSCRIPTION)
        await scene.session.subscribe(SUBSCRIPTION)  # an engine that was restarted asks again
        await scene.session.run()
        assert scene.feed.calls == ["connect", "subscribe", "connect", "connect", "subscribe"]
        assert scene.ended == [DataEnded(9)]
        assert desk.gateway.last_prices == {SPY: 4.0}
        assert (scene.router.events, scene.marks) == (3, 3)

    with_feed(tmp_path, [[bar(2), bar(3)], [bar(4), DataEnded(9)]], FeedCapabilities(), act)


def test_in_lockstep_the_feed_waits_while_the_engine_is_on_its_way_but_not_for_a_liquidation(
    tmp_path: Path,
) -> None:
    async def act(scene: FeedScene, desk: Desk) -> None:
        await scene.session.connect()
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.session.run())
            await scene.session.subscribe(SUBSCRIPTION)
            scene.keeper.want()
            for state in (DaemonState.RECONCILING, DaemonState.RUNNING, DaemonState.HALTED):
                scene.state.move(state, "x")
                for _ in range(20):
                    await asyncio.sleep(0)
                assert scene.router.events == 0, state
            scene.state.move(DaemonState.LIQUIDATING, "somebody wants out")
        assert scene.router.events == 2
        assert scene.clock.now_ns == 3

    capabilities = FeedCapabilities(keeps_time=True, lockstep=True)
    with_feed(tmp_path, [[bar(2), bar(3), DataEnded(9)]], capabilities, act)


def test_in_lockstep_a_halted_daemon_without_hope_for_an_engine_lets_time_go_on(tmp_path: Path) -> None:
    async def act(scene: FeedScene, desk: Desk) -> None:
        await scene.session.connect()
        await scene.session.subscribe(SUBSCRIPTION)
        scene.state.move(DaemonState.RECONCILING, "x")
        scene.state.move(DaemonState.HALTED, "the restart budget is spent")
        await scene.session.run()
        assert scene.router.events == 1

    capabilities = FeedCapabilities(keeps_time=True, lockstep=True)
    with_feed(tmp_path, [[bar(2), DataEnded(9)]], capabilities, act)
