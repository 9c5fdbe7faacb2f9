"""IB's maintenance calendar: when being away is expected, when orders are held, when a login is wanted.

Pure: a function of an instant and of what the settings say. The windows are local times of their zones, so
they move with daylight saving, each zone on its own dates. Windows that overlap or touch are one absence, and
`Maintenance.until_ns` is the end of all of it.

| window           | when                                             | source                              |
|------------------|--------------------------------------------------|-------------------------------------|
| servers, america | 23:30 to 01:00 New York, every night             | LEAN's IBAutomater, its reset times |
| servers, europe  | 05:30 to 07:00 Zurich                            | the same                            |
| servers, asia    | 16:15-17:15 New York and 20:00-21:15 Hong Kong   | the same                            |
| weekend          | Friday 22:45 to Sunday 02:00 New York            | the same                            |
| daily restart    | IB Gateway's own "auto restart", as set there    | LEAN IB #242: orders then are lost  |
| weekly restart   | Sundays at `weekly_restart_utc`, with a login    | QuantConnect's local platform guide |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader_engine.spi import Maintenance
from livetrader_engine.symbols import NS_PER_SECOND

HOLD_BEFORE_S: Final = (
    60  # an order sent this close to a restart may be on its way when the gateway goes down
)
HOLD_AFTER_S: Final = 120  # a restart that is this late has not failed yet
DAILY_RESTART_S: Final = 600  # a gateway that takes longer to come back did not come back by itself
WEEKLY_RESTART_S: Final = 900  # a start with a login: the gateway itself gives up after 15 minutes
ANNOUNCED_BEFORE_S: Final = 3600  # somebody has to be at their phone at the weekly restart
NEW_YORK: Final = "America/New_York"

_DAYS_AROUND: Final = 3  # the weekend begins two local days before it ends; one more for the zones
_FRIDAY, _SUNDAY = 4, 6
_AT_A_MOMENT: Final = "%H:%M"


class Region(StrEnum):
    """Where the account's servers are."""

    AMERICA = "america"
    EUROPE = "europe"
    ASIA = "asia"


