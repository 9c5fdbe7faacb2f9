"""When an exchange trades: regular and extended segments per day, in UTC nanoseconds.

A calendar is a function from an exchange date to segments of that day's wall clock; everything else is
derived from it, per day and cached, so that the questions asked at every bar compare integers.

The rules follow LEAN (Common/Securities/SecurityExchangeHours.cs, LocalMarketHours.cs): segments are
half-open, a holiday has none, an early close cuts every segment at its time (so there is no post-market
on a half day), a late open cuts them from below, and where a late open follows an early close the market
resumes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

MAX_CACHED_DAYS: Final = 20_000  # about 55 years; beyond it the cache starts anew
MAX_SEARCH_DAYS: Final = 400  # an exchange closed for longer has closed for good

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Segment(NamedTuple):
    """[start_ns, end_ns) of one day's wall clock; `regular` tells the main session from pre and post."""

    start_ns: int
    end_ns: int
    regular: bool


class Session(msgspec.Struct, frozen=True):
    """One trading day in UTC nanoseconds: first regular open to last regular close, and the extended span.

    A gap between two regular segments (a lunch break) lies inside; ask `is_open` for the instant.
    """

    day: date
    open_ns: int
    close_ns: int
    extended_open_ns: int
    extended_close_ns: int


class WeeklyPlan(msgspec.Struct, frozen=True):
    """Segments by weekday (Monday first) and the dates that differ. Times are nanoseconds of the day."""

    week: tuple[tuple[Segment, ...], ...]
    holidays: frozenset[date] = frozenset()
    early_closes: Mapping[date, int] = {}
    late_opens: Mapping[date, int] = {}

    def segments(self, day: date) -> tuple[Segment, ...]:
        """Return the segments of this exchange date; none on a holiday."""
        if day in self.holidays:
            return ()
        normal = self.week[day.weekday()]
        closes, opens = self.early_closes.get(day), self.late_opens.get(day)
        if closes is None and opens is None:
            return normal
        before = () if closes is None else _until(normal, closes)
        if opens is None:
            return before
        if closes is None:
            return _after(normal, opens)
        if closes >= opens:
            return _after(before, opens)
        return before + _after(normal, opens)


def _until(segments: tuple[Segment, ...], end_ns: int) -> tuple[Segment, ...]:
    return tuple(
        part._replace(end_ns=min(part.end_ns, end_ns)) for part in segments if part.start_ns < end_ns
    )


def _after(segments: tuple[Segment, ...], start_ns: int) -> tuple[Segment, ...]:
    return tuple(
        part._replace(start_ns=max(part.start_ns, start_ns)) for part in segments if part.end_ns > start_ns
    )


class _Day:
    """One exchange date with its bounds and its open intervals, all UTC nanoseconds."""

    __slots__ = ("day", "end_ns", "extended", "regular", "session", "start_ns")

    def __init__(self, day: date, zone: ZoneInfo, segments: Sequence[Segment]) -> None:
        self.day = day
        self.start_ns = local_to_utc_ns(day, 0, zone)
        self.end_ns = local_to_utc_ns(day, NS_PER_DAY, zone)
        placed = [
            (local_to_utc_ns(day, part.start_ns, zone), local_to_utc_ns(day, part.end_ns, zone), part.regular)
            for part in sorted(segments)
        ]
        self.regular = _merged([(start, end) for start, end, regular in placed if regular])
        self.extended = _merged([(start, end) for start, end, _ in placed])
        self.session: Session | None = None
        if self.regular:
            self.session = Session(
                day, self.regular[0][0], self.regular[-1][1], self.extended[0][0], self.extended[-1][1]
            )


