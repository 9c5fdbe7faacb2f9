"""LEAN's `Time`: spans, bounds, Unix time, and the days between two dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_lean.names import Twins

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — LEAN's times are naive
_FORMATS: Final = (
    "%y%m%d", "%Y%m%d", "%Y%m%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S", "%Y%m%d %H:%M:%S",
)  # fmt: skip


class _UnixTime(Twins):
    """Seconds since 1970 and back; times are naive and in UTC."""

    @staticmethod
    def date_time_to_unix_time_stamp(time: datetime) -> float:
        """Return the seconds from 1970 to a time."""
        return (time - _EPOCH).total_seconds()

    @staticmethod
    def date_time_to_unix_time_stamp_milliseconds(time: datetime) -> float:
        """Return the milliseconds from 1970 to a time."""
        return (time - _EPOCH) / timedelta(milliseconds=1)

    @staticmethod
    def date_time_to_unix_time_stamp_nanoseconds(time: datetime) -> int:
        """Return the nanoseconds from 1970 to a time."""
        return (time - _EPOCH) // timedelta(microseconds=1) * 1000

    @staticmethod
    def unix_time_stamp_to_date_time(unix_time_stamp: float) -> datetime:
        """Return the time so many seconds after 1970."""
        return _EPOCH + timedelta(seconds=float(unix_time_stamp))

    @staticmethod
    def unix_millisecond_time_stamp_to_date_time(unix_time_stamp: float) -> datetime:
        """Return the time so many milliseconds after 1970."""
        return _EPOCH + timedelta(milliseconds=float(unix_time_stamp))

    @staticmethod
    def unix_nanosecond_time_stamp_to_date_time(unix_time_stamp: int) -> datetime:
        """Return the time so many nanoseconds after 1970."""
        return _EPOCH + timedelta(microseconds=int(unix_time_stamp) // 1000)

    @staticmethod
    def parse_date(date_to_parse: str) -> datetime:
        """Return the time that a text in one of LEAN's formats tells. Raises AlgorithmError for another."""
        text = date_to_parse.strip().removesuffix("Z")
        for form in _FORMATS:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 — LEAN's times are naive
            except ValueError:
                continue
        try:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError as error:
            raise AlgorithmError(f"{date_to_parse!r} is no date that LEAN reads") from error


class Time(_UnixTime):
    """Spans and bounds of time. `each_...` yield midnights, both ends included."""

    ONE_YEAR = timedelta(days=365)
    ONE_DAY = timedelta(days=1)
    ONE_HOUR = timedelta(hours=1)
    ONE_MINUTE = timedelta(minutes=1)
    ONE_SECOND = timedelta(seconds=1)
    ONE_MILLISECOND = timedelta(milliseconds=1)
    MAX_TIME_SPAN = timedelta(days=1000 * 365)
    BEGINNING_OF_TIME = datetime(1899, 12, 30)  # noqa: DTZ001 — LEAN's times are naive
    END_OF_TIME = datetime(2050, 12, 31)  # noqa: DTZ001
    END_OF_TIME_TIME_SPAN = END_OF_TIME - datetime(1, 1, 1)  # noqa: DTZ001
    START = datetime(1998, 1, 2)  # noqa: DTZ001

    @staticmethod
    def max(one: Any, two: Any) -> Any:
        """Return the later time, or the longer span."""
        return max(one, two)

    @staticmethod
    def min(one: Any, two: Any) -> Any:
        """Return the earlier time, or the shorter span."""
        return min(one, two)

    @staticmethod
    def abs(time_span: timedelta) -> timedelta:
        """Return a span without its sign."""
        return abs(time_span)

    @staticmethod
    def multiply(interval: timedelta, multiplier: float) -> timedelta:
        """Return a span so many times."""
        return interval * multiplier

    @staticmethod
    def date_time_range(start: datetime, thru: datetime, step: timedelta) -> Iterator[datetime]:
        """Yield times a step apart, both ends included."""
        while start <= thru:
            yield start
            start += step

    @staticmethod
    def each_day(start: date, thru: date) -> Iterator[datetime]:
        """Yield the midnight of every date."""
        return Time.date_time_range(_midnight(start), _midnight(thru), Time.ONE_DAY)

    @staticmethod
    def each_tradeable_day(
        security: Any, start: date, thru: date, extended_market_hours: bool = False
    ) -> Iterator[datetime]:
        """Yield the midnight of every date that a security, or any of several, trades on."""
        exchanges = [_hours(item) for item in _several(security)]
        for day in Time.each_day(start, thru):
            if any(hours.is_date_open(day, extended_market_hours) for hours in exchanges):
                yield day

    @staticmethod
    def tradable_date(securities: Any, day: date) -> bool:
        """Return whether any of these securities trades on a date."""
        return any(_hours(item).is_date_open(day) for item in _several(securities))

    @staticmethod
    def tradeable_dates(securities: Any, start: date, finish: date) -> int:
        """Return how many dates have trading in any of these securities."""
        return sum(1 for _ in Time.each_tradeable_day(securities, start, finish))

    @staticmethod
    def time_stamp() -> float:
        """Refuse: an algorithm's time is the engine's."""
        raise AlgorithmError("use self.utc_time: the clock on the wall is not the algorithm's")


def _several(value: Any) -> list[Any]:
    values = getattr(value, "values", None)
    if values is not None and not hasattr(value, "exchange"):
        return list(values() if callable(values) else values)
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _hours(value: Any) -> Any:
    exchange = getattr(value, "exchange", None) if not hasattr(value, "is_date_open") else value
    return value if exchange is None else getattr(exchange, "hours", exchange)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 — LEAN's times are naive
