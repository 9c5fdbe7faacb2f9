"""How many messages a channel gets, and what becomes of too many: they are told together. Pure.

A channel has room for `per_hour` messages in any hour, half of them at once. A quarter of that room is kept
for alarms. When more wait than there is room for, all of them become one message: nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from livetrader.notifying.entries import Entry
from livetrader_engine.symbols import NS_PER_SECOND

NS_PER_HOUR: Final = 3_600 * NS_PER_SECOND
RESERVE: Final = 0.25  # of the room is for alarms
DIGEST_LIMIT: Final = 200  # notifications in one message; those beyond go into the next


@dataclass(slots=True)
class Room:
    """A leaky bucket of messages. Mutable; owned by its channel."""

    per_hour: int
    level: float = 0.0
    as_of_ns: int = 0

    def __post_init__(self) -> None:
        self.level = self.most

    @property
    def most(self) -> float:
        """Messages at once."""
        return self.per_hour / 2

    def at(self, now_ns: int) -> float:
        """Return how many messages may go now. A clock that was set back fills it from there on."""
        self.as_of_ns = min(self.as_of_ns, now_ns)
        flowed = (now_ns - self.as_of_ns) * self.most / NS_PER_HOUR
        return min(self.most, self.level + flowed)

    def take(self, now_ns: int) -> None:
        """Use room for one."""
        self.level, self.as_of_ns = max(0.0, self.at(now_ns) - 1.0), now_ns

    def replay(self, sent_ns: Iterable[int], now_ns: int) -> None:
        """Use room for what was sent before a restart: a daemon that keeps falling over is no flood."""
        for each in sorted(each for each in sent_ns if now_ns - 2 * NS_PER_HOUR < each <= now_ns):
            self.take(each)

    def next_ns(self, now_ns: int, *, alarm: bool) -> int:
        """Return when there will be room for one."""
        lacking = 1.0 + (0.0 if alarm else self.reserve) - self.at(now_ns)
        return now_ns + max(0, int(lacking * NS_PER_HOUR / self.most) + 1)

    @property
    def reserve(self) -> float:
        """Room that only alarms may use; never so much that nothing else has any."""
        return min(self.most * RESERVE, self.most - 1.0)


def parcel(waiting: Sequence[Entry], room: Room, now_ns: int) -> tuple[Entry, ...]:
    """Return what goes into the next message: one, all together where there are too many, or nothing yet.

    Alarms first, then the oldest.
    """
    if not waiting:
        return ()
    ordered = sorted(waiting, key=lambda entry: (-entry.urgency, entry.id))
    free = room.at(now_ns) - (0.0 if ordered[0].is_alarm else room.reserve)
    if free < 1.0:
        return ()
    return tuple(ordered[:1]) if len(ordered) <= free else tuple(ordered[:DIGEST_LIMIT])


class Quota:
    """How many messages of each way an algorithm may send in an hour. Mutable; one owner."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._sent: dict[str, list[int]] = {}

    def admits(self, way: str, now_ns: int) -> bool:
        """Return whether one more may go, and count it if so."""
        sent = self._sent.setdefault(way, [])
        sent[:] = [each for each in sent if now_ns - NS_PER_HOUR < each <= now_ns]
        if len(sent) >= self._per_hour:
            return False
        sent.append(now_ns)
        return True

    def replay(self, way: str, time_ns: int) -> None:
        """Count one of before a restart."""
        self._sent.setdefault(way, []).append(time_ns)
