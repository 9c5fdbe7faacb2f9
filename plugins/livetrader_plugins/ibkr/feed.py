"""The live feed of Interactive Brokers: a connection of its own, so that orders never wait behind data.

A lost line between TWS and IB (1100) is a status, and the feed goes on in the same connection; a connection
that ends, or that says nothing any more, ends `events`, and the daemon connects anew. How bars are made is
sdk.livebars's, what is asked of TWS is intake.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar, Final

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.spi import (
    API_VERSION,
    Context,
    FeedCapabilities,
    FeedEvent,
    FeedStatus,
    Maintenance,
    VenueError,
)
from livetrader_engine.spi_data import BarsMissing
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.ibkr import schedule
from livetrader_plugins.ibkr.config import IbkrFeedConfig, calendar_of
from livetrader_plugins.ibkr.intake import Intake
from livetrader_plugins.ibkr.library import load_aside

LOOK_S: Final = 0.25  # a wall clock may be set while we wait: bars close at most so much late then


class IbkrFeed:
    """Delivers quotes and trades of Interactive Brokers. Its state is the intake of one connection."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[IbkrFeedConfig]] = IbkrFeedConfig
    capabilities: FeedCapabilities = FeedCapabilities()

    def __init__(self, config: IbkrFeedConfig, context: Context) -> None:
        """Keep the settings; nothing connects and nothing is imported before `connect`."""
        self._config = config
        self._context = context
        self._calendar = calendar_of(config)
        self._intake: Intake | None = None
        self._subscribed = asyncio.Event()

    async def connect(self) -> int:
        """Open a session; return the time from which its data are. Raises VenueError with the remedy."""
        await self._leave("a new connection is made")
        library = await load_aside(self._config.library, self._config.timezone)
        intake = Intake(library, self._config, self._context)
        try:
            await intake.open()
        except BaseException:
            intake.session.end("not opened")
            raise
        self._intake = intake
        self._subscribed.clear()
        self._context.spawn("ibkr feed heartbeat", intake.session.beat())
        self._context.spawn("ibkr feed care", intake.care())
        self._context.spawn("ibkr feed seeds", intake.seed())
        return self._context.now_ns()

    async def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from now on; idempotent. Raises VenueError, saying why and what to do."""
        if self._intake is None:
            raise VenueError("not subscribed: there is no connection to TWS")
        await self._intake.add(subscription)
        self._subscribed.set()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer; idempotent."""
        intake = self._intake
        if intake is None or intake.session.why_ended:
            return
        try:
            await intake.remove(subscription)
        except VenueError as error:  # the connection has just ended, and the stream with it
            self._context.report("stream_not_cancelled", symbol=subscription.symbol.value, error=str(error))

    async def close(self) -> None:
        """End the session; idempotent."""
        await self._leave("the feed is closed")

    async def _leave(self, why: str) -> None:
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.session.end(why)
            intake.news.set()
        self._subscribed.set()

    def maintenance(self, now_ns: int) -> Maintenance | None:
        """Return what IB's calendar says of an instant (UTC ns)."""
        return schedule.maintenance(now_ns, self._calendar)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield steps as they are complete and statuses as they change, until the connection ends.

        Raises VenueError, saying why, where TWS ended it; returns where `close` did.
        """
        intake = self._intake
        if intake is None:
            return
        await self._first_subscription(intake)
        sequence, newest_ns = 0, 0
        said = (True, "")
        while True:
            newest_ns = max(newest_ns, self._context.now_ns())
            for step in intake.take(newest_ns):
                newest_ns = max(newest_ns, step.end_ns)
                sequence += 1
                yield MarketDataArrived(newest_ns, sequence, step.points, step.internal)
            for missing in intake.outlet.take_missing():
                yield BarsMissing(newest_ns, *missing)
            if self._intake is not intake:
                return
            if intake.session.why_ended:
                raise VenueError(f"the connection for market data ended: {intake.session.why_ended}")
            if (status := (intake.connected, intake.words)) != said:
                said = status
                yield FeedStatus(newest_ns, *status)
            await self._wait(intake)

    async def _first_subscription(self, intake: Intake) -> None:
        """Wait until something is subscribed, or the session has ended."""
        while not self._subscribed.is_set() and not intake.session.why_ended:
            await self._wait(intake)
            intake.news.clear()

    async def _wait(self, intake: Intake) -> None:
        """Wait for news, or for the time at which a bar closes."""
        now_ns = self._context.now_ns()
        next_ns = intake.outlet.next_ns(now_ns)
        wait_s = LOOK_S if next_ns is None else min(LOOK_S, max(0.0, (next_ns - now_ns) / NS_PER_SECOND))
        try:
            async with asyncio.timeout(wait_s):
                await intake.news.wait()
        except TimeoutError:
            return  # time to look at the clock
