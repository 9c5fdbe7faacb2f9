"""The feed at the peer: what streams are made of, what the plan lacks, who else uses the key."""

from __future__ import annotations

import asyncio
import gc
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import Resolution
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.polygon.config import PolygonFeedConfig, api_key_of
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import index, option, stocks
from livetrader_venues.web import websocket
from livetrader_venues.web.faults import Fault, Kind
from tests.polygon.desk import (
    CALL,
    KEY,
    MSFT,
    OPEN_NS,
    SECOND_NS,
    SPX,
    Desk,
    feeding,
    quote,
    shown,
    stream,
    trade,
    value,
)

MINUTE = Resolution.MINUTE
QUOTES = stream(kind=TickType.QUOTE)
STEADY = [trade(second, 100 + second / 100, 100) for second in range(1, 301)]


def run(scene: Any) -> None:
    asyncio.run(scene)


def starts(bars: list[TradeBar]) -> list[int]:
    return [(bar.time_ns - OPEN_NS) // SECOND_NS for bar in bars]


# ---- bars and ticks


def test_a_minute_is_made_of_what_the_tape_lets_make_it(tmp_path: Path) -> None:
    ticks = [
        trade(60.1, 100.00, 300),
        trade(61.0, 100.40, 50, conditions=(37,)),  # an odd lot: volume
        trade(62.0, 100.20, 100, conditions=(32,)),  # out of sequence: high, and volume
        trade(63.0, 99.90, 200, conditions=(14, 41)),
        trade(64.0, 100.10, 100, conditions=(15,)),  # the official close: nothing
        trade(119.9, 100.05, 100),
        trade(125.0, 100.30, 100),
    ]

    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(ticks)) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            await desk.at(130)
            assert shown(desk.bars) == [("AAPL", 60, 100.00, 100.20, 99.90, 100.05, 750)]

    run(scene())


def test_quotes_make_bars_of_both_sides(tmp_path: Path) -> None:
    ticks = [
        quote(50, 99.0, 99.2),
        quote(61, 99.9, 100.1),
        quote(70, 99.5, 100.3),
        quote(119, 99.8, 100.0),
        quote(121, 99.7, 100.0),
    ]

    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(ticks)) as desk:
            await desk.feed.subscribe(QUOTES)
            await desk.answered()
            await desk.at(59)
            await desk.at(122)
            bar = desk.quote_bars[-1]
            assert bar.time_ns == OPEN_NS + 60 * SECOND_NS
            assert (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close) == (99.0, 99.9, 99.0, 99.8)
            assert (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close) == (99.2, 100.3, 99.2, 100.0)

    run(scene())


def test_single_trades_and_quotes_come_each_once_in_order_with_times_of_their_own(tmp_path: Path) -> None:
    ticks = [
        trade(1.0, 100.0, 10, number=1),
        trade(1.0, 100.1, 20, number=2),
        quote(1.5, 99.9, 100.2),
        trade(2, 100.3),
    ]

    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(ticks)) as desk:
            for kind in (TickType.TRADE, TickType.QUOTE):
                await desk.feed.subscribe(stream(resolution=Resolution.TICK, kind=kind))
            await desk.answered()
            await desk.at(3)
            trades = [each for each in desk.ticks if each.price]
            assert [(each.price, each.quantity) for each in trades] == [
                (100.0, 10),
                (100.1, 20),
                (100.3, 100),
            ]
            times = [each.time_ns - OPEN_NS for each in trades]
            assert times == [SECOND_NS, SECOND_NS + 1, 2 * SECOND_NS]
            (bid_and_ask,) = [each for each in desk.ticks if not each.price]
            assert (bid_and_ask.bid_price, bid_and_ask.ask_price) == (99.9, 100.2)

    run(scene())


def test_minutes_of_a_hundred_symbols_come_together_in_one_step(tmp_path: Path) -> None:
    securities = stocks(100)
    market = Market.generated(securities, seed=3)

    async def scene() -> None:
        async with feeding(tmp_path, market) as desk:
            for each in securities:
                await desk.feed.subscribe(stream(symbol_of(each.ticker)))
            await desk.answered()
            await desk.at(55)
            await desk.at(65)
            wanted = market.reference_bars(OPEN_NS, OPEN_NS + 60 * SECOND_NS)
            assert len(desk.steps) == 1 and len(wanted) > 70
            assert {
                (bar.symbol.value, bar.time_ns): (bar.open, bar.high, bar.low, bar.close, bar.volume)
                for bar in desk.bars
            } == {key: (bar.open, bar.high, bar.low, bar.close, bar.volume) for key, bar in wanted.items()}

    run(scene())


