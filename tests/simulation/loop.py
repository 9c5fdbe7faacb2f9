"""An asyncio loop with virtual time: it never waits, and a seed decides which of the ready tasks runs first.

Three habits keep a simulation honest. Timers fire a microsecond late, because `now - then > interval` would
never become true at the exact instant (a client library's throttle livelocks). Only steps of tasks are
permuted; callbacks stay first in, first out, because transports and futures rely on that. Work for a thread
runs inline, some time later, so that there is one schedule and it repeats.

The clock stands at `start_ns` (UTC) when the loop is made. There is no selector and no socket:
`create_connection` asks the network that the world has put in.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from random import Random
from typing import Any, Final, Protocol

from tests.simulation.process import PROCESS, Process, boundary

SECOND_NS: Final = 1_000_000_000
LATE_NS: Final = 1_000  # how late timers fire
STEPS_PER_INSTANT: Final = 100_000  # more without time passing is a livelock
PURGE_AT: Final = 1_000  # cancelled timers kept before the heap is made anew
THREAD_S: Final = (0.0001, 0.004)  # how long work in a thread takes, at least and at most
STALL_S: Final = (0.05, 0.3)  # and how long where the disk stalls
STALL_PROBABILITY: Final = 0.03


class LivelockError(Exception):
    """Work went on and on, and no time passed."""


class DeadlockError(Exception):
    """Nobody is ready and no timer runs: everybody waits for what will never come."""


class Network(Protocol):
    """Where connections come from."""

    async def connect(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to a listener. Raises OSError."""
        ...


class _Task(asyncio.Task[Any]):
    """A task with a number: sets of tasks have no order of their own."""

    number: int = 0


class VirtualLoop(BaseEventLoop):
    """Runs tasks in virtual time. Owned by the world; one thread, no I/O."""

    def __init__(self, random: Random, start_ns: int) -> None:
        super().__init__()
        self.network: Network | None = None
        self.steps = 0
        self._random = random
        self._start_ns = start_ns
        self._now_ns = 0
        self._tasks_made = 0
        self._cancelled_timers = 0
        self._here = 0
        self._crossed_s = 0.0  # when the newest call from a thread arrives
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # what 3.14 hands it, too

    # -- time ---------------------------------------------------------------------------------------

    def time(self) -> float:
        """Return seconds since the loop was made."""
        return self._now_ns / SECOND_NS

    def wall_ns(self) -> int:
        """Return UTC nanoseconds."""
        return self._start_ns + self._now_ns

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1

    def _next_timer(self) -> asyncio.TimerHandle | None:
        timers = self._scheduled  # type: ignore[attr-defined]  # the base class's own heap
        if self._cancelled_timers > PURGE_AT and self._cancelled_timers * 2 > len(timers):
            timers[:] = [timer for timer in timers if not timer._cancelled]
            heapq.heapify(timers)
            self._cancelled_timers = 0
        while timers and (timers[0]._cancelled or _is_dead(timers[0])):
            heapq.heappop(timers)._scheduled = False
        return timers[0] if timers else None

    # -- one turn -----------------------------------------------------------------------------------

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]  # the base class's own queue
        timer = self._next_timer()
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if timer is None:
                raise DeadlockError("nobody is ready and no timer runs")
            self._now_ns = max(self._now_ns, int(timer._when * SECOND_NS)) + LATE_NS  # type: ignore[attr-defined]
            self._here = 0
        now_s = self.time()
        while (timer := self._next_timer()) is not None and timer._when <= now_s:  # type: ignore[attr-defined]
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        batch = list(ready)
        ready.clear()
        self._permute(batch)
        self._here += len(batch)
        self.steps += len(batch)
        if self._here > STEPS_PER_INSTANT:
            raise LivelockError(f"{self._here} steps at {self.time():.6f} s; the last: {batch[-1]}")
        for handle in batch:
            if not handle._cancelled and not _is_dead(handle):
                handle._run()

    def _permute(self, batch: list[asyncio.Handle]) -> None:
        places = [place for place, handle in enumerate(batch) if _task(handle) is not None]
        if len(places) < 2:
            return
        steps = sorted((batch[place] for place in places), key=_number)
        self._random.shuffle(steps)
        for place, step in zip(places, steps, strict=True):
            batch[place] = step

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any],
        **said: Any,
    ) -> asyncio.Task[Any]:
        task = _Task(coroutine, loop=loop, **said)
        self._tasks_made += 1
        task.number = self._tasks_made
        process = PROCESS.get()
        if process is not None:
            process.tasks.add(task)
            task.add_done_callback(process.tasks.discard)
        return task

    # -- what the base class leaves to a selector ---------------------------------------------------

    def _write_to_self(self) -> None:
        """Wake nobody up: there is one thread."""

    def _process_events(self, event_list: object) -> None:
        """Do nothing: there are no sockets."""

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Call a little later, in the order of calls: so long takes the way between a thread and the loop.

        It is also how long the journal's disk takes, which calls itself this way where it has no thread.
        """
        slow = self._random.random() < STALL_PROBABILITY
        delay_s = self._random.uniform(*(STALL_S if slow else THREAD_S))
        self._crossed_s = max(self._crossed_s + LATE_NS / SECOND_NS, self.time() + delay_s)
        return self.call_at(self._crossed_s, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function inline, a little later."""
        future: asyncio.Future[Any] = self.create_future()
        delay_s = self._random.uniform(*THREAD_S)
        self.call_later(delay_s, self._work, future, func, args, context=copy_context())
        return future

    def _work(self, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        boundary("thread")
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 — boundary: it belongs to whoever waits for the work
            if not future.done():
                future.set_exception(error)
            return
        boundary("thread done")
        if not future.done():  # who waited for it may have stopped waiting
            future.set_result(result)

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int, **said: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect through the simulated network."""
        if self.network is None:
            raise OSError("there is no network")
        return await self.network.connect(protocol_factory, host, port)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Do nothing: there are no threads."""


def _task(handle: asyncio.Handle) -> _Task | None:
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return owner if isinstance(owner, _Task) else None


def _number(handle: asyncio.Handle) -> int:
    task = _task(handle)
    assert task is not None
    return task.number


def _is_dead(handle: asyncio.Handle) -> bool:
    process: Process | None = handle._context.get(PROCESS)  # type: ignore[attr-defined]
    return process is not None and not process.alive
