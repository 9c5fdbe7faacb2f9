"""The one door: what leaves was checked and journaled, what is unknown stays blocked, a trade counts once."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader.errors import ControlRefusedError, JournalError
from livetrader.gateway.rules import HostRules
from livetrader.journal.journal import Journal
from livetrader.journal.records import ChangeIntended, Record, kind_of
from livetrader.journal.replay import JournalState, OrderState, replay
from livetrader.journal.store import read_state
from livetrader.settings import LimitSettings
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.spi import (
    AccountSnapshot,
    BrokerageCapabilities,
    CashChanged,
    ExecutionReport,
    VenueError,
)
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.testing.fakes import ORDER_TYPES, MemoryBrokerage, MemoryVenue

from .money import IBM, NO_LIMITS, SPY, START_NS, Desk, make_desk, new_venue, open_desk, resting, spec
from .virtual_time import run

S = OrderStatus


def break_disk(desk: Desk) -> None:
    """Make every further insert fail, as a full disk would."""
    with sqlite3.connect(desk.directory / "journal.sqlite3") as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'disk'); END")
    other.close()


class WatchedJournal(Journal):
    """Notes when a record became durable (what `append` returning means is tested with the journal)."""

    def watch(self, log: list[str]) -> None:
        self.log = log

    async def append(self, record: Record) -> int:
        seq = await super().append(record)
        self.log.append(f"durable {kind_of(record)}")
        return seq


def watched_desk(venue: MemoryVenue, directory: Path, log: list[str]) -> Desk:
    journal = WatchedJournal(directory / "journal.sqlite3", "test", lambda: START_NS)
    journal.watch(log)
    return make_desk(venue, directory, NO_LIMITS, journal)


def test_intents_are_durable_before_the_venue_sees_them_and_fills_before_the_algorithm(
    tmp_path: Path,
) -> None:
    venue = new_venue()
    log: list[str] = []

    async def body() -> None:
        desk = watched_desk(venue, tmp_path, log)
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        venue.boundary = lambda name: log.append(name) if name in ("submit", "cancel", "update") else None
        log.clear()
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(desk.pump())
            await desk.submit(spec(1, 10))
            await desk.settle()
            await desk.submit(resting(2))
            await desk.settle()
            await desk.update(2, quantity=Decimal(12))
            await desk.cancel(2)
            await desk.settle()
            pump.cancel()
        await desk.journal.close()
        assert desk.statuses(1) == [S.SUBMITTED, S.FILLED]
        assert desk.held() == 10 == desk.venue_held()
        assert desk.gateway.cash == {"USD": venue.cash}

    run(body())
    assert log == [
        "durable order_intended",
        "submit",
        "durable report_received",
        "durable order_intended",
        "submit",
        "durable change_intended",
        "update",
        "durable cancel_intended",
        "cancel",
    ]


def test_client_order_ids_count_on_over_restarts(tmp_path: Path) -> None:
    venue = new_venue()

    async def day(number: int) -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(number))
            await desk.settle()

    for number in (1, 2, 3):
        run(day(number))
    assert len(set(venue.submits)) == 3
    assert [name[-2:] for name in venue.submits] == ["-1", "-2", "-3"]
    assert len({name.split("-")[0] for name in venue.submits}) == 1


def test_a_denied_order_reaches_nobody_and_the_algorithm_is_told_why(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path, LimitSettings(max_order_quantity=5)) as desk:
            await desk.submit(spec(1, 6))
            assert desk.statuses(1) == [S.INVALID]
            assert "max_order_quantity = 5" in desk.messages(1)
            assert desk.gateway.state.next_order_id == 2

    run(body())
    assert venue.submits == []
    assert read_state(tmp_path / "journal.sqlite3").next_order_id == 2


@pytest.mark.parametrize("quantity", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999"])
def test_a_quantity_that_is_no_number_is_refused_and_harms_nobody(tmp_path: Path, quantity: str) -> None:
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0, max_order_notional=1e6)

    async def body() -> None:
        async with open_desk(new_venue(), tmp_path, limits) as desk:
            await desk.submit(resting(1))
            await desk.submit(spec(2, quantity))
            assert desk.statuses(2) == [S.INVALID] and quantity in desk.messages(2)
            await desk.update(1, quantity=Decimal(quantity))
            await desk.settle()
            assert quantity in desk.messages(1) and desk.gateway.open_orders[0].spec.quantity == 10
            await desk.submit(spec(3, 5))
            await desk.settle()
            assert desk.held() == 5

    run(body())
    assert read_state(tmp_path / "journal.sqlite3").next_order_id == 4


def test_a_repeated_fill_counts_once(tmp_path: Path) -> None:
    venue = new_venue()
    venue.faults.repeat_fills = True
    venue.faults.fill_parts = 3

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.PARTIALLY_FILLED, S.PARTIALLY_FILLED, S.FILLED]
            assert desk.gateway.counters.repeated_fills == 3
            assert desk.agrees()

    run(body())
    assert read_state(tmp_path / "journal.sqlite3").position(SPY) == 10


def test_the_algorithm_hears_of_a_fill_after_it_is_durable(tmp_path: Path) -> None:
    venue = new_venue()
    log: list[str] = []

    async def body() -> None:
        desk = watched_desk(venue, tmp_path, log)
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        log.clear()
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(desk.pump())
            await desk.submit(spec(1, 10))
            while "durable report_received" not in log:
                assert desk.statuses(1) in ([], [S.SUBMITTED])
                await asyncio.sleep(0)
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.FILLED]
            pump.cancel()
        await desk.journal.close()

    run(body())


def test_a_halt_that_falls_while_the_disk_writes_stops_the_order(tmp_path: Path) -> None:
    venue = new_venue()

    class HaltingJournal(Journal):
        async def append(self, record: Record) -> int:
            seq = await super().append(record)
            desk.gateway.halted = True
            return seq

    async def body() -> None:
        nonlocal desk
        desk = make_desk(venue, tmp_path)
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        desk.journal.__class__ = HaltingJournal
        await desk.submit(spec(1, 10))
        assert desk.statuses(1) == [S.INVALID]
        await desk.journal.close()

    desk: Desk
    run(body())
    assert venue.submits == []
    assert not read_state(tmp_path / "journal.sqlite3").open


def test_halted_refuses_orders_and_still_cancels_and_survives_a_restart(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            desk.gateway.halt("lunch")
            await desk.submit(spec(2, 10))
            await desk.cancel(1)
            await desk.settle()
            assert desk.statuses(2) == [S.INVALID] and "halted" in desk.messages(2)
            assert desk.statuses(1)[-1] is S.CANCELED

    async def second() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert desk.gateway.ready_reasons() == {"halted": "lunch"}
            await desk.submit(spec(3, 10))
            assert desk.statuses(3) == [S.INVALID]
            await desk.gateway.resume("operator")
            assert desk.gateway.ready_reasons() == {}
            await desk.submit(spec(4, 10))
            await desk.settle()
            assert desk.statuses(4)[-1] is S.FILLED

    run(first())
    run(second())


def test_a_halt_of_a_stopping_daemon_is_gone_after_the_restart(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with open_desk(venue, tmp_path) as desk:
            desk.gateway.halt("stopping", "daemon", persist=False)

    async def second() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert not desk.gateway.halted

    run(first())
    run(second())


def test_resume_while_a_kill_is_latched_needs_its_name(tmp_path: Path) -> None:
    async def body() -> None:
        async with open_desk(new_venue(), tmp_path) as desk:
            desk.gateway.halt("x")
            desk.gateway.kill_id = "k1"
            with pytest.raises(ControlRefusedError, match="k1"):
                await desk.gateway.resume("operator")
            assert desk.gateway.halted

    run(body())


@pytest.mark.parametrize("reached", [True, False])
def test_an_unknown_outcome_blocks_the_side_until_the_account_proves_it(
    tmp_path: Path, reached: bool
) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            if reached:
                venue.faults.cut_after = 1
            else:
                venue.faults.cut_before = 1
            await desk.submit(resting(1))
            assert desk.gateway.unresolved == 1
            desk.gateway.disconnected("connection lost")
            await desk.submit(resting(2))
            assert "not ready" in desk.messages(2)
            await desk.gateway.reconcile_at_start()
            assert desk.gateway.unresolved == 0
            assert desk.statuses(1) == ([S.SUBMITTED] if reached else [S.INVALID])
            await desk.submit(resting(3))
            await desk.brokerage.snapshot()
            assert len(venue.submits) == (2 if reached else 1)  # order 1 was never sent again

    run(body())


def test_absence_is_no_proof_before_the_fence_and_a_late_order_is_cancelled(tmp_path: Path) -> None:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=120.0))
    venue.prices[SPY] = Decimal(100)

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.faults.hold_orders = 1
            await desk.submit(resting(1))
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(desk.gateway.watch())
                desk.gateway._session.ask()
                await asyncio.sleep(60)
                desk.gateway._session.ask()
                await asyncio.sleep(50)
                assert desk.gateway.unresolved == 1
                await desk.submit(resting(2))
                assert "blocked" in desk.messages(2) and "wait until" in desk.messages(2)
                await desk.submit(spec(3, -5))  # the other side is free
                await desk.settle()
                assert desk.statuses(3)[-1] is S.FILLED
                await asyncio.sleep(120)
                assert desk.statuses(1) == [S.INVALID]
                assert desk.gateway.unresolved == 0
                venue.deliver_held()
                await asyncio.sleep(1000)
                await desk.settle()
                assert venue.orders[venue.submits[-1]].status is S.CANCELED
                watch.cancel()
            assert desk.agrees()

    run(body())


def test_an_order_the_plugin_could_not_send_is_invalid_and_blocks_nothing(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.faults.unreachable_submits = 1
            await desk.submit(spec(1, 10))
            assert desk.statuses(1) == [S.INVALID] and "nothing was sent" in desk.messages(1)
            await desk.submit(spec(2, 10))
            await desk.settle()
            assert desk.statuses(2)[-1] is S.FILLED

    run(body())


def test_a_plugin_that_raises_anything_else_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    venue = new_venue()

    def fault(name: str) -> None:
        if name == "submitted":
            raise ZeroDivisionError("a bug of the plugin")

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.boundary = fault
            venue.faults.lost_acks = 1
            await desk.submit(resting(1))
            assert desk.gateway.unresolved == 1
            await desk.gateway.look()
            assert desk.gateway.unresolved == 0
            assert desk.statuses(1) == [S.SUBMITTED]

    run(body())


def test_what_of_an_order_has_traded_is_not_counted_twice_when_it_is_changed(tmp_path: Path) -> None:
    venue = new_venue()
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0.0, max_position_notional=1000)

    async def body() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            desk.gateway.observe_price(SPY, 100.0)
            await desk.submit(resting(1, 10))  # may become the largest position that is allowed
            (entry,) = desk.gateway.open_orders
            venue.trade(entry.client_order_id, Decimal(6), Decimal(50))
            await desk.settle()
            await desk.update(1, limit_price=Decimal(51))
            venue.trade(entry.client_order_id, Decimal(4), Decimal(51))
            await desk.settle()
            await desk.submit(spec(2, -10, SPY, OrderType.LIMIT, 150))
            (way_out,) = desk.gateway.open_orders
            venue.trade(way_out.client_order_id, Decimal(-6), Decimal(150))
            await desk.settle()
            desk.gateway.rules = HostRules(stale=lambda of: "silent")
            await desk.update(2, limit_price=Decimal(140))  # takes risk away: not kept by stale data
            await desk.settle()
            assert not desk.reported("change_refused"), desk.messages(1) + desk.messages(2)
            assert way_out.spec.limit_price == 140

    run(body())


def test_a_refused_change_leaves_the_one_that_is_on_its_way(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            await desk.update(1, limit_price=Decimal(51))  # its confirmation is still to be heard
            await desk.update(1, quantity=Decimal("0.5"))
            assert "bad_quantity" in desk.messages(1)
            await desk.settle()
            (order,) = desk.gateway.open_orders
            assert (order.spec.limit_price, order.pending) == (51, None)

    run(body())
    (order,) = read_state(tmp_path / "journal.sqlite3").open.values()
    assert order.spec.limit_price == 51


def test_a_lost_cancel_is_asked_again_with_a_broken_journal(tmp_path: Path) -> None:
    venue = new_venue()
    venue.faults.lost_cancels = 1

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.cancel(1)
            desk.journal.broken = "the disk is full"
            await desk.gateway.look()
            await desk.settle()
            assert desk.statuses(1)[-1] is S.CANCELED
            assert desk.reported("cancel_unjournaled") == 1

    run(body())


def test_a_broken_journal_sends_no_order_and_still_cancels(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            break_disk(desk)
            await desk.submit(resting(2))
            assert desk.statuses(2) == [S.INVALID]
            assert desk.gateway.halted and "journal" in desk.gateway.ready_reasons()
            await desk.cancel(1)
            await desk.settle()
            assert desk.statuses(1)[-1] is S.CANCELED
            with pytest.raises(JournalError):
                await desk.gateway.resume("operator")
            assert desk.gateway.halted

    run(body())
    assert len(venue.submits) == 1


def test_a_trade_that_cannot_be_journaled_still_counts_and_is_found_again(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            break_disk(desk)
            venue.set_price(SPY, Decimal(50))
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.FILLED]
            assert desk.held() == 10 and desk.gateway.halted

    async def second() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert desk.statuses(1) == [S.FILLED]
            assert desk.agrees()

    run(first())
    with sqlite3.connect(tmp_path / "journal.sqlite3") as other:
        other.execute("DROP TRIGGER full")
    other.close()
    run(second())


def test_trades_made_while_disconnected_are_recovered_once(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.submit(resting(2, 20, IBM))
            await desk.settle()
            venue.disconnect()
            desk.gateway.disconnected("connection lost")
            venue.set_price(SPY, Decimal(49))
            venue.cancel(venue.submits[1])
            for _ in range(3):
                account = await desk.gateway.reconcile_at_start()
            assert desk.statuses(1) == [S.SUBMITTED, S.FILLED]
            assert desk.statuses(2) == [S.SUBMITTED, S.CANCELED]
            assert desk.agrees()
            assert [(held.symbol, held.quantity) for held in account.positions] == [(SPY, 10)]
            assert desk.gateway.state.adjustments == {}

    run(body())


def test_a_fill_after_the_cancel_is_applied_and_the_order_stays_closed(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.cancel(1)
            await desk.settle()
            venue.trade(venue.submits[0], Decimal(4), Decimal(50))
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.CANCELED, S.PARTIALLY_FILLED, S.CANCELED]
            assert desk.gateway.counters.late_fills == 1
            assert desk.agrees() and not desk.gateway.open_orders

    run(body())


def test_an_overfill_moves_the_position_is_told_and_lets_the_symbol_take_no_new_risk(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()
            venue.trade(venue.submits[0], Decimal(5), Decimal(100))
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.FILLED, S.FILLED]
            assert desk.gateway.counters.overfills == 1 and desk.reported("overfill") == 1
            assert desk.held() == 15
            await desk.submit(spec(2, 1))
            assert "traded more than was ordered" in desk.messages(2)
            await desk.submit(spec(3, -5))
            await desk.settle()
            assert desk.statuses(3)[-1] is S.FILLED

    run(body())


def test_a_lost_cancel_is_asked_again(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            venue.faults.lost_cancels = 1
            await desk.cancel(1)
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED]
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(desk.gateway.watch())
                await asyncio.sleep(10)
                watch.cancel()
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED, S.CANCELED]

    run(body())


def test_a_lost_acknowledgement_is_found_by_looking(tmp_path: Path) -> None:
    venue = new_venue()
    venue.faults.lost_acks = 1

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(desk.gateway.watch())
                await asyncio.sleep(4)
                assert desk.statuses(1) == []
                await asyncio.sleep(6)
                watch.cancel()
            assert desk.statuses(1) == [S.SUBMITTED]

    run(body())


def test_a_manual_trade_is_adopted_and_told_and_never_undone(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.trade_elsewhere(SPY, Decimal(7), Decimal(100))
            await desk.settle()
            assert desk.reported("interference") == 1
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(desk.gateway.watch())
                await asyncio.sleep(20)
                watch.cancel()
            assert desk.held() == 7
            (account,) = [event for event in desk.emitted if isinstance(event, AccountLoaded)]
            assert account.positions[0].quantity == 7
            assert desk.gateway.state.restricted == {}

    run(body())
    assert venue.submits == []


def test_an_unexplained_position_restricts_the_symbol_to_reducing(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.settle()

    async def second() -> None:
        venue.positions[SPY] = (Decimal(20), Decimal(50))  # a split, say
        async with open_desk(venue, tmp_path) as desk:
            assert desk.held() == 20
            await desk.submit(spec(2, 1))
            assert "restricted" in desk.messages(2)
            await desk.submit(spec(3, -5))
            await desk.settle()
            assert desk.statuses(3)[-1] is S.FILLED
            await desk.gateway.resume("operator")
            await desk.submit(spec(4, 1))
            await desk.settle()
            assert desk.statuses(4)[-1] is S.FILLED

    run(first())
    run(second())


def test_the_first_start_takes_over_what_the_account_holds(tmp_path: Path) -> None:
    venue = new_venue()
    venue.trade_elsewhere(IBM, Decimal(3), Decimal(90))

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert desk.held(IBM) == 3
            assert [a.reason for a in desk.gateway.state.adjustments.values()] == ["opening"]
            await desk.submit(spec(1, 1, IBM))
            await desk.settle()
            assert desk.statuses(1)[-1] is S.FILLED

    run(body())


def test_repeated_restarts_change_nothing(tmp_path: Path) -> None:
    venue = new_venue()

    async def trade() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.submit(resting(2))
            await desk.settle()

    async def restart() -> tuple[int, int, int]:
        async with open_desk(venue, tmp_path) as desk:
            state = desk.gateway.state
            return len(state.orders), len(state.adjustments), len(desk.emitted)

    run(trade())
    assert [run(restart()) for _ in range(5)] == [(2, 0, 0)] * 5


def test_an_order_of_ours_without_a_record_halts(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> str:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            return desk.gateway.state.instance

    async def second() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert desk.gateway.halted and "old journal" in desk.gateway.halt_reason
            assert desk.gateway.state.next_number == 3

    instance = run(first())
    made = venue.orders[venue.submits[0]]
    made.client_order_id = ClientOrderId(f"LT{instance}-2")
    venue.orders[made.client_order_id] = made
    del venue.orders[venue.submits[0]]
    run(second())


def test_foreign_orders_are_counted_and_never_touched(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            made = venue.orders[venue.submits[0]]
            made.client_order_id = ClientOrderId("somebody")
            venue.orders = {made.client_order_id: made}
            await desk.gateway.look()
            assert desk.gateway.foreign_orders == 1
            assert not desk.gateway.halted
            assert made.status is S.SUBMITTED

    run(body())


def test_another_account_behind_the_same_journal_is_refused(tmp_path: Path) -> None:
    venue = new_venue()

    class Other(MemoryVenue):
        def snapshot(self, session_id: str):  # type: ignore[no-untyped-def]  # as the base
            import msgspec

            return msgspec.structs.replace(super().snapshot(session_id), account_id="OTHER")

    async def body(at: MemoryVenue) -> None:
        async with open_desk(at, tmp_path):
            pass

    run(body(venue))
    with pytest.raises(JournalError, match="OTHER"):
        run(body(Other()))


def test_a_change_is_checked_journaled_and_adopted_when_the_venue_has_it(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path, LimitSettings(max_order_quantity=15)) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            await desk.update(1, quantity=Decimal(16))
            assert "max_order_quantity" in desk.messages(1)
            await desk.update(1, quantity=Decimal(12), limit_price=Decimal(55))
            await desk.settle()
            (order,) = desk.gateway.open_orders
            assert (order.spec.quantity, order.spec.limit_price) == (12, 55)
            assert desk.statuses(1)[-1] is S.UPDATE_SUBMITTED
            await desk.update(1, quantity=Decimal(-12))
            assert "cannot turn a buy into a sell" in desk.messages(1)

    run(body())
    (order,) = read_state(tmp_path / "journal.sqlite3").open.values()
    assert order.spec.limit_price == 55


@pytest.mark.parametrize("status", [S.CANCELED, S.NONE])
def test_a_change_of_an_order_that_ends_or_is_in_doubt_while_the_disk_writes_stays_here(
    tmp_path: Path, status: S
) -> None:
    venue = new_venue()

    class TellingJournal(Journal):
        async def append(self, record: Record) -> int:
            seq = await super().append(record)
            if isinstance(record, ChangeIntended):
                await desk.gateway.on_event(ExecutionReport(record.client_order_id, status, START_NS))
            return seq

    async def body() -> None:
        nonlocal desk
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.settle()
            desk.journal.__class__ = TellingJournal
            await desk.update(1, limit_price=Decimal(55))
            (placed,) = venue.orders.values()
            assert placed.spec.limit_price == 50

    desk: Desk
    run(body())


def test_what_is_asked_for_while_the_account_is_read_is_for_the_next_look(tmp_path: Path) -> None:
    venue = new_venue()

    class TellingBrokerage(MemoryBrokerage):
        async def snapshot(self) -> AccountSnapshot:
            venue.trade_elsewhere(SPY, Decimal(7), Decimal(100))
            shown = await super().snapshot()
            await desk.settle()
            return shown

    async def body() -> None:
        nonlocal desk
        async with open_desk(venue, tmp_path) as desk:
            session, usual = desk.gateway._session, desk.brokerage.__class__
            desk.brokerage.__class__ = TellingBrokerage
            await desk.gateway.look()
            assert session._doubts.asked
            desk.brokerage.__class__ = usual
            venue.faults.failed_snapshots = 1
            await desk.gateway.look()
            assert session._doubts.asked, "that look has seen nothing"
            await desk.gateway.look()
            assert not session._doubts.asked

    desk: Desk
    run(body())


@pytest.mark.parametrize("been_through", ["nothing", "acknowledged", "changed"])
def test_a_refused_change_is_told_as_one_whatever_the_order_has_been_through(
    tmp_path: Path, been_through: str
) -> None:
    """A record takes a change back at SUBMITTED with words; UPDATE_SUBMITTED would confirm it."""

    async def scene() -> None:
        venue = new_venue()
        venue.faults.lost_acks = 1 if been_through == "nothing" else 0
        async with open_desk(venue, tmp_path, LimitSettings(max_order_quantity=100)) as desk:
            record = OrderRecord(resting(1))

            def hear() -> None:
                for event in desk.emitted:
                    if isinstance(event, OrderEventArrived):
                        record.apply(event)
                desk.emitted.clear()

            await desk.submit(resting(1))
            await desk.settle()
            if been_through == "changed":
                record.change(OrderChange(limit_price=Decimal(49)))
                await desk.update(1, limit_price=Decimal(49))
                await desk.settle()
            hear()
            wanted = record.spec
            record.change(OrderChange(quantity=Decimal(1000)))
            await desk.update(1, quantity=Decimal(1000))
            assert desk.statuses(1) == [OrderStatus.SUBMITTED] and desk.messages(1)
            hear()
            assert record.spec == wanted

    run(scene())


def test_the_account_for_a_new_engine_has_orders_cash_and_the_next_number(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(spec(1, 10))
            await desk.submit(resting(2))
            await desk.settle()
            account = await desk.gateway.account()
            assert account.next_order_id == 3
            assert account.cash == {"USD": Decimal(999_000)}
            (working,) = account.open_orders
            assert (working.spec.id, working.status, working.brokerage_order_id) == (2, S.SUBMITTED, "V2")

    run(body())


def test_the_rate_limit_is_not_refilled_by_a_restart(tmp_path: Path) -> None:
    venue = new_venue()
    limits = LimitSettings(orders_per_minute=3, duplicate_window_s=0)

    async def first() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            await desk.submit(resting(1))
            await desk.submit(resting(2))

    async def second() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            for number in (3, 4):
                await desk.submit(resting(number))
            await desk.settle()
            assert desk.statuses(3) == [S.SUBMITTED]
            assert desk.statuses(4) == [S.INVALID] and "orders_per_minute" in desk.messages(4)
            await asyncio.sleep(61)
            await desk.submit(resting(5))
            await desk.settle()
            assert desk.statuses(5) == [S.SUBMITTED]

    run(first())
    run(second())


def test_the_daily_loss_counts_from_the_first_look_and_over_restarts(tmp_path: Path) -> None:
    venue = new_venue()
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0, daily_loss=100)

    async def first() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            desk.gateway.observe_price(SPY, 100.0)
            assert not desk.gateway.loss_limit_reached()
            assert desk.gateway.day_start_equity == 1_000_000
            await desk.submit(spec(1, 50))
            await desk.settle()
            desk.gateway.observe_price(SPY, 99.0)
            assert desk.gateway.daily_loss() == 50
            assert not desk.gateway.loss_limit_reached()

    async def second() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            desk.gateway.observe_price(SPY, 98.0)
            assert desk.gateway.loss_limit_reached()
            await asyncio.sleep(24 * 3600)
            assert not desk.gateway.loss_limit_reached()  # a new day
            assert desk.gateway.day_start_equity == 999_900

    run(first())
    run(second())


@pytest.mark.parametrize(
    ("kind", "units", "price", "paid"),
    [(SecurityType.OPTION, 100, 5, 5_000), (SecurityType.FUTURE, 50, 5_000, 0)],
)
def test_a_contract_is_valued_with_all_of_its_units(
    tmp_path: Path, kind: SecurityType, units: int, price: int, paid: int
) -> None:
    """Else buying options would look like a loss of all that was paid, and a loss in futures like none."""
    contract = Symbol.create("SPY X", "SPY", kind, "usa")
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0, daily_loss=5_000)

    async def body() -> None:
        async with open_desk(new_venue(), tmp_path, limits) as desk:
            desk.gateway.rules = HostRules(multiplier=lambda symbol: Decimal(units))
            desk.gateway.observe_price(contract, price)
            assert not desk.gateway.loss_limit_reached()
            desk.gateway.state.trade(contract, Decimal(10), Decimal(price))
            desk.gateway.cash["USD"] -= paid
            assert desk.gateway.daily_loss() == 0
            desk.gateway.observe_price(contract, price - 1)
            assert desk.gateway.daily_loss() == 10 * units

    run(body())


def test_a_future_below_zero_loses_what_it_lost(tmp_path: Path) -> None:
    oil = Symbol.create("CL 2020", "CL", SecurityType.FUTURE, "nymex")
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0.0, daily_loss=3000.0)

    async def body() -> None:
        async with open_desk(new_venue(), tmp_path, limits) as desk:
            desk.gateway.rules = HostRules(multiplier=lambda of: Decimal(1000))
            desk.gateway.observe_price(oil, 1.0)
            assert desk.gateway.daily_loss() == 0
            desk.gateway.state.trade(oil, Decimal(1), Decimal(1))
            desk.gateway.observe_price(oil, 0.0)  # no trade in it, or no price
            assert desk.gateway.daily_loss() == 0
            desk.gateway.observe_price(oil, -37.0)
            assert desk.gateway.daily_loss() == 38_000
            assert desk.gateway.loss_limit_reached()
            desk.gateway.observe_price(SPY, -1.0)
            assert SPY not in desk.gateway.last_prices

    run(body())


def test_a_restart_judges_no_loss_before_every_position_has_a_price(tmp_path: Path) -> None:
    venue = new_venue()
    limits = LimitSettings(orders_per_minute=0, duplicate_window_s=0, daily_loss=100)

    async def first() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            await desk.submit(spec(1, 10))
            await desk.submit(spec(2, 10, IBM))
            await desk.settle()
            desk.gateway.observe_price(SPY, 100.0)
            assert not desk.gateway.loss_limit_reached()
            assert desk.gateway.day_start_equity is None  # IBM may be worth anything
            desk.gateway.observe_price(IBM, 150.0)  # bought at 100
            assert not desk.gateway.loss_limit_reached()
            assert desk.gateway.day_start_equity == 1_000_500

    async def second() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            desk.gateway.observe_price(SPY, 100.0)
            assert not desk.gateway.loss_limit_reached()  # at its average price IBM would have lost 500
            desk.gateway.observe_price(IBM, 150.0)
            assert not desk.gateway.loss_limit_reached()
            desk.gateway.observe_price(IBM, 139.0)
            assert desk.gateway.loss_limit_reached()

    async def third() -> None:
        async with open_desk(venue, tmp_path, limits) as desk:
            desk.gateway.observe_price(SPY, 100.0)
            assert not desk.gateway.loss_limit_reached()
            await asyncio.sleep(601)  # IBM is never shown: the limit does not sleep for ever
            assert desk.gateway.loss_limit_reached()

    run(first())
    run(second())
    run(third())


def test_idle_waits_for_the_order_on_its_way(tmp_path: Path) -> None:
    venue = new_venue()
    seen: list[bool] = []

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.boundary = lambda name: (
                seen.append(desk.gateway._sender.quiet.is_set()) if name == "submit" else None
            )
            await desk.submit(spec(1, 1))
            await desk.gateway.idle()

    run(body())
    assert seen == [False]


def test_a_repeated_order_number_is_ignored(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            await desk.submit(resting(1))
            await desk.submit(resting(1))
            await desk.settle()
            assert desk.statuses(1) == [S.SUBMITTED]
            assert desk.reported("order_repeated") == 1

    run(body())
    assert len(venue.submits) == 1


def test_a_connection_that_fails_keeps_the_gate_shut(tmp_path: Path) -> None:
    venue = new_venue()
    venue.faults.failed_snapshots = 1

    async def body() -> None:
        desk = make_desk(venue, tmp_path, NO_LIMITS)
        await desk.journal.open()
        with pytest.raises(VenueError):
            await desk.gateway.reconcile_at_start()
        await desk.submit(spec(1, 1))
        assert desk.statuses(1) == [S.INVALID]
        await desk.gateway.reconcile_at_start()
        assert desk.gateway.ready_reasons() == {}
        await desk.gateway.on_event(CashChanged(1, "EUR", Decimal(5)))
        assert desk.gateway.cash["EUR"] == 5
        await desk.journal.close()

    run(body())


def test_stale_and_regressing_reports_change_nothing() -> None:
    state = JournalState(instance="x")
    client_id = ClientOrderId("LTx-1")
    state.add(OrderState(client_id, spec(1, 10), 1, START_NS))

    def say(status: OrderStatus) -> list[OrderStatus]:
        from livetrader.journal.records import ReportReceived

        report = ExecutionReport(client_id, status, START_NS)
        return [event.status for event in state.apply(ReportReceived(START_NS, report))]

    assert say(S.SUBMITTED) == [S.SUBMITTED]
    assert say(S.SUBMITTED) == []
    assert say(S.FILLED) == []  # claims a fill without a trade: the order is not closed by words
    assert state.orders[client_id].status is S.SUBMITTED
    assert say(S.CANCELED) == [S.CANCELED]
    assert say(S.SUBMITTED) == []
    assert state.counters.stale_reports == 1


def test_a_fill_that_is_in_the_journal_twice_is_replayed_once() -> None:
    from livetrader.journal.records import OrderIntended, ReportReceived
    from livetrader_engine.orders.order import ExecutionId, Fill

    client_id = ClientOrderId("LTx-1")
    fill = Fill(ExecutionId("X1"), Decimal(4), Decimal(100), START_NS)
    report = ReportReceived(START_NS, ExecutionReport(client_id, S.PARTIALLY_FILLED, START_NS, fill=fill))
    state = replay([OrderIntended(START_NS, 1, client_id, spec(1, 10)), report, report])
    assert state.position(SPY) == 4 and state.counters.repeated_fills == 1


def test_a_position_difference_of_one_look_is_not_booked(tmp_path: Path) -> None:
    venue = new_venue()

    async def body() -> None:
        async with open_desk(venue, tmp_path) as desk:
            venue.positions[SPY] = (Decimal(5), Decimal(100))  # a snapshot caught in motion
            await desk.gateway.look()
            assert desk.gateway.state.adjustments == {}
            venue.positions.clear()
            await desk.gateway.look()
            venue.positions[SPY] = (Decimal(6), Decimal(100))
            await desk.gateway.look()
            assert desk.gateway.state.adjustments == {}
            await desk.gateway.look()
            assert desk.held() == 6  # the same difference twice in a row: it is real

    run(body())


def test_replay_of_nothing_is_an_empty_account() -> None:
    state = replay([])
    assert (state.next_number, state.next_order_id, state.positions, state.open) == (1, 1, {}, {})
    assert state.orders == {}
