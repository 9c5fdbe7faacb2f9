"""The event stream behind `Operations.subscribe`: one bounded queue per reader, publishing never waits.

Overflow rule: a reader that lets `QUEUE_LIMIT` events pile up is dropped, not waited for and not thinned
out: it comes back, gets a fresh snapshot first, and so never shows a state with holes in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from livetrader.control.operations import StreamEvent

QUEUE_LIMIT: Final = 1024  # events per reader: some seconds of a fast replay
READER_LIMIT: Final = 32  # readers at once: operators and a dashboard, not the public


class TooManyReadersError(Exception):
    """There are already READER_LIMIT readers of the stream. Close one, or read /v1/status instead."""


class QueuedSubscription:
    """One reader's queue. Owned by the loop; ends after `close`, or when the reader was too slow."""

    def __init__(self, forget: Callable[[QueuedSubscription], None]) -> None:
        self._events: deque[StreamEvent] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._forget = forget
        self._dropped = False

    @property
    def dropped(self) -> bool:
        """Whether it ended because its reader was too slow."""
        return self._dropped

    def put(self, event: StreamEvent) -> None:
        """Add an event, or end the subscription where the queue is full."""
        if self._closed:
            return
        if len(self._events) >= QUEUE_LIMIT:
            self._dropped = True
            self._events.clear()
            self.close()
            return
        self._events.append(event)
        self._arrived.set()

    def close(self) -> None:
        """End the stream; what is queued is still delivered, except to a dropped reader."""
        if not self._closed:
            self._closed = True
            self._forget(self)
            self._arrived.set()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """Return itself: a queue has one reader."""
        return self

    async def __anext__(self) -> StreamEvent:
        """Return the next event. May be cancelled (a timeout) and called again without losing one."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()


class EventHub:
    """Hands every published event to every reader. Owned by the loop; not for other threads."""

    def __init__(self) -> None:
        self._readers: set[QueuedSubscription] = set()
        self.dropped = 0  # readers that were too slow, since start

    @property
    def readers(self) -> int:
        """How many follow the stream now; with 0 it is not worth making events."""
        return len(self._readers)

    def subscribe(self, snapshot: Iterable[StreamEvent] = ()) -> QueuedSubscription:
        """Start a stream that begins with `snapshot`. Raises TooManyReadersError beyond READER_LIMIT."""
        if len(self._readers) >= READER_LIMIT:
            raise TooManyReadersError(f"{READER_LIMIT} readers follow the event stream already")
        reader = QueuedSubscription(self._readers.discard)
        for event in snapshot:
            reader.put(event)
        self._readers.add(reader)
        return reader

    def publish(self, event: StreamEvent) -> None:
        """Give `event` to every reader; never waits. A reader that is full is dropped."""
        for reader in tuple(self._readers):
            reader.put(event)
            if reader.dropped:
                self.dropped += 1

    def close(self) -> None:
        """End every stream."""
        for reader in tuple(self._readers):
            reader.close()
