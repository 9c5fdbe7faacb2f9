"""The WebSockets of the peer of Polygon: what is said, refused and broken, heard by a plain client."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.polygon.replay import Replay
from livetrader_venues.stockmarket.clocks import ManualClock, ScaledClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from livetrader_venues.stockmarket.tape import MINUTE_NS, SECOND_NS, Trade
from livetrader_venues.web.faults import Fault, Kind
from tests.venues.ears import Ear, ear

START_NS = new_york("2025-06-16 09:31")


def tape(count: int = 10, ticker: str = "XYZ") -> list[Trade]:
    """Return a trade a second, each a cent dearer."""
    times = [START_NS + k * SECOND_NS for k in range(1, count + 1)]
    return [
        Trade(ticker, at, k, f"t{k}", round(10 + k / 100, 2), 100, at) for k, at in enumerate(times, start=1)
    ]


def playing(scene: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Run a scene with a peer whose tape has one ticker and one trade a second."""

    async def run() -> None:
        market = options.pop("market", None) or Market.recorded([*tape(), *tape(ticker="ABC")])
        async with Peer(market, clock=ManualClock(START_NS), events_per_frame=1, **options) as peer:
            await scene(peer)

    asyncio.run(run())


def heard_with(*faults: Fault, seconds: float = 10.0) -> Ear:
    """Return what is heard of the tape when things go wrong so."""
    kept: list[Ear] = []

    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ") as client:
            for fault in faults:
                peer.faults.add(fault)
            peer.move(seconds)
            if not any(fault.kind in (Kind.CLOSE, Kind.TRUNCATE) for fault in faults):
                await client.settled()
            else:
                await client.until(lambda: client.ended)
            kept.append(client)

    playing(scene)
    return kept[0]


def ids(heard: Ear) -> list[str]:
    return [event["i"] for event in heard.events if event["ev"] == "T"]


def test_words_of_a_session_are_those_of_the_venue() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ", "Q.NOPE", "V.I:SPX", "X.Y", market="stocks") as client:
            assert client.statuses == [
                ("connected", "Connected Successfully"),
                ("auth_success", "authenticated"),
                ("success", "subscribed to: T.XYZ"),
                ("success", "subscribed to: Q.NOPE"),
                ("error", "not authorized"),
                ("error", "unknown topic: X.Y"),
            ]
            await client.ask("unsubscribe", "T.XYZ")
            await client.until(lambda: client.statuses[-1] == ("success", "unsubscribed to: T.XYZ"))
            peer.move(10)
            await client.settled()
            assert client.events == []

    playing(scene)


def test_a_wrong_key_is_told_so_and_closed() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, key="wrong") as client:
            await client.until(lambda: client.ended)
            assert client.statuses[-1] == ("auth_failed", "authentication failed")
            assert client.ended is not None
            assert client.ended.rcvd is not None
            assert client.ended.rcvd.code == 1008

    playing(scene)


def test_a_client_that_says_no_key_is_closed_after_a_while() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, key=None) as client:
            await client.ask("subscribe", "T.XYZ")
            await client.until(lambda: ("error", "not authenticated") in client.statuses)
            peer.move(31.0)
            await client.until(lambda: client.ended)
            assert client.statuses[-1][0] == "auth_timeout"

    playing(scene)


@pytest.mark.parametrize(("evicts", "survivor"), [("oldest", 1), ("newest", 0)])
def test_one_connection_too_many_ends_one_of_them(evicts: Any, survivor: int) -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer) as first, ear(peer) as second:
            loser = (second, first)[survivor]
            await loser.until(lambda: loser.ended)
            assert loser.statuses[-1][0] == "max_connections"
            assert peer.connections == 1

    playing(scene, access=(Access(evicts=evicts),))


def test_a_plan_without_real_time_or_of_another_market_is_refused() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, key="late") as client:
            await client.until(lambda: client.ended)
            assert "don't have access real-time data" in client.statuses[-1][1]
        async with ear(peer, key="stocks", market="options") as client:
            await client.until(lambda: client.ended)
            assert client.statuses[-1][0] == "auth_failed"

    playing(scene, access=(Access("late", real_time=False), Access("stocks", markets=("stocks",))))


def test_a_delayed_plan_hears_the_same_later() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ", key="late") as client:
            peer.move(14 * 60)
            await client.settled()
            assert client.events == []
            peer.move(65)
            await client.settled()
            assert ids(client) == [f"t{k}" for k in range(1, 6)]

    playing(scene, access=(Access("late", delay_s=900),))


