"""Rows that tests know by heart: MADE opens at 100, and every trading day closes a known step away."""

from __future__ import annotations

from datetime import date, timedelta

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars

FIRST, LAST = date(2014, 6, 2), date(2015, 6, 30)
STEPS = (0.5, -0.25, 1.0, -0.75, 0.25, -0.5, 0.125)  # of the close, in turn


def _rows() -> list[tuple[date, float, float, float, float, int]]:
    hours = hours_from_exchange_calendars("XNYS")
    found: list[tuple[date, float, float, float, float, int]] = []
    close, day = 100.0, FIRST
    while day <= LAST:
        if hours.session(day) is not None:
            opened, close = close, close + STEPS[len(found) % len(STEPS)]
            found.append((day, opened, max(opened, close) + 0.125, min(opened, close) - 0.125, close, 1000))
        day += timedelta(days=1)
    return found


ROWS = _rows()
CLOSES = {day: close for day, *_, close, _ in ROWS}


def closes_before(day: date) -> list[float]:
    """Return the closes of all days before one."""
    return [close for at, close in CLOSES.items() if at < day]
