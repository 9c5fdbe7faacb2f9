"""What a run was worth: LEAN's summary statistics, computed from samples and closed trades. Pure.

Source: LEAN's Common/Statistics (StatisticsBuilder, PortfolioStatistics, Statistics). Not computed here:
strategy capacity, lowest capacity asset and the order hash.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Final

import msgspec

from livetrader_engine.money import ONE, ZERO, normalized
from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.portfolio.sampling import EquitySample
from livetrader_engine.symbols import NS_PER_DAY

TRADING_DAYS: Final = 252
_YEAR_DAYS: Final = 365
_CENTS: Final = Decimal("0.01")
_MINIMUM_RETURNS: Final = 2  # with fewer daily returns every ratio is zero, as in LEAN


class RunFacts(msgspec.Struct, frozen=True):
    """Everything the statistics need of a run.

    `benchmark` has the benchmark's value at each daily sample, or is empty: then what compares with it
    (alpha, beta, information ratio, tracking error, Treynor ratio) is zero. `risk_free_rate` is per year.
    """

    starting_equity: Decimal
    ending_equity: Decimal
    samples: Sequence[EquitySample]
    transactions: Sequence[TransactionRecord]
    total_orders: int
    total_fees: Decimal
    benchmark: Sequence[float] = ()
    risk_free_rate: float = 0.0
    trading_days: int = TRADING_DAYS
    currency_sign: str = "$"


class TradeResults(msgspec.Struct, frozen=True):
    """Wins and losses of the closed trades, as ratios of the capital at the time."""

    average_win: Decimal = ZERO
    average_loss: Decimal = ZERO
    win_rate: Decimal = ZERO
    loss_rate: Decimal = ZERO

    @property
    def profit_loss_ratio(self) -> Decimal:
        """Average win over average loss; zero without a loss."""
        return self.average_win / abs(self.average_loss) if self.average_loss else ZERO

    @property
    def expectancy(self) -> Decimal:
        """What one unit risked brings on average."""
        return self.win_rate * self.profit_loss_ratio - self.loss_rate


class ReturnRatios(msgspec.Struct, frozen=True):
    """Ratios of the daily returns; all zero where there are too few of them."""

    sharpe: float = 0.0
    sortino: float = 0.0
    probabilistic_sharpe: float = 0.0
    annual_deviation: float = 0.0
    annual_variance: float = 0.0
    alpha: float = 0.0
    beta: float = 0.0
    information: float = 0.0
    tracking_error: float = 0.0
    treynor: float = 0.0


def statistics(facts: RunFacts) -> dict[str, str]:
    """Return the summary by LEAN's names, formatted as LEAN prints it."""
    trades = trade_results(facts.starting_equity, facts.transactions)
    enough = len(daily_returns(facts.samples)) >= _MINIMUM_RETURNS
    ratios = return_ratios(facts) if enough else ReturnRatios()
    net, growth, fall, recovery, turnover = _overall(facts) if enough else (ZERO, ZERO, ZERO, 0, ZERO)
    return {
        "Total Orders": str(facts.total_orders),
        "Average Win": _percent(trades.average_win, 2),
        "Average Loss": _percent(trades.average_loss, 2),
        "Compounding Annual Return": _percent(growth, 3),
        "Drawdown": _percent(fall, 3),
        "Expectancy": _plain(trades.expectancy, 3),
        "Start Equity": _money(facts.starting_equity),
        "End Equity": _money(normalized(facts.ending_equity)),
        "Net Profit": _percent(net, 3),
        "Sharpe Ratio": _number(ratios.sharpe, 3),
        "Sortino Ratio": _number(ratios.sortino, 3),
        "Probabilistic Sharpe Ratio": _percent(Decimal(str(ratios.probabilistic_sharpe)), 3),
        "Loss Rate": _percent(trades.loss_rate, 0),
        "Win Rate": _percent(trades.win_rate, 0),
        "Profit-Loss Ratio": _plain(trades.profit_loss_ratio, 2),
        "Alpha": _number(ratios.alpha, 3),
        "Beta": _number(ratios.beta, 3),
        "Annual Standard Deviation": _number(ratios.annual_deviation, 3),
        "Annual Variance": _number(ratios.annual_variance, 3),
        "Information Ratio": _number(ratios.information, 3),
        "Tracking Error": _number(ratios.tracking_error, 3),
        "Treynor Ratio": _number(ratios.treynor, 3),
        "Total Fees": f"{facts.currency_sign}{facts.total_fees.quantize(_CENTS, rounding=ROUND_HALF_UP)}",
        "Portfolio Turnover": _percent(turnover, 2),
        "Drawdown Recovery": str(recovery),
    }


