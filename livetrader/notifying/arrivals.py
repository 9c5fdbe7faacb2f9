"""Notifications on their way into the book: a bounded queue that counts what finds no room."""

from __future__ import annotations

from collections import deque
from typing import Final

from livetrader.telemetry.notifications import Notification

ARRIVALS_LIMIT: Final = 1_000  # notifications that the loop has not got round to; beyond it they are counted


class Arrivals:
    """Owns the queue. Belongs to the loop's thread."""

    def __init__(self) -> None:
        self._queue: deque[Notification] = deque()
        self._gravest: Notification | None = None  # of those that found no room
        self._missed = 0

    def __bool__(self) -> bool:
        return bool(self._queue) or self._gravest is not None

    def put(self, notification: Notification) -> bool:
        """Queue one; return whether there was room. Without, it is counted, and the gravest remembered."""
        if len(self._queue) < ARRIVALS_LIMIT:
            self._queue.append(notification)
            return True
        self._missed += 1
        if self._gravest is None or notification.urgency > self._gravest.urgency:
            self._gravest = notification
        return False

    def next(self, now_ns: int) -> Notification | None:
        """Return the oldest, None without; last the one that stands for those that found no room."""
        if self._queue:
            return self._queue.popleft()
        if self._gravest is None:
            return None
        gravest, self._gravest = self._gravest, None
        count, self._missed = self._missed, 0
        words = f"{count} came at once; one of them: {gravest.title}: {gravest.message}"
        title, step = "more notifications than could be taken in", "livetrader logs has each of them"
        return Notification(now_ns, gravest.urgency, title, words, step)
