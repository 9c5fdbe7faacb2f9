"""What other threads ask of the engine: its own thread does it, between two steps.

A training function may place orders. The engine's books belong to one thread, and `on_order_event` must not
run beside `on_data`; so the asking thread waits until the engine's thread has its hands free.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from livetrader.training.runner import TrainingStopped
from livetrader.training.voice import Voice, current
from livetrader_engine.errors import InvariantError

_T = TypeVar("_T")


@dataclass(slots=True)
class _Call:
    """One call, filled in by the engine's thread before `over` is set."""

    make: Callable[[], Any]
    voice: Voice | None
    over: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None


class EngineCalls:
    """Calls that wait for the engine's thread, which is the one that makes this object.

    When there is one, `changed` is notified and `wake()` called, in the asking thread. At most one waits for
    each thread.
    """

    def __init__(self, changed: threading.Condition, wake: Callable[[], None]) -> None:
        self._owner = threading.get_ident()
        self._changed = changed
        self._wake = wake
        self._waiting: deque[_Call] = deque()
        self.around: Callable[[], AbstractContextManager[None]] = nullcontext  # each call of another thread

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def make(self, call: Callable[[], _T]) -> _T:
        """Have the engine's thread make a call; return what it returned, or raise what it raised.

        In the engine's thread itself it is made at once. Raises TrainingStopped, and makes no call, where the
        training that asks was told to stop meanwhile.
        """
        if threading.get_ident() == self._owner:
            return call()
        asked = _Call(call, current())
        with self._changed:
            self._waiting.append(asked)
            self._changed.notify_all()
        self._wake()
        asked.over.wait()
        if asked.error is not None:
            raise asked.error
        value: _T = asked.value
        return value

    def serve(self) -> None:
        """Make the calls that wait. For the engine's thread, where it may be interrupted."""
        while self._waiting:
            asked = self._waiting.popleft()
            try:
                if asked.voice is not None and asked.voice.cancelled:
                    raise TrainingStopped
                with self.around():
                    asked.value = asked.make()
            except BaseException as error:  # boundary: it is raised again where the call was asked for
                asked.error = error
                if isinstance(error, InvariantError):
                    raise
            finally:
                asked.over.set()
