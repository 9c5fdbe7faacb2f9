"""BRK: what every brokerage plugin must do. Subclass `BrokerageContract`, give it a `harness` fixture.

    class TestMine(BrokerageContract):
        @pytest.fixture
        def harness(self, tmp_path):
            return SimulatedBrokerageHarness("mine", MyBrokerage, tmp_path)

Each case starts on a fresh account (a fresh harness). Cases that a declared capability makes pointless are
skipped with the reason.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Final, Protocol, cast

import msgspec
import pytest

from livetrader_engine.events import TimePulse
from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import CLOSED, FILLS, OrderStatus, move
from livetrader_engine.spi import (
    AccountSnapshot,
    ApprovedChange,
    BrokeragePlugin,
    ExecutionReport,
    MarketObserver,
    VenueError,
)
from livetrader_engine.testing.brokerage_harness import (
    BrokerageHarness,
    BrokerageSession,
    approve,
    make_spec,
)
from livetrader_engine.testing.cases import case
from livetrader_engine.testing.host import WAIT_LIMIT_S

TEN: Final = Decimal(10)
FAR_BELOW: Final = Decimal(50)  # a buy limit here does not fill
CROWD: Final = 60  # orders at once where nobody reads the events


def moves(harness: BrokerageHarness) -> str | None:
    """Say why a case that moves the market does not apply."""
    return None if harness.moves_market else "the market cannot be moved"


def simulated(harness: BrokerageHarness) -> str | None:
    """Say why a case about market observers does not apply."""
    return None if harness.capabilities.simulated else "it is no simulated brokerage"


def limits(harness: BrokerageHarness) -> str | None:
    """Say why a case with a working order does not apply."""
    return None if OrderType.LIMIT in harness.capabilities.order_types else "it has no limit orders"


def updates(harness: BrokerageHarness) -> str | None:
    """Say why a case that changes an order does not apply."""
    return limits(harness) or (None if harness.capabilities.updates else "orders cannot be changed")


def refuses(harness: BrokerageHarness) -> str | None:
    """Say why a case about refusals does not apply."""
    return None if harness.refused_spec() is not None else "no order is known that the venue refuses"


def resting(harness: BrokerageHarness) -> OrderSpec:
    """Return a buy limit far below the market."""
    return make_spec(harness, TEN, OrderType.LIMIT, FAR_BELOW)


def fills_of(reports: list[ExecutionReport]) -> dict[str, Decimal]:
    """Return execution id → quantity; an id that is repeated with another quantity fails."""
    found: dict[str, Decimal] = {}
    for report in reports:
        if report.fill is not None:
            known = found.setdefault(report.fill.execution_id, report.fill.quantity)
            assert known == report.fill.quantity, f"two fills share {report.fill.execution_id}"
    return found


def position(snapshot: AccountSnapshot, harness: BrokerageHarness) -> Decimal:
    """Return the signed position in the harness's symbol."""
    return sum((item.quantity for item in snapshot.positions if item.symbol == harness.symbol), Decimal(0))


def numbered(spec: OrderSpec, number: int) -> OrderSpec:
    """Return an order of the engine's: one with a number."""
    return msgspec.structs.replace(spec, id=OrderId(number))


async def stand_still(session: BrokerageSession) -> StandingBrokerage:
    """Let the market stand where it is, for an engine that has its orders tried."""
    plugin = session.plugin
    assert isinstance(plugin, MarketObserver)
    await plugin.observe(TimePulse((await session.plugin.snapshot()).time_ns), fill=False)
    return cast(StandingBrokerage, plugin)


async def trade(harness: BrokerageHarness, session: BrokerageSession, name: str) -> ExecutionReport:
    """Move the market at its price until the order is closed, share by share at worst; return its end."""
    order = ClientOrderId(name)
    for _ in range(int(TEN * 4)):
        await harness.move(session, harness.price)
        if any(status in CLOSED for status in session.statuses(order)):
            break
    return await session.until_closed(order)


class StandingBrokerage(BrokeragePlugin, MarketObserver, Protocol):
    """A simulated brokerage: both halves of it."""


