"""Figures over the samples of an account. Pure.

Sources: LEAN's Common/Statistics/PortfolioStatistics.cs and Statistics.cs. Where LEAN casts to decimal and
back, so does this: the casts keep 15 digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal, DivisionByZero, InvalidOperation
from statistics import NormalDist
from typing import Final

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Candle, Point
from livetrader_engine.statistics.numbers import (
    absent,
    average,
    cast,
    covariance,
    mean,
    normal_share_below,
    rounded,
    shape,
    variance,
)
from livetrader_engine.symbols import NS_PER_DAY

TRADING_DAYS: Final = 252
YEAR_DAYS: Final = 365
MINIMUM_SAMPLES: Final = 2  # with fewer daily returns every ratio stays zero
DRAWDOWN_DECIMALS: Final = 3  # of the ratio, not of the percentage
RISK_DECIMALS: Final = 3
_EPOCH: Final = date(1970, 1, 1)

RateOf = Callable[[date], Decimal]


class PortfolioStatistics(msgspec.Struct, frozen=True):
    """What an account did. Rates and returns are ratios (0.01 is one percent); recovery is in days."""

    average_win_rate: Decimal = ZERO
    average_loss_rate: Decimal = ZERO
    profit_loss_ratio: Decimal = ZERO
    win_rate: Decimal = ZERO
    loss_rate: Decimal = ZERO
    expectancy: Decimal = ZERO
    start_equity: Decimal = ZERO
    end_equity: Decimal = ZERO
    compounding_annual_return: Decimal = ZERO
    drawdown: Decimal = ZERO
    total_net_profit: Decimal = ZERO
    sharpe_ratio: Decimal = ZERO
    probabilistic_sharpe_ratio: Decimal = ZERO
    sortino_ratio: Decimal = ZERO
    alpha: Decimal = ZERO
    beta: Decimal = ZERO
    annual_standard_deviation: Decimal = ZERO
    annual_variance: Decimal = ZERO
    information_ratio: Decimal = ZERO
    tracking_error: Decimal = ZERO
    treynor_ratio: Decimal = ZERO
    portfolio_turnover: Decimal = ZERO
    value_at_risk_99: Decimal = ZERO
    value_at_risk_95: Decimal = ZERO
    drawdown_recovery: int = 0


class PeriodFacts(msgspec.Struct, frozen=True):
    """What happened in a period.

    `transactions` ascend in time; `returns` and `benchmark` are daily returns (0.01 is one percent), of
    equal length; `risk_free_rate` gives the yearly rate of a date.
    """

    starting_capital: Decimal
    equity: Sequence[Point | Candle]
    transactions: Sequence[TransactionRecord]
    turnover: Sequence[Decimal]
    returns: Sequence[float]
    benchmark: Sequence[float]
    risk_free_rate: RateOf
    trading_days: int = TRADING_DAYS


def portfolio_statistics(facts: PeriodFacts) -> PortfolioStatistics:
    """Return the figures of a period.

    Raises ValueError where the returns are so large that their yearly figure is no number.
    """
    start = facts.starting_capital
    end = facts.equity[-1].value if facts.equity else ZERO
    figures = PortfolioStatistics(
        start_equity=start,
        end_equity=end,
        portfolio_turnover=average(facts.turnover) if facts.turnover else ZERO,
    )
    too_few = min(len(facts.returns), len(facts.benchmark)) < MINIMUM_SAMPLES
    if not start or too_few:
        return figures
    fall, recovery = drawdown(facts.equity, DRAWDOWN_DECIMALS)
    span_ns = facts.equity[-1].time_ns - facts.equity[0].time_ns if facts.equity else 0
    years = cast(span_ns / NS_PER_DAY) / YEAR_DAYS
    return msgspec.structs.replace(
        figures,
        total_net_profit=end / start - 1,
        compounding_annual_return=compounding_annual_return(start, end, years),
        drawdown=fall,
        drawdown_recovery=recovery,
        value_at_risk_99=value_at_risk(facts.returns, facts.trading_days, 0.99),
        value_at_risk_95=value_at_risk(facts.returns, facts.trading_days, 0.95),
        **_win_figures(start, facts.transactions),
        **_return_figures(facts),
    )


def _win_figures(start: Decimal, transactions: Sequence[TransactionRecord]) -> dict[str, Decimal]:
    """Return averages and rates over closing fills, with the capital running along."""
    capital = start
    won = lost = ZERO
    wins = losses = 0
    for record in transactions:
        if record.profit > 0:
            won += record.profit / capital
            wins += 1
        else:
            lost += record.profit / capital
            losses += 1
        capital += record.profit
    total = wins + losses
    average_win = won / wins if wins else ZERO
    average_loss = lost / losses if losses else ZERO
    ratio = average_win / abs(average_loss) if average_loss else ZERO
    win_rate = Decimal(wins) / total if total else ZERO
    loss_rate = Decimal(losses) / total if total else ZERO
    return {
        "average_win_rate": average_win,
        "average_loss_rate": average_loss,
        "profit_loss_ratio": ratio,
        "win_rate": win_rate,
        "loss_rate": loss_rate,
        "expectancy": win_rate * ratio - loss_rate,
    }


def _return_figures(facts: PeriodFacts) -> dict[str, Decimal]:
    """Return the ratios of the daily returns, alone and compared with the benchmark's."""
    returns, benchmark, days = facts.returns, facts.benchmark, facts.trading_days
    spread = cast(annual_variance(returns, days))
    deviation = cast(math.sqrt(float(spread)))
    downside = cast(math.sqrt(annual_variance([value for value in returns if value < 0], days)))
    mine = cast(annual_performance(returns, days))
    theirs = cast(annual_performance(benchmark, days))
    risk_free = average_rate(facts.equity, facts.risk_free_rate)
    benchmark_variance = variance(benchmark)
    beta = ZERO
    if not absent(benchmark_variance):
        beta = cast(covariance(returns, benchmark) / benchmark_variance)
    error = cast(tracking_error(returns, benchmark, days))
    ahead = cast(float(mine) - float(theirs))
    excess = cast(float(mine) - float(risk_free))
    return {
        "annual_variance": spread,
        "annual_standard_deviation": deviation,
        "sharpe_ratio": _sharpe(mine, deviation, risk_free),
        "sortino_ratio": _sharpe(mine, downside, risk_free),
        "beta": beta,
        "alpha": mine - (risk_free + beta * (theirs - risk_free)) if beta else ZERO,
        "tracking_error": error,
        "information_ratio": ahead / error if error else ZERO,
        "treynor_ratio": excess / beta if beta else ZERO,
        "probabilistic_sharpe_ratio": cast(
            probabilistic_sharpe(returns, 1.0 / math.sqrt(days), float(risk_free) / days)
        ),
    }


