"""A snapshot is the whole account at one instant, or there is none. Both libraries."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, OrderChange
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, ApprovedChange, VenueError
from livetrader_plugins.ibkr import account, brokerage
from livetrader_plugins.ibkr.receiver import Message
from livetrader_venues.tws import ledger
from livetrader_venues.tws.director import Director
from livetrader_venues.tws.settings import Settings
from tests.ibkr.bare import bare, limit, spy
from tests.ibkr.desk import SPY, TEN, Desk, at_desk, play, seated
from tests.venues.peers import running, until

TWICE = ["reqAllOpenOrders", "reqPositions", "reqExecutions"]
READ = [
    ("reqCompletedOrders", 1),
    ("reqAccountUpdatesMulti", 1),
    *((name, nth) for name in TWICE for nth in (1, 2)),
]


def on_request(desk: Desk, name: str, nth: int, act: Any) -> None:
    """Do something when TWS has answered the nth request of a name, before the answer is read."""
    seen = 0

    def observe(_: object, request: Any) -> None:
        nonlocal seen
        seen += request.name == name
        if request.name == name and seen == nth:
            act()

    desk.peer.gateway.observers.append(observe)


def agrees(snapshot: AccountSnapshot) -> bool:
    """Whether positions, trades and orders are those of one instant."""
    held = sum((item.quantity for item in snapshot.positions), Decimal(0))
    traded = sum((fill.quantity for _, fill in snapshot.fills), Decimal(0))
    shown = (*snapshot.open_orders, *snapshot.closed_orders)
    names = [order.client_order_id for order in shown]
    return held == traded == sum(order.filled_quantity for order in shown) and len(names) == len(set(names))


@pytest.mark.parametrize(("name", "nth"), READ)
def test_a_trade_while_it_is_read_is_in_all_of_it_or_in_none(
    library: str, name: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1", limit=90)
            await desk.working("A-2", limit=80)
            quote = {"symbol": "SPY", "bid": 89, "ask": 90, "last": 90, "size": 100}
            on_request(desk, name, nth, lambda: Director(desk.peer.gateway).perform("quote", quote))
            first = await desk.brokerage.snapshot()
            assert agrees(first)
            desk.peer.server.wake()
            await desk.session.until_closed(ClientOrderId("A-1"))
            last = await desk.brokerage.snapshot()
            assert agrees(last) and [item.quantity for item in last.positions] == [TEN]
            assert [item.client_order_id for item in last.open_orders] == ["A-2"]

    monkeypatch.setattr(account, "PAUSE_S", 0.0)
    play(scenario())


def test_positions_that_lag_behind_their_trades_are_waited_for(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever flattens by them sells twice."""

    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            assert [item.quantity for item in (await desk.brokerage.snapshot()).positions] == [TEN]
            (stale,) = (copy(held) for held in desk.peer.gateway.exchange.accounts["DU1234567"].held())
            with monkeypatch.context() as late:
                late.setattr(ledger.Account, "held", lambda _: iter([stale]))
                on_request(desk, "reqPositions", 4, late.undo)
                await desk.buy("A-2", -10)
                await desk.session.until_closed(ClientOrderId("A-2"))
                shown = await desk.brokerage.snapshot()
            assert len(shown.fills) == 2 and not shown.positions

    monkeypatch.setattr(account, "PAUSE_S", 0.0)
    monkeypatch.setattr(brokerage, "PAUSE_S", 0.0)
    play(scenario())


