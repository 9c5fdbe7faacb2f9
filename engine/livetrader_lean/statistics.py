"""`self.statistics`: the figures of the run so far, as LEAN's objects look."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from livetrader_engine.statistics import results as core
from livetrader_engine.statistics import trades as core_trades
from livetrader_engine.symbols import SecurityType as CoreSecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.enums import TradeDirection
from livetrader_lean.names import Twins, is_pascal, snake
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
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
    def closed_trades(self) -> list[Trade]:
        """Trades that ended in the period."""
        return [Trade(trade) for trade in self._core.closed_trades]


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


class Trade(Face):
    """A closed position."""

    __slots__ = ("_core",)

    def __init__(self, trade: core_trades.Trade) -> None:
        self._core = trade

    @property
    def id(self) -> str:
        """Name of the trade: its number. (LEAN's is random.)"""
        return str(self._core.number)

    @property
    def symbol(self) -> Symbol:
        """What was traded."""
        return Symbol(self._core.symbol)

    @property
    def symbols(self) -> list[Symbol]:
        """What was traded: one symbol."""
        return [self.symbol]

    @property
    def entry_time(self) -> datetime:
        """When it was opened (UTC)."""
        return utc(self._core.entry_ns)

    @property
    def exit_time(self) -> datetime:
        """When it was closed (UTC)."""
        return utc(self._core.exit_ns)

    @property
    def duration(self) -> timedelta:
        """How long it was open."""
        return self.exit_time - self.entry_time

    @property
    def entry_price(self) -> float:
        """Price of its opening."""
        return float(self._core.entry_price)

    @property
    def exit_price(self) -> float:
        """Price of its closing."""
        return float(self._core.exit_price)

    @property
    def quantity(self) -> float:
        """How much was traded, without a sign."""
        return float(self._core.quantity)

    @property
    def direction(self) -> int:
        """LONG or SHORT, a TradeDirection."""
        return TradeDirection(int(self._core.direction))

    @property
    def profit_loss(self) -> float:
        """Profit before fees, in account currency."""
        return float(self._core.profit)

    @property
    def total_fees(self) -> float:
        """Fees of its fills."""
        return float(self._core.fees)

    @property
    def mae(self) -> float:
        """The worst result while it was open."""
        return float(self._core.adverse)

    @property
    def mfe(self) -> float:
        """The best result while it was open."""
        return float(self._core.favorable)

    @property
    def end_trade_drawdown(self) -> float:
        """Deepest fall from the best result."""
        return float(self._core.drawdown)

    @property
    def is_win(self) -> bool:
        """Whether it made money, fees left aside."""
        return self._core.won

    @property
    def order_ids(self) -> list[int]:
        """Numbers of its orders."""
        return list(self._core.orders)


class TradeBuilder(Face):
    """Trades put together of fills."""

    __slots__ = ("_core",)

    def __init__(self, grouping_method: int = 0, matching_method: int = 0) -> None:
        """Make one for `set_trade_builder`: a FillGroupingMethod and a FillMatchingMethod."""
        self._core = core_trades.TradeBuilder(
            core_trades.FillGrouping(int(grouping_method)), core_trades.FillMatching(int(matching_method))
        )

    @classmethod
    def of(cls, trades: core_trades.TradeBuilder) -> TradeBuilder:
        """Return the face of the engine's."""
        made = cls.__new__(cls)
        made._core = trades
        return made

    def install(self, trades: core_trades.TradeBuilder) -> None:
        """Have the engine's builder put trades together as this one does, and show its trades from now on."""
        trades.rule(self._core.grouping, self._core.matching)
        self._core = trades

    def has_open_position(self, symbol: Any) -> bool:
        """Return whether a symbol, or ticker, has an entry without exit."""
        if isinstance(symbol, str) and Symbol.resolver is not None:
            return self._core.has_open(Symbol.resolver(symbol, CoreSecurityType.EQUITY, "usa"))
        return self._core.has_open(symbol.core)

    @property
    def closed_trades(self) -> list[Trade]:
        """Trades that have ended, in order."""
        return [Trade(trade) for trade in self._core.closed]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, CoreSymbol):
        return Symbol(value)
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
