"""What the supervisor needs of its feeds, be it one replay or a chain of live ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from livetrader.control.data_views import DataView, FeedView
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.session import FeedPorts, FeedSession
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Symbol


class Feeds(Protocol):
    """The market data of the daemon. Belongs to the loop's thread."""

    counts: FeedCounts

    @property
    def connected(self) -> bool:
        """Whether data can come."""
        ...

    @property
    def message(self) -> str:
        """What there is to say of it, empty where all is well."""
        ...

    @property
    def data_s(self) -> float | None:
        """When the newest market event came (monotonic seconds), None before the first."""
        ...

    @property
    def subscriptions(self) -> Mapping[Subscription, object]:
        """What is subscribed."""
        ...

    async def connect(self) -> int:
        """Connect, as often as it takes; return the time (UTC ns) at which data will begin."""
        ...

    async def run(self) -> None:
        """Hand on what comes, until the data has ended or for ever."""
        ...

    async def subscribe(self, subscription: Subscription) -> None:
        """Have this stream from now on; idempotent."""
        ...

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Have it no longer; idempotent."""
        ...

    def stale(self, symbol: Symbol) -> str:
        """Return why a symbol's prices are not to be acted on, empty where they may be."""
        ...

    def all_stale(self) -> str:
        """Return why nothing can be acted on, where every stream is stale; empty otherwise."""
        ...

    def view(self) -> DataView:
        """Return how market data stand, for operators."""
        ...


class LoneFeed:
    """One feed that keeps time or works in lockstep: as fast and exact as it is, and never stale."""

    def __init__(self, name: str, ports: FeedPorts, monotonic_s: Callable[[], float]) -> None:
        self._name = name
        self._ports = ports
        self._session = FeedSession(ports)
        self._monotonic_s = monotonic_s
        self.counts = FeedCounts()
        self.connect = self._session.connect
        self.run = self._session.run
        self.subscribe = self._session.subscribe
        self.unsubscribe = self._session.unsubscribe

    @property
    def connected(self) -> bool:
        """Whether the feed is connected."""
        return self._session.connected

    @property
    def message(self) -> str:
        """What it said last."""
        return self._session.message

    @property
    def data_s(self) -> float | None:
        """When the newest market event came (monotonic seconds), None before the first."""
        return self._session.data_s

    @property
    def subscriptions(self) -> Mapping[Subscription, object]:
        """What is subscribed."""
        return self._session.subscriptions

    def stale(self, symbol: Symbol) -> str:
        """Return nothing: time stands still where its data do."""
        return ""

    def all_stale(self) -> str:
        """Return nothing, as `stale` does."""
        return ""

    def view(self) -> DataView:
        """Return how the feed stands."""
        data_s = self._session.data_s
        feed = FeedView(
            name=self._name,
            connected=self._session.connected,
            keeps_time=self._ports.feed.capabilities.keeps_time,
            subscriptions=len(self._session.subscriptions),
            data_age_s=None if data_s is None else self._monotonic_s() - data_s,
            message=self._session.message,
            streams=len(self._session.subscriptions),
        )
        return DataView(feeds=(feed,))
