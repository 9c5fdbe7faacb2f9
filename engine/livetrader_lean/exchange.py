"""`security.exchange` and its hours, as an algorithm sees them. Times are naive and local to the exchange."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, Segment
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.dotnet import Dictionary, HashSet
from livetrader_lean.enums import DayOfWeek, MarketHoursState
from livetrader_lean.times import local, span_ns, to_ns
from livetrader_lean.views import Face

_CLOSING_SOON: Final = 10  # minutes


class MarketHoursSegment(Face):
    """A part of a day with a state of the market; `start` and `end` are times of the day."""

    __slots__ = ("end", "start", "state")

    def __init__(self, state: int, start: timedelta, end: timedelta) -> None:
        self.state = MarketHoursState(int(state))
        self.start, self.end = start, end

    def contains(self, time: timedelta) -> bool:
        """Return whether a time of the day is in it."""
        return self.start <= time < self.end

    def overlaps(self, start: timedelta, end: timedelta) -> bool:
        """Return whether it shares an instant with a span."""
        return self.start < end and start < self.end

    def __str__(self) -> str:
        return f"{self.state}: {self.start}-{self.end}"


class LocalMarketHours(Face):
    """The segments of one date."""

    __slots__ = ("_day", "_hours")

    def __init__(self, hours: ExchangeHours, day: date) -> None:
        self._hours = hours
        self._day = day

    @property
    def is_closed_all_day(self) -> bool:
        """Whether it does not trade at all."""
        return not self._hours.is_trading_day(self._day, True)

    @property
    def segments(self) -> list[MarketHoursSegment]:
        """The parts of the day in which it trades, in order."""
        regular = self._spans(False)
        found = [MarketHoursSegment(MarketHoursState.MARKET, *span) for span in regular]
        opens = min((start for start, _ in regular), default=timedelta.max)
        for start, end in self._spans(True):
            for first, last in _without(start, end, regular):
                early = first < opens
                state = MarketHoursState.PRE_MARKET if early else MarketHoursState.POST_MARKET
                found.append(MarketHoursSegment(state, first, last))
        return sorted(found, key=lambda segment: segment.start)

    def is_open(self, time: timedelta, *rest: Any) -> bool:
        """Return whether it trades at a time of day, or between two: is_open(time[, end], extended)."""
        extended = bool(rest[-1]) if rest else False
        end = rest[0] if len(rest) > 1 else None
        spans = self._spans(extended)
        if end is None:
            return any(first <= time < last for first, last in spans)
        return any(first < end and time < last for first, last in spans)

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
        """The most common length of a usual week's sessions, the longer of two equally common."""
        if self._hours.always_open:
            return timedelta(days=1)
        plan = self._hours.plan
        if plan is None:
            return timedelta()
        spans = [sum(part.end_ns - part.start_ns for part in day if part.regular) for day in plan.week if day]
        most = max(spans, key=lambda span: (spans.count(span), span), default=0)
        return timedelta(microseconds=most // 1000)

    def _dates(self, name: str) -> Any:
        plan = self._hours.plan
        return () if plan is None else getattr(plan, name)

    @property
    def holidays(self) -> HashSet[datetime]:
        """Dates without trading, weekends aside."""
        return HashSet(_midnight(day) for day in self._dates("holidays"))

    @property
    def early_closes(self) -> Dictionary[datetime, timedelta]:
        """When it closes on dates on which it does so early."""
        return _times_by_date(self._dates("early_closes"))

    @property
    def late_opens(self) -> Dictionary[datetime, timedelta]:
        """When it opens on dates on which it does so late."""
        return _times_by_date(self._dates("late_opens"))

    @property
    def market_hours(self) -> Dictionary[int, LocalMarketHours]:
        """The segments of a usual week by weekday; those of the newest week without a special date."""
        special = {*self._dates("holidays"), *self._dates("early_closes"), *self._dates("late_opens")}
        monday = date(2019, 1, 7)
        while any(monday + timedelta(days=number) in special for number in range(7)):
            monday += timedelta(days=7)
        days = [LocalMarketHours(self._hours, monday + timedelta(days=number)) for number in range(7)]
        return Dictionary({DayOfWeek(day.day_of_week): day for day in days})

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

    def get_previous_market_open(
        self, local_date_time: datetime, extended_market_hours: bool = False
    ) -> datetime:
        """Return the newest open up to a local time."""
        return self._opened(local_date_time, extended_market_hours, last=True)

    def get_first_daily_market_open(
        self, local_date_time: datetime, extended_market_hours: bool = False
    ) -> datetime:
        """Return the first open of the newest date that it opened on up to a local time."""
        return self._opened(local_date_time, extended_market_hours, last=False)

    def _opened(self, time: datetime, extended: bool, *, last: bool) -> datetime:
        until_ns, day = self._ns(time), _date(time)
        while True:
            starts = [start for start, _ in self._hours.intervals(day, extended) if start <= until_ns]
            if starts:
                return local(starts[-1 if last else 0], self._hours.timezone)
            day = self._hours.previous_trading_day(day)

    def get_last_daily_market_close(
        self, local_date_time: datetime, extended_market_hours: bool = False
    ) -> datetime:
        """Return the last close of the first date that it closes on after a local time."""
        first = self.get_next_market_close(local_date_time, extended_market_hours)
        closes = [end for _, end in self._hours.intervals(_date(first), extended_market_hours)]
        return max(first, local(closes[-1], self._hours.timezone)) if closes else first

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

    __slots__ = ("_binding", "_security")

    def __init__(self, binding: Binding, security: CoreSecurity) -> None:
        super().__init__(security.hours)
        self._binding = binding
        self._security = security

    def set_market_hours(self, market_hours_segments: Any, *days: Any) -> None:
        """Have the security trade in these segments on these weekdays, on all where none is named.

        Holidays, early closes and late opens stay. Raises AlgorithmError where the hours are no weekly plan.
        """
        plan, hours = self._hours.plan, self._hours
        if plan is None:
            raise AlgorithmError("the hours of this exchange are no weekly plan: they cannot be changed")
        named = [item for day in days for item in (day if isinstance(day, list | tuple) else (day,))]
        numbers = {(int(day) - 1) % 7 for day in named} or set(range(7))
        chosen = tuple(
            Segment(span_ns(part.start), span_ns(part.end), part.state == MarketHoursState.MARKET)
            for part in market_hours_segments
            if part.state != MarketHoursState.CLOSED
        )
        week = tuple(chosen if number in numbers else usual for number, usual in enumerate(plan.week))
        changed = msgspec.structs.replace(plan, week=week)
        weekdays = tuple(number for number, day in enumerate(week) if day)
        made = ExchangeHours(hours.timezone, hours.data_timezone, changed.segments, weekdays)
        self._binding.engine.ports.reference.override_hours(self._security.symbol, made)
        self._hours = self._security.hours = made

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
        """Whether it does not trade in ten minutes."""
        return self.is_closing_soon(_CLOSING_SOON)

    def is_closing_soon(self, minutes_to_close: int) -> bool:
        """Return whether it does not trade so many minutes from now, in regular hours."""
        soon = to_ns(self.local_time + timedelta(minutes=minutes_to_close), self._hours.timezone)
        return not self._hours.is_open(soon)

    def is_open_during_bar(
        self, bar_start_time: datetime, bar_end_time: datetime, is_extended_market_hours: bool
    ) -> bool:
        """Return whether it trades at some instant of a bar, of local times."""
        return self.is_open(bar_start_time, bar_end_time, is_extended_market_hours)

    @property
    def trading_days_per_year(self) -> int:
        """How many days of a year it trades on: 252, or every one."""
        return 365 if self._hours.always_open else 252

    def date_is_open(self, date: date, extended_market_hours: bool = False) -> bool:
        """Return whether it trades on a date."""
        return self.is_date_open(date, extended_market_hours)

    def date_time_is_open(self, date_time: datetime) -> bool:
        """Return whether it trades at a local time, in regular hours."""
        return self.is_open(date_time)


def _date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _without(
    start: timedelta, end: timedelta, spans: list[tuple[timedelta, timedelta]]
) -> Iterator[tuple[timedelta, timedelta]]:
    """Yield the parts of a span that are in none of these."""
    for first, last in spans:
        if first > start:
            yield start, min(first, end)
        start = max(start, last)
    if start < end:
        yield start, end


def _times_by_date(times: Any) -> Dictionary[datetime, timedelta]:
    return Dictionary({_midnight(day): timedelta(microseconds=ns // 1000) for day, ns in dict(times).items()})


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 — LEAN's times are naive
