"""Clients that we did not write at the peer of Polygon: polygon-api-client and massive.

What they decode is compared with the market itself, value by value.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, midnight_ns, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Dividend, Renaming, Split, chain, index, stocks
from livetrader_venues.stockmarket.tape import MINUTE_NS, SECOND_NS, Quote, Trade, Value
from livetrader_venues.web.faults import Fault, Kind
from livetrader_venues.web.threads import Threaded

PATIENCE_S = 5.0
START_NS = new_york("2025-06-16 09:31")
FRIDAY, MONDAY = date(2025, 6, 13), date(2025, 6, 16)
MARKET = Market.generated(
    (
        *stocks(3, trades=8),
        index("I:SPX", 6000.0),
        *chain("SPY", [date(2025, 6, 20), date(2025, 7, 18)], [590.0, 600.0]),
    ),
    seed=9,
)


@pytest.fixture(params=["polygon", "massive"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """One of the two names of the vendor's client."""
    return importlib.import_module(request.param)


@contextmanager
def served(
    library: ModuleType, market: Market = MARKET, **options: Any
) -> Iterator[tuple[Any, Threaded[Peer]]]:
    """Run a peer in a thread, and a REST client at it."""
    with Threaded(lambda: Peer(market, clock=ManualClock(START_NS), **options)) as peer:
        client = library.RESTClient("test-key", base=peer.peer.url, retries=0)
        try:
            yield client, peer
        finally:
            client.client.clear()


def streamed(
    library: ModuleType, market: str, topics: list[str], enough: Callable[[list[Any]], object], seconds: float
) -> list[Any]:
    """Return what a WebSocket client decodes until it is enough, when so much time passes."""

    async def run() -> list[Any]:
        heard: list[Any] = []
        news = asyncio.Event()

        async def take(messages: list[Any]) -> None:
            heard.extend(messages)
            news.set()

        async with Peer(MARKET, clock=ManualClock(START_NS)) as peer, asyncio.TaskGroup() as tasks:
            client = library.WebSocketClient(
                "test-key", feed=peer.host, market=market, secure=False, subscriptions=topics
            )
            listening = tasks.create_task(client.connect(take))
            await peer.until(lambda: peer.subscriptions() >= set(topics))
            peer.move(seconds)
            async with asyncio.timeout(PATIENCE_S):
                while not enough(heard):
                    news.clear()
                    await news.wait()
            listening.cancel()
        return heard

    return asyncio.run(run())


def of_kind(heard: list[Any], kind: str) -> list[Any]:
    return [each for each in heard if each.event_type == kind]


