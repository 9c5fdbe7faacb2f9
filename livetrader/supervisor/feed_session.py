"""Keeps the feed connected and hands its events on, one at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.supervisor.changes import Changes
from livetrader.supervisor.restart import Restart, RestartPolicy, decide
from livetrader.supervisor.router import Router
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import DataFeedPlugin, FeedStatus, VenueError

RECONNECT: Final = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.5, delay_max_s=30.0)  # never gives up


@dataclass(frozen=True, slots=True)
class FeedPorts:
    """What the session works with. `said` and `ended` must not block."""

    feed: DataFeedPlugin
    router: Router
    changes: Changes
    monotonic_s: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    said: Callable[[FeedStatus], None]
    ended: Callable[[DataEnded], None]


class FeedSession:
    """Owns the connection to the feed and the set of subscriptions. Belongs to the loop's thread."""

    def __init__(self, ports: FeedPorts) -> None:
        self._ports = ports
        self._failures: list[float] = []
        self.subscriptions: dict[Subscription, None] = {}
        self.connected = False
        self.message = ""
        self.data_s: float | None = None  # monotonic: when the newest market event came

    async def connect(self) -> int:
        """Connect, as often as it takes; return the time at which data will begin."""
        while True:
            try:
                begin_ns = await self._ports.feed.connect()
            except VenueError as error:
                await self._pause(f"the feed cannot be reached: {error}")
            else:
                self.connected, self.message = True, ""
                return begin_ns

    async def run(self) -> None:
        """Hand events on until the data has ended; reconnect whenever the feed is lost."""
        while not await self._one_session():
            self.connected = False
            await self._pause("the feed was lost")
            await self.connect()
            for subscription in tuple(self.subscriptions):
                await self._subscribe(subscription)

    async def _one_session(self) -> bool:
        """Carry events until the feed is lost (False) or its data has ended (True)."""
        ports = self._ports
        events = aiter(ports.feed.events())
        while True:
            await ports.router.may_ask()
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return False
            except VenueError as error:
                self.message = str(error)
                return False
            match event:
                case MarketDataArrived() | TimePulse():
                    self.data_s = ports.monotonic_s()
                    await ports.router.carry(event)
                case FeedStatus():
                    self.connected, self.message = event.connected, event.message
                    ports.said(event)
                case DataEnded():
                    ports.ended(event)
                    return True

    async def subscribe(self, subscription: Subscription) -> None:
        """Have this stream from now on, over reconnects too; idempotent."""
        if subscription not in self.subscriptions:
            self.subscriptions[subscription] = None
            await self._subscribe(subscription)
            self._count()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Have it no longer; idempotent."""
        if subscription in self.subscriptions:
            del self.subscriptions[subscription]
            await self._ports.feed.unsubscribe(subscription)
            self._count()

    def _count(self) -> None:
        self._ports.router.subscriptions = len(self.subscriptions)
        self._ports.changes.announce()

    async def _subscribe(self, subscription: Subscription) -> None:
        try:
            await self._ports.feed.subscribe(subscription)
        except VenueError as error:
            symbol = subscription.symbol.value
            self._ports.report("subscription_refused", level="error", symbol=symbol, error=str(error))

    async def _pause(self, reason: str) -> None:
        now_s = self._ports.monotonic_s()
        self._failures = [*self._failures[-64:], now_s]
        verdict = decide(self._failures, now_s, RECONNECT, self._ports.chance())
        assert isinstance(verdict, Restart), "a feed is never given up"
        self.message = reason
        self._ports.report("feed_reconnect", level="warning", reason=reason, delay_s=verdict.delay_s)
        await self._ports.sleep(verdict.delay_s)
