"""When daily bars start and end.

By default a daily bar covers the regular session of its date and is complete at that session's last
close ("strict end times"), so a daily SPY bar arrives at 16:00 New York, at 13:00 on a half day. Forex,
Oanda's CFDs, custom data and markets that never close keep the calendar day of the data's time zone.

Source: LEAN, Common/Util/LeanData.cs, UseStrictEndTime, GetDailyCalendar, SetStrictEndTimes.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from livetrader_engine.calendar.hours import MAX_SEARCH_DAYS, ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Resolution, SecurityType, Symbol

_ONE_DAY: Final = timedelta(days=1)


def uses_strict_end_times(symbol: Symbol, resolution: Resolution, hours: ExchangeHours) -> bool:
    """Return whether bars of this kind start and end with the session."""
    if resolution is not Resolution.DAILY or hours.always_open:
        return False
    if symbol.security_type in {SecurityType.FOREX, SecurityType.BASE}:
        return False
    return not (symbol.security_type is SecurityType.CFD and symbol.market == "oanda")


def daily_bounds(day: date, hours: ExchangeHours, strict: bool) -> tuple[int, int]:
    """Return start and end of the daily bar of this date, UTC nanoseconds.

    With `strict` the date is the exchange's and the bounds are its session; a date without one, and any
    date otherwise, runs from midnight to midnight of the data's time zone.
    """
    if strict:
        session = hours.session(day)
        if session is not None:
            return session.open_ns, session.close_ns
    zone = hours.data_timezone
    return local_to_utc_ns(day, 0, zone), local_to_utc_ns(day, NS_PER_DAY, zone)


def previous_bar_start(time_ns: int, symbol: Symbol, hours: ExchangeHours) -> int:
    """Return where the daily bar begins that is the newest complete one at `time_ns` (UTC ns).

    Counted in calendar days back from `time_ns` where that day's session is over, else from its midnight.
    Raises DataError where the exchange has been closed for longer than anybody looks back. Source:
    LEAN's Common/Time.cs, GetStartTimeForTradeBars, for one bar of a day.
    """
    zone = hours.timezone
    local = utc_ns_to_local(time_ns, zone)
    session = hours.session(local.date())
    if not uses_strict_end_times(symbol, Resolution.DAILY, hours):
        zone = hours.data_timezone
        local = utc_ns_to_local(time_ns, zone)
        since_midnight_ns = 0
    elif session is None or session.close_ns > time_ns:
        since_midnight_ns = 0
    else:
        since_midnight_ns = ((local.hour * 60 + local.minute) * 60 + local.second) * NS_PER_SECOND
    day = local.date()
    end_ns = local_to_utc_ns(day, since_midnight_ns, zone)
    for _ in range(MAX_SEARCH_DAYS):
        day -= _ONE_DAY
        start_ns = local_to_utc_ns(day, since_midnight_ns, zone)
        if hours.is_open_during(start_ns, end_ns):
            return start_ns
        end_ns = start_ns
    raise DataError(f"{symbol.value}: no session within {MAX_SEARCH_DAYS} days before {time_ns}")
