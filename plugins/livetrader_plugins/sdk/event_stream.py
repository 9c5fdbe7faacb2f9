"""The way from the venue to the daemon: a queue that knows when its reader has dealt with an event."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from livetrader_engine.spi import BrokerageEvent, VenueError

BACKLOG_LIMIT: Final = 100_000  # events nobody reads; more means that the reader is gone, not slow


class EventStream:
    """Events in order, for one reader. An event is handled when the reader asks for the next one.

    It loses nothing: `put` refuses once BACKLOG_LIMIT events wait, and the caller must end the session.
    """

    def __init__(self) -> None:
        self._waiting: deque[BrokerageEvent] = deque()
        self._ended = False
        self._why = ""
        self._changed = asyncio.Event()  # something to read, or the end
        self._settled = asyncio.Event()
        self._settled.set()

    def put(self, event: BrokerageEvent) -> bool:
        """Add an event; return False, adding nothing, where too many wait or the stream has ended."""
        if self._ended or len(self._waiting) >= BACKLOG_LIMIT:
            return False
        self._waiting.append(event)
        self._settled.clear()
        self._changed.set()
        return True

    def end(self, why: str = "") -> None:
        """Let the reader have what waits, then end; whoever waits in `settle` is let go now.

        The reader hears the first `why` as a VenueError.
        """
        if not self._ended:
            self._why = why
        self._ended = True
        self._settled.set()
        self._changed.set()

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended

    async def settle(self) -> None:
        """Return when every event put so far, and those put meanwhile, are handled, or the stream ended."""
        await self._settled.wait()

    async def read(self) -> AsyncIterator[BrokerageEvent]:
        """Yield events until the end. Raises VenueError where the end has a reason."""
        while True:
            while self._waiting:
                event = self._waiting[0]
                yield event
                # The reader came back: it is done with this one. Only now it leaves the queue, so that a
                # reader that is cancelled in the middle leaves it for the next.
                self._waiting.popleft()
            if self._why:
                raise VenueError(self._why)
            if self._ended:
                return
            self._settled.set()
            self._changed.clear()
            await self._changed.wait()
