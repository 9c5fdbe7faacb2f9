"""The statistics of a run: in total, over rolling windows, and as the summary that LEAN prints. Pure.

Sources: LEAN's Common/Statistics/StatisticsBuilder.cs and Common/Currencies.cs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Candle, Point
from livetrader_engine.statistics.numbers import (
    decimal_text,
    fixed_text,
    float_text,
    percent,
    significant,
)
from livetrader_engine.statistics.portfolio_statistics import (
    TRADING_DAYS,
    PeriodFacts,
    PortfolioStatistics,
    RateOf,
    portfolio_statistics,
)
from livetrader_engine.statistics.trade_statistics import TradeStatistics, trade_statistics
from livetrader_engine.statistics.trades import Trade
from livetrader_engine.symbols import NS_PER_DAY, Symbol

ROLLING_MONTHS: Final = (1, 3, 6, 12)
CAPACITY_DIGITS: Final = 2
SKIPPED_RETURNS: Final = 2  # the one of the start, always zero, and that of the first day
_EPOCH: Final = date(1970, 1, 1)
_ONE_DAY: Final = timedelta(days=1)

CURRENCY_SIGNS: Final[dict[str, str]] = {
    "USD": "$", "GBP": "₤", "JPY": "¥", "KRW": "₩", "EUR": "€", "NZD": "$", "AUD": "$", "CAD": "$",
    "CHF": "Fr", "HKD": "$", "SGD": "$", "XAG": "Ag", "XAU": "Au", "CNH": "¥", "CNY": "¥", "CZK": "Kč",
    "DKK": "kr", "HUF": "Ft", "INR": "₹", "MXN": "$", "NOK": "kr", "PLN": "zł", "SAR": "﷼", "SEK": "kr",
    "THB": "฿", "TRY": "₺", "TWD": "NT$", "ZAR": "R", "RUB": "₽", "BRL": "R$", "GNF": "Fr", "IDR": "Rp",
    "BTC": "₿", "BCH": "Ƀ", "BSV": "Ɓ", "LTC": "Ł", "ETH": "Ξ", "EOS": "ε", "XRP": "✕", "XLM": "*",
    "ETC": "ξ", "USDT": "₮", "ADA": "₳", "SOL": "◎", "DOT": "●", "DOGE": "Ð", "DAI": "◈", "ALGO": "Ⱥ",
    "ICP": "∞", "XMR": "ɱ", "XTZ": "ꜩ", "IOTA": "ɨ", "MIOTA": "ɨ", "MKR": "Μ", "ZEC": "ⓩ", "DASH": "Đ",
    "XNO": "Ӿ", "REP": "Ɍ", "STEEM": "ȿ", "THETA": "ϑ", "FIL": "⨎", "BAT": "⟁", "LSK": "Ⱡ", "NAV": "Ꞥ",
}  # fmt: skip


class RunFacts(msgspec.Struct, frozen=True):
    """Everything the statistics need of a run; the series are those of the sampler."""

    starting_equity: Decimal
    equity: Sequence[Point | Candle]
    returns: Sequence[Point | Candle]  # percent
    benchmark: Sequence[Point | Candle]
    turnover: Sequence[Point | Candle]
    transactions: Sequence[TransactionRecord]
    trades: Sequence[Trade]
    total_orders: int
    total_fees: Decimal
    risk_free_rate: RateOf
    capacity: Decimal = ZERO
    lowest_capacity: Symbol | None = None
    trading_days: int = TRADING_DAYS
    currency: str = "USD"


class Performance(msgspec.Struct, frozen=True):
    """What happened in a period."""

    trade_statistics: TradeStatistics = TradeStatistics()
    portfolio_statistics: PortfolioStatistics = PortfolioStatistics()
    closed_trades: tuple[Trade, ...] = ()


class StatisticsResults(msgspec.Struct, frozen=True):
    """All statistics of a run. `rolling` has keys like `M3_20131011`: months and the window's last day."""

    total: Performance
    rolling: dict[str, Performance]
    summary: dict[str, str]


def statistics(
    facts: RunFacts, custom: Mapping[str, str] | None = None, *, rolling: bool = True
) -> StatisticsResults:
    """Return the statistics of a run. Before the first sample there is nothing but the closed trades.

    `custom` are the algorithm's own summary statistics; one whose name is taken is left out. Without
    `rolling` the rolling windows are not computed. Raises ValueError where the returns are so large that
    their yearly figure is no number.
    """
    total = Performance(closed_trades=tuple(facts.trades))
    by_window: dict[str, Performance] = {}
    summary: dict[str, str] = {}
    if facts.equity and facts.returns and facts.benchmark:
        first, last = _day(facts.equity[0].time_ns), _day(facts.equity[-1].time_ns)
        total = performance(facts, first, last)
        for months in ROLLING_MONTHS if rolling else ():
            for start, end in windows(months, first, last):
                by_window[f"M{months}_{end:%Y%m%d}"] = performance(facts, start, end)
        summary = summary_of(facts, total.portfolio_statistics)
    for name, value in (custom or {}).items():
        summary.setdefault(name, value)
    return StatisticsResults(total, by_window, summary)