def test_wildcards_hear_every_ticker_of_the_market() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.*") as client:
            peer.move(10)
            await client.settled()
            assert Counter(event["sym"] for event in client.events) == {"XYZ": 10, "ABC": 10}

    playing(scene)


def test_nonsense_is_answered_and_changes_nothing() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ") as client:
            for text in ("{", "[]", '"x"', '{"params": "T.ABC"}', '{"action": "dance"}'):
                before = len(client.statuses)
                await client.socket.send(text)
                await client.until(lambda before=before: len(client.statuses) > before)
                assert client.statuses[-1][0] == "error"
            assert peer.subscriptions() == {"T.XYZ"}

    playing(scene)


ALL = [f"t{k}" for k in range(1, 11)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(Kind.MUTE, on="T", skip=2, count=3), [*ALL[:2], *ALL[5:]]),
        (Fault(Kind.DUPLICATE, on="T", skip=1), [*ALL[:2], *ALL[1:]]),
        (Fault(Kind.REORDER, on="T", skip=1), ["t1", "t3", "t2", *ALL[3:]]),
        (Fault(Kind.DELAY, on="T", skip=1, by_s=2.5), ["t1", "t3", "t4", "t2", *ALL[4:]]),
        (Fault(Kind.STALL, on="T", skip=1, by_s=5.5), ALL),
        (Fault(Kind.UNKNOWN, on="T"), ALL[1:]),
        (Fault(Kind.GARBAGE, on="T", skip=1), ["t1", *ALL[2:]]),
        (Fault(Kind.BINARY, on="T", skip=1), ["t1", *ALL[2:]]),
        (Fault(Kind.MUTE, on="T", ticker="ABC", count=0), ALL),
        (Fault(Kind.MUTE, on="*", count=0), []),
    ],
)
def test_a_fault_does_that_and_nothing_else(fault: Fault, expected: list[str]) -> None:
    assert ids(heard_with(fault)) == expected


def test_a_stalled_connection_holds_everything_back_until_it_goes_on() -> None:
    assert ids(heard_with(Fault(Kind.STALL, on="T", skip=1, by_s=5.5), seconds=7)) == ["t1"]


def test_a_price_can_be_no_number_or_far_off() -> None:
    nan = heard_with(Fault(Kind.NAN, on="T"))
    assert any('"p":NaN' in str(frame) for frame in nan.frames)
    spike = heard_with(Fault(Kind.SPIKE, on="T", factor=10.0))
    assert [event["p"] for event in spike.events][:2] == [100.1, 10.02]


@pytest.mark.parametrize("code", [1000, 1001, 1012])
def test_a_connection_is_closed_with_the_code_that_was_said(code: int) -> None:
    heard = heard_with(Fault(Kind.CLOSE, on="T", skip=3, code=code))
    assert ids(heard) == ALL[:3]
    assert heard.ended is not None
    assert heard.ended.rcvd is not None
    assert heard.ended.rcvd.code == code


@pytest.mark.parametrize("fault", [Fault(Kind.CLOSE, on="T", skip=3), Fault(Kind.TRUNCATE, on="T", skip=3)])
def test_a_connection_can_end_without_a_word(fault: Fault) -> None:
    heard = heard_with(fault)
    assert set(ids(heard)) <= set(ALL[:3])  # a reset throws away what was not read yet
    assert heard.ended is not None
    assert heard.ended.rcvd is None


def test_login_and_subscription_can_be_lost_late_or_refused() -> None:
    async def scene(peer: Peer) -> None:
        peer.faults.add(Fault(Kind.REFUSE, on="subscribe", text="not today"))
        async with ear(peer, "T.XYZ") as client:
            assert client.statuses[-1] == ("error", "not today")
            assert peer.subscriptions() == set()
        peer.faults.add(Fault(Kind.CLOSE, on="auth", code=1001))
        async with ear(peer, key=None) as client:
            await client.ask("auth", "test-key")
            await client.until(lambda: client.ended)
        peer.faults.add(Fault(Kind.DELAY, on="subscribe", by_s=3.0))
        async with ear(peer) as client:
            await client.ask("subscribe", "T.XYZ")
            await peer.until(lambda: peer.log[-1] == "subscribe T.XYZ")
            peer.move(2.0)
            assert peer.subscriptions() == set()
            peer.move(2.0)
            assert peer.subscriptions() == {"T.XYZ"}

    playing(scene)


