"""The faults of the official client's stream, each played twice: with the bare client, and with the feed.

The bare client is tried in both of its packages, polygon-api-client and massive, as they are installed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi import VenueError
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_plugins.polygon.line_client import ClientLine
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.web.faults import Fault, Kind
from tests.polygon.desk import KEY, MSFT, OPEN_NS, Desk, feeding, stream, trade

PACKAGES = ("polygon", "massive")
PATIENCE_S = 0.5  # so long a silence is listened to
DAY = [trade(second, 100.0 + second / 100) for second in range(1, 400)]


class Bare:
    """The official client, run by a task, with what its handler was given."""

    def __init__(self, package: str, peer: Peer, *topics: str, **options: Any) -> None:
        client_type = importlib.import_module(package).WebSocketClient
        self.client = client_type(
            api_key=KEY, feed=peer.host, market="stocks", secure=False, subscriptions=list(topics), **options
        )
        self.heard: list[Any] = []
        self.running: asyncio.Task[None]

    async def handle(self, messages: list[Any]) -> None:
        """Take what it decoded."""
        self.heard += messages

    async def listen(self, seconds: float) -> bool:
        """Let it work for a while; return whether it still runs."""
        done, _ = await asyncio.wait({self.running}, timeout=seconds)
        return not done

    async def outcome(self) -> BaseException | None:
        """Return how `connect` ended: an exception, or None as if all were well. Fails where it runs on."""
        done, _ = await asyncio.wait({self.running}, timeout=5.0)
        assert done, "it runs on"
        return self.running.exception()


@asynccontextmanager
async def bare(package: str, *topics: str, **options: Any) -> AsyncIterator[tuple[Bare, Peer]]:
    """Run the official client at a peer."""
    access = options.pop("access", Access(KEY))
    handler: Callable[[Bare], Any] = options.pop("handler", lambda each: each.handle)
    faults = options.pop("faults", ())
    async with Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS), access=(access,)) as peer:
        for fault in faults:
            peer.faults.add(fault)
        each = Bare(package, peer, *topics, **options)
        async with asyncio.TaskGroup() as group:
            each.running = group.create_task(_run(each, handler(each)), name="bare client")
            try:
                yield each, peer
            finally:
                each.running.cancel()


async def _run(each: Bare, handler: Any) -> None:
    await each.client.connect(handler)


@asynccontextmanager
async def ours(directory: Path, **options: Any) -> AsyncIterator[tuple[Desk, Peer]]:
    """Run the feed at a peer, with one stream."""
    async with feeding(directory, Market.recorded(DAY), **options) as desk:
        await desk.feed.subscribe(stream())
        await desk.answered()
        yield desk, desk.peer


def played(scene: Any) -> None:
    asyncio.run(scene)


# ---- P1


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("code", [1000, 1001])
def test_p1_the_bare_client_returns_from_a_normal_close_as_if_all_were_well(package: str, code: int) -> None:
    async def scene() -> None:
        async with bare(package, "T.AAPL") as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            peer.close(code)
            assert await client.outcome() is None
            assert peer.connections == 0

    played(scene())


@pytest.mark.parametrize(
    ("transport", "code"), [("fast", 1000), ("fast", 1001), ("fast", 1006), ("fast", 1012), ("client", 1000)]
)
def test_p1_here_every_close_is_an_outage_and_a_new_connection_has_everything_again(
    transport: str, code: int, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with ours(tmp_path, transport=transport) as (desk, peer):
            peer.close(code)
            await desk.until(lambda: desk.ended)
            assert "the connection to Polygon ended" in desk.ended
            await desk.again(stream())
            await peer.until(lambda: peer.subscriptions() == {"T.AAPL"})

    played(scene())


# ---- P2


@pytest.mark.parametrize("package", PACKAGES)
def test_p2_a_second_drop_during_the_login_leaves_the_bare_client_without_streams_for_ever(
    package: str,
) -> None:
    async def scene() -> None:
        async with bare(package, "T.AAPL") as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            peer.faults.add(Fault(Kind.CLOSE, on="auth", code=1006, count=1))
            peer.close(1006)
            await peer.until(lambda: peer.log.count("auth") == 3 and peer.connections == 1)
            heard = len(client.heard)
            for _ in range(5):
                peer.move(20.0)
                await client.listen(0.02)
            assert peer.subscriptions() == set() and len(client.heard) == heard
            assert not client.running.done()

    played(scene())


def test_p2_here_a_second_drop_during_the_login_is_an_error_and_nothing_is_forgotten(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ours(tmp_path) as (desk, peer):
            peer.faults.add(Fault(Kind.CLOSE, on="auth", code=1006, count=1))
            peer.close(1006)
            await desk.until(lambda: desk.ended)
            with pytest.raises(VenueError, match="broke off"):
                await desk.feed.connect()
            await desk.again(stream())
            await peer.until(lambda: peer.subscriptions() == {"T.AAPL"})
            await desk.at(59)
            await desk.at(122)
            assert [(bar.time_ns - OPEN_NS) // 1_000_000_000 for bar in desk.bars] == [0, 60]

    played(scene())


# ---- P3


@pytest.mark.parametrize("package", PACKAGES)
def test_p3_the_bare_client_says_nothing_of_a_host_that_is_not_there(package: str) -> None:
    async def scene() -> None:
        async with Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS)) as peer:
            await peer.refuse_connections()
            client = Bare(package, peer, "T.AAPL", max_reconnects=0)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.client.connect(client.handle), PATIENCE_S)

    played(scene())


def test_p3_here_a_host_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS)) as peer,
            PluginHost("polygon", tmp_path) as host,
        ):
            await peer.refuse_connections()
            for transport, words in (("fast", "cannot be reached"), ("client", "did not let us in within")):
                config = PolygonFeed.Config(
                    api_key=KEY, host=peer.host, tls=False, connect_timeout_s=PATIENCE_S,
                    transport=transport,  # type: ignore[arg-type]  # one of two
                )  # fmt: skip
                feed = PolygonFeed(config, host.context)
                with pytest.raises(VenueError, match=f"{words}.*look at host"):
                    await feed.connect()
                await feed.close()

    played(scene())


# ---- P4


@pytest.mark.parametrize("package", PACKAGES)
def test_p4_the_bare_client_does_not_tell_its_user_that_a_stream_was_refused(package: str) -> None:
    async def scene() -> None:
        access = Access(KEY, streams=("A", "AM"))
        async with bare(package, "T.AAPL", access=access) as (client, peer):
            await peer.until(lambda: "subscribe T.AAPL" in peer.log)
            for _ in range(5):
                peer.move(20.0)
                await client.listen(0.02)
            assert peer.subscriptions() == set()
            assert client.heard == [] and not client.running.done()

    played(scene())


def test_p4_here_a_refused_kind_of_event_gives_way_to_the_next_and_the_last_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        access = [Access(KEY, streams=("A", "AM"))]
        async with ours(tmp_path, access=access) as (desk, peer):
            await peer.until(lambda: peer.subscriptions() == {"A.AAPL"})
            await desk.feed.subscribe(stream(kind=TickType.QUOTE))
            await desk.until(lambda: desk.refused)
            assert "refuses quotes: not authorized; the plan does not include it" in desk.refused[0].reason

    played(scene())


# ---- P5


@pytest.mark.parametrize("package", PACKAGES)
def test_p5_an_exception_of_the_handler_ends_the_bare_client(package: str) -> None:
    async def failing(messages: list[Any]) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        async with Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS)) as peer:
            client = Bare(package, peer, "T.AAPL")
            async with asyncio.TaskGroup() as group:
                running = group.create_task(_caught(client.client.connect(failing)))
                await peer.until(lambda: "T.AAPL" in peer.subscriptions())
                peer.move(2.0)
                assert isinstance(await running, ZeroDivisionError)
                await peer.until(lambda: peer.connections == 0)

    played(scene())


async def _caught(coroutine: Any) -> BaseException | None:
    try:
        await coroutine
    except Exception as error:  # noqa: BLE001 — whatever the client lets out
        return error
    return None


def test_p5_here_a_reader_that_dies_does_not_touch_the_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(DAY)) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            events = desk.feed.events()  # a second reader, who fails
            with pytest.raises(ZeroDivisionError):
                async for _ in _failing(events, desk):
                    pass
            await desk.at(59)
            await desk.at(122)
            assert desk.ended == "" and desk.peer.connections == 1
            assert desk.session.heard_ns(stream()) is not None

    played(scene())


async def _failing(events: AsyncIterator[Any], desk: Desk) -> AsyncIterator[Any]:
    raise ZeroDivisionError
    yield events, desk


# ---- P6


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.BINARY])
def test_p6_a_frame_that_is_no_json_ends_the_bare_client(package: str, kind: Kind) -> None:
    async def scene() -> None:
        async with Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS)) as peer:
            peer.faults.add(Fault(kind, on="T", count=1))
            client = Bare(package, peer, "T.AAPL")
            async with asyncio.TaskGroup() as group:
                running = group.create_task(_caught(client.client.connect(client.handle)))
                await peer.until(lambda: "T.AAPL" in peer.subscriptions())
                peer.move(2.0)
                assert isinstance(await running, json.JSONDecodeError | UnicodeDecodeError)

    played(scene())


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.BINARY])
def test_p6_here_it_is_counted_and_the_bar_that_may_lack_a_trade_is_historys(
    kind: Kind, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with ours(tmp_path) as (desk, peer):
            await desk.at(70)
            peer.faults.add(Fault(kind, on="T", count=1))
            await desk.at(80)
            assert desk.ended == ""
            assert desk.session.counts["unreadable: not a JSON array"] == 1
            await desk.until(lambda: desk.missing)
            (missing,) = desk.missing
            assert missing.subscription == stream() and "could not be read" in missing.reason
            assert (missing.start_ns - OPEN_NS, missing.end_ns - OPEN_NS) == (60_000_000_000, 120_000_000_000)
            await desk.at(200)
            assert [(bar.time_ns - OPEN_NS) // 1_000_000_000 for bar in desk.bars] == [0, 120]

    played(scene())


# ---- P7


@pytest.mark.parametrize("package", PACKAGES)
def test_p7_the_bare_client_logs_every_event_that_it_does_not_know(
    package: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        fault = Fault(Kind.UNKNOWN, on="T", count=3)
        async with bare(package, "T.AAPL", faults=[fault]) as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            peer.move(10.0)
            async with asyncio.timeout(5):
                while not client.heard:
                    await client.listen(0.01)

    logger = logging.getLogger("WebSocketClient")
    logger.addHandler(caplog.handler)
    try:
        played(scene())
    finally:
        logger.removeHandler(caplog.handler)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) >= 6


def test_p7_here_they_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with ours(tmp_path) as (desk, peer):
            peer.faults.add(Fault(Kind.UNKNOWN, on="T", count=3))
            await desk.at(10)
            assert desk.session.counts["unreadable: unknown kind of event"] == 3
            assert desk.missing == []

    with caplog.at_level(logging.DEBUG):
        played(scene())
    assert [record for record in caplog.records if record.name not in ("asyncio",)] == []


# ---- P8


async def _seconds_until_asked(subscribe: Callable[[], Any], peer: Peer) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    wished = subscribe()
    if wished is not None:
        await wished
    await peer.until(lambda: "T.MSFT" in peer.subscriptions())
    return loop.time() - began


@pytest.mark.parametrize("package", PACKAGES)
def test_p8_on_a_quiet_feed_the_bare_client_asks_for_a_stream_up_to_a_second_later(package: str) -> None:
    async def scene() -> None:
        async with bare(package, "T.AAPL") as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            await client.listen(0.05)  # the answer is read: it waits for the next frame
            assert await _seconds_until_asked(lambda: client.client.subscribe("T.MSFT"), peer) > 0.5

    played(scene())


def test_p8_here_it_is_asked_for_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ours(tmp_path) as (desk, peer):
            assert await _seconds_until_asked(lambda: desk.feed.subscribe(stream(MSFT)), peer) < 0.5

    played(scene())


# ---- P9


@pytest.mark.parametrize("package", PACKAGES)
def test_p9_what_the_bare_client_is_told_about_pings_it_ignores(package: str) -> None:
    async def scene() -> None:
        async with bare(package, "T.AAPL", ping_interval=0.05, ping_timeout=0.05) as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            peer.freeze()
            assert await client.listen(PATIENCE_S), "it noticed"

    played(scene())


def test_p9_here_a_dead_socket_is_found_as_soon_as_the_settings_say(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ours(tmp_path, ping_idle_s=0.1, ping_timeout_s=0.1) as (desk, peer):
            peer.freeze()
            await desk.until(lambda: desk.ended)
            assert "is silent and does not answer a ping within 0.1 s" in desk.ended

    played(scene())


# ---- P10


@pytest.mark.parametrize("package", PACKAGES)
def test_p10_the_bare_client_writes_its_log_to_standard_output(package: str) -> None:
    importlib.import_module(package)
    fresh = importlib.import_module(f"{package}.logging").get_logger(f"fresh {package}")
    assert [type(each) for each in fresh.handlers] == [logging.StreamHandler]


def test_p10_here_its_log_is_ours(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ours(tmp_path, transport="client") as (desk, _):
            assert desk.session.made_of(stream()) == "T"
            assert logging.getLogger("WebSocketClient").handlers == []

    played(scene())


# ---- P11


@pytest.mark.parametrize("package", PACKAGES)
def test_p11_the_bare_client_gives_up_after_its_sixth_outage(package: str) -> None:
    async def scene() -> None:
        async with Peer(Market.recorded(DAY), clock=ManualClock(OPEN_NS)) as peer:
            client = Bare(package, peer, "T.AAPL")
            async with asyncio.TaskGroup() as group:
                running = group.create_task(_caught(client.client.connect(client.handle)))
                for number in range(1, 7):
                    await peer.until(
                        lambda number=number: peer.log.count("auth") == number and peer.connections
                    )
                    await peer.until(lambda: "T.AAPL" in peer.subscriptions())
                    peer.close(1006)
                assert type(await running).__name__ == "ConnectionClosedError"

    played(scene())


def test_p11_here_nobody_counts_outages(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ours(tmp_path) as (desk, peer):
            for _ in range(8):
                peer.close(1006)
                await desk.until(lambda: desk.ended)
                await desk.again(stream())
            await peer.until(lambda: peer.subscriptions() == {"T.AAPL"})

    played(scene())


# ---- P12


TURNS = 12  # of the loop: within so many, a frame has gone from the socket to the package's handler


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio.wait_for loses no cancellation since 3.12")
@pytest.mark.parametrize("package", PACKAGES)
def test_p12_the_bare_client_cannot_be_ended_while_a_frame_is_on_its_way_to_it(package: str) -> None:
    async def scene(turns: int) -> bool:
        async with bare(package, "T.AAPL") as (client, peer):
            await peer.until(lambda: "T.AAPL" in peer.subscriptions())
            peer.say("[]")
            for _ in range(turns):
                await asyncio.sleep(0)
            client.running.cancel()
            return await client.listen(0.05)

    assert any(asyncio.run(scene(turns)) for turns in range(TURNS))


@pytest.mark.parametrize("turns", range(TURNS))
def test_p12_here_it_ends_whatever_is_on_its_way_and_nothing_more_is_heard(
    tmp_path: Path, turns: int
) -> None:
    async def scene() -> None:
        async with ours(tmp_path, transport="client") as (desk, peer):
            line = desk.session._line
            assert isinstance(line, ClientLine)
            peer.stream_now([trade(0.0, 101.0)])
            for _ in range(turns):
                await asyncio.sleep(0)
            await desk.feed.close()
            heard: list[object] = []
            line._ears = line._ears._replace(frames=heard.append)
            await peer.until(lambda: not peer.connections)
            assert not heard

    played(scene())
