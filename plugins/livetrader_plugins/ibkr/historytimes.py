"""Historical requests in IB's words: sizes of bars, durations, ends; and the times of the answers.

Which duration IB takes for which size of bars: up to half an hour of seconds, a week of minutes, a month of
hours, a year of days. Longer spans are asked for in chunks, the newest first. A duration of `5 D` means five
trading days, so a chunk may reach further back than its name says, never less far; what is told twice is
recognized by its start. Source: interactivebrokers.github.io/tws-api/historical_bars.html.

Pure. Times are UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Resolution

SECONDS_LIMIT: Final = 86_400  # a duration in seconds may not be longer

# Names of zones that IB uses and the time zone database does not have.
_ZONES: Final = {
    "EST (Eastern Standard Time)": "America/New_York", "EST": "America/New_York", "EDT": "America/New_York",
    "CST (Central Standard Time)": "America/Chicago", "CST": "America/Chicago", "CDT": "America/Chicago",
    "MST": "America/Denver", "PST": "America/Los_Angeles", "GMT": "UTC",
    "JST (Japan Standard Time)": "Asia/Tokyo", "JST": "Asia/Tokyo", "BST": "Europe/London",
    "MET (Middle Europe Time)": "Europe/Berlin",
}  # fmt: skip


class BarSize(NamedTuple):
    """One size of bars in IB's words, and the longest span that one request may have."""

    words: str
    longest: str
    longest_ns: int  # what the longest duration covers at least


BAR_SIZES: Final = {
    Resolution.SECOND: BarSize("1 secs", "1800 S", 1800 * NS_PER_SECOND),
    Resolution.MINUTE: BarSize("1 min", "1 W", 7 * NS_PER_DAY),
    Resolution.HOUR: BarSize("1 hour", "1 M", 28 * NS_PER_DAY),
    Resolution.DAILY: BarSize("1 day", "1 Y", 365 * NS_PER_DAY),
}


class Chunk(NamedTuple):
    """One request: everything up to `end_ns` that begins no earlier than `start_ns`, or earlier still."""

    start_ns: int
    end_ns: int
    duration: str

    @property
    def end(self) -> str:
        """The end as IB wants it."""
        moment = datetime.fromtimestamp(self.end_ns // NS_PER_SECOND, UTC)
        return f"{moment:%Y%m%d %H:%M:%S} UTC"


def chunks(resolution: Resolution, start_ns: int, end_ns: int) -> Iterator[Chunk]:
    """Yield the requests that cover (start_ns, end_ns] in bars of a resolution, the newest first.

    They meet, and each ends on a whole bar, so that no bar is told in part. Raises VenueError for ticks.
    """
    size = BAR_SIZES.get(resolution)
    if size is None:
        raise VenueError("Interactive Brokers has no history of ticks here; ask for seconds instead")
    grid_ns = min(resolution.period_ns, NS_PER_DAY)
    upper_ns = -(-end_ns // grid_ns) * grid_ns
    while upper_ns > start_ns:
        lower_ns = max(upper_ns - size.longest_ns // grid_ns * grid_ns, start_ns // grid_ns * grid_ns)
        yield Chunk(lower_ns, upper_ns, duration(resolution, upper_ns - lower_ns))
        upper_ns = lower_ns


def duration(resolution: Resolution, span_ns: int) -> str:
    """Return IB's words for a duration that covers a span, which one request may have."""
    size = BAR_SIZES[resolution]
    seconds = -(-span_ns // NS_PER_SECOND)
    if resolution is Resolution.SECOND:
        return f"{seconds} S"
    days = -(-seconds // SECONDS_LIMIT)
    if resolution is Resolution.MINUTE and days <= 1:
        return f"{max(seconds, 60)} S"
    if span_ns >= size.longest_ns:
        return size.longest
    return f"{days} D"


def bar_start(text: str, zone: ZoneInfo | None = None) -> int | date:
    """Return when a bar of an answer begins: an instant, or the date of a daily bar.

    IB writes seconds since 1970 where that was asked for (formatDate 2), else a date or a time with or
    without its zone. Raises VenueError for a time whose zone nobody knows.
    """
    said = text.strip()
    if said.isdigit():
        return _day(said) if len(said) == 8 else int(said) * NS_PER_SECOND
    parts = said.replace("-", " ", 1).split(maxsplit=2)
    if len(parts) < 2:
        raise VenueError(f"Interactive Brokers sent {text!r} where the time of a bar should be")
    of = zone_of(parts[2]) if len(parts) == 3 else zone
    if of is None:
        raise VenueError(f"the time {text!r} comes without its zone; set `timezone` to that of TWS")
    try:
        moment = datetime.strptime(" ".join(parts[:2]), "%Y%m%d %H:%M:%S").replace(tzinfo=of)
    except ValueError as error:
        raise VenueError(f"Interactive Brokers sent {text!r} where the time of a bar should be") from error
    return int(moment.timestamp()) * NS_PER_SECOND


def _day(said: str) -> date:
    try:
        return date(int(said[:4]), int(said[4:6]), int(said[6:]))
    except ValueError as error:
        raise VenueError(f"Interactive Brokers sent {said!r} where the date of a bar should be") from error


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone that IB names, also in the ways that only IB has. Raises VenueError."""
    known = _ZONES.get(name, name)
    try:
        return ZoneInfo(known)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise VenueError(f"Interactive Brokers names the time zone {name!r}, which nobody knows") from error
