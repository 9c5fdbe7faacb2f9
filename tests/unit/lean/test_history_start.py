"""Where a number of bars begins: over nights, weekends, holidays and half days."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_lean.history import start_of_bars
from livetrader_lean.times import local, to_ns
from livetrader_plugins.lean_data import LeanDataHistory

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def hours(lean_data: Path) -> ExchangeHours:
    reference = LeanDataHistory.open(lean_data).reference
    return reference.hours(reference.symbol("SPY", SecurityType.EQUITY, "usa"))


@pytest.mark.parametrize(
    ("end", "bars", "resolution", "start"),
    [
        # at the close the day itself is complete, a minute earlier it is not; a whole day back from the close
        # holds one session
        ("2013-10-08 16:00", 1, Resolution.DAILY, "2013-10-07 16:00"),
        ("2013-10-08 15:59", 1, Resolution.DAILY, "2013-10-07 00:00"),
        ("2013-10-07 10:00", 2, Resolution.DAILY, "2013-10-03 00:00"),
        # Thanksgiving is no day, the half day after it is one and ends at 13:00
        ("2013-11-29 13:00", 2, Resolution.DAILY, "2013-11-27 13:00"),
        ("2013-11-29 12:59", 1, Resolution.DAILY, "2013-11-27 00:00"),
        ("2013-10-08 10:00", 30, Resolution.MINUTE, "2013-10-08 09:30"),
        ("2013-10-08 10:00", 31, Resolution.MINUTE, "2013-10-07 15:59"),
        ("2013-12-02 09:31", 2, Resolution.MINUTE, "2013-11-29 12:59"),
        # an hour's bar of the open begins at 9:00; seven of them make a day
        ("2013-10-08 10:00", 1, Resolution.HOUR, "2013-10-08 09:00"),
        ("2013-10-08 10:00", 2, Resolution.HOUR, "2013-10-07 15:00"),
        ("2013-10-08 16:00", 7, Resolution.HOUR, "2013-10-08 09:00"),
    ],
)
def test_bars_are_counted_back_over_trading_time(
    hours: ExchangeHours, end: str, bars: int, resolution: Resolution, start: str
) -> None:
    end_ns = to_ns(datetime.fromisoformat(end), NEW_YORK)
    found = start_of_bars(hours, end_ns, bars, resolution)
    assert f"{local(found, NEW_YORK):%Y-%m-%d %H:%M}" == start


def test_a_number_of_ticks_is_refused(hours: ExchangeHours) -> None:
    with pytest.raises(AlgorithmError, match="timedelta"):
        start_of_bars(hours, 0, 5, Resolution.TICK)
