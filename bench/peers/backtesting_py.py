"""backtesting.py: one symbol to a run, so W2 is a hundred runs, one after the other, and no portfolio."""

from __future__ import annotations

import warnings

import common

bench = common.Bench("backtesting.py")
warnings.filterwarnings("ignore")
import backtesting  # noqa: E402 — the import is measured
import pandas as pd  # noqa: E402
from backtesting import Backtest, Strategy  # noqa: E402

backtesting.backtesting._tqdm = lambda rows, *more, **named: rows  # no progress bar
bench.mark("import")
sent = 0


class CrossStrategy(Strategy):
    """The common strategy."""

    def init(self) -> None:
        self.cross = common.Cross(bench.periods).update
        self.cross(float(self.data.Close[0]))  # `next` begins with the second row

    def next(self) -> None:
        global sent  # noqa: PLW0603 — the library makes the strategy and keeps it
        signal = self.cross(self.data.Close[-1])
        if signal:
            sent += 1
            if signal > 0:
                self.buy(size=common.QUANTITY)
            else:
                self.position.close()


def backtest_of(columns) -> Backtest:
    """Return the run of one symbol."""
    if "price" in columns:
        price = columns["price"]
        columns = {"ts": columns["ts"], "o": price, "h": price, "l": price, "c": price, "v": columns["size"]}
    names = {"Open": "o", "High": "h", "Low": "l", "Close": "c", "Volume": "v"}
    index = pd.DatetimeIndex(pd.to_datetime(columns["ts"]))
    frame = pd.DataFrame({name: columns[key] for name, key in names.items()}, index=index)
    return Backtest(
        frame,
        CrossStrategy,
        cash=common.CASH,
        commission=lambda size, price: common.FEE,
        finalize_trades=True,
    )


data = bench.arrays()
if bench.workload == "w2":
    keys = ("ts", "o", "h", "l", "c", "v")
    numbers = range(len(data["symbols"]))
    backtests = [backtest_of({key: data[key][data["sym"] == number] for key in keys}) for number in numbers]
else:
    backtests = [backtest_of(data)]
bench.mark("load")
for backtest in backtests:
    backtest.run()
bench.mark("run")
bench.report(len(data["ts"]), sent, version=backtesting.__version__)
