"""Splits and dividends out of raw prices, and hours out of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import AnnouncedDividend, AnnouncedSplit
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND, SecurityType
from livetrader_plugins.sdk.coarser import hours_of_minutes
from livetrader_plugins.sdk.factors import adjusted, factors_of
from livetrader_plugins.sdk.new_york import NewYorkReference

REFERENCE = NewYorkReference(None, "tested")
AAPL = REFERENCE.symbol("AAPL", SecurityType.EQUITY, "usa")
HOURS = REFERENCE.hours(AAPL)
NEW_YORK = ZoneInfo("America/New_York")
SPLIT = AnnouncedSplit(AAPL, date(2025, 6, 17), Decimal("0.25"))
DIVIDEND = AnnouncedDividend(AAPL, date(2025, 6, 19), Decimal("0.5"))
CLOSES = {date(2025, 6, 16): 400.0, date(2025, 6, 17): 101.0, date(2025, 6, 18): 100.0}


def new_york(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND


def bar(text: str, close: float, volume: float = 100.0) -> TradeBar:
    start_ns = new_york(text)
    return TradeBar(AAPL, start_ns, start_ns + NS_PER_MINUTE, close - 1, close + 2, close - 2, close, volume)


def test_factors_hold_before_the_ex_date_and_multiply() -> None:
    factors = factors_of([SPLIT, DIVIDEND], CLOSES, Normalization.ADJUSTED)
    days = [date(2025, 6, day) for day in (16, 17, 18, 19, 20)]
    assert [factors.of(day) for day in days] == pytest.approx([0.25 * 0.995, 0.995, 0.995, 1.0, 1.0])
    assert factors.left_out == ()


def test_split_adjusted_leaves_dividends_in_and_raw_leaves_all() -> None:
    factors = factors_of([SPLIT, DIVIDEND], {}, Normalization.SPLIT_ADJUSTED)
    assert [factors.of(date(2025, 6, day)) for day in (16, 17)] == [0.25, 1.0]
    assert factors_of([SPLIT], {}, Normalization.RAW).of(date(2025, 6, 16)) == 1.0


def test_the_close_before_a_dividend_is_the_newest_before_its_ex_date() -> None:
    after_a_weekend = AnnouncedDividend(AAPL, date(2025, 6, 23), Decimal(10))
    factors = factors_of([after_a_weekend], CLOSES, Normalization.ADJUSTED)
    assert factors.of(date(2025, 6, 20)) == pytest.approx(0.9)


@pytest.mark.parametrize("closes", [{}, {date(2025, 6, 18): 0.4}, {date(2025, 6, 19): 100.0}])
def test_a_dividend_without_its_close_bends_nothing_and_is_named(closes: dict[date, float]) -> None:
    factors = factors_of([DIVIDEND], closes, Normalization.ADJUSTED)
    assert factors.of(date(2025, 6, 16)) == 1.0 and factors.left_out == (DIVIDEND,)


def test_prices_of_every_kind_are_multiplied_and_volumes_divided() -> None:
    factors = factors_of([SPLIT], {}, Normalization.SPLIT_ADJUSTED)
    tick = Tick(AAPL, new_york("2025-06-16 15:59:30"), 400.0, 10.0)
    start_ns = new_york("2025-06-16 15:59:00")
    quotes = QuoteBar(AAPL, start_ns, start_ns + NS_PER_MINUTE, 4, 8, 4, 4, 1, 8, 8, 8, 8, 2)
    points = [bar("2025-06-16 15:59:00", 400.0), bar("2025-06-17 09:30:00", 101.0)]
    before, after = adjusted(points, factors, HOURS)
    assert isinstance(before, TradeBar) and isinstance(after, TradeBar)
    assert (before.open, before.high, before.low, before.close) == (99.75, 100.5, 99.5, 100.0)
    assert (before.volume, after.close, after.volume) == (400.0, 101.0, 100.0)
    (scaled,) = adjusted([tick], factors, HOURS)
    assert isinstance(scaled, Tick) and (scaled.price, scaled.quantity) == (100.0, 10.0)
    (quoted,) = adjusted([quotes], factors, HOURS)
    assert isinstance(quoted, QuoteBar) and (quoted.bid_high, quoted.ask_close, quoted.ask_size) == (
        2.0,
        2.0,
        2,
    )


def starts(bars: Sequence[TradeBar]) -> list[str]:
    return [f"{datetime.fromtimestamp(made.time_ns / NS_PER_SECOND, NEW_YORK):%m-%d %H:%M}" for made in bars]


def test_hours_are_of_the_session_and_on_whole_hours_of_the_clock() -> None:
    minutes = [
        bar("2025-06-16 09:29:00", 1.0),  # before the opening
        bar("2025-06-16 09:30:00", 10.0),
        bar("2025-06-16 09:59:00", 12.0),
        bar("2025-06-16 10:00:00", 11.0),
        bar("2025-06-16 15:59:00", 15.0),
        bar("2025-06-16 16:00:00", 99.0),  # after the close
        bar("2025-06-17 09:31:00", 20.0),
    ]
    made = list(hours_of_minutes(minutes, HOURS))
    assert starts(made) == ["06-16 09:00", "06-16 10:00", "06-16 15:00", "06-17 09:00"]
    assert all(one.end_time_ns - one.time_ns == NS_PER_HOUR for one in made)
    first = made[0]
    assert (first.open, first.high, first.low, first.close, first.volume) == (9.0, 14.0, 8.0, 12.0, 200.0)


def test_hours_of_a_half_day_end_with_it_and_daylight_saving_moves_none() -> None:
    half_day = [bar("2025-07-03 12:59:00", 5.0), bar("2025-07-03 13:00:00", 6.0)]
    assert starts(list(hours_of_minutes(half_day, HOURS))) == ["07-03 12:00"]
    weekend = [bar("2025-03-07 15:30:00", 5.0), bar("2025-03-10 09:30:00", 6.0)]  # clocks go forward between
    assert starts(list(hours_of_minutes(weekend, HOURS))) == ["03-07 15:00", "03-10 09:00"]


def test_reference_data_of_new_york_needs_no_folder_and_knows_its_limits() -> None:
    assert REFERENCE.hours(AAPL) is hours_from_exchange_calendars("XNYS")
    assert REFERENCE.symbol("aapl", SecurityType.EQUITY, "USA") is AAPL
    spx = REFERENCE.symbol("SPX", SecurityType.INDEX, "usa")
    assert REFERENCE.hours(spx) is REFERENCE.hours(AAPL)
    euro = REFERENCE.symbol("EURUSD", SecurityType.FOREX, "oanda")
    with pytest.raises(DataError, match=r"EURUSD in 'oanda'.*set \[data\] folder"):
        REFERENCE.hours(euro)
    with pytest.raises(DataError, match="unknown market"):
        REFERENCE.symbol("AAPL", SecurityType.EQUITY, "moon")
