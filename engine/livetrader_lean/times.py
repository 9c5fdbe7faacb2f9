"""Times at the edge: the engine's UTC nanoseconds and the naive local datetimes that LEAN hands out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1000


def utc(time_ns: int) -> datetime:
    """Return UTC as LEAN gives it: naive, whole microseconds."""
    return (_EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)).replace(tzinfo=None)


def local(time_ns: int, zone: tzinfo) -> datetime:
    """Return the naive local time of `zone`, as LEAN's `Time` is."""
    moment = _EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)
    return moment.astimezone(zone).replace(tzinfo=None)


def to_ns(moment: datetime | date, zone: tzinfo) -> int:
    """Return UTC nanoseconds of a datetime; a naive one is local time of `zone`, a date its midnight."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US


def span_ns(span: timedelta) -> int:
    """Return nanoseconds of a timedelta."""
    return span // timedelta(microseconds=1) * _NS_PER_US
