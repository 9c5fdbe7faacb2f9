"""IB's message limit, kept by us: 50 a second on each connection, then error 100, then the end of it.

It is half the number of market data lines of the login, and so more for those who have bought lines.

IB counts messages as it reads them. Forty sent at once and forty a second later are eighty in one second to a
TWS that read the first ones late. So they go evenly: a part of the limit in each fifth of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

PER_SECOND: Final = 40  # IB allows 50 as they arrive, and a busy machine delivers them in bunches
DATA_SHARE: Final = 0.625  # for all but orders, so that an order finds room whatever else is asked
WINDOW_S: Final = 1.0
BUNCH_S: Final = 0.2  # no more than their share of a second leave in it, so that much lateness does no harm
MARGIN_S: Final = 0.001  # a timer that fires exactly on the edge would find the window still full


class Throttle:
    """Counts what was sent in the last second. Orders may use all of the limit, everything else a part.

    It does not wait and keeps no queue: `wait_s` says how long to wait, and whoever asks does.
    """

    def __init__(self, monotonic_s: Callable[[], float], per_second: int = PER_SECOND) -> None:
        self._monotonic_s = monotonic_s
        self._orders = per_second
        self._data = max(int(per_second * DATA_SHARE), 1)
        self._sent: deque[float] = deque()

    def wait_s(self, *, order: bool) -> float:
        """Return the seconds until one more message may be sent; 0.0 means now."""
        now_s = self._monotonic_s()
        while self._sent and now_s - self._sent[0] >= WINDOW_S:
            self._sent.popleft()
        limit = self._orders if order else self._data
        bunch = max(int(limit * BUNCH_S), 1)
        return max(self._room_s(now_s, limit, WINDOW_S), self._room_s(now_s, bunch, BUNCH_S))

    def _room_s(self, now_s: float, limit: int, window_s: float) -> float:
        """Return the seconds until fewer than `limit` messages lie in the window behind."""
        if len(self._sent) < limit:
            return 0.0
        left_s = window_s - (now_s - self._sent[len(self._sent) - limit])
        return left_s + MARGIN_S if left_s > 0 else 0.0

    def count(self) -> None:
        """Count a message that is being sent."""
        self._sent.append(self._monotonic_s())
