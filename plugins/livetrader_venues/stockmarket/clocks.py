"""Clocks that a market can run by. A clock is called, and says UTC nanoseconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from livetrader_venues.stockmarket.tape import HOUR_NS, SECOND_NS

EXCHANGE_ZONE = ZoneInfo("America/New_York")
_EPOCH = date(1970, 1, 1)


class ManualClock:
    """Stands still until it is moved. Tests own it."""

    speed: float = 0.0  # clock seconds in a real second; nothing is paced by a clock that stands still

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def move(self, seconds: float) -> int:
        """Let time pass; return the new time."""
        self.now_ns += round(seconds * SECOND_NS)
        return self.now_ns


class ScaledClock:
    """Begins at a time of one's choice and runs `speed` times as fast as `monotonic_ns`."""

    def __init__(self, start_ns: int, monotonic_ns: Callable[[], int], *, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive; a clock that stands still is a ManualClock")
        self.speed = speed
        self._start_ns = start_ns
        self._monotonic_ns = monotonic_ns
        self._began_ns = monotonic_ns()

    def __call__(self) -> int:
        return self._start_ns + int((self._monotonic_ns() - self._began_ns) * self.speed)


Clock = Callable[[], int]


def speed_of(clock: Clock) -> float:
    """Return clock seconds in a real second; 0 where somebody moves the clock by hand."""
    return float(getattr(clock, "speed", 1.0))


def new_york(text: str) -> int:
    """Return UTC nanoseconds of a time in New York, like "2025-06-16 09:30" or "2025-06-16"."""
    moment = datetime.fromisoformat(text).replace(tzinfo=EXCHANGE_ZONE)
    return nanoseconds(moment)


def nanoseconds(moment: datetime) -> int:
    """Return UTC nanoseconds of an aware datetime, to the microsecond."""
    return int(moment.replace(microsecond=0).timestamp()) * SECOND_NS + moment.microsecond * 1000


@lru_cache(maxsize=16_384)
def midnight_ns(day: date) -> int:
    """Return the beginning of a day in New York."""
    return nanoseconds(datetime(day.year, day.month, day.day, tzinfo=EXCHANGE_ZONE))


def day_of(time_ns: int) -> date:
    """Return the day in New York."""
    return _day_of_hour(time_ns // HOUR_NS)


@lru_cache(maxsize=65_536)
def _day_of_hour(hour: int) -> date:
    """Return the day of a whole hour: New York is whole hours off UTC, so days begin with one."""
    return datetime.fromtimestamp(hour * 3600, EXCHANGE_ZONE).date()


def days(first: date, last: date) -> list[date]:
    """Return all days from first to last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def day_number(day: date) -> int:
    """Return days since 1970."""
    return (day - _EPOCH).days
