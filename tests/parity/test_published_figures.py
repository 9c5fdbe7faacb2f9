"""Our own algorithms over LEAN's sample data give the figures that LEAN publishes for such trading.

Published: the expected statistics of LEAN's regression algorithms, commit 24863901 (2026-08-21); each test
names whose figures it pins. All 28 statistics are compared, the hash over all orders among them, and the
data points.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.parity.conftest import Backtest

NAMES = (
    "Total Orders", "Average Win", "Average Loss", "Compounding Annual Return", "Drawdown",
    "Expectancy", "Start Equity", "End Equity", "Net Profit", "Sharpe Ratio", "Sortino Ratio",
    "Probabilistic Sharpe Ratio", "Loss Rate", "Win Rate", "Profit-Loss Ratio", "Alpha", "Beta",
    "Annual Standard Deviation", "Annual Variance", "Information Ratio", "Tracking Error",
    "Treynor Ratio", "Total Fees", "Estimated Strategy Capacity", "Lowest Capacity Asset",
    "Portfolio Turnover", "Drawdown Recovery", "OrderListHash",
)  # fmt: skip


def published(values: str) -> dict[str, str]:
    """Return the statistics by name; `values` has them in the order of NAMES, "|" between them."""
    return dict(zip(NAMES, values.split("|"), strict=True))


def test_a_week_of_minutes(backtest: Backtest) -> None:
    """LEAN: BasicTemplateAlgorithm."""
    run = backtest(
        """
