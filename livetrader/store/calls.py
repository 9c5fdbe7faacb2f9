"""Calls to a place that may be slow, sick or gone: each takes a bounded time, and a sick place is left alone.

A call runs in a thread of its own, because no library can be trusted to come back. Who waits too long goes on
with an error; the thread is given up, and so many of them may be stuck at once. After a failure the place
rests: calls fail at once, for a time that doubles, so that an algorithm which asks at each step is slowed
down once and not at each step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from livetrader_engine.errors import StoreError

TRIES: Final = 3  # of one call, within its limit
MAX_STUCK: Final = 8  # threads
REST_S: Final = 5.0  # after the first failure ...
MAX_REST_S: Final = 40.0  # ... doubling up to this; below the minute in which changes must be seen
_RETRY_S: Final = 0.2  # before the second try; the third waits twice that
_ANSWERS: Final = (FileNotFoundError, FileExistsError)  # the place is well and says no
_HOPELESS: Final = (PermissionError, ValueError, TypeError, ImportError, NotImplementedError)
_MESSAGE_LENGTH: Final = 300

_T = TypeVar("_T")


class BoundedCalls:
    """Runs calls to one place. Thread-safe."""

    def __init__(self, place: str, monotonic_s: Callable[[], float]) -> None:
        self._place = place
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._running: dict[int, str] = {}  # number of a call -> what it alone may do now, or ""
        self._number = 0
        self._failures = 0  # in a row
        self._rests_until_s = 0.0
        self._last_words = ""

    def run(
        self, what: str, call: Callable[[], _T], limit_s: float, *, alone: str = "", tries: int = TRIES
    ) -> _T:
        """Return what the call returns, within `limit_s` seconds.

        `alone` names what only one call at a time may do: a save that was given up must not end after the
        next one. Raises FileNotFoundError and FileExistsError as the call does, StoreError for the rest.
        """
        number = self._begin(what, alone)
        future: Future[_T] = Future()
        work = threading.Thread(
            target=self._work, args=(number, call, future, tries), name="object store", daemon=True
        )
        work.start()
        try:
            value = future.result(limit_s)
        except _ANSWERS:
            self._answered()
            raise
        except TimeoutError as error:
            late = not future.done()
            raise self._failed(what, f"no answer within {limit_s:.0f} s" if late else str(error)) from error
        except Exception as error:  # boundary: each library has errors of its own
            words = f"{type(error).__name__}: {error}"
            raise self._failed(what, words, _remedy(error)) from error
        self._answered()
        return value

    def _work(self, number: int, call: Callable[[], Any], future: Future[Any], tries: int) -> None:
        try:
            future.set_result(_tried(call, tries))
        except BaseException as error:  # noqa: BLE001 — boundary: it is raised where the call was made
            future.set_exception(error)
        finally:
            with self._lock:
                del self._running[number]

    def _begin(self, what: str, alone: str) -> int:
        with self._lock:
            left_s = self._rests_until_s - self._monotonic_s()
            if left_s > 0:
                raise StoreError(f"{what}: not tried, {self._place} failed: {self._last_words}")
            if len(self._running) >= MAX_STUCK:
                raise StoreError(f"{what}: {MAX_STUCK} earlier calls to {self._place} have not come back")
            if alone and alone in self._running.values():
                raise StoreError(f"{what}: an earlier one is still under way; try again later")
            self._number += 1
            self._running[self._number] = alone
            return self._number

    def _answered(self) -> None:
        with self._lock:
            self._failures = 0
            self._rests_until_s = 0.0

    def _failed(self, what: str, words: str, remedy: str = "") -> StoreError:
        words = words[:_MESSAGE_LENGTH]
        with self._lock:
            rest_s = min(MAX_REST_S, REST_S * 2**self._failures)
            self._failures = min(self._failures + 1, TRIES + 1)
            self._rests_until_s = self._monotonic_s() + rest_s
            self._last_words = words
        remedy = remedy or "check that it runs and can be reached from here"
        return StoreError(f"{what}: {self._place} failed: {words}; {remedy}; next try in {rest_s:.0f} s")


def _tried(call: Callable[[], _T], tries: int) -> _T:
    for number in range(1, tries):
        try:
            return call()
        except (*_ANSWERS, *_HOPELESS):
            raise
        except Exception:  # noqa: BLE001 — boundary: what may pass is tried again, the last error is raised
            time.sleep(_RETRY_S * number)
    return call()


def _remedy(error: Exception) -> str:
    words = f"{type(error).__name__} {error}".lower()
    if isinstance(error, ImportError):
        return "install the library that it names"
    if (
        isinstance(error, PermissionError)
        or "credential" in words
        or "denied" in words
        or "forbidden" in words
    ):
        return "check the credentials (for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)"
    return ""
