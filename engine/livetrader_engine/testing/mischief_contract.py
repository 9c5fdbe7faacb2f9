"""BRK-26 and on: what venues do behind the back of whoever trades them, and how a brokerage has to tell it.

    class TestMine(MischiefContract):
        @pytest.fixture
        def harness(self, tmp_path):
            return MyHarness(tmp_path)

A harness is that of BrokerageContract and can make mischief; `mischief` names what it can.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

from livetrader_engine.orders.order import ClientOrderId, Fill
from livetrader_engine.orders.states import FILLS, OrderStatus
from livetrader_engine.spi import AccountSnapshot, ExecutionReport, FeeReported, VenueError
from livetrader_engine.testing.brokerage_contract import TEN, position, resting, trade
from livetrader_engine.testing.brokerage_harness import (
    BrokerageHarness,
    BrokerageSession,
    approve,
    make_spec,
)
from livetrader_engine.testing.cases import case

LOOKS: Final = 20  # at the account until a cancel of another login shows; each takes a round trip
OURS: Final = ClientOrderId("A-1")


class MischievousHarness(BrokerageHarness, Protocol):
    """A harness whose venue can be made to misbehave.

    `mischief` has any of: correct, fee, double, rest, trade. What is not in it is never called.
    """

    mischief: frozenset[str]

    async def correct(self, session: BrokerageSession, quantity: Decimal, price: Decimal) -> None:
        """Correct the only trade of the order A-1; a quantity of 0 takes it back."""
        ...

    async def charge(self, session: BrokerageSession) -> None:
        """Say what the trades so far have cost, where the venue has not said so by itself."""
        ...

    async def double(self, session: BrokerageSession) -> None:
        """Work a second order under the name A-1."""
        ...

    async def rest_elsewhere(self, session: BrokerageSession, quantity: Decimal, limit: Decimal) -> None:
        """Let somebody else have a working order in the account."""
        ...

    async def trade_elsewhere(self, session: BrokerageSession, quantity: Decimal) -> None:
        """Let somebody else trade in the account."""
        ...


def can(what: str) -> Callable[[MischievousHarness], str | None]:
    """Return the question why a case about this mischief does not apply."""
    return lambda harness: None if what in harness.mischief else f"its venue cannot be made to {what}"


def told(session: BrokerageSession, name: ClientOrderId = OURS) -> list[Fill]:
    """Return every trade of an order as it was told, repeated ones too."""
    return [report.fill for report in session.reports(name) if report.fill is not None]


def shown(snapshot: AccountSnapshot, name: ClientOrderId = OURS) -> dict[str, Fill]:
    """Return the newest revision of every trade of an order that a snapshot shows."""
    newest: dict[str, Fill] = {}
    for owner, fill in snapshot.fills:
        before = newest.get(fill.execution_id)
        if owner == name and (before is None or before.revision < fill.revision):
            newest[fill.execution_id] = fill
    return newest


def strange(session: BrokerageSession) -> list[ExecutionReport]:
    """Return the reports of orders that are not ours."""
    return [
        event
        for event in session.events
        if isinstance(event, ExecutionReport) and event.client_order_id != OURS
    ]


async def one_trade(harness: MischievousHarness, session: BrokerageSession) -> Fill:
    """Let A-1 trade all of its two shares at once; return the trade."""
    await session.plugin.submit(approve(OURS, make_spec(harness, Decimal(2))))
    await trade(harness, session, OURS)
    (fill,) = {fill.execution_id: fill for fill in told(session)}.values()
    return fill


class MischiefContract:
    """The cases. Stateless; the harness is the account."""

    @case("BRK-26", needs=can("correct"))
    async def test_brk_26_a_corrected_trade_keeps_its_id_and_has_a_higher_revision(
        self, harness: MischievousHarness
    ) -> None:
        """The correction is told live and shown by every later snapshot, also in another session."""
        async with harness.session() as session:
            first = await one_trade(harness, session)
            await harness.correct(session, Decimal(1), first.price + 1)
            await session.until(lambda: told(session)[-1].revision > first.revision, "a revision")
            newest = told(session)[-1]
            assert newest.execution_id == first.execution_id and newest.quantity == 1
            assert newest.price == first.price + 1
            assert shown(await session.plugin.snapshot())[first.execution_id].quantity == 1
            assert position(await session.plugin.snapshot(), harness) == 1
        async with harness.session() as session:
            assert shown(session.opening)[first.execution_id].revision == newest.revision

    @case("BRK-27", needs=can("correct"))
    async def test_brk_27_a_trade_that_is_taken_back_is_a_revision_of_nothing(
        self, harness: MischievousHarness
    ) -> None:
        """A bust is told with a quantity of 0, under the id of the trade."""
        async with harness.session() as session:
            first = await one_trade(harness, session)
            await harness.correct(session, Decimal(0), first.price)
            await session.until(lambda: told(session)[-1].revision > first.revision, "a bust")
            bust = told(session)[-1]
            assert bust.execution_id == first.execution_id and bust.quantity == 0
            snapshot = await session.plugin.snapshot()
            assert position(snapshot, harness) == 0
            assert all(fill.quantity == 0 for fill in shown(snapshot).values())

    @case("BRK-28", needs=can("fee"))
    async def test_brk_28_what_a_trade_cost_is_told_of_it_and_in_all(
        self, harness: MischievousHarness
    ) -> None:
        """The trade does not wait for its fee; the fee names the trade, and a snapshot shows the same."""
        async with harness.session() as session:
            first = await one_trade(harness, session)
            await harness.charge(session)

            def fees() -> list[FeeReported]:
                return [event for event in session.events if isinstance(event, FeeReported)]

            await session.until(lambda: bool(fees()), "a fee")
            fee = fees()[-1]
            assert (fee.client_order_id, fee.execution_id) == (OURS, first.execution_id)
            assert fee.fee > 0 and fee.fee_currency
            known = shown(await session.plugin.snapshot())[first.execution_id]
            assert (known.fee, known.fee_currency) == (fee.fee, fee.fee_currency)

    @case("BRK-29", needs=can("double"))
    async def test_brk_29_two_orders_under_one_name_are_two_and_can_be_told_apart(
        self, harness: MischievousHarness
    ) -> None:
        """A snapshot shows both; a cancel by number ends that one and no other."""
        async with harness.session() as session:
            await session.plugin.submit(approve(OURS, resting(harness)))
            await session.until_status(OURS, OrderStatus.SUBMITTED)
            await harness.double(session)
            numbers = [order.brokerage_order_id for order in (await session.plugin.snapshot()).open_orders]
            assert len(set(numbers)) == 2
            await session.plugin.cancel(OURS, numbers[1])
            await session.until_status(OURS, OrderStatus.CANCELED)
            left = (await session.plugin.snapshot()).open_orders
            assert [order.brokerage_order_id for order in left] == numbers[:1]

    @case("BRK-30", needs=can("rest"))
    async def test_brk_30_working_orders_of_others_are_shown_as_theirs(
        self, harness: MischievousHarness
    ) -> None:
        """Shown beside ours, never under a name of ours; cancelled by number, or refused with VenueError."""
        async with harness.session() as session:
            await session.plugin.submit(approve(OURS, resting(harness)))
            await session.until_status(OURS, OrderStatus.SUBMITTED)
            await harness.rest_elsewhere(session, TEN, Decimal(40))
            orders = (await session.plugin.snapshot()).open_orders
            (other,) = (order for order in orders if order.client_order_id != OURS)
            assert (other.spec.symbol, other.spec.quantity) == (harness.symbol, TEN)
            try:
                await session.plugin.cancel(other.client_order_id, other.brokerage_order_id)
            except VenueError:
                return
            for _ in range(LOOKS):
                left = (await session.plugin.snapshot()).open_orders
                if len(left) == 1:
                    break
            assert [order.client_order_id for order in left] == [OURS]

    @case("BRK-31", needs=can("trade"))
    async def test_brk_31_trades_of_others_are_shown_with_their_symbol(
        self, harness: MischievousHarness
    ) -> None:
        """In snapshots, under no name of ours, so that the position they moved is explained.

        Live only where the venue tells them to this login at all; then in the same words.
        """
        async with harness.session() as session:
            await harness.trade_elsewhere(session, TEN)
            snapshot = await session.plugin.snapshot()
            assert position(snapshot, harness) == TEN
            newest = [fill for name, fill in snapshot.fills if name != OURS]
            assert {fill.symbol for fill in newest} == {harness.symbol}
            assert sum((fill.quantity for fill in newest), Decimal(0)) == TEN
            live = [report for report in strange(session) if report.fill is not None]
            assert all(report.fill in newest and report.status in FILLS for report in live)
