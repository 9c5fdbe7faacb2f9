"""The statistics as algorithms and results ask for them: of the run so far, at any time.

Sources: LEAN's IStatisticsService and BaseResultsHandler.cs (GenerateStatisticsResults,
GetAlgorithmRuntimeStatistics).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import Fill, OrderId, TradeFee
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import Security
from livetrader_engine.statistics.numbers import fixed_text
from livetrader_engine.statistics.portfolio_statistics import TRADING_DAYS
from livetrader_engine.statistics.results import (
    CURRENCY_SIGNS,
    Performance,
    RunFacts,
    StatisticsResults,
    statistics,
)
from livetrader_engine.statistics.sampler import Sampler
from livetrader_engine.statistics.trades import TradeBuilder
from livetrader_engine.symbols import Symbol
from livetrader_engine.transactions import Transactions

MAX_CUSTOM_STATISTICS: Final = 1_000  # names that an algorithm may set


class Statistics:
    """Computes statistics of the run so far when asked. Owned by the engine.

    Fills go through it to the trades and the capacity; beyond that it changes nothing.

    `trading_days` is the number of trading days a year: 252, or 365 with brokerages of markets that never
    close. `risk_free_rate` gives the yearly rate of a date. Both may be replaced by the algorithm.
    """

    def __init__(
        self,
        sampler: Sampler,
        trades: TradeBuilder,
        portfolio: Portfolio,
        orders: Transactions,
        risk_free_rate: Callable[[date], Decimal],
    ) -> None:
        self._sampler = sampler
        self._trades = trades
        self._portfolio = portfolio
        self._orders = orders
        self._custom: dict[str, str] = {}
        self.risk_free_rate = risk_free_rate
        self.trading_days = TRADING_DAYS

    def set_summary(self, name: str, value: str) -> None:
        """Add a statistic of the algorithm's own to the summary. Raises AlgorithmError for too many."""
        if name not in self._custom and len(self._custom) >= MAX_CUSTOM_STATISTICS:
            raise AlgorithmError(f"an algorithm may set {MAX_CUSTOM_STATISTICS} summary statistics, not more")
        self._custom[name] = value

    def take_fill(self, security: Security, order: OrderId, fill: Fill) -> None:
        """Let trades and capacity know of a fill that the portfolio has booked."""
        cash, currency = self._portfolio.cash, security.properties.quote_currency
        rate = cash.rate(currency)
        fee_rate = rate if fill.fee_currency == currency else cash.rate(fill.fee_currency)
        self._trades.fill(security, order, fill, fill.fee * fee_rate, rate)
        self._sampler.traded(security, fill)

    def take_correction(self, security: Security, order: OrderId, old: Fill, new: Fill) -> None:
        """Let the trades know that a fill turned out to be another one. The capacity stays an estimate."""
        rate = self._portfolio.cash.rate(security.properties.quote_currency)
        self._trades.correct(security, order, old, new, rate)

    def take_fee(self, symbol: Symbol, order: OrderId, fee: TradeFee) -> None:
        """Let the trades know what a fill has cost, told after it."""
        self._trades.charge(symbol, order, fee.amount * self._portfolio.cash.rate(fee.currency))

    def facts(self) -> RunFacts:
        """Return what the statistics are computed from."""
        sampler, portfolio = self._sampler, self._portfolio
        return RunFacts(
            starting_equity=sampler.starting_equity,
            equity=sampler.equity,
            returns=sampler.returns,
            benchmark=sampler.benchmark,
            turnover=sampler.turnover,
            transactions=portfolio.transactions,
            trades=self._trades.closed,
            total_orders=self._orders.submitted,
            total_fees=portfolio.total_fees,
            risk_free_rate=self.risk_free_rate,
            capacity=sampler.capacity.value,
            lowest_capacity=sampler.capacity.lowest,
            trading_days=self.trading_days,
            currency=portfolio.cash.account_currency,
        )

    def results(self) -> StatisticsResults:
        """Return all statistics. Raises ValueError where returns are too large for a yearly figure."""
        return statistics(self.facts(), self._custom)

    def total(self) -> Performance:
        """Return the figures of the whole run, without rolling windows and summary."""
        return statistics(self.facts(), rolling=False).total

    def summary(self) -> dict[str, str]:
        """Return the summary alone, without rolling windows; empty before the first sample."""
        return statistics(self.facts(), self._custom, rolling=False).summary

    def runtime(self) -> dict[str, str]:
        """Return what LEAN shows while a run goes on, by name in alphabetical order."""
        portfolio, start = self._portfolio, self._sampler.starting_equity
        sign = CURRENCY_SIGNS.get(portfolio.cash.account_currency, portfolio.cash.account_currency)
        equity = portfolio.total_value
        gain = (equity - start) / start if start > 0 else Decimal(0)
        probability = self.summary().get("Probabilistic Sharpe Ratio", "0%")
        return {
            "Equity": sign + _money(equity),
            "Fees": f"-{sign}{_money(portfolio.total_fees)}",
            "Holdings": sign + _money(portfolio.total_holdings_value),
            "Net Profit": sign + _money(portfolio.total_profit - portfolio.total_fees),
            "Probabilistic Sharpe Ratio": probability,
            "Return": f"{_money(gain * 100)} %",
            "Unrealized": sign + _money(portfolio.unrealized_profit),
            "Volume": sign + _money(portfolio.total_sale_volume),
        }


def _money(value: Decimal) -> str:
    return fixed_text(value, 2, grouped=True)
