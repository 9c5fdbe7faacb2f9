"""Who serves what: the feeds in their order, and every stream with its state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from livetrader.feeds.gaps import BarTrack
from livetrader.feeds.ladder import Rung, Watch
from livetrader.feeds.session import FeedSession
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.pointgate import PointGate
from livetrader_engine.data.quality import Quarantine
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import DataFeedPlugin, Maintained
from livetrader_engine.spi_data import Watched
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND, Resolution, Symbol

_BY_LENGTH: Final = {
    NS_PER_SECOND: Resolution.SECOND,
    NS_PER_MINUTE: Resolution.MINUTE,
    NS_PER_HOUR: Resolution.HOUR,
}


class Key(NamedTuple):
    """What tells of a point which stream it belongs to."""

    symbol: Symbol
    resolution: Resolution
    is_quote: bool
    internal: bool


def key_of(subscription: Subscription) -> Key:
    """Return what the points of a subscription are known by."""
    is_quote = subscription.tick_type is TickType.QUOTE
    return Key(subscription.symbol, subscription.resolution, is_quote, subscription.internal)


def key_of_point(point: MarketPoint, *, internal: bool) -> Key:
    """Return which stream a point belongs to."""
    if isinstance(point, Tick):
        return Key(point.symbol, Resolution.TICK, not point.price, internal)
    resolution = _BY_LENGTH.get(point.end_time_ns - point.time_ns, Resolution.DAILY)
    return Key(point.symbol, resolution, isinstance(point, QuoteBar), internal)


@dataclass(slots=True)
class Source:
    """One feed of the chain. `down_ns`: since when its venue is away, None while it is there.

    `silenced_ns` is when it was last connected anew because of silence, `fruitless` how often in a row that
    did not help; `missed_ns` when history was last seen to have what it did not bring. `plain`: every stream
    that it has is served by it, and ticks need no second look.
    """

    index: int
    name: str
    feed: DataFeedPlugin
    quarantine: Quarantine
    gate: PointGate
    watched: Watched | None  # the feed as one that tells of each stream, None where it does not
    down_ns: int | None
    up_ns: int = 0
    silenced_ns: int = 0
    missed_ns: int = 0
    fruitless: int = 0
    plain: bool = True
    ended: bool = False
    _session: FeedSession | None = None

    @property
    def session(self) -> FeedSession:
        """Its connection."""
        assert self._session is not None, "a feed has its session before anything is asked of it"
        return self._session

    @session.setter
    def session(self, session: FeedSession) -> None:
        self._session = session

    @property
    def is_up(self) -> bool:
        """Whether it can be asked for streams."""
        return self.down_ns is None and not self.ended

    def rests(self, now_ns: int) -> str:
        """Return why its venue is expected to be away now, empty where it is not."""
        if not isinstance(self.feed, Maintained):
            return ""
        rest = self.feed.maintenance(now_ns)
        return rest.reason if rest is not None and rest.away else ""


@dataclass(slots=True)
class Stream:
    """One subscription. `server` is the feed that serves it; others may bring it, too, and are not heard.

    `asked_ns`: when that feed was last asked for it. `good_ns`: since when a feed further ahead is good.
    `delivered_ns` tells, by feed, when a point of it came. `floor_ns`: ticks before it are somebody else's.
    `doubted_ns`: when the silence began that is not explained yet.
    """

    subscription: Subscription
    hours: ExchangeHours | None
    server: int
    watch: Watch
    track: BarTrack | None
    asked_ns: int
    reason: str = ""
    good_ns: int | None = None
    floor_ns: int = 0
    doubted_ns: int = 0
    is_stale: bool = False
    shadow: TradeBar | QuoteBar | None = None  # the newest bar of a feed that does not serve
    delivered_ns: dict[int, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)  # by feed, until its next connection
    tried: set[int] = field(default_factory=set)  # feeds, since it was good
    asking: bool = False  # history, about its gap
    proving: bool = False
    _open_from_ns: int = 0
    _open_until_ns: int = 0
    _is_open: bool = False

    @property
    def ticker(self) -> str:
        """What people call it."""
        return self.subscription.symbol.value

    @property
    def is_watched(self) -> bool:
        """Whether its silence can mean anything: a bar a day is silent by itself."""
        return self.subscription.resolution is not Resolution.DAILY

    def is_open(self, now_ns: int) -> bool:
        """Return whether its market is open; without hours it always is."""
        if not self._open_from_ns <= now_ns < self._open_until_ns:
            self._look_up(now_ns)
        return self._is_open

    def _look_up(self, now_ns: int) -> None:
        hours, extended = self.hours, self.subscription.extended_market_hours
        self._open_from_ns, self._open_until_ns = now_ns, now_ns + NS_PER_HOUR
        self._is_open = True
        if hours is None or hours.always_open:
            return
        self._is_open = hours.is_open(now_ns, extended)
        try:
            turn = hours.next_close(now_ns, extended) if self._is_open else hours.next_open(now_ns, extended)
        except DataError:
            return
        self._open_until_ns = max(turn, now_ns + 1)


class Board:
    """The feeds and the streams. Owned by the chain; its parts share it on the loop's thread."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources
        self.streams: dict[Subscription, Stream] = {}
        self.by_key: dict[Key, Stream] = {}

    def add(self, stream: Stream) -> None:
        """Have a stream."""
        self.streams[stream.subscription] = stream
        self.by_key[key_of(stream.subscription)] = stream

    def remove(self, subscription: Subscription) -> Stream | None:
        """Have it no longer; return what it was."""
        stream = self.streams.pop(subscription, None)
        if stream is None:
            return None
        key = key_of(subscription)
        if self.by_key.get(key) is stream:
            del self.by_key[key]
            alike = next(
                (other for other in self.streams.values() if key_of(other.subscription) == key), None
            )
            if alike is not None:
                self.by_key[key] = alike
        return stream

    def server_of(self, stream: Stream) -> Source:
        """Return the feed that serves a stream."""
        return self.sources[stream.server]

    def served_by(self, source: Source) -> list[Stream]:
        """Return the streams that a feed serves."""
        return [stream for stream in self.streams.values() if stream.server == source.index]

    def heard_ns(self, stream: Stream, source: Source) -> int | None:
        """Return when a feed last brought something of a stream, None for never."""
        watched = source.watched
        if watched is None:
            return stream.delivered_ns.get(source.index)
        return watched.heard_ns(stream.subscription)

    def choice(self, stream: Stream, *, without: int | None = None) -> Source | None:
        """Return the first feed that may serve a stream, None where none may."""
        for source in self.sources:
            if source.index != without and source.is_up and source.index not in stream.refused:
                return source
        return None

    def is_refused(self, stream: Stream) -> bool:
        """Return whether no feed brings a stream."""
        return len(stream.refused) == len(self.sources)

    def counted(self) -> dict[str, int]:
        """Return how many streams stand on which rung."""
        counts = Counter(stream.watch.rung.value for stream in self.streams.values())
        return {rung.value: counts[rung.value] for rung in Rung if counts[rung.value]}
