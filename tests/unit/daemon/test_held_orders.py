"""Orders in a venue's maintenance: they wait, bounded, and are sent once, in order, once reconciled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from livetrader.settings import AccountSettings, OrdersInMaintenance
from livetrader.supervisor.held_orders import HELD_LIMIT
from livetrader.supervisor.session_watch import SessionWatch
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.orders.order import OrderChange, OrderId, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import Maintenance
from livetrader_engine.symbols import NS_PER_SECOND

from .money import START_NS, Desk, make_desk, new_venue, open_desk, resting, spec, watch_over
from .virtual_time import loop, run

RESTART = "the gateway restarts itself"
HELD_S, WINDOW_S = 180.0, 600.0


@dataclass
class Calendar:
    """A venue's calendar in the loop's own seconds: one absence, of which orders are held at first."""

    begin_s: float
    hold_s: float = HELD_S
    length_s: float = WINDOW_S

    def maintenance(self, now_ns: int) -> Maintenance | None:
        now_s = (now_ns - START_NS) / NS_PER_SECOND
        if not self.begin_s <= now_s < self.begin_s + self.length_s:
            return None
        until_ns = START_NS + int((self.begin_s + self.length_s) * NS_PER_SECOND)
        return Maintenance(RESTART, until_ns, holds_orders=now_s < self.begin_s + self.hold_s)


@dataclass
class Scene:
    desk: Desk
    watch: SessionWatch
    told: list[tuple[Urgency, str]] = field(default_factory=list)

    async def submit(self, order: OrderSpec) -> None:
        await self.watch.orders.submit(SubmitOrder(order))

    async def cancel(self, number: int) -> None:
        await self.watch.orders.cancel(CancelOrder(OrderId(number)))

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.desk.settle()

    @property
    def sent(self) -> int:
        return len(self.desk.venue.submits)


@asynccontextmanager
async def scene_in(
    folder: Path, settings: AccountSettings | None = None, begin_s: float = 0.0
) -> AsyncIterator[Scene]:
    async with open_desk(new_venue(), folder) as desk, asyncio.TaskGroup() as group:
        told: list[tuple[Urgency, str]] = []

        def notify(title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
            told.append((urgency, title))

        calendar = Calendar(loop().time() + begin_s)
        watch = watch_over(desk, notify, settings, calendar)
        watch.regained()
        running = group.create_task(watch.run())
        yield Scene(desk, watch, told)
        running.cancel()


def in_time(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(body())


def test_an_order_that_a_restart_could_lose_waits_and_is_then_sent_once(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            await scene.submit(spec(1, 10))
            assert scene.desk.statuses(1) == [OrderStatus.NEW]
            assert RESTART in scene.desk.messages(1)
            assert "not sent yet" in scene.desk.messages(1)
            assert not scene.desk.gateway.orders, "nothing is intended before it may be sent"
            assert scene.watch.view().held_orders == 1
            await scene.wait(HELD_S - 5)
            assert scene.sent == 0
            await scene.wait(10)
            assert scene.sent == 1
            assert scene.desk.statuses(1)[-1] is OrderStatus.FILLED
            assert scene.watch.view().held_orders == 0
            assert scene.desk.agrees()

    in_time(body)


def test_orders_leave_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            for number in range(1, 6):
                await scene.submit(resting(number))
            await asyncio.sleep(HELD_S)  # the window is over, and the watch has not looked yet
            await scene.submit(resting(6))
            await scene.desk.settle()
            assert [order.spec.id for order in scene.desk.gateway.orders] == [1, 2, 3, 4, 5, 6]
            assert scene.sent == 6

    in_time(body)


def test_no_order_waits_longer_than_the_settings_say(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path, AccountSettings(orders_held_s=60.0)) as scene:
            await scene.submit(spec(1, 10))
            await scene.wait(58)
            assert scene.watch.view().held_orders == 1
            await scene.wait(5)
            assert scene.desk.statuses(1)[-1] is OrderStatus.INVALID
            assert "orders_held_s = 60" in scene.desk.messages(1)
            await scene.wait(WINDOW_S)
            assert scene.sent == 0, "what was dropped is never sent"

    in_time(body)


def test_an_order_that_is_canceled_while_it_waits_is_never_sent(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            await scene.submit(spec(1, 10))
            await scene.submit(spec(2, 5))
            await scene.cancel(1)
            assert scene.desk.statuses(1)[-1] is OrderStatus.CANCELED
            await scene.wait(HELD_S + 5)
            assert [order.spec.id for order in scene.desk.gateway.orders] == [2]
            assert scene.desk.held() == 5

    in_time(body)


def test_an_operator_may_cancel_what_waits(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            for number in (1, 2, 3):
                await scene.submit(resting(number))
            assert scene.watch.orders.cancel_one(2, "asked for by somebody")
            assert not scene.watch.orders.cancel_one(2, "again")
            assert scene.desk.statuses(2)[-1] is OrderStatus.CANCELED
            assert scene.watch.orders.cancel_all("asked for by somebody") == 2
            await scene.wait(HELD_S + 5)
            assert scene.sent == 0

    in_time(body)


def test_an_order_that_waits_is_not_changed(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            await scene.submit(resting(1))
            await scene.watch.orders.update(UpdateOrder(OrderId(1), OrderChange(tag="x")))
            assert "cancel it and order anew" in scene.desk.messages(1)
            assert set(scene.desk.statuses(1)) == {OrderStatus.NEW}

    in_time(body)


def test_an_operator_may_want_refusals_instead(tmp_path: Path) -> None:
    async def body() -> None:
        settings = AccountSettings(orders_in_maintenance=OrdersInMaintenance.REFUSE)
        async with scene_in(tmp_path, settings) as scene:
            await scene.submit(spec(1, 10))
            assert scene.desk.statuses(1) == [OrderStatus.INVALID]
            assert f"maintenance: {RESTART}" in scene.desk.messages(1)
            await scene.wait(HELD_S + 5)
            await scene.submit(spec(2, 10))
            await scene.desk.settle()
            assert scene.sent == 1

    in_time(body)


def test_in_ordinary_times_nothing_waits(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path, begin_s=1000) as scene:
            await scene.submit(spec(1, 10))
            await scene.desk.settle()
            assert scene.sent == 1
            assert scene.watch.why_held() == ""

    in_time(body)


def test_a_halt_refuses_what_waits_with_its_own_reason(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            await scene.submit(spec(1, 10))
            scene.desk.gateway.halt("somebody wants it so")
            await scene.wait(5)
            assert scene.desk.statuses(1)[-1] is OrderStatus.INVALID
            assert "halted" in scene.desk.messages(1)
            await scene.submit(spec(2, 10))
            assert "halted" in scene.desk.messages(2), "at once: there is nothing to wait for"
            await scene.wait(WINDOW_S)
            assert scene.sent == 0

    in_time(body)


def test_while_the_venue_rests_orders_wait_for_the_reconciliation(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            gateway, watch = scene.desk.gateway, scene.watch
            await scene.wait(HELD_S)
            gateway.disconnected("1100")
            watch.lost("1100")
            await scene.submit(spec(1, 10))
            assert "the brokerage is away" in scene.desk.messages(1)
            await scene.wait(100)
            assert scene.sent == 0
            await gateway.reconcile_at_start()
            watch.regained()
            pump = asyncio.ensure_future(scene.desk.pump())
            await scene.wait(5)
            assert scene.sent == 1
            assert scene.desk.held() == 10
            assert scene.told == [
                (Urgency.INFORMATION, "brokerage away, as expected"),
                (Urgency.INFORMATION, "brokerage is back"),
            ]
            pump.cancel()

    in_time(body)


def test_an_absence_that_nobody_expects_refuses_orders(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path, begin_s=10_000) as scene:
            scene.desk.gateway.disconnected("1100")
            scene.watch.lost("1100")
            await scene.submit(spec(1, 10))
            assert scene.desk.statuses(1) == [OrderStatus.INVALID]
            assert "not_ready" in scene.desk.messages(1)

    in_time(body)


def test_an_order_that_still_waits_when_the_window_ends_without_the_venue_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path, AccountSettings(orders_held_s=3600.0)) as scene:
            scene.desk.gateway.disconnected("1100")
            scene.watch.lost("1100")
            await scene.submit(spec(1, 10))
            await scene.wait(WINDOW_S + 5)
            assert scene.desk.statuses(1)[-1] is OrderStatus.INVALID
            assert "not_ready" in scene.desk.messages(1)
            assert scene.sent == 0

    in_time(body)


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            for number in range(1, HELD_LIMIT + 2):
                await scene.submit(resting(number))
            assert scene.watch.view().held_orders == HELD_LIMIT
            assert scene.desk.statuses(HELD_LIMIT + 1) == [OrderStatus.INVALID]

    in_time(body)


@pytest.mark.parametrize("how", ["the daemon dies", "the engine dies"])
def test_an_order_that_waits_dies_with_who_decided_it_and_its_number_is_not_used_again(
    tmp_path: Path, how: str
) -> None:
    async def first() -> None:
        async with scene_in(tmp_path) as scene:
            await scene.submit(resting(1))
            await scene.wait(HELD_S + 5)
            if how == "the engine dies":
                scene.watch.orders.drop("the engine was lost")
                await scene.wait(5)
                assert scene.watch.view().held_orders == 0

    async def killed() -> None:
        desk = make_desk(new_venue(), tmp_path / "second")
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        watch = watch_over(desk, venue=Calendar(loop().time()))
        watch.regained()
        await watch.orders.submit(SubmitOrder(spec(1, 10)))
        if how == "the engine dies":
            watch.orders.drop("the engine was lost")
            assert (await desk.gateway.account()).next_order_id == 2
        await desk.journal.close()

    async def after() -> None:
        async with open_desk(new_venue(), tmp_path / "second") as desk:
            watch = watch_over(desk, venue=Calendar(loop().time() - 10 * WINDOW_S))
            watch.regained()
            await watch.orders.pass_on()
            await desk.settle()
            assert desk.venue.submits == []
            assert desk.gateway.orders == []
            number = (await desk.gateway.account()).next_order_id
            await watch.orders.submit(SubmitOrder(spec(number, 10)))
            await desk.settle()
            assert len(desk.venue.submits) == 1, "the next engine decides anew, and once"

    run(first())
    run(killed())
    run(after())


def test_a_calendar_that_fails_holds_no_order_and_ends_nothing(tmp_path: Path) -> None:
    async def body() -> None:
        async with scene_in(tmp_path) as scene:
            calendar = scene.watch._venue
            assert isinstance(calendar, Calendar)
            await scene.submit(spec(1, 10))
            calendar.length_s = float("inf")  # its end is no instant: OverflowError
            await scene.wait(10)
            assert scene.sent == 1
            assert scene.desk.reported("brokerage_plugin_failed") == 1
            assert scene.watch.view().maintenance == ""
            calendar.length_s = WINDOW_S
            await scene.submit(spec(2, 10))
            assert scene.desk.statuses(2) == [OrderStatus.NEW]

    in_time(body)
