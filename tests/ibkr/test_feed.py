"""The feed through both libraries against the peer: bars to the last digit, outages, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import BarsMissing
from livetrader_engine.symbols import NS_PER_SECOND, Resolution
from livetrader_engine.testing.market import SampleReference
from livetrader_venues.tws import history
from livetrader_venues.tws.settings import Settings
from tests.ibkr.feeds import AAPL, LIBRARIES, Desk, feeding, minutes, shown, stream
from tests.ibkr.wires import EURUSD
from tests.venues.peers import START_NS, library

Scenario = Callable[[Desk], Coroutine[Any, Any, None]]


@pytest.fixture(params=LIBRARIES)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Play a scenario with a feed over one library."""
    library(request.param)

    def run(scenario: Scenario, **said: Any) -> None:
        async def main() -> None:
            async with feeding(tmp_path, request.param, **said) as desk:
                await scenario(desk)

        asyncio.run(main())

    return run


# seconds after the start, price of the last trade
TRADES = [
    (61.0, "100.01"), (62.5, "100.07"), (64.0, "99.93"), (75.0, "100.02"), (119.5, "100.05"),
    (121.0, "101.10"), (150.0, "101.30"), (151.0, "101.29"),
    (241.0, "99.99"), (242.0, "100.00"), (298.0, "100.11"),
]  # fmt: skip