def _merged(intervals: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in intervals:
        if start >= end:
            continue  # a daylight-saving gap or a cut left nothing
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def local_to_utc_ns(day: date, time_of_day_ns: int, zone: ZoneInfo) -> int:
    """Return UTC nanoseconds of a wall-clock time, which may be 24:00 or beyond.

    A time that daylight saving skips counts with the offset before the change; one that occurs twice
    means the first.
    """
    days, rest_ns = divmod(time_of_day_ns, NS_PER_DAY)
    seconds, fraction_ns = divmod(rest_ns, NS_PER_SECOND)
    midnight = datetime(day.year, day.month, day.day) + timedelta(days=days, seconds=seconds)  # noqa: DTZ001
    moment = midnight.replace(tzinfo=zone) - _EPOCH
    return (moment.days * 86_400 + moment.seconds) * NS_PER_SECOND + fraction_ns


def utc_ns_to_local(time_ns: int, zone: ZoneInfo) -> datetime:
    """Return the aware wall-clock time of an instant, cut to whole seconds."""
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, zone)


class ExchangeHours:
    """When an exchange trades. Segments are half-open: at the closing instant it is closed.

    Thread-safe: the caches hold values that every thread would compute alike.
    """

    __slots__ = ("_cache", "_recent", "_segments", "always_open", "data_timezone", "timezone", "weekdays")

    timezone: ZoneInfo
    data_timezone: ZoneInfo
    always_open: bool
    weekdays: tuple[int, ...]  # with any session in a usual week; Monday is 0

    def __init__(
        self,
        timezone: ZoneInfo,
        data_timezone: ZoneInfo,
        segments: Callable[[date], tuple[Segment, ...]],
        weekdays: tuple[int, ...] = tuple(range(7)),
        always_open: bool = False,
    ) -> None:
        self.timezone = timezone
        self.weekdays = weekdays
        self.data_timezone = data_timezone
        self.always_open = always_open
        self._segments = segments
        self._cache: dict[date, _Day] = {}
        self._recent: _Day | None = None

    @property
    def plan(self) -> WeeklyPlan | None:
        """The usual week and the dates that differ; None where the hours are made in another way."""
        owner = getattr(self._segments, "__self__", None)
        return owner if isinstance(owner, WeeklyPlan) else None

    def local_date(self, time_ns: int) -> date:
        """Return the exchange's calendar date at this instant."""
        return self._day_at(time_ns).day

    def wall_clock(self, time_ns: int) -> tuple[date, int]:
        """Return the exchange's date at this instant, and the seconds that its clock shows since 00:00."""
        day = self._recent
        if day is None or not day.start_ns <= time_ns < day.end_ns:
            day = self._day_at(time_ns)
        if day.end_ns - day.start_ns == NS_PER_DAY:  # no change of the clocks
            return day.day, (time_ns - day.start_ns) // NS_PER_SECOND
        local = utc_ns_to_local(time_ns, self.timezone)
        return local.date(), (local.hour * 60 + local.minute) * 60 + local.second

    def local_midnight(self, day: date) -> int:
        """Return UTC nanoseconds of this exchange date's 00:00."""
        return self._day(day).start_ns

    def session(self, day: date) -> Session | None:
        """Return the day's session; None when there is no regular trading that day."""
        return self._day(day).session

    def intervals(self, day: date, extended: bool = False) -> tuple[tuple[int, int], ...]:
        """Return the open intervals that start on this exchange date, ascending, none touching another."""
        found = self._day(day)
        return found.extended if extended else found.regular

    def is_open(self, time_ns: int, extended: bool = False) -> bool:
        """Return whether it trades at this instant."""
        if self.always_open:
            return True
        day = self._recent  # what `_day_at` looks at first: it is asked for with every order
        if day is None or not day.start_ns <= time_ns < day.end_ns:
            day = self._day_at(time_ns)
        for start_ns, end_ns in day.extended if extended else day.regular:
            if start_ns <= time_ns < end_ns:
                return True
        return False

    def is_open_during(self, start_ns: int, end_ns: int, extended: bool = False) -> bool:
        """Return whether it trades at some instant of [start_ns, end_ns); of an empty span, at its start."""
        if start_ns >= end_ns:
            return self.is_open(start_ns, extended)
        if self.always_open:
            return True
        day = self._day_at(start_ns)
        while day.start_ns < end_ns:
            for open_ns, close_ns in day.extended if extended else day.regular:
                if open_ns < end_ns and start_ns < close_ns:
                    return True
            day = self._day(day.day + _ONE_DAY)
        return False

    def next_open(self, time_ns: int, extended: bool = False) -> int:
        """Return the first opening at or after `time_ns`.

        Midnight inside a session that runs through it is no opening. Raises DataError where there is
        none within MAX_SEARCH_DAYS, so always for an always-open market: ask `always_open` first.
        """
        day = self._day_at(time_ns)
        for _ in range(MAX_SEARCH_DAYS):
            for start_ns, _end_ns in day.extended if extended else day.regular:
                if start_ns >= time_ns and not self._runs_into(day, start_ns, extended):
                    return start_ns
            day = self._day(day.day + _ONE_DAY)
        raise DataError(f"the exchange does not open within {MAX_SEARCH_DAYS} days after {time_ns}")

    def next_close(self, time_ns: int, extended: bool = False) -> int:
        """Return the first closing after `time_ns`.

        Midnight inside a session that runs through it is no closing. Raises DataError where there is
        none within MAX_SEARCH_DAYS, so always for an always-open market: ask `always_open` first.
        """
        day = self._day_at(time_ns)
        for _ in range(MAX_SEARCH_DAYS):
            following = self._day(day.day + _ONE_DAY)
            for _start_ns, end_ns in day.extended if extended else day.regular:
                if end_ns > time_ns and not self._runs_from(following, end_ns, extended):
                    return end_ns
            day = following
        raise DataError(f"the exchange does not close within {MAX_SEARCH_DAYS} days after {time_ns}")

    def is_trading_day(self, day: date, extended: bool = False) -> bool:
        """Return whether there is trading on this exchange date; `extended` counts pre and post too."""
        found = self._day(day)
        return bool(found.extended if extended else found.regular)

    def next_trading_day(self, day: date) -> date:
        """Return the first trading day after `day`. Raises DataError where none is near."""
        return self._walk(day, _ONE_DAY)

    def previous_trading_day(self, day: date) -> date:
        """Return the last trading day before `day`. Raises DataError where none is near."""
        return self._walk(day, -_ONE_DAY)

    def _walk(self, day: date, step: timedelta) -> date:
        for _ in range(MAX_SEARCH_DAYS):
            day += step
            if self._day(day).regular:
                return day
        raise DataError(f"no trading day within {MAX_SEARCH_DAYS} days of {day}")

    def _runs_into(self, day: _Day, start_ns: int, extended: bool) -> bool:
        if start_ns != day.start_ns:
            return False
        before = self._day(day.day - _ONE_DAY)
        intervals = before.extended if extended else before.regular
        return bool(intervals) and intervals[-1][1] == start_ns

    def _runs_from(self, following: _Day, end_ns: int, extended: bool) -> bool:
        intervals = following.extended if extended else following.regular
        return bool(intervals) and intervals[0][0] == end_ns

    def _day_at(self, time_ns: int) -> _Day:
        recent = self._recent
        if recent is None or not recent.start_ns <= time_ns < recent.end_ns:
            recent = self._recent = self._day(utc_ns_to_local(time_ns, self.timezone).date())
        return recent

    def _day(self, day: date) -> _Day:
        found = self._cache.get(day)
        if found is None:
            if len(self._cache) >= MAX_CACHED_DAYS:
                self._cache.clear()
            found = self._cache[day] = _Day(day, self.timezone, self._segments(day))
        return found


