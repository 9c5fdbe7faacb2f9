"""Instants as IB writes them, in UTC nanoseconds, and back. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader_engine.symbols import NS_PER_SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Names that TWS's Java knows and the time zone database does not.
_ALIASES: Final[dict[str, str]] = {
    "AET": "Australia/Sydney", "CDT": "America/Chicago", "CEST": "Europe/Paris", "CST": "America/Chicago",
    "CTT": "Asia/Shanghai", "EDT": "America/New_York", "HKT": "Asia/Hong_Kong", "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo", "MDT": "America/Denver", "PDT": "America/Los_Angeles", "PST": "America/Los_Angeles",
    "SGT": "Asia/Singapore",
}  # fmt: skip


def instant_ns(value: datetime | date | str | int, zone: tzinfo = UTC) -> int:
    """Return UTC nanoseconds of any of IB's spellings of a time; `zone` where it names none.

    `20250616 14:30:00 US/Eastern`, `20250616-14:30:00` (UTC), `20250616  14:30:00`, `20250616`,
    `2025-06-16 14:30:00.0`, seconds since 1970. Raises ValueError for anything else.
    """
    if isinstance(value, int):
        return value * NS_PER_SECOND
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=zone)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), tzinfo=zone)
    elif value.isdecimal() and len(value) > 8:
        return int(value) * NS_PER_SECOND
    else:
        moment = _moment(value, zone)
    return (moment - _EPOCH) // _MICROSECOND * 1_000


def _moment(text: str, zone: tzinfo) -> datetime:
    words = text.split()
    if len(words) == 1 and "-" in text and ":" in text:  # 20250616-14:30:00: UTC by IB's definition
        words, zone = text.rsplit("-", 1), UTC
    if not words:
        raise ValueError("an empty text is no time")
    day = words[0].replace("-", "")
    clock = words[1].partition(".")[0] if len(words) > 1 else "00:00:00"
    if len(words) > 2:
        zone = zone_named(words[2])
    try:
        naive = datetime.strptime(f"{day} {clock} +0000", "%Y%m%d %H:%M:%S %z")
    except ValueError as error:
        raise ValueError(f"{text!r} is no time as IB writes it") from error
    return naive.replace(tzinfo=zone)


def zone_named(name: str) -> tzinfo:
    """Return the zone of a name that TWS uses. Raises ValueError for one that nobody knows."""
    try:
        return ZoneInfo(_ALIASES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone") from error


def written(time_ns: int) -> str:
    """Return an instant as an order carries it, in UTC; IB knows whole seconds, so it is rounded down."""
    return f"{datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC):%Y%m%d %H:%M:%S} UTC"
