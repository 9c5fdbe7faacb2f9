"""The kill switch ends flat whatever the venue, the journal, the gateway or a crash does to it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader.errors import ControlRefusedError, NotFlatError
from livetrader.gateway.killstages import TRANSITIONS, KillStage
from livetrader.gateway.latch import LATCH_BYTES, Latch, LatchRecord
from livetrader.gateway.standalone import liquidate_standalone
from livetrader.journal.journal import Journal
from livetrader.journal.records import Record, ReportReceived
from livetrader.journal.store import read_state
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, BrokerageCapabilities, PluginError
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.fakes import ORDER_TYPES, MemoryBrokerage, MemoryVenue, memory_context

from .money import AAPL, IBM, SPY, START_NS, Desk, kill_ports, new_venue, open_desk, resting, spec, symbol
from .virtual_time import run

S = OrderStatus


def flat(venue: MemoryVenue) -> bool:
    working = [order for order in venue.orders.values() if order.record() in venue.snapshot("").open_orders]
    return not working and all(quantity == 0 for quantity, _ in venue.positions.values())


async def invested(desk: Desk) -> None:
    """Hold two positions, one of them short, with orders working beside them."""
    await desk.submit(spec(1, 10))
    await desk.submit(spec(2, -20, IBM))
    await desk.submit(resting(3))
    await desk.submit(resting(4, 5, AAPL))
    await desk.settle()


def kills(venue: MemoryVenue) -> list[str]:
    return [name for name in venue.submits if name.startswith("LK")]


def test_a_kill_cancels_flattens_and_latches(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            switch = desk.kill_switch()
            await switch.trip("test", "http")
            await desk.settle()
            assert flat(venue) and switch.stage is KillStage.FLAT
            assert desk.gateway.halted and desk.agrees()
            await desk.submit(spec(5, 1))
            assert desk.statuses(5) == [S.INVALID]
            assert desk.gateway.state.adjustments == {}  # the journal knew every trade of the kill

    run(body())
    assert len(kills(venue)) == 2
    record = Latch(tmp_path / "kill.latch").read()
    assert record is not None and record.flat and (record.reason, record.source) == ("test", "http")
    assert read_state(tmp_path / "journal.sqlite3").kill is not None


def test_twenty_positions_and_twenty_orders_take_well_under_a_second(tmp_path: Path) -> None:
    names = [symbol(f"S{number}") for number in range(20)]
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=0.0, simulated=True))
    venue.prices.update({of: Decimal(100) for of in names})

    async def body() -> float:
        async with open_desk(venue, tmp_path) as desk:
            for number, of in enumerate(names):
                await desk.submit(spec(2 * number + 1, 10 if number % 2 else -10, of))
                await desk.submit(resting(2 * number + 2, 1, of))
            await desk.settle()
            running = asyncio.get_running_loop()
            before = running.time()
            await desk.kill_switch().trip("test", "http")
            assert flat(venue)
            return running.time() - before

    assert asyncio.run(body()) < 0.5


def test_a_real_venue_has_to_show_flat_twice(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> float:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            running = asyncio.get_running_loop()
            before = running.time()
            await desk.kill_switch().trip("test", "http")
            return running.time() - before

    assert 2.0 <= run(body()) < 2.5


def test_an_order_flood_racing_the_kill_ends_flat(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            switch = desk.kill_switch()

            async def flood() -> None:
                for number in range(1, 2000):
                    order = spec(number, 1) if number % 3 else resting(number)
                    await desk.submit(order)

            async with asyncio.TaskGroup() as group:
                group.create_task(flood())
                for _ in range(200):
                    await asyncio.sleep(0)
                await switch.trip("flood", "http")
            await desk.settle()
            assert flat(venue)
            assert desk.agrees()
            assert len(venue.submits) < 1000  # the halt did stop the flood

    run(body())


def test_an_order_in_flight_when_the_switch_falls_is_caught(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=120.0))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.faults.hold_orders = 1
            await desk.submit(spec(1, 10))
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                await switch.trip("test", "http")
                assert switch.stage is KillStage.FLAT
                await asyncio.sleep(30)
                venue.deliver_held()  # and fills at once, after the account was flat
                assert not flat(venue)
                await asyncio.sleep(30)
                assert flat(venue)
                watch.cancel()
            assert len(kills(venue)) == 1
            assert any("late" in name or "after the account was flat" in name for name in desk.calls)

    run(body())


def test_three_trips_at_once_are_one_kill(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                trips = [group.create_task(switch.trip(f"reason {n}", "http")) for n in range(3)]
                await asyncio.gather(*trips)
                watch.cancel()
            assert flat(venue)

    run(body())
    assert len(kills(venue)) == 2


def test_whoever_joins_a_kill_is_answered_when_the_latch_is_on_disk(tmp_path: Path) -> None:
    async def body() -> None:
        async with open_desk(new_venue(), tmp_path) as desk:
            switch = desk.kill_switch()

            async def latched(source: str) -> bool:
                await switch.latch("test", source)
                return await asyncio.to_thread((tmp_path / "kill.latch").exists)

            async with asyncio.TaskGroup() as group:
                callers = [group.create_task(latched(source)) for source in ("http", "cli", "loss")]
            assert [caller.result() for caller in callers] == [True] * 3

    run(body())


def test_a_caller_that_goes_away_while_the_latch_is_written_has_tripped_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                caller = group.create_task(switch.latch("test", "http"))
                await asyncio.sleep(0)
                caller.cancel()  # its connection is gone
                await asyncio.sleep(30)
                watch.cancel()
            assert switch.stage is KillStage.FLAT and flat(venue)

    run(body())
    latch = Latch(tmp_path / "kill.latch").read()
    assert latch is not None and latch.flat


def test_a_cancelled_caller_does_not_stop_the_kill(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                trip = group.create_task(switch.trip("test", "http"))
                await desk.stage(KillStage.CANCELLING)
                trip.cancel()
                await asyncio.sleep(30)
                assert switch.stage is KillStage.FLAT and flat(venue)
                watch.cancel()

    run(body())


def test_snapshots_that_fail_are_never_taken_for_flat(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.faults.failed_snapshots = 40
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(100)
                assert switch.stage is KillStage.FAILED_RETRYING
                assert desk.calls  # a person was called
                await trip
            assert flat(venue)

    run(body())


def test_orders_are_cancelled_also_while_the_account_is_not_shown(tmp_path: Path) -> None:
    """One that trades all the time does not stand still for a snapshot; its orders must end all the same."""
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.faults.failed_snapshots = 20
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(3)
                assert switch.stage is KillStage.FAILED_RETRYING
                assert not venue.snapshot("").open_orders and not kills(venue)
                await trip
            assert flat(venue)

    run(body())


def test_a_kill_while_disconnected_acts_on_reconnect(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.disconnect()
            desk.gateway.disconnected("line cut")
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(5)
                assert not flat(venue) and switch.latched
                await desk.brokerage.connect()
                await trip
            assert flat(venue)

    run(body())


def test_one_symbol_in_trouble_keeps_no_other(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.faults.refuse[SPY] = "trading is suspended"
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(2)
                assert venue.positions[IBM][0] == 0 and venue.positions[SPY][0] == 10
                await asyncio.sleep(600)
                assert len(kills(venue)) < 40  # refused again and again, and never a flood
                assert any("SPY" in words for words in desk.calls)
                assert switch.left == ("10 SPY",)
                attempts = desk.gateway.liquidating(0.0)
                assert attempts[SPY].refused and attempts[SPY].number > 1  # and so no name is used again
                venue.faults.refuse.clear()
                await trip
            assert flat(venue)
            assert not desk.gateway.open_orders  # what was refused is no riddle

    run(body())


def test_an_unliquidatable_residue_can_be_accepted_by_name_only(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.faults.refuse[SPY] = "delisted"
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                kill_id = await switch.latch("test", "http")
                await asyncio.sleep(100)
                with pytest.raises(NotFlatError, match="10 SPY"):
                    await switch.resume(kill_id, "operator")
                with pytest.raises(ControlRefusedError):
                    await switch.resume("other", "operator", accept_residue=True)
                await switch.resume(kill_id, "operator", accept_residue=True)
                assert switch.stage is KillStage.ARMED and not desk.gateway.halted
                watch.cancel()

    run(body())
    assert Latch(tmp_path / "kill.latch").read() is None


def test_a_partly_filled_liquidation_never_sells_twice(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 100))
            await desk.settle()
            venue.faults.fills_by_hand = True
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(1)
                (first,) = kills(venue)
                venue.trade(venue.orders[first].client_order_id, Decimal(-30), Decimal(100))
                await asyncio.sleep(20)
                assert len(kills(venue)) == 1  # one live order per symbol
                venue.cancel(venue.orders[first].client_order_id)  # the venue ends it with 70 left
                await asyncio.sleep(1)
                second = kills(venue)[1]
                assert venue.orders[second].spec.quantity == -70
                venue.trade(venue.orders[second].client_order_id, Decimal(-70), Decimal(100))
                await trip
            assert flat(venue)
            assert len(kills(venue)) == 2

    run(body())


def test_a_lost_answer_to_a_liquidation_order_is_not_sold_again(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=60.0))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            venue.faults.hold_orders = 1  # nobody knows where the liquidation order is
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(50)
                assert len(venue.held) == 1 and not kills(venue)
                venue.deliver_held()
                await trip
            assert flat(venue)
            assert len(kills(venue)) == 1

    run(body())


def test_a_residue_can_be_accepted_before_the_first_look_at_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            venue.faults.failed_snapshots = 1_000_000  # it would never come to an end
            desk.gateway._sender.quiet.clear()  # … and an order hangs, so that the switch settles first
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await desk.stage(KillStage.SETTLING)
                assert switch.kill_id is not None
                async with asyncio.timeout(10):
                    await switch.resume(switch.kill_id, "operator", accept_residue=True)
                await trip
            assert switch.stage is KillStage.ARMED and not desk.gateway.halted

    run(body())


def test_a_position_that_moves_while_a_liquidation_order_is_on_its_way_is_not_sold_twice(
    tmp_path: Path,
) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=60.0))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            venue.faults.hold_orders = 1  # the liquidation order takes its time
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(1)
                venue.trade_elsewhere(SPY, Decimal(5), Decimal(100))  # another order arrived before it
                await asyncio.sleep(10)
                assert not kills(venue), "nothing more before the first is proved over"
                venue.deliver_held()
                await trip
            assert flat(venue)
            assert [venue.orders[name].spec.quantity for name in kills(venue)] == [-10, -5]

    run(body())


def test_an_account_is_not_called_flat_while_an_order_is_on_its_way(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=60.0, simulated=True))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.faults.hold_orders = 1
            await desk.submit(spec(1, 10))  # sent; no snapshot shows it
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(30)
                assert switch.stage is KillStage.VERIFYING
                venue.deliver_held()
                await trip
            await desk.settle()
            assert flat(venue) and kills(venue)

    run(body())


def test_a_closed_market_gets_market_on_open_orders_and_waits(tmp_path: Path) -> None:
    venue = new_venue()
    opened = False

    def is_open(of: Symbol, now_ns: int) -> bool:
        return opened or of is AAPL

    async def body() -> None:
        nonlocal opened
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.submit(spec(2, 10, AAPL))
            await desk.settle()
            venue.faults.refuse.clear()
            venue.open = False
            switch = desk.kill_switch(is_open)
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(3600)
                types = {
                    venue.orders[order.client_order_id].spec.symbol: order.spec.type
                    for order in venue.orders.values()
                    if order.client_order_id.startswith("LK")
                }
                assert types == {SPY: OrderType.MARKET_ON_OPEN, AAPL: OrderType.MARKET}
                assert len(kills(venue)) == 2
                opened = True
                venue.open_market()
                await trip
            assert flat(venue)

    run(body())


def test_only_closed_markets_left_is_shown_as_waiting_and_calls_nobody(tmp_path: Path) -> None:
    venue = new_venue()
    opened = False

    async def body() -> None:
        nonlocal opened
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            venue.open = False
            switch = desk.kill_switch(lambda of, now_ns: opened)
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(3600)
                assert switch.stage is KillStage.WAITING
                assert desk.calls == []
                opened = True
                venue.open_market()
                await trip

    run(body())


def test_a_market_on_open_order_that_missed_the_open_is_replaced(tmp_path: Path) -> None:
    venue = new_venue()
    opened = False

    async def body() -> None:
        nonlocal opened
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            venue.open = False
            switch = desk.kill_switch(lambda of, now_ns: opened)
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(100)
                opened = True  # the venue, though, forgot the order of the night
                await asyncio.sleep(90)
                assert len(kills(venue)) == 2
                venue.open_market()
                await trip
            assert flat(venue)

    run(body())
    assert venue.orders[venue.submits[-1]].spec.type is OrderType.MARKET
    assert venue.orders[venue.submits[-2]].status is S.CANCELED


@pytest.mark.parametrize("included", [False, True])
def test_orders_of_others_are_left_alone_and_named_unless_they_are_included(
    tmp_path: Path, included: bool
) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            other = venue.rest_elsewhere(SPY, Decimal(3), Decimal(50))
            switch = desk.kill_switch()
            await switch.latch("test", "http", include_foreign=included)
            await switch.trip("test", "http")
            assert switch.stage is KillStage.FLAT
            assert venue.positions[SPY][0] == 0 == venue.positions[IBM][0]
            assert other.status is (S.CANCELED if included else S.SUBMITTED)
            assert any(other.brokerage_order_id in words for words in switch.alone) is not included
            assert desk.reported("kill_left_alone") == (not included)

    run(body())
    record = Latch(tmp_path / "kill.latch").read()
    assert record is not None and record.include_foreign is included


def test_a_kill_in_force_can_be_widened_to_orders_of_others(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            other = venue.rest_elsewhere(SPY, Decimal(3), Decimal(50))
            venue.open = False
            switch = desk.kill_switch()
            async with asyncio.TaskGroup() as group:
                trip = group.create_task(switch.trip("test", "http"))
                await asyncio.sleep(20)
                assert switch.stage is not KillStage.FLAT and other.status is S.SUBMITTED
                await switch.latch("all of it", "http", include_foreign=True)
                await asyncio.sleep(20)
                assert other.status is S.CANCELED
                venue.open_market()
                await trip

    run(body())


def test_a_kill_that_is_tripped_again_names_its_orders_anew(tmp_path: Path) -> None:
    """A name is sent once: an order under a used one would never leave."""
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            switch = desk.kill_switch()
            await switch.trip("test", "http")
            await asyncio.sleep(24 * 3600)
            for name in kills(venue):
                del venue.orders[name]  # the venue forgets what was yesterday
            venue.trade_elsewhere(SPY, Decimal(5), Decimal(100))
            await switch.trip("again", "http")
            assert flat(venue)

    run(body())
    assert len(set(kills(venue))) == len(kills(venue)) == 2


def test_twins_of_one_name_are_cancelled_by_their_numbers(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            twin = venue.make_twin(venue.submits[2])
            await desk.kill_switch().trip("test", "http")
            assert twin.status is S.CANCELED is venue.orders[venue.submits[2]].status

    run(body())


def test_a_broken_journal_does_not_stop_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            with sqlite3.connect(tmp_path / "journal.sqlite3") as other:
                other.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'x'); END"
                )
            other.close()
            await desk.kill_switch().trip("test", "http")
            assert flat(venue)

    run(body())


def test_a_journal_that_hangs_does_not_stop_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            await desk.journal.close()  # nothing is ever durable again
            await desk.kill_switch().trip("test", "http")
            assert flat(venue)

    run(body())


class LateJournal(Journal):
    """A journal on a disk that is slow with trades. Owned by a test."""

    def __init__(self, directory: Path, late_s: float) -> None:
        super().__init__(directory / "journal.sqlite3", "test", lambda: START_NS)
        self._late_s = late_s

    async def append(self, record: Record) -> int:
        if isinstance(record, ReportReceived):
            await asyncio.sleep(self._late_s)
        return await super().append(record)


@pytest.mark.parametrize("only", [None, SPY])
@pytest.mark.parametrize(("late_s", "behind"), [(0.05, 0), (5.0, 1)])
def test_whoever_hears_that_it_is_flat_sees_it_unless_the_disk_hangs(
    tmp_path: Path, late_s: float, behind: int, only: Symbol | None
) -> None:
    """The brokerage shows trades that still wait to be durable here: our own account follows first."""
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=0.0, simulated=True))
    venue.prices.update({SPY: Decimal(100), IBM: Decimal(100), AAPL: Decimal(100)})

    async def body() -> None:
        async with open_desk(venue, tmp_path, journal=LateJournal(tmp_path, late_s)) as desk:
            await invested(desk)
            switch, running = desk.kill_switch(), asyncio.get_running_loop()
            begun_s = running.time()
            await (switch.trip("test", "http") if only is None else switch.flattening.run(only))
            took_s = running.time() - begun_s
            assert desk.venue_held() == 0 and desk.reported("kill_account_behind") == behind
            assert desk.held() == (10 if behind else 0)
            if only is None:
                assert flat(venue) and desk.agrees() is not bool(behind)
            assert took_s < 2 * late_s + 0.01 if not behind else 0.25 <= took_s < 0.26
            await desk.settle()
            assert desk.agrees() and desk.gateway.state.adjustments == {}

    run(body())


def test_orders_whose_trades_cancel_each_other_out_are_over_when_it_is_flat(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=0.0, simulated=True))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path, journal=LateJournal(tmp_path, 0.05)) as desk:
            for order in (spec(1, 10), spec(2, -10), resting(3)):
                await desk.submit(order)
            assert desk.held() == 0 == desk.venue_held() and len(desk.gateway.open_orders) == 3
            await desk.kill_switch().trip("test", "http")
            assert not kills(venue) and desk.gateway.open_orders == []
            assert [desk.statuses(number)[-1] for number in (1, 2, 3)] == [S.FILLED, S.FILLED, S.CANCELED]

    run(body())


def test_a_latch_that_cannot_be_written_does_not_stop_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            (tmp_path / "kill.latch").mkdir()  # the rename onto it fails
            await desk.kill_switch().trip("test", "http")
            assert flat(venue)
            assert desk.reported("latch_not_written") == 2

    run(body())


def test_a_gateway_that_never_settles_delays_it_by_its_limit_only(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            desk.gateway._sender.quiet.clear()
            await desk.kill_switch().trip("test", "http")
            assert flat(venue) and desk.reported("kill_settle_timeout") == 1

    run(body())


def test_without_a_gateway_it_works_the_same(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            await desk.kill_switch(with_gateway=False).trip("test", "cli")
            assert flat(venue)

    run(body())


@pytest.mark.parametrize("stage", [KillStage.FLAT, KillStage.ARMED])
def test_a_kill_that_falls_while_somebody_resumes_wins(tmp_path: Path, stage: KillStage) -> None:
    """FLAT: the latch file is being removed. ARMED: the resume is being made durable."""
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            switch = desk.kill_switch()
            await switch.trip("first", "http")
            assert switch.kill_id is not None
            async with asyncio.TaskGroup() as group:
                resume = group.create_task(_refused(switch.resume(switch.kill_id, "operator")))
                await asyncio.sleep(0)
                while switch.stage is not stage:  # noqa: ASYNC110 — virtual time: every turn is progress
                    await asyncio.sleep(0)
                await desk.brokerage.settle()
                venue.trade_elsewhere(SPY, Decimal(7), Decimal(100))
                await switch.trip("second", "http")
                assert await resume, "told that it was overtaken"
            assert switch.stage is KillStage.FLAT and flat(venue)
            assert desk.gateway.halted and desk.gateway.kill_id == switch.kill_id

    run(body())
    latch = Latch(tmp_path / "kill.latch").read()
    assert latch is not None and latch.reason == "second" and latch.flat


async def _refused(work: Coroutine[object, object, None]) -> bool:
    try:
        await work
    except ControlRefusedError:
        return True
    return False


def test_a_halt_that_falls_while_somebody_resumes_wins(tmp_path: Path) -> None:
    async def body() -> None:
        async with open_desk(new_venue(), tmp_path) as desk:
            desk.gateway.halt("first")
            async with asyncio.TaskGroup() as group:
                resume = group.create_task(_refused(desk.gateway.resume("operator")))
                await asyncio.sleep(0)
                desk.gateway.halt("second")
                assert await resume
            assert desk.gateway.halted and desk.gateway.halt_reason == "second"

    run(body())


def test_a_flat_latch_keeps_the_next_start_halted_and_trades_nothing(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)
            await desk.kill_switch().trip("test", "http")

    async def second() -> None:
        venue.trade_elsewhere(SPY, Decimal(7), Decimal(100))  # the operator buys by hand meanwhile
        async with open_desk(venue, tmp_path) as desk:
            switch = desk.kill_switch()
            await asyncio.to_thread(switch.load)
            assert desk.gateway.halted and switch.stage is KillStage.FLAT and switch.kill_id
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                await asyncio.sleep(100)
                watch.cancel()
            assert venue.positions[SPY][0] == 7
            with pytest.raises(ControlRefusedError):
                await desk.gateway.resume("operator")
            await switch.resume(switch.kill_id, "operator")
            assert not desk.gateway.halted and not switch.latched
            await desk.submit(spec(9, 1))
            await desk.settle()
            assert desk.statuses(9)[-1] is S.FILLED

    run(first())
    run(second())


class Crash(BaseException):
    """The process ends here."""


def crash_during_kill(directory: Path, boundary: int, hold: int) -> bool:
    """Crash a kill where it crosses the wire for the nth time, start again, check; False if it never did."""
    venue = new_venue()
    crossed = 0

    def crash(name: str) -> None:
        nonlocal crossed
        if name.startswith(("submit", "cancel")):
            crossed += 1
            if crossed == boundary:
                raise Crash(name)

    async def first() -> None:
        async with open_desk(venue, directory) as desk:
            await invested(desk)
            venue.boundary = crash
            venue.faults.hold_orders = hold
            await desk.kill_switch().trip("test", "http")

    async def second() -> None:
        venue.boundary = lambda name: None
        async with open_desk(venue, directory) as desk:
            switch = desk.kill_switch()
            await asyncio.to_thread(switch.load)
            assert desk.gateway.halted
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(switch.watch())
                await asyncio.sleep(1)
                venue.deliver_held()
                await asyncio.sleep(60)
                watch.cancel()
            assert switch.stage is KillStage.FLAT

    try:
        run(first())
    except BaseException as error:  # noqa: BLE001 — the planned crash arrives alone or in a group
        assert "Crash" in repr(error)
    if crossed < boundary:
        return False
    run(second())
    assert flat(venue), boundary
    sold: dict[Symbol, Decimal] = {}
    for order in venue.orders.values():
        if order.client_order_id.startswith("LK"):
            sold[order.spec.symbol] = sold.get(order.spec.symbol, Decimal(0)) + order.filled
    assert sold == {SPY: -10, IBM: 20}, boundary
    return True


@pytest.mark.parametrize("hold", [0, 1])
def test_a_crash_at_any_boundary_of_a_kill_is_continued_by_the_next_start(tmp_path: Path, hold: int) -> None:
    boundary = 0
    while crash_during_kill(tmp_path / str(boundary), boundary + 1, hold):
        boundary += 1
    assert boundary >= 8 - hold  # two cancels and two orders, before and after each


def test_a_fresh_process_liquidates_without_the_daemon(tmp_path: Path) -> None:
    venue = new_venue()

    async def daemon() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)

    async def fresh() -> LatchRecord:
        context = memory_context(tmp_path, venue)
        brokerage = MemoryBrokerage(MemoryBrokerage.Config(), context, venue)
        venue.faults.failed_snapshots = 3  # the login fails at first
        calls: list[str] = []
        ports = kill_ports(brokerage, tmp_path, lambda of, now_ns: True, [], calls.append)
        return await liquidate_standalone(ports, "the daemon is dead", "cli")

    run(daemon())
    record = run(fresh())
    assert flat(venue) and record.flat and venue.session is None

    async def next_start() -> None:
        async with open_desk(venue, tmp_path) as desk:
            switch = desk.kill_switch()
            await asyncio.to_thread(switch.load)
            assert switch.stage is KillStage.FLAT and desk.gateway.halted
            assert desk.agrees()
            assert desk.gateway.state.restricted == {}

    run(next_start())


class Stumbling(MemoryBrokerage):
    """A plugin with a bug: its first logins end in an exception that no plugin may raise."""

    stumbles = 2

    async def connect(self) -> AccountSnapshot:
        if self.stumbles:
            self.stumbles -= 1
            raise ValueError("a balance that is no number")
        return await super().connect()


class Misconfigured(MemoryBrokerage):
    """A plugin whose settings can never work."""

    async def connect(self) -> AccountSnapshot:
        raise PluginError("there is no account DU1: name one of DU2, DU3")


def test_a_fresh_process_logs_in_again_whatever_the_plugin_raises(tmp_path: Path) -> None:
    venue = new_venue()

    async def daemon() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await invested(desk)

    async def fresh(kind: type[MemoryBrokerage], calls: list[str]) -> LatchRecord:
        brokerage = kind(MemoryBrokerage.Config(), memory_context(tmp_path, venue), venue)
        ports = kill_ports(brokerage, tmp_path, lambda of, now_ns: True, [], calls.append)
        return await liquidate_standalone(ports, "the daemon is dead", "cli")

    run(daemon())
    with pytest.raises(PluginError, match="name one of DU2"):
        run(fresh(Misconfigured, []))
    calls: list[str] = []
    assert run(fresh(Stumbling, calls)).flat and flat(venue)
    assert len(calls) == 2 and "no number" in calls[0], "a person was called each time"


def test_a_fresh_process_waits_for_what_the_dead_daemon_may_have_sent(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=60.0))
    venue.prices[SPY] = Decimal(100)

    async def daemon() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.faults.hold_orders = 1
            await desk.submit(spec(1, 10))  # and it dies with this on its way

    async def fresh() -> LatchRecord:
        brokerage = MemoryBrokerage(MemoryBrokerage.Config(), memory_context(tmp_path, venue), venue)
        ports = kill_ports(brokerage, tmp_path, lambda of, now_ns: True, [], [].append)
        async with asyncio.TaskGroup() as group:
            liquidation = group.create_task(liquidate_standalone(ports, "the daemon is dead", "cli"))
            await asyncio.sleep(40)
            venue.deliver_held()
            return await liquidation

    run(daemon())
    record = run(fresh())
    assert record.flat and flat(venue)
    assert len(kills(venue)) == 1


def test_the_latch_survives_damage_as_a_latch(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "kill.latch")
    assert latch.read() is None
    latch.arm()
    latch.write(LatchRecord("k1", "why " * 2000, "http", 5))
    found = latch.read()
    assert found is not None and (found.kill_id, found.flat) == ("k1", False)
    assert (tmp_path / "kill.latch").stat().st_size == LATCH_BYTES
    (tmp_path / "kill.latch").write_bytes(b"\0" * 100)
    damaged = latch.read()
    assert damaged is not None and not damaged.flat and "damaged" in damaged.reason
    latch.remove()
    latch.remove()
    assert latch.read() is None


def test_every_stage_but_armed_and_flat_keeps_trying_and_leads_to_flat() -> None:
    for stage, following in TRANSITIONS.items():
        if stage not in (KillStage.ARMED, KillStage.FLAT, KillStage.HALTING):
            assert {KillStage.FLAT, KillStage.FAILED_RETRYING} <= following, stage
    assert TRANSITIONS[KillStage.ARMED] == {KillStage.HALTING}
    assert set(TRANSITIONS) == set(KillStage)
