"""When samples are taken and what they hold, by hand from LEAN's result handlers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.statistics.benchmark import Benchmark
from livetrader_engine.statistics.charts import (
    MAX_CHART_SERIES,
    MAX_SERIES_POINTS,
    Candle,
    Charts,
    Series,
    SeriesKind,
)
from livetrader_engine.statistics.sampler import Sampler
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from tests.unit.engine.statistics.figures import floats
from tests.unit.engine.world import SPY, Surroundings, account, at, minute_bar, security

START = at("2013-10-07 00:00")


def sampler_of(portfolio: Portfolio, *, every_step: bool = False) -> Sampler:
    around = Surroundings()
    benchmark = Benchmark(around, around, portfolio.cash, None)
    benchmark.set_function(lambda time_ns: Decimal(time_ns) / NS_PER_DAY)
    sampler = Sampler(portfolio, benchmark, "America/New_York", every_step=every_step)
    sampler.begin(START)
    return sampler


def values(series: Series) -> list[str]:
    return [format(point.value, "f") for point in series.points]


def test_the_equity_is_sampled_once_in_four_minutes() -> None:
    sampler = sampler_of(account("500"))
    for minute in range(1, 12):
        time_ns = START + minute * NS_PER_MINUTE
        if time_ns >= sampler.due_ns:
            sampler.observe(time_ns, None)
    assert [(point.time_ns - START) // NS_PER_MINUTE for point in sampler.equity] == [1, 6, 11]


@pytest.mark.parametrize(("days", "minutes"), [(5, 4), (11, 4), (12, 4.32), (1000, 360)])
def test_a_long_run_has_four_thousand_samples(days: int, minutes: float) -> None:
    sampler = sampler_of(account())
    sampler.set_span(START, START + days * NS_PER_DAY - 1)
    # the last day ends a tick early, so the period is a tick short of the round figure
    exact = round(minutes * NS_PER_MINUTE)
    assert sampler.period_ns in ({exact} if days <= 11 else {exact - 100})


def test_a_span_is_measured_by_the_wall_clock() -> None:
    sampler = sampler_of(account())
    # from daylight saving to standard time: 1940 dates, and an hour more
    start_ns = at("2013-11-02 00:00")
    sampler.set_span(start_ns, start_ns + 1940 * NS_PER_DAY + NS_PER_HOUR - 1)
    assert sampler.period_ns == round(698.4 * NS_PER_MINUTE) - 100


def test_a_day_is_sampled_in_all_series() -> None:
    held = security(SPY, minute_bar("2013-10-07 09:31", (100.0,) * 4))
    portfolio = account("1000", held)
    sampler = sampler_of(portfolio)
    sampler.sample(START)
    portfolio.apply_fill(SPY, Fill(ExecutionId("1"), Decimal(5), Decimal(100), START))
    held.update(minute_bar("2013-10-07 09:32", (123.45678,) * 4))
    sampler.sample(START + NS_PER_DAY)
    charts = {
        chart: {name: values(item) for name, item in series.items()}
        for chart, series in sampler.charts.items()
    }
    assert charts == {
        "Strategy Equity": {"Equity": ["1000", "1117.3"], "Return": ["0", "11.73"]},
        "Benchmark": {"Benchmark": ["15985.1667", "15986.1667"]},  # four decimals above a thousand
        "Drawdown": {"Equity Drawdown": ["0", "0"]},
        "Assets Sales Volume": {"SPY": ["500"]},
        "Exposure": {"Equity - Long Ratio": ["0", "0.5525"], "Equity - Short Ratio": ["0", "0"]},
        "Capacity": {"Strategy Capacity": ["0", "0"]},
        "Portfolio Turnover": {"Portfolio Turnover": ["0.4475074"]},  # none at the start of the run
    }


def test_a_second_sample_of_one_instant_replaces_the_turnover_only() -> None:
    held = security(SPY, minute_bar("2013-10-07 09:31", (100.0,) * 4))
    portfolio = account("1000", held)
    sampler = sampler_of(portfolio)
    sampler.sample(START + NS_PER_DAY)
    portfolio.apply_fill(SPY, Fill(ExecutionId("1"), Decimal(5), Decimal(100), START, Decimal(10)))
    sampler.finish(START + NS_PER_DAY, None)
    assert [point.value for point in sampler.returns] == [0]
    assert [point.value for point in sampler.equity] == [1000]
    assert [format(point.value, "f") for point in sampler.turnover] == ["0.5050505"]  # 500 / 990


def test_warm_up_is_not_drawn_but_keeps_the_rhythm() -> None:
    portfolio = account("1000.00")
    sampler = sampler_of(portfolio)
    sampler.warming_up = True
    sampler.observe(START - 2 * NS_PER_MINUTE, None)
    sampler.sample(START - NS_PER_MINUTE)
    assert sampler.equity == sampler.returns == sampler.turnover == []
    sampler.finish_warm_up()
    assert str(sampler.starting_equity) == "1000.00"  # the zeros are printed
    assert sampler.due_ns == START + 2 * NS_PER_MINUTE + 1
    sampler.sample(START)
    assert len(sampler.returns) == 1


def test_the_starting_value_is_taken_anew_where_warm_up_changed_it() -> None:
    portfolio = account("1000")
    sampler = sampler_of(portfolio)
    sampler.warming_up = True
    portfolio.cash.set("USD", Decimal(900))
    sampler.finish_warm_up()
    sampler.sample(START)
    assert sampler.starting_equity == 900
    assert [point.value for point in sampler.returns] == [0]


def test_candles_are_exact_where_every_step_is_observed() -> None:
    portfolio = account("1000")
    sampler = sampler_of(portfolio, every_step=True)
    for minute, cash in enumerate((1000, 1010, 990, 1005, 1001, 1002)):
        portfolio.cash.set("USD", Decimal(cash))
        assert sampler.due_ns == 0
        sampler.observe(START + minute * NS_PER_MINUTE, None)
    last = sampler.equity[-1]
    assert isinstance(last, Candle)
    assert floats(last.open, last.high, last.low, last.value) == (1010, 1010, 990, 1002)


def test_a_function_benchmark_gets_the_time_of_the_sample() -> None:
    sampler = sampler_of(account())
    sampler.sample(START)
    assert [point.time_ns for point in sampler.benchmark] == [START]


def test_the_points_of_an_endless_run_stay_bounded() -> None:
    series = Series("one", SeriesKind.LINE, "$")
    for number in range(MAX_SERIES_POINTS + 10):
        series.add(number, Decimal(1))
    assert len(series.points) <= MAX_SERIES_POINTS
    charts = Charts()
    for number in range(MAX_CHART_SERIES + 10):
        charts.series("chart", str(number)).add(0, Decimal(1))
    assert len(charts["chart"]) == MAX_CHART_SERIES


def test_a_point_must_be_later_than_the_last() -> None:
    series = Series("one", SeriesKind.LINE, "$")
    for time_ns, value in ((1, "1"), (1, "2"), (0, "3"), (2, "1234.56789"), (3, "-1234.56789")):
        series.add(time_ns, Decimal(value))
    assert values(series) == ["1", "1234.5679", "-1234.568"]  # negative ones keep seven digits
