"""Spans cut into requests that IB takes, and the times in its answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Resolution
from livetrader_plugins.ibkr.historytimes import bar_start, chunks, zone_of

BARS = [Resolution.SECOND, Resolution.MINUTE, Resolution.HOUR, Resolution.DAILY]
UNITS_S = {"S": 1, "D": 86_400, "W": 7 * 86_400, "M": 28 * 86_400, "Y": 365 * 86_400}
# IB's table: the longest span for bars of a second, minute, hour, day
LONGEST_S = dict(zip(BARS, (1800, 7 * 86_400, 28 * 86_400, 365 * 86_400), strict=True))
MOST = {Resolution.SECOND: 2 * 3600, Resolution.MINUTE: 40 * 86_400, Resolution.HOUR: 100 * 86_400}


def utc_ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS_PER_SECOND  # type: ignore[misc,arg-type]


def covered_s(duration: str) -> int:
    number, unit = duration.split()
    return int(number) * UNITS_S[unit]


@given(st.sampled_from(BARS), st.integers(0, 10**15), st.integers(1, 3 * 365 * 86_400))
def test_chunks_meet_cover_the_span_and_are_short_enough(
    resolution: Resolution, offset_ns: int, span_s: int
) -> None:
    start_ns = utc_ns(2020, 1, 1) + offset_ns
    end_ns = start_ns + min(span_s, MOST.get(resolution, span_s)) * NS_PER_SECOND
    made = list(chunks(resolution, start_ns, end_ns))
    assert made[0].end_ns >= end_ns and made[-1].start_ns <= start_ns
    assert made[0].end_ns - end_ns < resolution.period_ns
    for newer, older in pairwise(made):
        assert older.end_ns == newer.start_ns
    for chunk in made:
        assert chunk.end_ns % resolution.period_ns == 0
        assert chunk.end_ns - chunk.start_ns <= covered_s(chunk.duration) * NS_PER_SECOND
        assert covered_s(chunk.duration) <= LONGEST_S[resolution]
        assert not chunk.duration.endswith(" S") or covered_s(chunk.duration) <= 86_400


def test_chunks_are_in_ibs_words() -> None:
    end_ns = utc_ns(2025, 6, 16, 14, 30)
    (day,) = chunks(Resolution.DAILY, end_ns - 30 * NS_PER_DAY, end_ns)
    assert (day.end, day.duration) == ("20250617 00:00:00 UTC", "31 D")
    hour = next(iter(chunks(Resolution.MINUTE, end_ns - 3600 * NS_PER_SECOND, end_ns)))
    assert (hour.end, hour.duration) == ("20250616 14:30:00 UTC", "3600 S")
    assert [each.duration for each in chunks(Resolution.SECOND, end_ns - 4000 * NS_PER_SECOND, end_ns)] == [
        "1800 S",
        "1800 S",
        "400 S",
    ]
    with pytest.raises(VenueError, match="no history of ticks"):
        list(chunks(Resolution.TICK, end_ns - 1, end_ns))


def test_an_empty_span_needs_no_request() -> None:
    assert list(chunks(Resolution.MINUTE, utc_ns(2025, 1, 1), utc_ns(2025, 1, 1))) == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1750084200", utc_ns(2025, 6, 16, 14, 30)),
        ("20250616", date(2025, 6, 16)),
        ("20250616 14:30:00 UTC", utc_ns(2025, 6, 16, 14, 30)),
        ("20250616-14:30:00 UTC", utc_ns(2025, 6, 16, 14, 30)),
        ("20250616 10:30:00 US/Eastern", utc_ns(2025, 6, 16, 14, 30)),
        ("20251103 09:30:00 US/Eastern", utc_ns(2025, 11, 3, 14, 30)),  # after the clocks went back
        ("20250616  10:30:00", utc_ns(2025, 6, 16, 14, 30)),  # an old TWS: the zone is that of the setting
        ("20250616 10:30:00 EST (Eastern Standard Time)", utc_ns(2025, 6, 16, 14, 30)),
    ],
)
def test_times_of_bars_are_read(said: str, meant: object) -> None:
    assert bar_start(said, ZoneInfo("America/New_York")) == meant


@pytest.mark.parametrize(
    "said", ["", "20251399", "finished-2", "20250616 25:00:00 UTC", "20250616 10:30:00 Mars"]
)
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(VenueError):
        bar_start(said)


def test_a_time_without_zone_is_not_guessed() -> None:
    with pytest.raises(VenueError, match="set `timezone`"):
        bar_start("20250616  10:30:00")


def test_ibs_own_names_of_zones_are_known() -> None:
    assert zone_of("EST (Eastern Standard Time)") == ZoneInfo("America/New_York")
    assert zone_of("US/Central").key == "US/Central" and zone_of("MET").key == "MET"
