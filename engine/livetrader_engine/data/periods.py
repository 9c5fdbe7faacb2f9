"""When daily bars start and end.

By default a daily bar covers the regular session of its date and is complete at that session's last
close ("strict end times"), so a daily SPY bar arrives at 16:00 New York, at 13:00 on a half day. Forex,
Oanda's CFDs, custom data and markets that never close keep the calendar day of the data's time zone.

Source: LEAN, Common/Util/LeanData.cs, UseStrictEndTime, GetDailyCalendar, SetStrictEndTimes.
"""

from __future__ import annotations

from datetime import date

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns
from livetrader_engine.symbols import NS_PER_DAY, Resolution, SecurityType, Symbol


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
