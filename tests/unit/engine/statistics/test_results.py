"""Summary, rolling windows and what LEAN leaves out, by hand from StatisticsBuilder.cs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Point
from livetrader_engine.statistics.results import (
    RunFacts,
    benchmark_returns,
    daily_returns,
    statistics,
    windows,
)
from livetrader_engine.symbols import NS_PER_DAY
from tests.unit.engine.statistics.figures import floats
from tests.unit.engine.world import SPY


def points(*values: str) -> list[Point]:
    return [Point(number * NS_PER_DAY, Decimal(value)) for number, value in enumerate(values)]


def facts(equity: list[Point], returns: list[Point], **changes: object) -> RunFacts:
    fields: dict[str, object] = {
        "starting_equity": Decimal(100),
        "equity": equity,
        "returns": returns,
        "benchmark": returns,
        "turnover": (),
        "transactions": (),
        "trades": (),
        "total_orders": 3,
        "total_fees": Decimal("3.485"),
        "risk_free_rate": lambda _day: Decimal("0.01"),
    }
    return RunFacts(**{**fields, **changes})  # type: ignore[arg-type]  # fields of the struct


def test_the_first_two_returns_and_the_first_change_of_the_benchmark_do_not_count() -> None:
    assert daily_returns(points("0", "5", "1", "-2")) == [0.01, -0.02]
    assert daily_returns(points("0", "5")) == []
    assert benchmark_returns(points("50", "100", "110", "99")) == [0.1, -0.1]
    assert benchmark_returns(points("0", "0", "110", "121")) == [0.0, 0.1]


def test_summary() -> None:
    run = facts(
        points("100", "100", "90", "110.5"),
        points("0", "0", "-10", "22.22222"),
        transactions=[
            TransactionRecord(1, SPY, Decimal(10)),
            TransactionRecord(2, SPY, Decimal(-5)),
        ],
        turnover=points("0.5", "0.1"),
        capacity=Decimal("56123000.00"),
        lowest_capacity=SPY,
    )
    told = statistics(run).summary
    assert told["Net Profit"] == "10.500%"
    assert told["Drawdown"] == "10.0%"
    assert told["Average Win"] == "10.0%"
    assert told["Average Loss"] == "-4.55%"
    assert told["Win Rate"] == told["Loss Rate"] == "50%"
    assert told["End Equity"] == "110.5"
    assert told["Start Equity"] == "100"
    assert told["Expectancy"] == "0.600"  # 0.5 * (0.1 / (5 / 110)) - 0.5
    assert told["Profit-Loss Ratio"] == "2.20"
    assert told["Annual Standard Deviation"] == "3.617"  # -0.1 and 2/9: 0.32222 / sqrt(2) * sqrt(252)
    assert told["Portfolio Turnover"] == "30.0%"
    assert told["Total Fees"] == "$3.49"  # half away from zero
    assert told["Total Orders"] == "3"
    assert told["Estimated Strategy Capacity"] == "$56000000.00"
    assert told["Lowest Capacity Asset"] == "SPY R735QTJ8XC9X"
    assert len(told) == 27  # the 28th is the hash of the orders, which is not ours


def test_with_fewer_than_two_returns_only_what_is_certain_is_told() -> None:
    told = statistics(facts(points("100", "120"), points("0", "20"))).summary
    assert told["Net Profit"] == told["Compounding Annual Return"] == told["Win Rate"] == "0%"
    assert told["Sharpe Ratio"] == told["Alpha"] == "0"
    assert (told["Start Equity"], told["End Equity"]) == ("100", "120")
    assert told["Estimated Strategy Capacity"] == "$0"
    assert told["Lowest Capacity Asset"] == ""


def test_without_a_sample_there_is_nothing_but_the_algorithms_own() -> None:
    results = statistics(facts([], []), {"Mine": "1"})
    assert results.summary == {"Mine": "1"}
    assert results.rolling == {}


def test_an_own_statistic_does_not_replace_one_of_the_run() -> None:
    told = statistics(facts(points("100"), points("0")), {"Total Orders": "99", "Mine": "1"}).summary
    assert (told["Total Orders"], told["Mine"]) == ("3", "1")


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (1, ["01-15 01-31", "02-01 02-28", "03-01 03-31", "04-01 04-10"]),
        (3, ["01-15 01-31", "01-15 02-28", "01-15 03-31", "02-01 04-10"]),
    ],
)
def test_rolling_windows_end_with_each_month(months: int, expected: list[str]) -> None:
    found = windows(months, date(2013, 1, 15), date(2013, 4, 10))
    assert [f"{start:%m-%d} {end:%m-%d}" for start, end in found] == expected


def test_a_rolling_window_starts_with_its_own_equity() -> None:
    equity = [Point(day * NS_PER_DAY, Decimal(100 + day)) for day in range(60)]  # January and February 1970
    returns = [Point(point.time_ns, Decimal(1)) for point in equity]
    rolling = statistics(facts(equity, returns)).rolling
    assert list(rolling) == [
        "M1_19700131", "M1_19700228", "M1_19700301", "M3_19700131", "M3_19700228", "M3_19700301",
        "M6_19700131", "M6_19700228", "M6_19700301", "M12_19700131", "M12_19700228", "M12_19700301",
    ]  # fmt: skip
    february = rolling["M1_19700228"].portfolio_statistics
    assert floats(february.start_equity, february.end_equity) == (131, 158)
