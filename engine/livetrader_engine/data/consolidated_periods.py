"""To which bar a point belongs: fixed spans, anchored spans, calendars, sessions.

A period is a function from a point's wall-clock time to start and length of its bar, all nanoseconds of the
exchange's local time. The rules are LEAN's (PeriodCountConsolidatorBase.cs, LeanData.cs: GetDailyCalendar,
GetIntradayCalendar, GetConsolidatorStartTime; Calendar.cs).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from livetrader_engine.calendar.hours import MAX_SEARCH_DAYS, ExchangeHours
from livetrader_engine.data.wallclock import DAYS_BEFORE_1970, WallClock, date_of, days_of
from livetrader_engine.errors import AlgorithmError, DataError, InvariantError
from livetrader_engine.symbols import NS_PER_DAY

Span = tuple[int, int | None]  # start and length of a bar; no length: it ends by count only
Period = Callable[[int], Span]

_WEEK_NS: Final = 7 * NS_PER_DAY
_ONE_DAY: Final = timedelta(days=1)
_MONDAY: Final = 3  # 1970-01-01 was a Thursday


def fixed(period_ns: int, start_offset_ns: int | None = None) -> Period:
    """Return spans of a fixed length on the grid of .NET's time line; over a day there is no grid.

    A start offset anchors them to that time of each day instead, from seven days on of each month.
    """
    if period_ns < 0:
        raise AlgorithmError("the period of a consolidator must not be negative")
    if start_offset_ns is not None:
        return _anchored(period_ns, start_offset_ns)
    if period_ns > NS_PER_DAY or period_ns == 0:
        return lambda wall_ns: (wall_ns, period_ns)
    base_ns = DAYS_BEFORE_1970 * NS_PER_DAY % period_ns
    return lambda wall_ns: (wall_ns - (wall_ns + base_ns) % period_ns, period_ns)


def _anchored(period_ns: int, offset_ns: int) -> Period:
    if period_ns == 0:
        raise AlgorithmError("a consolidator with a start time needs a period longer than zero")

    def span(wall_ns: int) -> Span:
        days = wall_ns // NS_PER_DAY
        if period_ns >= _WEEK_NS:
            days = days_of(date_of(days).replace(day=1))
        anchor_ns = days * NS_PER_DAY + offset_ns
        return anchor_ns + (wall_ns - anchor_ns) // period_ns * period_ns, period_ns

    return span


def unbounded(wall_ns: int) -> Span:
    """Give a bar that only a count of points ends."""
    return wall_ns, None


def ungridded(period_ns: int) -> Period:
    """Return spans that begin where their data does: what a count within a period uses."""
    return lambda wall_ns: (wall_ns, period_ns)


def weekly(wall_ns: int) -> Span:
    """Give the week from Monday to Monday."""
    days = wall_ns // NS_PER_DAY
    return (days - (days + _MONDAY) % 7) * NS_PER_DAY, _WEEK_NS


def months(number: int) -> Period:
    """Return spans of a number of calendar months: 1, 3 (quarters) or 12 (years)."""
    held: tuple[int, int] = (0, 0)

    def span(wall_ns: int) -> Span:
        nonlocal held
        start_ns, end_ns = held
        if not start_ns <= wall_ns < end_ns:
            day = date_of(wall_ns // NS_PER_DAY)
            first = date(day.year, day.month - (day.month - 1) % number, 1)
            after = first.month - 1 + number
            following = date(first.year + after // 12, after % 12 + 1, 1)
            start_ns, end_ns = held = days_of(first) * NS_PER_DAY, days_of(following) * NS_PER_DAY
        return start_ns, end_ns - start_ns

    return span


def sessions(hours: ExchangeHours, clock: WallClock, extended: bool = False) -> Period:
    """Return spans from a day's first open to its last close; until the next open it is still that day's."""
    held: tuple[int, int, int] = (0, 0, 0)  # open, close, next open

    def span(wall_ns: int) -> Span:
        nonlocal held
        open_ns, close_ns, next_open_ns = held
        if not open_ns <= wall_ns < next_open_ns:
            open_ns, close_ns, next_open_ns = held = _session_at(hours, clock, wall_ns, extended)
        return open_ns, close_ns - open_ns

    return span


def _session_at(hours: ExchangeHours, clock: WallClock, wall_ns: int, extended: bool) -> tuple[int, int, int]:
    day = date_of(wall_ns // NS_PER_DAY)
    intervals = hours.intervals(day, extended)
    if not intervals or wall_ns < clock.wall(intervals[0][0]):
        day = _trading_day(hours, day, -_ONE_DAY, extended)
        intervals = hours.intervals(day, extended)
    following = hours.intervals(_trading_day(hours, day, _ONE_DAY, extended), extended)
    return clock.wall(intervals[0][0]), clock.wall(intervals[-1][1]), clock.wall(following[0][0])


def _trading_day(hours: ExchangeHours, day: date, step: timedelta, extended: bool) -> date:
    if not extended:
        return hours.previous_trading_day(day) if step < timedelta() else hours.next_trading_day(day)
    for _ in range(MAX_SEARCH_DAYS):
        day += step
        if hours.is_trading_day(day, extended=True):
            return day
    raise DataError(f"no trading day within {MAX_SEARCH_DAYS} days of {day}")


def within_sessions(hours: ExchangeHours, clock: WallClock, period_ns: int, extended: bool = False) -> Period:
    """Return spans counted from the open; the last one of a session is cut at its close."""
    if hours.always_open:
        return fixed(period_ns)

    def span(wall_ns: int) -> Span:
        open_ns, close_ns = _interval_at(hours, clock, wall_ns, extended)
        start_ns = open_ns + (wall_ns - open_ns) // period_ns * period_ns
        return start_ns, min(start_ns + period_ns, close_ns) - start_ns

    return span


def _interval_at(hours: ExchangeHours, clock: WallClock, wall_ns: int, extended: bool) -> tuple[int, int]:
    """Return the newest open interval that began at or before a wall time."""
    day = date_of(wall_ns // NS_PER_DAY)
    for _ in range(2):  # today's, or the last one of the trading day before
        for open_ns, close_ns in reversed(hours.intervals(day, extended)):
            if clock.wall(open_ns) <= wall_ns:
                return clock.wall(open_ns), clock.wall(close_ns)
        day = _trading_day(hours, day, -_ONE_DAY, extended)
    raise InvariantError(f"no session before {day}")
