"""A training that a schedule named begins only when the supervisor has journaled that it does.

So a daemon that dies at any moment has either written that the occurrence was started, or it was not.
"""

from __future__ import annotations

import threading
from typing import Final

NOTE_LIMIT_S: Final = 10.0  # for the journal; one that takes longer is sick, and the daemon takes no new risk
NOT_JOURNALED: Final = (
    f"the supervisor did not journal its start within {NOTE_LIMIT_S:.0f} s, so it was not begun;"
    " look at the daemon's log and disk"
)


class StartNotes:
    """What the supervisor has noted. Thread-safe; jobs start one after the other, by number."""

    def __init__(self, limit_s: float = NOTE_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._changed = threading.Condition()
        self._newest = 0

    def noted(self, job: int) -> None:
        """Take note that the start of a job is journaled. Never waits."""
        with self._changed:
            self._newest = max(self._newest, job)
            self._changed.notify_all()

    def wait(self, job: int) -> bool:
        """Return whether the start of a job is journaled, after waiting for it up to the limit."""
        with self._changed:
            return self._changed.wait_for(lambda: self._newest >= job, self._limit_s)
