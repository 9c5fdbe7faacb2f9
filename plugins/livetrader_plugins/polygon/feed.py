"""The live feed of Polygon: a connection for each market that something is subscribed of.

Whatever way one of them ends, `events` ends and says why: the daemon connects anew and fills the gap from
history. Only a key that another program uses is not fought for: it is taken back after a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar, Final

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.spi import (
    API_VERSION,
    Context,
    FeedCapabilities,
    FeedEvent,
    FeedStatus,
    PluginError,
    VenueError,
)
from livetrader_engine.spi_data import BarsMissing, StreamRefused
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.polygon.config import PolygonFeedConfig, api_key_of
from livetrader_plugins.polygon.session import Session
from livetrader_plugins.polygon.symbols import Market, market_of
from livetrader_plugins.sdk.livebars import Step
from livetrader_plugins.sdk.markethours import MarketHours
from livetrader_plugins.sdk.periods import Periods

LOOK_S: Final = 0.25  # a wall clock may be set while we wait: bars close at most so much late then
YIELD_S: Final = 60.0  # the first pause after another program took the key; it doubles
YIELD_MOST_S: Final = 900.0
PEACE_S: Final = 600.0  # a connection that lived so long was not fought over


class PolygonFeed:
    """Delivers trades, quotes and bars of Polygon. Mutable state: the sessions of the present connection."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[PolygonFeedConfig]] = PolygonFeedConfig
    capabilities: FeedCapabilities = FeedCapabilities()

    def __init__(self, config: PolygonFeedConfig, context: Context) -> None:
        """Keep the settings; nothing connects and nothing is imported before `connect`."""
        self._config = config
        self._context = context
        self._hours = MarketHours(context.reference)
        self._sessions: dict[Market, Session] = {}
        self._opening = asyncio.Lock()
        self._subscribed = asyncio.Event()
        self._news = asyncio.Event()
        self._connected_s = 0.0
        self._yield_s = YIELD_S  # of the next pause
        self._yields_until_s = 0.0

    # ---- the connection

    async def connect(self) -> int:
        """Open the sessions of the configured markets; return the time from which their data are.

        Raises VenueError with the remedy.
        """
        self._leave("a new connection is made")
        self._wait_for_the_key()
        self._subscribed.clear()
        self._connected_s = self._context.monotonic_s()
        for market in dict.fromkeys(self._config.markets):
            await self._session(market)
        return self._context.now_ns()

    def _wait_for_the_key(self) -> None:
        left_s = self._yields_until_s - self._context.monotonic_s()
        if left_s > 0:
            raise VenueError(
                f"another program with this API key took the connection; it is taken back in {left_s:.0f} s: "
                "stop the other program, or give the daemon a key or a connection of its own"
            )

    async def _session(self, market: Market) -> Session:
        """Return the open session of a market, opening it where there is none."""
        async with self._opening:
            session = self._sessions.get(market)
            if session is not None:
                return session
            session = Session(market, self._config, self._context, self._news.set)
            try:
                await session.open(self._key())
            except BaseException:
                session.end("not opened")
                self._note_end(session)
                raise
            self._sessions[market] = session
            return session

    def _key(self) -> str:
        try:
            return api_key_of(self._config.api_key)
        except VenueError:
            raise
        except PluginError as error:
            raise VenueError(str(error)) from error

    def _note_end(self, session: Session) -> None:
        """Pause where another program took the key, longer each time."""
        if not session.was_thrown_out:
            return
        now_s = self._context.monotonic_s()
        if now_s - self._connected_s > PEACE_S:
            self._yield_s = YIELD_S
        self._yields_until_s = now_s + self._yield_s
        self._yield_s = min(2 * self._yield_s, YIELD_MOST_S)

    def _leave(self, why: str) -> None:
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.end(why)
        self._subscribed.set()
        self._news.set()

    async def close(self) -> None:
        """End the sessions; idempotent."""
        self._leave("the feed is closed")

    # ---- streams

    async def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from now on; idempotent. Raises VenueError, saying why and what to do.

        Returns before Polygon has answered: what it does not deliver is told by a StreamRefused.
        """
        try:
            market = market_of(subscription.symbol)
        except DataError as error:
            raise VenueError(str(error)) from error
        if not self._sessions and market not in self._config.markets:
            raise VenueError("not subscribed: there is no connection to Polygon")
        session = self._sessions.get(market) or await self._session(market)
        hours = await asyncio.to_thread(self._hours.read, subscription.symbol)
        if session.why_ended:
            raise VenueError(f"not subscribed: {session.why_ended}")
        session.add(subscription, Periods(subscription, hours))
        self._subscribed.set()
        self._news.set()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer; idempotent."""
        for session in self._sessions.values():
            session.remove(subscription)

    def heard_ns(self, subscription: Subscription) -> int | None:
        """Return when the newest event that this stream is made of arrived (UTC ns), None for never."""
        for session in self._sessions.values():
            heard_ns = session.heard_ns(subscription)
            if heard_ns is not None:
                return heard_ns
        return None

    async def renew(self, subscription: Subscription) -> None:
        """Ask Polygon for a subscribed stream anew; what is in the making is kept. Raises VenueError."""
        if not self._sessions:
            raise VenueError("not renewed: there is no connection to Polygon")
        for session in self._sessions.values():
            session.renew(subscription)

    def made_of(self, subscription: Subscription) -> str:
        """Return which of Polygon's events make a stream now (T, Q, A, AM, V), "" where it is not had."""
        return next(filter(None, (each.made_of(subscription) for each in self._sessions.values())), "")

    # ---- what comes out

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield steps as they are complete and statuses as they change, until a connection ends.

        Raises VenueError, saying why, where Polygon ended it; returns where `close` did.
        """
        sessions = self._sessions
        if not sessions:
            return
        while not self._subscribed.is_set() and not self._why_ended():
            self._news.clear()
            await self._news.wait()
        sequence, newest_ns, said = 0, 0, (True, "")
        while True:
            self._news.clear()
            now_ns = self._context.now_ns()
            newest_ns = max(newest_ns, now_ns)
            for step in self._take(now_ns):
                newest_ns = max(newest_ns, step.end_ns)
                sequence += 1
                yield MarketDataArrived(newest_ns, sequence, step.points, step.internal)
            for told in self._take_told(newest_ns):
                yield told
            if self._sessions is not sessions:
                return
            if why := self._why_ended():
                raise VenueError(f"the connection to Polygon ended: {why}")
            if (status := (True, self._words())) != said:
                said = status
                yield FeedStatus(newest_ns, *status)
            await self._wait()

    def _take(self, now_ns: int) -> list[Step]:
        """Return what is complete of every market, the earliest first."""
        behind_ns = int(self._config.behind_s * NS_PER_SECOND)
        steps: list[Step] = []
        for session in self._sessions.values():
            session.outlet.collect(now_ns - behind_ns)
            steps += session.outlet.take(now_ns - behind_ns)
        return sorted(steps, key=lambda step: step.end_ns)

    def _take_told(self, now_ns: int) -> list[StreamRefused | BarsMissing]:
        told: list[StreamRefused | BarsMissing] = []
        for session in self._sessions.values():
            told += session.take_refused()
            told += [BarsMissing(now_ns, *missing) for missing in session.outlet.take_missing()]
        return told

    def _why_ended(self) -> str:
        for session in self._sessions.values():
            if session.why_ended:
                self._note_end(session)
                return session.why_ended
        return ""

    def _words(self) -> str:
        """What people should know of the data, "" for nothing."""
        behind_s = self._config.behind_s
        late = f"the data of {self._config.host} is {behind_s / 60:g} minutes late" if behind_s else ""
        return "; ".join(filter(None, (late, *(each.words for each in self._sessions.values()))))

    async def _wait(self) -> None:
        """Wait for news, or for the time at which a bar closes."""
        now_ns = self._context.now_ns()
        behind_ns = int(self._config.behind_s * NS_PER_SECOND)
        venue_ns = now_ns - behind_ns
        due = [each.outlet.next_ns(venue_ns) for each in self._sessions.values()]
        next_ns = min((each for each in due if each is not None), default=None)
        wait_s = LOOK_S if next_ns is None else min(LOOK_S, max(0.0, (next_ns - venue_ns) / NS_PER_SECOND))
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return  # time to look at the clock
