"""Exchange hours from the exchange_calendars package, where no data folder says better."""

from __future__ import annotations

import warnings
from collections import Counter
from datetime import date, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours, Segment, utc_ns_to_local
from livetrader_engine.errors import ConfigurationError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND

FIRST_DAY: Final = date(1990, 1, 1)
MAX_CALENDARS: Final = 8  # kept, because making one takes a third of a second; the oldest goes
SAMPLE_DAYS: Final = 182  # how far back to look for a weekday's usual hours
US_CLOSE_NS: Final = 16 * NS_PER_HOUR

# Pre-market from 04:00 and post-market to 20:00, as US equities trade; other exchanges get none.
_EXTENDED: Final = dict.fromkeys(
    ("XNYS", "XNAS", "ASEX", "BATS", "ARCX"), (4 * NS_PER_HOUR, 20 * NS_PER_HOUR)
)


@lru_cache(maxsize=MAX_CALENDARS)
def hours_from_exchange_calendars(code: str) -> ExchangeHours:
    """Return the hours of a calendar of exchange_calendars, such as XNYS, from 1990 on.

    Beyond the dates the package knows (about a year ahead) a day trades when its weekday usually does,
    with the usual hours: holidays that nobody has announced are not guessed. On an early close there is
    no post-market, as in LEAN's database. Importing the package takes about a second and brings pandas,
    so it happens here and not at import. Raises ConfigurationError for an unknown code.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        with warnings.catch_warnings():
            # the package lags behind pandas; its use of deprecated calls is nothing the operator can mend
            warnings.simplefilter("ignore", DeprecationWarning)
            newest = exchange_calendars.get_calendar(code)
            earliest = newest.bound_min()  # some calendars begin later than 1990
            first = FIRST_DAY if earliest is None else max(FIRST_DAY, earliest.date())
            calendar = exchange_calendars.get_calendar(code, start=first.isoformat())
    except InvalidCalendarName as error:
        raise ConfigurationError(f"exchange_calendars knows no calendar {code!r}") from error
    zone = ZoneInfo(str(calendar.tz))
    extended = _EXTENDED.get(code)
    table: dict[date, tuple[Segment, ...]] = {}
    columns = (calendar.opens, calendar.break_starts, calendar.break_ends, calendar.closes)
    for stamp, *moments in zip(calendar.sessions, *columns, strict=True):
        day: date = stamp.date()
        # NaT, the missing break, is the one stamp that differs from itself
        known = [_time_of_day_ns(day, int(moment.value), zone) for moment in moments if moment == moment]
        table[day] = _segments(known, extended)
    always_open = all(part == (Segment(0, NS_PER_DAY, True),) for part in table.values())
    plan = _Table(table)
    return ExchangeHours(zone, zone, plan.segments, plan.weekdays, always_open)


class _Table:
    """Segments by date; later dates repeat the newest usual day of their weekday."""

    def __init__(self, table: dict[date, tuple[Segment, ...]]) -> None:
        self._table = table
        self._last = max(table)
        recent = [self._last - timedelta(days=back) for back in range(SAMPLE_DAYS)]
        self._usual = tuple(
            Counter(table.get(day, ()) for day in recent if day.weekday() == weekday).most_common(1)[0][0]
            for weekday in range(7)
        )
        self.weekdays = tuple(number for number, day in enumerate(self._usual) if day)

    def segments(self, day: date) -> tuple[Segment, ...]:
        if day > self._last:
            return self._usual[day.weekday()]
        return self._table.get(day, ())


def _time_of_day_ns(day: date, time_ns: int, zone: ZoneInfo) -> int:
    """Return the wall-clock time, counted from `day`'s midnight; before it or past 24:00 is meant."""
    local = utc_ns_to_local(time_ns, zone)
    seconds = (local.hour * 60 + local.minute) * 60 + local.second
    return (local.date() - day).days * NS_PER_DAY + seconds * NS_PER_SECOND


def _segments(times_ns: list[int], extended: tuple[int, int] | None) -> tuple[Segment, ...]:
    """Return the segments of one session given as open, close or open, break, break, close."""
    regular = tuple(Segment(times_ns[at], times_ns[at + 1], True) for at in range(0, len(times_ns), 2))
    if extended is None:
        return regular
    opens_ns, closes_ns = extended
    before = (Segment(opens_ns, regular[0].start_ns, False),)
    full_day = regular[-1].end_ns >= US_CLOSE_NS
    return before + regular + ((Segment(regular[-1].end_ns, closes_ns, False),) if full_day else ())
