"""What is told of an order, whatever TWS does with its messages. Both libraries."""

from __future__ import annotations

import asyncio
import dataclasses
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderId, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import (
    AccountSnapshot,
    ApprovedChange,
    CashChanged,
    FeeReported,
    StopMoved,
    VenueError,
)
from livetrader_engine.testing.brokerage_harness import approve
from livetrader_plugins.ibkr import news, resolver, trading
from livetrader_plugins.ibkr.receiver import Message
from livetrader_venues.tws.settings import SECOND_NS, Settings
from tests.ibkr.bare import tell_error
from tests.ibkr.desk import SPY, TEN, at_desk, order, play, round_trip

CALL_WAIT_S = 5.0  # the patience of the kill switch with one call
NEW, SUBMITTED, PARTLY, FILLED = (
    OrderStatus.NEW, OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED,
)  # fmt: skip


def quote(price: int, size: int = 100) -> dict[str, int | str]:
    return {"symbol": "SPY", "bid": price - 1, "ask": price, "last": price, "size": size}


# ---- trades and what they cost


def test_a_fee_is_not_waited_for(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = Settings(messages_per_second=0, commission_delay_ns=60 * SECOND_NS)
        async with at_desk(library, tmp_path, settings) as desk:
            await desk.buy("A-1")
            closing = await desk.session.until_closed(ClientOrderId("A-1"))
            assert closing.status is FILLED and not desk.fees("A-1")
            desk.peer.move(61)
            await desk.until(lambda: bool(desk.fees("A-1")), "the fee")
            (fee,) = desk.fees("A-1")
            assert (fee.fee, fee.fee_currency) == (1, "USD")
            assert fee.execution_id == desk.fills("A-1")[0][0]

    play(scenario())


def test_a_fee_that_overtakes_its_trade_is_told_behind_it(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("fault", kind="reorder", message="execDetails", count=0)
            await desk.buy("A-1")
            await desk.until(lambda: bool(desk.fees("A-1")), "the fee")
            kinds = [type(event).__name__ for event in desk.session.events]
            assert kinds.index("FeeReported") > kinds.index("ExecutionReport")
            assert [quantity for *_, quantity in desk.fills("A-1")] == [TEN]

    play(scenario())


def test_the_fee_of_an_older_revision_is_no_news(library: str, tmp_path: Path) -> None:
    """TWS tells the commissions of all revisions again with each look, in an order of its own."""

    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.until(lambda: bool(desk.fees("A-1")), "the fee")
            base, *_ = desk.fills("A-1")[0]
            live, _ = desk.brokerage._live()
            told = [
                event
                for revision, cost in ((2, 1.5), (1, 1.0), (2, 1.5))
                for event in live.news.book.commission(
                    SimpleNamespace(
                        execId=f"{base}.{revision:02}", commission=cost, currency="USD", realizedPNL=0.0
                    )
                )
            ]
            assert [event.fee for event in told if isinstance(event, FeeReported)] == [Decimal("1.5")]

    play(scenario())


def test_a_fee_that_comes_while_the_account_is_put_into_words_is_told_behind_it(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.until(lambda: bool(desk.fees("A-1")), "the fee")
            live, _ = desk.brokerage._live()
            shown = await desk.brokerage.snapshot()
            raw = desk.brokerage._raw
            assert raw is not None and all(fill.fee for _, fill in shown.fills)
            fees = dict(live.news.book.fees)
            for before, expected in ((shown, []), (without_fees(shown), desk.fees("A-1"))):
                later = news.News(live.session, live.account, desk.host.context, lambda contract: SPY)
                for commission in fees.values():
                    later.hear(Message("commissionReport", (commission,)))
                later.settle(raw, before)
                told = [event for event in later.stream._waiting if isinstance(event, FeeReported)]
                assert [(one.execution_id, one.fee) for one in told] == [
                    (one.execution_id, one.fee) for one in expected
                ]

    play(scenario())


def without_fees(shown: AccountSnapshot) -> AccountSnapshot:
    bare = tuple((owner, msgspec.structs.replace(fill, fee=Decimal(0))) for owner, fill in shown.fills)
    return msgspec.structs.replace(shown, fills=bare)


def test_what_is_said_twice_is_told_once(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("fault", kind="duplicate", message="*", count=0)
            await desk.working("A-1", limit=90)
            for size in (4, 6):
                desk.peer.do("quote", **quote(90, size))
                await round_trip(desk.brokerage)
            await desk.session.until_closed(ClientOrderId("A-1"))
            await desk.until(lambda: len(desk.fees("A-1")) == 2, "both fees")
            assert desk.statuses("A-1") == [SUBMITTED, PARTLY, FILLED]
            assert [quantity for *_, quantity in desk.fills("A-1")] == [4, 6]

    play(scenario())


def test_trades_in_the_wrong_order_add_up(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1", limit=90)
            desk.peer.do("fault", kind="delay", message="execDetails", by_s=5.0)
            desk.peer.do("quote", **quote(90, 4))
            desk.peer.do("quote", **quote(90, 6))
            await desk.session.until_status(ClientOrderId("A-1"), PARTLY)
            desk.peer.move(6)
            await desk.session.until_closed(ClientOrderId("A-1"))
            assert [quantity for *_, quantity in desk.fills("A-1")] == [6, 4]
            assert desk.statuses("A-1") == [SUBMITTED, PARTLY, FILLED]

    play(scenario())


def test_a_trade_that_was_never_told_puts_the_order_in_doubt_until_the_account_is_read(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("fault", kind="mute", message="execDetails")
            name = await desk.buy("A-1")
            await desk.session.until_status(name, OrderStatus.NONE)
            assert "10 is filled" in desk.reports("A-1")[-1].message
            ((owner, fill),) = (await desk.brokerage.snapshot()).fills
            assert (owner, fill.quantity) == ("A-1", TEN)
            await desk.session.until_closed(name)
            assert [quantity for *_, quantity in desk.fills("A-1")] == [TEN]

    monkeypatch.setattr(news, "TRADES_LATE_S", 0.05)
    play(scenario())


def test_a_trade_says_enough_where_nothing_else_comes(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            for message in ("openOrder", "orderStatus"):
                desk.peer.do("fault", kind="mute", message=message, count=0)
            closing = await desk.buy("A-1")
            await desk.session.until_closed(closing)
            assert [quantity for *_, quantity in desk.fills("A-1")] == [TEN]

    play(scenario())


def test_a_fill_wins_over_a_cancel(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = Settings(messages_per_second=0, cancel_delay_ns=5 * SECOND_NS)
        async with at_desk(library, tmp_path, settings) as desk:
            name = await desk.working("A-1", limit=90)
            await desk.brokerage.cancel(name)
            await desk.session.until_status(name, OrderStatus.CANCEL_PENDING)
            desk.peer.do("quote", **quote(90))
            assert (await desk.session.until_closed(name)).status is FILLED
            desk.peer.move(6)
            await desk.brokerage.cancel(name)
            await round_trip(desk.brokerage)
            assert desk.statuses("A-1")[-1] is FILLED

    play(scenario())


# ---- words that prove nothing


def test_an_unlisted_code_on_a_fresh_order_refuses_nothing(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-0")
            for message in ("openOrder", "orderStatus"):
                desk.peer.do("fault", kind="mute", message=message)
            name = await desk.buy("A-1", limit_price=Decimal(50))
            await round_trip(desk.brokerage)
            tell_error(desk.peer, 2, 10998, "Something new.")
            await desk.session.until_status(name, OrderStatus.NONE)
            assert len((await desk.brokerage.snapshot()).open_orders) == 2

    play(scenario())


def test_an_order_that_is_refused_late_is_in_doubt_and_then_over(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            desk.peer.do("refuse", code=201, text="Order rejected - reason: margin")
            await desk.session.until_status(name, OrderStatus.NONE)
            shown = await desk.brokerage.snapshot()
            assert not shown.open_orders
            assert [item.status for item in shown.closed_orders] == [OrderStatus.INVALID]

    play(scenario())


def test_a_change_that_is_refused_leaves_the_order_working(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            desk.peer.do("fault", kind="mute", message="openOrder")
            changed = order(quantity=TEN, limit_price=Decimal(51))
            change = ApprovedChange(name, changed, OrderChange(limit_price=Decimal(51)))
            await desk.brokerage.update(change)
            tell_error(desk.peer, 1, 105, "Order being modified does not match original order.")
            await desk.until(lambda: len(desk.reports("A-1")) == 2, "the refusal")
            last = desk.reports("A-1")[-1]
            assert last.status is SUBMITTED and "105" in last.message

    play(scenario())


def test_a_change_that_was_not_sent_is_not_what_tws_refuses_next(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            live, _ = desk.brokerage._live()
            live.session.end("gone")
            changed = order(quantity=TEN, limit_price=Decimal(51))
            change = ApprovedChange(name, changed, OrderChange(limit_price=Decimal(51)))
            assert desk.brokerage._desk is not None
            with pytest.raises(VenueError):
                await desk.brokerage._desk.update(live, change)
            (tracked,) = live.news.book.orders.of(name)
            assert tracked.change is None

    play(scenario())


def test_a_child_of_an_order_that_was_not_sent_is_not_sent_either(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            live, counter = desk.brokerage._live()
            live.session.end("gone")
            with pytest.raises(VenueError):
                await counter.submit(live, approve("A-1", order(id=OrderId(7), quantity=TEN)))
            await desk.brokerage.connect()
            child = order(id=OrderId(8), quantity=-TEN, properties=(("parentOrderId", 7),))
            with pytest.raises(VenueError, match="its parent, order 7, was not sent"):
                await desk.brokerage.submit(approve("A-2", child))

    play(scenario())


def test_the_numbers_of_parents_are_not_kept_for_ever(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading, "NAMES_KEPT", 2)

    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            for number in range(1, 5):
                await desk.buy(f"A-{number}", id=OrderId(number), limit_price=Decimal(50))
            _, counter = desk.brokerage._live()
            assert list(counter._sent_as) == [3, 4]

    play(scenario())


def test_an_order_that_somebody_changes_in_tws_is_told(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1")
            (shown,) = desk.peer.gateway.exchange.orders.values()
            terms = dataclasses.replace(shown.terms, quantity=Decimal(7), limit_price=Decimal(51))
            desk.peer.gateway.exchange.change(shown, terms)
            desk.peer.move(1)
            await desk.session.until_status(ClientOrderId("A-1"), OrderStatus.UPDATE_SUBMITTED)
            await desk.brokerage.snapshot()
            assert desk.statuses("A-1") == [SUBMITTED, OrderStatus.UPDATE_SUBMITTED]

    play(scenario())


@pytest.mark.parametrize("code", [201, 202])
def test_an_order_that_works_on_although_tws_told_its_end_can_be_cancelled(
    library: str, code: int, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-0")
            for message in ("openOrder", "orderStatus"):
                desk.peer.do("fault", kind="mute", message=message)
            name = await desk.buy("A-1", limit_price=Decimal(50))
            await round_trip(desk.brokerage)
            tell_error(desk.peer, 2, code, "Over, it says.")
            await desk.session.until_closed(name)
            shown = (await desk.brokerage.snapshot()).open_orders
            assert [item.client_order_id for item in shown] == ["A-0", "A-1"]
            await desk.brokerage.cancel(name)
            await round_trip(desk.brokerage)
            desk.peer.move(1)
            shown = (await desk.brokerage.snapshot()).open_orders
            assert [item.client_order_id for item in shown] == ["A-0"]

    play(scenario())


def test_what_tws_dropped_for_its_message_limit_is_in_doubt(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, Settings(messages_per_second=50)) as desk:
            desk.peer.move(1)
            names = [await desk.buy(f"A-{number}", limit_price=Decimal(50)) for number in range(50)]
            lost = names[-1]  # the question for the contract was the first of 51 messages
            await desk.session.until_status(lost, OrderStatus.NONE)
            assert "100" in desk.messages()
            placed = [shown.terms.order_ref for shown in desk.peer.gateway.exchange.orders.values()]
            assert placed == names[:-1]

    play(scenario())


def test_an_order_with_a_new_number_is_the_same_order(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            before = desk.reports("A-1")[-1].brokerage_order_id
            desk.peer.do("number_again")
            await desk.until(lambda: len(desk.reports("A-1")) == 2, "the new number")
            after = desk.reports("A-1")[-1].brokerage_order_id
            assert after != before and desk.reports("A-1")[-1].status is SUBMITTED
            await desk.brokerage.cancel(name, after)
            assert (await desk.session.until_closed(name)).brokerage_order_id == after

    play(scenario())


def test_an_order_that_nobody_here_sent_cannot_be_changed(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            wanted = order(quantity=TEN, limit_price=Decimal(51))
            with pytest.raises(VenueError, match="no order of client id 10"):
                await desk.brokerage.update(ApprovedChange(ClientOrderId("A-1"), wanted, OrderChange()))

    play(scenario())


# ---- beside orders


def test_the_balance_follows_the_trades(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            desk.peer.move(1)
            await desk.until(
                lambda: any(isinstance(event, CashChanged) for event in desk.session.events), "the balance"
            )
            moved = [event for event in desk.session.events if isinstance(event, CashChanged)]
            assert moved[-1].currency == "USD"
            assert moved[-1].amount == (await desk.brokerage.snapshot()).cash["USD"]

    play(scenario())


def test_a_trailing_stop_says_where_it_is(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy(
                "A-1", type=OrderType.TRAILING_STOP, quantity=Decimal(-10), trailing_amount=Decimal(5)
            )
            await desk.session.until_status(ClientOrderId("A-1"), SUBMITTED)
            desk.peer.do("quote", symbol="SPY", bid=110, ask=111, last=110, size=100)
            await desk.brokerage.snapshot()
            stops = [event for event in desk.session.events if isinstance(event, StopMoved)]
            assert stops[-1].client_order_id == "A-1"
            assert stops[-1].stop.stop_price == Decimal(105)

    play(scenario())


def test_an_order_that_the_account_cannot_carry_is_not_sent_where_that_is_asked_first(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, check_margin=True) as desk:
            with pytest.raises(VenueError, match="not sent: the account would need"):
                await desk.buy("A-1", quantity=1_000_000)
            assert not desk.peer.gateway.exchange.orders
            await desk.buy("A-1", quantity=10)  # it never left, so the name is free
            await desk.session.until_closed(ClientOrderId("A-1"))
            name = await desk.buy("K-1", quantity=1_000_000, id=OrderId(0))  # nobody asks for the kill switch
            assert (await desk.session.until_closed(name)).status is OrderStatus.INVALID
            assert [item.symbol for item in (await desk.brokerage.snapshot()).positions] == [SPY]

    play(scenario())


def test_the_kill_switch_sells_what_was_met_before_without_asking_for_its_contract(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, request_timeout_s=60.0) as desk:
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            monkeypatch.setattr(resolver, "FRESH_NS", 0)  # a week goes by …
            for message in ("contractDetails", "contractDetailsEnd"):  # … and the farm for contracts is down
                desk.peer.do("fault", kind="mute", message=message, count=0)
            async with asyncio.timeout(CALL_WAIT_S):
                await desk.buy("K-1", -10, id=OrderId(0))
            await desk.session.until_closed(ClientOrderId("K-1"))
            assert not (await desk.brokerage.snapshot()).positions

    play(scenario())