def test_options_and_indices_have_connections_of_their_own_made_when_needed(tmp_path: Path) -> None:
    ticks = [
        trade(61, 3.20, 5, "O:SPY251219C00650000", conditions=(209,)),
        trade(121, 3.30, 5, "O:SPY251219C00650000"),
        value(61, 6000.5),
        value(90, 6010.25),
        value(121, 6001),
    ]
    securities = [index("I:SPX", 6000.0), option("SPY", date(2025, 12, 19), "call", 650.0)]

    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(ticks, securities)) as desk:
            assert [line for line in desk.peer.log if "connect" in line] == ["connect /stocks"]
            await desk.feed.subscribe(stream(CALL))
            await desk.feed.subscribe(stream(SPX))
            await desk.answered()
            assert desk.peer.subscriptions() == {"T.O:SPY251219C00650000", "V.I:SPX"}
            await desk.at(62)
            await desk.at(122)
            found = {bar[0]: bar[2:] for bar in shown(desk.bars)}
            assert found["SPX"] == (6000.5, 6010.25, 6000.5, 6010.25, 0)
            assert found[CALL.value] == (3.2, 3.2, 3.2, 3.2, 5)

    run(scene())


def test_what_polygon_has_not_is_refused_at_once_with_a_remedy(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded([])) as desk:
            for subscription, words in (
                (stream(SPX, kind=TickType.QUOTE), "an index has no quotes"),
                (stream(kind=TickType.OPEN_INTEREST), "no open interest"),
            ):
                with pytest.raises(VenueError, match=words):
                    await desk.feed.subscribe(subscription)

    run(scene())


# ---- the plan


@pytest.mark.parametrize(
    ("plan", "resolution", "made_of"),
    [
        (("T", "Q", "A", "AM"), MINUTE, "T"),
        (("A", "AM"), MINUTE, "A"),
        (("AM",), MINUTE, "AM"),
        (("AM",), Resolution.HOUR, "AM"),
        (("A", "AM"), Resolution.SECOND, "A"),
        (("AM",), Resolution.SECOND, ""),
        (("A",), Resolution.TICK, ""),
        ((), MINUTE, ""),
    ],
)
def test_a_stream_is_made_of_the_best_that_the_plan_has(
    plan: tuple[str, ...], resolution: Resolution, made_of: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY), [Access(KEY, streams=plan)]) as desk:
            wanted = stream(resolution=resolution)
            await desk.feed.subscribe(wanted)
            await desk.answered()
            assert desk.feed.made_of(wanted) == made_of
            if made_of:
                assert desk.peer.subscriptions() == {f"{made_of}.AAPL"} and desk.refused == []
            else:
                await desk.until(lambda: desk.refused)
                assert desk.refused[0].subscription == wanted
                assert "not authorized; the plan does not include it" in desk.refused[0].reason
                with pytest.raises(VenueError, match="not authorized"):  # it is known now
                    await desk.feed.subscribe(wanted)

    run(scene())


@pytest.mark.parametrize("plan", [("T",), ("A",), ("AM",)])
def test_bars_are_the_same_whatever_they_are_made_of(plan: tuple[str, ...], tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY), [Access(KEY, streams=plan)]) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            for second in range(10, 200, 10):
                await desk.at(second)
            found = [bar for bar in shown(desk.bars) if bar[1] in (60, 120)]
            assert found == [
                ("AAPL", 60, 100.6, 101.19, 100.6, 101.19, 6000),
                ("AAPL", 120, 101.2, 101.79, 101.2, 101.79, 6000),
            ]

    run(scene())


def test_the_ladder_can_begin_lower(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY), made_from="minutes") as desk:
            await desk.feed.subscribe(stream())
            await desk.feed.subscribe(stream(resolution=Resolution.SECOND))
            await desk.feed.subscribe(stream(resolution=Resolution.TICK))
            await desk.answered()
            assert desk.peer.subscriptions() == {"AM.AAPL", "A.AAPL", "T.AAPL"}

    run(scene())


