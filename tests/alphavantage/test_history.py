"""The past of the Alpha Vantage peer through the plugin, against the peer's own books; and HIST at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.data.subscription import Normalization, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    AnnouncedSplit,
    DateSpan,
    Downloader,
    DownloadRequest,
)
from livetrader_engine.symbols import NS_PER_HOUR, Resolution, SecurityType
from livetrader_engine.testing.history_contract import HistoryContract
from livetrader_plugins.alphavantage.rows import split_factor
from livetrader_venues.stockmarket.clocks import midnight_ns, new_york
from livetrader_venues.web.faults import Fault, Kind
from tests.alphavantage.vendor import MARKET, REFERENCE, Vendor, vendor
from tests.polygon.vendor import bars, plain, wish

MONDAY, FRIDAY, SATURDAY = date(2025, 6, 16), date(2025, 6, 20), date(2025, 6, 21)
IBM = REFERENCE.symbol("IBM", SecurityType.EQUITY, "usa")


def test_days_are_those_of_the_market_from_midnight_to_midnight(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-21 02:00") as venue:
        got = bars(venue.download("IBM", Resolution.DAILY, MONDAY, FRIDAY))
        whole = bars(venue.download("SPLT", Resolution.DAILY, date(2024, 1, 2), FRIDAY))
    assert plain(got) == plain(MARKET.daily("IBM", MONDAY, FRIDAY))  # a holiday is among them
    assert plain(whole) == plain(MARKET.daily("SPLT", date(2025, 6, 2), FRIDAY)) and len(whole) > 12
    assert [bar.time_ns for bar in got] == [midnight_ns(date(2025, 6, day)) for day in (16, 17, 18, 20)]
    assert venue.asked == ["TIME_SERIES_DAILY IBM", "TIME_SERIES_DAILY SPLT"]


def test_minutes_of_a_month_come_with_one_request_and_serve_more(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-20 22:00") as venue:
        got = bars(venue.download("IBM", Resolution.MINUTE, date(2025, 5, 29), date(2025, 6, 3)))
        hours = bars(venue.download("IBM", Resolution.HOUR, date(2025, 6, 3)))
    expected = MARKET.bars("IBM", midnight_ns(date(2025, 5, 29)), midnight_ns(date(2025, 6, 4)))
    assert plain(got) == plain(expected) and len(got) > 100
    assert venue.asked == ["TIME_SERIES_INTRADAY IBM 2025-05", "TIME_SERIES_INTRADAY IBM 2025-06"]
    session = MARKET.bars("IBM", new_york("2025-06-03 09:30"), new_york("2025-06-03 16:00"))
    assert sum(bar.volume for bar in hours) == sum(bar.volume for bar in session)
    assert {bar.end_time_ns - bar.time_ns for bar in hours} == {NS_PER_HOUR}


def test_a_month_from_before_the_listing_takes_none_of_the_data_behind_it(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-20 22:00") as venue:
        got = bars(venue.download("BRK.B", Resolution.MINUTE, date(2025, 4, 14), date(2025, 6, 3)))
        with pytest.raises(DataError, match="has no TIME_SERIES_INTRADAY BRK-B 2025-03"):
            venue.download("BRK.B", Resolution.MINUTE, date(2025, 3, 3), date(2025, 4, 2))
    assert plain(got) == plain(
        MARKET.bars("BRK.B", midnight_ns(date(2025, 6, 2)), midnight_ns(date(2025, 6, 4)))
    )
    assert len(got) > 100


def test_tickers_with_a_class_are_asked_for_with_a_hyphen(tmp_path: Path) -> None:
    with vendor(tmp_path) as venue:
        assert venue.download("BRK.B", Resolution.DAILY, MONDAY)
    assert venue.asked == ["TIME_SERIES_DAILY BRK-B"]


def test_a_day_that_has_not_come_yet_is_an_error_and_not_a_day_without_trades(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-21 02:00") as venue:
        venue.break_with(Fault(Kind.LAG, on="rest", by_s=30 * 3_600.0, count=2))
        with pytest.raises(VenueError, match="nothing of IBM on 2025-06-20 yet"):
            venue.download("IBM", Resolution.DAILY, MONDAY, FRIDAY)
        with pytest.raises(VenueError, match="nothing of IBM on 2025-06-20 yet"):
            venue.download("IBM", Resolution.MINUTE, FRIDAY)
        venue.clock.move(61.0)
        assert len(venue.download("IBM", Resolution.DAILY, MONDAY, FRIDAY)) == 4
        assert venue.download("IBM", Resolution.DAILY, SATURDAY) == []
    with vendor(tmp_path, now="2025-07-21 02:00") as venue:
        venue.break_with(Fault(Kind.LAG, on="rest", by_s=32 * 86_400.0))
        assert len(venue.download("IBM", Resolution.DAILY, MONDAY, FRIDAY)) == 3  # it will not come any more


def test_today_is_there_when_it_is_over(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-20 12:00") as venue:
        assert venue.download("IBM", Resolution.DAILY, FRIDAY) == []
        minutes = venue.download("IBM", Resolution.MINUTE, FRIDAY)
        assert 0 < minutes[-1].end_time_ns <= new_york("2025-06-20 12:00")


def test_splits_and_dividends_are_announced_of_the_dates_asked_for(tmp_path: Path) -> None:
    symbol = REFERENCE.symbol("SPLT", SecurityType.EQUITY, "usa")
    with vendor(tmp_path) as venue:
        assert list(venue.history.announcements(symbol, DateSpan(date(2025, 6, 1), date(2025, 7, 31)))) == [
            AnnouncedDividend(symbol, date(2025, 6, 13), Decimal("0.75")),
            AnnouncedSplit(symbol, date(2025, 6, 17), Decimal(2) / 3),
            AnnouncedSplit(symbol, date(2025, 6, 18), Decimal(3)),
            AnnouncedSplit(symbol, date(2025, 7, 1), Decimal("0.5")),
        ]
        assert list(venue.history.announcements(symbol, DateSpan(MONDAY, MONDAY))) == []
    assert venue.asked == ["SPLITS SPLT", "DIVIDENDS SPLT"]


@pytest.mark.parametrize(
    ("told", "factor"),
    [("4.0000", "0.25"), ("0.1000", "10"), ("1.5000", Decimal(2) / 3), ("0.3333", "3"), ("0.0667", "15"),
     ("0.0333", "30"), ("0.6667", "1.5"), ("1.0460", None), ("2", "0.5"), ("7.123456", None)],
)  # fmt: skip
def test_a_split_told_in_four_digits_is_the_ratio_that_was_meant(
    told: str, factor: str | Decimal | None
) -> None:
    expected = 1 / Decimal(told) if factor is None else Decimal(factor)
    assert float(split_factor(Decimal(told))) == pytest.approx(float(expected), rel=1e-12)


def test_prices_are_adjusted_for_what_has_happened_and_not_for_what_will(tmp_path: Path) -> None:
    symbol = REFERENCE.symbol("SPLT", SecurityType.EQUITY, "usa")
    span = ("2025-06-10 00:00", "2025-06-20 20:00")
    with vendor(tmp_path, now="2025-06-20 22:00") as venue:
        raw, split, both = (
            bars(list(venue.history.history(wish(symbol, Resolution.DAILY, *span, normalization=how))))
            for how in (Normalization.RAW, Normalization.SPLIT_ADJUSTED, Normalization.ADJUSTED)
        )
        with pytest.raises(DataError, match="total return"):
            venue.history.history(
                wish(symbol, Resolution.DAILY, *span, normalization=Normalization.TOTAL_RETURN)
            )
    days = [datetime.fromtimestamp(bar.time_ns / 1e9, UTC).date() for bar in raw]
    assert [s.close / r.close for s, r in zip(split, raw, strict=True)] == pytest.approx(
        [2.0 if day < date(2025, 6, 17) else 3.0 if day < date(2025, 6, 18) else 1.0 for day in days]
    )
    before = next(bar.close for bar, day in zip(raw, days, strict=True) if day == date(2025, 6, 12))
    assert both[0].close / split[0].close == pytest.approx(1 - 0.75 / before)
    assert both[-1].close == raw[-1].close


def test_what_a_free_key_lacks_is_an_error_that_another_history_may_answer(tmp_path: Path) -> None:
    with vendor(tmp_path, plan={"is_premium": False}) as venue:
        assert len(venue.download("IBM", Resolution.DAILY, date(2025, 4, 1), FRIDAY)) > 15  # the compact ones
        with pytest.raises(DataError, match="plan of this key does not include"):
            venue.download("IBM", Resolution.DAILY, date(2024, 11, 1), FRIDAY)
        with pytest.raises(DataError, match="plan of this key does not include"):
            venue.download("IBM", Resolution.MINUTE, MONDAY)
    with vendor(tmp_path, api_key="wrong") as venue, pytest.raises(VenueError, match="refuses the key"):
        venue.download("IBM", Resolution.DAILY, MONDAY)


@pytest.mark.parametrize("known", [True, False], ids=["limits set", "limits found out"])
def test_a_free_key_gives_all_it_has_in_its_own_time_and_then_says_that_the_day_is_used_up(
    tmp_path: Path, known: bool
) -> None:
    limits = {"requests_per_minute": 5, "requests_per_day": 12} if known else {}
    plan = {"per_minute": 5, "per_day": 12}
    with vendor(tmp_path, now="2025-06-20 08:00", plan=plan, **limits) as venue:
        before_ns = venue.clock()
        got = venue.download("SPLT", Resolution.MINUTE, date(2024, 7, 1), date(2025, 6, 19))  # twelve months
        assert got and (venue.clock() - before_ns) / 1e9 >= 120.0
        with pytest.raises(VenueError, match=r"used up|per day"):
            venue.download("IBM", Resolution.DAILY, MONDAY)
        asked = len(venue.asked)
        with pytest.raises(VenueError, match=r"used up"):
            venue.download("IBM", Resolution.DAILY, MONDAY)
        assert len(venue.asked) == asked  # it is believed
    assert venue.reports("venue_paced")
    if known:
        assert not venue.reports("venue_asked_again") and asked == 12


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.STATUS, on="rest", code=503, count=2),
        Fault(Kind.GARBAGE, on="rest", count=2),
        Fault(Kind.TRUNCATE, on="rest", count=2),
        Fault(Kind.CLOSE, on="rest", count=2),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_what_goes_wrong_for_a_while_costs_nothing_but_time(tmp_path: Path, fault: Fault) -> None:
    with vendor(tmp_path) as venue:
        venue.break_with(fault)
        got = bars(venue.download("IBM", Resolution.MINUTE, MONDAY))
    assert plain(got) == plain(MARKET.bars("IBM", midnight_ns(MONDAY), midnight_ns(date(2025, 6, 17))))


def test_it_is_a_downloader_that_says_what_it_has(tmp_path: Path) -> None:
    with vendor(tmp_path) as venue:
        assert isinstance(venue.history, Downloader) and venue.history.downloads.announces
        euro = REFERENCE.symbol("EURUSD", SecurityType.FOREX, "oanda")
        dates = DateSpan(MONDAY, MONDAY)
        for wrong in (
            DownloadRequest(IBM, Resolution.SECOND, TickType.TRADE, dates),
            DownloadRequest(IBM, Resolution.MINUTE, TickType.QUOTE, dates),
            DownloadRequest(euro, Resolution.MINUTE, TickType.TRADE, dates),
        ):
            with pytest.raises(DataError):
                venue.history.download(wrong)
        with pytest.raises(DataError, match="has no TIME_SERIES_DAILY NOBODY"):
            venue.download("NOBODY", Resolution.DAILY, MONDAY)
        assert venue.history.asked == 1


class AlphaVantageHarness:
    """The history at a peer, and requests that it has data for."""

    name = "alphavantage"
    unknown = REFERENCE.symbol("NOBODY", SecurityType.EQUITY, "usa")

    def __init__(self, venue: Vendor) -> None:
        self.plugin = venue.history
        self.requests = [
            wish(IBM, Resolution.DAILY, "2025-05-15 00:00", "2025-06-20 00:00"),
            wish(IBM, Resolution.HOUR, "2025-06-09 00:00", "2025-06-17 00:00"),
            wish(IBM, Resolution.MINUTE, "2025-06-16 09:30", "2025-06-16 16:00"),
        ]


class TestAlphaVantageHistory(HistoryContract):
    """The kit."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[AlphaVantageHarness]:
        """A history with its peer."""
        with vendor(tmp_path) as venue:
            yield AlphaVantageHarness(venue)
