"""Run one algorithm over history in this process: the engine, a historical feed, the simulated brokerage.

It is the live engine with other ports. Nothing here decides about trading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from livetrader import registry
from livetrader.clocks import wall_ns
from livetrader.offline.results import BacktestResult, FileResults, result_of, write_result
from livetrader.offline.trainer import InlineTrainer
from livetrader.storage import FileObjectStore
from livetrader_engine.engine import EngineOptions, EnginePorts
from livetrader_engine.events import EngineEvent, StopRequested
from livetrader_engine.loop import run
from livetrader_engine.ports import OrderSink
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.spi import Context, HistoryPlugin
from livetrader_engine.synchronizer import HistoricalFeed
from livetrader_engine.transactions import TradingPolicy
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.binding import RunSettings
from livetrader_lean.failures import user_traceback
from livetrader_lean.loader import load
from livetrader_lean.times import to_ns

DEFAULT_START: Final = date(1998, 1, 1)  # LEAN's; where neither the run nor the algorithm names one
MAX_ORDERS: Final = 10_000  # of one backtest, as in LEAN's
PROGRESS_STEPS: Final = 64  # time steps between two calls of the progress callback
_ONE_DAY: Final = timedelta(days=1)

Progress = Callable[[int, int, int], None]  # (start_ns, now_ns, end_ns)


class BacktestRequest(msgspec.Struct, frozen=True):
    """What to run. `start`, `end` (inclusive) and `cash` override the algorithm's own.

    `history` names the installed plugin that reads `data_folder`.
    """

    path: Path
    data_folder: Path
    output: Path
    class_name: str | None = None
    start: date | None = None
    end: date | None = None
    cash: Decimal | None = None
    parameters: Mapping[str, str] = {}
    history: str = "lean_data"


def run_backtest(
    request: BacktestRequest,
    progress: Progress | None = None,
    show: Callable[[str], None] | None = None,
) -> BacktestResult:
    """Run it and write summary.json, orders.json, equity.csv and log.txt into the output folder.

    `progress` hears how far time has come; `show` gets each line the algorithm writes. Raises LoadError for
    a file that cannot be used and ConfigError for a history plugin that is not there; what the algorithm
    raises while it runs becomes status RuntimeError with its traceback, and the files are written all the
    same. Blocks until done; training runs inside the step in which it is due.
    """
    algorithm_type = load(request.path, request.class_name)
    request.output.mkdir(parents=True, exist_ok=True)
    with FileResults(request.output, show) as results:
        backtest = _Backtest(request, algorithm_type, results, progress)
        error = backtest.run()
        backtest.warn_of_missing_data()
        result = result_of(backtest.engine, backtest.adapter.binding.statistics, error)
        write_result(request.output, backtest.engine, result)
    return result


class _Backtest:
    """One run: builds the ports, initializes, loops."""

    def __init__(
        self,
        request: BacktestRequest,
        algorithm_type: type[QCAlgorithm],
        results: FileResults,
        progress: Progress | None,
    ) -> None:
        self._request = request
        self._progress = progress
        self._results = results
        self._missing: list[str] = []  # the plugin names one file of each folder and kind
        history = _history(request, self._missing)
        # the span is known only after initialize
        self._feed = HistoricalFeed(history, history.reference, 0, 0)
        trainer = InlineTrainer()

        def ports(orders: OrderSink) -> EnginePorts:
            return EnginePorts(
                feed=self._feed,
                orders=orders,
                history=history,
                reference=history.reference,
                results=results,
                trainer=trainer,
                object_store=FileObjectStore(request.output / "object_store"),
            )

        policy = TradingPolicy(convert_daily_market_orders=True, order_wait_s=0.0, max_orders=MAX_ORDERS)
        begin = request.start or DEFAULT_START
        zone = EngineOptions(start_ns=0).timezone
        options = EngineOptions(
            start_ns=_midnight(begin, zone), policy=policy, books_corporate_actions=True
        )
        if request.cash is not None:
            options = msgspec.structs.replace(options, cash=request.cash)
        self.engine = simulated_engine(ports, options)
        settings = RunSettings(live=False, start=request.start, end=request.end, cash=request.cash)
        self.adapter = AlgorithmAdapter(self.engine, algorithm_type, request.parameters, run=settings)
        self.engine.attach(self.adapter)

    def warn_of_missing_data(self) -> None:
        """Say which files were looked for in vain: a misspelt ticker is a run without orders otherwise."""
        for path in self._missing:
            what = f"there is no {path}; there may be more of its kind in that folder"
            self._results.warning(self.engine.clock.now_ns, what)

    def run(self) -> str:
        """Run to the end; return the user's traceback where the algorithm raised, "" where it did not."""
        try:
            self.adapter.initialize()
            start_ns, end_ns = self._set_span()
            run(self.engine, _Quittable(self._feed, self.adapter), self._completed(start_ns, end_ns))
        except (Exception, SystemExit) as error:  # noqa: BLE001 — boundary: what the algorithm raised is told
            text = user_traceback(error)
            self._results.error(self.engine.clock.now_ns, text)
            return text
        return ""

    def _set_span(self) -> tuple[int, int]:
        binding = self.adapter.binding
        zone = self.engine.options.timezone
        start_ns = self.engine.clock.now_ns
        yesterday = datetime.fromtimestamp(wall_ns() / 1e9, binding.time_zone).date() - _ONE_DAY
        end_ns = _midnight((binding.end or yesterday) + _ONE_DAY, zone) - 1
        self.engine.equity.spread_over(end_ns - start_ns)
        from_ns = self.engine.warm_up_from_ns
        # what was scheduled before set_start_date was called began at LEAN's default start
        self.engine.scheduler.restart(start_ns)
        if from_ns is not None:
            self._feed.pulse_at(start_ns)  # warm-up ends here even where no data falls on it
        self._feed.set_span(start_ns if from_ns is None else from_ns, end_ns)
        if from_ns is None:
            self._feed.pulse_at(start_ns)  # LEAN's first time step is the start itself, without prices
        return start_ns, end_ns

    def _completed(self, start_ns: int, end_ns: int) -> Callable[[EngineEvent], None]:
        def completed(event: EngineEvent) -> None:
            if self._progress is not None and self.engine.steps % PROGRESS_STEPS == 0:
                self._progress(start_ns, self.engine.clock.now_ns, end_ns)

        return completed


