"""Calls of libraries that block, in threads that nobody waits for.

An executor's threads are joined when the process ends, so one that hangs in a socket would hold up the end of
the daemon; these are daemon threads. A call whose caller has given up goes on by itself, and counts until it
returns: when `limit` of them hang, no more are begun.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from livetrader_engine.spi import VenueError

Result = TypeVar("Result")

CALLS_LIMIT: Final = 4  # at once; each holds a thread of some 100 kB


class BlockingCalls:
    """Runs blocking calls for one plugin. Used from one event loop."""

    def __init__(self, name: str, limit: int = CALLS_LIMIT) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self._running = 0  # guarded by _lock

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns, or raise what it raises. Raises VenueError where too many hang."""
        with self._lock:
            if self._running >= self._limit:
                raise VenueError(f"{self._running} earlier calls have not come back")
            self._running += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def tell(result: Result | None, error: BaseException | None) -> None:
            if future.cancelled():
                return  # whoever asked has given up
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]  # no error: it is a Result
            else:
                future.set_exception(error)

        def work() -> None:
            result: Result | None = None
            error: BaseException | None = None
            try:
                result = call()
            except Exception as raised:  # noqa: BLE001 — boundary: it belongs to whoever awaits the call
                error = raised
            finally:
                with self._lock:
                    self._running -= 1
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, result, error)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future
