"""The replay feed over a made-up history: speed, pulses, latecomers, resuming."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import FeedEvent, PluginError
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, Resolution, SecurityType
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import SampleReference, minute_of, new_york_ns
from livetrader_plugins.replay import ReplayFeed
from livetrader_plugins.replay.config import ReplayConfig, bounds_ns, played

OPEN_NS = new_york_ns(2013, 10, 7, 9, 30)
BARS = 5
REFERENCE = SampleReference()
FIRST = Subscription(REFERENCE.symbol("AAA", SecurityType.EQUITY, "usa"), Resolution.MINUTE)
SECOND = Subscription(REFERENCE.symbol("BBB", SecurityType.EQUITY, "usa"), Resolution.MINUTE)
DAY = {"start": date(2013, 10, 7), "end": date(2013, 10, 7)}


class MadeUpHistory:
    """Five minutes of every symbol; notes in which thread it was read."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def history(self, request: HistoryRequest) -> Iterable[MarketPoint]:
        """Yield the trade bars within the range."""
        self.threads.add(threading.get_ident())
        for number in range(1, BARS + 1):
            end_ns = OPEN_NS + number * NS_PER_MINUTE
            if request.start_ns < end_ns <= request.end_ns:
                yield minute_of(request.subscription.symbol, end_ns, 100.0 + number).points[0]


def host_of(directory: Path, history: MadeUpHistory | None = None) -> PluginHost:
    """Return a host with a made-up history."""
    return PluginHost("replay", directory, reference=REFERENCE, history=history or MadeUpHistory())


async def play(directory: Path, config: ReplayConfig, most: int = 1000) -> list[FeedEvent]:
    """Play at most so many events of one stream, all of them taken; closes in good order."""
    async with host_of(directory) as host:
        feed = ReplayFeed(config, host.context)
        await feed.connect()
        await feed.subscribe(FIRST)
        seen: list[FeedEvent] = []
        async for event in feed.events():
            seen.append(event)
            feed.taken()
            if len(seen) >= most:
                break
        await feed.close()
    return seen


def minutes(events: Iterable[FeedEvent]) -> list[int]:
    """Return which minutes of the session the data steps are."""
    return [
        (event.time_ns - OPEN_NS) // NS_PER_MINUTE for event in events if isinstance(event, MarketDataArrived)
    ]


def test_everything_comes_once_and_then_the_end(tmp_path: Path) -> None:
    events = asyncio.run(play(tmp_path, ReplayConfig(**DAY, speed="max")))
    first = [event for event in events if isinstance(event, MarketDataArrived)]
    assert minutes(first)[:BARS] == [1, 2, 3, 4, 5]
    assert isinstance(events[-1], DataEnded)
    assert [event.sequence for event in first] == list(range(1, len(first) + 1))


