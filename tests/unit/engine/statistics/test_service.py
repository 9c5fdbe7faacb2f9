"""What is shown while a run goes on, and the algorithm's own statistics."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.statistics.service import MAX_CUSTOM_STATISTICS
from livetrader_engine.symbols import Resolution
from tests.unit.engine.world import SPY, Recorder, Surroundings, at, minute_bar, step


def engine() -> Engine:
    around = Surroundings()
    made = simulated_engine(around.ports, EngineOptions(start_ns=at("2013-10-07 00:00")))
    made.attach(Recorder())
    made.subscriptions.add_security(SPY, Resolution.MINUTE)
    return made


def test_runtime_statistics_are_written_as_lean_writes_them() -> None:
    run = engine()
    run.process(step(minute_bar("2013-10-07 09:31", (100.0,) * 4)))
    run.orders.submit(OrderRequest(SPY, OrderType.MARKET, Decimal(100)))
    run.process(step(minute_bar("2013-10-07 09:32", (90.0,) * 4)))
    assert run.statistics.runtime() == {
        "Equity": "$98,999.00",  # 100 shares lost 10 each, and a fee of 1
        "Fees": "-$1.00",
        "Holdings": "$9,000.00",
        "Net Profit": "$-1.00",
        "Probabilistic Sharpe Ratio": "0%",
        "Return": "-1.00 %",
        "Unrealized": "$-1,001.00",  # closing would cost another fee
        "Volume": "$10,000.00",
    }


def test_trades_follow_the_fills() -> None:
    run = engine()
    run.process(step(minute_bar("2013-10-07 09:31", (100.0,) * 4)))
    run.orders.submit(OrderRequest(SPY, OrderType.MARKET, Decimal(100)))
    run.process(step(minute_bar("2013-10-07 09:32", (90.0,) * 4)))
    run.process(step(minute_bar("2013-10-07 09:33", (101.0,) * 4)))
    run.orders.submit(OrderRequest(SPY, OrderType.MARKET, Decimal(-100)))
    (trade,) = run.statistics.total().closed_trades
    assert trade.profit == 100
    assert trade.adverse == -1000
    assert trade.fees == 2


def test_an_algorithm_may_set_statistics_but_not_without_end() -> None:
    run = engine()
    run.statistics.set_summary("Mine", "1")
    run.statistics.set_summary("Mine", "2")
    assert run.statistics.summary() == {"Mine": "2"}
    with pytest.raises(AlgorithmError, match="not more"):
        for number in range(MAX_CUSTOM_STATISTICS):
            run.statistics.set_summary(str(number), "")