@pytest.mark.parametrize("version", [157, 178])
def test_minute_bars_equal_those_made_of_the_trades_to_the_last_digit(
    play: Callable[..., None], version: int
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        for seconds, price in TRADES:
            await desk.at(seconds)
            await desk.quote(price)
        await desk.at(300.2)
        await desk.until(lambda: len(desk.bars) == 3)
        assert shown(desk.bars) == minutes(TRADES)
        assert desk.intake.quality == {}
        assert desk.at_peer() == {"bars": ["SPY"]}

    play(scenario, settings=Settings(messages_per_second=0, highest_version=version))


def test_second_bars_are_made_of_the_growing_volume(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(resolution=Resolution.SECOND))
        trades = [(2.1, "100.01"), (2.2, "100.05"), (2.9, "99.95"), (3.1, "100.00"), (7.5, "100.02")]
        for seconds, price in trades:
            await desk.at(seconds)
            await desk.quote(price)
        await desk.at(8.1)
        await desk.until(lambda: len(desk.bars) == 3)
        assert shown(desk.bars, 1) == minutes(trades, 1)

    play(scenario)


def test_quote_bars_follow_each_side_of_the_book(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        for seconds, bid, ask in [(61, "99.90", "100.10"), (70, "99.95", "100.20"), (80, "99.80", "100.00")]:
            await desk.at(seconds)
            await desk.quote("100", bid, ask, size=300)
        await desk.at(121)
        await desk.until(lambda: desk.quote_bars)
        (bar,) = desk.quote_bars
        # it opens with the book that stood when the minute began, which is what the peer starts with
        assert (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close) == (99.99, 99.99, 99.80, 99.80)
        assert (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close) == (100.01, 100.20, 100.00, 100.00)
        assert (bar.bid_size, bar.ask_size) == (300, 300)
        assert bar.end_time_ns == START_NS + 120 * NS_PER_SECOND

    play(scenario)


def test_ticks_come_at_once_and_one_by_one(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(resolution=Resolution.TICK))
        await desk.feed.subscribe(stream(resolution=Resolution.TICK, kind=TickType.QUOTE))
        for seconds, price in ((1, "100.50"), (2, "100.60"), (2.5, "100.60")):
            await desk.at(seconds)
            await desk.quote(price)
        trades = lambda: [tick.price for tick in desk.ticks if tick.price]  # noqa: E731
        await desk.until(lambda: trades()[-3:] == [100.5, 100.6, 100.6])
        quotes = [(tick.bid_price, tick.ask_price) for tick in desk.ticks if not tick.price]
        assert quotes[-1] == (100.59, 100.61) and all(bid < ask for bid, ask in quotes)

    play(scenario)


@pytest.mark.parametrize("data_lost", [True, False])
def test_a_lost_link_in_the_middle_of_a_minute_loses_no_stream_and_shows_no_half_bar(
    play: Callable[..., None], data_lost: bool
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        seen = [(61.0, "100.01"), (78.0, "100.20"), (96.0, "100.11"), (125.0, "100.30"), (170.0, "100.29")]
        for seconds, price in seen:
            if seconds == 96:
                await desk.at(80.5)
                desk.peer.do("lose_link")
                await desk.at(82)
                await desk.quote("105.00")  # nobody hears of it
                await desk.at(90.5)
                desk.peer.do("restore_link", data_lost=data_lost)
                await desk.until(lambda: desk.statuses[-1] == (True, ""))
                await renewed(desk, 1 if data_lost else 0)
            await desk.at(seconds)
            await desk.quote(price)
            if seconds == 170:
                # each is delivered once
                assert desk.at_peer() == {"bars": ["SPY"], "quotes": ["SPY"]}
        await desk.at(180.2)
        await desk.until(lambda: len(desk.bars) == 1)
        assert shown(desk.bars) == minutes(seen[3:])
        assert [bar.end_time_ns for bar in desk.quote_bars] == [bar.end_time_ns for bar in desk.bars]
        named = [event for event in desk.events if isinstance(event, BarsMissing)]
        (bar,) = desk.bars  # the minute before it was heard in part, and is named once for each stream
        minute_ns = bar.end_time_ns - bar.time_ns
        assert {(each.start_ns, each.end_ns) for each in named} == {(bar.time_ns - minute_ns, bar.time_ns)}
        assert sorted(each.subscription.tick_type for each in named) == [TickType.TRADE, TickType.QUOTE]
        assert desk.statuses[0][0] is False and "1100" in desk.statuses[0][1]
        assert desk.intake.quality == {}
        assert desk.ended == ""

    play(scenario)


async def renewed(desk: Desk, times: int) -> None:
    """Wait until the lost streams are asked for anew, where they were lost."""
    async with asyncio.timeout(5):
        while sum(action == "streams_renewed" for action, _ in desk.host.records) < times:
            await desk.settle()
    await desk.settle()


def test_streams_asked_for_while_the_link_is_down_come_with_it(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        desk.peer.do("lose_link")
        await desk.settle()
        await desk.feed.subscribe(stream())
        assert desk.at_peer() == {}
        desk.peer.do("restore_link")
        async with asyncio.timeout(5):
            while desk.at_peer() != {"bars": ["SPY"]}:
                await desk.settle()

    play(scenario)


def test_what_is_subscribed_twice_and_shared_is_asked_for_once(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        streams = [
            stream(), stream(), stream(resolution=Resolution.HOUR), stream(kind=TickType.QUOTE),
            stream(resolution=Resolution.SECOND), stream(AAPL),
        ]  # fmt: skip
        for each in streams:
            await desk.feed.subscribe(each)
        assert desk.at_peer() == {"bars": ["AAPL", "SPY"], "quotes": ["SPY"]}
        for each in streams[1:]:
            await desk.feed.unsubscribe(each)
            await desk.feed.unsubscribe(each)
        await desk.settle()
        assert desk.at_peer() == {}

    play(scenario)


def test_an_unknown_contract_and_a_stream_that_ib_does_not_have_are_refused_in_words(
    play: Callable[..., None],
) -> None:
    async def scenario(desk: Desk) -> None:
        from tests.ibkr.wires import equity

        with pytest.raises(VenueError, match="knows no contract for NOSUCH"):
            await desk.feed.subscribe(stream(equity("NOSUCH")))
        with pytest.raises(VenueError, match="no open interest"):
            await desk.feed.subscribe(stream(kind=TickType.OPEN_INTEREST))
        with pytest.raises(VenueError, match="no trades of it, only quotes"):
            await desk.feed.subscribe(stream(EURUSD))
        await desk.feed.subscribe(stream(EURUSD, kind=TickType.QUOTE))
        assert desk.at_peer() == {"quotes": ["EUR"]}

    play(scenario)


def test_lines_that_run_out_are_named_before_and_behind_the_socket(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        desk.peer.do("fault", kind="error", message="reqRealTimeBars", code=101, text="Max number of tickers")
        with pytest.raises(VenueError, match="no market data line left"):
            await desk.feed.subscribe(stream(AAPL))
        await desk.feed.subscribe(stream(AAPL))
        with pytest.raises(VenueError, match="all 2 of market_data_lines"):
            await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        await desk.feed.unsubscribe(stream(AAPL))
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        assert desk.at_peer() == {"bars": ["SPY"], "quotes": ["SPY"]}

    play(scenario, market_data_lines=2)


def test_data_without_a_subscription_are_refused_with_the_remedy(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(VenueError, match="delayed_data = true"):
            await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        assert desk.at_peer() == {}

    play(scenario, settings=Settings(messages_per_second=0, delayed_data_only=True))


def test_delayed_data_make_bars_too_and_the_status_says_that_they_are_late(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        for seconds, price in TRADES[:6]:
            await desk.at(seconds)
            await desk.quote(price)
        await desk.until(lambda: desk.bars and desk.quote_bars)
        assert shown(desk.bars) == minutes(TRADES[:5])
        assert desk.statuses[-1][0] is True and "15 minutes late" in desk.statuses[-1][1]
        assert desk.at_peer() == {"quotes": ["SPY"]}

    play(scenario, settings=Settings(messages_per_second=0, delayed_data_only=True), delayed_data=True)


def test_farms_and_a_competing_session_are_told_and_end_nothing(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        desk.peer.do("farm", kind="market", name="usfarm", state="broken")
        await desk.until(lambda: desk.statuses and "usfarm" in desk.statuses[-1][1])
        assert desk.statuses[-1][0] is True
        desk.peer.do("farm", kind="market", name="usfarm", state="fine")
        await desk.until(lambda: desk.statuses[-1] == (True, ""))
        desk.peer.do("compete", active=True)
        await desk.until(lambda: "another session of the same login" in desk.statuses[-1][1])
        assert "SPY" in desk.statuses[-1][1]
        desk.peer.do("compete", active=False)
        await desk.quote("100.40")
        await desk.until(lambda: desk.statuses[-1] == (True, ""))
        assert desk.ended == "" and desk.at_peer() == {"quotes": ["SPY"]}

    play(scenario)


def test_crossed_and_impossible_quotes_stay_out_of_the_bars_and_are_counted(
    play: Callable[..., None],
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        await desk.feed.subscribe(stream(resolution=Resolution.TICK, kind=TickType.QUOTE))
        book = [
            ("100.00", "100.02"),
            ("150.00", "149.00"),
            ("100.01", "100.03"),
            ("-7", "100.04"),
            ("100.02", "100.05"),
        ]
        await desk.at(60.5)
        for bid, ask in book:
            await desk.quote("100", bid, ask)
        await desk.at(121)
        await desk.until(lambda: desk.quote_bars)
        (bar,) = desk.quote_bars
        assert (bar.bid_high, bar.bid_low, bar.ask_high, bar.ask_low) == (100.02, 99.99, 100.05, 100.01)
        assert {tick.bid_price for tick in desk.ticks} <= {99.99, 100.00, 100.01, 100.02}
        assert desk.intake.quality == {"refused: bid not below ask": 1, "refused: not a price": 1}

    play(scenario)


def test_a_connection_that_ends_ends_the_feed_and_the_next_one_subscribes_once(
    play: Callable[..., None],
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        desk.peer.do("restart", down_s=1)
        await desk.until(lambda: desk.ended)
        assert "the connection for market data ended" in desk.ended
        with pytest.raises(VenueError, match="not running"):
            await desk.feed.connect()
        desk.peer.move(2)
        await connected(desk)
        desk.read()
        await desk.feed.subscribe(stream())
        assert desk.at_peer() == {"bars": ["SPY"]}
        for seconds in (61.0, 121.0):
            await desk.at(seconds)
            await desk.quote("100.02")
        await desk.at(125)
        await desk.until(lambda: desk.bars)

    play(scenario)


async def connected(desk: Desk) -> None:
    """Connect again as the daemon does: until it works."""
    async with asyncio.timeout(5):
        while True:
            try:
                await desk.feed.connect()
                return
            except VenueError:
                desk.peer.move(1)


def test_a_gateway_that_says_nothing_any_more_ends_the_feed(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        desk.peer.do("fault", kind="mute", message="currentTime", count=0)
        await desk.until(lambda: desk.ended)
        assert "reqCurrentTime was not answered" in desk.ended

    play(scenario, heartbeat_s=0.05, heartbeat_timeout_s=0.05)


def test_closing_ends_events_in_peace(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.close()
        await desk.until(lambda: desk.ended)
        assert desk.ended == "closed"
        await desk.feed.close()

    play(scenario)


def test_bars_of_the_regular_session_begin_with_it(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream(resolution=Resolution.HOUR))
        await desk.feed.subscribe(stream(resolution=Resolution.DAILY))
        for minutes_after, price in (
            (60, "99.00"),
            (91, "100.00"),
            (95, "101.00"),
            (119, "100.50"),
            (121, "100.75"),
        ):
            await desk.at(minutes_after * 60)
            await desk.quote(price)
        await desk.until(lambda: desk.bars)
        (bar,) = desk.bars
        # ten o'clock in New York; what traded before half past nine is not in it
        assert bar.end_time_ns == START_NS + 120 * 60 * NS_PER_SECOND
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (100.0, 101.0, 100.0, 100.5, 300.0)

    play(scenario, reference=SampleReference())


def test_minutes_made_of_samples_share_the_line_of_the_quotes(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        await desk.feed.subscribe(stream(kind=TickType.QUOTE))
        for seconds, price in TRADES:
            await desk.at(seconds)
            await desk.quote(price)
        await desk.at(301)
        await desk.until(lambda: len(desk.bars) == 3)
        assert shown(desk.bars) == minutes(TRADES)
        assert desk.at_peer() == {"quotes": ["SPY"]}

    play(scenario, trade_bars="samples", market_data_lines=1)


def test_five_second_bars_that_are_asked_for_too_fast_come_later(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        text = "Invalid Real-time Query:Historical data request pacing violation"
        desk.peer.do("fault", kind="error", message="reqRealTimeBars", code=420, text=text)
        await desk.feed.subscribe(stream())
        await desk.until(lambda: desk.statuses and "60 streams of five-second bars" in desk.statuses[-1][1])
        assert desk.at_peer() == {}
        desk.skew_s += 61
        async with asyncio.timeout(5):
            while desk.at_peer() != {"bars": ["SPY"]}:
                await desk.settle()
        await desk.until(lambda: desk.statuses[-1] == (True, ""))

    play(scenario)


@pytest.mark.parametrize("waits", [False, True])
def test_an_hour_that_runs_already_has_its_past_below_what_comes(
    play: Callable[..., None], waits: bool
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.at(1800)
        if waits:  # the past comes when there is something of the present
            desk.peer.do("fault", kind="delay", message="historicalData", by_s=40)
        await desk.feed.subscribe(stream(resolution=Resolution.HOUR))
        if not waits:
            await seeded(desk)
        trades = [(1801.0, "80.00"), (1830.0, "120.00"), (3599.0, "99.00")]
        for seconds, price in trades:
            await desk.at(seconds)
            await desk.quote(price)
        await seeded(desk)
        await desk.at(3600.2)
        await desk.until(lambda: desk.bars)
        (bar,) = desk.bars
        (spy,) = [
            each
            for each in desk.peer.gateway.exchange.catalogue
            if (each.symbol, each.security_type) == ("SPY", "STK")
        ]
        past = history.bars(spy, START_NS + 1800 * NS_PER_SECOND, 1800 * NS_PER_SECOND, 60 * NS_PER_SECOND, 1)
        assert len(past) == 30
        assert (bar.open, bar.high, bar.low, bar.close) == (float(past[0].open), 120.0, 80.0, 99.0)
        assert bar.volume == sum(each.volume for each in past) + 300
        assert [action for action, _ in desk.host.records if action == "bar_without_its_past"] == []

    play(scenario)


def test_an_hour_in_which_the_link_was_lost_gets_its_past_anew(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.at(1800)
        await desk.feed.subscribe(stream(resolution=Resolution.HOUR))
        await seeded(desk)
        await desk.at(1801)
        await desk.quote(
            "900.00"
        )  # heard, and dropped with what was heard before: history has it, or it was not
        desk.peer.do("lose_link")
        await desk.until(lambda: desk.statuses and not desk.statuses[-1][0])
        await desk.at(2400)
        desk.peer.do("restore_link")
        await desk.until(lambda: desk.statuses[-1] == (True, ""))
        await seeded(desk)
        await desk.at(2500)
        await desk.quote("120.00")
        await desk.at(3600.2)
        await desk.until(lambda: desk.bars)
        (spy,) = [
            each
            for each in desk.peer.gateway.exchange.catalogue
            if (each.symbol, each.security_type) == ("SPY", "STK")
        ]
        past = history.bars(spy, START_NS + 2400 * NS_PER_SECOND, 2400 * NS_PER_SECOND, 60 * NS_PER_SECOND, 1)
        (bar,) = desk.bars
        assert len(past) == 40
        assert (bar.open, bar.high, bar.close) == (float(past[0].open), 120.0, 120.0)
        assert bar.volume == sum(each.volume for each in past) + 100
        assert [event for event in desk.events if isinstance(event, BarsMissing)] == []

    play(scenario)


async def seeded(desk: Desk) -> None:
    """Wait until the past of a bar has come."""
    seeds = desk.intake._seeds
    async with asyncio.timeout(5):
        while seeds._wishes or seeds._pacing.active:
            await desk.settle()
    await desk.settle()


def test_a_past_that_does_not_come_is_reported_and_the_bar_comes_without(play: Callable[..., None]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.at(1800)
        text = "Historical Market Data Service error message:No market data permissions"
        desk.peer.do("fault", kind="error", message="reqHistoricalData", code=162, text=text)
        await desk.feed.subscribe(stream(resolution=Resolution.HOUR, kind=TickType.QUOTE))
        await seeded(desk)
        await desk.at(3601)
        await desk.until(lambda: desk.quote_bars)
        assert desk.quote_bars[0].bid_open == 99.99
        (report,) = [fields for action, fields in desk.host.records if action == "bar_without_its_past"]
        assert report["symbol"] == "SPY" and "permissions" in str(report["error"])

    play(scenario)


def test_a_stream_that_says_nothing_while_the_market_is_open_is_asked_for_again(
    play: Callable[..., None],
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.feed.subscribe(stream())
        silent = next(iter(desk.intake._lines.values()))
        first = silent.request_id
        desk.skew_s += 59
        await looked(desk)
        assert silent.request_id == first
        desk.skew_s += 2
        await looked(desk)
        assert silent.request_id > first and desk.at_peer() == {"bars": ["SPY"]}
        second = silent.request_id
        desk.skew_s += 61  # the second time it takes twice as long
        await looked(desk)
        assert silent.request_id == second
        desk.skew_s += 61
        await looked(desk)
        assert silent.request_id > second
        assert [action for action, _ in desk.host.records].count("stream_silent") == 2
        await desk.at(5.1)
        assert silent.silences == 0

    play(scenario)


async def looked(desk: Desk) -> None:
    """Return when the feed has looked at its streams."""
    intake = desk.intake
    intake._care_due.set()
    async with asyncio.timeout(5):
        while intake._care_due.is_set():
            await desk.settle()
    await desk.settle()
