"""The result files of a live run in LEAN's layout and spelling. Pure: facts in, text out.

Sources: LEAN's Engine/Results/LiveTradingResultHandler.cs (StoreResult, StoreStatusFile, Truncate) and
Common/Packets/LiveResultPacket.cs. docs/live-results.md says where this differs, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.results.charts import Series, charts_json
from livetrader.results.json_text import Json, indented
from livetrader.results.live import ChartPoint, EquityPoint
from livetrader.results.live_charts import SeriesState
from livetrader.results.live_figures import Day, FiguresState
from livetrader.results.live_views import DOLLARS, EQUITY, PERCENT, PLAIN, RETURN
from livetrader.results.orders import OrderContext, order_json
from livetrader.results.performance import performance_json
from livetrader.results.run_result import RunSummary, configuration_json, profits_json, short_time
from livetrader_engine.money import ZERO, from_float
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import SubmissionData
from livetrader_engine.statistics.results import CURRENCY_SIGNS, Performance
from livetrader_engine.symbols import NS_PER_HOUR, Symbol

RESULT_STEP_NS: Final = 12 * NS_PER_HOUR  # LEAN: two points a day in the file of the whole run
ALWAYS_NS: Final = 1 << 62  # after everything: a venue's clock may be ahead of ours
_CENT: Final = Decimal("0.01")

Charts = dict[str, dict[str, Series]]


class OrderFacts(msgspec.Struct, frozen=True, gc=False):
    """One order as the gateway had it; implements orders.WrittenOrder."""

    number: int  # unique; the order's own where the algorithm made it, below zero else
    spec: OrderSpec
    status: OrderStatus
    filled_quantity: Decimal
    average_fill_price: Decimal
    created_ns: int
    last_ns: int
    brokerage_ids: tuple[str, ...] = ()
    last_fill_ns: int | None = None
    last_update_ns: int | None = None
    canceled_ns: int | None = None
    submission: SubmissionData | None = None
    triggered: bool = False


class HoldingFacts(msgspec.Struct, frozen=True, gc=False):
    """One position. `multiplier` is what one unit of it stands for."""

    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    price: float | None
    multiplier: Decimal


class LiveFacts(msgspec.Struct, frozen=True):
    """Everything that the files of a live run say, as it was at one instant of the session."""

    run: RunSummary
    now_ns: int
    currency: str
    seconds: tuple[EquityPoint, ...]
    minutes: tuple[EquityPoint, ...]
    ten_minutes: tuple[EquityPoint, ...]
    long: tuple[EquityPoint, ...]
    own: tuple[SeriesState, ...]
    figures: FiguresState
    orders: tuple[OrderFacts, ...]
    holdings: tuple[HoldingFacts, ...]
    cash: dict[str, Decimal]
    summary: dict[str, str]
    runtime: dict[str, str]
    server: dict[str, str]
    total: Performance = Performance()


def result_text(facts: LiveFacts) -> str:
    """Return the content of `<id>.json`: the whole run, two points a day."""
    return _text(facts, _charts(facts, facts.long, 0, RESULT_STEP_NS), 0, ALWAYS_NS)


def span_text(
    facts: LiveFacts, points: Sequence[EquityPoint], from_ns: int, until_ns: int, step_ns: int
) -> str:
    """Return the content of a minute or ten-minute file: what happened in (from_ns, until_ns]."""
    chosen = [point for point in points if from_ns < point.time_ns <= until_ns]
    return _text(facts, _charts(facts, chosen, from_ns, step_ns, until_ns), from_ns, until_ns)


def hour_texts(facts: LiveFacts, from_ns: int) -> dict[str, str]:
    """Return, by chart, the contents of the files of one hour: every point as it came."""
    until_ns = from_ns + NS_PER_HOUR
    chosen = [point for point in facts.seconds if from_ns < point.time_ns <= until_ns]
    charts = _charts(facts, chosen, from_ns, 1, until_ns)
    orders = _orders(facts.orders, from_ns, until_ns)
    texts = {}
    for name, series in charts.items():
        if any(item.points for item in series.values()):
            body: dict[str, Json] = {
                "holdings": _holdings(facts), "charts": charts_json({name: series}),
                "orders": orders,
            }  # fmt: skip
            texts[name] = indented(body) + "\n"
    return texts


def _text(facts: LiveFacts, charts: Charts, from_ns: int, until_ns: int) -> str:
    """Return a result with these charts, and what was ordered, won and closed in the span."""
    profits = [item for item in facts.figures.profits if from_ns <= item.time_ns <= until_ns]
    closed = tuple(item for item in facts.total.closed_trades if from_ns <= item.exit_ns <= until_ns)
    body: dict[str, Json] = {
        "holdings": _holdings(facts),
        "cash": {name: _cash(name, amount, facts.currency) for name, amount in facts.cash.items()},
        "accountCurrency": facts.currency,
        "accountCurrencySymbol": _sign(facts.currency),
        "charts": charts_json(charts),
        "orders": _orders(facts.orders, from_ns, until_ns),
        "profitLoss": profits_json((item.time_ns, item.profit) for item in profits),
        "statistics": facts.summary,
        "runtimeStatistics": dict(sorted(facts.runtime.items())),
        "state": _state(facts),
        "serverStatistics": facts.server,
        "algorithmConfiguration": configuration_json(facts.run),
        "totalPerformance": performance_json(msgspec.structs.replace(facts.total, closed_trades=closed)),
    }
    return indented(body) + "\n"


def _state(facts: LiveFacts) -> dict[str, Json]:
    run = facts.run
    return {
        "StartTime": short_time(run.started_ns),
        "EndTime": short_time(run.finished_ns) if run.finished_ns else "",
        "RuntimeError": run.error.strip().rpartition("\n")[2],
        "StackTrace": run.error,
        "LogCount": str(run.log_lines),
        "OrderCount": str(facts.figures.orders),
        "InsightCount": str(run.insights),
        "Name": run.name,
        "Hostname": run.host,
        "Status": run.status,
    }


# -- charts ------------------------------------------------------------------------------------------


def _charts(
    facts: LiveFacts, points: Sequence[EquityPoint], from_ns: int, step_ns: int, until_ns: int | None = None
) -> Charts:
    """Return the daemon's charts over these points, then the algorithm's, a point every `step_ns`."""
    end_ns = facts.now_ns if until_ns is None else until_ns
    days = [day for day in facts.figures.days if from_ns < day.time_ns <= end_ns]
    charts = _own_charts(_sampled(points, step_ns), days)
    for state in facts.own:
        wanted = (point for point in (*state.thinned, *state.recent) if from_ns < point.time_ns <= end_ns)
        series = Series(state.name, state.style)
        series.points = [
            (point.time_ns, tuple(map(from_float, point.values))) for point in _last_of(wanted, step_ns)
        ]
        charts.setdefault(state.chart, {})[state.name] = series
    return charts


def _own_charts(points: Sequence[EquityPoint], days: Sequence[Day]) -> Charts:
    equity, drawdown = Series("Equity", EQUITY), Series("Equity Drawdown", PERCENT)
    benchmark = Series("Benchmark", DOLLARS)
    for point in points:
        equity.add(point.time_ns, (point.open, point.high, point.low, point.close))
        drawdown.add(point.time_ns, (from_float(round(point.drawdown_pct, 4)),))
        if point.benchmark is not None:
            benchmark.add(point.time_ns, (from_float(point.benchmark),))
    returned, turnover = Series("Return", RETURN), Series("Portfolio Turnover", PERCENT)
    ratios = (Series("Long Ratio", PLAIN), Series("Short Ratio", PLAIN))
    for day in days:
        returned.add(day.time_ns, (day.return_pct,))
        turnover.add(day.time_ns, (day.turnover,))
        for series, ratio in zip(ratios, (day.long_ratio, day.short_ratio), strict=True):
            series.add(day.time_ns, (ratio,))
    drawn = (
        ("Strategy Equity", (equity, returned)), ("Drawdown", (drawdown,)), ("Benchmark", (benchmark,)),
        ("Portfolio Turnover", (turnover,)), ("Exposure", ratios),
    )  # fmt: skip
    return {
        name: {item.name: item for item in series}
        for name, series in drawn
        if name == "Strategy Equity" or any(item.points for item in series)
    }


def _sampled(points: Sequence[EquityPoint], step_ns: int) -> list[EquityPoint]:
    """Return one candle over all points of each step."""
    result: list[EquityPoint] = []
    for point in points:
        held = result[-1] if result else None
        if held is None or (held.time_ns - 1) // step_ns != (point.time_ns - 1) // step_ns:
            result.append(point)
        else:
            result[-1] = msgspec.structs.replace(
                point, open=held.open, high=max(held.high, point.high), low=min(held.low, point.low)
            )
    return result


def _last_of(points: Iterable[ChartPoint], step_ns: int) -> list[ChartPoint]:
    """Return the newest point of each step."""
    chosen: dict[int, ChartPoint] = {}
    for point in points:
        chosen[(point.time_ns - 1) // step_ns] = point
    return list(chosen.values())


# -- account -----------------------------------------------------------------------------------------


def _orders(orders: Iterable[OrderFacts], from_ns: int, until_ns: int) -> dict[str, Json]:
    """Return the orders that had news in a span, by number; one that is below zero is the daemon's own."""
    rows: dict[str, Json] = {}
    for order in orders:
        if not from_ns <= order.last_ns <= until_ns:
            continue
        row = order_json(order, OrderContext(broker_ids=order.brokerage_ids))
        row["id"] = order.number
        rows[str(order.number)] = row
    return rows


