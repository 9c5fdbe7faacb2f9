"""Where the bars of a subscription begin and end, live: on the clock of the exchange, in its sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from livetrader_engine.calendar.hours import MAX_SEARCH_DAYS, ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution

_ONE_DAY: Final = timedelta(days=1)


class Period(NamedTuple):
    """[start_ns, end_ns) of one bar."""

    start_ns: int
    end_ns: int


class Periods:
    """Where the bars of a subscription begin and end. Without `hours` the market never closes.

    It keeps the session it was asked about last; no other state.
    """

    def __init__(self, subscription: Subscription, hours: ExchangeHours | None) -> None:
        self._hours = hours if hours is None or not hours.always_open else None
        self._zone = None if hours is None else hours.data_timezone
        self._length_ns = subscription.resolution.period_ns
        self._extended = subscription.extended_market_hours
        self._is_daily = subscription.resolution is Resolution.DAILY
        self._is_short = subscription.resolution <= Resolution.MINUTE
        self._open_ns = self._close_ns = 0  # the session asked about last
        self._strict = (
            self._is_daily
            and self._hours is not None
            and subscription.precise_daily
            and uses_strict_end_times(subscription.symbol, subscription.resolution, self._hours)
        )

    def around(self, time_ns: int) -> Period | None:
        """Return the period that an instant belongs to, None where the market is closed then."""
        hours = self._hours
        if hours is not None and not hours.is_open(time_ns, self._extended and not self._strict):
            return None
        return self._at(time_ns)

    def after(self, time_ns: int) -> Period | None:
        """Return the first period that ends after an instant and sees an open market, None without one."""
        hours, length_ns = self._hours, self._length_ns
        if hours is None:
            return self._at(time_ns)
        # most often the next one of the same session
        if self._is_short and self._open_ns <= time_ns and time_ns + length_ns <= self._close_ns:
            start_ns = time_ns - time_ns % length_ns
            return Period(start_ns, start_ns + length_ns)
        for _ in range(MAX_SEARCH_DAYS):
            period = self._at(time_ns)
            open_ns = max(period.start_ns, time_ns)
            if period.end_ns > time_ns and hours.is_open_during(open_ns, period.end_ns, self._extended):
                self._keep_session(hours, open_ns)
                return period
            try:
                time_ns = max(hours.next_open(time_ns + 1, self._extended and not self._strict), time_ns + 1)
            except DataError:
                return None
        return None

    def is_regular(self, time_ns: int) -> bool:
        """Return whether an instant lies in the regular session."""
        return self._hours is None or self._hours.is_open(time_ns)

    def _keep_session(self, hours: ExchangeHours, time_ns: int) -> None:
        for start_ns, end_ns in hours.intervals(hours.local_date(time_ns), self._extended):
            if start_ns <= time_ns < end_ns:
                self._open_ns, self._close_ns = start_ns, end_ns

    def _at(self, time_ns: int) -> Period:
        """Return the period on the grid, of that day with daily bars."""
        if self._zone is None:
            start_ns = time_ns - time_ns % self._length_ns
        elif self._is_daily:
            hours = self._hours
            if self._strict and hours is not None:
                return Period(*daily_bounds(hours.local_date(time_ns), hours, True))
            day = utc_ns_to_local(time_ns, self._zone).date()
            return Period(local_to_utc_ns(day, 0, self._zone), local_to_utc_ns(day + _ONE_DAY, 0, self._zone))
        else:
            midnight_ns = 0
            if self._length_ns > NS_PER_MINUTE:
                midnight_ns = local_to_utc_ns(utc_ns_to_local(time_ns, self._zone).date(), 0, self._zone)
            start_ns = time_ns - (time_ns - midnight_ns) % self._length_ns
        return Period(start_ns, start_ns + self._length_ns)
