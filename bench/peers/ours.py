"""livetrader: a QCAlgorithm through the whole engine, in two ways.

    python ours.py DATA WORKLOAD              points made before the clock starts, as the peers have them
    STREAMED=1 python ours.py DATA WORKLOAD   `livetrader backtest` itself: reading, statistics, result folder

`ORDERS=no` signals only. The strategy reads the bar from the slice and keeps its EMAs in Python. Fees are
Interactive Brokers'.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import common

STREAMED, ORDERS = bool(os.environ.get("STREAMED")), os.environ.get("ORDERS", "yes")
bench = common.Bench(
    "livetrader" + (" (streamed)" if STREAMED else "") + ("" if ORDERS == "yes" else " (no orders)")
)
import msgspec  # noqa: E402 — the imports are measured

from livetrader.offline.backtest import BacktestRequest, run_backtest  # noqa: E402
from livetrader.store.local import FileObjectStore  # noqa: E402
from livetrader.training.inline import InlineTrainer  # noqa: E402
from livetrader_engine.commands import LogLevel  # noqa: E402
from livetrader_engine.data.bars import MarketPoint  # noqa: E402
from livetrader_engine.data.batches import Batch  # noqa: E402
from livetrader_engine.data.subscription import HistoryRequest  # noqa: E402
from livetrader_engine.engine import EngineOptions, EnginePorts  # noqa: E402
from livetrader_engine.loop import run_ahead  # noqa: E402
from livetrader_engine.simulation.sink import simulated_engine  # noqa: E402
from livetrader_engine.synchronizer import HistoricalFeed  # noqa: E402
from livetrader_engine.transactions import TradingPolicy  # noqa: E402
from livetrader_lean.adapter import AlgorithmAdapter  # noqa: E402
from livetrader_lean.binding import RunSettings  # noqa: E402
from livetrader_lean.loader import load  # noqa: E402
from livetrader_lean.times import to_ns  # noqa: E402
from livetrader_plugins.lean_data import LeanDataHistory  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
from workload_data import SPANS  # noqa: E402

bench.mark("import")
ALGORITHM = """
import sys
sys.path.insert(0, {here!r})
from AlgorithmImports import *
from common import CASH, QUANTITY, Cross


class CrossAlgorithm(QCAlgorithm):
    def initialize(self):
        self.set_cash(CASH)
        self.set_maximum_orders(1_000_000)
        add = lambda ticker: self.add_equity(ticker, Resolution.{resolution}).symbol
        self.pairs = [(add(ticker), Cross({periods}).update) for ticker in {tickers}]
        self.symbol, self.update = self.pairs[0]
        self.trades = self.get_parameter("trades") == "yes"

    def on_data(self, data):
{body}
"""
ONE_BAR = """
        bar = data.bars.get(self.symbol)
        if bar is not None:
            signal = self.update(bar.close)
            if signal and self.trades:
                self.market_order(self.symbol, QUANTITY * signal)
"""
MANY_BARS = """
        bars = data.bars
        for symbol, update in self.pairs:
            bar = bars.get(symbol)
            if bar is not None:
                signal = update(bar.close)
                if signal and self.trades:
                    self.market_order(symbol, QUANTITY * signal)
"""
TICKS = """
        for tick in data.ticks[self.symbol]:
            signal = self.update(tick.price)
            if signal and self.trades:
                self.market_order(self.symbol, QUANTITY * signal)
"""
BODIES = {"w1": ONE_BAR, "w2": MANY_BARS, "w3": TICKS}


class Prepared:
    """A history that reads each stream once and keeps its points."""

    def __init__(self, folder: Path) -> None:
        self._history = LeanDataHistory.open(folder)
        self._kept: dict[HistoryRequest, list[Batch]] = {}
        self.reference = self._history.reference

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield what was read; read it the first time."""
        if request not in self._kept:
            self._kept[request] = list(self._history.batches(request))
        return iter(self._kept[request])

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`."""
        return chain.from_iterable(self.batches(request))


class Quiet:
    """Results that nobody reads; errors are printed."""

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        if level is LogLevel.ERROR:
            print(message, file=sys.stderr)

    def declare(self, chart: str, series: str, style: object) -> None:
        """Nothing is drawn."""

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        """Nothing is drawn."""

    def order_event(self, noted: object) -> None:
        """Nothing is written."""

    def insight(self, noted: object) -> None:
        """Nothing is written."""

    def statistic(self, name: str, value: str) -> None:
        """Nothing is written."""

    def send_out(self, time_ns: int, message: object) -> bool:
        """Nothing is sent."""
        return False


def request_of(folder: Path) -> BacktestRequest:
    """Write the algorithm and return what is to be run."""
    tickers = ["BENCH"] if bench.workload == "w1" else ["TICK"]
    if bench.workload == "w2":
        tickers = [f"S{number:03d}" for number in range(100)]
    text = ALGORITHM.format(
        here=str(Path(__file__).parent), tickers=tickers, periods=bench.periods, body=BODIES[bench.workload],
        resolution="TICK" if bench.workload == "w3" else "MINUTE",
    )  # fmt: skip
    (folder / "cross.py").write_text(text)
    first, last = SPANS[bench.workload]
    return BacktestRequest(
        path=folder / "cross.py", data_folder=bench.data / "lean", output=folder / "out", start=first,
        end=last, parameters={"trades": ORDERS},
    )  # fmt: skip


def prepared(request: BacktestRequest) -> tuple[int, int]:
    """Read first, then run the engine; return bars or ticks, and orders."""
    zone = ZoneInfo("America/New_York")
    assert request.start is not None and request.end is not None, "chosen by request_of"
    start_ns, end_ns = to_ns(request.start, zone), to_ns(request.end + timedelta(days=1), zone) - 1
    history = Prepared(request.data_folder)
    feed = HistoricalFeed(history, history.reference, start_ns, end_ns)
    engine = simulated_engine(
        lambda orders: EnginePorts(
            feed=feed, orders=orders, history=history, reference=history.reference, results=Quiet(),
            trainer=InlineTrainer(lambda: 0), object_store=FileObjectStore(request.output),
        ),
        EngineOptions(start_ns=start_ns, policy=TradingPolicy(order_wait_s=0.0)),
    )  # fmt: skip
    run = RunSettings(live=False, start=request.start, end=request.end)
    adapter = AlgorithmAdapter(engine, load(request.path, None), request.parameters, run=run)
    engine.attach(adapter)
    adapter.initialize()
    engine.sampler.set_span(start_ns, end_ns)
    feed.step_at(start_ns)
    for stream in engine.subscriptions.streams():
        everything = msgspec.structs.replace(stream, extended_market_hours=True)  # what the feed asks for
        history.batches(HistoryRequest(everything, start_ns, end_ns))
    gc.collect()
    bench.mark("load")
    run_ahead(engine, feed, lambda: None)
    bench.mark("run")
    return engine.data_points - 1, engine.orders.submitted  # but for the selection of the securities


def streamed(request: BacktestRequest) -> tuple[int, int]:
    """Run what the command runs; return bars or ticks, and orders."""
    bench.mark("load")
    result = run_backtest(request)
    bench.mark("run")
    if result.error:
        print(result.error, file=sys.stderr)
    return result.data_points - 1, int(result.statistics["Total Orders"])


with tempfile.TemporaryDirectory(prefix="livetrader-bench-") as name:
    wanted = request_of(Path(name))
    events, orders = (streamed if STREAMED else prepared)(wanted)
bench.report(events, orders)
