"""The feed in bad weather, by seed: outages, farms, rivals, and messages that come twice, late, or never."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.symbols import Resolution
from tests.ibkr.feeds import AAPL, LIBRARIES, Desk, feeding, stream
from tests.venues.peers import library

STEPS = 150  # some ten minutes of market time
FAULTY = ("realtimeBar", "tickPrice", "tickSize", "reqRealTimeBars", "reqMktData", "marketDataType")
STREAMS = (
    stream(), stream(kind=TickType.QUOTE), stream(AAPL), stream(AAPL, kind=TickType.QUOTE),
    stream(resolution=Resolution.SECOND), stream(resolution=Resolution.SECOND, kind=TickType.QUOTE),
    stream(fill_forward=True),
)  # fmt: skip


class Weather:
    """Makes the weather over one feed, step by step, from a seed."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._random = Random(seed)
        self._wanted: dict[Subscription, None] = {}
        self._link_up = True
        self._prices = {"SPY": 10_000, "AAPL": 20_000}

    @property
    def wanted(self) -> set[Subscription]:
        """What is subscribed to now."""
        return set(self._wanted)

    async def step(self) -> None:
        """Let something happen, and some time pass."""
        chance = self._random.random()
        if chance < 0.70:
            await self._quote()
        elif chance < 0.78:
            self._link()
        elif chance < 0.88:
            self._fault()
        elif chance < 0.93:
            self._desk.peer.do("compete", active=self._random.random() < 0.5)
        elif chance < 0.96:
            state = self._random.choice(["broken", "fine"])
            self._desk.peer.do("farm", kind="market", name="usfarm", state=state)
        else:
            await self._subscribe()
        self._desk.peer.move(self._random.choice([0.2, 0.9, 3.0, 5.0, 9.0]))
        await self._desk.settle()

    async def _quote(self) -> None:
        symbol = self._random.choice(["SPY", "AAPL"])
        cents = self._prices[symbol] = self._prices[symbol] + self._random.randint(-30, 30)
        spread = self._random.choice([1, 1, 1, 1, -5, 0])  # crossed and locked ones, too
        bid, ask = f"{(cents - spread) / 100:.2f}", f"{(cents + spread) / 100:.2f}"
        await self._desk.quote(f"{cents / 100:.2f}", bid, ask, symbol)

    def _link(self) -> None:
        self._desk.peer.do(*(["restore_link"] if not self._link_up else ["lose_link"]), **self._loss())
        self._link_up = not self._link_up

    def _loss(self) -> dict[str, object]:
        return {} if self._link_up else {"data_lost": self._random.random() < 0.6}

    def _fault(self) -> None:
        message = self._random.choice(FAULTY)
        if message.startswith("req"):
            self._desk.peer.do("fault", kind="error", message=message, code=10197, text="competing")
            return
        kind = self._random.choice(["duplicate", "delay", "mute", "reorder"])
        said = {"by_s": self._random.choice([0.5, 4.0, 30.0])} if kind == "delay" else {}
        self._desk.peer.do("fault", kind=kind, message=message, count=self._random.randint(1, 4), **said)

    async def _subscribe(self) -> None:
        each = self._random.choice(STREAMS)
        if each in self._wanted:
            del self._wanted[each]
            await self._desk.feed.unsubscribe(each)
        else:
            self._wanted[each] = None
            await self._desk.feed.subscribe(each)

    async def begin(self) -> None:
        """Subscribe to everything."""
        for each in STREAMS:
            self._wanted[each] = None
            await self._desk.feed.subscribe(each)

    async def clear_up(self) -> None:
        """End all outages, and let the feed look twice."""
        self._desk.peer.do("clear_faults")
        self._desk.peer.do("compete", active=False)
        self._desk.peer.do("farm", kind="market", name="usfarm", state="fine")
        if not self._link_up:
            self._desk.peer.do("restore_link", data_lost=True)
        await self._desk.settle()
        for _ in range(2):
            self._desk.skew_s += 61
            self._desk.intake._care_due.set()
            async with asyncio.timeout(5):
                while self._desk.intake._care_due.is_set():
                    await self._desk.settle()
            await self._desk.settle()


def lines_of(streams: set[Subscription]) -> dict[str, list[str]]:
    """Return what these streams need at the peer, each once."""
    quotes = {each.symbol.value for each in streams if each.tick_type is TickType.QUOTE}
    quotes |= {each.symbol.value for each in streams if each.resolution is Resolution.SECOND}
    bars = {
        each.symbol.value
        for each in streams
        if each.tick_type is TickType.TRADE and each.resolution is Resolution.MINUTE
    }
    found = {"quotes": sorted(quotes), "bars": sorted(bars)}
    return {kind: symbols for kind, symbols in found.items() if symbols}


def check(desk: Desk) -> None:
    """Check what may never be, whatever the weather."""
    steps = [event for event in desk.events if isinstance(event, MarketDataArrived)]
    assert [step.sequence for step in steps] == list(range(1, len(steps) + 1))
    assert [step.time_ns for step in steps] == sorted(step.time_ns for step in steps)
    seen: Counter[tuple[object, ...]] = Counter()
    for step in steps:
        for point in step.points:
            assert isinstance(point, TradeBar | QuoteBar) and point.end_time_ns <= step.time_ns
            kept = isinstance(point, TradeBar) and point.end_time_ns - point.time_ns > 2_000_000_000
            seen[type(point), point.symbol, point.time_ns, point.end_time_ns] += 1
            if isinstance(point, TradeBar):
                assert 0 < point.low <= min(point.open, point.close) <= point.high and point.volume >= 0
            elif point.bid_close and point.ask_close:
                assert point.bid_close < point.ask_close
            # SPY has two streams of minutes of trades: one fills forward
            limit = 2 if kept and point.symbol.value == "SPY" else 1
            assert seen[type(point), point.symbol, point.time_ns, point.end_time_ns] <= limit


@pytest.mark.parametrize("client", LIBRARIES)
@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_weather_each_bar_comes_once_and_each_stream_is_asked_for_once(
    client: str, seed: int, tmp_path: Path
) -> None:
    async def main() -> None:
        async with feeding(tmp_path, client) as desk:
            weather = Weather(desk, seed)
            await weather.begin()
            for _ in range(STEPS):
                await weather.step()
            await weather.clear_up()
            assert desk.ended == ""
            assert desk.at_peer() == lines_of(weather.wanted)
            assert desk.statuses == [] or desk.statuses[-1][0]
            before = len(desk.points)
            for _ in range(70):
                await weather._quote()
                desk.peer.move(2.0)
                await desk.settle()
            if weather.wanted:
                await desk.until(lambda: len(desk.points) > before)
            check(desk)

    library(client)
    asyncio.run(main())
