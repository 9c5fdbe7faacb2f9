"""FEED: what every data feed plugin must do. Subclass `DataFeedContract`, give it a `harness` fixture.

The harness offers streams that are known to have data, so that a case fails rather than waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import DataFeedPlugin, FeedEvent, FeedStatus
from livetrader_engine.spi_data import BarsMissing, Resumable, StreamRefused
from livetrader_engine.testing.cases import case
from livetrader_engine.testing.host import WAIT_LIMIT_S

SAMPLE: Final = 40  # steps a case looks at
SILENCE_S: Final = 0.05  # how long silence is listened to


class FeedSession:
    """One connected feed, read step by step. Made by a harness."""

    def __init__(self, plugin: DataFeedPlugin, begin_ns: int) -> None:
        self.plugin = plugin
        self.begin_ns = begin_ns
        self.events: AsyncIterator[FeedEvent] = plugin.events()

    async def next(self) -> FeedEvent | None:
        """Return the next event, None where they have ended. Fails when none comes in time."""
        try:
            async with asyncio.timeout(WAIT_LIMIT_S):
                return await anext(self.events)
        except StopAsyncIteration:
            return None

    async def steps(self, count: int, *, taken: bool = True) -> list[MarketDataArrived]:
        """Return the next `count` steps with data, fewer where the data ends first, and take them."""
        found: list[MarketDataArrived] = []
        while len(found) < count:
            event = await self.next()
            if event is None or isinstance(event, DataEnded):
                break
            if taken and isinstance(self.plugin, Resumable):
                self.plugin.taken()
            if isinstance(event, MarketDataArrived):
                found.append(event)
        return found


class DataFeedHarness(Protocol):
    """One feed, as the kit sees it. Every session begins at the same time unless `resumes`."""

    name: str
    streams: Sequence[Subscription]  # at least two, of different symbols or kinds, with data in every session
    resumes: bool  # a new session continues where the last one was read to
    finite: bool  # the data ends soon enough to be read to the end in a test

    def session(self) -> AbstractAsyncContextManager[FeedSession]:
        """Return a connected session without subscriptions; closed at the end."""
        ...


def finite(harness: DataFeedHarness) -> str | None:
    """Say why a case that reads to the end does not apply."""
    return None if harness.finite else "its data does not end"


def resumes(harness: DataFeedHarness) -> str | None:
    """Say why a case about continuing does not apply."""
    return None if harness.resumes else "it does not continue an earlier session"


def tick_type_of(point: MarketPoint) -> TickType:
    """Return which kind of stream a point belongs to."""
    if isinstance(point, Tick):
        return TickType.TRADE if point.price else TickType.QUOTE
    return TickType.QUOTE if isinstance(point, QuoteBar) else TickType.TRADE


def identity(point: MarketPoint) -> tuple[str, TickType, int, int]:
    """Return what two points may not share in one stream."""
    return (point.symbol.text, tick_type_of(point), point.time_ns, point.end_time_ns)


class DataFeedContract:
    """The cases. Stateless; the harness is the feed."""

    @case("FEED-01")
    async def test_feed_01_sequence_counts_up_by_one(self, harness: DataFeedHarness) -> None:
        """Everything that has a sequence is numbered 1, 2, 3 … within a session."""
        async with harness.session() as session:
            await session.plugin.subscribe(harness.streams[0])
            for wanted in range(1, SAMPLE):
                event = await session.next()
                while isinstance(event, FeedStatus | StreamRefused | BarsMissing):
                    event = await session.next()
                assert isinstance(event, MarketDataArrived | TimePulse)
                assert event.sequence == wanted

    @case("FEED-02")
    async def test_feed_02_time_never_decreases(self, harness: DataFeedHarness) -> None:
        """Event times ascend, beginning no earlier than `connect` said."""
        async with harness.session() as session:
            for stream in harness.streams:
                await session.plugin.subscribe(stream)
            before = session.begin_ns
            for step in await session.steps(SAMPLE):
                assert step.time_ns >= before
                before = step.time_ns

    @case("FEED-03")
    async def test_feed_03_nothing_comes_before_the_first_subscription(
        self, harness: DataFeedHarness
    ) -> None:
        """An unsubscribed feed is silent; the first subscription wakes it."""
        async with harness.session() as session, asyncio.TaskGroup() as group:
            first = group.create_task(session.next(), name="first event")
            done, _ = await asyncio.wait({first}, timeout=SILENCE_S)
            assert not done, "an event of nothing"
            await session.plugin.subscribe(harness.streams[0])
            assert await first is not None

    @case("FEED-04")
    async def test_feed_04_subscribing_twice_delivers_once(self, harness: DataFeedHarness) -> None:
        """A stream asked for twice comes once."""
        async with harness.session() as session:
            await session.plugin.subscribe(harness.streams[0])
            await session.plugin.subscribe(harness.streams[0])
            steps = await session.steps(SAMPLE)
            seen = Counter(identity(point) for step in steps for point in step.points)
            assert steps and max(seen.values()) == 1

    @case("FEED-05")
    async def test_feed_05_only_what_was_asked_for_comes(self, harness: DataFeedHarness) -> None:
        """Points are of the subscribed symbol, kind and period."""
        stream = harness.streams[0]
        async with harness.session() as session:
            await session.plugin.subscribe(stream)
            for step in await session.steps(SAMPLE):
                for point in step.points:
                    assert point.symbol is stream.symbol
                    assert tick_type_of(point) is stream.tick_type
                    assert point.end_time_ns - point.time_ns <= stream.resolution.period_ns

    @case("FEED-06")
    async def test_feed_06_a_late_subscription_joins_from_now_on(self, harness: DataFeedHarness) -> None:
        """A stream added while running delivers, and nothing older than the moment it was added."""
        early, late = harness.streams[0], harness.streams[1]
        async with harness.session() as session:
            await session.plugin.subscribe(early)
            now_ns = (await session.steps(5))[-1].time_ns
            await session.plugin.subscribe(late)
            joined = [
                point
                for step in await session.steps(SAMPLE)
                for point in step.points
                if point.symbol is late.symbol and tick_type_of(point) is late.tick_type
            ]
            assert joined, "the late stream never came"
            assert all(point.end_time_ns > now_ns for point in joined)

    @case("FEED-07")
    async def test_feed_07_an_unsubscribed_stream_stops(self, harness: DataFeedHarness) -> None:
        """After unsubscribing, at most what was in flight still comes; the other stream goes on."""
        kept, dropped = harness.streams[0], harness.streams[1]
        async with harness.session() as session:
            await session.plugin.subscribe(kept)
            await session.plugin.subscribe(dropped)
            await session.steps(5)
            await session.plugin.unsubscribe(dropped)
            await session.plugin.unsubscribe(dropped)
            await session.steps(1)
            steps = await session.steps(SAMPLE)
            assert steps, "the other stream stopped too"
            for step in steps:
                assert not [
                    point
                    for point in step.points
                    if point.symbol is dropped.symbol and tick_type_of(point) is dropped.tick_type
                ]

    @case("FEED-08")
    async def test_feed_08_points_are_complete_when_they_come(self, harness: DataFeedHarness) -> None:
        """No bar comes before its end, and no step is empty."""
        async with harness.session() as session:
            for stream in harness.streams:
                await session.plugin.subscribe(stream)
            for step in await session.steps(SAMPLE):
                assert step.points, "an empty step"
                assert all(point.end_time_ns <= step.time_ns for point in step.points)

    @case("FEED-09")
    async def test_feed_09_trades_come_before_quotes_in_a_step(self, harness: DataFeedHarness) -> None:
        """Within a step of one security type, trade points precede quote points."""
        async with harness.session() as session:
            for stream in harness.streams:
                await session.plugin.subscribe(stream)
            for step in await session.steps(SAMPLE):
                kinds = [(point.symbol.security_type, tick_type_of(point)) for point in step.points]
                assert kinds == sorted(kinds)

    @case("FEED-10")
    async def test_feed_10_bars_make_sense(self, harness: DataFeedHarness) -> None:
        """Low is lowest, high is highest, volume is not negative, and each stream's bars ascend."""
        async with harness.session() as session:
            for stream in harness.streams:
                await session.plugin.subscribe(stream)
            newest: dict[tuple[str, TickType], int] = {}
            for step in await session.steps(SAMPLE):
                for point in step.points:
                    stream_key = (point.symbol.text, tick_type_of(point))
                    assert point.end_time_ns > newest.get(stream_key, 0)
                    newest[stream_key] = point.end_time_ns
                    if isinstance(point, TradeBar):
                        assert 0 < point.low <= min(point.open, point.close)
                        assert point.high >= max(point.open, point.close) and point.volume >= 0

    @case("FEED-11", needs=finite)
    async def test_feed_11_the_end_is_said_once_and_last(self, harness: DataFeedHarness) -> None:
        """A finished feed yields DataEnded and then ends."""
        async with harness.session() as session:
            await session.plugin.subscribe(harness.streams[0])
            kinds: Counter[str] = Counter()
            last: FeedEvent | None = None
            while (event := await session.next()) is not None:
                last = event
                kinds[type(event).__name__] += 1
            assert isinstance(last, DataEnded) and kinds["DataEnded"] == 1
            assert kinds["MarketDataArrived"] > 0

    @case("FEED-12")
    async def test_feed_12_close_ends_events_and_is_idempotent(self, harness: DataFeedHarness) -> None:
        """After `close` a waiting reader is let go; closing again is harmless."""
        async with harness.session() as session, asyncio.TaskGroup() as group:
            reader = group.create_task(session.next(), name="reader")
            await asyncio.wait({reader}, timeout=SILENCE_S)
            await session.plugin.close()
            assert await reader is None
            await session.plugin.close()

    @case("FEED-13", needs=resumes)
    async def test_feed_13_a_new_session_continues_the_last(self, harness: DataFeedHarness) -> None:
        """What was read and completed is not delivered again, and nothing between is left out."""
        async with harness.session() as session:
            await session.plugin.subscribe(harness.streams[0])
            read = await session.steps(10)
            (left,) = await session.steps(1, taken=False)  # asking for it completes the last of `read`
            is_resumable = isinstance(session.plugin, Resumable)
        async with harness.session() as session:
            assert session.begin_ns >= read[-1].time_ns
            await session.plugin.subscribe(harness.streams[0])
            again = await session.steps(5)
            assert again[0].time_ns > read[-1].time_ns and again[0].sequence == 1
            assert again[0].time_ns == left.time_ns or not is_resumable, "what nobody took comes again"
            assert [step.time_ns for step in again] == sorted({step.time_ns for step in again})
