"""What goes wrong with TWS itself: its line to IB, its socket, its logins. Both libraries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.events import BrokerageMessageKind
from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import OutcomeUnknownError, PluginError, VenueError
from livetrader_engine.spi_data import Timekeeping
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr import brokerage, sending
from livetrader_plugins.ibkr import session as sessions
from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
from livetrader_plugins.ibkr.link import Farm
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_venues.tws import peer as peers
from livetrader_venues.tws.settings import Settings
from tests.ibkr.bare import tell_error
from tests.ibkr.desk import SPY, TEN, at_desk, config, play, round_trip, seated
from tests.venues.peers import running


async def refused(port_of: int, library: str, directory: Path, **said: object) -> str:
    """Return why a brokerage cannot connect."""
    async with PluginHost("ibkr", directory) as host:
        settings = config(type("Somewhere", (), {"port": port_of})(), library, **said)
        plugin = IbkrBrokerage(settings, host.context)
        try:
            with pytest.raises(PluginError) as raised:
                await plugin.connect()
        finally:
            await plugin.close()
    return str(raised.value)


async def turned(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something that needs nothing else has happened."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


# ---- the line to IB


@pytest.mark.parametrize("data_lost", [False, True], ids=["1102", "1101"])
def test_a_lost_line_ends_the_events_and_the_account_is_read_anew(
    library: str, data_lost: bool, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1", limit=90)
            socket = desk.brokerage._session
            desk.peer.do("lose_link")
            await desk.until(lambda: desk.session.ended, "the end of events")
            assert "1100" in desk.messages() and "1100" in desk.session.why_ended
            with pytest.raises(VenueError, match="1100"):
                await desk.buy("A-2")
            with pytest.raises(VenueError, match="1100"):
                await desk.brokerage.snapshot()
            with pytest.raises(VenueError, match="1100"):
                await desk.brokerage.connect()
            desk.peer.do("quote", symbol="SPY", bid=89, ask=90, last=90, size=100)  # fills, told to nobody
            desk.peer.do("restore_link", data_lost=data_lost)
            assert socket is not None
            await round_trip(desk.brokerage)
            again = await desk.again()
            assert desk.brokerage._session is socket, "the socket was good all the time"
            assert [(name, fill.quantity) for name, fill in again.fills] == [("A-1", TEN)]
            await desk.buy("A-2", quantity=-10)
            await desk.session.until_closed(ClientOrderId("A-2"))
            assert not (await desk.brokerage.snapshot()).positions

    play(scenario())


def test_a_login_while_the_line_is_down_is_refused_and_keeps_its_socket(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as peer, PluginHost("ibkr", tmp_path) as host:
            peer.do("lose_link")
            plugin = IbkrBrokerage(config(peer, library), host.context)
            for _ in range(3):
                with pytest.raises(VenueError, match="lost its line"):
                    await plugin.connect()
            peer.do("restore_link")
            await round_trip(plugin)
            assert (await plugin.connect()).cash
            assert len(list(peer.gateway.board.everyone())) == 1
            await plugin.close()

    play(scenario())


def test_a_line_that_nobody_says_is_back_is_asked_about_at_a_new_login(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            first = desk.brokerage._session
            desk.peer.do("lose_link")
            await desk.until(lambda: desk.session.ended, "the end of events")
            desk.peer.do("fault", kind="mute", message="error")  # 1102 never comes
            desk.peer.do("restore_link")
            with pytest.raises(VenueError, match="1100"):
                await desk.brokerage.connect()
            monkeypatch.setattr(brokerage, "LINK_SILENT_S", 0.0)
            assert (await desk.again()).cash
            assert desk.brokerage._session is not first

    play(scenario())


def test_a_lost_line_ends_the_events_whatever_number_it_comes_with(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-1")
            tell_error(desk.peer, 1, 1100, "Connectivity between IB and TWS has been lost.")
            await desk.until(lambda: desk.session.ended, "the end of events")
            with pytest.raises(VenueError, match="1100"):
                await desk.buy("A-2")

    play(scenario())


def test_farms_are_known_by_name_and_end_nothing(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            assert desk.brokerage._session is not None
            desk.peer.do("farm", kind="market", name="usfarm", state="broken")
            desk.peer.do("farm", kind="history", name="ushmds", state="idle")
            await round_trip(desk.brokerage)
            link = desk.brokerage._session.link
            assert link.up and link.broken_farms == ("usfarm",)
            assert link.farms["ushmds"] is Farm.IDLE
            desk.peer.do("farm", kind="market", name="usfarm", state="fine")
            await desk.working("A-1")
            assert desk.brokerage._session.link.broken_farms == ()
            assert "2103" in desk.messages(BrokerageMessageKind.INFORMATION)

    play(scenario())


# ---- the socket


def test_a_gateway_that_hangs_is_noticed_by_the_heartbeat(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        patience = {"heartbeat_s": 0.05, "heartbeat_timeout_s": 0.1}
        async with at_desk(library, tmp_path, **patience) as desk:
            name = await desk.working("A-1")
            desk.peer.do("fault", kind="mute", message="currentTime", count=0)
            await desk.until(lambda: desk.session.ended, "the end of events")
            assert "reqCurrentTime was not answered" in desk.session.why_ended
            desk.peer.do("clear_faults")
            assert [item.client_order_id for item in (await desk.again()).open_orders] == [name]

    play(scenario())


def test_the_heart_beats_while_the_line_is_down(library: str, tmp_path: Path) -> None:
    """A socket that dies during an outage is not noticed otherwise, and the outage never ends."""

    async def scenario() -> None:
        patience = {"heartbeat_s": 0.05, "heartbeat_timeout_s": 0.1}
        async with at_desk(library, tmp_path, **patience) as desk:
            desk.peer.do("lose_link")
            await desk.until(lambda: desk.session.ended, "the end of events")
            session = desk.brokerage._session
            assert session is not None and not session.why_ended
            desk.peer.do("fault", kind="mute", message="currentTime", count=0)
            assert "reqCurrentTime was not answered" in await session.ended()

    play(scenario())


@pytest.mark.parametrize("kind", ["close", "truncate", "shorten"])
@pytest.mark.parametrize("message", ["openOrder", "orderStatus", "execDetails", "commissionReport"])
def test_whatever_breaks_off_the_trade_is_found_once(
    library: str, kind: str, message: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("fault", kind=kind, message=message)
            await desk.buy("A-1")
            await desk.until(lambda: desk.session.ended, "the end of events")
            again = await desk.again()
            assert [(name, fill.quantity, fill.fee) for name, fill in again.fills] == [("A-1", TEN, 1)]
            assert [(held.symbol, held.quantity) for held in again.positions] == [(SPY, TEN)]
            await desk.buy("A-1")
            await round_trip(desk.brokerage)
            assert len(desk.peer.gateway.exchange.orders) == 1, "a name is used once"

    play(scenario())


def test_an_order_on_its_way_when_the_socket_ends_is_in_doubt_until_the_account_is_read(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-0")
            desk.peer.do("fault", kind="close", message="placeOrder")
            await desk.buy("A-1")  # the socket had it: sent, and nobody knows what became of it
            await desk.until(lambda: desk.session.ended, "the end of events")
            assert desk.statuses("A-1") == []
            again = await desk.again()
            assert [item.client_order_id for item in again.open_orders] == ["A-0"]
            assert not again.closed_orders

    play(scenario())


def test_an_order_that_tws_does_not_take_off_the_socket_is_in_doubt(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(sending, "FLUSH_WAIT_S", 0.05)
        async with at_desk(library, tmp_path) as desk:
            await desk.working("A-0")
            assert desk.brokerage._session is not None
            transport = desk.brokerage._session._client.conn.transport
            for connection in desk.peer.server._connections.values():
                connection._transport.pause_reading()
            while transport.get_write_buffer_size() == 0:  # the buffers of the system are full
                transport.write(bytes(1_000_000))
            with pytest.raises(OutcomeUnknownError):
                await desk.buy("A-1")
            await desk.until(lambda: desk.session.ended, "the end of events")

    play(scenario())


# ---- the login


def test_a_client_id_in_use_is_named_and_no_other_is_tried(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            other = tmp_path / "other"
            other.mkdir()
            said = await refused(desk.peer.port, library, other)
            assert "client id 10 is in use (326)" in said
            await desk.working("A-1")  # the first one goes on

    play(scenario())


def test_a_port_that_is_closed_means_a_login_that_waits(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as peer:
            peer.do("restart", down_s=0.0, needs_login=True)
            await turned(lambda: peer.server._listener is None)
            said = await refused(peer.port, library, tmp_path)
            assert "second factor" in said
            peer.do("confirm_login")
            await turned(lambda: peer.server._listener is not None)
            async with seated(peer, library, tmp_path) as desk:
                assert desk.opening.cash

    play(scenario())


@pytest.mark.parametrize("muted", ["nextValidId", "managedAccounts"])
def test_a_login_that_hangs_is_given_up(library: str, muted: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as peer:
            peer.do("fault", kind="mute", message=muted)
            said = await refused(peer.port, library, tmp_path, connect_timeout_s=0.2)
            assert "did not answer within 0.2 s" in said
            async with seated(peer, library, tmp_path) as desk:
                assert desk.opening.cash

    play(scenario())


def test_a_login_that_its_caller_gives_up_leaves_nothing_half_made(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def hanging(self: Resolver) -> None:
        reached.set()
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with running() as peer, PluginHost("ibkr", tmp_path) as host:
            brokerage = IbkrBrokerage(config(peer, library), host.context)
            try:
                with monkeypatch.context() as patched:
                    patched.setattr(Resolver, "load", hanging)  # its disk does
                    async with asyncio.TaskGroup() as group:
                        login = group.create_task(brokerage.connect())
                        await reached.wait()
                        login.cancel()
                assert (await brokerage.connect()).cash
            finally:
                await brokerage.close()

    play(scenario())


def test_real_money_needs_two_settings(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(accounts=[peers.account("U7654321")]) as peer:
            said = await refused(peer.port, library, tmp_path)
            assert 'U7654321 is a live account and trading_mode is "paper"' in said
            async with seated(peer, library, tmp_path, trading_mode="live") as desk:
                assert desk.opening.account_id == "U7654321"

    play(scenario())


def test_of_several_accounts_one_is_named(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        accounts = [peers.account("DU1"), peers.account("DU2", Decimal(5_000))]
        settings = Settings(messages_per_second=0)
        async with running(settings, accounts) as peer:
            assert "DU1, DU2" in await refused(peer.port, library, tmp_path)
            assert "no account DU3" in await refused(peer.port, library, tmp_path, account="DU3")
            peer.do("trade", symbol="SPY", quantity=7, account="DU1")
            peer.do("order", symbol="SPY", quantity=7, limit=50, account="DU1")
            async with seated(peer, library, tmp_path, account="DU2") as desk:
                assert desk.opening.account_id == "DU2"
                assert desk.opening.cash == {"USD": Decimal(5_000)}
                assert not desk.opening.positions and not desk.opening.open_orders
                await desk.buy("A-1", quantity=1)
                await desk.session.until_closed(ClientOrderId("A-1"))
                (held,) = peer.gateway.exchange.accounts["DU2"].held()
                assert held.quantity == 1

    play(scenario())


def test_another_account_on_the_same_socket_ends_it(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            session = desk.brokerage._session
            assert session is not None
            session._receive(sessions.Message("managedAccounts", ("DU9999999",)))
            await desk.until(lambda: desk.session.ended, "the end of events")
            assert "DU9999999" in session.why_ended

    play(scenario())


def test_clocks_that_differ_are_told(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:  # TWS stands in June 2025
            assert [action for action, _ in desk.host.records].count("ibkr_clocks_apart") == 1
            assert isinstance(desk.brokerage, Timekeeping)
            apart_s = desk.brokerage.clock_offset_s
            assert apart_s is not None
            theirs = datetime.fromtimestamp(desk.host.context.now_ns() / 1e9 - apart_s, UTC)
            assert (theirs.year, theirs.month) == (2025, 6)

    play(scenario())


def test_the_status_of_a_refused_order_is_told_with_its_words(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            name = await desk.buy("A-1", quantity=1_000_000)
            closing = await desk.session.until_closed(name)
            assert closing.status is OrderStatus.INVALID and "201" in closing.message

    play(scenario())
