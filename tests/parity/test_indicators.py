"""Indicators fed by the engine, compared with pandas over the raw data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.parity.conftest import Backtest
from tests.parity.data import daily
from tests.parity.test_algorithms import said

ALGORITHM = """
class Twice(PythonIndicator):
    def __init__(self):
        self.name, self.value, self.warm_up_period = "twice", 0.0, 1

    def update(self, input):
        self.value = 2 * input.close
        return True


class Shown(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 9, 3)
        self.set_end_date(2013, 10, 11)
        self.spy, self.ibm = (self.add_equity(name, Resolution.DAILY).symbol for name in ("SPY", "IBM"))
        self.lowest, self.highest = self.min(self.spy, 5), self.MAX(self.spy, 5)
        self.lowest_close = self.min(self.spy, 5, selector=Field.CLOSE)
        self.relation = self.b(self.spy, self.ibm, 10)
        self.fast, self.slow = self.sma(self.spy, 3), self.sma(self.spy, 6)
        self.spread = IndicatorExtensions.minus(self.fast, self.slow)
        self.smooth = IndicatorExtensions.of(SimpleMovingAverage(4), self.spread)
        self.twice = Twice()
        self.register_indicator(self.spy, self.twice, Resolution.DAILY)
        self.thrice = FunctionalIndicator("thrice", lambda point: 3 * point.value, lambda own: True)
        self.RegisterIndicator(self.spy, self.thrice, Resolution.Daily)
        self.fast.window.size = 3
        self.breadth = self.addiff([self.spy, self.ibm])
        assert len(self.fast.consolidators) == 1

    def on_end_of_algorithm(self):
        assert self.fast > 0 and self.fast.current.symbol == self.spy
        shown = (
            self.lowest, self.highest, self.lowest_close, self.relation, self.spread, self.smooth, self.twice,
            self.thrice, self.fast - self.slow, self.fast[2], self.breadth,
        )
        assert self.twice.is_ready and self.twice.updated is not None
        assert str(self.fast.current.end_time) == "2013-10-11 16:00:00", self.fast.current.end_time
        self.log(" ".join(f"{float(value):.9f}" for value in shown))
        self.log("|".join((self.lowest.name, self.relation.name, self.twice.name)))
"""


def test_helpers_pairs_compositions_and_the_users_own_agree_with_pandas(
    backtest: Backtest, lean_data: Path
) -> None:
    run = backtest(ALGORITHM)
    assert run.result.status == "Completed", run.result.error
    values, names = said(run.log)
    bars = {name: daily(lean_data, name).loc["2013-09-03":"2013-10-11"] for name in ("spy", "ibm")}
    spy, ibm = bars["spy"], bars["ibm"]
    first, second = (frame.close.pct_change().iloc[-10:].to_numpy() for frame in (spy, ibm))
    matrix = np.cov(first, second)
    spread = spy.close.rolling(3).mean() - spy.close.rolling(6).mean()
    moves = [np.sign(frame.close.diff().iloc[-1]) for frame in (spy, ibm)]
    expected = [
        spy.low.iloc[-5:].min(),
        spy.high.iloc[-5:].max(),
        spy.close.iloc[-5:].min(),
        matrix[0, 1] / matrix[1, 1],
        spread.iloc[-1],
        spread.iloc[-4:].mean(),
        2 * spy.close.iloc[-1],
        3 * spy.close.iloc[-1],
        spread.iloc[-1],
        spy.close.rolling(3).mean().iloc[-3],
        sum(moves),
    ]
    assert [float(value) for value in values.split()] == pytest.approx(expected, abs=1e-6)
    assert names == "MIN(5,SPY_day)|B(10,)|twice"
