"""When a market trades, as IB's contract details tell it for the days ahead.

IB names sessions by date: `20250616:0930-20250616:1600;20250617:CLOSED`, in the zone of the contract; a
session may begin on the evening before. From these days follows a week, and which of the days are holidays.
Holidays that are further away are not known. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours, Segment, WeeklyPlan
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_MINUTE
from livetrader_plugins.ibkr.historytimes import zone_of

_ONE_DAY: Final = timedelta(days=1)
_WEEKEND: Final = 5  # Saturday, counted from Monday

Span = tuple[int, int]  # of one day's wall clock, nanoseconds
Days = Mapping[date, tuple[Span, ...]]


def hours_of(trading: str, liquid: str, zone: str) -> ExchangeHours:
    """Return the hours that contract details describe. Raises DataError for what cannot be read.

    `liquid` are the regular hours, `trading` all of them.
    """
    try:
        home = zone_of(zone)
    except VenueError as error:
        raise DataError(str(error)) from error
    regular, extended = days_of(liquid or trading), days_of(trading)
    if not any(regular.values()):
        raise DataError(f"Interactive Brokers tells no trading hours: {liquid or trading!r}")
    days = {
        day: _segments(regular.get(day, ()), extended.get(day, ())) for day in sorted({*regular, *extended})
    }
    week = _week(days)
    holidays = frozenset(day for day, segments in days.items() if not segments and week[day.weekday()])
    whole = (Segment(0, NS_PER_DAY, True),)
    always_open = not holidays and all(segments == whole for segments in week)
    weekdays = tuple(number for number, segments in enumerate(week) if segments)
    return ExchangeHours(home, home, WeeklyPlan(week, holidays).segments, weekdays, always_open)


def days_of(text: str) -> Days:
    """Return the spans of each day of a text in IB's form. Raises DataError."""
    found: dict[date, list[Span]] = {}
    for part in filter(None, text.split(";")):
        day_text, colon, rest = part.partition(":")
        day = _day(day_text, text)
        found.setdefault(day, [])
        if not colon or rest == "CLOSED":
            continue
        for session in rest.split(","):
            begin, dash, end = session.partition("-")
            if not dash:
                raise DataError(f"{session!r} is no session: {text!r}")
            from_day, from_ns = _moment(begin, day, text)
            to_day, to_ns = _moment(end, day, text)
            if to_day == from_day and to_ns <= from_ns:
                from_day -= _ONE_DAY  # the old form: 1700-1600 begins on the evening before
            _add(found, from_day, from_ns, to_day, to_ns)
    return {day: _merged(spans) for day, spans in found.items()}


def _add(found: dict[date, list[Span]], from_day: date, from_ns: int, to_day: date, to_ns: int) -> None:
    while from_day < to_day:
        found.setdefault(from_day, []).append((from_ns, NS_PER_DAY))
        from_day, from_ns = from_day + _ONE_DAY, 0
    if to_ns > from_ns:
        found.setdefault(to_day, []).append((from_ns, to_ns))


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start, end in sorted(set(spans)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _moment(text: str, day: date, whole: str) -> tuple[date, int]:
    """Return day and time of `20250616:0930`, or of the old form's `0930`."""
    head, colon, tail = text.rpartition(":")
    if colon:
        day = _day(head, whole)
    if len(tail) != 4 or not tail.isdigit() or int(tail[:2]) > 24 or int(tail[2:]) > 59:
        raise DataError(f"{text!r} is no time of a session: {whole!r}")
    minutes = int(tail[:2]) * 60 + int(tail[2:])
    # IB writes the last minute of the day where it means its end
    return day, NS_PER_DAY if minutes == 24 * 60 - 1 else minutes * NS_PER_MINUTE


def _day(text: str, whole: str) -> date:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError as error:
        raise DataError(f"{text!r} is no date in the trading hours {whole!r}") from error


def _segments(regular: tuple[Span, ...], extended: tuple[Span, ...]) -> tuple[Segment, ...]:
    """Return a day's segments: the regular ones, and what of the others lies outside of them."""
    made = [Segment(start, end, True) for start, end in regular]
    for start, end in extended:
        at = start
        for low, high in regular:
            if low > at and low < end:
                made.append(Segment(at, low, False))
            if high > at:
                at = max(at, min(high, end)) if low < end else at
        if at < end:
            made.append(Segment(at, end, False))
    return tuple(sorted(made))


def _week(days: Mapping[date, tuple[Segment, ...]]) -> tuple[tuple[Segment, ...], ...]:
    """Return the usual segments by weekday. A workday that is told only as closed is a holiday."""
    by_weekday: list[Counter[tuple[Segment, ...]]] = [Counter() for _ in range(7)]
    for day, segments in days.items():
        if segments:
            by_weekday[day.weekday()][segments] += 1
    # the first and the last day may be told in part, because IB's list begins and ends in them
    usual = Counter(segments for day, segments in days.items() if segments and day.weekday() < _WEEKEND)
    fallback = usual.most_common(1)[0][0] if usual else ()
    week = []
    for weekday, counts in enumerate(by_weekday):
        if counts:
            week.append(counts.most_common(1)[0][0])
        else:
            week.append(fallback if weekday < _WEEKEND else ())
    return tuple(week)
