"""How far our clock is from a venue's that tells whole seconds: narrowed down, answer by answer.

A venue that says T stood somewhere from T to T + 1, at an instant between our question and our answer. So our
clock less the venue's lies within (asked - (T + 1), answered - T). One answer says it to a second; answers at
other fractions of the second cut that down, to about 50 ms after twenty. Pure.
"""

from __future__ import annotations

from collections import deque
from typing import Final

ANSWERS_KEPT: Final = 32  # at one in 15 s: eight minutes, in which a clock that is not kept loses 25 ms
NS_PER_SECOND: Final = 1_000_000_000


class VenueClock:
    """Bounds of our clock less the venue's. Owned by the session that asks."""

    def __init__(self) -> None:
        self._bounds: deque[tuple[float, float]] = deque(maxlen=ANSWERS_KEPT)

    def told(self, asked_ns: int, answered_ns: int, venue_s: int) -> None:
        """Take in an answer: the venue's whole second, between two instants of our clock."""
        low, high = asked_ns / NS_PER_SECOND - (venue_s + 1), answered_ns / NS_PER_SECOND - venue_s
        while self._bounds and (low > self.bounds[1] or high < self.bounds[0]):
            self._bounds.popleft()  # one of the clocks was set, or drifts: the oldest is true no more
        self._bounds.append((low, high))

    @property
    def bounds(self) -> tuple[float, float]:
        """Seconds between which our clock less the venue's lies. Raises ValueError before an answer."""
        return max(low for low, _ in self._bounds), min(high for _, high in self._bounds)

    @property
    def offset_s(self) -> float | None:
        """Our clock less the venue's in seconds, the middle of the bounds; None before the first answer."""
        return sum(self.bounds) / 2 if self._bounds else None
