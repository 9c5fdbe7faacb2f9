"""What a venue does behind our back: corrections, late fees, twins, other people's trades and changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from livetrader.gateway import session
from livetrader.gateway.rules import HostRules
from livetrader.journal.records import AdjustmentReason
from livetrader.settings import LimitSettings, OnManualTrades
from livetrader_engine.events import AccountLoaded, OrderEventArrived, PositionRecord
from livetrader_engine.orders.order import ExecutionId, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, BrokerageCapabilities, VenueError
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.fakes import ORDER_TYPES, MemoryVenue

from .money import IBM, NO_LIMITS, SPY, START_NS, Desk, new_venue, open_desk, resting, spec
from .virtual_time import run

S = OrderStatus
HUNDRED = Decimal(100)


def on_desk(
    venue: MemoryVenue,
    directory: Path,
    body: Callable[[Desk], Coroutine[object, object, None]],
    limits: LimitSettings = NO_LIMITS,
    rules: HostRules | None = None,
) -> None:
    async def whole() -> None:
        async with open_desk(venue, directory, limits) as desk:
            if rules is not None:
                desk.gateway.rules = rules
            await body(desk)

    run(whole())


async def look_for(desk: Desk, seconds: float) -> None:
    """Let the gateway watch the account for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await desk.gateway.watch()


def told(desk: Desk, number: int) -> list[OrderEventArrived]:
    return [item for item in desk.emitted if isinstance(item, OrderEventArrived) and item.order_id == number]


