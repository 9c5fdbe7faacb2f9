"""Several feeds as one: each stream is served by one of them, whole and in order, or known to be stale.

    feed 1 ─► session ─┐                    ┌─ StreamCare   looks once a second: the ladder, fail-over, marks
    feed 2 ─► session ─┼─► FeedChain.take ──┤
    ...                │   (served? whole?) └─ Questions    asks history: what is missing, what silence means
    history ───────────┘        │
                                └─► router ─► engine

A point goes on where it comes from the feed that serves its stream, is plausible, was not handed on already,
and nothing is missing before it. The time of what goes on never decreases, whichever feed it comes from.

Not for a feed that keeps time or works in lockstep: see face.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from livetrader.changes import Changes
from livetrader.control.data_views import DataView
from livetrader.feeds.board import Board, Source, Stream, key_of_point
from livetrader.feeds.care import StreamCare
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.gaps import Bar, BarTrack
from livetrader.feeds.ladder import begin
from livetrader.feeds.questions import Questions
from livetrader.feeds.session import FeedPorts, FeedSession
from livetrader.feeds.views import data_view
from livetrader.settings import Backfill, FreshnessSettings
from livetrader.telemetry.notifications import Notify
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, Tick
from livetrader_engine.data.merge import slice_key
from livetrader_engine.data.pointgate import PointGate
from livetrader_engine.data.quality import QualityLimits, Quarantine
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.spi import DataFeedPlugin, FeedStatus
from livetrader_engine.spi_data import BarsMissing, StreamRefused, Watched
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, Symbol

PREFERRED_WAIT_S: Final = 15.0  # for the first feed at the start, before a later one will do
LOOK_S: Final = 1.0  # between looks at every stream

_BARS: Final = frozenset({Resolution.SECOND, Resolution.MINUTE, Resolution.HOUR, Resolution.DAILY})


@dataclass(frozen=True, slots=True)
class ChainPorts:
    """What the chain works with. `spawn` starts a supervised task; `carry` is the router's.

    `ended` hears of the end of the data where every feed has said so. `warm_up_ns`: where the warm-up of an
    engine that starts ends (UTC ns), None while none does: what it subscribes goes on from there.
    """

    feeds: Sequence[tuple[str, DataFeedPlugin]]
    history: HistoryProvider
    reference: ReferenceData
    rules: FreshnessSettings
    quality: QualityLimits
    carry: Callable[[MarketDataArrived | TimePulse], Awaitable[None]]
    counted: Callable[[int], None]
    changes: Changes
    spawn: Callable[[str, Coroutine[object, object, None]], None]
    now_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    notify: Notify
    ended: Callable[[DataEnded], None]
    warm_up_ns: Callable[[], int | None] = lambda: None


class FeedChain:
    """Owns the feeds, the streams and what is known of them. Belongs to the loop's thread."""

    def __init__(self, ports: ChainPorts) -> None:
        self._ports = ports
        self._order = asyncio.Lock()  # one step at a time: what is handed on stays in order
        self._newest_ns = 0
        self._alone = len(ports.feeds) == 1
        self.counts = FeedCounts()
        now_ns = ports.now_ns()
        sources = []
        for index, (name, feed) in enumerate(ports.feeds):
            quarantine = Quarantine()
            gate, watched = PointGate(ports.quality, quarantine), feed if isinstance(feed, Watched) else None
            sources.append(Source(index, name, feed, quarantine, gate, watched, now_ns))
        self.board = Board(tuple(sources))
        for source in self.board.sources:
            source.plain = source.watched is not None
            source.session = FeedSession(self._session_ports(source))
        self.questions = Questions(self.board, ports, self.counts, self.hand_on)
        self.care = StreamCare(self.board, ports, self.counts, self.questions, self.hand_on)
        self.questions.proven = self.care.proven
        self.questions.filled = self.care.filled

    # -- the face of one feed --------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether any feed is there."""
        return any(source.is_up for source in self.board.sources)

    @property
    def message(self) -> str:
        """What the feeds have to say, by name; empty where all are well."""
        said = ((source.name, source.session.message) for source in self.board.sources)
        return "; ".join(f"{name}: {words}" for name, words in said if words)

    @property
    def data_s(self) -> float | None:
        """When the newest market event of any feed came (monotonic seconds), None before the first."""
        times = [source.session.data_s for source in self.board.sources]
        return max((time_s for time_s in times if time_s is not None), default=None)

    @property
    def subscriptions(self) -> dict[Subscription, Stream]:
        """What is subscribed."""
        return self.board.streams

    async def connect(self) -> int:
        """Connect all feeds, and return when the first one, or soon any of them, is there."""
        ports, first = self._ports, self.board.sources[0]
        for source in self.board.sources:
            ports.spawn(f"feed {source.name}", self._live(source))
        try:
            async with asyncio.timeout(None if self._alone else PREFERRED_WAIT_S):
                await ports.changes.until(lambda: first.is_up)
        except TimeoutError:
            await ports.changes.until(lambda: self.connected)
        return ports.now_ns()

    async def run(self) -> None:
        """Look after every stream, for ever."""
        while True:
            await self._ports.sleep(LOOK_S)
            self.care.look()

    async def subscribe(self, subscription: Subscription) -> None:
        """Have this stream from now on, from the first feed that brings it; idempotent."""
        if subscription in self.board.streams:
            return
        hours = await asyncio.to_thread(_hours, self._ports.reference, subscription.symbol)  # it reads files
        if subscription in self.board.streams:
            return
        stream = new_stream(self._ports, self.board.sources[0], subscription, hours)
        self.board.add(stream)
        source = self.board.choice(stream) or self.board.sources[0]
        stream.server = source.index
        self._ports.counted(len(self.board.streams))
        await source.session.subscribe(subscription)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Have it no longer; idempotent."""
        stream = self.board.remove(subscription)
        if stream is None:
            return
        self.care.forget(stream)
        self._ports.counted(len(self.board.streams))
        for source in self.board.sources:
            await source.session.unsubscribe(subscription)

    def stale(self, symbol: Symbol) -> str:
        """Return why a symbol's prices are not to be acted on, empty where they are fresh."""
        return self.care.marks.why(symbol)

    def all_stale(self) -> str:
        """Return why nothing can be acted on, where every stream is stale; empty otherwise."""
        streams = self.board.streams.values()
        if not streams or not all(stream.is_stale for stream in streams):
            return ""
        return f"all {len(streams)} streams are stale: {next(iter(streams)).reason}"

    def view(self) -> DataView:
        """Return how market data stand, for operators."""
        return data_view(self.board, self.care.marks, self.counts, self._ports.monotonic_s())

    # -- what feeds bring --------------------------------------------------------------------------------

    async def take(self, source: Source, event: MarketDataArrived | TimePulse) -> None:
        """Hand on what is to be handed on of a feed's step."""
        async with self._order:
            if isinstance(event, MarketDataArrived):
                points = self._passed(source, event.points, internal=False)
                internal = self._passed(source, event.internal, internal=True)
                if points is not event.points or internal is not event.internal:
                    if not points and not internal and not event.actions:
                        return
                    event = msgspec.structs.replace(event, points=points, internal=internal)
            await self._carry(event)

    async def hand_on(self, made: Callable[[], Iterable[tuple[Stream, Sequence[Bar]]]]) -> None:
        """Hand on bars that history or waiting brought, a step for each end; `made` is called in its turn."""
        async with self._order:
            steps: dict[int, list[tuple[Stream, Bar]]] = {}
            for stream, bars in made():
                for bar in bars:
                    steps.setdefault(bar.end_time_ns, []).append((stream, bar))
            for end_ns in sorted(steps):
                together = sorted(steps[end_ns], key=lambda pair: slice_key(pair[0].subscription))
                shown = tuple(bar for stream, bar in together if not stream.subscription.internal)
                internal = tuple(bar for stream, bar in together if stream.subscription.internal)
                await self._carry(MarketDataArrived(self._ports.now_ns(), 0, shown, internal))

    async def _carry(self, event: MarketDataArrived | TimePulse) -> None:
        if event.time_ns < self._newest_ns:
            event = msgspec.structs.replace(event, time_ns=self._newest_ns)
        self._newest_ns = event.time_ns
        await self._ports.carry(event)

    def _passed(
        self, source: Source, points: tuple[MarketPoint, ...], *, internal: bool
    ) -> tuple[MarketPoint, ...]:
        """Return what goes on of a step; the same tuple where all of it does."""
        kept: list[MarketPoint] | None = None
        plain = source.plain
        for at, point in enumerate(points):
            if plain and type(point) is Tick:
                if kept is not None:
                    kept.append(point)
                continue
            goes = self._judged(source, point, internal=internal)
            if kept is None:
                if len(goes) == 1 and goes[0] is point:
                    continue
                kept = list(points[:at])
            kept.extend(goes)
        return points if kept is None else tuple(kept)

    def _judged(self, source: Source, point: MarketPoint, *, internal: bool) -> tuple[MarketPoint, ...]:
        now_ns = self._ports.now_ns()
        if source.gate.check(point, now_ns) is not None:
            return ()
        stream = self.board.by_key.get(key_of_point(point, internal=internal))
        if stream is None:
            self.counts.unknown_points += 1
            return (point,) if self._alone else ()
        if isinstance(point, Tick):
            stream.delivered_ns[source.index] = now_ns
            served = stream.server == source.index and point.time_ns >= stream.floor_ns
            return (point,) if served else ()
        if not point.fill_forward:
            stream.delivered_ns[source.index] = now_ns
        if stream.server != source.index:
            stream.shadow = point
            return ()
        if stream.track is None:
            return (point,)
        if source.watched is None and not point.fill_forward:
            self.care.came(stream, point)
        return stream.track.take(point, now_ns, self._ports.rules.backfill_wait_ns)

    # -- inside ------------------------------------------------------------------------------------------

    async def _live(self, source: Source) -> None:
        await source.session.connect()
        await source.session.run()

    def _session_ports(self, source: Source) -> FeedPorts:
        ports = self._ports
        return FeedPorts(
            feed=source.feed,
            may_ask=_at_once,
            carry=partial(self.take, source),
            monotonic_s=ports.monotonic_s,
            now_ns=ports.now_ns,
            chance=ports.chance,
            sleep=ports.sleep,
            report=partial(ports.report, feed=source.name),
            said=partial(self._said, source),
            refused=partial(self._refused, source),
            missing=partial(self._missing, source),
            ended=partial(self._ended, source),
            stands=partial(self._stands, source),
            counted=lambda count: None,
            suspicious=True,
        )

    def _stands(self, source: Source, up: bool, reason: str) -> None:
        self.care.stands(source, up, reason)
        self._ports.changes.announce()

    def _said(self, source: Source, status: FeedStatus) -> None:
        level = "info" if status.connected else "warning"
        fields: dict[str, object] = {"feed": source.name, "connected": status.connected}
        self._ports.report("feed_status", level=level, message=status.message, **fields)
        self.care.stands(source, status.connected, status.message)
        self._ports.changes.announce()

    def _refused(self, source: Source, event: StreamRefused) -> None:
        self.care.refused(source, event.subscription, event.reason)

    def _missing(self, source: Source, event: BarsMissing) -> None:
        stream = self.board.streams.get(event.subscription)
        if stream is not None and stream.track is not None and stream.server == source.index:
            self.care.lacks(stream, event)

    def _ended(self, source: Source, event: DataEnded) -> None:
        source.ended = True
        if all(other.ended for other in self.board.sources):
            self._ports.ended(event)


def new_stream(
    ports: ChainPorts, first: Source, subscription: Subscription, hours: ExchangeHours | None
) -> Stream:
    """Return a stream as it begins; `first` is the feed that is asked for it."""
    now_ns, rules = ports.now_ns(), ports.rules
    beat_s = 0.0 if first.watched is not None else subscription.resolution.period_ns / NS_PER_SECOND
    track = None
    if subscription.resolution in _BARS:
        fills = rules.backfill is Backfill.BARS
        track = BarTrack(subscription, hours, min(now_ns, ports.warm_up_ns() or now_ns), fills=fills)
        if fills:
            track.begins(now_ns, rules.backfill_wait_ns)
    return Stream(subscription, hours, 0, begin(now_ns, rules, beat_s), track, now_ns)


def _hours(reference: ReferenceData, symbol: Symbol) -> ExchangeHours | None:
    try:
        return reference.hours(symbol)
    except DataError:
        return None  # nobody knows them: it is watched around the clock


async def _at_once() -> None:
    """Let a live feed be asked at any time."""
