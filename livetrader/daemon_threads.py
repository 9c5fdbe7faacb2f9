"""An executor for calls that may hang in a vendor's socket: nobody waits for its threads at the end.

ThreadPoolExecutor's threads, asyncio's own among them, are joined when the process ends. One that hangs there
holds the end up until systemd kills the daemon, which counts as a failure and begins a liquidation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class DaemonThreads(Executor):
    """Runs each call on a thread of its own that dies with the process. Thread-safe.

    Bounds nothing: whoever submits knows how many calls there are at once. What is cut off by the end of the
    process is lost, so it is for questions, and never for what writes.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Begin a call; the future has what it returns or raises."""
        future: Future[_T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 — boundary: it is raised where the answer is awaited
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return future