class People:
    """Hears the alerts."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.stopped: list[str] = []

    def rules(self, answer: OnManualTrades = OnManualTrades.ALERT, unknown: int = 3) -> HostRules:
        return HostRules(
            answer, unknown, lambda title, message, step: self.heard.append(message), self.stopped.append
        )


def test_a_correction_and_a_bust_move_the_account_and_are_told(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.correct(ExecutionId("X1"), Decimal(8), Decimal(101))
        await desk.settle()
        assert desk.held() == 8 == desk.venue_held()
        assert desk.statuses(1) == [S.SUBMITTED, S.FILLED, S.PARTIALLY_FILLED]
        venue.correct(ExecutionId("X1"), Decimal(0), Decimal(0))
        await desk.settle()
        event = told(desk, 1)[-1]
        assert event.fill is not None and event.replaces is not None
        assert (event.replaces.quantity, event.fill.quantity, event.fill.revision) == (8, 0, 2)
        assert desk.held() == 0 and desk.agrees()
        await look_for(desk, 10)
        assert desk.statuses(1)[-1] is S.CANCELED, "the venue does not work the rest"
        assert desk.gateway.state.adjustments == {}

    on_desk(venue, tmp_path, body)


def test_a_correction_that_nobody_heard_is_found_in_the_account(tmp_path: Path) -> None:
    venue = new_venue()

    async def trade(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.charge(ExecutionId("X1"), Decimal(2))
        await desk.settle()

    async def find(desk: Desk) -> None:
        assert desk.held() == 7 == desk.venue_held()
        order = desk.gateway.orders[0]
        assert order.executions[ExecutionId("X1")].revision == 1
        assert order.executions[ExecutionId("X1")].fee == 2, "the fee was told of the trade, and stays"
        assert desk.gateway.state.adjustments == {}, "a trade explains it"

    on_desk(venue, tmp_path, trade)
    venue.correct(ExecutionId("X1"), Decimal(7), HUNDRED)
    on_desk(venue, tmp_path, find)
    on_desk(venue, tmp_path, find)


def test_a_fee_told_late_reaches_the_algorithm_without_a_second_fill(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.charge(ExecutionId("X1"), Decimal("1.5"))
        venue.charge(ExecutionId("X1"), Decimal("1.5"))
        venue.charge(ExecutionId("X1"), Decimal("1.25"))
        await desk.settle()
        fees = [event.fee.amount for event in told(desk, 1) if event.fee is not None]
        assert fees == [Decimal("1.5"), Decimal("-0.25")]
        assert [event.status for event in told(desk, 1) if event.fill is not None] == [S.FILLED]
        assert desk.held() == 10

    on_desk(venue, tmp_path, body)


def test_of_two_orders_under_one_name_the_younger_is_cancelled_by_its_number(tmp_path: Path) -> None:
    venue, people = new_venue(), People()

    async def body(desk: Desk) -> None:
        await desk.submit(resting(1))
        await desk.settle()
        twin = venue.make_twin(venue.submits[0])
        await look_for(desk, 3)
        await desk.gateway.look()
        await desk.settle()
        ours = venue.orders[venue.submits[0]]
        assert (ours.status, twin.status) == (S.SUBMITTED, S.CANCELED)
        state = desk.gateway.state
        assert "two orders" in state.restricted[SPY] and state.counters.twins == 1
        assert len(people.heard) == 1 and twin.brokerage_order_id in people.heard[0]

    on_desk(venue, tmp_path, body, rules=people.rules())


def test_the_end_of_a_second_order_of_one_name_ends_the_first_neither_here_nor_there(tmp_path: Path) -> None:
    venue, people = new_venue(), People()

    async def body(desk: Desk) -> None:
        await desk.submit(resting(1))
        await desk.settle()
        twin = venue.make_twin(venue.submits[0])
        await look_for(desk, 60)
        await desk.gateway.look()
        await desk.settle()
        assert (venue.orders[venue.submits[0]].status, twin.status) == (S.SUBMITTED, S.CANCELED)
        (ours,) = desk.gateway.open_orders
        assert ours.status is S.SUBMITTED and not ours.cancel_asked
        assert S.CANCELED not in desk.statuses(1)

    on_desk(venue, tmp_path, body, rules=people.rules())


@pytest.mark.parametrize("twin_filled", [True, False])
def test_the_order_that_trades_is_the_one_that_is_kept_and_both_count(
    tmp_path: Path, twin_filled: bool
) -> None:
    venue, people = new_venue(), People()

    async def body(desk: Desk) -> None:
        await desk.submit(resting(1))
        await desk.settle()
        ours, twin = venue.orders[venue.submits[0]], venue.make_twin(venue.submits[0])
        await desk.settle()
        venue.trade_twin(twin if twin_filled else ours, Decimal(4), HUNDRED)
        await desk.settle()
        await desk.gateway.look()
        await desk.settle()
        kept, other = (twin, ours) if twin_filled else (ours, twin)
        assert (kept.status, other.status) == (S.PARTIALLY_FILLED, S.CANCELED)
        venue.trade_twin(other, Decimal(8), HUNDRED)  # it had traded before the cancel came
        await desk.settle()
        assert desk.held() == 12 == desk.venue_held()
        assert desk.gateway.counters.overfills == 1
        await desk.submit(spec(2, 1))
        assert desk.statuses(2) == [S.INVALID]

    on_desk(venue, tmp_path, body, rules=people.rules())


@pytest.mark.parametrize("answer", list(OnManualTrades))
def test_a_manual_trade_is_answered_as_the_operator_wants_it(tmp_path: Path, answer: OnManualTrades) -> None:
    venue, people = new_venue(), People()

    async def body(desk: Desk) -> None:
        venue.trade_elsewhere(SPY, Decimal(7), HUNDRED)
        await desk.settle()
        assert people.heard == ["somebody else traded in this account: 7 SPY at 100"]
        assert desk.gateway.halted is (answer is OnManualTrades.HALT)
        assert len(people.stopped) == (answer is OnManualTrades.STOP)
        await look_for(desk, 20)
        (adjusted,) = desk.gateway.state.adjustments.values()
        assert (adjusted.reason, adjusted.quantity) == (AdjustmentReason.FOREIGN, 7)
        assert desk.gateway.state.restricted == {} and len(people.heard) == 1

    on_desk(venue, tmp_path, body, rules=people.rules(answer))


def test_what_others_traded_while_we_were_away_is_no_interference(tmp_path: Path) -> None:
    venue, people = new_venue(), People()

    async def nothing(desk: Desk) -> None:
        pass

    async def whole() -> None:
        async with open_desk(venue, tmp_path) as desk:
            assert desk.held() == 7 and not desk.gateway.halted
            venue.disconnect()
            venue.trade_elsewhere(SPY, Decimal(2), HUNDRED)
            desk.gateway.rules = people.rules(OnManualTrades.HALT)
            await desk.gateway.reconcile_at_start()
            assert desk.gateway.halted and people.heard == [
                "somebody else traded in this account: 2 SPY at 100"
            ]

    on_desk(venue, tmp_path, nothing)
    venue.trade_elsewhere(SPY, Decimal(7), HUNDRED)
    run(whole())


class LaggingVenue(MemoryVenue):
    """Shows positions as they were before the newest trade, in so many snapshots."""

    lags = 0
    before: tuple[Decimal, Decimal] = (Decimal(0), HUNDRED)

    def snapshot(self, session_id: str) -> AccountSnapshot:
        whole = super().snapshot(session_id)
        if not self.lags:
            return whole
        self.lags -= 1
        held = PositionRecord(SPY, *self.before)
        return msgspec.structs.replace(whole, positions=(held,) if held.quantity else ())


def test_a_position_that_lags_behind_its_trade_is_no_riddle_after_a_reconnect(tmp_path: Path) -> None:
    venue = LaggingVenue()
    venue.prices[SPY] = HUNDRED

    async def body(desk: Desk) -> None:
        venue.faults.fills_by_hand = True
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.disconnect()
        desk.gateway.disconnected("gone")
        venue.trade(venue.submits[0], Decimal(10), HUNDRED)
        venue.lags = 1
        await desk.gateway.reconcile_at_start()
        assert desk.held() == 10 and desk.gateway.state.adjustments == {}
        assert desk.gateway.state.restricted == {}

    on_desk(venue, tmp_path, body)


def test_a_second_look_that_takes_too_long_is_a_failed_connection_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = LaggingVenue()
    venue.prices[SPY] = HUNDRED

    async def body(desk: Desk) -> None:
        await desk.submit(spec(1, 10))
        await desk.settle()
        venue.disconnect()
        desk.gateway.disconnected("gone")
        venue.lags = 1
        with monkeypatch.context() as slow:
            slow.setattr(session, "SNAPSHOT_WAIT_S", 0.0)
            with pytest.raises(VenueError, match="no snapshot within"):
                await desk.gateway.reconcile_at_start()
        assert "brokerage" in desk.gateway.ready_reasons()
        await desk.gateway.reconcile_at_start()
        assert desk.held() == 10 and not desk.gateway.ready_reasons()

    on_desk(venue, tmp_path, body)


def test_trades_of_others_explain_just_as_much_as_they_moved(tmp_path: Path) -> None:
    venue, people = new_venue(), People()

    async def body(desk: Desk) -> None:
        venue.trade_elsewhere(SPY, Decimal(5), HUNDRED)
        venue.positions[SPY] = (Decimal(8), HUNDRED)  # three of them came from nowhere
        await desk.settle()
        await look_for(desk, 20)
        reasons = {item.reason: item.quantity for item in desk.gateway.state.adjustments.values()}
        assert reasons == {AdjustmentReason.FOREIGN: 5, AdjustmentReason.UNEXPLAINED: 3}
        assert desk.held() == 8 and SPY in desk.gateway.state.restricted
        await desk.submit(spec(1, 1))
        assert desk.statuses(1) == [S.INVALID]

    on_desk(venue, tmp_path, body, rules=people.rules())


def test_a_trade_that_is_told_late_explains_what_was_booked_before(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        venue.positions[SPY] = (Decimal(5), HUNDRED)
        await look_for(desk, 1000)
        assert SPY in desk.gateway.state.restricted
        venue.positions[SPY] = (Decimal(0), HUNDRED)
        venue.trade_elsewhere(SPY, Decimal(5), HUNDRED)  # the position had it already
        await desk.settle()
        assert desk.gateway.state.restricted == {} and desk.gateway.state.unexplained == {}
        await look_for(desk, 20)
        assert desk.held() == 5 and len(desk.gateway.state.adjustments) == 1

    on_desk(venue, tmp_path, body)


def test_working_orders_of_others_count_in_exposure_and_are_never_touched(tmp_path: Path) -> None:
    venue = new_venue()
    limits = msgspec.structs.replace(NO_LIMITS, max_position_notional=1_000.0)

    async def body(desk: Desk) -> None:
        other = venue.rest_elsewhere(SPY, Decimal(6), Decimal(90))
        await look_for(desk, 3)
        await desk.settle()
        assert [order.brokerage_order_id for order in desk.gateway.foreign] == [other.brokerage_order_id]
        await desk.submit(spec(1, 5))
        assert "max_position_notional" in desk.messages(1)
        await desk.submit(spec(2, 4))
        await desk.settle()
        assert desk.statuses(2)[-1] is S.FILLED and other.status is S.SUBMITTED

    on_desk(venue, tmp_path, body, limits)


def test_terms_that_somebody_changed_at_the_venue_are_adopted_and_told(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(resting(1))
        await desk.settle()
        venue.change_elsewhere(venue.submits[0], Decimal(60))
        await desk.settle()
        await look_for(desk, 10)
        (order,) = desk.gateway.open_orders
        assert order.spec.limit_price == 60
        event = told(desk, 1)[-1]
        assert event.change is not None and event.change.limit_price == 60
        assert "not by us" in event.message and event.status is S.UPDATE_SUBMITTED
        assert venue.orders[venue.submits[0]].spec.limit_price == 60

    on_desk(venue, tmp_path, body)


def test_too_many_unknown_outcomes_at_once_halt(tmp_path: Path) -> None:
    venue = new_venue()
    venue.capabilities = BrokerageCapabilities(order_types=ORDER_TYPES, absence_fence_s=120.0)

    async def body(desk: Desk) -> None:
        for number in range(1, 5):
            venue.faults.hold_orders = 1
            await desk.submit(resting(number, number))
        assert desk.gateway.unresolved == 0
        await desk.gateway.look()
        await asyncio.sleep(10)
        await desk.gateway.look()
        assert desk.gateway.unresolved == 4
        assert desk.gateway.halted and "4 orders is unknown" in desk.gateway.halt_reason
        await desk.gateway.resume("me")
        await desk.gateway.look()
        assert not desk.gateway.halted, "the same doubt halts once"

    on_desk(venue, tmp_path, body)


def test_an_order_of_unknown_outcome_is_not_changed_but_may_be_cancelled(tmp_path: Path) -> None:
    venue = new_venue()
    venue.capabilities = BrokerageCapabilities(order_types=ORDER_TYPES, absence_fence_s=120.0)

    async def body(desk: Desk) -> None:
        venue.faults.hold_orders = 1
        await desk.submit(resting(1))
        await desk.gateway.look()
        await asyncio.sleep(10)
        await desk.gateway.look()
        await desk.update(1, quantity=Decimal(12))
        assert "unknown" in desk.messages(1)
        await desk.cancel(1)
        venue.deliver_held()  # it arrives after its cancel
        await look_for(desk, 30)
        await desk.settle()
        assert venue.orders[venue.submits[0]].status is S.CANCELED
        assert desk.statuses(1)[-1] is S.CANCELED

    on_desk(venue, tmp_path, body)


def test_the_algorithm_is_given_the_account_after_an_adjustment(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        venue.trade_elsewhere(SPY, Decimal(7), HUNDRED)
        await desk.settle()
        await look_for(desk, 20)
        loaded = [item for item in desk.emitted if isinstance(item, AccountLoaded)]
        assert loaded[-1].positions[0].quantity == 7

    on_desk(venue, tmp_path, body)


def decided(number: int, quantity: int, ns: int, of: Symbol = SPY, count: int = 1) -> OrderSpec:
    return msgspec.structs.replace(spec(number, quantity, of), decision=f"{ns}:data:{count}")


BEFORE_NS = START_NS - 60_000_000_000


def test_an_engine_that_starts_again_does_not_take_a_decision_twice(tmp_path: Path) -> None:
    venue = new_venue()

    async def first(desk: Desk) -> None:
        await desk.gateway.account()
        await desk.submit(decided(1, 10, BEFORE_NS))
        await desk.submit(decided(2, 5, BEFORE_NS))  # one engine may do as it likes
        await desk.settle()
        assert desk.held() == 15

    async def second(desk: Desk) -> None:
        await desk.gateway.account()
        await desk.submit(decided(3, 10, BEFORE_NS))
        assert "decision_repeated" in desk.messages(3) and venue.submits[1] in desk.messages(3)
        await desk.submit(decided(4, 10, BEFORE_NS, IBM))  # what it had not come to yet
        await desk.submit(decided(5, 1, BEFORE_NS, count=2))
        await desk.submit(decided(6, 1, START_NS + 1))
        await desk.settle()
        assert [desk.statuses(number)[-1] for number in (4, 5, 6)] == [S.FILLED] * 3
        assert desk.held() == 17 == desk.venue_held()

    on_desk(venue, tmp_path, first)
    on_desk(venue, tmp_path, second)


def test_a_new_engine_of_the_same_daemon_is_another_one(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        await desk.submit(decided(1, 10, BEFORE_NS))
        await desk.settle()
        await desk.gateway.account()
        await desk.submit(decided(2, 10, BEFORE_NS))
        assert desk.statuses(2) == [S.INVALID] and desk.held() == 10

    on_desk(venue, tmp_path, body)


def test_a_decision_whose_order_never_reached_the_venue_may_be_taken_again(tmp_path: Path) -> None:
    venue = new_venue()

    async def body(desk: Desk) -> None:
        venue.faults.unreachable_submits = 1
        await desk.submit(decided(1, 10, BEFORE_NS))
        await desk.gateway.account()
        await desk.submit(decided(2, 10, BEFORE_NS))
        await desk.settle()
        assert desk.statuses(2)[-1] is S.FILLED and desk.held() == 10

    on_desk(venue, tmp_path, body)


def test_a_tape_that_is_played_again_from_its_start_decides_anew(tmp_path: Path) -> None:
    venue, later_ns = new_venue(), START_NS + 3_600_000_000_000

    async def body(desk: Desk) -> None:
        await desk.gateway.account()
        await desk.submit(decided(1, 10, later_ns))
        await desk.gateway.account()  # the clock stands before that decision: the tape begins anew
        await desk.submit(decided(2, 10, later_ns))
        await desk.settle()
        assert desk.held() == 20

    on_desk(venue, tmp_path, body)