def performance(facts: RunFacts, first: date, last: date) -> Performance:
    """Return what happened from one (UTC) date to another, both included."""
    from_ns, until_ns = _ns(first), _ns(last + _ONE_DAY)
    equity = _within(facts.equity, from_ns, until_ns)
    if not equity:
        return Performance()
    trades = tuple(item for item in facts.trades if from_ns <= item.exit_ns < until_ns)
    transactions = sorted(
        (item for item in facts.transactions if from_ns <= item.time_ns < until_ns), key=_time_of
    )
    whole = len(equity) == len(facts.equity)
    period = PeriodFacts(
        starting_capital=facts.starting_equity if whole else equity[0].value,
        equity=equity,
        transactions=transactions,
        turnover=[point.value for point in _within(facts.turnover, from_ns, until_ns)],
        returns=daily_returns(_within(facts.returns, from_ns, until_ns)),
        benchmark=benchmark_returns(_within(facts.benchmark, from_ns, until_ns)),
        risk_free_rate=facts.risk_free_rate,
        trading_days=facts.trading_days,
    )
    return Performance(trade_statistics(trades), portfolio_statistics(period), trades)


def daily_returns(points: Sequence[Point | Candle]) -> list[float]:
    """Return the returns as ratios, without the first two: orders on the first open misalign them."""
    return [float(point.value / 100) for point in points[SKIPPED_RETURNS:]]


def benchmark_returns(points: Sequence[Point | Candle]) -> list[float]:
    """Return the changes between samples as ratios, without the first; zero after a value of zero."""
    result = []
    for before, after in pairwise(points[1:]):
        change = (after.value - before.value) / before.value if before.value else ZERO
        result.append(float(change))
    return result


def windows(months: int, first: date, last: date) -> list[tuple[date, date]]:
    """Return the windows of so many months that end with each month, oldest first; the ends are clipped."""
    ends = [last]
    while (end := ends[-1].replace(day=1) - _ONE_DAY) >= first:
        ends.append(end)
    result = [(first, ends.pop())]
    while ends:
        start = _months_later(result[-1][1] + _ONE_DAY, 1 - months)
        result.append((max(start, first), ends.pop()))
    return result


def summary_of(facts: RunFacts, figures: PortfolioStatistics) -> dict[str, str]:
    """Return the summary by LEAN's names: decimals keep trailing zeros, ratios that LEAN rounds do not."""
    sign = CURRENCY_SIGNS.get(facts.currency, facts.currency)
    lowest = facts.lowest_capacity
    return {
        "Total Orders": str(facts.total_orders),
        "Average Win": _percent(figures.average_win_rate, 2),
        "Average Loss": _percent(figures.average_loss_rate, 2),
        "Compounding Annual Return": _percent(figures.compounding_annual_return, 3),
        "Drawdown": _percent(figures.drawdown, 3),
        "Expectancy": decimal_text(figures.expectancy, 3),
        "Start Equity": decimal_text(figures.start_equity, 2),
        "End Equity": decimal_text(figures.end_equity, 2),
        "Net Profit": _percent(figures.total_net_profit, 3),
        "Sharpe Ratio": _ratio(figures.sharpe_ratio),
        "Sortino Ratio": _ratio(figures.sortino_ratio),
        "Probabilistic Sharpe Ratio": _percent(figures.probabilistic_sharpe_ratio, 3),
        "Loss Rate": _percent(figures.loss_rate, 0),
        "Win Rate": _percent(figures.win_rate, 0),
        "Profit-Loss Ratio": decimal_text(figures.profit_loss_ratio, 2),
        "Alpha": _ratio(figures.alpha),
        "Beta": _ratio(figures.beta),
        "Annual Standard Deviation": _ratio(figures.annual_standard_deviation),
        "Annual Variance": _ratio(figures.annual_variance),
        "Information Ratio": _ratio(figures.information_ratio),
        "Tracking Error": _ratio(figures.tracking_error),
        "Treynor Ratio": _ratio(figures.treynor_ratio),
        "Total Fees": sign + fixed_text(facts.total_fees, 2),
        "Estimated Strategy Capacity": sign + format(significant(facts.capacity, CAPACITY_DIGITS), "f"),
        "Lowest Capacity Asset": "" if lowest is None else lowest.id,
        "Portfolio Turnover": _percent(figures.portfolio_turnover, 2),
        "Drawdown Recovery": str(figures.drawdown_recovery),
    }


def _percent(ratio: Decimal, places: int) -> str:
    return f"{decimal_text(percent(ratio), places)}%"


def _ratio(value: Decimal) -> str:
    return float_text(float(value), 3)


def _within(points: Sequence[Point | Candle], from_ns: int, until_ns: int) -> list[Point | Candle]:
    return [point for point in points if from_ns <= point.time_ns < until_ns]


def _day(time_ns: int) -> date:
    return _EPOCH + timedelta(days=time_ns // NS_PER_DAY)


def _ns(day: date) -> int:
    return (day - _EPOCH).days * NS_PER_DAY


def _months_later(first_of_month: date, months: int) -> date:
    number = first_of_month.year * 12 + first_of_month.month - 1 + months
    return date(number // 12, number % 12 + 1, first_of_month.day)


def _time_of(record: TransactionRecord) -> int:
    return record.time_ns
