"""When the next request of a key may be sent: one pace for each key in a process, whoever asks.

What the plan allows may be named, or be found out: where a venue has had too many requests and says no time,
all with the key rest 6, 12, 24 s, then until the minute is over, then a minute each time.

Pure but for its own state; it waits for nothing. Whoever asks does (rest.py).
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

SPACING_S: Final = 0.01  # between two requests of one key: Polygon asks for less than 100 a second
MINUTE_S: Final = 60.0
MARGIN_S: Final = 0.05  # venues count requests as they arrive, which may be closer together than they left
REST_S: Final = 6.0  # after a 429 that names no time, twice as long after the next; a window is a minute
RESTS_WITHIN: Final = 3  # so many of these are over within a minute; then its limit was not the reason
PACES: Final = 256  # keys in one process; the oldest is forgotten, which costs a 429 at worst


class Limits(NamedTuple):
    """How often a key may be used; 0 means that nobody knows, and the venue's refusals say."""

    per_minute: int = 0
    per_day: int = 0


class Pace:
    """Says when the next request of a key may be sent. Thread-safe; waits for nothing.

    A day is 24 hours from the first request: venues do not say when theirs begins.
    """

    def __init__(self, monotonic_s: Callable[[], float], limits: Limits | None = None) -> None:
        self._monotonic_s = monotonic_s
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()  # of the last minute; SPACING_S bounds them
        self._day: deque[float] = deque()  # of the last 24 hours, where those are limited
        self._last_s = -math.inf
        self._resting_until_s = -math.inf
        self._crowded = 0  # refusals since the last answer
        self._why = "it may not be used more often"

    @property
    def why(self) -> str:
        """Why the key has to wait, in words."""
        return self._why

    def take(self) -> float:
        """Take the next place: 0.0 means that it is now, and counts; else ask again in so many seconds.

        Infinity means that the day's requests are used up.
        """
        with self._lock:
            now_s = self._monotonic_s()
            wait_s = max(self._resting_until_s, self._last_s + SPACING_S, self._window_s(now_s)) - now_s
            if self._day_is_full(now_s):
                return math.inf
            if wait_s > 0:
                return wait_s
            self._last_s = now_s
            self._sent.append(now_s)
            if self._limits.per_day:
                self._day.append(now_s)
            return 0.0

    def rest(self, after_s: float | None, why: str = "the venue has had too many requests") -> float:
        """Let all requests of the key wait: as the venue said, or longer each time. Return the seconds."""
        with self._lock:
            self._why = why
            rest_s = self._untold_s() if after_s is None else after_s + MARGIN_S
            self._crowded = min(self._crowded + 1, 8)
            self._resting_until_s = max(self._resting_until_s, self._monotonic_s() + rest_s)
            return rest_s

    def tighten(self, limits: Limits) -> None:
        """Keep to these limits, too."""
        with self._lock:
            pairs = zip(self._limits, limits, strict=True)
            self._limits = Limits(
                *(min(one, other) if one and other else one or other for one, other in pairs)
            )

    def answered(self) -> None:
        """Take note that the venue has answered: it is not crowded any more."""
        with self._lock:
            self._crowded = 0

    def _untold_s(self) -> float:
        """Return how long to rest where the venue does not say: longer each time, up to a minute.

        Most limits are per minute, so there is room again when the oldest request of the last one is over.
        """
        longer_s: float = min(REST_S * 2**self._crowded, MINUTE_S)
        if not self._sent or self._crowded > RESTS_WITHIN:
            return longer_s
        room_s = self._sent[0] + MINUTE_S + MARGIN_S - self._monotonic_s()
        return max(REST_S, min(longer_s, room_s))

    def _window_s(self, now_s: float) -> float:
        """Return when the last minute has room."""
        sent, per_minute = self._sent, self._limits.per_minute
        while sent and sent[0] + MINUTE_S + MARGIN_S <= now_s:
            sent.popleft()
        if not per_minute or len(sent) < per_minute:
            return -math.inf
        return sent[-per_minute] + MINUTE_S + MARGIN_S

    def _day_is_full(self, now_s: float) -> bool:
        while self._day and self._day[0] + 24 * 60 * MINUTE_S <= now_s:
            self._day.popleft()
        return bool(self._limits.per_day) and len(self._day) >= self._limits.per_day


_paces: dict[str, Pace] = {}
_paces_lock = threading.Lock()


def pace_of(url: str, key: str, limits: Limits, monotonic_s: Callable[[], float]) -> Pace:
    """Return the pace of a key at a venue: the same one for everybody in this process.

    Where they name different limits, the stricter ones hold.
    """
    name = hashlib.sha256(repr((url, key)).encode()).hexdigest()
    with _paces_lock:
        found = _paces.pop(name, None) or Pace(monotonic_s, limits)
        found.tighten(limits)
        _paces[name] = found
        while len(_paces) > PACES:
            del _paces[next(iter(_paces))]
        return found
