"""The traps of ib_insync and ib_async, each twice: the bare library falls in, the plugin does not.

Both halves of a test play the same scene at the same TWS peer. Where the bare half fails one day, the library
has been mended and the plugin's guard may go.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import VenueError
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
from livetrader_venues.tws.settings import Settings
from tests.ibkr.bare import bare, limit, market, spy, tell_error
from tests.ibkr.desk import SPY, TEN, at_desk, config, play, round_trip, seated
from tests.venues.peers import library as module_of
from tests.venues.peers import running, until


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The libraries log what they swallow; the tests look at what they do instead."""
    caplog.set_level(logging.CRITICAL + 1)


# ---- H1: a timeout looks like an empty account


@pytest.mark.parametrize("muted", ["positionEnd", "openOrderEnd", "completedOrdersEnd", "execDetailsEnd"])
def test_h1_an_unanswered_question_is_no_empty_account(library: str, muted: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as peer:
            peer.do("trade", symbol="SPY", quantity=7)
            peer.do("fault", kind="mute", message=muted, count=0)
            async with PluginHost("ibkr", tmp_path) as host:
                brokerage = IbkrBrokerage(config(peer, library, request_timeout_s=0.2), host.context)
                with pytest.raises(VenueError, match="not answered to its end"):
                    await brokerage.connect()
                peer.do("clear_faults")
                again = await brokerage.connect()
                await brokerage.close()
            assert [(held.symbol, held.quantity) for held in again.positions] == [(SPY, Decimal(7))]

    play(scenario())


def test_h1_the_bare_library_takes_silence_for_flat(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer:
            peer.do("trade", symbol="SPY", quantity=7)
            peer.do("fault", kind="mute", message="position", count=0)
            peer.do("fault", kind="mute", message="positionEnd", count=0)
            async with bare(peer, library, timeout_s=0.3) as ib:
                assert ib.isConnected() and ib.positions() == []

    play(scenario())


# ---- H2: a code that the library does not list cancels an order that works


def test_h2_an_unlisted_code_leaves_a_working_order_in_doubt(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            tell_error(desk.peer, 1, 10999, "Something new that nobody has heard of.")
            await desk.session.until_status(name, OrderStatus.NONE)
            assert OrderStatus.CANCELED not in desk.statuses("A-1")
            (shown,) = (await desk.brokerage.snapshot()).open_orders
            assert (shown.client_order_id, shown.status) == (name, OrderStatus.SUBMITTED)

    play(scenario())


def test_h2_a_preset_that_changes_an_order_is_only_a_warning(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1")
            tell_error(desk.peer, 1, 10349, "Order TIF was set to DAY based on order preset.")
            await desk.until(lambda: "10349" in desk.messages(), "the warning")
            assert desk.statuses("A-1") == [OrderStatus.SUBMITTED]

    play(scenario())


def test_h2_the_bare_library_cancels_it_in_its_books(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            trade = ib.placeOrder(spy(library), limit(library))
            await until(ib, lambda: trade.orderStatus.status == "Submitted")
            tell_error(peer, trade.order.orderId, 10999, "Something new.")
            await until(ib, lambda: trade.orderStatus.status == "Cancelled")
            assert len(list(peer.gateway.exchange.open_orders())) == 1, "it works all the same"

    play(scenario())


# ---- H3: a lost connection wipes what was known


def test_h3_a_lost_connection_forgets_nothing(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.working("A-1")
            await desk.buy("A-2")
            await desk.session.until_closed(ClientOrderId("A-2"))
            desk.peer.do("restart", down_s=0.0)
            await desk.until(lambda: desk.session.ended, "the end of events")
            again = await desk.again()
            assert [item.client_order_id for item in again.open_orders] == [name]
            assert [fill.quantity for _, fill in again.fills] == [TEN]
            await desk.brokerage.cancel(name)
            await desk.session.until_closed(name)

    play(scenario())


def test_h3_the_bare_library_wipes_its_trades(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            trade = ib.placeOrder(spy(library), limit(library))
            await until(ib, lambda: trade.orderStatus.status == "Submitted")
            ended = asyncio.get_running_loop().create_future()
            ib.disconnectedEvent += lambda: ended.done() or ended.set_result(None)
            peer.do("restart", down_s=0.0)
            await ended
            assert ib.trades() == []

    play(scenario())


# ---- H4: orders wait behind data, and vanish


def test_h4_an_order_overtakes_everything_that_waits(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, messages_per_second=48) as desk:
            session = desk.brokerage._session
            assert session is not None
            seen: list[str] = []
            desk.peer.gateway.observers.append(lambda _, request: seen.append(request.name))
            for _ in range(100):  # more than three seconds of questions
                desk.host.context.spawn("question", session.send("reqCurrentTime"))
            await asyncio.sleep(0)
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            assert seen.count("placeOrder") == 1
            assert seen.count("reqCurrentTime") < 100, "the questions had not all gone out before the order"

    play(scenario())


def test_h4_what_waits_for_the_message_limit_was_surely_not_sent(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, messages_per_second=48) as desk:
            outcomes: list[str] = []

            async def send(number: int) -> None:
                try:
                    await desk.buy(f"A-{number}", limit_price=Decimal(50))
                    outcomes.append("sent")
                except VenueError as error:
                    assert type(error) is VenueError, "not in doubt: it never left"
                    outcomes.append("not sent")

            async with asyncio.TaskGroup() as group:
                for number in range(80):
                    group.create_task(send(number))
                await desk.until(lambda: len(desk.session.events) > 30, "the first orders")
                desk.peer.do("restart", down_s=0.0)
            await desk.until(lambda: desk.session.ended, "the end of events")
            again = await desk.again()
            assert len(again.open_orders) == outcomes.count("sent") < 80

    play(scenario())


def test_h4_the_bare_library_loses_what_it_queued(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            for _ in range(200):
                ib.client.reqCurrentTime()
            trade = ib.placeOrder(spy(library), limit(library))
            errors: list[Any] = []
            ib.errorEvent += lambda *error: errors.append(error)
            ib.client.conn.transport.abort()
            await ib.disconnectedEvent
            assert trade.orderStatus.status == "PendingSubmit" and not errors, "as if it were on its way"
            assert list(peer.gateway.exchange.orders) == []

    play(scenario())


# ---- H5: numbers of orders are used twice


def test_h5_no_number_is_used_twice_when_tws_forgets_some(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            for number in range(3):
                await desk.working(f"A-{number}")
            desk.peer.do("restart", down_s=0.0, rollback=3)
            await desk.until(lambda: desk.session.ended, "the end of events")
            await desk.again()
            await desk.working("A-3")
            numbers = [order.order_id for order in desk.peer.gateway.exchange.orders.values()]
            assert numbers == [1, 2, 3, 4]

    play(scenario())


def test_h5_not_even_when_it_forgets_orders_that_it_had_taken(library: str, tmp_path: Path) -> None:
    """The gateway restarts with three orders that it had not passed on: they are gone, their numbers not."""

    async def scenario() -> None:
        async with running() as peer:
            async with seated(peer, library, tmp_path) as desk:
                for number in range(3):
                    await desk.working(f"A-{number}")
            peer.gateway.exchange.orders.clear()
            peer.gateway.orders._known.clear()
            peer.gateway.orders._next_ids.clear()
            async with seated(peer, library, tmp_path) as desk:  # another process, the same directory
                assert desk.brokerage._session is not None and desk.brokerage._session.first_order_id == 1
                await desk.working("A-3")
            (order,) = peer.gateway.exchange.orders.values()
            assert order.order_id > 3

    play(scenario())


def test_h5_the_bare_library_goes_back_with_it(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer:
            async with bare(peer, library) as ib:
                first = [ib.placeOrder(spy(library), limit(library)) for _ in range(3)]
                await until(ib, lambda: all(trade.orderStatus.status == "Submitted" for trade in first))
                for trade in first:
                    ib.cancelOrder(trade.order)
                await until(ib, lambda: all(trade.orderStatus.status == "Cancelled" for trade in first))
            peer.do("restart", down_s=0.0, rollback=3)
            async with bare(peer, library) as ib:
                again = ib.placeOrder(spy(library), limit(library))
                assert again.order.orderId in {trade.order.orderId for trade in first}

    play(scenario())


# ---- H6: a trade of an order that the library does not know is no event


def test_h6_a_trade_of_an_order_nobody_showed_is_news(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as peer:
            async with seated(peer, library, tmp_path) as desk:
                await desk.working("A-1", limit=90)
            async with seated(peer, library, tmp_path) as desk:
                desk.peer.do("quote", symbol="SPY", bid=89, ask=90, last=90, size=100)
                await desk.session.until_closed(ClientOrderId("A-1"))
                assert [quantity for *_, quantity in desk.fills("A-1")] == [TEN]

    play(scenario())


def test_h6_the_bare_library_says_nothing(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer:
            async with bare(peer, library) as ib:
                trade = ib.placeOrder(spy(library), limit(library, price=90.0))
                await until(ib, lambda: trade.orderStatus.status == "Submitted")
            peer.do("fault", kind="mute", message="openOrder", count=0)
            async with bare(peer, library) as ib:
                events: list[Any] = []
                ib.execDetailsEvent += lambda *event: events.append(event)
                peer.do("quote", symbol="SPY", bid=89, ask=90, last=90, size=100)
                await until(ib, lambda: ib.positions())
                assert events == []

    play(scenario())


# ---- H7: a corrected trade is counted twice


def test_h7_a_correction_replaces_what_was_told(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.buy("A-1")
            await desk.session.until_closed(ClientOrderId("A-1"))
            desk.peer.do("correct", quantity=8)
            await desk.until(lambda: len(desk.fills("A-1")) == 2, "the correction")
            (first, *_), (second, *_) = desk.fills("A-1")
            assert first == second, "the same trade"
            assert [fill[1:] for fill in desk.fills("A-1")] == [(1, TEN), (2, Decimal(8))]
            desk.peer.do("bust")
            await desk.until(lambda: len(desk.fills("A-1")) == 3, "the bust")
            assert desk.fills("A-1")[-1][1:] == (3, Decimal(0))
            ((owner, fill),) = (await desk.brokerage.snapshot()).fills
            assert (owner, fill.quantity, fill.revision) == ("A-1", Decimal(0), 3)

    play(scenario())


def test_h7_the_bare_library_adds_it_up(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            trade = ib.placeOrder(spy(library), market(library))
            await until(ib, lambda: len(trade.fills) == 1)
            peer.do("correct", quantity=8)
            await until(ib, lambda: len(trade.fills) == 2)
            assert sum(fill.execution.shares for fill in trade.fills) == 18

    play(scenario())


# ---- H8: what cannot be decoded is dropped in silence


def test_h8_a_message_that_cannot_be_read_ends_the_session_and_loses_no_trade(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("fault", kind="shorten", message="execDetails")
            await desk.buy("A-1")
            await desk.until(lambda: desk.session.ended, "the end of events")
            again = await desk.again()
            assert [(name, fill.quantity) for name, fill in again.fills] == [("A-1", TEN)]

    play(scenario())


def test_h8_the_bare_library_drops_it_and_stays_connected(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            peer.do("fault", kind="shorten", message="execDetails")
            trade = ib.placeOrder(spy(library), market(library))
            await until(ib, lambda: trade.orderStatus.status == "Filled")
            await ib.reqCurrentTimeAsync()
            assert ib.isConnected() and trade.fills == []

    play(scenario())


def test_h8_a_frame_of_gigabytes_is_not_waited_for(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            assert desk.brokerage._session is not None
            desk.brokerage._session._client.conn.data_received(struct.pack(">I", 2**31) + b"junk")
            await desk.until(lambda: desk.session.ended, "the end of events")
            assert "claims to have 2147483648 bytes" in desk.brokerage._session.why_ended

    play(scenario())


def test_h8_the_bare_library_waits_for_it(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            ib.client.conn.data_received(struct.pack(">I", 2**31) + b"junk")
            ib.client.conn.data_received(bytes(1_000_000))
            assert ib.isConnected() and len(ib.client._data) > 1_000_000

    play(scenario())


# ---- H9 is the library's Watchdog, which restarts the gateway on 1100. There is none here: see test_outages.


# ---- H10: an order may never leave the process, and nobody is told


def test_h10_an_order_for_a_closing_socket_is_refused(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-0")  # the contract is known
            assert desk.brokerage._session is not None
            desk.brokerage._session._client.conn.transport.abort()
            with pytest.raises(VenueError, match="not sent"):
                await desk.buy("A-1")
            again = await desk.again()
            assert [item.client_order_id for item in again.open_orders] == ["A-0"]

    play(scenario())


def test_h10_the_bare_library_places_it_nowhere(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, library) as ib:
            ib.client.conn.transport.abort()
            trade = ib.placeOrder(spy(library), limit(library))
            assert trade.orderStatus.status == "PendingSubmit"
            await ib.disconnectedEvent
            assert list(peer.gateway.exchange.orders) == []

    play(scenario())


# ---- H11: the loop of the thread in place of the one that runs


def test_h11_any_running_loop_will_do(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1")

    module_of(library)
    for _ in range(2):
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(scenario())
        (tmp_path / "order-ids.json").unlink()


def test_h11_the_bare_ib_insync_asks_the_thread_for_its_loop() -> None:
    async def scenario() -> None:
        async with running() as peer, bare(peer, "ib_insync"):
            pytest.fail("it connected")

    other = asyncio.new_event_loop()
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(other)
        with pytest.raises((RuntimeError, TimeoutError)):
            loop.run_until_complete(scenario())
    asyncio.set_event_loop(None)
    other.close()


# ---- H12: orders of others are not there


def test_h12_orders_of_other_clients_and_people_are_shown(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Settings(messages_per_second=0)) as peer:
            peer.do("order", symbol="SPY", quantity=5, limit=40)
            async with seated(peer, library, tmp_path) as desk:
                (shown,) = desk.opening.open_orders
                assert shown.client_order_id == "" and shown.brokerage_order_id
                assert shown.spec.quantity == 5 and shown.spec.symbol == SPY
                await round_trip(desk.brokerage)

    play(scenario())


def test_h12_the_bare_library_does_not_know_them(library: str) -> None:
    async def scenario() -> None:
        async with running() as peer:
            peer.do("order", symbol="SPY", quantity=5, limit=40)
            async with bare(peer, library) as ib:
                assert ib.openTrades() == []

    play(scenario())
