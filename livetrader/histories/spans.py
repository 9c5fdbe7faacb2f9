"""Which exchange dates a request needs, which of them are over, and into what pieces they are cut. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.spi_data import DateSpan
from livetrader_engine.symbols import NS_PER_DAY, Resolution

ONE_DAY: Final = timedelta(days=1)
# A piece is what is downloaded and kept at once: lost as a whole when its download breaks off, so a few
# seconds' or minutes' worth, and never more than fits into memory.
PIECE_DAYS: Final = {
    Resolution.TICK: 1,
    Resolution.SECOND: 5,
    Resolution.MINUTE: 31,
    Resolution.HOUR: 366,
    Resolution.DAILY: 3660,
}


class NeededDates(NamedTuple):
    """The dates of a request: those that are over, and the one in progress where it is needed, too."""

    over: DateSpan | None
    in_progress: date | None


def needed_dates(start_ns: int, end_ns: int, now_ns: int, hours: ExchangeHours) -> NeededDates:
    """Return the dates, in the time zone of the data, of points that end in (start_ns, end_ns]."""
    zone = hours.data_timezone
    first = utc_ns_to_local(start_ns, zone).date()
    last = utc_ns_to_local(min(end_ns, now_ns) - 1, zone).date()
    today = utc_ns_to_local(now_ns, zone).date()
    over = DateSpan(first, min(last, today - ONE_DAY))
    return NeededDates(over if over.first <= over.last else None, today if last >= today else None)


def pieces(span: DateSpan, resolution: Resolution) -> Iterator[DateSpan]:
    """Cut a span into what is downloaded at once, oldest first."""
    days = timedelta(days=PIECE_DAYS[resolution] - 1)
    first = span.first
    while first <= span.last:
        last = min(first + days, span.last)
        yield DateSpan(first, last)
        first = last + ONE_DAY


def days_of(span: DateSpan) -> int:
    """Return how many dates a span has."""
    return (span.last - span.first).days + 1


def bounds_ns(span: DateSpan, hours: ExchangeHours) -> tuple[int, int]:
    """Return the first and the last instant of these dates (UTC ns), the last as an end time."""
    zone = hours.data_timezone
    return local_to_utc_ns(span.first, 0, zone), local_to_utc_ns(span.last, NS_PER_DAY, zone)