def test_reading_happens_in_another_thread(tmp_path: Path) -> None:
    async def read() -> set[int]:
        history = MadeUpHistory()
        async with host_of(tmp_path, history) as host:
            feed = ReplayFeed(ReplayConfig(**DAY, speed="max"), host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            await anext(aiter(feed.events()))
            await feed.close()
        return history.threads

    assert threading.get_ident() not in asyncio.run(read())


def test_a_restarted_feed_goes_on_behind_the_last_step(tmp_path: Path) -> None:
    config = ReplayConfig(**DAY, speed="max")
    assert minutes(asyncio.run(play(tmp_path, config, most=2))) == [1, 2]
    assert minutes(asyncio.run(play(tmp_path, config, most=2))) == [3, 4]


def test_without_resume_and_with_another_tape_it_starts_over(tmp_path: Path) -> None:
    config = ReplayConfig(**DAY, speed="max")
    asyncio.run(play(tmp_path, config, most=2))
    fresh = msgspec.structs.replace(config, resume=False)
    assert minutes(asyncio.run(play(tmp_path, fresh, most=1))) == [1]
    other = msgspec.structs.replace(config, end=date(2013, 10, 8))
    assert minutes(asyncio.run(play(tmp_path, other, most=1))) == [1]


def test_a_finished_tape_ends_at_once_and_says_what_to_do(tmp_path: Path) -> None:
    config = ReplayConfig(**DAY, speed="max")

    async def twice() -> tuple[list[FeedEvent], list[str]]:
        await play(tmp_path, config)
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(config, host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            events = [event async for event in feed.events()]
            await feed.close()
        return events, [action for action, _ in host.records]

    events, said = asyncio.run(twice())
    assert [type(event) for event in events] == [DataEnded]
    assert "replay_without_data" in said


def test_the_position_survives_a_feed_that_was_never_closed(tmp_path: Path) -> None:
    config = ReplayConfig(**DAY, speed="max")

    async def vanish() -> None:
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(config, host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            events = aiter(feed.events())
            for _ in range(3):
                await anext(events)

    asyncio.run(vanish())
    assert minutes(asyncio.run(play(tmp_path, config, most=1))) == [4]


@pytest.mark.parametrize("speed", ["max", 6000.0])
@pytest.mark.parametrize("taken", [0, 1, 3])
def test_what_was_yielded_and_not_taken_comes_again_after_a_close(
    tmp_path: Path, speed: float | str, taken: int
) -> None:
    """Nobody has acted on it. It was recorded before it was yielded, for a crash would not have known."""
    config = msgspec.convert({**DAY, "speed": speed}, ReplayConfig)

    async def refuse() -> list[int]:
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(config, host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            events, recorded = aiter(feed.events()), []
            for number in range(taken + 1):
                event = await anext(events)
                recorded.append(msgspec.json.decode((tmp_path / "position.json").read_bytes())["time_ns"])
                assert recorded[-1] == event.time_ns  # type: ignore[union-attr]  # all have one
                if number < taken:
                    feed.taken()
            await feed.close()
        return recorded

    assert len(asyncio.run(refuse())) == taken + 1
    assert minutes(asyncio.run(play(tmp_path, config, most=1))) == [taken + 1]


def test_a_torn_position_file_starts_over(tmp_path: Path) -> None:
    config = ReplayConfig(**DAY, speed="max")
    asyncio.run(play(tmp_path, config, most=2))
    (tmp_path / "position.json").write_bytes(b'{"tape": "20')
    assert minutes(asyncio.run(play(tmp_path, config, most=1))) == [1]


def test_streams_that_join_before_the_first_step_is_out_are_part_of_it(tmp_path: Path) -> None:
    async def join() -> MarketDataArrived:
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(ReplayConfig(**DAY, speed="max"), host.context)
            await feed.connect()
            events = aiter(feed.events())
            async with asyncio.TaskGroup() as group:
                first = group.create_task(anext(events))  # type: ignore[arg-type]  # a coroutine at run time
                await feed.subscribe(FIRST)
                await asyncio.wait({first}, timeout=0)
                await feed.subscribe(SECOND)
            step = first.result()
            await feed.close()
        assert isinstance(step, MarketDataArrived)
        return step

    step = asyncio.run(join())
    assert [point.symbol for point in step.points] == [FIRST.symbol, SECOND.symbol]
    assert step.sequence == 1


def test_speed_is_kept_and_pulses_fill_the_time_between(tmp_path: Path) -> None:
    async def watch() -> tuple[list[FeedEvent], float]:
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(ReplayConfig(**DAY, speed=60.0), host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            seen: list[FeedEvent] = []
            started = time.monotonic()
            async for event in feed.events():
                seen.append(event)
                if len(minutes(seen)) == 2:
                    break
            taken_s = time.monotonic() - started
            await feed.close()
        return seen, taken_s

    events, taken_s = asyncio.run(watch())
    assert 0.95 < taken_s < 3.0, "a minute at 60x is a second"
    pulses = [event for event in events if isinstance(event, TimePulse)]
    assert len(pulses) > 20, "about 59, fewer on a busy machine"
    assert all(pulse.time_ns % NS_PER_SECOND == 0 for pulse in pulses)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))  # type: ignore[union-attr]  # all have one
    times = [event.time_ns for event in events]
    assert times == sorted(times)


def test_close_lets_a_waiting_reader_go(tmp_path: Path) -> None:
    async def wait() -> list[FeedEvent]:
        async with host_of(tmp_path) as host:
            feed = ReplayFeed(ReplayConfig(**DAY, speed=0.001), host.context)
            await feed.connect()
            await feed.subscribe(FIRST)
            seen: list[FeedEvent] = []

            async def read() -> None:
                seen.extend([event async for event in feed.events()])

            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                reader = group.create_task(read())
                await asyncio.wait({reader}, timeout=0.1)
                await feed.close()
        return seen

    assert minutes(asyncio.run(wait())) == [1]


def test_the_settings_overrule_what_the_algorithm_asks_for() -> None:
    assert played(FIRST, ReplayConfig()) == FIRST
    config = ReplayConfig(normalization="raw", extended_market_hours=True)
    changed = played(FIRST, config)
    assert changed.normalization is Normalization.RAW and changed.extended_market_hours


def test_days_are_whole_and_in_the_settings_timezone() -> None:
    config = ReplayConfig(start=date(2013, 10, 7), end=date(2013, 10, 8))
    assert bounds_ns(config, 0) == (new_york_ns(2013, 10, 7), new_york_ns(2013, 10, 9))
    assert bounds_ns(ReplayConfig(start=date(2013, 10, 7)), 42) == (new_york_ns(2013, 10, 7), 42)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"start": "2013-10-08", "end": "2013-10-07"}, "end"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"speed": 0.0}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"sped": 1.0}, "sped"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.convert(options, ReplayConfig)


def test_a_feed_without_a_data_folder_says_what_to_set(tmp_path: Path) -> None:
    async def connect() -> None:
        await ReplayFeed(ReplayConfig(), PluginHost("replay", tmp_path).context).connect()

    with pytest.raises(PluginError, match=r"\[data\] folder"):
        asyncio.run(connect())
