"""A loop with real sockets and threads whose time jumps: where nobody has anything to do, a timer is due.

Everything on it, the peer included, runs by `time()`. What one end writes to a socket of this machine the
other end can read at once, so a loop in which nothing can be read has only timers left to wait for. Threads
are the exception: while a question to history is on its way they get real time, a little at a time, before
time jumps; so a question that the peer leaves unanswered runs into its deadline, too.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

PATIENCE_S = 0.03  # real time that threads get before time jumps on: many times what an answer takes here
PATIENCE_STEPS = 3  # looks within it that find nothing
STEP_MOST_S = 0.25  # of a jump while threads are busy: a deadline does not pass at one stroke


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the operating system what is ready now; where nothing is, it lets time jump instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda seconds: None
        self.busy: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See selectors."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        busy = self.busy()
        if busy:
            for _ in range(PATIENCE_STEPS):
                if ready := super().select(PATIENCE_S / PATIENCE_STEPS):
                    return ready
        if timeout is None:
            return super().select(None if busy else PATIENCE_S)
        self.jump(min(timeout, STEP_MOST_S) if busy else timeout)
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """Owns its time, in seconds from 0."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.jump, selector.busy = self._jump, self._is_busy
        self._now_s = 0.0
        self._in_threads = 0

    def time(self) -> float:
        """Return seconds since the loop was made."""
        return self._now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> Any:
        """Count what runs in threads."""
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._returned)
        return future

    def _returned(self, _: object) -> None:
        self._in_threads -= 1

    def _is_busy(self) -> bool:
        return self._in_threads > 0

    def _jump(self, seconds: float) -> None:
        self._now_s += seconds