def test_a_delayed_plan_has_whole_bars_late_and_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        access = [Access(KEY, delay_s=900.0)]
        async with feeding(tmp_path, Market.recorded(STEADY), access, delay_s=900.0) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            for second in range(0, 900 + 260, 20):
                await desk.at(second)
            assert starts(desk.bars) == [0, 60, 120]
            assert [bar.close for bar in desk.bars] == [100.59, 101.19, 101.79]
            assert all(step.time_ns >= OPEN_NS + 960 * SECOND_NS for step in desk.steps)
            assert "15 minutes late" in desk.statuses[0][1]
            heard_ns = desk.feed.heard_ns(stream())
            assert heard_ns is not None and heard_ns > OPEN_NS + 1_000 * SECOND_NS  # of arrival

    run(scene())


# ---- keys and connections


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Access("other"), r"refuses the API key .*look at api_key"),
        (Access(KEY, websocket=False), r"does not let this key in: .*Its plan lacks this stream"),
        (Access(KEY, real_time=False), r'no real-time data for this key: .*set host = "delayed.polygon.io"'),
    ],
)
def test_a_key_that_is_not_let_in_is_said_with_what_to_do(access: Access, words: str, tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            Peer(Market.recorded([]), clock=ManualClock(OPEN_NS), access=[access]) as peer,
            PluginHost("polygon", tmp_path) as host,
        ):
            feed = PolygonFeed(PolygonFeedConfig(api_key=KEY, host=peer.host, tls=False), host.context)
            with pytest.raises(VenueError, match=words):
                await feed.connect()
            await feed.close()

    run(scene())


def test_the_key_comes_from_the_settings_or_the_environment() -> None:
    assert api_key_of("mine", {"POLYGON_API_KEY": "other"}) == "mine"
    assert api_key_of("", {"MASSIVE_API_KEY": "second", "POLYGON_API_KEY": "first"}) == "first"
    assert api_key_of("", {"MASSIVE_API_KEY": "second"}) == "second"
    with pytest.raises(Exception, match="POLYGON_API_KEY"):
        api_key_of(" ", {})


@pytest.mark.parametrize(
    "host", ["", "wss://socket.polygon.io", "socket.polygon.io/stocks", "a:0", "a:70000", "a b"]
)
def test_a_host_that_is_none_is_refused_before_anything_connects(host: str) -> None:
    with pytest.raises(ValueError, match="no name of a host"):
        PolygonFeedConfig(host=host)
    assert PolygonFeedConfig(host="127.0.0.1:8765").behind_s == 0
    assert PolygonFeedConfig(host="delayed.polygon.io").behind_s == 900


def test_a_key_that_another_program_uses_is_not_fought_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            config = PolygonFeedConfig(api_key=KEY, host=desk.peer.host, tls=False)
            rival = PolygonFeed(config, desk.host.context)
            await rival.connect()  # the older connection goes
            await desk.until(lambda: desk.ended)
            assert "the key has too many" in desk.ended and "Another program uses it" in desk.ended
            for waited_s in (0.0, 59.0):
                desk.skew_s = waited_s
                with pytest.raises(VenueError, match="taken back in"):
                    await desk.feed.connect()
            assert desk.peer.connections == 1
            desk.skew_s = 61.0
            await desk.again(stream())  # now the rival is thrown out: the operator was told
            await rival.close()

    run(scene())


