"""Run one algorithm over history in this process: the engine, a historical feed, the simulated brokerage.

It is the live engine with other ports. Nothing here decides about trading.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from livetrader.clocks import wall_ns
from livetrader.errors import ConfigError
from livetrader.histories.opening import STORE, offline_context, open_histories
from livetrader.models.opening import open_registry, surroundings_of, user_keys
from livetrader.offline.data_monitor import DataMonitor
from livetrader.offline.finish import CODE, clear, figures_of, write_config, write_files
from livetrader.offline.interrupts import Interrupts
from livetrader.offline.project import copy_code
from livetrader.offline.results import COMPLETED, RUNTIME_ERROR, STOPPED, BacktestResult, FileResults
from livetrader.results.charts import ChartLimits
from livetrader.results.run_result import RunSummary
from livetrader.settings import PluginSection
from livetrader.store.opening import open_store
from livetrader.store.options import StoreOptions, shown
from livetrader.store.store import Store
from livetrader.training.inline import InlineTrainer
from livetrader_engine.engine import EngineOptions, EnginePorts
from livetrader_engine.loop import run_ahead
from livetrader_engine.ports import OrderSink
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.spi import Context
from livetrader_engine.statistics.benchmark import BenchmarkOptions
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType
from livetrader_engine.synchronizer import HistoricalFeed
from livetrader_engine.transactions import TradingPolicy
from livetrader_engine.wire import writable
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.binding import RunSettings
from livetrader_lean.failures import user_traceback
from livetrader_lean.loader import load
from livetrader_lean.times import to_ns

DEFAULT_START: Final = date(1998, 1, 1)  # LEAN's; where neither the run nor the algorithm names one
MAX_ORDERS: Final = 10_000  # of one backtest, as in LEAN's
BENCHMARK: Final = ("SPY", SecurityType.EQUITY, "usa")  # LEAN's, where the algorithm names none
_ONE_DAY: Final = timedelta(days=1)

Progress = Callable[[int, int, int], None]  # (start_ns, now_ns, end_ns)


class BacktestRequest(msgspec.Struct, frozen=True):
    """What to run. `start`, `end` (inclusive) and `cash` override the algorithm's own.

    `histories` are where the past comes from, in order; what they bring is kept in `data_folder`. `name` is
    what people call the run; the algorithm's class, where it is empty. `charts` bounds what the algorithm may
    plot. `object_store` None is one of the run's own in its result folder, empty at first.
    """

    path: Path
    data_folder: Path
    output: Path
    class_name: str | None = None
    start: date | None = None
    end: date | None = None
    cash: Decimal | None = None
    parameters: Mapping[str, str] = {}
    histories: tuple[PluginSection, ...] = (PluginSection(STORE, {}),)
    name: str = ""
    charts: ChartLimits = ChartLimits()
    object_store: StoreOptions | None = None


def run_backtest(
    request: BacktestRequest,
    progress: Progress | None = None,
    show: Callable[[str], None] | None = None,
    interrupts: Interrupts | None = None,
) -> BacktestResult:
    """Run it, write the result folder and return what came out; docs/backtest.md lists the files.

    `progress` hears how far time has come; `show` gets each line that is logged. `interrupts`, entered by
    the caller, ends the run early with what it has: status Stopped. What the algorithm raises becomes status
    RuntimeError with its traceback; the files are written all the same. Raises LoadError for a file that
    cannot be used and ConfigError for a history plugin that is not there, or an output folder that holds
    other files under the names of results; then nothing is written. Blocks until done; training runs inside
    the step in which it is due.
    """
    began_ns = wall_ns()
    algorithm_type = load(request.path, request.class_name)
    identity = algorithm_type.__name__
    request.output.mkdir(parents=True, exist_ok=True)
    clear(request.output)
    stamp = datetime.fromtimestamp(began_ns / NS_PER_SECOND, UTC).strftime("%Y%m%d%H%M%S%f")[:-3]
    monitor = DataMonitor(request.output, request.data_folder, stamp)
    with FileResults(request.output, identity, show, request.charts) as results:
        backtest = _Backtest(request, algorithm_type, results, monitor)
        status, error = backtest.run(progress, interrupts)
        if interrupts is not None:
            interrupts.run_over()
        backtest.warn_of_data()
        figures = figures_of(backtest.engine, results)
        results.close()
        summary = backtest.summary(identity, status, error, began_ns)
        monitor.close((summary.finished_ns - began_ns) / NS_PER_SECOND)
        result = BacktestResult(
            status=status,
            data_points=backtest.engine.data_points,
            history_data_points=backtest.engine.history_data_points,
            statistics=dict(figures.summary),
            runtime_statistics=dict(figures.runtime),
            error=error,
            folder=str(request.output),
            failed_data_requests=monitor.failed,
        )
        copy_code(request.path, request.output / CODE, without=(request.output, request.data_folder))
        write_config(request.output, _config(request, summary))
        write_files(request.output, summary, figures, result)
    return result


class _Backtest:
    """One run: builds the ports, initializes, loops."""

    def __init__(
        self,
        request: BacktestRequest,
        algorithm_type: type[QCAlgorithm],
        results: FileResults,
        monitor: DataMonitor,
    ) -> None:
        self._request = request
        self._results = results
        self._monitor = monitor
        history = open_histories(request.histories, self._context)
        # the span is known only after initialize
        self._feed = HistoricalFeed(history, history.reference, 0, 0)
        trainer = InlineTrainer(lambda: self.engine.clock.now_ns, request.path.resolve())
        store = _store(request, results)
        around = surroundings_of(lambda: self.engine, sequential=True)
        models = open_registry(store, user_keys(), around)

        def ports(orders: OrderSink) -> EnginePorts:
            return EnginePorts(
                feed=self._feed,
                orders=orders,
                history=history,
                reference=history.reference,
                results=results,
                trainer=trainer,
                object_store=store,
                models=models,
            )

        zone = EngineOptions(start_ns=0).timezone
        options = EngineOptions(
            start_ns=_midnight(request.start or DEFAULT_START, zone),
            policy=TradingPolicy(
                convert_daily_market_orders=True,
                order_wait_s=0.0,
                max_orders=MAX_ORDERS,
                defer_requests=True,
            ),
            books_corporate_actions=True,
            ends_bankrupt=True,
            benchmark=BenchmarkOptions(history.reference.symbol(*BENCHMARK)),
        )
        if request.cash is not None:
            options = msgspec.structs.replace(options, cash=request.cash)
        self.engine = simulated_engine(ports, options)
        settings = RunSettings(live=False, start=request.start, end=request.end, cash=request.cash)
        self.adapter = AlgorithmAdapter(self.engine, algorithm_type, request.parameters, run=settings)
        self.engine.attach(self.adapter)
        results.time_zone = lambda: self.adapter.binding.time_zone

    def _context(self, name: str) -> Context:
        request, heard = self._request, self._monitor.requested
        return offline_context(name, request.data_folder, self._told, heard)

    def _told(self, action: str, **fields: object) -> None:
        """Show what a history reports: what was downloaded is said by the progress, failures by it here."""
        words = ", ".join(f"{name} {value}" for name, value in fields.items() if name != "level")
        if fields.get("level") == "warning":
            self._results.warning(wall_ns(), f"{action.replace('_', ' ')}: {words}")

    def warn_of_data(self) -> None:
        """Say which files were looked for in vain: a misspelt ticker is a run without orders otherwise."""
        for words in self._monitor.take_warnings():
            self._results.warning(self.engine.clock.now_ns, words)

    def run(self, progress: Progress | None, interrupts: Interrupts | None) -> tuple[str, str]:
        """Run to the end; return the status, and the user's traceback where the algorithm raised."""
        engine = self.engine

        def quit_run(signal_name: str) -> None:
            engine.quit_reason = f"stopped by {signal_name}"

        if interrupts is not None:
            interrupts.heard = quit_run
        try:
            self.adapter.initialize()
            start_ns, end_ns = self._set_span()
            run_ahead(engine, self._feed, self._looker(start_ns, end_ns, progress))
        except KeyboardInterrupt:  # the second Ctrl-C: the algorithm did not come back by itself
            return STOPPED, ""
        except (Exception, SystemExit) as error:  # noqa: BLE001 — boundary: what the algorithm raised is told
            text = user_traceback(error)
            self._results.error(self.engine.clock.now_ns, text)
            return RUNTIME_ERROR, text
        interrupted = interrupts is not None and interrupts.received is not None
        return STOPPED if interrupted else COMPLETED, ""

    def summary(self, identity: str, status: str, error: str, began_ns: int) -> RunSummary:
        """Return what is known of the run beside its figures."""
        binding, engine = self.adapter.binding, self.engine
        return RunSummary(
            id=identity,
            name=writable(self._request.name or binding.name or identity),
            status=status,
            started_ns=began_ns,
            finished_ns=wall_ns(),
            start=binding.start or DEFAULT_START,
            end=self._end(),
            account_currency=engine.portfolio.cash.account_currency,
            account_type=int(engine.portfolio.account_type),
            trading_days=engine.statistics.trading_days,
            parameters=binding.parameters,
            tags=tuple(binding.tags),
            log_lines=self._results.log_lines,
            insights=self._results.insights,
            error=error,
            host=platform.node(),
        )

    def _end(self) -> date:
        binding = self.adapter.binding
        yesterday = datetime.fromtimestamp(wall_ns() / NS_PER_SECOND, binding.time_zone).date() - _ONE_DAY
        return binding.end or yesterday

    def _set_span(self) -> tuple[int, int]:
        start_ns = self.engine.clock.now_ns
        end_ns = to_ns(self._end() + _ONE_DAY, self.adapter.binding.time_zone) - 1
        self.engine.sampler.set_span(start_ns, end_ns)
        from_ns = self.engine.warm_up_from_ns
        # what was scheduled before set_start_date was called began at LEAN's default start
        self.engine.scheduler.restart(start_ns)
        if from_ns is not None:
            wanted = self.adapter.binding.warm_up
            if wanted is not None and wanted.resolution is not None:
                self._feed.warm_up_with(wanted.resolution, start_ns)
        self._feed.set_span(start_ns if from_ns is None else from_ns, end_ns)
        self._feed.step_at(start_ns)  # LEAN has a step here, data or not; a warm-up ends with it
        self.engine.benchmark.start()
        return start_ns, end_ns

    def _looker(self, start_ns: int, end_ns: int, progress: Progress | None) -> Callable[[], None]:
        def look() -> None:
            self.warn_of_data()
            if progress is not None:
                progress(start_ns, self.engine.clock.now_ns, end_ns)

        return look


def _midnight(day: date, zone: str) -> int:
    return to_ns(day, ZoneInfo(zone))


def _store(request: BacktestRequest, results: FileResults) -> Store:
    """Open the object store. Raises ConfigError for one that cannot be."""
    options = request.object_store or StoreOptions(str(request.output / "object_store"))
    if not options.copies:
        options = msgspec.structs.replace(options, copies=str(request.output / "object_store_copies"))
    try:
        return open_store(options, lambda words: results.warning(wall_ns(), words))
    except ValueError as error:
        raise ConfigError([str(error)]) from error


def _config(request: BacktestRequest, run: RunSummary) -> dict[str, object]:
    return {
        "id": run.id,
        "backtest-name": run.name,
        "environment": "backtesting",
        "algorithm-type-name": run.id,
        "algorithm-language": "Python",
        "algorithm-location": request.path.name,
        "data-folder": request.data_folder,
        "start": run.start,
        "end": run.end,
        "cash": request.cash,
        "parameters": dict(run.parameters),
        "object-store": None if request.object_store is None else shown(request.object_store.url),
        "maximum-chart-series": request.charts.series,
        "maximum-data-points-per-chart-series": request.charts.points,
    }
