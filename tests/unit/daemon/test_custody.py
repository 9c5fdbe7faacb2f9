"""What an operator decides about the account: reconcile, adopt, ignore, flatten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from livetrader.errors import ControlRefusedError
from livetrader.gateway.killstages import KillStage
from livetrader.settings import LimitSettings
from livetrader_engine.events import AccountLoaded
from livetrader_engine.orders.order import ClientOrderId, ExecutionId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.testing.fakes import MemoryVenue

from .money import IBM, NO_LIMITS, SPY, Desk, new_venue, open_desk, resting, spec
from .virtual_time import run

S = OrderStatus
HUNDRED = Decimal(100)


def on_desk(
    venue: MemoryVenue,
    directory: Path,
    body: Callable[[Desk], Coroutine[object, object, None]],
    limits: LimitSettings = NO_LIMITS,
) -> None:
    async def whole() -> None:
        async with open_desk(venue, directory, limits) as desk:
            await body(desk)

    run(whole())


async def unexplained(desk: Desk) -> None:
    """Hold ten by our own order and five that nobody can explain."""
    await desk.submit(spec(1, 10))
    await desk.settle()
    desk.venue.positions[SPY] = (Decimal(15), HUNDRED)
    await desk.gateway.custody.reconcile()
    assert desk.held() == 15 and desk.gateway.state.unexplained == {SPY: 5}


def loaded(desk: Desk) -> dict[str, Decimal]:
    account = [item for item in desk.emitted if isinstance(item, AccountLoaded)][-1]
    return {held.symbol.value: held.quantity for held in account.positions}


def test_a_reconciliation_on_request_books_what_stays_different(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await unexplained(desk)
        assert loaded(desk) == {"SPY": 15}
        assert desk.gateway.looked_ns is not None and not desk.gateway.look_problem
        venue.faults.failed_snapshots = 1
        with pytest.raises(ControlRefusedError, match="positions did not come"):
            await desk.gateway.custody.reconcile()
        venue.disconnect()
        await asyncio.sleep(0)
        desk.gateway.disconnected("gone")
        with pytest.raises(ControlRefusedError, match="gone"):
            await desk.gateway.custody.reconcile()

    on_desk(venue, tmp_path, body)


@pytest.mark.parametrize("quantity", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_no_quantity_is_not_ignored_and_not_journaled(tmp_path: Path, quantity: str) -> None:
    async def body(desk: Desk) -> None:
        await unexplained(desk)
        with pytest.raises(ControlRefusedError, match="is no quantity"):
            await desk.gateway.custody.ignore("SPY", Decimal(quantity), "me")
        assert not desk.gateway.state.ignored and desk.held() == 15

    on_desk(new_venue(), tmp_path, body)


def test_what_is_adopted_is_the_algorithms_also_after_a_restart(tmp_path: Path) -> None:
    venue = new_venue()

    async def first(desk: Desk) -> None:
        await unexplained(desk)
        await desk.submit(spec(2, 1))
        assert desk.statuses(2) == [S.INVALID]
        words = await desk.gateway.custody.adopt("SPY", "me")
        assert "15 SPY" in words
        await desk.submit(spec(3, 1))
        await desk.settle()
        assert desk.statuses(3)[-1] is S.FILLED

    async def second(desk: Desk) -> None:
        assert desk.held() == 16 and desk.gateway.state.restricted == {}

    on_desk(venue, tmp_path, first)
    on_desk(venue, tmp_path, second)


def test_what_is_ignored_is_counted_and_not_the_algorithms(tmp_path: Path) -> None:
    venue = new_venue()
    limits = msgspec.structs.replace(NO_LIMITS, max_position_notional=2_000.0)

    async def first(desk: Desk) -> None:
        await unexplained(desk)
        before = desk.gateway.equity()
        words = await desk.gateway.custody.ignore(SPY.text, None, "me")
        assert "5 SPY are not the algorithm's; 10 are" in words
        assert desk.held() == 10 and loaded(desk) == {"SPY": 10}
        assert desk.gateway.equity() == before, "the account is worth what it was"
        assert desk.gateway.state.restricted == {}
        await desk.submit(spec(2, 6))
        assert "max_position_notional" in desk.messages(2), "limits count all of the account"
        await desk.submit(spec(3, 5))
        await desk.settle()
        assert desk.held() == 15

    async def second(desk: Desk) -> None:
        assert desk.held() == 15 and desk.gateway.state.ignored[SPY].quantity == 5
        venue.trade_elsewhere(SPY, Decimal(-2), HUNDRED)
        await desk.settle()
        await desk.gateway.custody.reconcile()
        assert desk.held() == 15 and desk.gateway.state.ignored[SPY].quantity == 3
        venue.trade_elsewhere(SPY, Decimal(-3), HUNDRED)
        await desk.settle()
        await desk.gateway.custody.reconcile()
        assert desk.held() == 15 == desk.venue_held() and SPY not in desk.gateway.state.ignored

    on_desk(venue, tmp_path, first, limits)
    on_desk(venue, tmp_path, second)


def test_what_was_ignored_can_be_adopted_after_all(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await unexplained(desk)
        await desk.gateway.custody.ignore("SPY", None, "me")
        await desk.gateway.custody.adopt("SPY", "me")
        assert desk.held() == 15 and not desk.gateway.state.ignored and loaded(desk) == {"SPY": 15}

    on_desk(venue, tmp_path, body)


@pytest.mark.parametrize("what", ["ZZZ", "LTx-1"])
def test_what_is_not_known_can_be_neither_adopted_nor_ignored(tmp_path: Path, what: str) -> None:
    async def body(desk: Desk) -> None:
        with pytest.raises(KeyError):
            await desk.gateway.custody.adopt(what, "me")
        with pytest.raises(KeyError):
            await desk.gateway.custody.ignore(what, Decimal(1), "me")

    on_desk(new_venue(), tmp_path, body)


def test_nothing_unexplained_needs_a_quantity_to_be_ignored(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        with pytest.raises(ControlRefusedError, match="say how much"):
            await desk.gateway.custody.ignore("SPY", None, "me")
        await desk.gateway.custody.ignore("SPY", Decimal(4), "me")
        assert desk.held() == 6
        await desk.gateway.custody.reconcile()
        assert desk.held() == 6 and not desk.gateway.state.unexplained

    on_desk(new_venue(), tmp_path, body)


@pytest.mark.parametrize("adopted", [True, False])
def test_an_order_without_a_record_is_adopted_or_ignored_and_halts_no_more(
    tmp_path: Path, adopted: bool
) -> None:
    venue = new_venue()

    async def lost(desk: Desk) -> None:
        await desk.submit(resting(1))
        await desk.settle()

    async def found(desk: Desk) -> None:
        assert desk.gateway.halted and "adopt" in desk.gateway.halt_reason
        (orphan,) = desk.gateway.custody.orphans
        if adopted:
            await desk.gateway.custody.adopt(orphan.client_order_id, "me")
        else:
            await desk.gateway.custody.ignore(orphan.client_order_id, None, "me")
        await desk.gateway.resume("me")
        await desk.gateway.look()
        assert not desk.gateway.halted and not desk.gateway.custody.orphans
        order = desk.gateway.state.orders.get(orphan.client_order_id)
        assert (order is not None) is adopted
        if order is not None:
            assert (order.spec.id, order.filled, order.status) == (2, 4, S.PARTIALLY_FILLED)
            venue.trade(orphan.client_order_id, Decimal(6), Decimal(50))
            await desk.settle()
            assert order.status is S.FILLED
        await desk.gateway.custody.reconcile()
        assert desk.held() == desk.venue_held()
        assert desk.gateway.state.unexplained == {}

    on_desk(venue, tmp_path, lost)
    (made,) = venue.orders.values()
    instance = made.client_order_id.partition("-")[0]
    made.client_order_id = ClientOrderId(f"{instance}-9")
    venue.orders = {made.client_order_id: made}
    venue.trade(made.client_order_id, Decimal(4), Decimal(50))
    on_desk(venue, tmp_path, found)


def test_one_symbol_is_flattened_while_the_others_trade_on(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.submit(resting(2))
        await desk.submit(spec(3, 7, IBM))
        await desk.settle()
        switch, custody = desk.kill_switch(), desk.gateway.custody
        custody.close(SPY, "flattened by me", "me")
        await desk.submit(spec(4, -10))
        assert "takes no orders" in desk.messages(4), "not even what would reduce it: it could sell twice"
        await switch.flattening.run(SPY)
        await desk.settle()
        assert desk.venue_held() == 0 == desk.held() and desk.venue_held(IBM) == 7
        assert desk.statuses(2)[-1] is S.CANCELED
        assert not desk.gateway.halted and switch.stage is KillStage.ARMED
        await desk.submit(spec(5, 1, IBM))
        await desk.settle()
        assert desk.statuses(5)[-1] is S.FILLED
        await custody.adopt("SPY", "me")
        await desk.submit(spec(6, 1))
        await desk.settle()
        assert desk.held() == 1 == desk.venue_held()

    on_desk(venue, tmp_path, body)


def test_an_order_on_its_way_when_its_symbol_is_closed_is_not_sent(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            order = group.create_task(desk.submit(spec(1, 10)))
            await asyncio.sleep(0)
            desk.gateway.custody.close(SPY, "closed", "me")
            await order
        await desk.settle()
        assert venue.submits == [] and "not sent" in desk.messages(1)

    on_desk(venue, tmp_path, body)


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 0.5, 3.0])
def test_a_liquidation_takes_over_from_a_flattening_and_sells_nothing_twice(
    tmp_path: Path, delay_s: float
) -> None:
    venue = new_venue()
    venue.faults.fills_by_hand = True

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.trade(venue.submits[0], Decimal(10), HUNDRED)
        await desk.settle()
        switch = desk.kill_switch()
        desk.gateway.custody.close(SPY, "flattened", "me")
        flattening = asyncio.ensure_future(switch.flattening.run(SPY))
        await asyncio.sleep(delay_s)
        kill = asyncio.ensure_future(switch.trip("test", "http"))
        with pytest.raises(ControlRefusedError, match=r"took over|in force"):
            await flattening
        await asyncio.sleep(1)
        venue.faults.fills_by_hand = False
        venue.set_price(SPY, HUNDRED)
        await kill
        await desk.settle()
        assert desk.venue_held() == 0 == desk.held()

    on_desk(venue, tmp_path, body)


def test_a_latched_account_is_not_flattened_symbol_by_symbol(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        switch = desk.kill_switch()
        await switch.trip("test", "http")
        with pytest.raises(ControlRefusedError, match="in force"):
            await switch.flattening.run(SPY)

    on_desk(new_venue(), tmp_path, body)


def test_a_fee_and_a_correction_of_a_liquidation_order_tell_the_algorithm_nothing(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        desk.gateway.custody.close(SPY, "flattened", "me")
        await desk.kill_switch().flattening.run(SPY)
        await desk.settle()
        heard = len(desk.emitted)
        venue.charge(ExecutionId("X2"), Decimal(1))
        venue.correct(ExecutionId("X2"), Decimal(-10), Decimal(99))
        await desk.settle()
        assert len(desk.emitted) == heard and desk.held() == 0 == desk.venue_held()

    on_desk(venue, tmp_path, body)
