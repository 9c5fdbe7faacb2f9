"""`security.exchange` and its hours, as an algorithm sees them. Times are naive and local to the exchange."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.times import local, to_ns
from livetrader_lean.views import Face

_CLOSING_SOON: Final = timedelta(minutes=10)


class LocalMarketHours(Face):
    """The segments of one date."""

    __slots__ = ("_day", "_hours")

    def __init__(self, hours: ExchangeHours, day: date) -> None:
        self._hours = hours
        self._day = day

    @property
    def is_closed_all_day(self) -> bool:
        """Whether it does not trade in regular hours."""
        return not self._hours.is_trading_day(self._day)

    @property
    def is_open_all_day(self) -> bool:
        """Whether it never closes on this date."""
        return self.market_duration == timedelta(days=1)

    @property
    def day_of_week(self) -> int:
        """The day, as .NET numbers them: Sunday is 0."""
        return (self._day.weekday() + 1) % 7

    @property
    def market_duration(self) -> timedelta:
        """How long it trades in regular hours."""
        spans = self._hours.intervals(self._day)
        return timedelta(microseconds=sum(end - start for start, end in spans) // 1000)

    def get_market_open(self, time_of_day: timedelta, extended_market_hours: bool) -> timedelta | None:
        """Return the time of day of the first open at or after a time of day, None where there is none."""
        return next((start for start, _ in self._spans(extended_market_hours) if start >= time_of_day), None)

    def get_market_close(self, time_of_day: timedelta, extended_market_hours: bool) -> timedelta | None:
        """Return the time of day of the first close after a time of day, None where there is none."""
        return next((end for _, end in self._spans(extended_market_hours) if end > time_of_day), None)

    def _spans(self, extended: bool) -> list[tuple[timedelta, timedelta]]:
        midnight_ns = self._hours.local_midnight(self._day)
        return [
            tuple(timedelta(microseconds=(edge - midnight_ns) // 1000) for edge in span)  # type: ignore[misc]
            for span in self._hours.intervals(self._day, extended)
        ]  # a span has two edges


class SecurityExchangeHours(Face):
    """When an exchange trades, whatever the time is now."""

    __slots__ = ("_hours",)

    def __init__(self, hours: ExchangeHours) -> None:
        self._hours = hours

    @property
    def time_zone(self) -> Any:
        """Time zone of the exchange."""
        return self._hours.timezone

    @property
    def is_market_always_open(self) -> bool:
        """Whether it never closes."""
        return self._hours.always_open

    @property
    def regular_market_duration(self) -> timedelta:
        """The longest session of a usual week: of the first four weeks that it ever had a session in."""
        monday = date(2019, 1, 7)  # a month without early closes
        days = (monday + timedelta(days=number) for number in range(28))
        return max((LocalMarketHours(self._hours, day).market_duration for day in days), default=timedelta())

    def _ns(self, time: datetime) -> int:
        return to_ns(time, self._hours.timezone)

    def is_open(self, time: datetime, *rest: Any, **named: Any) -> bool:
        """Return whether it trades at a time, or between two: is_open(time[, end_time], extended)."""
        extended = bool(named.pop("extended_market_hours", rest[-1] if rest else False))
        end = named.pop("end_time", rest[0] if rest and isinstance(rest[0], datetime) else None)
        if rest and isinstance(rest[-1], datetime):
            extended = False
        if end is None:
            return self._hours.is_open(self._ns(time), extended)
        return self._hours.is_open_during(self._ns(time), self._ns(end), extended)

    def is_date_open(self, local_date_time: date, extended_market_hours: bool = False) -> bool:
        """Return whether it trades on a date."""
        return self._hours.is_trading_day(_date(local_date_time), extended_market_hours)

    def get_next_market_open(
        self, local_date_time: datetime, extended_market_hours: bool = False
    ) -> datetime:
        """Return the first open after a local time."""
        found = self._hours.next_open(self._ns(local_date_time) + 1, extended_market_hours)
        return local(found, self._hours.timezone)

    def get_next_market_close(
        self, local_date_time: datetime, extended_market_hours: bool = False
    ) -> datetime:
        """Return the first close after a local time."""
        found = self._hours.next_close(self._ns(local_date_time), extended_market_hours)
        return local(found, self._hours.timezone)

    def get_market_hours(self, local_date_time: date) -> LocalMarketHours:
        """Return the segments of a date."""
        return LocalMarketHours(self._hours, _date(local_date_time))

    def get_next_trading_day(self, date: date) -> datetime:
        """Return the first trading day after a date."""
        return _midnight(self._hours.next_trading_day(_date(date)))

    def get_previous_trading_day(self, local_date: date) -> datetime:
        """Return the last trading day before a date."""
        return _midnight(self._hours.previous_trading_day(_date(local_date)))


class SecurityExchange(SecurityExchangeHours):
    """When a security trades, and whether it does so now."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding, security: CoreSecurity) -> None:
        super().__init__(security.hours)
        self._binding = binding

    @property
    def hours(self) -> SecurityExchangeHours:
        """When it trades, whatever the time is now."""
        return SecurityExchangeHours(self._hours)

    @property
    def local_time(self) -> datetime:
        """Time of the exchange."""
        return local(self._binding.engine.clock.now_ns, self._hours.timezone)

    @property
    def exchange_open(self) -> bool:
        """Whether it trades now, in regular hours."""
        return self._hours.is_open(self._binding.engine.clock.now_ns)

    @property
    def closing_soon(self) -> bool:
        """Whether it trades now and not in ten minutes."""
        soon = to_ns(self.local_time + _CLOSING_SOON, self._hours.timezone)
        return self.exchange_open and not self._hours.is_open(soon)

    def date_is_open(self, date: date) -> bool:
        """Return whether it trades on a date."""
        return self.is_date_open(date)

    def date_time_is_open(self, date_time: datetime) -> bool:
        """Return whether it trades at a local time, in regular hours."""
        return self.is_open(date_time)


def _date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 — LEAN's times are naive
