"""An event loop whose clock jumps to the next timer when there is nothing else to do.

Timeouts and sleeps of minutes pass in microseconds, in the right order. While a thread works (the journal's,
an executor's) time stands still, so nothing times out because a disk was slow.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

REAL_WAIT_S = 0.05  # how long one look for a working thread lasts
STUCK_LOOKS = 200  # looks without anything happening after which the test is stuck

Answer = TypeVar("Answer")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualLoop | None = None
        self.looks = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self.loop
        if loop is None:
            return super().select(timeout)
        busy = loop.busy()  # asked before the look: what a thread posts before it is done is then seen
        found = super().select(0)
        if found or timeout == 0:
            self.looks = 0
            return found
        if busy or timeout is None:
            self.looks += 1
            if self.looks > STUCK_LOOKS:
                raise RuntimeError("nothing can happen any more: the test waits for ever")
            return super().select(REAL_WAIT_S)
        self.looks = 0
        loop.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Owned by one test. `threads_busy` are asked before time moves on."""

    def __init__(self) -> None:
        selector = _Selector()
        self.now_s = 1000.0
        self.threads_busy: list[Callable[[], bool]] = []
        self._in_executor = 0
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.now_s

    def busy(self) -> bool:
        return self._in_executor > 0 or any(ask() for ask in self.threads_busy)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        self._in_executor += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._left_executor)
        return future

    def _left_executor(self, future: asyncio.Future[Any]) -> None:
        self._in_executor -= 1


def run(body: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(body)


def loop() -> VirtualLoop:
    """Return the running loop."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running
