"""The replay feed: a data folder, merged and filled forward as in a backtest, at the speed of a clock.

Reading happens in a thread, one step at a time and only when the daemon asks: what has not been asked for
is not read, so a subscription made in one step is part of the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import ClassVar

import msgspec

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import API_VERSION, Context, FeedCapabilities, FeedEvent, PluginError
from livetrader_engine.synchronizer import HistoricalFeed
from livetrader_plugins.replay.config import ReplayConfig, bounds_ns, played
from livetrader_plugins.replay.pace import Pace
from livetrader_plugins.replay.position import PositionFile

Played = MarketDataArrived | DataEnded


class ReplayFeed:
    """Plays history as a live feed. Keeps its own time: the daemon's clock follows its events.

    One session at a time; if `resume` says so, `connect` begins behind the last step that was taken.
    """

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = ReplayConfig

    def __init__(self, config: ReplayConfig, context: Context) -> None:
        """Keep the settings; nothing is read before `connect`."""
        self._config = config
        self._context = context
        self.capabilities = FeedCapabilities(
            keeps_time=True, lockstep=config.lockstep, timeless=config.lockstep and config.speed == "max"
        )
        self._end_ns = 0
        self._here_ns = 0  # tape time of the last event yielded, or the begin
        self._taken_ns = 0  # of the last one that was taken, or the begin
        self._position: PositionFile | None = None
        self._source: HistoricalFeed | None = None
        self._streams: dict[Subscription, None] = {}  # asked for, in order
        self._changes: list[Callable[[HistoricalFeed], None]] = []  # for the reading thread
        self._subscribed = asyncio.Event()
        self._closed = asyncio.Event()
        self._reading = asyncio.Lock()  # the thread at work; close waits for it
        self._delivered = False
        self._recorded_ns = 0  # what the position file says

    async def connect(self) -> int:
        """Begin a session; return the tape time at which its data begins."""
        if self._context.history is None or self._context.reference is None:
            raise PluginError("the replay feed plays the data folder: set [data] folder in the settings")
        start_ns, self._end_ns = bounds_ns(self._config, self._context.now_ns())
        tape = f"{self._config.start}..{self._config.end or ''} {self._config.timezone}"
        begin_ns = await asyncio.to_thread(self._open, tape, start_ns)
        if begin_ns > start_ns:
            self._context.report("replay_resumed", time_ns=begin_ns)
        self._here_ns = self._taken_ns = self._recorded_ns = begin_ns
        self._closed.clear()
        self._delivered = False
        return begin_ns

    def _open(self, tape: str, start_ns: int) -> int:
        self._position = PositionFile(self._context.state_directory, tape)
        found = self._position.read() if self._config.resume else None
        return start_ns if found is None else max(start_ns, found)

    async def subscribe(self, subscription: Subscription) -> None:
        """Play this stream from the next step on."""
        if subscription in self._streams:
            return
        self._streams[subscription] = None
        stream = played(subscription, self._config)
        self._changes.append(partial(_subscribe, stream))
        self._subscribed.set()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Play it no longer, from the next step on."""
        if subscription not in self._streams:
            return
        del self._streams[subscription]
        stream = played(subscription, self._config)
        self._changes.append(partial(_unsubscribe, stream))

    def taken(self) -> None:
        """Note that the step yielded last reaches engine and account: it never comes again."""
        self._taken_ns = self._here_ns

    async def close(self) -> None:
        """End the session; what was taken last is where the next one goes on."""
        self._closed.set()
        self._subscribed.set()
        async with self._reading:
            self._source = None
            if self._position is not None:
                await asyncio.to_thread(self._close_position)

    def _close_position(self) -> None:
        self._write_position(self._taken_ns)  # a step that was read or yielded, and not taken, comes again
        if self._position is not None:
            self._position.close()
            self._position = None

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield steps when they are due, pulses between them at watchable speeds, DataEnded last."""
        await self._subscribed.wait()
        pace = Pace(None if self._config.speed == "max" else self._config.speed)
        sequence = 0
        while (event := await self._read()) is not None:
            while (pulse_ns := await self._pause(event, pace)) is not None:
                if not await self._record(pulse_ns):
                    return
                sequence += 1
                yield TimePulse(pulse_ns, sequence)
            if isinstance(event, DataEnded):
                self._say_if_empty()
                yield event
                return
            if not await self._record(event.time_ns):
                return
            self._delivered = True
            sequence += 1
            yield msgspec.structs.replace(event, sequence=sequence)

    async def _read(self) -> Played | None:
        """Read one step in the thread; None when the session was closed meanwhile."""
        while True:
            async with self._reading:
                if self._closed.is_set():
                    return None
                event = await asyncio.to_thread(self._read_in_thread)
            if self._delivered or not self._changes:
                return event
            # streams that joined before the first step was delivered belong to it: begin again with them
            self._source = None

    def _read_in_thread(self) -> Played:
        history, reference = self._context.history, self._context.reference
        assert history is not None and reference is not None, "checked by connect"
        changes, self._changes = self._changes, []
        if self._source is None:
            self._source = HistoricalFeed(history, reference, self._here_ns, self._end_ns)
            for subscription in list(self._streams):
                self._source.subscribe(played(subscription, self._config))
        else:
            for change in changes:
                change(self._source)
        event = self._source.next()
        if event is None:
            return DataEnded(self._end_ns)
        assert isinstance(event, MarketDataArrived | DataEnded), "a historical feed has nothing else"
        if self._config.speed == "max" and self._delivered and isinstance(event, MarketDataArrived):
            self._write_position(event.time_ns)  # it is due at once: saves a second trip to a thread
        return event

    def _write_position(self, time_ns: int) -> None:
        if self._position is not None and self._recorded_ns != time_ns:
            self._position.write(time_ns)
            self._recorded_ns = time_ns

    async def _record(self, time_ns: int) -> bool:
        """Note that the tape stands at `time_ns` now; False when the session was closed meanwhile."""
        async with self._reading:
            if self._closed.is_set():
                return False
            if self._recorded_ns != time_ns:
                await asyncio.to_thread(self._write_position, time_ns)
            self._here_ns = time_ns
        return True

    async def _pause(self, event: Played, pace: Pace) -> int | None:
        """Wait for the next thing due before `event`, or for the event; return the time of a pulse.

        None: the event is due, or the session was closed.
        """
        if isinstance(event, DataEnded):
            return None
        now_s = self._context.monotonic_s()
        wait_s = pace.wait_s(event.time_ns, now_s)
        if not wait_s:
            return None
        pulse_ns = pace.next_pulse_ns(self._here_ns, event.time_ns, now_s)
        if pulse_ns is not None:
            wait_s = pace.wait_s(pulse_ns, now_s)
        if wait_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closed.wait()
        return None if self._closed.is_set() else pulse_ns

    def _say_if_empty(self) -> None:
        if not self._delivered:
            self._context.report(
                "replay_without_data",
                level="warning",
                remedy="the tape was played to its end before, or there are no files for these symbols and"
                " days; set resume = false or remove the feed's position.json to play it again",
            )


def _subscribe(stream: Subscription, source: HistoricalFeed) -> None:
    source.subscribe(stream)


def _unsubscribe(stream: Subscription, source: HistoricalFeed) -> None:
    source.unsubscribe(stream)
