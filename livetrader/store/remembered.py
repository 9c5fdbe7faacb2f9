"""What a remote store knows of its objects, and for how long it believes that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from livetrader.store.objects import Version
from livetrader.store.quota import Usage

MAX_KNOWN: Final = 20_000  # keys whose state is remembered; then all are forgotten
_LONG_AGO: Final = float("-inf")


class Known(NamedTuple):
    """The state of an object when it was asked for; `copied`: its bytes lie in the copies."""

    version: Version | None  # None: there is no such object
    asked_s: float
    copied: bool


class Remembered:
    """Owned by one store, and thread-safe.

    An answer that was asked for before a change of our own must not be remembered after it: whoever asks
    takes `changes` first and hands it in with the answer.
    """

    def __init__(self, fresh_s: float, monotonic_s: Callable[[], float]) -> None:
        self._fresh_s = fresh_s
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}
        self._listed: tuple[float, Mapping[str, Version]] | None = None  # everything, when it was listed
        self._usage: tuple[float, Usage] | None = None
        self.changes = 0  # of our own

    def fresh(self, key: str) -> Known | None:
        """Return what is known of an object, None where it is to be asked for."""
        with self._lock:
            known = self._known.get(key)
        return known if known is not None and self._is_fresh(known.asked_s) else None

    def told(self, key: str, version: Version | None, changes: int) -> bool:
        """Take note of an answer; return whether its bytes lie in the copies."""
        with self._lock:
            before = self._known.get(key)
            copied = before is not None and before.copied and before.version == version
            if changes == self.changes:
                self._set(key, Known(version, self._monotonic_s(), copied))
            return copied

    def copied(self, key: str, version: Version, changes: int, keep: Callable[[], bool]) -> None:
        """Let `keep` copy what was fetched, unless something of our own came between."""
        with self._lock:
            if changes == self.changes:
                before = self._known.get(key)
                asked_s = _LONG_AGO if before is None else before.asked_s
                self._set(key, Known(version, asked_s, keep()))

    def saved(self, key: str, version: Version, keep: Callable[[], bool]) -> None:
        """Take note of a value of our own, and let `keep` copy it."""
        with self._lock:
            self._changed()
            self._set(key, Known(version, self._monotonic_s(), keep()))

    def gone(self, key: str) -> None:
        """Take note that we know no longer what is there."""
        with self._lock:
            self._changed()
            self._known.pop(key, None)

    def forget(self) -> None:
        """Believe nothing without asking."""
        with self._lock:
            self._known = {key: known._replace(asked_s=_LONG_AGO) for key, known in self._known.items()}
            self._listed = self._usage = None

    @property
    def listing(self) -> Mapping[str, Version] | None:
        """All objects, None where they are to be listed."""
        with self._lock:
            listed = self._listed
        return listed[1] if listed is not None and self._is_fresh(listed[0]) else None

    def listed(self, found: Mapping[str, Version], changes: int) -> None:
        """Take note of all objects."""
        with self._lock:
            if changes == self.changes:
                self._listed = (self._monotonic_s(), found)

    @property
    def usage(self) -> tuple[float, Usage] | None:
        """When all was counted last, and what the store has held since; None where it is to be counted."""
        with self._lock:
            usage = self._usage
        return usage if usage is not None and self._is_fresh(usage[0]) else None

    def counted(self, counted_s: float, usage: Usage) -> None:
        """Take note of what the store holds; `counted_s`: when all was counted."""
        with self._lock:
            self._usage = (counted_s, usage)

    def _is_fresh(self, asked_s: float) -> bool:
        return self._monotonic_s() - asked_s < self._fresh_s

    def _changed(self) -> None:
        self.changes += 1
        self._listed = None

    def _set(self, key: str, known: Known) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[key] = known
