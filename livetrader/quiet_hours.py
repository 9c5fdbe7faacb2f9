"""Hours of the day in which people are not to be disturbed by what can wait. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NS_PER_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` of each day in a time zone; over midnight where `end` is the earlier one."""

    start: time
    end: time
    zone: tzinfo

    @classmethod
    def parse(cls, words: str, zone: str) -> QuietHours | None:
        """Return the hours that `22:00-07:00` means, None for an empty text.

        Raises ValueError, with what to write, for anything else and for a zone that is not known.
        """
        if not words and zone == "UTC":
            return None
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"quiet_timezone: {zone!r} is not known; write for example Europe/Berlin"
            ) from error
        if not words:
            return None
        match = _HOURS.fullmatch(words)
        if match is None:
            raise ValueError(f"quiet_hours: {words!r} are none; write for example 22:00-07:00")
        numbers = [int(each) for each in match.groups()]
        start, end = time(numbers[0], numbers[1]), time(numbers[2], numbers[3])
        if start == end:
            raise ValueError(f"quiet_hours: {words!r} begin and end at once; leave them empty for none")
        return cls(start, end, place)

    def until_ns(self, now_ns: int) -> int:
        """Return when they end (UTC ns) where it is quiet now, else 0."""
        now = datetime.fromtimestamp(now_ns / _NS_PER_SECOND, UTC).astimezone(self.zone)
        clock = now.time()
        over_midnight = self.end < self.start
        begun, not_over = clock >= self.start, clock < self.end
        quiet = (begun or not_over) if over_midnight else (begun and not_over)
        if not quiet:
            return 0
        day = now.date() + timedelta(days=int(over_midnight and clock >= self.start))
        ends = datetime.combine(day, self.end, self.zone).astimezone(UTC)
        return int(ends.timestamp()) * _NS_PER_SECOND
