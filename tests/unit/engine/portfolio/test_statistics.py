"""Statistics against values worked out by hand from LEAN's formulas."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import pytest

from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.portfolio.sampling import MAX_SAMPLES, EquitySample, EquitySampler
from livetrader_engine.portfolio.statistics import (
    RunFacts,
    daily_returns,
    drawdown,
    return_ratios,
    statistics,
    trade_results,
    turnover,
)
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from tests.unit.engine.world import SPY, account, at


def days(*equities: float) -> list[EquitySample]:
    return [EquitySample(number * NS_PER_DAY, value, daily=True) for number, value in enumerate(equities)]


def facts(samples: list[EquitySample], **changes: object) -> RunFacts:
    fields: dict[str, object] = {
        "starting_equity": Decimal(100),
        "ending_equity": Decimal(110),
        "samples": samples,
        "transactions": (),
        "total_orders": 3,
        "total_fees": Decimal("3.485"),
    }
    return RunFacts(**{**fields, **changes})  # type: ignore[arg-type]  # fields of the struct


def trades(*profits: int) -> list[TransactionRecord]:
    return [TransactionRecord(number, SPY, Decimal(profit)) for number, profit in enumerate(profits)]


def test_wins_and_losses_are_ratios_of_the_running_capital() -> None:
    # 100 + 10 = 110; 110 - 11 = 99; 99 + 9.9
    results = trade_results(Decimal(100), [*trades(10, -11), TransactionRecord(9, SPY, Decimal("9.9"))])
    assert results.average_win == Decimal("0.1")
    assert results.average_loss == Decimal("-0.1")
    assert results.win_rate == Decimal(2) / 3
    assert results.profit_loss_ratio == 1
    assert results.expectancy == Decimal(2) / 3 - Decimal(1) / 3


def test_no_trades_and_no_losses() -> None:
    assert trade_results(Decimal(100), []).expectancy == 0
    assert trade_results(Decimal(100), trades(5)).profit_loss_ratio == 0


@pytest.mark.parametrize(
    ("equities", "fall", "recovery"),
    [
        ((100, 110, 120), 0.0, 0),
        ((100, 90, 100), 0.1, 2),
        ((100, 120, 90, 100), 0.25, 0),  # never made good
        ((100, 90, 80, 100, 95, 101), 0.2, 3),
        ((100, 100, 99, 100), 0.01, 2),  # from the last time the peak stood
        ((1000, 999.4, 1000), 0.001, 2),  # rounded to three decimals of the ratio
    ],
)
def test_drawdown_and_recovery(equities: tuple[float, ...], fall: float, recovery: int) -> None:
    assert drawdown(days(*equities)) == (fall, recovery)


def test_the_first_two_daily_returns_do_not_count() -> None:
    assert daily_returns(days(100, 200, 220, 198)) == pytest.approx([0.1, -0.1])
    assert daily_returns(days(100, 200)) == []


def test_intraday_samples_are_no_daily_returns() -> None:
    samples = [*days(100, 100, 110), EquitySample(5 * NS_PER_DAY, 1.0)]
    assert daily_returns(samples) == pytest.approx([0.1])


def test_ratios_of_two_returns() -> None:
    # returns 0.01 and 0.03: mean 0.02, sample variance 0.0002
    ratios = return_ratios(facts(days(100, 100, 101, 104.03)))
    assert ratios.annual_variance == pytest.approx(0.0002 * 252)
    assert ratios.annual_deviation == pytest.approx(math.sqrt(0.0504))
    assert ratios.sharpe == pytest.approx((1.02**252 - 1) / math.sqrt(0.0504))
    assert ratios.sortino == 0  # no two falls


def test_a_copy_of_the_benchmark_has_beta_one_and_no_error() -> None:
    equities = (100.0, 100.0, 101.0, 99.0, 104.0)
    ratios = return_ratios(facts(days(*equities), benchmark=equities, risk_free_rate=0.01))
    assert ratios.beta == pytest.approx(1, abs=1e-5)
    assert ratios.alpha == pytest.approx(0, abs=1e-3)
    assert ratios.tracking_error == pytest.approx(0, abs=1e-5)


def test_twice_the_benchmark_has_beta_two() -> None:
    benchmark = (100.0, 100.0, 101.0, 100.495, 102.0)
    equity = [100.0, 100.0]
    for before, after in pairwise(benchmark[1:]):
        equity.append(equity[-1] * (1 + 2 * (after - before) / before))
    ratios = return_ratios(facts(days(*equity), benchmark=benchmark))
    assert ratios.beta == pytest.approx(2, abs=1e-4)
    assert ratios.information > 0


def test_turnover_is_the_mean_of_the_days_after_the_first() -> None:
    samples = [
        EquitySample(0, 100, daily=True, sale_volume=0),
        EquitySample(1, 100, daily=True, sale_volume=50),
        EquitySample(2, 200, daily=True, sale_volume=50),
    ]
    assert turnover(samples) == pytest.approx(0.25)


def test_with_fewer_than_two_returns_only_what_is_certain_is_told() -> None:
    told = statistics(facts(days(100, 110)))
    assert told["Net Profit"] == "0%"
    assert told["Sharpe Ratio"] == "0"
    assert (told["Total Orders"], told["Start Equity"], told["End Equity"]) == ("3", "100", "110")
    assert told["Total Fees"] == "$3.49"  # half away from zero


def test_formats() -> None:
    samples = days(100, 100, 90, 110)
    told = statistics(facts(samples, transactions=trades(10, -5), ending_equity=Decimal("110.50")))
    assert told["Net Profit"] == "10.500%"
    assert told["Drawdown"] == "10.000%"
    assert told["Average Win"] == "10.00%"
    assert told["Win Rate"] == told["Loss Rate"] == "50%"
    assert told["End Equity"] == "110.5"
    assert told["Expectancy"] == "0.600"  # 0.5 * (0.1 / (5 / 110)) - 0.5
    assert told["Annual Standard Deviation"] == "3.617"  # -0.1 and 2/9: 0.32222 / sqrt(2) * sqrt(252)


def test_the_sampler_takes_midnights_and_spaced_samples() -> None:
    sampler = EquitySampler(account("500"), "America/New_York", 4 * NS_PER_MINUTE)
    start = at("2013-10-07 00:00")
    sampler.restart(start)
    sampler.sample_midnights(start + 10 * NS_PER_HOUR)
    for minute in range(6):
        sampler.sample(start + 10 * NS_PER_HOUR + minute * NS_PER_MINUTE)
    sampler.sample_midnights(start + 2 * NS_PER_DAY)
    sampler.finish(start + 2 * NS_PER_DAY)
    assert [(item.time_ns - start) / NS_PER_HOUR for item in sampler.samples if item.daily] == [0, 24, 48]
    assert sum(not item.daily for item in sampler.samples) == 2
    assert all(item.equity == 500 for item in sampler.samples)


def test_the_samples_of_an_endless_run_stay_bounded() -> None:
    sampler = EquitySampler(account(), "America/New_York", 1)
    sampler.restart(0)
    for number in range(MAX_SAMPLES + 2000):
        sampler.sample(10 * number)
    assert len(sampler.samples) <= MAX_SAMPLES


def test_a_long_backtest_has_four_thousand_intraday_samples() -> None:
    sampler = EquitySampler(account(), "America/New_York", 4 * NS_PER_MINUTE)
    sampler.spread_over(4000 * NS_PER_HOUR)
    sampler.restart(0)
    for minute in range(1, 6 * 60):
        sampler.sample(minute * NS_PER_MINUTE)
    assert [item.time_ns // NS_PER_MINUTE for item in sampler.samples] == [1, 62, 123, 184, 245, 306]
