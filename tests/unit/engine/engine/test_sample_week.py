"""One week of real minutes: the figures LEAN publishes for its basic template, and what a step costs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from livetrader_engine.data.slice import Slice
from livetrader_engine.engine import Engine, EngineOptions, EnginePorts
from livetrader_engine.loop import run
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.ports import OrderSink
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.statistics.benchmark import BenchmarkOptions
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_engine.synchronizer import HistoricalFeed
from livetrader_engine.trading import OrderTerms, Target
from livetrader_engine.transactions import TradingPolicy
from livetrader_plugins.lean_data import LeanDataHistory
from tests.unit.engine.world import Recorder, Surroundings, at

POLICY = TradingPolicy(convert_daily_market_orders=True, max_orders=10_000)


class Buyer(Recorder):
    """Does something with the first slice."""

    def __init__(self, first: Callable[[], object]) -> None:
        super().__init__()
        self._first: Callable[[], object] | None = first

    def on_data(self, data: Slice) -> None:
        first, self._first = self._first, None
        if first is not None:
            first()


def week(folder: Path, start: str, end: str, resolution: Resolution) -> Engine:
    """Return the engine after it has held all it can of SPY from the first slice on."""
    history = LeanDataHistory.open(folder)
    feed = HistoricalFeed(history, history.reference, at(start), at(end) - 1)
    around = Surroundings()

    def ports(sink: OrderSink) -> EnginePorts:
        return EnginePorts(feed, sink, history, history.reference, around, around, around)

    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    options = EngineOptions(start_ns=at(start), policy=POLICY, benchmark=BenchmarkOptions(spy))
    engine = simulated_engine(ports, options)
    engine.sampler.set_span(at(start), at(end) - 1)
    engine.benchmark.start()
    feed.step_at(at(start))
    engine.attach(Buyer(lambda: engine.trading.set_holdings([Target(spy, Decimal(1))], terms=OrderTerms())))
    engine.subscriptions.add_security(spy, resolution)
    run(engine, feed, lambda event: None)
    return engine


def test_the_basic_template_gives_the_figures_lean_publishes(lean_data: Path) -> None:
    engine = week(lean_data, "2013-10-07 00:00", "2013-10-12 00:00", Resolution.MINUTE)
    (record,) = engine.orders.records()
    assert (record.quantity, record.status, record.spec.type) == (688, OrderStatus.FILLED, OrderType.MARKET)
    assert record.last_fill_ns == at("2013-10-07 09:31")
    assert record.submission is not None
    assert str(record.submission.bid_price) == "144.77307790400"  # the zeros are part of the order's hash
    assert engine.data_points == 3943
    published = {
        "Total Orders": "1",
        "Average Win": "0%",
        "Average Loss": "0%",
        "Compounding Annual Return": "271.453%",
        "Drawdown": "2.200%",
        "Expectancy": "0",
        "Start Equity": "100000",
        "End Equity": "101691.92",
        "Net Profit": "1.692%",
        "Sharpe Ratio": "8.854",
        "Sortino Ratio": "0",
        "Probabilistic Sharpe Ratio": "67.459%",
        "Loss Rate": "0%",
        "Win Rate": "0%",
        "Profit-Loss Ratio": "0",
        "Alpha": "-0.005",
        "Beta": "0.996",
        "Annual Standard Deviation": "0.222",
        "Annual Variance": "0.049",
        "Information Ratio": "-14.565",
        "Tracking Error": "0.001",
        "Treynor Ratio": "1.97",
        "Total Fees": "$3.44",
        "Estimated Strategy Capacity": "$56000000.00",
        "Lowest Capacity Asset": "SPY R735QTJ8XC9X",
        "Portfolio Turnover": "19.93%",
        "Drawdown Recovery": "3",
    }
    assert engine.statistics.summary() == published


def test_the_daily_template_gives_the_figures_lean_publishes(lean_data: Path) -> None:
    engine = week(lean_data, "2013-10-08 00:00", "2013-10-18 00:00", Resolution.DAILY)
    (record,) = engine.orders.records()
    assert record.spec.type is OrderType.MARKET_ON_OPEN
    assert record.last_fill_ns == at("2013-10-09 16:00")  # at the open's price, when the bar arrives
    assert engine.data_points == 72
    published = {
        "Total Orders": "1",
        "Average Win": "0%",
        "Average Loss": "0%",
        "Compounding Annual Return": "424.375%",
        "Drawdown": "0.800%",
        "Expectancy": "0",
        "Start Equity": "100000",
        "End Equity": "104486.22",
        "Net Profit": "4.486%",
        "Sharpe Ratio": "17.304",
        "Sortino Ratio": "35.217",
        "Probabilistic Sharpe Ratio": "96.710%",
        "Loss Rate": "0%",
        "Win Rate": "0%",
        "Profit-Loss Ratio": "0",
        "Alpha": "-0.249",
        "Beta": "1.015",
        "Annual Standard Deviation": "0.141",
        "Annual Variance": "0.02",
        "Information Ratio": "-19",
        "Tracking Error": "0.011",
        "Treynor Ratio": "2.403",
        "Total Fees": "$3.49",
        "Estimated Strategy Capacity": "$1200000000.00",
        "Lowest Capacity Asset": "SPY R735QTJ8XC9X",
        "Portfolio Turnover": "10.01%",
        "Drawdown Recovery": "1",
    }
    assert engine.statistics.summary() == published


def test_two_runs_over_the_same_data_are_the_same(lean_data: Path) -> None:
    runs = [week(lean_data, "2013-10-07 00:00", "2013-10-09 00:00", Resolution.MINUTE) for _ in range(2)]
    first, second = ([item.fills for item in engine.orders.records()] for engine in runs)
    assert first == second
    assert runs[0].sampler.equity == runs[1].sampler.equity
    assert runs[0].steps == runs[1].steps > 700
