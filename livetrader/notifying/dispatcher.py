"""Gives each channel what it should have now, and takes note of what came of it.

    put ──► arrivals ──► book ──► plan: which entry to which channel ──► one task a message ──► book
                           └────► writer ──► notifications.sqlite3

Nobody ever waits for a notification: `put` queues and returns. A channel that hangs costs its own time and
then its turn; one that raises is a failed attempt. Nothing here is needed to trade.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livetrader.notifying.algorithm import Outbound
from livetrader.notifying.arrivals import Arrivals
from livetrader.notifying.book import Book
from livetrader.notifying.channels import Channel, Outcome
from livetrader.notifying.entries import Entry
from livetrader.notifying.rates import parcel
from livetrader.notifying.routing import Routes, choose, retry_pause_s
from livetrader.notifying.words import message_of
from livetrader.notifying.writer import OutboxWriter
from livetrader.quiet_hours import QuietHours
from livetrader.settings import NotifySettings
from livetrader.telemetry.logs import event
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.commands import SendOut
from livetrader_engine.symbols import NS_PER_SECOND

PAUSE_MOST_S: Final = 60.0  # between looks at the clock on the wall, which may be set
FAULT_PAUSE_S: Final = 5.0  # before going on after a fault of our own
FLUSH_S: Final = 5.0  # at the daemon's end, for what can leave at once

_log: Final = logging.getLogger("livetrader.notifying")


@dataclass(frozen=True, slots=True)
class NotifyPorts:
    """What the dispatcher works with. `count` hears of outcomes, `changed` of entries."""

    settings: NotifySettings
    channels: tuple[Channel, ...]
    path: Path
    account: str
    wall_ns: Callable[[], int]
    chance: Callable[[], float]
    count: Callable[[str], None]
    changed: Callable[[Entry], None] = lambda entry: None


class Dispatcher:
    """Owns arrivals, book, writer and channels. Belongs to the loop's thread; `run` is its one task."""

    def __init__(self, ports: NotifyPorts) -> None:
        names = [channel.name for channel in ports.channels if not channel.carries_only]
        self.channels = {channel.name: channel for channel in ports.channels}
        self.routes = Routes(ports.settings, names)
        self.book = Book(ports.settings, self.routes, ports.count)
        self.writer = OutboxWriter(ports.path, ports.wall_ns)
        self.changed = ports.changed
        self._ports = ports
        self._outbound = Outbound(ports.settings, ports.channels, self.book, self.put)
        self._quiet = QuietHours.parse(ports.settings.quiet_hours, ports.settings.quiet_timezone)
        self._arrivals = Arrivals()
        self._under_way: dict[int, set[str]] = {}  # entry -> channels that are being given it
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()
        self._closed = False
        self._running = False

    # ---- what may be asked for

    def put(self, notification: Notification) -> None:
        """Queue a notification, and write it to the log; never waits, never raises."""
        event(
            _log, int(notification.urgency), "notification", title=notification.title,
            detail=notification.message, next_step=notification.next_step,
        )  # fmt: skip
        if self._closed:
            self._ports.count("dropped")
        else:
            if not self._arrivals.put(notification):
                self._ports.count("merged")
            self._wake.set()

    def send_out(self, command: SendOut) -> None:
        """Queue a message of the algorithm's; never waits. Over its quota it is refused, and that is told."""
        if not self._closed:
            self._outbound.put(command)
            self._wake.set()

    def wake(self) -> None:
        """Look again: the book has changed."""
        self._wake.set()

    async def flush(self, limit_s: float = FLUSH_S) -> None:
        """Return when everything that can leave now has left, or after `limit_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._running and self._has_work():
                    self._turned.clear()
                    self._wake.set()
                    await self._turned.wait()

    async def close(self) -> None:
        """Take no more, write down what waits, close the channels; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._take_in(self._ports.wall_ns())
        await self.writer.close()
        for channel in self.channels.values():
            await channel.close()

    # ---- the task

    async def run(self) -> None:
        """Send until cancelled. A fault of ours costs a pause, and never the daemon."""
        self._load(await self.writer.open())
        self._running = True
        try:
            while True:
                try:
                    await self._serve()
                except Exception:  # noqa: BLE001 — boundary: what people are told must not end what trades
                    self._ports.count("fault")
                    _log.exception("notifications failed", extra={"action": "notifications_failed"})
                self._under_way.clear()
                await asyncio.sleep(FAULT_PAUSE_S)
        finally:
            self._running = False
            self._turned.set()

    async def _serve(self) -> None:
        """Give the channels what they should have, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in self.channels.values():
                channel.busy = True
                group.create_task(self._prepare(channel), name=f"notify {channel.name}")
            while True:
                self._wake.clear()
                now_ns = self._ports.wall_ns()
                self._take_in(now_ns)
                for entry in self.book.tick(now_ns):
                    self.changed(entry)
                wake_ns = self._start_what_may_go(group, now_ns)
                self.writer.put(self.book.changes())
                self._turned.set()
                await self._pause((wake_ns - now_ns) / NS_PER_SECOND)

    def _load(self, entries: Sequence[Entry]) -> None:
        self.book.load(entries)
        now_ns = self._ports.wall_ns()
        if self.writer.problem:  # what is on disk was not read, and must not be written over
            self.book.begin_numbers(now_ns // NS_PER_SECOND)
        for channel in self.channels.values():
            deliveries = (each for entry in entries for each in entry.deliveries)
            sent = (each.sent_ns for each in deliveries if each.channel == channel.name and each.sent_ns)
            channel.room.replay(sent, now_ns)
        self._outbound.load(entries)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(PAUSE_MOST_S, max(0.0, seconds))):
                await self._wake.wait()

    def _has_work(self) -> bool:
        return bool(self._arrivals or self._under_way or self._outbound.busy or self._wake.is_set())

    def _take_in(self, now_ns: int) -> None:
        while (notification := self._arrivals.next(now_ns)) is not None:
            entry = self.book.take(notification, now_ns)
            if entry is not None:
                self.changed(entry)
        for entry in self._outbound.take_in(now_ns):
            self.changed(entry)
        self.writer.put(self.book.changes())

    # ---- who gets what

    def _start_what_may_go(self, group: asyncio.TaskGroup, now_ns: int) -> int:
        """Start a task for each channel that has something to say now; return when to look again."""
        times = [now_ns + int(PAUSE_MOST_S * NS_PER_SECOND)]
        times += [time for time in (self.book.next_ns(),) if time is not None]
        quiet_ns = 0 if self._quiet is None else self._quiet.until_ns(now_ns)
        waiting = []
        for entry in self.book.waiting():
            held = quiet_ns and not entry.is_alarm and not entry.pressing
            if held:
                times.append(quiet_ns)
            elif entry.outgoing is None:
                waiting.append(entry)
        longest_ns = int(self._ports.settings.retry_max_s * NS_PER_SECOND)  # beyond: the clock was set back
        down = {
            name
            for name, channel in self.channels.items()
            if now_ns < channel.retry_ns <= now_ns + longest_ns
        }
        if waiting:
            times += [self.channels[name].retry_ns for name in down]
        for channel in self.channels.values():
            if not channel.busy and channel.name not in down:
                times += self._start(group, channel, waiting, down, now_ns)
        times += self._outbound.start(group, self._carried, now_ns)
        return min(times)

    def _start(
        self, group: asyncio.TaskGroup, channel: Channel, waiting: list[Entry], down: set[str], now_ns: int
    ) -> list[int]:
        """Give a channel its next message; return when there will be room for one where there is none."""
        for_it = [
            entry
            for entry in waiting
            if channel.name
            in choose(entry, self.routes.of(entry), down, self._under_way.get(entry.id, frozenset()))
        ]
        entries = parcel(for_it, channel.room, now_ns)
        if not entries:
            alarm = any(entry.is_alarm for entry in for_it)
            return [channel.room.next_ns(now_ns, alarm=alarm)] if for_it else []
        channel.busy = True
        for entry in entries:
            self._under_way.setdefault(entry.id, set()).add(channel.name)
        group.create_task(self._deliver(channel, entries), name=f"notify {channel.name}")
        return []

    async def _prepare(self, channel: Channel) -> None:
        """Load what a channel needs now: the first alarm should not wait for it."""
        try:
            outcome = await channel.prepare()
        finally:
            channel.busy = False
        if outcome.problem:
            self._note_health(channel, outcome, self._ports.wall_ns())
        self._wake.set()

    async def _deliver(self, channel: Channel, entries: tuple[Entry, ...]) -> None:
        message = message_of(entries, self._ports.account)
        try:
            outcome = await channel.send(message, self._ports.settings.attempt_limit_s)
        finally:
            channel.busy = False
            for entry in entries:
                names = self._under_way.get(entry.id, set())
                names.discard(channel.name)
                if not names:
                    self._under_way.pop(entry.id, None)
        now_ns = self._ports.wall_ns()
        self._note_health(channel, outcome, now_ns)
        for entry in entries:
            if not self.book.knows(entry.id):
                continue  # acknowledged and forgotten while it was on its way
            if outcome.problem:
                news = self.book.failed(entry.id, channel.name, outcome.problem, now_ns)
            else:
                news = self.book.delivered(entry.id, channel.name, now_ns)
            self.changed(news)
        self._wake.set()

    def _note_health(self, channel: Channel, outcome: Outcome, now_ns: int) -> None:
        if not outcome.problem:
            if channel.failures:
                event(_log, logging.INFO, "channel_works_again", channel=channel.name)
            channel.failures, channel.retry_ns, channel.problem = 0, 0, ""
            channel.sent += 1
            channel.room.take(now_ns)
            return
        settings = self._ports.settings
        channel.failures += 1
        channel.failed += 1
        pause_s = retry_pause_s(
            channel.failures, settings.retry_s, settings.retry_max_s, self._ports.chance()
        )
        channel.retry_ns = now_ns + int(pause_s * NS_PER_SECOND)
        if outcome.problem != channel.problem:
            event(
                _log, logging.WARNING, "channel_failed", channel=channel.name, problem=outcome.problem,
                next_step=f"livetrader notify test --channel {channel.name}",
            )  # fmt: skip
        channel.problem = outcome.problem

    def _carried(self, entry: Entry, channel: Channel, outcome: Outcome) -> None:
        """Take note of what came of a message of the algorithm's."""
        now_ns = self._ports.wall_ns()
        if not self.book.knows(entry.id):
            return
        if not outcome.problem:
            news = self.book.delivered(entry.id, channel.name, now_ns)
        else:
            news = self.book.failed(entry.id, channel.name, outcome.problem, now_ns, final=outcome.final)
        if outcome.problem and news.outgoing is None:
            self.put(
                Notification(
                    now_ns, Urgency.WARNING, "a message of the algorithm was not sent",
                    f"{entry.title}: {outcome.problem}", "livetrader notify test shows which channels work",
                    key=f"outgoing {entry.title}", source="algorithm",
                )
            )  # fmt: skip
        self.changed(news)
        self._wake.set()
