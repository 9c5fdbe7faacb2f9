"""When scheduled events fire: date rules give dates, time rules give the instants of one date.

Every rule of LEAN's Common/Scheduling/DateRules.cs and TimeRules.cs, snake_case, with LEAN's names for
the rules and LEAN's results, surprises included where they change what an algorithm does; each such
surprise is named in the docstring of its rule. Market rules take a `Market`, not a symbol: whoever
calls knows which exchange a symbol trades on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

END_OF_TIME: Final = date(2050, 12, 31)  # LEAN's Time.EndOfTime; no rule gives later dates

_ONE_DAY: Final = timedelta(days=1)
_DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Market(NamedTuple):
    """The exchange of a symbol, with the name that rules show (the symbol's ticker)."""

    name: str
    hours: ExchangeHours


class DateRule(NamedTuple):
    """Gives, ascending, the dates of [start, end] on which an event may fire."""

    name: str
    dates: Callable[[date, date], Iterator[date]]


class TimeRule(NamedTuple):
    """Gives, ascending, the UTC nanoseconds at which an event fires on one date.

    `once`: the rule ignores dates, so its first instant is its only one.
    """

    name: str
    times: Callable[[date], Iterable[int]]
    once: bool = False


class DateRules:
    """Builds date rules. `now_ns` and `timezone` are asked when a rule is enumerated, not when it is made."""

    def __init__(self, now_ns: Callable[[], int], timezone: Callable[[], ZoneInfo]) -> None:
        self._now_ns = now_ns
        self._timezone = timezone

    def on(self, *dates: date) -> DateRule:
        """Fire on these dates. They are sorted; LEAN takes them as given and fires unsorted ones late."""
        chosen = sorted(set(dates))
        name = ",".join(f"{day.month}/{day.day}/{day.year}" for day in chosen)
        return DateRule(name, lambda start, end: iter(chosen))

    def today(self) -> DateRule:
        """Fire on the date it is, in the algorithm's time zone, when the event is scheduled."""
        return DateRule("TodayOnly", lambda start, end: iter((self._today(),)))

    def tomorrow(self) -> DateRule:
        """Fire on the date after the one on which the event is scheduled."""
        return DateRule("TomorrowOnly", lambda start, end: iter((self._today() + _ONE_DAY,)))

    def every(self, *weekdays: int) -> DateRule:
        """Fire on these weekdays (Monday is 0), holidays too."""
        chosen = frozenset(weekdays)
        name = ",".join(_DAY_NAMES[number] for number in weekdays)
        return DateRule(
            name, lambda start, end: (day for day in _each_day(start, end) if day.weekday() in chosen)
        )

    def every_day(self, market: Market | None = None, extended: bool = False) -> DateRule:
        """Fire on every calendar day, or on every day the market trades.

        With `extended` days count that have only pre or post sessions (a futures Sunday). Note that this
        rule leaves them out by default while the period rules below count them.
        """
        if market is None:
            return DateRule("EveryDay", _each_day)
        hours = market.hours
        return DateRule(
            f"{market.name}: EveryDay",
            lambda start, end: (day for day in _each_day(start, end) if hours.is_trading_day(day, extended)),
        )

    def week_start(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` days after Monday, or after the market's first day, of each week."""
        return _week_rule("WeekStart", market, offset, True, extended)

    def week_end(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` days before Friday, or before the market's last day, of each week."""
        return _week_rule("WeekEnd", market, offset, False, extended)

    def month_start(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days after the first of each month; in the month at the latest."""
        return _period_rule("MonthStart", market, offset, _MONTHS, extended)

    def month_end(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days before the last of each month; in the month at the earliest."""
        return _period_rule("MonthEnd", market, offset, _MONTHS, extended)

    def quarter_start(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days after the first of each calendar quarter."""
        return _period_rule("QuarterStart", market, offset, _QUARTERS, extended)

    def quarter_end(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days before the last of each calendar quarter."""
        return _period_rule("QuarterEnd", market, offset, _QUARTERS, extended)

    def year_start(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days after January 1.

        As in LEAN, the year in which the schedule starts counts only when it starts in January: an
        algorithm deployed in March never sees that year's `year_start` with an offset of 100 days.
        """
        return _period_rule("YearStart", market, offset, _YEARS, extended)

    def year_end(self, market: Market | None = None, offset: int = 0, extended: bool = True) -> DateRule:
        """Fire `offset` (trading) days before December 31."""
        return _period_rule("YearEnd", market, offset, _YEARS, extended)

    def _today(self) -> date:
        return utc_ns_to_local(self._now_ns(), self._timezone()).date()


class TimeRules:
    """Builds time rules in a default time zone, the algorithm's unless `set_default_time_zone` was called.

    `markets` gives the hours that a market rule without symbol looks at: those of every subscribed
    exchange that is not always open, and, always, those of US equities.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        timezone: Callable[[], ZoneInfo],
        markets: Callable[[], Iterable[ExchangeHours]],
    ) -> None:
        self._now_ns = now_ns
        self._algorithm_timezone = timezone
        self._markets = markets
        self._default: ZoneInfo | None = None

    def set_default_time_zone(self, timezone: ZoneInfo) -> None:
        """Use this time zone for rules made from now on."""
        self._default = timezone

    def now(self) -> TimeRule:
        """Fire at once, whatever the date."""
        return TimeRule("Now", lambda day: (self._now_ns(),), once=True)

    def midnight(self) -> TimeRule:
        """Fire at 00:00 of the date."""
        return TimeRule("Midnight", lambda day: (local_to_utc_ns(day, 0, self._zone),))

    def noon(self) -> TimeRule:
        """Fire twelve hours after midnight.

        As in LEAN that is 11:00 or 13:00 on the days when the clock changes; `at(12, 0)` is noon always.
        """
        return TimeRule("Noon", lambda day: (local_to_utc_ns(day, 0, self._zone) + 12 * NS_PER_HOUR,))

    def at(self, hour: int, minute: int = 0, second: int = 0, timezone: ZoneInfo | None = None) -> TimeRule:
        """Fire at this wall-clock time."""
        return self.at_time_of_day((hour * 60 + minute) * NS_PER_MINUTE + second * NS_PER_SECOND, timezone)

    def at_time_of_day(self, time_of_day_ns: int, timezone: ZoneInfo | None = None) -> TimeRule:
        """Fire at this wall-clock time. One that daylight saving skips moves later by the gap."""
        zone = timezone or self._zone
        name = _number(time_of_day_ns / NS_PER_HOUR)
        return TimeRule(name, lambda day: (local_to_utc_ns(day, time_of_day_ns, zone),))

    def every(self, interval_ns: int) -> TimeRule:
        """Fire at midnight and each interval after it, in wall-clock time, market hours or not.

        Instants that daylight saving makes coincide count once; LEAN repeats them. Raises AlgorithmError
        for an interval that is not positive.
        """
        if interval_ns <= 0:
            raise AlgorithmError("time_rules.every needs an interval longer than zero")
        zone = self._zone

        def times(day: date) -> Iterable[int]:
            return sorted({local_to_utc_ns(day, at, zone) for at in range(0, NS_PER_DAY, interval_ns)})

        return TimeRule(f"Every {_number(interval_ns / NS_PER_MINUTE)} min", times)

    def after_market_open(
        self, market: Market | None = None, minutes: float = 0.0, extended: bool = False
    ) -> TimeRule:
        """Fire `minutes` after the day's first open; not at all on a day without one.

        The date is the exchange's. Without a market: after the earliest open of all.
        """
        name = _market_rule_name(market, minutes, ("after", "before"), "Open", extended)
        delay_ns = round(minutes * NS_PER_MINUTE)

        def times(day: date) -> Iterable[int]:
            opens = [
                intervals[0][0]
                for hours in self._hours_of(market)
                if hours.is_trading_day(day, extended) and (intervals := hours.intervals(day, extended))
            ]
            return (min(opens) + delay_ns,) if opens else ()

        return TimeRule(name, times)

    def before_market_open(
        self, market: Market | None = None, minutes: float = 0.0, extended: bool = False
    ) -> TimeRule:
        """Fire `minutes` before the day's first open."""
        return self.after_market_open(market, -minutes, extended)

    def before_market_close(
        self, market: Market | None = None, minutes: float = 0.0, extended: bool = False
    ) -> TimeRule:
        """Fire `minutes` before the day's last close, which an early close moves; not on a closed day.

        A session that runs through midnight closes where it really ends. Without a market: before the
        latest close of all.
        """
        name = _market_rule_name(market, minutes, ("before", "after"), "Close", extended)
        lead_ns = round(minutes * NS_PER_MINUTE)

        def times(day: date) -> Iterable[int]:
            closes = [
                _last_close(hours, day, extended)
                for hours in self._hours_of(market)
                if hours.is_trading_day(day, extended)
            ]
            return (max(closes) - lead_ns,) if closes else ()

        return TimeRule(name, times)

    def after_market_close(
        self, market: Market | None = None, minutes: float = 0.0, extended: bool = False
    ) -> TimeRule:
        """Fire `minutes` after the day's last close."""
        return self.before_market_close(market, -minutes, extended)

    @property
    def _zone(self) -> ZoneInfo:
        return self._default or self._algorithm_timezone()

    def _hours_of(self, market: Market | None) -> Iterable[ExchangeHours]:
        if market is not None:
            return (market.hours,)
        return [hours for hours in self._markets() if not hours.always_open]


def _last_close(hours: ExchangeHours, day: date, extended: bool) -> int:
    close_ns = hours.intervals(day, extended)[-1][1]
    if hours.always_open:
        return close_ns
    return hours.next_close(close_ns - 1, extended)


def _market_rule_name(
    market: Market | None, minutes: float, words: tuple[str, str], event: str, extended: bool
) -> str:
    prefix = "" if market is None else f"{market.name}: "
    kind = f"ExtendedMarket{event}" if extended else f"Market{event}"
    return f"{prefix}{_number(abs(minutes))} min {words[0] if minutes > 0 else words[1]} {kind}"


def _number(value: float) -> str:
    """Write a number as .NET's "0.##" does."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _each_day(start: date, end: date) -> Iterator[date]:
    day = start
    while day <= end:
        yield day
        day += _ONE_DAY


def _rule_name(market: Market | None, kind: str, offset: int) -> str:
    signed = f"{offset:+d}" if offset else ""
    return f"{kind}{signed}" if market is None else f"{market.name}: {kind}{signed}"


class _Period(NamedTuple):
    """Months per period and the largest offset that is accepted."""

    months: int
    max_offset: int


_MONTHS: Final = _Period(1, 30)
_QUARTERS: Final = _Period(3, 92)
_YEARS: Final = _Period(12, 365)


def _period_rule(kind: str, market: Market | None, offset: int, period: _Period, extended: bool) -> DateRule:
    # LEAN checks the month offset only with a symbol; without one a larger offset means the month's bound
    checked = market is not None or period is not _MONTHS
    if checked and not 0 <= offset <= period.max_offset:
        raise AlgorithmError(f"date_rules: the offset of {kind} must be between 0 and {period.max_offset}")
    forward = kind.endswith("Start")
    hours = None if market is None else market.hours

    def dates(start: date, end: date) -> Iterator[date]:
        for first, last in _periods(start, end, period.months):
            if forward and period is _YEARS and first.year == start.year and start.month > 1:
                continue  # LEAN walks the days from the first of the start's month and meets no January 1
            base, bound = (first, last) if forward else (last, first)
            day = _scheduled_day(hours, base, bound, offset, forward=forward, extended=extended)
            if start <= day <= end:
                yield day

    return DateRule(_rule_name(market, kind, offset if forward else -offset), dates)


def _periods(start: date, end: date, months: int) -> Iterator[tuple[date, date]]:
    """Yield first and last day of each period that has a day in [start, end]."""
    first = date(start.year, start.month - (start.month - 1) % months, 1)
    while first <= end:
        following = first.month - 1 + months
        after = date(first.year + following // 12, following % 12 + 1, 1)
        yield first, after - _ONE_DAY
        first = after


def _week_rule(kind: str, market: Market | None, offset: int, forward: bool, extended: bool) -> DateRule:
    # weeks run Monday to Sunday, a market's days in them Sunday first (LEAN counts Sunday as 0)
    if market is None:
        days = 7
        base_day, bound_days = (0, 6) if forward else (4, -6)
        hours = None
    else:
        hours = market.hours
        ordered = sorted((number + 1) % 7 for number in hours.weekdays)
        days = len(ordered)
        span = ordered[-1] - ordered[0]
        base_day = ((ordered[0] if forward else ordered[-1]) - 1) % 7
        bound_days = span if forward else -span
    if not 0 <= offset < days:
        raise AlgorithmError(f"date_rules: the offset of {kind} must be between 0 and {days - 1}")

    def dates(start: date, end: date) -> Iterator[date]:
        base = start - timedelta(days=start.weekday()) + timedelta(days=base_day)
        while base <= end + timedelta(days=6):
            bound = base + timedelta(days=bound_days)
            day = _scheduled_day(hours, base, bound, offset, forward=forward, extended=extended)
            if start <= day <= end:
                yield day
            base += timedelta(days=7)

    return DateRule(_rule_name(market, kind, offset if forward else -offset), dates)


def _scheduled_day(
    hours: ExchangeHours | None, base: date, bound: date, offset: int, *, forward: bool, extended: bool
) -> date:
    """Return the day `offset` days from `base` in the direction, at `bound` at the furthest.

    Source: GetScheduledDay in DateRules.cs. Only whether `base` itself counts looks at `extended`; the
    days walked over are days with regular trading.
    """
    if hours is None:
        day = base + timedelta(days=offset if forward else -offset)
        return min(day, bound) if forward else max(day, bound)
    step = hours.next_trading_day if forward else hours.previous_trading_day
    day = base if hours.is_trading_day(base, extended) else step(base)
    for _ in range(offset):
        day = step(day)
    if forward and day > bound:
        return bound if hours.is_trading_day(bound, extended) else hours.previous_trading_day(bound)
    if not forward and day < bound:
        return bound if hours.is_trading_day(bound, extended) else hours.next_trading_day(bound)
    return day
