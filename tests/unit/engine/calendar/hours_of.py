"""Hours and instants for the tests of time."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours, hours_from_lean, local_to_utc_ns

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


def at(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    """Return UTC nanoseconds of a wall-clock text such as 2013-10-07 09:30[:15]."""
    day, _, clock = text.partition(" ")
    parts = [int(part) for part in (clock or "0:0").split(":")] + [0]
    time_of_day = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000_000
    return local_to_utc_ns(date.fromisoformat(day), time_of_day, zone)


def _rows(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"start": start, "end": end, "state": state} for start, end, state in rows]


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_USUAL = _rows(
    ("04:00:00", "09:30:00", "premarket"),
    ("09:30:00", "16:00:00", "market"),
    ("16:00:00", "20:00:00", "postmarket"),
)


def us_equities() -> ExchangeHours:
    """New York hours with Thanksgiving 2013, its half day, and Christmas."""
    return hours_from_lean(
        {
            "dataTimeZone": "America/New_York",
            "exchangeTimeZone": "America/New_York",
            **dict.fromkeys(_DAYS, _USUAL),
            "saturday": [],
            "sunday": [],
            "holidays": ["11/28/2013", "12/25/2013", "1/1/2014"],
            "earlyCloses": {"11/29/2013": "13:00:00", "12/24/2013": "13:00:00"},
            "lateOpens": {"12/26/2013": "11:00:00"},
        }
    )


def index_futures() -> ExchangeHours:
    """Sessions from 18:00 to 17:00 of the next day, regular from 9:30, data in UTC."""
    day = _rows(
        ("00:00:00", "09:30:00", "premarket"),
        ("09:30:00", "17:00:00", "market"),
        ("18:00:00", "1.00:00:00", "postmarket"),
    )
    return hours_from_lean(
        {
            "dataTimeZone": "UTC",
            "exchangeTimeZone": "America/New_York",
            **dict.fromkeys(_DAYS[:4], day),
            "friday": day[:2],
            "saturday": [],
            "sunday": _rows(("18:00:00", "1.00:00:00", "premarket")),
            "holidays": [],
            "earlyCloses": {"7/4/2013": "11:30:00"},
            "lateOpens": {"7/4/2013": "18:00:00"},
        }
    )
