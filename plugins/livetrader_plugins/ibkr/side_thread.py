"""A thread with an event loop, for who is asked synchronously and has to ask over a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, Final, TypeVar

from livetrader_engine.spi import VenueError

SLACK_S: Final = 5.0  # that work may take beyond its limit, to say what it waited for
START_LIMIT_S: Final = 10.0  # until the loop runs; more is a machine in distress

Answer = TypeVar("Answer")


class SideThread:
    """Begins with the first question and ends with `close`, or with the process. Any thread may ask.

    What runs there may start tasks with `spawn`; they end with the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._group: asyncio.TaskGroup | None = None
        self._thread: threading.Thread | None = None

    def ask(self, work: Callable[[], Coroutine[Any, Any, Answer]], limit_s: float) -> Answer:
        """Run `work` on the loop of the thread and return what it returns; blocks. Raises what it raises.

        VenueError where it has not ended after `limit_s` and some slack, or the thread is closed meanwhile.
        """
        future = asyncio.run_coroutine_threadsafe(work(), self._running())
        try:
            return future.result(limit_s + SLACK_S)
        except TimeoutError as error:
            future.cancel()
            raise VenueError(f"no answer of Interactive Brokers within {limit_s:g} s") from error
        except CancelledError as error:
            raise VenueError("the connection was closed while an answer was awaited") from error

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that ends with the thread. Only for what runs on the thread's loop."""
        assert self._group is not None, "spawned by work of the thread"
        self._group.create_task(work, name=name)

    def close(self, before: Callable[[], None]) -> None:
        """End the thread and what runs there; idempotent. Blocks until it is over.

        `before` is called on the thread's loop first, where there is one: it lets go of sockets.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None or self._loop is None or self._stop is None:
                return
            self._loop.call_soon_threadsafe(before)
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._thread is None:
                started = threading.Event()
                # a daemon: a process that ends does not wait for an answer
                self._thread = threading.Thread(
                    target=self._run, args=(started,), name=self._name, daemon=True
                )
                self._thread.start()
                if not started.wait(START_LIMIT_S):
                    raise VenueError(f"the thread {self._name!r} did not start within {START_LIMIT_S:g} s")
            assert self._loop is not None, "the thread has said that it runs"
            return self._loop

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self._until_closed(started))

    async def _until_closed(self, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._loop = asyncio.get_running_loop()
            started.set()
            await self._stop.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