class BrokerageContract:
    """The cases. Stateless; the harness is the account."""

    @case("BRK-01")
    async def test_brk_01_connect_gives_a_complete_snapshot(self, harness: BrokerageHarness) -> None:
        """The first snapshot names account and session, and holds cash."""
        async with harness.session() as session:
            opening = session.opening
            assert opening.account_id and opening.session_id and opening.time_ns > 0
            assert opening.cash, "an account without any currency"
            assert all(item.quantity != 0 for item in opening.positions), "flat is no position"

    @case("BRK-02", needs=moves)
    async def test_brk_02_a_market_order_fills_completely(self, harness: BrokerageHarness) -> None:
        """An accepted market order ends FILLED, and its fills sum to its quantity."""
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            closing = await trade(harness, session, "A-1")
            assert closing.status is OrderStatus.FILLED
            assert sum(fills_of(session.reports(ClientOrderId("A-1"))).values()) == TEN

    @case("BRK-03", needs=moves)
    async def test_brk_03_partial_fills_sum_to_the_order(self, harness: BrokerageHarness) -> None:
        """PARTIALLY_FILLED until the sum of the fills is the quantity, then FILLED; signs as the order's."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, make_spec(harness, -TEN)))
            for _ in range(int(TEN)):
                await harness.move(session, harness.price)
            await session.until_closed(order)
            total = Decimal(0)
            for report in session.reports(order):
                if report.fill is None:
                    continue
                total += report.fill.quantity
                wanted = OrderStatus.FILLED if total == -TEN else OrderStatus.PARTIALLY_FILLED
                assert report.fill.quantity < 0 and report.fill.price > 0
                assert report.status is wanted
            assert total == -TEN

    @case("BRK-04", needs=limits)
    async def test_brk_04_one_client_order_id_makes_one_order(self, harness: BrokerageHarness) -> None:
        """Submitting the same id again, also at once and after a fill elsewhere, makes no second order."""
        async with harness.session() as session:
            order = approve("A-1", resting(harness))
            await asyncio.gather(session.plugin.submit(order), session.plugin.submit(order))
            await session.until_status(ClientOrderId("A-1"), OrderStatus.SUBMITTED)
            await session.plugin.submit(order)
            snapshot = await session.plugin.snapshot()
            assert [item.client_order_id for item in snapshot.open_orders] == ["A-1"]

    @case("BRK-05", needs=moves)
    async def test_brk_05_a_repeated_submit_after_the_fill_trades_nothing(
        self, harness: BrokerageHarness
    ) -> None:
        """An id that has filled stays spent, in this session and the next."""
        order = approve("A-1", make_spec(harness, TEN))
        async with harness.session() as session:
            await session.plugin.submit(order)
            await trade(harness, session, "A-1")
            await session.plugin.submit(order)
            await harness.move(session, harness.price)
            assert position(await session.plugin.snapshot(), harness) == TEN
        async with harness.session() as session:
            await session.plugin.submit(order)
            await harness.move(session, harness.price)
            assert position(await session.plugin.snapshot(), harness) == TEN

    @case("BRK-06", needs=limits)
    async def test_brk_06_a_working_order_can_be_cancelled_twice(self, harness: BrokerageHarness) -> None:
        """The first cancel closes it, the second is no error and no news."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, resting(harness)))
            await session.until_status(order, OrderStatus.SUBMITTED)
            await session.plugin.cancel(order)
            closing = await session.until_closed(order)
            assert closing.status is OrderStatus.CANCELED and closing.fill is None
            await session.plugin.cancel(order)
            snapshot = await session.plugin.snapshot()
            assert not snapshot.open_orders
            assert session.statuses(order).count(OrderStatus.CANCELED) == 1

    @case("BRK-07")
    async def test_brk_07_cancelling_an_unknown_order_is_no_error(self, harness: BrokerageHarness) -> None:
        """Nothing is raised and nothing is reported."""
        async with harness.session() as session:
            await session.plugin.cancel(ClientOrderId("A-nobody"))
            await session.plugin.snapshot()
            assert not session.reports(ClientOrderId("A-nobody"))

    @case("BRK-08", needs=moves)
    async def test_brk_08_cancelling_a_filled_order_changes_nothing(self, harness: BrokerageHarness) -> None:
        """A filled order stays filled."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, make_spec(harness, TEN)))
            await trade(harness, session, order)
            before = session.statuses(order)
            await session.plugin.cancel(order)
            await harness.move(session, harness.price)
            assert session.statuses(order) == before

    @case("BRK-09", needs=refuses)
    async def test_brk_09_a_refusal_carries_a_reason(self, harness: BrokerageHarness) -> None:
        """What the venue refuses becomes INVALID with words a user can read."""
        spec = harness.refused_spec()
        assert spec is not None
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", spec))
            closing = await session.until_closed(ClientOrderId("A-1"))
            assert closing.status is OrderStatus.INVALID
            assert len(closing.message) > 5, "the reason is missing"
            assert not (await session.plugin.snapshot()).open_orders

    @case("BRK-10", needs=limits)
    async def test_brk_10_a_new_session_shows_the_whole_account(self, harness: BrokerageHarness) -> None:
        """After a reconnect: another session id, the same positions, working orders and fills."""
        async with harness.session() as session:
            first = session.opening
            await session.plugin.submit(approve("A-1", resting(harness)))
            await session.plugin.submit(approve("A-2", make_spec(harness, TEN)))
            await trade(harness, session, "A-2")
            await session.until_status(ClientOrderId("A-1"), OrderStatus.SUBMITTED)
            before = await session.plugin.snapshot()
        async with harness.session() as session:
            again = session.opening
            assert again.session_id != first.session_id and again.account_id == first.account_id
            assert position(again, harness) == TEN and again.cash == before.cash
            assert [order.client_order_id for order in again.open_orders] == ["A-1"]
            assert again.open_orders[0].spec == before.open_orders[0].spec
            assert dict(again.fills)[ClientOrderId("A-2")] == dict(before.fills)[ClientOrderId("A-2")]

    @case("BRK-11")
    async def test_brk_11_events_end_when_the_session_is_closed(self, harness: BrokerageHarness) -> None:
        """`events` ends after `close`, and `close` may be called again."""
        async with harness.session() as session:
            await session.plugin.close()
            await session.until(lambda: session.ended, "the end of events after close")
            await session.plugin.close()

    @case("BRK-12", needs=moves)
    async def test_brk_12_the_account_is_the_sum_of_its_fills(self, harness: BrokerageHarness) -> None:
        """Position, average price and cash follow from fills and fees, to the last digit."""
        async with harness.session() as session:
            cash = dict(session.opening.cash)
            for number, quantity in enumerate((TEN, TEN * 2, -TEN * 4, TEN), start=1):
                await session.plugin.submit(approve(f"A-{number}", make_spec(harness, quantity)))
                for _ in range(int(abs(quantity))):
                    await harness.move(session, harness.price + number)
                await session.until_closed(ClientOrderId(f"A-{number}"))
            snapshot = await session.plugin.snapshot()
            for _, fill in snapshot.fills:
                cash[fill.fee_currency] = cash.get(fill.fee_currency, Decimal(0)) - fill.fee
                cash["USD"] -= fill.quantity * fill.price
            assert snapshot.cash == cash
            assert not snapshot.positions, "bought 40 and sold 40"

    @case("BRK-13", needs=limits)
    async def test_brk_13_a_slow_consumer_loses_nothing(self, harness: BrokerageHarness) -> None:
        """Events that nobody reads for a while are all delivered later, in order."""
        async with harness.session() as session:
            session.consuming.clear()
            names = [ClientOrderId(f"A-{number}") for number in range(CROWD)]
            for name in names:
                await session.plugin.submit(approve(name, resting(harness)))
            for name in names:
                await session.plugin.cancel(name)
            session.consuming.set()
            for name in names:
                await session.until_closed(name)
                assert session.statuses(name)[-1] is OrderStatus.CANCELED

    @case("BRK-14", needs=limits)
    async def test_brk_14_orders_outlive_the_session(self, harness: BrokerageHarness) -> None:
        """Closing the session leaves a working order working, and the next session can cancel it."""
        order = ClientOrderId("A-1")
        if harness.capabilities.cancel_on_disconnect:
            pytest.skip("BRK-14 does not apply: the venue cancels on disconnect")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, resting(harness)))
            await session.until_status(order, OrderStatus.SUBMITTED)
        async with harness.session() as session:
            assert [item.client_order_id for item in session.opening.open_orders] == [order]
            await session.plugin.cancel(order)
            assert (await session.until_closed(order)).status is OrderStatus.CANCELED

    @pytest.mark.parametrize("order_type", list(OrderType), ids=lambda kind: str(kind.name).lower())
    def test_brk_15_declared_order_types_are_taken_others_refused(
        self, harness: BrokerageHarness, order_type: OrderType
    ) -> None:
        """BRK-15: a declared type is acknowledged; any other is refused with a reason, never worked."""
        asyncio.run(self._submit_one_of(harness, order_type))

    async def _submit_one_of(self, harness: BrokerageHarness, order_type: OrderType) -> None:
        order = ClientOrderId("A-1")
        declared = order_type in harness.capabilities.order_types
        async with harness.session() as session:
            try:
                await session.plugin.submit(approve(order, make_spec(harness, TEN, order_type)))
            except VenueError as error:
                assert not declared and str(error), "a declared type was refused"
                return
            await session.until(lambda: bool(session.reports(order)), f"news of a {order_type.name}")
            statuses = session.statuses(order)
            assert (OrderStatus.INVALID in statuses) is not declared
            if not declared:
                assert session.reports(order)[-1].message

    @case("BRK-16", needs=updates)
    async def test_brk_16_a_working_order_can_be_changed(self, harness: BrokerageHarness) -> None:
        """The change is reported and the snapshot shows the new values."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, resting(harness)))
            await session.until_status(order, OrderStatus.SUBMITTED)
            change = OrderChange(quantity=Decimal(7), limit_price=FAR_BELOW + 1)
            changed = make_spec(harness, Decimal(7), OrderType.LIMIT, FAR_BELOW + 1)
            await session.plugin.update(ApprovedChange(order, changed, change))
            await session.until_status(order, OrderStatus.UPDATE_SUBMITTED)
            (working,) = (await session.plugin.snapshot()).open_orders
            assert (working.spec.quantity, working.spec.limit_price) == (Decimal(7), FAR_BELOW + 1)

    @case("BRK-17", needs=limits)
    async def test_brk_17_every_report_is_a_legal_move(self, harness: BrokerageHarness) -> None:
        """The reports of an order, read in order, walk the state table from NEW."""
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            await session.plugin.submit(approve("A-2", resting(harness)))
            if harness.moves_market:
                await trade(harness, session, "A-1")
            await session.until_status(ClientOrderId("A-2"), OrderStatus.SUBMITTED)
            await session.plugin.cancel(ClientOrderId("A-2"))
            await session.until_closed(ClientOrderId("A-2"))
            for name in ("A-1", "A-2"):
                state = OrderStatus.NEW
                for report in session.reports(ClientOrderId(name)):
                    assert (report.fill is not None) is (report.status in FILLS)
                    state = move(state, report.status)

    @case("BRK-18", needs=limits)
    async def test_brk_18_a_snapshot_tells_open_from_closed(self, harness: BrokerageHarness) -> None:
        """Working orders are open with an open status; what is closed is never among them."""
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", resting(harness)))
            await session.plugin.submit(approve("A-2", resting(harness)))
            for name in ("A-1", "A-2"):
                await session.until_status(ClientOrderId(name), OrderStatus.SUBMITTED)
            await session.plugin.cancel(ClientOrderId("A-1"))
            await session.until_closed(ClientOrderId("A-1"))
            snapshot = await session.plugin.snapshot()
            assert [order.client_order_id for order in snapshot.open_orders] == ["A-2"]
            assert all(order.status not in CLOSED for order in snapshot.open_orders)
            assert all(order.status in CLOSED for order in snapshot.closed_orders)
            assert all(order.brokerage_order_id for order in snapshot.open_orders)

    @case("BRK-19", needs=simulated)
    async def test_brk_19_observe_returns_when_its_events_are_handled(
        self, harness: BrokerageHarness
    ) -> None:
        """When `observe` has returned, the consumer has finished with every fill it caused."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(
                approve(order, make_spec(harness, TEN, OrderType.LIMIT, harness.price - 10))
            )
            await session.until_status(order, OrderStatus.SUBMITTED)
            for _ in range(int(TEN)):
                await harness.move(session, harness.price - 20)
            assert OrderStatus.FILLED in session.statuses(order)

    @case("BRK-20", needs=simulated)
    async def test_brk_20_settle_waits_for_the_consumer(self, harness: BrokerageHarness) -> None:
        """`settle` does not return while an emitted event is not handled, and returns once it is."""
        async with harness.session() as session:
            assert isinstance(session.plugin, MarketObserver)
            session.consuming.clear()
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            async with asyncio.timeout(WAIT_LIMIT_S):
                await session.received.wait()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await session.plugin.settle()
            session.consuming.set()
            async with asyncio.timeout(WAIT_LIMIT_S):
                await session.plugin.settle()
            assert session.reports(ClientOrderId("A-1"))

    @case("BRK-21", needs=moves)
    async def test_brk_21_orders_of_the_kill_switch_need_no_number(self, harness: BrokerageHarness) -> None:
        """Two orders with spec.id 0 are two orders: the client order id alone is the identity."""
        async with harness.session() as session:
            for name in ("K-1", "K-2"):
                await session.plugin.submit(approve(name, make_spec(harness, -TEN)))
            for _ in range(int(TEN)):
                await harness.move(session, harness.price)
            for name in ("K-1", "K-2"):
                await session.until_closed(ClientOrderId(name))
            snapshot = await session.plugin.snapshot()
            assert position(snapshot, harness) == -2 * TEN
            numbers = {report.brokerage_order_id for name in ("K-1", "K-2")
                       for report in session.reports(ClientOrderId(name))}  # fmt: skip
            assert len(numbers) == 2

    @case("BRK-22", needs=moves)
    async def test_brk_22_fills_keep_their_execution_id_across_sessions(
        self, harness: BrokerageHarness
    ) -> None:
        """A fill reported in one session is the same fill, by id, in the next one's snapshot."""
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            await trade(harness, session, "A-1")
            reported = fills_of(session.reports(ClientOrderId("A-1")))
        async with harness.session() as session:
            remembered = {fill.execution_id: fill.quantity for _, fill in session.opening.fills}
            assert remembered == reported
            await session.plugin.submit(approve("A-2", make_spec(harness, TEN)))
            await trade(harness, session, "A-2")
            assert not reported.keys() & fills_of(session.reports(ClientOrderId("A-2"))).keys()

    @case("BRK-23", needs=limits)
    async def test_brk_23_a_cancel_may_follow_at_once(self, harness: BrokerageHarness) -> None:
        """A cancel sent right behind its order, before any acknowledgement, closes it."""
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, resting(harness)))
            await session.plugin.cancel(order)
            closing = await session.until_closed(order)
            assert closing.status is OrderStatus.CANCELED and closing.fill is None
            assert not (await session.plugin.snapshot()).open_orders

    @case("BRK-24", needs=simulated)
    async def test_brk_24_without_fill_orders_are_tried_one_by_one_when_asked_for(
        self, harness: BrokerageHarness
    ) -> None:
        """`try_next` has one order with news at a time, oldest first, and says when none is left."""
        async with harness.session() as session:
            plugin = await stand_still(session)
            names = ("A-1", "A-2", "A-3")
            for number, name in enumerate(names, start=1):
                spec = resting(harness) if name == "A-1" else make_spec(harness, TEN)
                await plugin.submit(approve(name, numbered(spec, number)))
                await session.until_status(ClientOrderId(name), OrderStatus.SUBMITTED)
            assert not (await plugin.snapshot()).fills
            assert not await plugin.try_next(anew=False), "no round was begun"
            for anew, filled in ((True, {"A-2"}), (False, {"A-2", "A-3"})):
                assert await plugin.try_next(anew=anew)
                assert {name for name, _ in (await plugin.snapshot()).fills} == filled
            assert not await plugin.try_next(anew=False), "all were tried in this round"
            await plugin.settle()
            for name in ("A-2", "A-3"):
                await session.until_status(ClientOrderId(name), *FILLS)

    @case("BRK-25", needs=simulated)
    async def test_brk_25_orders_of_the_kill_switch_do_not_wait_for_an_engine(
        self, harness: BrokerageHarness
    ) -> None:
        """Without `fill`, an order with spec.id 0 trades when it comes; the engine's wait for their turn."""
        async with harness.session() as session:
            plugin = await stand_still(session)
            await plugin.submit(approve("A-1", numbered(make_spec(harness, TEN), 1)))
            await session.until_status(ClientOrderId("A-1"), OrderStatus.SUBMITTED)
            await plugin.submit(approve("K-1", make_spec(harness, -TEN)))
            await session.until_status(ClientOrderId("K-1"), *FILLS)
            assert {name for name, _ in (await plugin.snapshot()).fills} == {"K-1"}
            await trade(harness, session, "A-1")  # a market that moves by itself tries everything again