def test_positions_that_move_without_trades_are_shown_in_the_end(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            await desk.brokerage.snapshot()
            (held,) = desk.peer.gateway.exchange.accounts["DU1234567"].held()
            held.quantity *= 2  # a split
            for _ in range(2):
                assert [item.quantity for item in (await desk.brokerage.snapshot()).positions] == [2 * TEN]

    monkeypatch.setattr(brokerage, "POSITIONS_LATE_S", 0.05)
    play(scenario())


def test_an_account_that_never_stands_still_is_not_shown(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            director = Director(desk.peer.gateway)
            trade = {"symbol": "SPY", "quantity": 1}
            for nth in (1, 2):
                on_request(desk, "reqCompletedOrders", nth, lambda: director.perform("trade", trade))
            with pytest.raises(VenueError, match="did not stand still"):
                await desk.brokerage.snapshot()
            assert [item.quantity for item in (await desk.brokerage.snapshot()).positions] == [2]

    monkeypatch.setattr(account, "PAUSE_S", 0.0)
    monkeypatch.setattr(account, "ATTEMPTS", 2)
    play(scenario())


@pytest.mark.parametrize("end", ["positionEnd", "openOrderEnd"])
def test_an_end_marker_that_comes_twice_cuts_no_list_short(library: str, end: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            session = desk.brokerage._session
            assert session is not None
            await desk.working("A-1")
            desk.peer.do("trade", symbol="SPY", quantity=7)
            asked = "reqPositions" if end == "positionEnd" else "reqAllOpenOrders"
            on_request(desk, asked, 1, lambda: session._receive(Message(end, ())))
            shown = await desk.brokerage.snapshot()
            assert [item.quantity for item in shown.positions] == [7]
            assert [item.client_order_id for item in shown.open_orders] == ["A-1"]

    play(scenario())


def test_a_snapshot_that_nobody_waits_for_does_not_spoil_the_next(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("trade", symbol="SPY", quantity=7)
            for turns in range(1, 12):
                reading = desk.brokerage.snapshot()
                for _ in range(turns):  # give up somewhere in the middle
                    reading.send(None)
                    break
                reading.close()
            shown = await desk.brokerage.snapshot()
            assert [item.quantity for item in shown.positions] == [7]

    play(scenario())


def test_numbers_without_a_number_are_no_flat_account(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            session = desk.brokerage._session
            assert session is not None
            module = session.library.module
            row = Message("position", ("DU1234567", module.Stock("SPY", conId=756733), float("nan"), 1.0))
            on_request(desk, "reqPositions", 1, lambda: session._receive(row))
            with pytest.raises(VenueError, match="without a quantity"):
                await desk.brokerage.snapshot()
            await desk.until(lambda: desk.session.ended, "the end of events")

    play(scenario())


@pytest.mark.parametrize("wrong", [{"shares": 1.7976931348623157e308}, {"side": "?"}, {"time": "yesterday"}])
def test_a_trade_that_cannot_be_read_ends_the_session_and_nothing_else(
    library: str, wrong: dict[str, Any], tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            session = desk.brokerage._session
            assert session is not None
            module = session.library.module
            said = {"execId": "a.b.01", "acctNumber": "DU1234567", "side": "BOT", "shares": 1.0, "price": 1.0}
            execution = module.Execution(**said | wrong)

            def tell() -> None:
                (number,) = session._questions._keyed
                contract = module.Stock("SPY", conId=756733)
                session._receive(Message("execDetails", (number, contract, execution)))

            for nth in (1, 2):
                on_request(desk, "reqExecutions", nth, tell)
            with pytest.raises(VenueError, match="cannot be read"):
                await desk.brokerage.snapshot()
            await desk.until(lambda: desk.session.ended, "the end of events")

    play(scenario())


def test_fees_are_in_the_trades_of_a_snapshot(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Settings(messages_per_second=0)) as peer:
            async with seated(peer, library, tmp_path) as desk:
                await desk.buy("A-1")
                await desk.session.until_closed(ClientOrderId("A-1"))
            async with seated(peer, library, tmp_path) as desk:
                ((name, fill),) = desk.opening.fills
                assert (name, fill.quantity, fill.fee, fill.fee_currency) == ("A-1", TEN, Decimal(1), "USD")
                ((record),) = desk.opening.closed_orders
                assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, TEN)

    play(scenario())


# ---- orders of one name, and of others


def test_two_orders_of_one_name_are_two_orders(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Settings(messages_per_second=0)) as peer:
            async with bare(peer, library) as ib:
                twins = [ib.placeOrder(spy(library), limit(library, name="A-1")) for _ in range(2)]
                await until(ib, lambda: all(twin.orderStatus.status == "Submitted" for twin in twins))
            async with seated(peer, library, tmp_path) as desk:
                first, second = desk.opening.open_orders
                assert first.client_order_id == second.client_order_id == "A-1"
                assert first.brokerage_order_id != second.brokerage_order_id
                await desk.brokerage.cancel(ClientOrderId("A-1"), second.brokerage_order_id)
                await desk.session.until_closed(ClientOrderId("A-1"))
                (left,) = (await desk.brokerage.snapshot()).open_orders
                assert left.brokerage_order_id == first.brokerage_order_id
                dearer = msgspec.structs.replace(first.spec, limit_price=Decimal(51))
                change = ApprovedChange(
                    ClientOrderId("A-1"), dearer, OrderChange(limit_price=dearer.limit_price)
                )
                await desk.brokerage.update(change)
                (left,) = (await desk.brokerage.snapshot()).open_orders
                assert left.spec.limit_price == 51, "the change went to the one that works"
                await desk.buy("A-1")
                assert len(peer.gateway.exchange.orders) == 2, "the name is taken"
                await desk.brokerage.cancel(ClientOrderId("A-1"))
                await desk.until(lambda: desk.statuses("A-1").count(OrderStatus.CANCELED) == 2, "both ends")

    play(scenario())


def test_an_order_of_others_is_cancelled_alone_and_only_when_asked(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Settings(messages_per_second=0)) as peer:
            peer.do("order", symbol="SPY", quantity=5, limit=40)
            peer.do("order", symbol="SPY", quantity=6, limit=41)
            async with seated(peer, library, tmp_path, client_id=3) as other:
                await other.working("B-1")
            async with seated(peer, library, tmp_path) as desk:
                await desk.working("A-1")
                typed, _, theirs = sorted(desk.opening.open_orders, key=lambda item: item.brokerage_order_id)
                await desk.brokerage.cancel(ClientOrderId(""))  # of no order in particular
                assert len((await desk.brokerage.snapshot()).open_orders) == 4
                await desk.brokerage.cancel(typed.client_order_id, typed.brokerage_order_id)
                await desk.brokerage.cancel(theirs.client_order_id, theirs.brokerage_order_id)
                left = (await desk.brokerage.snapshot()).open_orders
                assert sorted(item.client_order_id for item in left) == ["", "A-1"]
                assert {item.spec.quantity for item in left} == {6, 10}
                await desk.brokerage.cancel(ClientOrderId(""), BrokerageOrderId("4711"))  # unknown: no error
                assert {item.client_id for item in peer.gateway.board.sessions()} == {10}, "nothing borrowed"

    play(scenario())


def test_an_order_of_a_client_that_is_connected_is_its_own(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Settings(messages_per_second=0)) as peer:
            other_directory = tmp_path / "other"
            other_directory.mkdir()
            async with seated(peer, library, other_directory, client_id=3) as other:
                await other.working("B-1")
                async with seated(peer, library, tmp_path) as desk:
                    (shown,) = desk.opening.open_orders
                    with pytest.raises(VenueError, match="client id 3 is in use"):
                        await desk.brokerage.cancel(shown.client_order_id, shown.brokerage_order_id)
                    assert len((await desk.brokerage.snapshot()).open_orders) == 1

    play(scenario())


def test_trades_of_other_clients_name_their_symbol_too(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = Settings(messages_per_second=0, master_client_id=10)
        async with running(settings) as peer, seated(peer, library, tmp_path) as desk:
            other_directory = tmp_path / "other"
            other_directory.mkdir()
            async with seated(peer, library, other_directory, client_id=3) as other:
                await other.buy("B-1")
                await other.session.until_closed(ClientOrderId("B-1"))
                assert other.reports("B-1")[-1].fill is not None
                assert other.reports("B-1")[-1].fill.symbol is None, "its own"
            await desk.session.until_closed(ClientOrderId("B-1"))
            told = desk.reports("B-1")[-1].fill
            ((_, shown),) = (await desk.brokerage.snapshot()).fills
            assert told is not None and told.symbol == shown.symbol == SPY

    play(scenario())


def test_trades_of_others_name_their_symbol(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, Settings(messages_per_second=0, master_client_id=10)) as desk:
            desk.peer.do("trade", symbol="SPY", quantity=7)
            await desk.until(lambda: bool(desk.reports("")), "news of the trade")
            for _ in range(2):
                ((name, fill),) = (await desk.brokerage.snapshot()).fills
                assert (name, fill.symbol, fill.quantity) == ("", SPY, 7)
            assert len(desk.reports("")) == 1, "told once"

    play(scenario())