def _overall(facts: RunFacts) -> tuple[Decimal, Decimal, Decimal, int, Decimal]:
    """Return net profit, annual growth, drawdown (ratios), recovery in days and daily turnover."""
    net = facts.ending_equity / facts.starting_equity - 1 if facts.starting_equity else ZERO
    span_ns = facts.samples[-1].time_ns - facts.samples[0].time_ns
    years = span_ns / (_YEAR_DAYS * NS_PER_DAY)
    growth = (1.0 + float(net)) ** (1 / years) - 1 if years > 0 and net > -1 else 0.0
    fall, recovery = drawdown(facts.samples)
    return net, Decimal(str(growth)), Decimal(str(fall)), recovery, Decimal(str(turnover(facts.samples)))


def trade_results(starting_equity: Decimal, transactions: Sequence[TransactionRecord]) -> TradeResults:
    """Return averages and rates over the closed trades, in time order with the capital running along."""
    capital = starting_equity
    wins: list[Decimal] = []
    losses: list[Decimal] = []
    for record in sorted(transactions, key=_time_of):
        if capital:
            (wins if record.profit > 0 else losses).append(record.profit / capital)
        capital += record.profit
    total = len(wins) + len(losses)
    if not total:
        return TradeResults()
    return TradeResults(
        sum(wins, ZERO) / len(wins) if wins else ZERO,
        sum(losses, ZERO) / len(losses) if losses else ZERO,
        Decimal(len(wins)) / total,
        Decimal(len(losses)) / total,
    )


def drawdown(samples: Sequence[EquitySample]) -> tuple[float, int]:
    """Return the deepest fall from a peak, rounded to 3 decimals of the ratio, and the longest recovery.

    The recovery is in whole days, from the last time the peak stood to the first time it was reached again;
    a fall that was never made good does not count.
    """
    peak, peak_ns, deepest, longest_ns = -math.inf, 0, 0.0, 0
    below = False
    for sample in samples:
        if sample.equity >= peak:
            if below:
                longest_ns = max(longest_ns, sample.time_ns - peak_ns)
            peak, peak_ns, below = sample.equity, sample.time_ns, False
        else:
            below = True
            if peak > 0:
                deepest = max(deepest, (peak - sample.equity) / peak)
    return round(deepest, 3), longest_ns // NS_PER_DAY


def daily_returns(samples: Sequence[EquitySample]) -> list[float]:
    """Return the returns between daily samples. LEAN leaves out its first two: the first is always zero."""
    daily = [sample.equity for sample in samples if sample.daily]
    # sample 1 has no return (LEAN books 0), the return of sample 2 is dropped
    return [_return(previous, equity) for previous, equity in pairwise(daily[1:])]


def _return(previous: float, equity: float) -> float:
    return _significant(round((equity - previous) * 100 / previous, 10)) / 100 if previous else 0.0


def _significant(value: float) -> float:
    """Return `value` with 7 significant digits: LEAN's charts hold no more."""
    return float(f"{value:.7g}")


def turnover(samples: Sequence[EquitySample]) -> float:
    """Return the mean of value traded over equity per day; the first daily sample has none."""
    daily = [sample for sample in samples if sample.daily]
    ratios = [
        _significant((after.sale_volume - before.sale_volume) / after.equity) if after.equity else 0.0
        for before, after in pairwise(daily)
    ]
    return sum(ratios) / len(ratios) if ratios else 0.0


