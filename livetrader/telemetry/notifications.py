"""Tells people: a bounded queue in front of sinks. What does not fit is dropped and counted.

Nobody ever waits for a notification.

The only sink of this release writes to the log; a mail or chat sink is another `Sink`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, Protocol

import msgspec

from livetrader.telemetry.logs import event

QUEUE_LIMIT: Final = 256  # notifications waiting for slow sinks
SINK_LIMIT_S: Final = 10.0  # a sink that takes longer is given up for this notification

_log = logging.getLogger(__name__)


class Urgency(IntEnum):
    """How soon somebody has to look."""

    INFORMATION = logging.INFO
    WARNING = logging.WARNING
    ALARM = logging.CRITICAL


class Notification(msgspec.Struct, frozen=True):
    """Something a person should know. `next_step` says what to do about it.

    `key` names what it is about: one with the same key is counted, not sent, for a while; empty: the same
    title and message. `resolved` says that what `key` names is over. `source` is daemon, alert or algorithm.
    """

    time_ns: int
    urgency: Urgency
    title: str
    message: str
    next_step: str = ""
    key: str = ""
    resolved: bool = False
    source: str = "daemon"
    url: str = ""  # of the runbook


class Notify(Protocol):
    """Tells people something; never waits."""

    def __call__(
        self, title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /
    ) -> None:
        """Queue one notification."""
        ...


class Announce(Protocol):
    """Tells people something that has more to it than Notify takes; never waits."""

    def __call__(self, notification: Notification, /) -> None:
        """Queue one notification."""
        ...


class Sink(Protocol):
    """Where notifications go."""

    name: str

    async def send(self, notification: Notification) -> None:
        """Deliver it. Raises OSError where it cannot; it is not tried again."""
        ...


class LogSink:
    """Writes notifications to the log."""

    name = "log"

    async def send(self, notification: Notification) -> None:
        """Write one line."""
        event(
            _log,
            int(notification.urgency),
            "notification",
            title=notification.title,
            detail=notification.message,
            next_step=notification.next_step,
        )


class Notifications:
    """The queue and the task that empties it. Owned by the supervisor's loop.

    Overflow rule: the oldest notification that is no alarm makes room; where all are alarms, the new one is
    dropped, for the first alarm is the one that explains the others.
    """

    def __init__(self, sinks: Sequence[Sink], count: Callable[[str], None] = lambda outcome: None) -> None:
        self._sinks = tuple(sinks)
        self._count = count
        self._queue: deque[Notification] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def put(self, notification: Notification) -> bool:
        """Queue it; return whether it will be sent. Never waits."""
        if self._closed or (len(self._queue) >= QUEUE_LIMIT and not self._make_room(notification)):
            self._count("dropped")
            return False
        self._queue.append(notification)
        self._arrived.set()
        return True

    async def run(self) -> None:
        """Send until `close` was called and everything queued by then has been sent."""
        while True:
            while self._queue:
                notification = self._queue.popleft()
                for sink in self._sinks:
                    await self._send(sink, notification)
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()

    def close(self) -> None:
        """Take no more; `run` returns when the queue is empty."""
        self._closed = True
        self._arrived.set()

    def _make_room(self, new: Notification) -> bool:
        for index, old in enumerate(self._queue):
            if old.urgency < Urgency.ALARM:
                del self._queue[index]
                self._count("dropped")
                return True
        return False

    async def _send(self, sink: Sink, notification: Notification) -> None:
        try:
            async with asyncio.timeout(SINK_LIMIT_S):
                await sink.send(notification)
        except Exception:  # noqa: BLE001 — boundary: a sink is somebody else's code and may not end the daemon
            self._count("failed")
            _log.exception("notification sink failed", extra={"action": "notify", "sink": sink.name})
        else:
            self._count("sent")