def always_open_hours(timezone: str = "UTC") -> ExchangeHours:
    """Return the hours of a market that never closes."""
    zone = _zone(timezone)
    whole = (Segment(0, NS_PER_DAY, True),)
    return ExchangeHours(zone, zone, lambda day: whole, always_open=True)


def hours_from_lean(
    entry: Mapping[str, object], general: Mapping[str, object] | None = None
) -> ExchangeHours:
    """Return the hours of one entry of market-hours-database.json. Raises DataError for an unusable one.

    `general` is the market's `[*]` entry, whose holidays, early closes and late opens a specific entry
    inherits, its own times winning (Common/Util/MarketHoursDatabaseJsonConverter.cs).
    """
    week = tuple(_segments_of(entry.get(name, [])) for name in _WEEKDAYS)
    parents = [general, entry] if general is not None else [entry]
    holidays: set[date] = set()
    early_closes: dict[date, int] = {}
    late_opens: dict[date, int] = {}
    for parent in parents:
        holidays.update(_date(text) for text in _list(parent, "holidays"))
        early_closes.update(_times(parent, "earlyCloses"))
        late_opens.update(_times(parent, "lateOpens"))
    plan = WeeklyPlan(week, frozenset(holidays), early_closes, late_opens)
    zone = _zone(entry.get("exchangeTimeZone"))
    whole = (Segment(0, NS_PER_DAY, True),)
    always_open = not holidays and all(day == whole for day in week)
    weekdays = tuple(number for number, day in enumerate(week) if day)
    return ExchangeHours(zone, _zone(entry.get("dataTimeZone")), plan.segments, weekdays, always_open)