def test_trades_and_quotes_arrive_as_they_were_made(library: ModuleType) -> None:
    ticks = list(MARKET.stream(START_NS + 1, START_NS + MINUTE_NS + 1, ["AAPL", "MSFT"]))
    trades = [tick for tick in ticks if isinstance(tick, Trade)]
    quotes = [tick for tick in ticks if isinstance(tick, Quote) and tick.ticker == "AAPL"]
    topics = ["T.AAPL", "T.MSFT", "Q.AAPL"]
    heard = streamed(library, "stocks", topics, lambda all: len(all) >= len(trades) + len(quotes), 60)
    assert [
        (t.symbol, t.price, t.size, t.id, tuple(t.conditions or ()), t.timestamp, t.sequence_number, t.tape)
        for t in of_kind(heard, "T")
    ] == [
        (t.ticker, t.price, t.size, t.id, t.conditions, t.sip_ns // 10**6, t.sequence, t.tape) for t in trades
    ]
    assert [(q.bid_price, q.bid_size, q.ask_price, q.ask_size, q.timestamp) for q in of_kind(heard, "Q")] == [
        (q.bid, q.bid_size, q.ask, q.ask_size, q.sip_ns // 10**6) for q in quotes
    ]


def test_aggregates_of_minutes_are_the_bars_of_the_market(library: ModuleType) -> None:
    heard = streamed(library, "stocks", ["AM.*"], lambda all: len(all) >= 6, 125)
    bars = MARKET.reference_bars(START_NS, START_NS + 2 * MINUTE_NS)
    found = {(a.symbol, a.start_timestamp * 10**6): a for a in of_kind(heard, "AM")}
    for (ticker, start_ns), bar in bars.items():
        if ticker.startswith(("I:", "O:")):
            continue
        each = found[ticker, start_ns]
        assert (each.open, each.high, each.low, each.close) == (bar.open, bar.high, bar.low, bar.close)
        assert (each.volume, each.vwap, each.end_timestamp) == (
            bar.volume,
            bar.vwap,
            (start_ns + MINUTE_NS) // 10**6,
        )


def test_values_of_indices_and_trades_of_options_have_their_own_sockets(library: ModuleType) -> None:
    values = list(MARKET.stream(START_NS + 1, START_NS + 10 * SECOND_NS + 1, ["I:SPX"]))
    heard = streamed(library, "indices", ["V.I:SPX"], lambda all: len(all) >= len(values), 10)
    assert [v.value for v in of_kind(heard, "V")] == [v.value for v in values if isinstance(v, Value)]
    contract = "O:SPY250620C00600000"
    trades = MARKET.trades(contract, START_NS, START_NS + 5 * MINUTE_NS)
    heard = streamed(library, "options", [f"T.{contract}"], lambda all: len(all) >= len(trades), 301)
    assert [t.price for t in of_kind(heard, "T")] == [t.price for t in trades]


def test_rest_has_the_bars_of_the_market_page_by_page(library: ModuleType) -> None:
    with served(library) as (client, peer):
        rows = list(client.list_aggs("AAPL", 1, "minute", FRIDAY, MONDAY, adjusted=False, limit=200))
        assert len([line for line in peer.peer.log if line.startswith("GET /v2/aggs")]) > 3
    bars = MARKET.bars("AAPL", midnight_ns(FRIDAY), START_NS)
    found = [(r.timestamp, r.open, r.high, r.low, r.close, r.volume, r.vwap, r.transactions) for r in rows]
    assert found == [
        (b.start_ns // 10**6, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.count) for b in bars
    ]


def test_rest_has_the_ticks_that_were_streamed_and_not_those_to_come(library: ModuleType) -> None:
    with served(library) as (client, peer):
        until = START_NS + 30 * SECOND_NS
        before = len(list(client.list_trades("AAPL", timestamp_gte=START_NS, order="asc")))
        peer.do(lambda each: each.move(30.0))
        rows = list(client.list_trades("AAPL", timestamp_gte=START_NS, order="asc", limit=4))
        newest = next(iter(client.list_trades("AAPL")))
    known = [t for t in MARKET.trades("AAPL", START_NS, until + 1) if t.told_ns <= until]
    assert before == 0
    assert [(r.sip_timestamp, r.price, r.sequence_number) for r in rows] == [
        (t.sip_ns, t.price, t.sequence) for t in known
    ]
    assert newest.sip_timestamp == known[-1].sip_ns


def test_days_weeks_and_hours_are_made_of_smaller_bars(library: ModuleType) -> None:
    with served(library) as (client, _):
        daily = list(client.list_aggs("AAPL", 1, "day", "2025-06-02", "2025-06-13"))
        weekly = list(client.list_aggs("AAPL", 1, "week", "2025-06-02", "2025-06-13"))
        hourly = list(client.list_aggs("AAPL", 1, "hour", FRIDAY, FRIDAY, sort="desc"))
    assert [row.timestamp for row in daily] == [
        midnight_ns(day) // 10**6 for day in (date(2025, 6, n) for n in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13))
    ]
    assert [row.timestamp for row in weekly] == [midnight_ns(date(2025, 6, n)) // 10**6 for n in (1, 8)]
    for week, part in zip(weekly, (daily[:5], daily[5:]), strict=True):
        assert (week.open, week.close) == (part[0].open, part[-1].close)
        assert (week.high, week.volume) == (max(d.high for d in part), sum(d.volume for d in part))
    assert [row.timestamp for row in hourly] == sorted((row.timestamp for row in hourly), reverse=True)
    assert len(hourly) == 16


def test_what_companies_announce_is_found_by_ticker_and_day(library: ModuleType) -> None:
    apple, *others = stocks(2, trades=1)
    apple = replace(
        apple,
        ticker="NEW",
        splits=(Split(date(2024, 6, 10), 1, 10),),
        dividends=(Dividend(date(2025, 3, 12), 0.25), Dividend(date(2025, 6, 11), 0.26)),
        names=(Renaming(date(2012, 5, 18), "OLD"), Renaming(date(2022, 6, 9), "NEW")),
    )
    market = Market.generated((apple, *others), seed=1)
    with served(library, market) as (client, _):
        (split,) = client.list_splits("NEW")
        assert (split.execution_date, split.split_from, split.split_to) == ("2024-06-10", 1, 10)
        paid = list(client.list_dividends("NEW", ex_dividend_date_gte="2025-06-01"))
        assert [(each.cash_amount, each.ex_dividend_date) for each in paid] == [(0.26, "2025-06-11")]
        assert list(client.list_splits("AAPL")) == []
        events = client.get_ticker_events("NEW").events
        assert [each["ticker_change"]["ticker"] for each in events] == ["NEW", "OLD"]
        old = list(client.list_aggs("OLD", 1, "day", "2022-06-06", "2022-06-10", adjusted=False))
        new = list(client.list_aggs("NEW", 1, "day", "2022-06-06", "2022-06-10", adjusted=False))
        assert [row.timestamp for row in (*old, *new)] == [
            midnight_ns(date(2022, 6, n)) // 10**6 for n in (6, 7, 8, 9, 10)
        ]
        assert [len(old), len(new)] == [3, 2]
        assert list(client.list_trades("OLD", timestamp="2022-06-09")) == []
        adjusted = next(iter(client.list_aggs("NEW", 1, "day", "2024-06-07", "2024-06-07")))
        raw = next(iter(client.list_aggs("NEW", 1, "day", "2024-06-07", "2024-06-07", adjusted=False)))
        assert raw.close / adjusted.close == pytest.approx(10, rel=1e-4)


def test_option_chains_and_conditions_can_be_looked_up(library: ModuleType) -> None:
    with served(library) as (client, _):
        found = list(client.list_options_contracts("SPY", contract_type="call", limit=1))
        assert [each.ticker for each in found] == [
            "O:SPY250620C00590000",
            "O:SPY250620C00600000",
            "O:SPY250718C00590000",
            "O:SPY250718C00600000",
        ]
        dear = client.list_options_contracts("SPY", strike_price_gte=600, expiration_date="2025-06-20")
        assert {each.ticker for each in dear} == {"O:SPY250620C00600000", "O:SPY250620P00600000"}
        odd = next(each for each in client.list_conditions("stocks", limit=7) if each.id == 37)
        assert odd.update_rules.consolidated.updates_volume
        assert not odd.update_rules.consolidated.updates_open_close
        assert client.get_market_status().market == "open"
        assert [each.ticker for each in client.list_tickers(search="microsoft")] == ["MSFT"]
        assert client.get_last_trade("AAPL").price > 0


def test_what_a_plan_lacks_is_refused(library: ModuleType) -> None:
    cheap = Access(markets=("stocks",), quotes=False, history_from=date(2025, 6, 1), requests_per_minute=5)
    with served(library, access=(cheap,)) as (client, peer):
        errors = importlib.import_module(f"{library.__name__}.exceptions")
        for ask in (
            lambda: list(client.list_aggs("I:SPX", 1, "minute", MONDAY, MONDAY)),
            lambda: list(client.list_quotes("AAPL")),
            lambda: list(client.list_aggs("AAPL", 1, "day", "2025-05-01", "2025-06-05")),
        ):
            with pytest.raises(errors.BadResponse, match="NOT_AUTHORIZED"):
                ask()
        stranger = library.RESTClient("nobody", base=peer.peer.url, retries=0)
        with pytest.raises(errors.BadResponse, match="Unknown API Key"):
            stranger.get_last_trade("AAPL")
        stranger.client.clear()
        client.get_market_status()
        client.get_market_status()
        with pytest.raises(Exception, match="429"):
            client.get_market_status()
        peer.do(lambda each: each.move(60.0))
        client.get_market_status()


def test_rest_can_be_slow_broken_or_behind(library: ModuleType) -> None:
    with served(library) as (client, peer):
        quick = library.RESTClient("test-key", base=peer.peer.url, retries=2)

        def arm(fault: Fault) -> None:
            peer.do(lambda each: each.faults.add(fault))

        arm(Fault(Kind.GARBAGE, on="rest"))
        assert client.get_last_trade("AAPL") == []  # how the client tells of bad JSON
        arm(Fault(Kind.EMPTY, on="rest:/v2/aggs"))
        assert list(client.list_aggs("AAPL", 1, "minute", MONDAY, MONDAY)) == []
        arm(Fault(Kind.STATUS, on="rest", code=503))
        with pytest.raises(Exception, match="503"):
            client.get_last_trade("AAPL")
        arm(Fault(Kind.STATUS, on="rest", code=429, retry_after_s=0))
        assert quick.get_last_trade("AAPL").price > 0
        arm(Fault(Kind.TRUNCATE, on="rest"))
        with pytest.raises(Exception, match=r"IncompleteRead|Connection broken"):
            client.get_last_trade("AAPL")
        arm(Fault(Kind.CLOSE, on="rest"))
        with pytest.raises(Exception, match=r"Connection aborted|reset"):
            client.get_last_trade("AAPL")
        arm(Fault(Kind.LAG, on="rest", by_s=60.0))
        behind = list(client.list_trades("AAPL", timestamp_gte=START_NS - 3600 * SECOND_NS, order="asc"))
        assert behind[-1].sip_timestamp <= START_NS - 60 * SECOND_NS
        quick.client.clear()