class _Quittable:
    """A feed that ends the run once the algorithm has quit."""

    def __init__(self, feed: HistoricalFeed, adapter: AlgorithmAdapter) -> None:
        self._feed = feed
        self._adapter = adapter
        self.subscribe = feed.subscribe
        self.unsubscribe = feed.unsubscribe

    def next(self) -> EngineEvent | None:
        """Return the next event, or the stop the algorithm asked for."""
        reason = self._adapter.quit_reason
        if reason is not None:
            return StopRequested(self._adapter.binding.engine.clock.now_ns, reason)
        return self._feed.next()


def _midnight(day: date, zone: str) -> int:
    from zoneinfo import ZoneInfo

    return to_ns(day, ZoneInfo(zone))


def _history(request: BacktestRequest, missing: list[str]) -> HistoryPlugin:
    """Make the history plugin over the data folder; files it looks for in vain are added to `missing`."""
    from random import Random  # noqa: TID251 — seeded, and history plugins are deterministic

    def report(action: str, **fields: object) -> None:
        if action == "data_file_missing":
            missing.append(str(fields["path"]))

    plugin = registry.load_plugin(registry.HISTORIES, request.history)
    context = Context(
        name=request.history,
        state_directory=request.output,
        data_folder=request.data_folder,
        now_ns=wall_ns,
        monotonic_s=lambda: 0.0,
        random=Random(0),
        spawn=_no_tasks,
        report=report,
    )
    history: HistoryPlugin = plugin(plugin.Config(), context)
    return history


def _no_tasks(name: str, coroutine: object) -> None:
    raise RuntimeError(f"a history plugin is synchronous and cannot start the task {name!r}")
