"""When the exchanges of the United States trade: the rules of NYSE and Nasdaq since 2022, as published.

Extended hours are 04:00 to 20:00 in New York, regular ones 09:30 to 16:00, or 13:00 before some holidays.
Closures of the past that followed no rule (mourning, storms) are not known here.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from livetrader_venues.stockmarket.clocks import midnight_ns
from livetrader_venues.stockmarket.tape import HOUR_NS, MINUTE_NS

EXTENDED_OPEN_NS = 4 * HOUR_NS
OPEN_NS = 9 * HOUR_NS + 30 * MINUTE_NS
CLOSE_NS = 16 * HOUR_NS
EARLY_CLOSE_NS = 13 * HOUR_NS
EXTENDED_CLOSE_NS = 20 * HOUR_NS
EARLY_EXTENDED_CLOSE_NS = 17 * HOUR_NS
_SATURDAY = 5


class Session(NamedTuple):
    """One trading day, in UTC nanoseconds."""

    extended_open_ns: int
    open_ns: int
    close_ns: int
    extended_close_ns: int


@lru_cache(maxsize=4096)
def session(day: date) -> Session | None:
    """Return the hours of a day, None where nothing trades."""
    if day.weekday() >= _SATURDAY or day in holidays(day.year):
        return None
    start = midnight_ns(day)  # summer time changes on Sundays, when nothing trades
    early = day in early_closes(day.year)
    return Session(
        start + EXTENDED_OPEN_NS,
        start + OPEN_NS,
        start + (EARLY_CLOSE_NS if early else CLOSE_NS),
        start + (EARLY_EXTENDED_CLOSE_NS if early else EXTENDED_CLOSE_NS),
    )


@lru_cache(maxsize=256)
def holidays(year: int) -> frozenset[date]:
    """Return the closed weekdays of a year."""
    easter = _easter(year)
    fixed = [date(year, 7, 4), date(year, 12, 25)]
    if year >= 2022:
        fixed.append(date(year, 6, 19))
    found = {_observed(day) for day in fixed}
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SATURDAY:  # else the year before would end early; the exchanges do not
        found.add(_observed(new_year))
    found |= {
        _nth_weekday(year, 1, 0, 3),
        _nth_weekday(year, 2, 0, 3),
        easter - timedelta(days=2),
        _last_monday_of_may(year),
        _nth_weekday(year, 9, 0, 1),
        _nth_weekday(year, 11, 3, 4),
    }
    return frozenset(found)


@lru_cache(maxsize=256)
def early_closes(year: int) -> frozenset[date]:
    """Return the days of a year that end at 13:00."""
    after_thanksgiving = _nth_weekday(year, 11, 3, 4) + timedelta(days=1)
    near = {date(year, 7, 3), date(year, 12, 24)}
    return frozenset({day for day in near if day.weekday() < _SATURDAY} - holidays(year)) | {
        after_thanksgiving
    }


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() > _SATURDAY else day


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _easter(year: int) -> date:
    """Return Easter Sunday (Gregorian computus)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    quarter, remainder = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - quarter - moon + 15) % 30
    leap, year_rest = divmod(rest, 4)
    weekday = (32 + 2 * remainder + 2 * leap - epact - year_rest) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
