"""LEAN's statistics of a live run, over all its deployments. Pure; tenths of a second for years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from livetrader.results.live import EquityPoint, StatisticsView
from livetrader.results.live_figures import Day, FiguresState, run_facts
from livetrader.results.live_json import HoldingFacts
from livetrader.results.performance import portfolio_statistics_json, trade_statistics_json
from livetrader_engine.errors import DataError
from livetrader_engine.money import ZERO, from_float
from livetrader_engine.statistics.charts import Candle
from livetrader_engine.statistics.numbers import fixed_text
from livetrader_engine.statistics.portfolio_statistics import RateOf
from livetrader_engine.statistics.results import (
    CURRENCY_SIGNS,
    Performance,
    StatisticsResults,
    statistics,
)


class Computed(msgspec.Struct, frozen=True):
    """What was computed last."""

    view: StatisticsView = StatisticsView(0)
    total: Performance = Performance()


class Account(msgspec.Struct, frozen=True):
    """The account at the instant of the statistics."""

    time_ns: int
    currency: str
    equity: Decimal
    holdings: tuple[HoldingFacts, ...]


def compute(
    account: Account,
    curve: Sequence[EquityPoint],
    figures: FiguresState,
    start: Day,
    rate: RateOf,
    own: Mapping[str, str],
) -> Computed:
    """Return summary, runtime and long figures; where returns are endless, what can be told without them."""
    candles = [Candle(item.time_ns, item.open, item.high, item.low, item.close) for item in curve]
    facts = run_facts(figures, candles, start, _safe(rate))
    try:
        results = statistics(facts, rolling=False)
    except ValueError:
        results = StatisticsResults(Performance(closed_trades=figures.trades), {}, {})
    total = results.total
    runtime = {**_runtime(account, figures, start, results.summary), **own}
    view = StatisticsView(
        time_ns=account.time_ns,
        summary=results.summary,
        runtime=dict(sorted(runtime.items())),
        trades=_plain(trade_statistics_json(total.trade_statistics)),
        portfolio={
            name: str(value) for name, value in portfolio_statistics_json(total.portfolio_statistics).items()
        },
    )
    return Computed(view, total)


def _runtime(
    account: Account, figures: FiguresState, start: Day, summary: Mapping[str, str]
) -> dict[str, str]:
    """Return what LEAN shows while a run goes on; source: GetAlgorithmRuntimeStatistics."""
    sign = CURRENCY_SIGNS.get(account.currency, account.currency)
    gain = (account.equity - start.equity) / start.equity if start.equity > 0 else ZERO
    won = sum((item.profit for item in figures.profits), ZERO)
    return {
        "Equity": sign + _money(account.equity),
        "Fees": f"-{sign}{_money(figures.fees)}",
        "Holdings": sign + _money(_value(account.holdings)),
        "Net Profit": sign + _money(won),
        "Probabilistic Sharpe Ratio": summary.get("Probabilistic Sharpe Ratio", "0%"),
        "Return": f"{_money(gain * 100)} %",
        "Unrealized": sign + _money(_unrealized(account.holdings)),
        "Volume": sign + _money(figures.volume),
    }


def _value(holdings: Iterable[HoldingFacts]) -> Decimal:
    return sum((abs(_price(item) * item.quantity * item.multiplier) for item in holdings), ZERO)


def _unrealized(holdings: Iterable[HoldingFacts]) -> Decimal:
    return sum(
        ((_price(item) - item.average_price) * item.quantity * item.multiplier for item in holdings), ZERO
    )


def _price(held: HoldingFacts) -> Decimal:
    return held.average_price if held.price is None else from_float(held.price)


def _money(value: Decimal) -> str:
    return fixed_text(value, 2, grouped=True)


def _plain(row: Mapping[str, object]) -> dict[str, str | int | None]:
    return {name: value if isinstance(value, int | None) else str(value) for name, value in row.items()}


def _safe(rate: RateOf) -> RateOf:
    """Return a rate that is zero where nobody knows one: statistics are worth more than their last digit."""

    def known(day: date) -> Decimal:
        try:
            return rate(day)
        except (DataError, OSError):
            return ZERO

    return known