def _holdings(facts: LiveFacts) -> dict[str, Json]:
    """Return what is held by symbol, with LEAN's short names; values that are zero are left out, as there."""
    rows: dict[str, Json] = {}
    for held in sorted(facts.holdings, key=lambda item: item.symbol.value):
        price = held.average_price if held.price is None else from_float(held.price)
        value = price * held.quantity * held.multiplier
        cost = held.average_price * held.quantity * held.multiplier
        gain = (value - cost).quantize(_CENT)
        share = (gain / abs(cost) * 100).quantize(_CENT) if cost else ZERO
        row = {
            "a": held.average_price.normalize(), "q": held.quantity, "p": price,
            "v": value.quantize(_CENT), "u": gain, "up": share,
        }  # fmt: skip
        rows[held.symbol.id] = {"c": _sign(facts.currency), **{k: v for k, v in row.items() if v}}
    return rows


def _cash(name: str, amount: Decimal, account_currency: str) -> dict[str, Json]:
    """Return one currency; only the account's own has a rate here."""
    rate = Decimal(1) if name == account_currency else ZERO
    return {
        "symbol": name, "amount": amount, "conversionRate": rate, "currencySymbol": _sign(name),
        "valueInAccountCurrency": amount * rate,
    }  # fmt: skip


def _sign(currency: str) -> str:
    return CURRENCY_SIGNS.get(currency, currency)
