"""A real feed whose venue sends mutations: right points, or the end of the connection with a reason, soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.spi import Context, DataFeedPlugin, VenueError
from livetrader_engine.spi_data import StreamRefused
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_engine.testing.host import PluginHost
from tests.fuzz.histories import HANG_S, Findings
from tests.fuzz.judge import flaw
from tests.fuzz.mutations import encode, mangle
from tests.fuzz.stopwatch import undisturbed_s
from tests.fuzz.stream import HostileStream, spoiled_frame, text_frame

START_NS = 1_750_082_400_000_000_000  # 2025-06-16 10:00 New York, a Monday
FRAME_NS = 20_000_000  # of market time between two frames
BATCH = 40  # frames between two markers
LOOK_S = 0.1  # seconds in which nothing comes, then a look at how long it has been
BROKEN = 0.001  # share of spoiled frames that are wrong as frames: most of them cost a connection
PHASE = 1_000  # frames, then the weather changes
WEATHERS = (
    0.002,
    0.02,
    1.0,
)  # shares of spoiled frames: where nothing comes whole there are no bars to judge
PRICES = (90.0, 110.0)  # of what is sent unspoiled
TICKERS = ("AAPL", "MSFT")
MARKER = "ZZZZ"


def symbol_of(ticker: str) -> Symbol:
    """Return an equity."""
    return Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")


def subscriptions() -> list[Subscription]:
    """Return bars of minutes and seconds, of trades and quotes, and ticks."""
    made = [
        Subscription(symbol_of(ticker), resolution, kind, fill_forward=False, extended_market_hours=True)
        for ticker in TICKERS
        for resolution in (Resolution.SECOND, Resolution.MINUTE)
        for kind in (TickType.TRADE, TickType.QUOTE)
    ]
    ticks = (*TICKERS, MARKER)
    return [*made, *(Subscription(symbol_of(ticker), Resolution.TICK, TickType.TRADE) for ticker in ticks)]


class Venue:
    """Makes frames. Owns the market time, which the feed's clock follows."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.now_ns = START_NS
        self.spoiled = 0
        self._number = 0
        self._frames = 0
        self._share = 1.0

    def frame(self) -> bytes:
        """Return the next frame, spoiled or not."""
        self.now_ns += FRAME_NS
        random = self._random
        if self._frames % PHASE == 0:
            self._share = WEATHERS[self._frames // PHASE % len(WEATHERS)]
        self._frames += 1
        document = [self._event() for _ in range(random.choice((1, 1, 1, 2, 5)))]
        if random.random() >= self._share:
            return text_frame(encode(document))
        self.spoiled += 1
        payload = mangle(document, random)
        return spoiled_frame(payload, random) if random.random() < BROKEN else text_frame(payload)

    def marker(self) -> tuple[int, bytes]:
        """Return a trade that cannot be taken for another, and its size."""
        self.now_ns += FRAME_NS
        trade = {**self._trade(MARKER), "p": 100.0, "c": []}
        self._number += 1
        trade["s"] = size = 10_000 + self._number
        return size, text_frame(encode([trade]))

    def _event(self) -> dict[str, Any]:
        random = self._random
        ticker, draw = random.choice(TICKERS), random.random()
        if draw < 0.5:
            return self._trade(ticker)
        if draw < 0.9:
            bid = round(random.uniform(99, 100), 2)
            self._number += 1
            return {
                "ev": "Q", "sym": ticker, "bx": 4, "bp": bid, "bs": 2, "ax": 7, "ap": bid + 0.02, "as": 3,
                "c": 1, "t": self.now_ns // 1_000_000, "q": self._number, "z": 3,
            }  # fmt: skip
        if draw < 0.95:
            return {"ev": "status", "status": "success", "message": f"subscribed to: T.{ticker}"}
        start_ms = self.now_ns // 1_000_000 // 60_000 * 60_000 - 60_000
        return {
            "ev": random.choice(("A", "AM")), "sym": ticker, "v": 100, "av": 1000, "op": 100.0, "vw": 100.0,
            "o": 100.0, "c": 100.0, "h": 101.0, "l": 99.0, "a": 100.0, "z": 10, "s": start_ms,
            "e": start_ms + 60_000,
        }  # fmt: skip

    def _trade(self, ticker: str) -> dict[str, Any]:
        self._number += 1
        return {
            "ev": "T", "sym": ticker, "x": 4, "i": str(self._number), "z": 3,
            "p": round(self._random.uniform(99, 101), 2), "s": 100,
            "c": self._random.choice(([], [14, 41], [37])), "t": self.now_ns // 1_000_000, "q": self._number,
        }  # fmt: skip


class Reader:
    """Reads a feed, judges what comes, and knows the newest marker."""

    def __init__(self, feed: DataFeedPlugin, found: Findings) -> None:
        self._feed = feed
        self._found = found
        self._ends: dict[tuple[object, ...], int] = {}
        self.marker = 0
        self.refused: list[Subscription] = []  # a mutated answer may be a refusal
        self.news = asyncio.Event()
        self.ended = ""

    async def read(self) -> None:
        """Read until the connection ends."""
        try:
            async for event in self._feed.events():
                if isinstance(event, MarketDataArrived):
                    for point in event.points:
                        self._judge(point)
                elif isinstance(event, StreamRefused):
                    self.refused.append(event.subscription)
                self.news.set()
            self.ended = "it ended"
        except VenueError as error:
            self.ended = str(error) or "it ended without a word"
        self._found.ends["connection ended"] += 1
        self.news.set()

    def _judge(self, point: MarketPoint) -> None:
        self._found.points += 1
        self._found.ends[type(point).__name__] += 1
        wrong = flaw(point)
        if isinstance(point, Tick) and point.symbol.value == MARKER:
            self.marker = int(point.quantity)
        elif isinstance(point, TradeBar | QuoteBar):
            key = (type(point), point.symbol, point.end_time_ns - point.time_ns)
            if point.end_time_ns <= self._ends.get(key, 0):
                wrong = wrong or "the same period again, or an older one"
            self._ends[key] = point.end_time_ns
            seconds = (point.end_time_ns - point.time_ns) // NS_PER_SECOND
            if seconds not in (1, 60) or point.time_ns % (seconds * NS_PER_SECOND):
                wrong = wrong or "no whole period"
        if wrong:
            self._found.flaws.append(f"frame {self._found.asked}: {wrong}: {point}"[:300])


Made = Callable[[int, Context], DataFeedPlugin]  # for a port


async def spoil(make: Made, state: Path, count: int, seed: int) -> Findings:
    """Send so many spoiled frames, and others, to a feed; return what came of them."""
    random = Random(seed)
    venue, found = Venue(random), Findings()
    async with HostileStream() as stream, PluginHost("fuzz", state) as host:
        context: Context = msgspec.structs.replace(host.context, now_ns=lambda: venue.now_ns)
        feed = await asyncio.to_thread(make, stream.port, context)  # it may read zones
        reader = await _begin(feed, host, found)
        while found.asked < count:
            if reader.ended:
                reader = await _begin(feed, host, found)
            await _ask_again(feed, reader, found)
            await _batch(stream, venue, reader, found)
        await feed.close()
    return found


async def _begin(feed: DataFeedPlugin, host: PluginHost, found: Findings) -> Reader:
    await feed.connect()
    reader = Reader(feed, found)
    host.context.spawn("reader", reader.read())
    for subscription in subscriptions():
        await feed.subscribe(subscription)
    return reader


async def _ask_again(feed: DataFeedPlugin, reader: Reader, found: Findings) -> None:
    """Ask anew for the streams that a mutated word refused."""
    with suppress(VenueError):  # the connection has ended: the reader will say so
        while reader.refused:
            found.ends["refused"] += 1
            await feed.subscribe(reader.refused.pop())


async def _batch(stream: HostileStream, venue: Venue, reader: Reader, found: Findings) -> None:
    """Send a batch and a marker; wait until it has arrived, the connection has ended, or the feed gave up."""
    first = found.asked
    for _ in range(BATCH):
        await stream.say(venue.frame())
    found.asked = venue.spoiled
    size, frame = venue.marker()
    await stream.say(frame)
    started_s = undisturbed_s()
    while reader.marker != size and not (reader.ended or reader.refused):
        reader.news.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                await reader.news.wait()
        except TimeoutError:
            if undisturbed_s() - started_s > HANG_S:
                found.flaws.append(f"frames {first} to {found.asked}: the marker behind them did not come")
                return
    took_s = undisturbed_s() - started_s
    found.slowest_s = max(found.slowest_s, took_s)
    if took_s > HANG_S:
        found.flaws.append(f"frames {first} to {found.asked} took {took_s:.2f} s")