def test_closing_the_feed_ends_its_connections(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            await desk.feed.close()
            await desk.until(lambda: desk.ended)
            assert desk.ended == "closed"
            await desk.peer.until(lambda: desk.peer.connections == 0)
            await desk.feed.close()
            with pytest.raises(VenueError, match="no connection"):
                await desk.feed.renew(stream())

    run(scene())


# ---- streams that can be watched


def test_a_stream_is_heard_when_its_events_come_and_not_when_others_do(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            for each in (stream(), stream(MSFT), QUOTES):
                await desk.feed.subscribe(each)
            await desk.answered()
            assert desk.feed.heard_ns(stream()) is None
            await desk.at(30)
            assert desk.feed.heard_ns(stream()) == OPEN_NS + 30 * SECOND_NS
            assert desk.feed.heard_ns(stream(MSFT)) is None and desk.feed.heard_ns(QUOTES) is None
            desk.peer.mute("AAPL")
            await desk.at(50)
            assert desk.feed.heard_ns(stream()) == OPEN_NS + 30 * SECOND_NS
            desk.peer.unmute("AAPL")
            await desk.feed.renew(stream())
            await desk.answered()
            assert desk.peer.log[-2:] == ["unsubscribe T.AAPL", "subscribe T.AAPL"]

    run(scene())


def test_two_streams_of_one_symbol_share_a_topic_until_the_last_leaves(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            both = (stream(), stream(resolution=Resolution.SECOND))
            for each in both:
                await desk.feed.subscribe(each)
            await desk.answered()
            assert desk.peer.log.count("subscribe T.AAPL") == 1
            await desk.feed.unsubscribe(both[0])
            await desk.settle()
            assert desk.peer.subscriptions() == {"T.AAPL"}
            await desk.feed.unsubscribe(both[1])
            await desk.peer.until(lambda: desk.peer.subscriptions() == set())

    run(scene())


# ---- what goes wrong with events


async def _minute_with(
    desk: Desk, *faults: Fault
) -> list[tuple[str, float, float, float, float, float, float]]:
    await desk.feed.subscribe(stream())
    await desk.answered()
    await desk.at(59.5)
    for fault in faults:
        desk.peer.faults.add(fault)
    for second in range(70, 131, 10):
        await desk.at(second)
    desk.peer.faults.clear()
    for second in range(140, 260, 10):
        await desk.at(second)
    return [bar for bar in shown(desk.bars) if bar[1] == 60]


WHOLE = [("AAPL", 60, 100.6, 101.19, 100.6, 101.19, 6000)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.DUPLICATE, on="T", count=20),
        Fault(Kind.REORDER, on="T", count=10),
        Fault(Kind.UNKNOWN, on="status", count=1),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_faults_that_lose_nothing_change_nothing(fault: Fault, tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            assert await _minute_with(desk, fault) == WHOLE
            assert desk.missing == [] and desk.ended == ""

    run(scene())


@pytest.mark.parametrize("kind", [Kind.NAN, Kind.GARBAGE, Kind.BINARY])
def test_a_minute_of_which_something_could_not_be_read_is_never_shown(kind: Kind, tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            assert await _minute_with(desk, Fault(kind, on="T", skip=5, count=1)) == []
            assert desk.missing[0].start_ns == OPEN_NS + 60 * SECOND_NS
            assert desk.ended == "" and starts(desk.bars)[-1] == 180

    run(scene())


def test_a_price_off_the_market_is_in_no_bar_and_counted(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            (bar,) = await _minute_with(desk, Fault(Kind.SPIKE, on="T", skip=5, count=1, factor=10.0))
            assert bar[3] == 101.19 and desk.session.counts["refused: off the market"] == 1

    run(scene())


def test_a_reset_in_the_middle_of_a_frame_is_an_outage(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            await desk.feed.subscribe(stream())
            await desk.answered()
            desk.peer.faults.add(Fault(Kind.TRUNCATE, on="T", skip=5, count=1))
            desk.peer.move(30)
            await desk.until(lambda: desk.ended)
            assert "broke off" in desk.ended and desk.bars == []

    run(scene())


def test_a_frame_that_is_none_ends_the_connection_with_its_reason_and_no_noise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            for connection in desk.peer.house.stream.clients:
                desk.peer.house.outbox.write(connection, websocket.frame(b"hi", 3))
            desk.peer.move(0)
            await desk.until(lambda: desk.ended)
            assert "invalid opcode=0x3" in desk.ended

    run(scene())
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_stream_of_an_unknown_ticker_is_accepted_and_silent_as_polygon_has_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with feeding(tmp_path, Market.recorded(STEADY)) as desk:
            nobody = Subscription(symbol_of("NOSUCH"), MINUTE, TickType.TRADE)
            await desk.feed.subscribe(nobody)
            await desk.answered()
            await desk.at(130)
            assert desk.refused == [] and desk.feed.heard_ns(nobody) is None

    run(scene())
