"""One thing to wait on for whoever waits until something in the supervisor is otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Wakes everybody who waits whenever anything changed. Belongs to the loop's thread.

    It knows nothing about what changed: waiters look for themselves.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def announce(self) -> None:
        """Let every waiter look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, predicate: Callable[[], bool]) -> None:
        """Return as soon as `predicate` holds; it is asked now and after every announcement."""
        while not predicate():
            await self._changed.wait()
