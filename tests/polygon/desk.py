"""A feed at a peer whose clock the test moves: let the market trade, and wait for what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from livetrader_engine.calendar.hours import always_open_hours
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.spi_data import BarsMissing, StreamRefused
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_plugins.polygon.session import Session
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.tape import Quote, Trade, Value
from tests.feed_desk import LIMIT_S, FeedDesk, unfilled

OPEN = "2025-06-16 10:00:00"  # a Monday in New York
OPEN_NS = new_york(OPEN)
SECOND_NS = 1_000_000_000
KEY = "test-key"
LOOK_S = 0.003
AAPL = symbol_of("AAPL")
MSFT = symbol_of("MSFT")
always_open_hours()  # reads the time zone, which a loop may not
SPX = symbol_of("I:SPX")
CALL = symbol_of("O:SPY251219C00650000")


def stream(symbol: Symbol = AAPL, resolution: Resolution = Resolution.MINUTE, **said: Any) -> Subscription:
    """Return a subscription that does not fill forward, so that every bar is made of data."""
    return unfilled(symbol, resolution, **said)


class Desk(FeedDesk[Peer, PolygonFeed]):
    """A feed that connects anew where the test says."""

    @property
    def session(self) -> Session:
        """The session of stocks, or the only one."""
        return next(iter(self.feed._sessions.values()))

    async def again(self, *subscriptions: Subscription) -> None:
        """Connect anew after the feed has ended, and ask for everything again."""
        assert self.ended, "it lives"
        await self.feed.connect()
        self.ended = ""
        for each in subscriptions:
            await self.feed.subscribe(each)
        self.read()
        await self.answered()

    async def answered(self) -> None:
        """Return when every request was answered, and refusals have become other requests."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not (self.ended or all(each.is_answered for each in self.feed._sessions.values())):
                    await self._look()
        except TimeoutError:
            raise AssertionError(f"requests are not answered: {self.peer.log}") from None

    async def settle(self) -> None:
        """Return when everything that the peer has written is read: a pong comes behind it."""
        for session in list(self.feed._sessions.values()):
            line = session._line
            if line is None:
                continue
            heard = asyncio.Event()
            ears = line._ears  # type: ignore[attr-defined]  # of both kinds of lines
            line._ears = ears._replace(alive=lambda ears=ears, heard=heard: (ears.alive(), heard.set()))  # type: ignore[attr-defined]
            line.ping()
            await self._either(heard, session)
            line._ears = ears  # type: ignore[attr-defined]
        for _ in range(3):  # the reader's turn
            await asyncio.sleep(0)

    async def _look(self) -> None:
        """Let the loop work; a session has no event for everything that a test wants to know."""
        self._more.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._more.wait()
        except TimeoutError:
            return

    async def _either(self, heard: asyncio.Event, session: Session) -> None:
        """Wait for a pong, or for the end of its connection."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not heard.is_set() and not session.why_ended:
                    await self._look()
        except TimeoutError:
            raise AssertionError("the peer does not answer a ping") from None

    async def move(self, seconds: float) -> None:
        """Let time pass, and everything that is due arrive."""
        self.peer.move(seconds)
        await self.settle()
        self.feed._news.set()
        for _ in range(3):
            await asyncio.sleep(0)

    async def at(self, seconds: float) -> None:
        """Move the clock to so many seconds after the peer's start."""
        await self.move(seconds - (self.peer.clock() - OPEN_NS) / SECOND_NS)

    # ---- what came

    @property
    def refused(self) -> list[StreamRefused]:
        return [event for event in self.events if isinstance(event, StreamRefused)]

    @property
    def missing(self) -> list[BarsMissing]:
        return [event for event in self.events if isinstance(event, BarsMissing)]


@asynccontextmanager
async def feeding(
    directory: Path,
    market: Market,
    access: Iterable[Access] = (Access(KEY),),
    begin: str = OPEN,
    reference: Any = None,
    **options: Any,
) -> AsyncIterator[Desk]:
    """Run a peer and a feed that is connected to it, on one clock."""
    clock = ManualClock(new_york(begin))
    async with (
        Peer(market, clock=clock, access=tuple(access)) as peer,
        PluginHost("polygon", directory, reference=reference) as host,
    ):
        desks: list[Desk] = []
        context = msgspec.structs.replace(
            host.context,
            now_ns=clock,
            monotonic_s=lambda: host.context.monotonic_s() + sum(each.skew_s for each in desks),
        )
        said = {"api_key": KEY, "host": peer.host, "tls": False, "connect_timeout_s": 5.0, **options}
        feed = PolygonFeed(PolygonFeed.Config(**said), context)
        desk = Desk(peer, feed, host)
        desks.append(desk)
        assert await feed.connect() == clock()
        desk.read()
        try:
            yield desk
        finally:
            await feed.close()


# ---- ticks by hand; `at` is in seconds after the start


def trade(
    at: float, price: float, size: int = 100, ticker: str = "AAPL", number: int = 0, **said: Any
) -> Trade:
    """Return a trade; its number is made of its time where none is said."""
    time_ns = OPEN_NS + round(at * SECOND_NS)
    number = number or round(at * 1_000) + 1
    told = {"told_ns": time_ns, **said}
    return Trade(ticker, time_ns, number, str(number), price, size, **told)


def quote(at: float, bid: float, ask: float, ticker: str = "AAPL", number: int = 0) -> Quote:
    """Return a quote of a hundred shares a side."""
    time_ns = OPEN_NS + round(at * SECOND_NS)
    return Quote(ticker, time_ns, number or round(at * 1_000) + 1, bid, 100, ask, 100, told_ns=time_ns)


def value(at: float, level: float, ticker: str = "I:SPX") -> Value:
    """Return a value of an index."""
    time_ns = OPEN_NS + round(at * SECOND_NS)
    return Value(ticker, time_ns, level, told_ns=time_ns)


def shown(bars: Iterable[TradeBar]) -> list[tuple[str, float, float, float, float, float, float]]:
    """Return bars as (ticker, start in seconds after the peer's start, open, high, low, close, volume)."""
    return [
        (
            bar.symbol.value,
            (bar.time_ns - OPEN_NS) / SECOND_NS,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
        )
        for bar in bars
    ]
