"""`self.statistics`: the figures of the run so far, as LEAN's objects look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from livetrader_engine.statistics import results as core
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.names import Twins, is_pascal, snake
from livetrader_lean.views import Face


class Figures(Face):
    """The figures of a period: decimals look like floats, names have both spellings."""

    __slots__ = ("_core",)

    def __init__(self, figures: Any) -> None:
        self._core = figures

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = snake(name) if is_pascal(name) else name
        if known in self._core.__struct_fields__:
            return _plain(getattr(self._core, known))
        return super().__getattr__(name)


class TradeStatistics(Figures):
    """Figures of the closed trades."""

    __slots__ = ()


class PortfolioStatistics(Figures):
    """Figures of the account's value."""

    __slots__ = ()


class AlgorithmPerformance(Face):
    """What happened in a period."""

    __slots__ = ("_core",)

    def __init__(self, performance: core.Performance) -> None:
        self._core = performance

    @property
    def trade_statistics(self) -> TradeStatistics:
        """Figures of the closed trades."""
        return TradeStatistics(self._core.trade_statistics)

    @property
    def portfolio_statistics(self) -> PortfolioStatistics:
        """Figures of the account's value."""
        return PortfolioStatistics(self._core.portfolio_statistics)

    @property
    def closed_trades(self) -> list[Figures]:
        """Trades that ended in the period."""
        return [Figures(trade) for trade in self._core.closed_trades]


class StatisticsResults(Face):
    """All figures of a run so far."""

    __slots__ = ("_core",)

    def __init__(self, results: core.StatisticsResults) -> None:
        self._core = results

    @property
    def summary(self) -> Dictionary[str, str]:
        """The figures by LEAN's names, as text; see PerformanceMetrics."""
        return Dictionary(self._core.summary)

    @property
    def total_performance(self) -> AlgorithmPerformance:
        """What happened in the whole run."""
        return AlgorithmPerformance(self._core.total)

    @property
    def rolling_performances(self) -> Dictionary[str, AlgorithmPerformance]:
        """What happened in windows of 1, 3, 6 and 12 months, by `M3_20131011`: months and last day."""
        return Dictionary({name: AlgorithmPerformance(held) for name, held in self._core.rolling.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, msgspec.Struct):
        return Figures(value)
    return value


class PerformanceMetrics(Twins):
    """Names of the figures in `statistics.summary`."""

    ALPHA = "Alpha"
    ANNUAL_STANDARD_DEVIATION = "Annual Standard Deviation"
    ANNUAL_VARIANCE = "Annual Variance"
    AVERAGE_LOSS = "Average Loss"
    AVERAGE_WIN = "Average Win"
    BETA = "Beta"
    COMPOUNDING_ANNUAL_RETURN = "Compounding Annual Return"
    DRAWDOWN = "Drawdown"
    DRAWDOWN_RECOVERY = "Drawdown Recovery"
    END_EQUITY = "End Equity"
    ESTIMATED_STRATEGY_CAPACITY = "Estimated Strategy Capacity"
    EXPECTANCY = "Expectancy"
    INFORMATION_RATIO = "Information Ratio"
    LOSS_RATE = "Loss Rate"
    LOWEST_CAPACITY_ASSET = "Lowest Capacity Asset"
    NET_PROFIT = "Net Profit"
    PORTFOLIO_TURNOVER = "Portfolio Turnover"
    PROBABILISTIC_SHARPE_RATIO = "Probabilistic Sharpe Ratio"
    PROFIT_LOSS_RATIO = "Profit-Loss Ratio"
    SHARPE_RATIO = "Sharpe Ratio"
    SORTINO_RATIO = "Sortino Ratio"
    START_EQUITY = "Start Equity"
    TOTAL_FEES = "Total Fees"
    TOTAL_ORDERS = "Total Orders"
    TRACKING_ERROR = "Tracking Error"
    TREYNOR_RATIO = "Treynor Ratio"
    WIN_RATE = "Win Rate"
