"""Hours in IB's words become calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from livetrader_engine.calendar.hours import Segment
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from livetrader_plugins.ibkr.tradinghours import days_of, hours_of

STOCK = ";".join(f"202506{day}:0930-202506{day}:1600" for day in (16, 17, 18)) + (
    ";20250619:CLOSED;20250620:0930-20250620:1600;20250621:CLOSED;20250622:CLOSED"
)
STOCK_EXTENDED = STOCK.replace(":0930-", ":0400-").replace(":1600", ":2000")
FUTURE = ";".join(
    [
        "20250615:1700-20250616:1600", "20250616:1700-20250617:1600", "20250617:1700-20250618:1600",
        "20250618:1700-20250619:1600", "20250619:1700-20250620:1600", "20250621:CLOSED",
    ]
)  # fmt: skip


def utc_ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS_PER_SECOND  # type: ignore[misc,arg-type]


def test_a_stock_has_its_regular_and_extended_hours_and_a_holiday() -> None:
    hours = hours_of(STOCK_EXTENDED, STOCK, "US/Eastern")
    assert hours.weekdays == (0, 1, 2, 3, 4) and not hours.always_open
    assert hours.is_open(utc_ns(2025, 6, 16, 13, 30)) and not hours.is_open(utc_ns(2025, 6, 16, 20, 0))
    assert hours.is_open(utc_ns(2025, 6, 16, 20, 0), True) and not hours.is_open(utc_ns(2025, 6, 17, 0), True)
    assert not hours.is_trading_day(date(2025, 6, 19)) and hours.is_trading_day(date(2025, 6, 26))
    assert not hours.is_trading_day(date(2025, 6, 28))


def test_a_future_trades_through_the_night() -> None:
    hours = hours_of(FUTURE, "", "US/Central")
    for instant, is_open in (
        ((2025, 6, 15, 21, 59), False), ((2025, 6, 15, 22, 0), True), ((2025, 6, 16, 6, 0), True),
        ((2025, 6, 16, 20, 59), True), ((2025, 6, 16, 21, 0), False), ((2025, 6, 16, 22, 0), True),
        ((2025, 6, 20, 20, 59), True), ((2025, 6, 20, 22, 0), False), ((2025, 6, 21, 12, 0), False),
        ((2025, 7, 2, 6, 0), True),
    ):  # fmt: skip
        assert hours.is_open(utc_ns(*instant)) is is_open, instant


def test_what_never_closes_is_always_open() -> None:
    text = ";".join(f"202506{day}:0000-202506{day}:2359" for day in range(16, 23))
    assert hours_of(text, text, "UTC").always_open


def test_the_old_form_and_a_break_at_noon_are_read() -> None:
    spans = days_of("20250616:0900-1130,1230-1500;20250617:CLOSED;20250618:1700-1600")
    assert spans[date(2025, 6, 16)] == (
        (9 * NS_PER_HOUR, 11 * NS_PER_HOUR + 30 * NS_PER_MINUTE),
        (12 * NS_PER_HOUR + 30 * NS_PER_MINUTE, 15 * NS_PER_HOUR),
    )
    assert spans[date(2025, 6, 17)] == ((17 * NS_PER_HOUR, NS_PER_DAY),)
    assert spans[date(2025, 6, 18)] == ((0, 16 * NS_PER_HOUR),)


def test_a_break_in_the_regular_hours_of_a_long_day() -> None:
    hours = hours_of("20250616:0800-1700", "20250616:0900-1130,1230-1500", "Asia/Tokyo")
    assert hours.plan is not None
    kinds = [(part.start_ns // NS_PER_HOUR, part.regular) for part in hours.plan.segments(date(2025, 6, 16))]
    assert kinds == [(8, False), (9, True), (11, False), (12, True), (15, False)]
    assert isinstance(hours.plan.segments(date(2025, 6, 16))[0], Segment)


@pytest.mark.parametrize(
    ("trading", "zone"),
    [
        ("", "US/Eastern"),
        ("20250621:CLOSED", "US/Eastern"),
        ("20251399:0930-1600", "US/Eastern"),
        ("20250616:9-16", "US/Eastern"),
        ("20250616:0930", "US/Eastern"),
        ("20250616:0930-1600", "Mars/Olympus"),
    ],
)
def test_hours_that_cannot_be_read_are_refused(trading: str, zone: str) -> None:
    with pytest.raises(DataError):
        hours_of(trading, trading, zone)