class Holder(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY", Resolution.MINUTE)

    def on_data(self, data):
        if not self.portfolio.invested:
            self.set_holdings("SPY", 1)
"""
    )
    assert run.summary["statistics"] == published(
        "1|0%|0%|271.453%|2.200%|0|100000|101691.92|1.692%|8.854|0|67.459%|0%|0%|0|-0.005|0.996|"
        "0.222|0.049|-14.565|0.001|1.97|$3.44|$56000000.00|SPY R735QTJ8XC9X|19.93%|3|"
        "3da9fa60bf95b9ed148b95e02e0cfc9e"
    )
    assert run.result.data_points == 3943


def test_two_weeks_of_days(backtest: Backtest) -> None:
    """LEAN: BasicTemplateDailyAlgorithm."""
    run = backtest(
        """
class DailyHolder(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 17)
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol

    def on_data(self, data):
        if not self.portfolio.invested:
            self.set_holdings(self.spy, 1.0)
"""
    )
    assert run.summary["statistics"] == published(
        "1|0%|0%|424.375%|0.800%|0|100000|104486.22|4.486%|17.304|35.217|96.710%|0%|0%|0|-0.249|"
        "1.015|0.141|0.02|-19|0.011|2.403|$3.49|$1200000000.00|SPY R735QTJ8XC9X|10.01%|1|"
        "70f21e930175a2ec9d465b21edc1b6d9"
    )
    assert run.result.data_points == 72


def test_a_split_between_hours(backtest: Backtest) -> None:
    """LEAN: HourSplitRegressionAlgorithm."""
    run = backtest(
        """
class AcrossTheSplit(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2014, 6, 6)
        self.set_end_date(2014, 6, 9)
        self.set_benchmark(lambda time: 0)
        self.add_equity("AAPL", Resolution.HOUR)

    def on_data(self, data):
        last_day = self.time.date() == self.end_date.date()
        if last_day and "AAPL" in data.bars and not self.portfolio.invested:
            self.market_order("AAPL", 1)
"""
    )
    assert run.summary["statistics"] == published(
        "1|0%|0%|-0.068%|0.000%|0|100000|99999.31|-0.001%|-128.305|0|0%|0%|0%|0|0|0|0|0|-9.163|0|0|"
        "$1.00|$160000000000.00|AAPL R735QTJ8XC9X|0.01%|0|fded8f29d111ed771b99bc6b296f776c"
    )
    assert run.result.data_points == 17


def test_another_benchmark(backtest: Backtest) -> None:
    """LEAN: CustomBenchmarkAlgorithm."""
    run = backtest(
        """
class AgainstApple(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY", Resolution.SECOND)
        self.set_benchmark("AAPL")

    def on_data(self, data):
        if not self.portfolio.invested:
            self.set_holdings("SPY", 1)
            self.debug("all in")
"""
    )
    assert run.summary["statistics"] == published(
        "1|0%|0%|272.157%|2.200%|0|100000|101694.38|1.694%|8.863|0|67.460%|0%|0%|0|1.143|0.842|0.222|"
        "0.049|5.987|0.165|2.338|$3.45|$310000000.00|SPY R735QTJ8XC9X|19.96%|2|"
        "8c925e7c6c10ff1da3a40669accba91a"
    )
    assert run.result.data_points == 234043


def test_limits_before_and_after_hours(backtest: Backtest) -> None:
    """LEAN: ExtendedMarketTradingRegressionAlgorithm."""
    run = backtest(
        """
class EarlyBird(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY", Resolution.MINUTE, leverage=1, extended_market_hours=True)
        self.tried = set()

    def on_data(self, data):
        minute = self.time.hour * 60 + self.time.minute
        day = self.time.date()
        if day not in self.tried and not 570 < minute < 960:
            self.limit_order("SPY", 10, data.bars["SPY"].low)
            self.tried.add(day)
"""
    )
    assert run.summary["statistics"] == published(
        "5|0%|0%|10.774%|0.100%|0|100000|100135.59|0.136%|8.723|41.728|85.708%|0%|0%|0|0.005|0.039|"
        "0.009|0|-8.852|0.214|2.102|$5.00|$14000000.00|SPY R735QTJ8XC9X|1.44%|2|"
        "ac13139c0d75afb3d39a5143eb506658"
    )
    assert run.result.data_points == 9643


def test_a_limit_at_each_hour(backtest: Backtest) -> None:
    """LEAN: LimitFillRegressionAlgorithm."""
    run = backtest(
        """
class Hourly(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY", Resolution.SECOND).symbol

    def on_data(self, data):
        if data.contains_key(self.spy) and self.time.minute == self.time.second == 0:
            side = 1 if self.time.day < 9 else -1
            self.limit_order(self.spy, 10 * side, data[self.spy].price)
"""
    )
    assert run.summary["statistics"] == published(
        "35|0.01%|-0.01%|-5.250%|0.300%|-0.200|100000|99931.07|-0.069%|-1.105|-1.712|40.992%|50%|50%|"
        "0.60|-0.223|0.1|0.023|0.001|-9.985|0.2|-0.254|$34.00|$180000000.00|SPY R735QTJ8XC9X|9.86%|0|"
        "b25621656830fb81b093f3c315830ea3"
    )
    assert run.result.data_points == 234043


def test_two_averages_cross(backtest: Backtest) -> None:
    """LEAN: ParameterizedAlgorithm."""
    run = backtest(
        """
class Crossing(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY")
        self.quick, self.steady = self.ema("SPY", 10), self.ema("SPY", 20)

    def on_data(self, data):
        if not self.steady.is_ready:
            return
        ratio = self.quick.current.value / self.steady.current.value
        if ratio > 1.001:
            self.set_holdings("SPY", 1)
        elif ratio < 0.999:
            self.liquidate("SPY")
"""
    )
    assert run.summary["statistics"] == published(
        "1|0%|0%|286.047%|0.300%|0|100000|101742.04|1.742%|23.023|0|0%|0%|0%|0|1.266|0.356|0.086|"
        "0.007|-0.044|0.147|5.531|$3.45|$48000000.00|SPY R735QTJ8XC9X|19.72%|0|"
        "1fd15c0ef2042df5cd6e6d590000318e"
    )
    assert run.result.data_points == 3943


def test_a_warm_up_without_orders(backtest: Backtest) -> None:
    """LEAN: OnWarmupFinishedRegressionAlgorithm."""
    run = backtest(
        """
class Warm(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY", Resolution.MINUTE)
        self.set_warm_up(timedelta(1))
"""
    )
    assert run.summary["statistics"] == published(
        "0|0%|0%|0%|0%|0|100000|100000|0%|0|0|0%|0%|0%|0|0|0|0|0|-57.739|0.178|0|$0.00|$0||0%|0|"
        "d41d8cd98f00b204e9800998ecf8427e"
    )
    assert run.result.data_points == 3943


def test_targets_that_grow_within_a_step(backtest: Backtest) -> None:
    """LEAN: SetHoldingsRegressionAlgorithm."""
    run = backtest(
        """
class Growing(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.add_equity("SPY", Resolution.MINUTE)

    def on_data(self, data):
        if not self.portfolio.invested:
            for weight in (0.1, 0.2, 0.3, 1):
                self.set_holdings("SPY", weight)
"""
    )
    assert run.summary["statistics"] == published(
        "4|0%|0%|0%|0%|0|100000|98822.71|0%|0|0|0%|0%|0%|0|0|0|0|0|0|0|0|$5.41|$2800000.00|"
        "SPY R735QTJ8XC9X|49.82%|0|23bf9784138d7f8f43acb295647943cc"
    )
    assert run.result.data_points == 1582


def test_a_stop_that_trails(backtest: Backtest) -> None:
    """LEAN: TrailingStopOrderRegressionAlgorithm."""
    run = backtest(
        """
class Trailing(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY").symbol
        self.entry = self.way_out = None

    def on_data(self, data):
        if not data.contains_key(self.spy):
            return
        if self.entry is None:
            self.entry = self.trailing_stop_order(self.spy, 100, 2, False)
        elif self.way_out is None and self.portfolio.invested:
            self.way_out = self.trailing_stop_order(self.spy, -100, 0.5, False)
"""
    )
    assert run.summary["statistics"] == published(
        "2|0.02%|0%|1.833%|0.000%|0|100000|100023.22|0.023%|3.926|0|66.249%|0%|100%|0|-0.007|0.007|"
        "0.002|0|-8.907|0.221|1.031|$2.00|$36000000.00|SPY R735QTJ8XC9X|5.79%|0|"
        "d56bac89a568c3a45cac595e69a35875"
    )
    assert run.result.data_points == 3943


def test_days_are_those_of_the_algorithms_time_zone(backtest: Backtest) -> None:
    run = backtest(
        """
class Universal(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_time_zone("UTC")
        self.set_end_date(2013, 10, 8)
        self.add_equity("SPY", Resolution.MINUTE)
"""
    )
    charts = json.loads(next(run.folder.glob("Universal.json")).read_text(encoding="utf-8"))["charts"]
    times = [point[0] for point in charts["Benchmark"]["series"]["Benchmark"]["values"]]
    midnight = int(datetime(2013, 10, 7, tzinfo=UTC).timestamp())
    # two midnights, and the end of the last session: 20 hours into the second day
    assert times == [midnight, midnight + 24 * 3600, midnight + 44 * 3600]
    assert all(point[1] > 0 for point in charts["Benchmark"]["series"]["Benchmark"]["values"])
