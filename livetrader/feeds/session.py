"""Keeps one feed connected and hands its events on, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.restart import Restart, RestartPolicy, decide
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import DataFeedPlugin, FeedEvent, FeedStatus, VenueError
from livetrader_engine.spi_data import BarsMissing, StreamRefused

RECONNECT: Final = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.5, delay_max_s=30.0)  # never gives up
FAILURES_KEPT: Final = 64  # times of failures; older ones no longer change the pause
CONNECT_LIMIT_S: Final = 60.0  # of one attempt: a plugin that hangs in it would never be tried again
LET_GO_S: Final = 5.0  # for a plugin to leave its events when it is broken off


@dataclass(frozen=True, slots=True)
class FeedPorts:
    """What the session works with. None of the plain callbacks may block.

    `stands(True, "")`: connected, before anything is subscribed; `stands(False, reason)`: lost. `suspicious`:
    the feed is one of several, or at least watched: an exception of it is its own loss, and not the daemon's,
    and it may be broken off. Without, it is asked as fast as it answers.
    """

    feed: DataFeedPlugin
    may_ask: Callable[[], Awaitable[None]]
    carry: Callable[[MarketDataArrived | TimePulse], Awaitable[None]]
    monotonic_s: Callable[[], float]
    now_ns: Callable[[], int]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    said: Callable[[FeedStatus], None]
    refused: Callable[[StreamRefused], None]
    missing: Callable[[BarsMissing], None]
    ended: Callable[[DataEnded], None]
    stands: Callable[[bool, str], None]
    counted: Callable[[int], None]  # how many streams are subscribed
    suspicious: bool = False


class FeedSession:
    """Owns the connection to one feed and the set of its subscriptions. Belongs to the loop's thread."""

    def __init__(self, ports: FeedPorts) -> None:
        self._ports = ports
        self._failures: list[float] = []
        self._limit: asyncio.Timeout | None = None  # around the wait for an event, where it may be broken off
        self._broken_off = ""
        self._prompt = False
        self._attached = False  # the plugin is connected, whatever it says of its venue
        self.subscriptions: dict[Subscription, None] = {}
        self.connected = False
        self.message = ""
        self.data_s: float | None = None  # monotonic: when the newest market event came

    async def connect(self) -> int:
        """Connect, as often as it takes; return the time at which data will begin."""
        while True:
            try:
                begin_ns = await self._connected()
            except VenueError as error:
                await self._pause(f"the feed cannot be reached: {error}")
            else:
                self.connected = self._attached = True
                self.message = self._broken_off = ""
                self._prompt = False
                self._ports.stands(True, "")
                return begin_ns

    async def run(self) -> None:
        """Hand events on until the data has ended; reconnect whenever the feed is lost."""
        while True:
            reason = await self._one_session()
            if reason is None:
                return
            self.connected = self._attached = False
            self._ports.stands(False, reason)
            if self._prompt:
                self.message = reason
                self._ports.report("feed_reconnect", level="warning", reason=reason, delay_s=0.0)
            else:
                await self._pause(reason)
            await self.connect()
            for subscription in tuple(self.subscriptions):
                await self._subscribe(subscription)

    def break_off(self, reason: str, *, prompt: bool = False) -> None:
        """Have the connection made anew, although it does not say that it is lost; never waits.

        `prompt`: without a pause before the first attempt; whoever asks sees to it that this is rare.
        """
        self._broken_off = self._broken_off or reason
        self._prompt = prompt
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def subscribe(self, subscription: Subscription) -> None:
        """Have this stream from now on, over reconnects too; idempotent."""
        if subscription not in self.subscriptions:
            self.subscriptions[subscription] = None
            if self._attached or not self._ports.suspicious:
                await self._subscribe(subscription)
            self._ports.counted(len(self.subscriptions))

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Have it no longer; idempotent."""
        if subscription in self.subscriptions:
            del self.subscriptions[subscription]
            if not self._ports.suspicious:
                await self._ports.feed.unsubscribe(subscription)
            elif self._attached:
                await self.guarded("unsubscribe", self._ports.feed.unsubscribe(subscription))
            self._ports.counted(len(self.subscriptions))

    async def guarded(self, what: str, asked: Awaitable[None]) -> str:
        """Await a request to the plugin; return what went wrong, empty where nothing did."""
        try:
            await asked
        except VenueError as error:
            return str(error) or "the venue refused"
        except Exception as error:
            if not self._ports.suspicious:
                raise
            # boundary: a feed is somebody else's code, and there are others
            self._ports.report("feed_plugin_failed", level="error", asked=what, exc_info=True)
            self.break_off(f"the plugin failed: {error!r}")
            return f"the plugin failed: {error!r}"
        return ""

    # -- inside -----------------------------------------------------------------------------------------

    async def _connected(self) -> int:
        """Return the time at which data will begin. Raises VenueError."""
        if not self._ports.suspicious:
            return await self._ports.feed.connect()
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                return await self._ports.feed.connect()
        except VenueError:
            raise
        except TimeoutError as error:
            raise VenueError(f"no connection within {CONNECT_LIMIT_S:g} s") from error
        except Exception as error:  # boundary: a feed is somebody else's code, and there are others
            self._ports.report("feed_plugin_failed", level="error", asked="connect", exc_info=True)
            raise VenueError(f"the plugin failed: {error!r}") from error

    async def _one_session(self) -> str | None:
        """Carry events until the feed is lost (why) or its data has ended (None)."""
        events = aiter(self._ports.feed.events())
        try:
            return await self._carried(events)
        finally:
            if self._ports.suspicious:
                await self._let_go(events)

    async def _carried(self, events: AsyncIterator[FeedEvent]) -> str | None:
        ports = self._ports
        while True:
            await ports.may_ask()
            if self._broken_off:
                return self._broken_off
            try:
                event = await (self._watched(events) if ports.suspicious else anext(events))
            except StopAsyncIteration:
                return "the feed was lost"
            except VenueError as error:
                self.message = str(error)
                return self.message or "the feed was lost"
            if event is None:
                return self._broken_off
            match event:
                case MarketDataArrived() | TimePulse():
                    self.data_s = ports.monotonic_s()
                    await ports.carry(event)
                case FeedStatus():
                    self.connected, self.message = event.connected, event.message
                    ports.said(event)
                case StreamRefused():
                    self.subscriptions.pop(event.subscription, None)
                    ports.refused(event)
                case BarsMissing():
                    ports.missing(event)
                case DataEnded():
                    ports.ended(event)
                    return None

    async def _watched(self, events: AsyncIterator[FeedEvent]) -> FeedEvent | None:
        """Return the next event; None where `break_off` ended the wait, or the plugin failed."""
        limit = self._limit = asyncio.timeout(None)
        try:
            async with limit:
                return await anext(events)
        except (StopAsyncIteration, VenueError):
            raise
        except Exception as error:  # noqa: BLE001 — boundary: a feed is somebody else's code, and there are others
            if not limit.expired():
                self._ports.report("feed_plugin_failed", level="error", asked="events", exc_info=True)
                self._broken_off = f"the plugin failed: {error!r}"
            return None
        finally:
            self._limit = (
                None  # what is over cannot be broken off; the flag is looked at before the next wait
            )

    async def _let_go(self, events: AsyncIterator[FeedEvent]) -> None:
        close = getattr(events, "aclose", None)
        if close is None:
            return
        try:
            async with asyncio.timeout(LET_GO_S):
                await close()
        except Exception as error:  # noqa: BLE001 — boundary: what is left behind must not keep us from connecting
            self._ports.report("feed_not_left", level="warning", error=repr(error))

    async def _subscribe(self, subscription: Subscription) -> None:
        problem = await self.guarded("subscribe", self._ports.feed.subscribe(subscription))
        if problem:
            if self._ports.suspicious:
                self.subscriptions.pop(subscription, None)
            self._ports.refused(StreamRefused(self._ports.now_ns(), subscription, problem))

    async def _pause(self, reason: str) -> None:
        now_s = self._ports.monotonic_s()
        self._failures = [*self._failures[-FAILURES_KEPT:], now_s]
        verdict = decide(self._failures, now_s, RECONNECT, self._ports.chance())
        assert isinstance(verdict, Restart), "a feed is never given up"
        self.message = reason
        self._ports.report("feed_reconnect", level="warning", reason=reason, delay_s=verdict.delay_s)
        await self._ports.sleep(verdict.delay_s)
