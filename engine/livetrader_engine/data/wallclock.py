"""An exchange's wall clock as nanoseconds: local time written as if it were UTC.

LEAN consolidates in the exchange's local time, where a day is 24 hours whatever daylight saving does. A
`WallClock` translates instants to that line and back with one comparison and one addition in the usual case.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import local_to_utc_ns
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

DAYS_BEFORE_1970: Final = 719_162  # since 0001-01-01, from which .NET rounds
_QUARTER_NS: Final = 15 * NS_PER_MINUTE  # offsets change on a quarter of an hour at the finest
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST_NS: Final = (
    366 - DAYS_BEFORE_1970
) * NS_PER_DAY  # before the year 2 local times are not representable


class WallClock:
    """One time zone. Remembers the offset of the stretch it was last asked about."""

    __slots__ = ("_from_ns", "_offset_ns", "_until_ns", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._from_ns = self._until_ns = 0
        self._offset_ns = 0

    def wall(self, time_ns: int) -> int:
        """Return the local time of an instant."""
        if not self._from_ns <= time_ns < self._until_ns:
            self._look_up(time_ns)
        return time_ns + self._offset_ns

    def utc(self, wall_ns: int) -> int:
        """Return the instant of a local time; of one that occurs twice, the first; see local_to_utc_ns."""
        guess_ns = wall_ns - self._offset_ns
        if self._from_ns <= guess_ns < self._until_ns:
            return guess_ns
        days, rest_ns = divmod(wall_ns, NS_PER_DAY)
        return local_to_utc_ns(date_of(days), rest_ns, self.zone)

    def _look_up(self, time_ns: int) -> None:
        start_ns = time_ns - time_ns % NS_PER_DAY
        end_ns = start_ns + NS_PER_DAY
        offset_ns = self._offset(start_ns)
        if offset_ns != self._offset(end_ns) or offset_ns != self._offset(time_ns):
            start_ns = time_ns - time_ns % _QUARTER_NS
            end_ns = start_ns + _QUARTER_NS
            offset_ns = self._offset(start_ns)
        self._from_ns, self._until_ns, self._offset_ns = start_ns, end_ns, offset_ns

    def _offset(self, time_ns: int) -> int:
        if time_ns < _OLDEST_NS:
            return 0
        moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
        offset = moment.astimezone(self.zone).utcoffset()
        assert offset is not None, "an aware time has an offset"
        return (offset.days * 86_400 + offset.seconds) * NS_PER_SECOND


def date_of(days: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return date.fromordinal(DAYS_BEFORE_1970 + 1 + days)


def days_of(day: date) -> int:
    """Return the number of days from 1970-01-01 to a date."""
    return day.toordinal() - 1 - DAYS_BEFORE_1970
