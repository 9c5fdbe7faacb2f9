"""When an exchange trades (API being filled in; names and meanings below are final)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

import msgspec


class Session(msgspec.Struct, frozen=True):
    """One trading day in UTC nanoseconds: first regular open to last regular close, and the extended span."""

    day: date
    open_ns: int
    close_ns: int
    extended_open_ns: int
    extended_close_ns: int


class ExchangeHours:
    """When an exchange trades. Segments are half-open: at the closing instant it is closed."""

    timezone: ZoneInfo
    data_timezone: ZoneInfo
    always_open: bool

    def local_date(self, time_ns: int) -> date:
        """Return the exchange's calendar date at this instant."""
        raise NotImplementedError

    def session(self, day: date) -> Session | None:
        """Return the day's regular session; None when there is no regular trading that day."""
        raise NotImplementedError

    def is_open(self, time_ns: int, extended: bool = False) -> bool:
        """Return whether it trades at this instant."""
        raise NotImplementedError

    def is_open_during(self, start_ns: int, end_ns: int, extended: bool = False) -> bool:
        """Return whether it trades at some instant of [start_ns, end_ns)."""
        raise NotImplementedError

    def next_open(self, time_ns: int, extended: bool = False) -> int:
        """Return the first opening at or after `time_ns`."""
        raise NotImplementedError

    def next_close(self, time_ns: int, extended: bool = False) -> int:
        """Return the first closing after `time_ns`."""
        raise NotImplementedError

    def is_trading_day(self, day: date, extended: bool = False) -> bool:
        """Return whether there is trading on this exchange date."""
        raise NotImplementedError

    def next_trading_day(self, day: date) -> date:
        """Return the first trading day after `day`."""
        raise NotImplementedError

    def previous_trading_day(self, day: date) -> date:
        """Return the last trading day before `day`."""
        raise NotImplementedError


def hours_from_lean(entry: Mapping[str, object]) -> ExchangeHours:
    """Return the hours of one entry of market-hours-database.json. Raises DataError for an unusable one."""
    raise NotImplementedError
