"""A market made of arithmetic: SPY, daily. A day tends to go on as the one before: models can learn that."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from random import Random

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_plugins.lean_data.writer import write_daily, write_reference

FIRST, LAST = date(2007, 1, 3), date(2018, 12, 31)
INERTIA = 0.5  # of yesterday's return in today's
VOLATILITY = 0.01  # a day


def write_prices(folder: Path, seed: int = 5) -> Path:
    """Write a LEAN data folder and return it. Equal seeds give equal files."""
    random = Random(seed)
    hours = hours_from_exchange_calendars("XNYS")
    rows = []
    close, step = 200.0, 0.0
    day = FIRST
    while day <= LAST:
        if hours.session(day) is not None:
            step = INERTIA * step + random.gauss(0.0, VOLATILITY)
            opened, close = close, close * math.exp(step)
            high, low = max(opened, close) * 1.001, min(opened, close) * 0.999
            rows.append((day, opened, high, low, close, 1_000_000))
        day += timedelta(days=1)
    write_daily(folder, "SPY", rows)
    write_reference(folder, {"SPY": FIRST}, FIRST, LAST)
    return folder
