"""backtrader's Cerebro with a feed of Python tuples, the cheapest there is; ticks are bars of one price."""

from __future__ import annotations

import common

bench = common.Bench("backtrader")
import backtrader as bt  # noqa: E402 — the import is measured

bench.mark("import")
NS_PER_DAY = 86_400e9
DAYS_BEFORE_1970 = 719_163.0  # backtrader counts days from year 1


class FlatFee(bt.CommInfoBase):
    """A dollar an order."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size, price, pseudoexec):
        return common.FEE


class Rows(bt.feed.DataBase):
    """A feed over columns."""

    params = (("columns", None),)

    def start(self) -> None:
        super().start()
        self.rows = zip(*(column.tolist() for column in self.p.columns), strict=True)

    def _load(self) -> bool:
        row = next(self.rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0] = row
        lines.openinterest[0] = 0.0
        return True


class CrossStrategy(bt.Strategy):
    """The common strategy over every feed."""

    def __init__(self) -> None:
        bench.mark("load")  # Cerebro has read its feeds when it makes the strategy
        self.sent = 0
        self.pairs = [(feed, feed.close, common.Cross(bench.periods).update) for feed in self.datas]

    def next(self) -> None:
        for feed, close, update in self.pairs:
            signal = update(close[0])
            if signal:
                self.sent += 1
                (self.buy if signal > 0 else self.sell)(data=feed, size=common.QUANTITY)


def feed_of(columns):
    """Return a feed of bars or of ticks."""
    timeframe = bt.TimeFrame.Minutes
    if "price" in columns:
        price = columns["price"]
        columns = {"ts": columns["ts"], "o": price, "h": price, "l": price, "c": price, "v": columns["size"]}
        timeframe = bt.TimeFrame.Ticks
    times = columns["ts"] / NS_PER_DAY + DAYS_BEFORE_1970
    values = [columns[key] for key in ("o", "h", "l", "c", "v")]
    return Rows(columns=(times, *values), timeframe=timeframe, compression=1)


data = bench.arrays()
cerebro = bt.Cerebro(stdstats=False)
cerebro.broker.setcash(common.CASH)
cerebro.broker.addcommissioninfo(FlatFee())
if bench.workload == "w2":
    for number, ticker in enumerate(data["symbols"].tolist()):
        rows = data["sym"] == number
        columns = {key: data[key][rows] for key in ("ts", "o", "h", "l", "c", "v")}
        cerebro.adddata(feed_of(columns), name=ticker)
else:
    cerebro.adddata(feed_of(data))
cerebro.addstrategy(CrossStrategy)
strategy = cerebro.run()[0]
bench.mark("run")
bench.report(len(data["ts"]), strategy.sent, version=bt.__version__)
