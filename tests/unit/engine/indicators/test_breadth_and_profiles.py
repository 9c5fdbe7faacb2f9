"""Indicators of many symbols, of prices by volume and of days, against LEAN's test tables and by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.data.bars import Tick, TradeBar
from livetrader_engine.indicators.breadth import (
    AdvanceDeclineDifference,
    AdvanceDeclineRatio,
    AdvanceDeclineVolumeRatio,
    ArmsIndex,
    BreadthIndicator,
    McClellanSummationIndex,
)
from livetrader_engine.indicators.channels import RegressionChannel
from livetrader_engine.indicators.forecast import Momersion
from livetrader_engine.indicators.new_highs import NewHighsNewLows, NewHighsNewLowsVolume
from livetrader_engine.indicators.pivots import PivotPointsHighLow, PivotPointType
from livetrader_engine.indicators.profiles import MarketProfile, TimeProfile, VolumeProfile
from livetrader_engine.indicators.sessions import IntradayVwap, RelativeDailyVolume
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND
from tests.unit.engine.indicators.reference import FOLDER, bars_of, rows_of, symbol_of

NS_PER_HOUR = 3600 * NS_PER_SECOND
NEW_YORK = ZoneInfo("America/New_York")
TICKERS = ("AAPL", "GOOG", "IBM")


@pytest.mark.parametrize(
    ("make", "file", "column", "line"),
    [
        (AdvanceDeclineRatio, "arms_data.txt", "a/d ratio", "value"),
        (AdvanceDeclineVolumeRatio, "arms_data.txt", "a/d volume ratio", "value"),
        (AdvanceDeclineDifference, "arms_data.txt", "a/d difference", "value"),
        (ArmsIndex, "arms_data.txt", "trin", "value"),
        (lambda: NewHighsNewLows(2), "nhnl_data.csv", "nh/nl difference", "difference.value"),
        (lambda: NewHighsNewLows(2), "nhnl_data.csv", "nh/nl ratio", "ratio.value"),
        (lambda: NewHighsNewLowsVolume(2), "nhnl_data.csv", "nh/nl volume ratio", "volume_ratio.value"),
    ],
)
def test_breadth_agrees_with_leans_tables(
    make: Callable[[], BreadthIndicator], file: str, column: str, line: str
) -> None:
    indicator = make()
    for ticker in TICKERS:
        indicator.add(symbol_of(ticker))
    for _ in range(2):
        compared = 0
        for bar, row in bars_of(FOLDER / file):
            if indicator.push_bar(bar) and row[column]:
                assert attrgetter(line)(indicator) == pytest.approx(float(row[column]), abs=1e-3)
                compared += 1
        assert compared > 100
        indicator.reset()


def bar(ticker: str, minute: int, close: float, volume: float = 100) -> TradeBar:
    start_ns = minute * 60 * NS_PER_SECOND
    return TradeBar(
        symbol_of(ticker), start_ns, start_ns + 60 * NS_PER_SECOND, close, close, close, close, volume
    )


def test_a_period_in_which_a_symbol_is_missing_has_no_value() -> None:
    # the figures of LEAN's ArmsIndexTests.IgnorePeriodIfAnyStockMissed
    index = ArmsIndex()
    for ticker in ("AAPL", "IBM", "GOOG", "MSFT"):
        index.add(symbol_of(ticker))
    periods = (
        ({"AAPL": (1, 100), "IBM": (1, 100), "GOOG": (1, 100), "MSFT": (1, 100)}, 0.0),
        ({"AAPL": (2, 100), "IBM": (0.5, 100), "GOOG": (3, 100)}, 0.0),
        ({"AAPL": (3, 100), "IBM": (1, 100), "GOOG": (1, 200), "MSFT": (1, 100)}, 2.0),
        ({"AAPL": (1, 100), "IBM": (2, 250), "GOOG": (2, 100), "MSFT": (2, 150)}, 0.6),
        ({"AAPL": (2, 140), "GOOG": (5, 110), "MSFT": (1, 150)}, 0.6),
        ({"AAPL": (2, 120), "IBM": (3, 350), "GOOG": (4, 200)}, 0.6),
    )
    for minute, (bars, expected) in enumerate(periods, 1):
        for ticker, (close, volume) in bars.items():
            index.push_bar(bar(ticker, minute, close, volume))
        assert index.value == pytest.approx(expected)


def test_a_symbol_that_was_removed_does_not_count() -> None:
    difference = AdvanceDeclineDifference()
    for ticker in ("AAPL", "IBM", "GOOG"):
        difference.add(symbol_of(ticker))
        difference.push_bar(bar(ticker, 1, 10))
    difference.remove(symbol_of("GOOG"))
    for ticker in ("AAPL", "IBM", "GOOG"):
        difference.push_bar(bar(ticker, 2, 11))
    assert difference.value == 2


def test_mcclellan_agrees_with_leans_table() -> None:
    # The table has advances minus declines only: as many symbols rise or fall, the others stand still. Its
    # averages and its sum began before the first row; LEAN's test gives the values that they had.
    rows = list(rows_of(FOLDER / "mcclellan_data.csv"))
    most = max(abs(int(row["a/d difference"])) for row in rows)
    index = McClellanSummationIndex()
    oscillator, sum_before = index.mc_clellan_oscillator, -606.25
    oscillator.ema_fast.push(1, -209.85)
    oscillator.ema_slow.push(1, -186.41)
    symbols, prices = [symbol_of(f"S{number}") for number in range(most)], [1000.0] * most
    for symbol in symbols:
        index.add(symbol)
    compared = 0
    for day, row in enumerate(rows, 1):
        difference = int(row["a/d difference"])
        for number, symbol in enumerate(symbols):
            if number < abs(difference):
                prices[number] += 1 if difference > 0 else -1
            price, start_ns = prices[number], day * NS_PER_DAY
            index.push_bar(TradeBar(symbol, start_ns, start_ns + NS_PER_DAY, price, price, price, price, 1.0))
        if index.is_ready:
            assert oscillator.value == pytest.approx(float(row["mo"]), abs=0.02)
            assert index.value + sum_before == pytest.approx(float(row["msi"]), abs=0.02)
            compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("make", "file"), [(VolumeProfile, "vp_datatest.csv"), (TimeProfile, "tp_datatest.csv")]
)
def test_profiles_agree_with_leans_tables(make: Callable[[int], MarketProfile], file: str) -> None:
    lines = {
        "pocprice": "value", "pocvolume": "poc_volume", "ph": "profile_high", "pl": "profile_low",
        "va": "value_area_volume", "vah": "value_area_high", "val": "value_area_low",
    }  # fmt: skip
    profile, compared = make(3), 0
    for day, row in bars_of(FOLDER / file):
        profile.push_bar(day)
        for column, line in lines.items():
            if profile.is_ready and row[column]:
                assert getattr(profile, line) == pytest.approx(float(row[column]), abs=0.01), line
                compared += 1
    assert compared > 100
    assert sum(profile.volume_per_price.values()) * 0.7 == pytest.approx(profile.value_area_volume)


def test_a_price_on_a_step_stays_on_it() -> None:
    profile = VolumeProfile(1)
    for minute, (close, step) in enumerate(
        ((135.15, 135.15), (135.16, 135.2), (0.15, 0.15), (10.0, 10.0)), 1
    ):
        profile.push_bar(bar("AAPL", minute, close))
        assert profile.value == step


def test_relative_daily_volume_agrees_with_leans_table() -> None:
    indicator, compared = RelativeDailyVolume(2), 0
    for row in rows_of(FOLDER / "spy_rdv.txt"):
        start_ns = int(datetime.fromisoformat(row["date"]).timestamp()) * NS_PER_SECOND
        prices = (float(row[name]) for name in ("open", "high", "low", "close"))
        hour = TradeBar(symbol_of("SPY"), start_ns, start_ns + NS_PER_HOUR, *prices, float(row["volume"]))
        if indicator.push_bar(hour):
            assert indicator.value == pytest.approx(float(row["rdv"]), abs=1e-3)
            compared += 1
    assert compared > 40


def test_intraday_vwap_starts_over_with_each_day_of_its_zone() -> None:
    # typical prices by hand: 302/3, 307/3 and 313/3 with volumes 100, 300, 200; then the next day's alone
    vwap = IntradayVwap()
    vwap.zone = NEW_YORK
    hours = ((10, 102, 99, 101, 100), (11, 104, 100, 103, 300), (12, 106, 102, 105, 200))
    expected = (302 / 3, (302 + 3 * 307) / 12, (302 + 3 * 307 + 2 * 313) / 18)
    for (hour, high, low, close, volume), value in zip(hours, expected, strict=True):
        moment = datetime(2024, 1, 2, hour, tzinfo=NEW_YORK)
        start_ns = int(moment.timestamp()) * NS_PER_SECOND
        vwap.push_bar(TradeBar(
            symbol_of("SPY"), start_ns, start_ns + NS_PER_HOUR, close, high, low, close, volume
        ))  # fmt: skip
        assert vwap.value == pytest.approx(value)
    # 23:00 of the same day in New York is the next day in UTC
    late_ns = int(datetime(2024, 1, 2, 22, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND
    filled = TradeBar(symbol_of("SPY"), late_ns, late_ns + NS_PER_HOUR, 1, 1, 1, 1, 500, fill_forward=True)
    vwap.push_bar(filled)
    assert vwap.value == pytest.approx(expected[2])  # what only fills a gap was not traded
    vwap.push_bar(TradeBar(symbol_of("SPY"), late_ns, late_ns + NS_PER_HOUR, 100, 100, 100, 100, 600))
    assert vwap.value == pytest.approx((200 * 302 / 6 + 300 * 307 / 3 + 200 * 313 / 3 + 600 * 100) / 1200)
    next_ns = int(datetime(2024, 1, 3, 10, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND
    vwap.push_bar(Tick(symbol_of("SPY"), next_ns, price=50.0, quantity=7))  # type: ignore[arg-type]  # takes ticks, too
    assert vwap.value == 50.0


# LEAN's MomersionTests: minutes of AAPL and what a minimum of 7 in 20, and a full window of 10, make of them
MINUTES = (
    125.99, 125.91, 125.75, 125.62, 125.54, 125.45, 125.47, 125.4, 125.43, 125.45, 125.42, 125.36, 125.23,
    125.32, 125.26, 125.31, 125.41, 125.5, 125.51, 125.41, 125.54, 125.51, 125.61, 125.43, 125.42, 125.42,
    125.46, 125.43, 125.4, 125.35,
)  # fmt: skip
MINIMUM = (
    50, 50, 50, 50, 50, 50, 50, 50, 57.14, 62.5, 55.56, 60, 63.64, 58.33, 53.85, 50, 53.33, 56.25, 58.82,
    55.56, 52.63, 50, 45, 40, 40, 36.84, 38.89, 38.89, 44.44, 44.44,
)  # fmt: skip
FULL = (
    50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 60, 50, 40, 30, 40, 50, 60, 50, 50, 40, 30, 30, 40,
    44.44, 37.5, 25, 25, 37.5,
)  # fmt: skip


@pytest.mark.parametrize(("periods", "expected"), [((7, 20), MINIMUM), ((10,), FULL), ((None, 10), FULL)])
def test_momersion_agrees_with_leans_figures(periods: tuple[int, ...], expected: tuple[float, ...]) -> None:
    momersion = Momersion(*periods)
    values = []
    for number, price in enumerate(MINUTES, 1):
        momersion.push(number, price)
        values.append(momersion.value)
    assert values == pytest.approx(expected, abs=0.005)


def test_a_regression_channel_lies_around_the_fitted_line() -> None:
    # by hand: of 1, 2, 6 the line is 1/2 + 5x/2 - 1/2 ... its end is 3 + 5/2, the deviation sqrt(14/3)
    channel = RegressionChannel(3, 2)
    for number, price in enumerate((9.0, 1.0, 2.0, 6.0), 1):
        channel.push(number, price)
    reach = 2 * (14 / 3) ** 0.5
    assert channel.value == pytest.approx(5.5)
    assert channel.slope.value == pytest.approx(2.5)
    assert channel.upper_channel.value == pytest.approx(5.5 + reach)
    assert channel.lower_channel.value == pytest.approx(5.5 - reach)


def test_pivots_are_remembered_and_told() -> None:
    pivots, told = PivotPointsHighLow(1, last_stored_values=2), []
    pivots.pivot_handlers.append(told.append)
    for number, price in enumerate((5, 7, 6, 4, 8, 8, 3), 1):
        pivots.push_bar(bar("AAPL", number, price))
    kinds = [(point.pivot_point_type, point.value) for point in told]
    assert kinds == [(PivotPointType.HIGH, 7), (PivotPointType.LOW, 4)]  # equal highs are none
    relaxed = PivotPointsHighLow(1, strict=False)
    for number, price in enumerate((5, 7, 6, 4, 8, 8, 3), 1):
        relaxed.push_bar(bar("AAPL", number, price))
    assert [point.value for point in relaxed.pivots] == [8, 8, 4, 7]
