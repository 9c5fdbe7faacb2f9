"""Portfolio statistics against LEAN's Tests/Common/Statistics and hand arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Point
from livetrader_engine.statistics.portfolio_statistics import (
    PeriodFacts,
    average_rate,
    compounding_annual_return,
    drawdown,
    observed_sharpe,
    portfolio_statistics,
    probabilistic_sharpe,
    tracking_error,
    value_at_risk,
)
from livetrader_engine.symbols import NS_PER_DAY
from tests.unit.engine.statistics.figures import floats
from tests.unit.engine.world import SPY

RETURNS = (-0.009025132, 0.003653969, 0.0, 0.0)
BENCHMARK = (-0.011587791300935783, 0.00054375782787618543, 0.022165997700413956, 0.006263266301918822)


def no_rate(_day: date) -> Decimal:
    return Decimal(0)


def facts(
    returns: Sequence[float] = RETURNS, benchmark: Sequence[float] = BENCHMARK, days: int = 252
) -> PeriodFacts:
    return PeriodFacts(Decimal(100_000), (), (), (), returns, benchmark, no_rate, days)


def daily(*values: float) -> list[Point]:
    return [Point(number * NS_PER_DAY, Decimal(str(value))) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("days", "variance", "deviation", "sharpe", "error", "probability"),
    [  # PortfolioStatisticsTests.StatisticsCases
        (
            202,
            "0.00589787137120101", "0.0767976000354244",
            "-3.0952570635188", "0.167632655086644", "0.252197874915608",
        ),
        (
            252,
            "0.00735774052248839", "0.0857772727620108",
            "-3.3486737318423", "0.187233350684845", "0.257146306116665",
        ),
        (
            365,
            "0.0106570448043979", "0.103232963748978",
            "-3.75507953923657", "0.225335372429895", "0.264390639112978",
        ),
    ],
)  # fmt: skip
def test_ratios_are_leans_to_the_last_digit(
    days: int, variance: str, deviation: str, sharpe: str, error: str, probability: str
) -> None:
    figures = portfolio_statistics(facts(days=days))
    assert str(figures.annual_variance) == variance
    assert str(figures.annual_standard_deviation) == deviation
    assert str(figures.sharpe_ratio) == sharpe
    assert str(figures.tracking_error) == error
    assert str(figures.probabilistic_sharpe_ratio) == probability


@pytest.mark.parametrize(
    ("values", "recovery"),
    [  # DrawdownRecoveryTests
        ((100, 90, 100), 2),
        ((100, 90, 95, 100), 3),
        ((100, 90, 100, 90, 100), 2),
        ((100, 90, 100, 90, 80, 100), 3),
        ((100, 90, 95, 90, 100), 4),
        ((100, 90, 80, 70), 0),
        ((100, 90, 95, 90), 0),
        ((50, 100, 98, 99, 100), 3),
        ((100, 100, 100), 0),
        ((100,), 0),
        ((), 0),
        ((100, 98, 100, 101, 100, 99), 2),
        ((100, 97, 99, 97, 100), 4),
    ],
)
def test_drawdown_recovery(values: tuple[float, ...], recovery: int) -> None:
    assert drawdown(daily(*values), 2)[1] == recovery


@pytest.mark.parametrize(
    ("values", "fall"),
    [
        ((100, 110, 120), "0"),  # never fell: no decimals to print
        ((100, 120, 90, 100), "0.25"),  # no more decimals than there are
        ((300, 200), "0.333"),
        ((100_000, 99_999.9), "0.000"),  # fell by less than the last decimal
        ((1000, 999.4, 1000), "0.001"),
    ],
)
def test_a_drawdown_is_rounded_as_a_ratio(values: tuple[float, ...], fall: str) -> None:
    assert str(drawdown(daily(*values), 3)[0]) == fall


def test_an_account_without_money_has_no_drawdown() -> None:
    assert floats(*drawdown(daily(0, 0, 0), 3)) == (0, 0)


def test_probabilistic_sharpe_ratio() -> None:
    good, bad = [0.01, 0.02, 0.01, 0, 0, 3], [0, 0, 0, -0.1, 0, 0.01, 0]
    assert probabilistic_sharpe(good, observed_sharpe(good)) == pytest.approx(0.5)
    assert probabilistic_sharpe(good, observed_sharpe(bad)) == pytest.approx(1, abs=0.001)
    assert probabilistic_sharpe(bad, observed_sharpe(good)) == pytest.approx(0, abs=0.001)
    assert probabilistic_sharpe([0, 0, 0], 0.0) == 0
    assert (
        probabilistic_sharpe(good, 1 / math.sqrt(252), 0.6)
        < 0.5
        < probabilistic_sharpe(good, 1 / math.sqrt(252))
    )
    assert observed_sharpe([0.02, 0.04], 0.03) == pytest.approx(0, abs=1e-12)


def test_tracking_error_of_a_constant_difference_is_zero() -> None:
    assert tracking_error([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], 252) == 0
    assert tracking_error([1.0, 2.0], [0.0], 252) == 0


def test_value_at_risk_of_a_normal_day() -> None:
    # mean 0, sample deviation 0.01 * sqrt(2); the normal quantiles are 2.3263 and 1.6449
    assert value_at_risk([0.01, -0.01], 252, 0.99) == Decimal("-0.033")
    assert value_at_risk([0.01, -0.01], 252, 0.95) == Decimal("-0.023")
    assert value_at_risk([9.0, 0.01, -0.01], 2, 0.99) == Decimal("-0.033")  # only the newest count


def test_a_copy_of_the_benchmark_has_beta_one_and_no_error() -> None:
    figures = portfolio_statistics(facts(BENCHMARK, BENCHMARK))
    assert figures.beta == 1
    assert figures.alpha == figures.tracking_error == figures.information_ratio == 0


def test_twice_the_benchmark_has_beta_two() -> None:
    figures = portfolio_statistics(facts([2 * value for value in BENCHMARK], BENCHMARK))
    assert float(figures.beta) == pytest.approx(2)
    assert figures.information_ratio > 0


def test_fewer_than_two_returns_leave_all_but_equity_and_turnover_at_zero() -> None:
    period = PeriodFacts(
        Decimal(100), daily(100, 120), [TransactionRecord(0, SPY, Decimal(20))],
        [Decimal("0.5"), Decimal("0.1")], (0.2,), (0.1,), no_rate,
    )  # fmt: skip
    figures = portfolio_statistics(period)
    assert floats(figures.start_equity, figures.end_equity, figures.portfolio_turnover) == (100, 120, 0.3)
    assert figures.total_net_profit == figures.win_rate == figures.average_win_rate == figures.drawdown == 0


def test_wins_and_losses_are_ratios_of_the_running_capital() -> None:
    profits = ("10", "-11", "9.9")  # of 100, 110 and 99
    records = [TransactionRecord(number, SPY, Decimal(profit)) for number, profit in enumerate(profits)]
    period = PeriodFacts(Decimal(100), daily(100, 110, 99, 108.9), records, (), RETURNS, BENCHMARK, no_rate)
    figures = portfolio_statistics(period)
    assert figures.average_win_rate == Decimal("0.1")
    assert figures.average_loss_rate == Decimal("-0.1")
    assert figures.win_rate == Decimal(2) / 3
    assert figures.profit_loss_ratio == 1
    assert figures.expectancy == Decimal(2) / 3 - Decimal(1) / 3
    assert figures.total_net_profit == Decimal("0.089")


def test_growth_is_compounded_over_years_of_365_days() -> None:
    assert float(compounding_annual_return(Decimal(100), Decimal(121), Decimal(2))) == pytest.approx(0.1)
    assert compounding_annual_return(Decimal(100), Decimal(121), Decimal(0)) == 0
    assert compounding_annual_return(Decimal(100), Decimal(-1), Decimal("0.3")) == 0
    assert compounding_annual_return(Decimal(1), Decimal(10**9), Decimal("0.001")) == 0  # infinite


def test_every_point_weighs_in_the_mean_rate() -> None:
    points = [Point(0, Decimal(1)), Point(1, Decimal(1)), Point(2 * NS_PER_DAY, Decimal(1))]
    asked: list[date] = []

    def rate_of(day: date) -> Decimal:
        asked.append(day)
        return Decimal("0.01") * day.day

    assert average_rate(points, rate_of) == Decimal("0.05") / 3  # 1, 1 and 3 percent
    assert asked == [date(1970, 1, 1), date(1970, 1, 3)]
    assert average_rate([], rate_of) == 0


def test_returns_without_a_yearly_figure_raise() -> None:
    with pytest.raises(ValueError, match="no yearly figure"):
        portfolio_statistics(facts((50.0, 60.0), (0.0, 0.0)))
