"""`self.date_rules` and `self.time_rules`: LEAN's calls in front of the core's rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.schedule import rules as core
from livetrader_engine.symbols import SecurityType
from livetrader_lean.binding import Binding
from livetrader_lean.enums import DayOfWeek
from livetrader_lean.times import span_ns
from livetrader_lean.views import Face

_DAYS_PER_WEEK = 7


def _zone(zone: object) -> ZoneInfo | None:
    if zone is None or isinstance(zone, ZoneInfo):
        return zone
    if isinstance(zone, str):
        return ZoneInfo(zone)
    raise AlgorithmError(
        f"{zone!r} is no time zone; use TimeZones.NEW_YORK or a name like 'America/New_York'"
    )


class DateRules(Face):
    """Which dates a scheduled event fires on. A symbol or ticker means its exchange's trading days."""

    __slots__ = ("_binding", "_core")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._core = core.DateRules(lambda: binding.engine.clock.now_ns, lambda: _named(binding.time_zone))

    @property
    def today(self) -> core.DateRule:
        """The date on which the event is scheduled."""
        return self._core.today()

    @property
    def tomorrow(self) -> core.DateRule:
        """The date after it."""
        return self._core.tomorrow()

    def on(self, *when: Any) -> core.DateRule:
        """Fire on dates, given as year, month, day or as dates."""
        if len(when) == 3 and all(isinstance(part, int) for part in when):
            return self._core.on(date(*when))
        flat = when[0] if len(when) == 1 and isinstance(when[0], list | tuple) else when
        return self._core.on(*(day.date() if isinstance(day, datetime) else day for day in flat))

    def every(self, *days: Any) -> core.DateRule:
        """Fire on weekdays, given as DayOfWeek."""
        flat = days[0] if len(days) == 1 and isinstance(days[0], list | tuple) else days
        # .NET counts from Sunday, the core from Monday
        return self._core.every(*((int(DayOfWeek(int(day))) - 1) % _DAYS_PER_WEEK for day in flat))

    def every_day(self, symbol: object = None, extended_market_hours: bool = False) -> core.DateRule:
        """Fire every day, or every trading day of a symbol."""
        return self._core.every_day(self._market(symbol), extended_market_hours)

    def week_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each week, or `days_offset` days later."""
        return self._core.week_start(*self._period(arguments, named))

    def week_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each week, or `days_offset` days earlier."""
        return self._core.week_end(*self._period(arguments, named))

    def month_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each month, or `days_offset` days later."""
        return self._core.month_start(*self._period(arguments, named))

    def month_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each month, or `days_offset` days earlier."""
        return self._core.month_end(*self._period(arguments, named))

    def quarter_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each quarter, or `days_offset` days later."""
        return self._core.quarter_start(*self._period(arguments, named))

    def quarter_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each quarter, or `days_offset` days earlier."""
        return self._core.quarter_end(*self._period(arguments, named))

    def year_start(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the first (trading) day of each year, or `days_offset` days later."""
        return self._core.year_start(*self._period(arguments, named))

    def year_end(self, *arguments: Any, **named: Any) -> core.DateRule:
        """Fire on the last (trading) day of each year, or `days_offset` days earlier."""
        return self._core.year_end(*self._period(arguments, named))

    def _period(
        self, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[core.Market | None, int, bool]:
        given = list(arguments)
        symbol = named.pop("symbol", None)
        if given and not isinstance(given[0], int):
            symbol = given.pop(0)
        offset = named.pop("days_offset", named.pop("daysOffset", given.pop(0) if given else 0))
        extended = named.pop("extended_market_hours", given.pop(0) if given else True)
        if given or named:
            raise AlgorithmError(f"a date rule does not understand {given or sorted(named)}")
        return self._market(symbol), int(offset), bool(extended)

    def _market(self, symbol: object) -> core.Market | None:
        return None if symbol is None else self._binding.market(symbol)


class TimeRules(Face):
    """At which times of its dates a scheduled event fires."""

    __slots__ = ("_binding", "_core")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._core = core.TimeRules(
            lambda: binding.engine.clock.now_ns, lambda: _named(binding.time_zone), self._markets
        )

    def _markets(self) -> Iterator[ExchangeHours]:
        # LEAN's market rules without a symbol always look at SPY's hours, subscribed or not
        reference = self._binding.engine.ports.reference
        yield reference.hours(reference.symbol("SPY", SecurityType.EQUITY, "usa"))
        for security in self._binding.engine.securities.values():
            yield security.hours

    @property
    def now(self) -> core.TimeRule:
        """At once."""
        return self._core.now()

    @property
    def midnight(self) -> core.TimeRule:
        """At 00:00."""
        return self._core.midnight()

    @property
    def noon(self) -> core.TimeRule:
        """Twelve hours after midnight."""
        return self._core.noon()

    def set_default_time_zone(self, time_zone: object) -> None:
        """Use another time zone for rules made from now on."""
        zone = _zone(time_zone)
        if zone is not None:
            self._core.set_default_time_zone(zone)

    def at(self, *arguments: Any) -> core.TimeRule:
        """Fire at a time of day: hour, minute[, second][, time zone], or a timedelta[, time zone]."""
        given = list(arguments)
        zone = _zone(given.pop()) if isinstance(given[-1], str | tzinfo) else None
        if isinstance(given[0], timedelta):
            return self._core.at_time_of_day(span_ns(given[0]), zone)
        hour, minute, second = (*given, 0, 0)[:3]
        return self._core.at(int(hour), int(minute), int(second), zone)

    def every(self, interval: timedelta) -> core.TimeRule:
        """Fire at midnight and at each interval after it."""
        return self._core.every(span_ns(interval))

    def after_market_open(
        self, symbol: object = None, minutes_after_open: float = 0, extended_market_open: bool = False
    ) -> core.TimeRule:
        """Fire minutes after the open."""
        market, minutes = self._market_rule(symbol, minutes_after_open)
        return self._core.after_market_open(market, minutes, extended_market_open)

    def before_market_open(
        self, symbol: object = None, minutes_before_open: float = 0, extended_market_open: bool = False
    ) -> core.TimeRule:
        """Fire minutes before the open."""
        market, minutes = self._market_rule(symbol, minutes_before_open)
        return self._core.before_market_open(market, minutes, extended_market_open)

    def before_market_close(
        self, symbol: object = None, minutes_before_close: float = 0, extended_market_close: bool = False
    ) -> core.TimeRule:
        """Fire minutes before the close; early closes move it."""
        market, minutes = self._market_rule(symbol, minutes_before_close)
        return self._core.before_market_close(market, minutes, extended_market_close)

    def after_market_close(
        self, symbol: object = None, minutes_after_close: float = 0, extended_market_close: bool = False
    ) -> core.TimeRule:
        """Fire minutes after the close."""
        market, minutes = self._market_rule(symbol, minutes_after_close)
        return self._core.after_market_close(market, minutes, extended_market_close)

    def _market_rule(self, symbol: object, minutes: float) -> tuple[core.Market | None, float]:
        if isinstance(symbol, int | float):  # after_market_open(30): no symbol
            return None, float(symbol)
        return (None if symbol is None else self._binding.market(symbol)), float(minutes)


def _named(zone: tzinfo) -> ZoneInfo:
    assert isinstance(zone, ZoneInfo), "set_time_zone makes ZoneInfo only"
    return zone