def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str):
        raise DataError(f"a market-hours entry names its time zones as text, not {name!r}")
    try:
        if name.startswith(("UTC+", "UTC-")):  # NodaTime's fixed offsets; the tz database inverts the sign
            sign = "-" if name[3] == "+" else "+"
            return ZoneInfo(f"Etc/GMT{sign}{int(name[4:])}")
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise DataError(f"unknown time zone {name!r}; is the tzdata package installed?") from error


def _list(entry: Mapping[str, object], key: str) -> list[object]:
    value = entry.get(key) or []
    if not isinstance(value, list):
        raise DataError(f"{key!r} of a market-hours entry must be a list")
    return value


def _times(entry: Mapping[str, object], key: str) -> dict[date, int]:
    value = entry.get(key) or {}
    if not isinstance(value, Mapping):
        raise DataError(f"{key!r} of a market-hours entry must map dates to times")
    return {_date(day): _time_of_day(time) for day, time in value.items()}


def _segments_of(rows: object) -> tuple[Segment, ...]:
    if not isinstance(rows, list):
        raise DataError("a weekday of a market-hours entry must be a list of segments")
    segments = []
    for row in rows:
        if not isinstance(row, Mapping) or row.get("state") not in {
            "premarket",
            "market",
            "postmarket",
            "closed",
        }:
            raise DataError(f"not a market-hours segment: {row!r}")
        if row["state"] != "closed":
            start_ns, end_ns = _time_of_day(row.get("start")), _time_of_day(row.get("end"))
            segments.append(Segment(start_ns, end_ns, row["state"] == "market"))
    return tuple(segments)


def _date(text: object) -> date:
    """Read LEAN's month/day/year."""
    try:
        month, day, year = (int(part) for part in str(text).split("/"))
        return date(year, month, day)
    except ValueError as error:
        raise DataError(f"{text!r} is not a date like 12/25/2013") from error


def _time_of_day(text: object) -> int:
    """Read .NET's time span: 09:30:00, or 1.00:00:00 (also 1:00:00:00) for the end of the day."""
    try:
        parts = [int(part) for part in str(text).replace(".", ":").split(":")]
        days, hours, minutes, seconds = [0] * (4 - len(parts)) + parts
    except ValueError as error:
        raise DataError(f"{text!r} is not a time like 09:30:00") from error
    return days * NS_PER_DAY + hours * NS_PER_HOUR + minutes * NS_PER_MINUTE + seconds * NS_PER_SECOND