def compounding_annual_return(start: Decimal, end: Decimal, years: Decimal) -> Decimal:
    """Return the yearly growth; zero where that is no number, the largest decimal at most."""
    if not years or not start:
        return ZERO
    base, power = float(end) / float(start), 1 / float(years)
    if base < 0:
        return ZERO  # a root of a negative number: NaN in LEAN
    try:
        growth = math.pow(base, power) - 1
    except (OverflowError, ValueError):
        return ZERO
    return cast(growth)


def annual_performance(returns: Sequence[float], days: int) -> float:
    """Return the mean return, compounded over a year. Raises ValueError where that is too large a number."""
    try:
        return math.pow(mean(returns) + 1, days) - 1
    except OverflowError as error:
        raise ValueError(f"a mean return of {mean(returns)} a day has no yearly figure") from error


def annual_variance(returns: Sequence[float], days: int) -> float:
    """Return the sample variance of a year; zero below 2 returns."""
    daily = variance(returns)
    return 0.0 if absent(daily) else daily * days


def tracking_error(returns: Sequence[float], benchmark: Sequence[float], days: int) -> float:
    """Return the yearly deviation of the differences; zero where the lengths are not equal."""
    if len(returns) != len(benchmark):
        return 0.0
    differences = [mine - theirs for mine, theirs in zip(returns, benchmark, strict=True)]
    return math.sqrt(annual_variance(differences, days))


def observed_sharpe(returns: Sequence[float], risk_free: float = 0.0) -> float:
    """Return the Sharpe ratio of one day; zero without deviation. `risk_free` is per day."""
    deviation = math.sqrt(variance(returns))
    return 0.0 if absent(deviation) else (mean(returns) - risk_free) / deviation


def probabilistic_sharpe(returns: Sequence[float], benchmark: float, risk_free: float = 0.0) -> float:
    """Return the probability that the true daily Sharpe ratio is above `benchmark`."""
    observed = observed_sharpe(returns, risk_free)
    skewness, kurtosis = shape(returns)
    inside = (1 - skewness * observed + (kurtosis - 1) / 4 * observed**2) / (len(returns) - 1)
    if math.isnan(inside) or inside < 0:
        return 0.0
    error = math.sqrt(inside)
    return normal_share_below((observed - benchmark) / error if error else 0.0)


def drawdown(equity: Sequence[Point | Candle], decimals: int) -> tuple[Decimal, int]:
    """Return the deepest fall from a peak as a rounded ratio, and the longest recovery in whole days.

    A recovery lasts from the last time the peak stood to the first time it was reached again; a fall that was
    never made good does not count.
    """
    if len(equity) < 2:
        return ZERO, 0
    peak, peak_ns, since_ns = equity[0].value, equity[0].time_ns, None
    deepest, longest_ns = ZERO, 0
    try:
        for point in equity:
            if point.value >= peak:
                if since_ns is not None:
                    longest_ns = max(longest_ns, point.time_ns - since_ns)
                    since_ns = None
                peak, peak_ns = point.value, point.time_ns
            fall = point.value / peak - 1
            if fall < 0:
                deepest = min(deepest, fall)
                if since_ns is None:
                    since_ns = peak_ns
    except (DivisionByZero, InvalidOperation):  # an account without money has no drawdown
        return ZERO, 0
    return rounded(abs(deepest), decimals), longest_ns // NS_PER_DAY


def value_at_risk(returns: Sequence[float], lookback: int, confidence: float) -> Decimal:
    """Return the daily return that is undercut with probability 1 - `confidence`, were returns normal."""
    recent = returns[-lookback:]
    deviation = math.sqrt(variance(recent))
    return rounded(cast(mean(recent) + deviation * NormalDist().inv_cdf(1 - confidence)), RISK_DECIMALS)


def average_rate(equity: Sequence[Point | Candle], rate_of: RateOf) -> Decimal:
    """Return the mean yearly rate over the (UTC) dates of all points: a date counts once per point."""
    if not equity:
        return ZERO
    total, day, rate = ZERO, -1, ZERO
    for point in equity:
        number = point.time_ns // NS_PER_DAY
        if number != day:
            day, rate = number, rate_of(_EPOCH + timedelta(days=number))
        total += rate
    return total / len(equity)


def _sharpe(performance: Decimal, deviation: Decimal, risk_free: Decimal) -> Decimal:
    if not deviation:
        return ZERO
    return cast((float(performance) - float(risk_free)) / float(deviation))