_SERVER_RESETS: Final = {
    Region.AMERICA: ((NEW_YORK, time(23, 30), time(1, 0)),),
    Region.EUROPE: (("Europe/Zurich", time(5, 30), time(7, 0)),),
    Region.ASIA: ((NEW_YORK, time(16, 15), time(17, 15)), ("Asia/Hong_Kong", time(20, 0), time(21, 15))),
}
_HOME: Final = {Region.AMERICA: NEW_YORK, Region.EUROPE: "Europe/Zurich", Region.ASIA: "Asia/Hong_Kong"}


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides when one account's gateway is away. Make it with `calendar`.

    `auto_restart` is the time of day and the zone of the gateway's own clock; None where it is switched off.
    """

    region: Region
    weekly_restart_utc: time | None
    auto_restart: tuple[time, str] | None


@dataclass(frozen=True, slots=True)
class _Window:
    """One absence. Orders are held from `begin_ns` to `held_until_ns`."""

    begin_ns: int
    end_ns: int
    reason: str
    held_until_ns: int = 0
    notice: str = ""
    announced_ns: int | None = None  # since when the operator is to know of it


def calendar(region: str = "america", weekly_restart_utc: str = "", auto_restart: str = "") -> Calendar:
    """Return the calendar that settings describe. Raises ValueError naming the setting and what it may be.

    `weekly_restart_utc` is "HH:MM", on Sundays; `auto_restart` is "HH:MM" by the clock of the gateway's
    machine, with its time zone behind it where that is not the region's: "23:45 Europe/Berlin". Empty: none.
    """
    try:
        where = Region(region)
    except ValueError as error:
        known = ", ".join(one.value for one in Region)
        raise ValueError(f"region: {region!r} is none of {known}") from error
    weekly = _time("weekly_restart_utc", weekly_restart_utc) if weekly_restart_utc else None
    if not auto_restart:
        return Calendar(where, weekly, None)
    moment, _, zone = auto_restart.strip().partition(" ")
    zone = zone.strip() or _HOME[where]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"auto_restart: no time zone {zone!r}; one like Europe/Berlin or UTC") from error
    return Calendar(where, weekly, (_time("auto_restart", moment), zone))


def maintenance(now_ns: int, of: Calendar) -> Maintenance | None:
    """Return what is going on at an instant (UTC ns), None in ordinary times."""
    windows = _windows(now_ns // (86_400 * NS_PER_SECOND), of)
    current = [window for window in windows if window.begin_ns <= now_ns < window.end_ns]
    announced = [
        window
        for window in windows
        if window.announced_ns is not None and window.announced_ns <= now_ns < window.begin_ns
    ]
    notice = next((window.notice for window in (*current, *announced) if window.notice), "")
    if current:
        return Maintenance(
            reason="; ".join(dict.fromkeys(window.reason for window in current)),
            until_ns=_end(windows, max(window.end_ns for window in current)),
            holds_orders=any(now_ns < window.held_until_ns for window in current),
            notice=notice,
        )
    if announced:
        first = announced[0]
        return Maintenance(first.reason, first.begin_ns, notice=notice, away=False)
    return None


def _end(windows: tuple[_Window, ...], end_ns: int) -> int:
    """Follow windows that begin before or where another ends."""
    while True:
        later = max((window.end_ns for window in windows if window.begin_ns <= end_ns), default=end_ns)
        if later <= end_ns:
            return end_ns
        end_ns = later


@lru_cache(maxsize=16)
def _windows(day: int, of: Calendar) -> tuple[_Window, ...]:
    """Return the windows that matter on a UTC day (days since 1970), by their beginning."""
    middle = date(1970, 1, 1) + timedelta(days=day)
    made: list[_Window] = []
    for offset in range(-_DAYS_AROUND, _DAYS_AROUND + 1):
        made += _of_date(middle + timedelta(days=offset), of)
    return tuple(sorted(made, key=lambda window: (window.begin_ns, window.end_ns, window.reason)))


def _of_date(day: date, of: Calendar) -> Iterator[_Window]:
    """Yield the windows that begin on a local date of their zone."""
    for zone, begin, end in _SERVER_RESETS[of.region]:
        last = day if end > begin else day + timedelta(days=1)
        yield _Window(_first(day, begin, zone), _last(last, end, zone), "IB resets its servers")
    if day.weekday() == _FRIDAY:
        sunday = day + timedelta(days=2)
        begin_ns = _first(day, time(22, 45), NEW_YORK)
        yield _Window(begin_ns, _last(sunday, time(2, 0), NEW_YORK), "IB's weekend maintenance")
    if of.auto_restart is not None:
        moment, zone = of.auto_restart
        words = f"IB Gateway restarts itself at {moment.strftime(_AT_A_MOMENT)} {zone}"
        for instant in sorted({_first(day, moment, zone), _last(day, moment, zone)}):
            yield _restart(instant, DAILY_RESTART_S, words)
    if of.weekly_restart_utc is not None and day.weekday() == _SUNDAY:
        yield _weekly(_first(day, of.weekly_restart_utc, "UTC"), of.weekly_restart_utc)


def _restart(instant_ns: int, takes_s: int, words: str) -> _Window:
    begin_ns = instant_ns - HOLD_BEFORE_S * NS_PER_SECOND
    held_until_ns = instant_ns + HOLD_AFTER_S * NS_PER_SECOND
    return _Window(begin_ns, instant_ns + takes_s * NS_PER_SECOND, words, held_until_ns)


def _weekly(instant_ns: int, moment: time) -> _Window:
    when = moment.strftime(_AT_A_MOMENT)
    plain = _restart(instant_ns, WEEKLY_RESTART_S, f"IB Gateway's weekly restart at {when} UTC, with a login")
    return _Window(
        plain.begin_ns,
        plain.end_ns,
        plain.reason,
        plain.held_until_ns,
        notice=f"confirm the login on the phone with IB Key when IB Gateway asks for it, Sunday {when} UTC; "
        "until then nothing trades",
        announced_ns=instant_ns - ANNOUNCED_BEFORE_S * NS_PER_SECOND,
    )


def _first(day: date, moment: time, zone: str) -> int:
    """Return the instant of a local time, the earlier one where clocks go back over it or skip it."""
    return min(_instant(day, moment, zone, fold) for fold in (0, 1))


def _last(day: date, moment: time, zone: str) -> int:
    return max(_instant(day, moment, zone, fold) for fold in (0, 1))


def _instant(day: date, moment: time, zone: str, fold: int) -> int:
    local = datetime.combine(day, moment, ZoneInfo(zone)).replace(fold=fold)
    return int(local.timestamp()) * NS_PER_SECOND


def _time(setting: str, text: str) -> time:
    try:
        moment = time.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{setting}: {text!r} is no time of day; write HH:MM, as in 22:00") from error
    if moment.tzinfo is not None:
        raise ValueError(f"{setting}: {text!r} names an offset; write HH:MM alone")
    return moment.replace(microsecond=0)