def return_ratios(facts: RunFacts) -> ReturnRatios:
    """Return the ratios of the daily returns, compared with the benchmark where there is one."""
    returns, days, risk_free = daily_returns(facts.samples), facts.trading_days, facts.risk_free_rate
    variance = _variance(returns) * days
    deviation = math.sqrt(variance)
    excess = _annual(returns, days) - risk_free
    falls = [value for value in returns if value < 0]
    downside = math.sqrt(_variance(falls) * days) if len(falls) > 1 else 0.0
    alone = ReturnRatios(
        sharpe=excess / deviation if deviation else 0.0,
        sortino=excess / downside if downside else 0.0,
        probabilistic_sharpe=_probabilistic_sharpe(returns, risk_free, days),
        annual_deviation=deviation,
        annual_variance=variance,
    )
    if len(facts.benchmark) < len(returns) + 2:
        return alone
    levels = facts.benchmark
    moves = [(after - before) / before for before, after in pairwise(levels[1:]) if before]
    if len(moves) != len(returns):
        return alone
    return _compared(alone, facts, returns, moves)


def _compared(alone: ReturnRatios, facts: RunFacts, returns: list[float], moves: list[float]) -> ReturnRatios:
    days, risk_free = facts.trading_days, facts.risk_free_rate
    spread = _variance(moves)
    beta = _covariance(returns, moves) / spread if spread else 0.0
    mine, theirs = _annual(returns, days), _annual(moves, days)
    error = math.sqrt(_variance([a - b for a, b in zip(returns, moves, strict=True)]) * days)
    return msgspec.structs.replace(
        alone,
        beta=beta,
        alpha=mine - (risk_free + beta * (theirs - risk_free)) if beta else 0.0,
        tracking_error=error,
        information=(mine - theirs) / error if error else 0.0,
        treynor=(mine - risk_free) / beta if beta else 0.0,
    )


def _annual(returns: Sequence[float], days: int) -> float:
    return float((_mean(returns) + 1.0) ** days) - 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    return _covariance(values, values)


def _covariance(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the sample covariance (n - 1)."""
    centre, other = _mean(left), _mean(right)
    return sum((a - centre) * (b - other) for a, b in zip(left, right, strict=True)) / (len(left) - 1)


def _probabilistic_sharpe(returns: Sequence[float], risk_free: float, days: int) -> float:
    """Return the probability that the true Sharpe ratio is above one a year."""
    deviation = math.sqrt(_variance(returns))
    if not deviation:
        return 0.0
    observed = (_mean(returns) - risk_free / days) / deviation
    skewness, kurtosis = _skewness(returns), _excess_kurtosis(returns)
    inside = (1 - skewness * observed + (kurtosis - 1) / 4 * observed**2) / (len(returns) - 1)
    if inside <= 0:
        return 0.0
    return 0.5 * (1 + math.erf((observed - 1 / math.sqrt(days)) / math.sqrt(inside) / math.sqrt(2)))


def _skewness(values: Sequence[float]) -> float:
    """Return the unbiased sample skewness; zero below 3 values."""
    n = len(values)
    if n < 3:
        return 0.0
    m2, m3 = _moment(values, 2), _moment(values, 3)
    return math.sqrt(n * (n - 1)) / (n - 2) * m3 / m2**1.5 if m2 else 0.0


def _excess_kurtosis(values: Sequence[float]) -> float:
    """Return the unbiased sample excess kurtosis; zero below 4 values."""
    n = len(values)
    if n < 4:
        return 0.0
    m2, m4 = _moment(values, 2), _moment(values, 4)
    if not m2:
        return 0.0
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)


def _moment(values: Sequence[float], order: int) -> float:
    centre = _mean(values)
    return sum((value - centre) ** order for value in values) / len(values)


def _time_of(record: TransactionRecord) -> int:
    return record.time_ns


def _percent(ratio: Decimal, decimals: int) -> str:
    """Format a ratio as LEAN prints decimals: trailing zeros stay, zero is 0%."""
    return f"{_plain(ratio * 100, decimals)}%"


def _plain(value: Decimal, decimals: int) -> str:
    rounded = value.quantize(ONE.scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return str(rounded) if rounded else "0"


def _money(value: Decimal) -> str:
    exponent = value.as_tuple().exponent
    return str(value.quantize(_CENTS)) if isinstance(exponent, int) and exponent < -2 else str(value)


def _number(value: float, decimals: int) -> str:
    """Format a ratio as LEAN prints doubles: no trailing zeros."""
    text = f"{round(value, decimals):.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
