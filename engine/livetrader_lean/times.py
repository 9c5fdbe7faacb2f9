"""Times at the edge: the engine's UTC nanoseconds and the naive local datetimes that LEAN hands out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — what LEAN hands out knows no zone
_US: Final = timedelta(microseconds=1)
_NS_PER_US: Final = 1000
_BLOCK_US: Final = 15 * 60 * 1_000_000  # clocks change between them, nearly always
KNOWN_BLOCKS: Final = 4096  # whose offset is kept: algorithms ask for the time with every bar


def utc(time_ns: int) -> datetime:
    """Return UTC as LEAN gives it: naive, whole microseconds."""
    return (_EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)).replace(tzinfo=None)


def local(time_ns: int, zone: tzinfo) -> datetime:
    """Return the naive local time of `zone`, as LEAN's `Time` is."""
    now_us = time_ns // _NS_PER_US
    known = _offset(now_us // _BLOCK_US, zone)
    if known is None:
        return _moved(now_us, zone)
    offset_us, fold = known
    shown = _NAIVE_EPOCH + timedelta(microseconds=now_us + offset_us)
    return shown.replace(fold=1) if fold else shown


@lru_cache(maxsize=KNOWN_BLOCKS)
def _offset(block: int, zone: tzinfo) -> tuple[int, int] | None:
    """Return a zone's offset from UTC in a quarter of an hour, and its fold; None where either changes."""
    first_us = block * _BLOCK_US
    begins, ends = (_moved(at_us, zone) for at_us in (first_us, first_us + _BLOCK_US - 1))
    lengthened = (ends - begins) // _US - (_BLOCK_US - 1)
    if lengthened or begins.fold != ends.fold:
        return None
    return (begins - _NAIVE_EPOCH) // _US - first_us, begins.fold


def _moved(time_us: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone).replace(tzinfo=None)


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