def test_silence_comes_in_three_kinds() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ", "T.ABC") as client:
            peer.mute("ABC")
            peer.move(2)
            await client.settled()
            assert {event["sym"] for event in client.events} == {"XYZ"}
            peer.mute()
            peer.move(2)
            await client.settled()
            assert len(client.events) == 2
            peer.freeze()
            pong = await client.socket.ping()
            peer.unmute()
            peer.move(2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await pong
            peer.thaw()
            peer.move(2)
            await client.settled()
            assert [event["i"] for event in client.events if event["sym"] == "ABC"] == ["t7", "t8"]

    playing(scene)


def test_the_port_can_close_and_open_again() -> None:
    async def scene(peer: Peer) -> None:
        await peer.refuse_connections()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", peer.port)
        await peer.refuse_connections(False)
        async with ear(peer) as client:
            assert client.statuses[-1][0] == "auth_success"

    playing(scene)


def test_weather_is_the_same_for_the_same_seed() -> None:
    def day(seed: int) -> list[Any]:
        kept: list[Any] = []

        async def scene(peer: Peer) -> None:
            async with ear(peer, "T.*", "Q.*") as client:
                peer.weather(0.05)
                for _ in range(20):
                    peer.move(1)
                    if client.ended is None:
                        await client.settled()
                kept.extend(client.frames)
                assert peer.faults.struck > 3

        playing(scene, market=Market.generated(stocks(8, trades=30), seed=2), seed=seed)
        return kept

    assert day(1) == day(1)
    assert day(1) != day(2)


def test_ticks_of_ones_own_are_streamed_and_in_the_history() -> None:
    async def scene(peer: Peer) -> None:
        async with ear(peer, "T.XYZ") as client:
            peer.move(2.5)
            now_ns = peer.clock()
            peer.stream_now([Trade("XYZ", now_ns, 99, "mine", 55.0, 100, now_ns)])
            peer.say(json.dumps([{"ev": "T", "sym": "XYZ", "i": "raw"}]))
            peer.move(1)
            await client.settled()
            assert ids(client) == ["t1", "t2", "mine", "raw", "t3"]
        assert [trade.id for trade in peer.market.trades("XYZ", START_NS, now_ns + 1)] == ["t1", "t2", "mine"]

    playing(scene)


def test_a_replay_is_heard_whole_and_in_order() -> None:
    async def scene(peer: Peer) -> None:
        ticks = tape(5_000)
        async with ear(peer) as client:
            await peer.blast(Replay.of(ticks, events_per_frame=3))
            await client.until(lambda: len(client.events) == 5_000)
            assert ids(client) == [tick.id for tick in ticks]
            await peer.blast(Replay.of(ticks[:50]), per_second=1_000)
            await client.until(lambda: len(client.events) == 5_050)

    playing(scene)


def test_a_peer_with_a_running_clock_needs_nobody_to_move_it() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        clock = ScaledClock(START_NS, lambda: int(loop.time() * SECOND_NS), speed=100.0)
        market = Market.generated(stocks(3, trades=60), seed=4)
        async with Peer(market, clock=clock) as peer, ear(peer, "T.*", "AM.*") as client:
            await client.until(lambda: any(event["ev"] == "AM" for event in client.events))
            trades = [event for event in client.events if event["ev"] == "T"]
            first_ns = min(event["t"] for event in trades) * 10**6
            made = market.stream(first_ns, first_ns + 10 * SECOND_NS)
            expected = [tick.id for tick in made if isinstance(tick, Trade)]
            assert ids(client)[5:25] == [each for each in expected if each in ids(client)][5:25]

    asyncio.run(run())


def test_aggregates_come_after_their_period_and_leave_out_what_was_told_later() -> None:
    late = Trade("XYZ", START_NS + 30 * SECOND_NS, 30, "late", 99.0, 100, START_NS + 65 * SECOND_NS)

    async def scene(peer: Peer) -> None:
        async with ear(peer, "AM.XYZ", "A.XYZ") as client:
            peer.move(61)
            await client.settled()
            assert {event["ev"] for event in client.events} == {"A"}
            peer.move(5)
            await client.settled()
            (minute,) = [event for event in client.events if event["ev"] == "AM"]
            assert (minute["o"], minute["h"], minute["c"], minute["v"]) == (10.01, 10.1, 10.1, 1000)
            assert (minute["s"], minute["e"]) == (START_NS // 10**6, (START_NS + MINUTE_NS) // 10**6)
            seconds = [event for event in client.events if event["ev"] == "A"]
            assert [(event["o"], event["v"]) for event in seconds] == [(t.price, 100) for t in tape()]
        (bar,) = peer.market.bars("XYZ", START_NS, START_NS + MINUTE_NS)
        assert bar.high == 99.0

    playing(scene, market=Market.recorded([*tape(), late]))
