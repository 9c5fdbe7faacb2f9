"""The results of a live run: collected on the loop, shown to readers, written to files by a thread.

They repeat in LEAN's words what the journal has, and add what it has not: the equity curve, plots, logs.
Nothing that trades reads them. A disk that fails is reported once and costs nothing but these files.
"""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from livetrader.control.operations import LogView
from livetrader.gateway.valuation import ACCOUNT_CURRENCY
from livetrader.journal.records import Record
from livetrader.results.live import (
    MAX_POINTS_SHOWN,
    MAX_TRADES_SHOWN,
    ChartName,
    ChartView,
    DeploymentView,
    EquityView,
    Spacing,
    StatisticsView,
    TradeView,
)
from livetrader.results.live_charts import LiveCharts
from livetrader.results.live_curve import EquityCurve
from livetrader.results.live_figures import Day, LiveFigures
from livetrader.results.live_folder import HISTORY_VERSION, Batch, History
from livetrader.results.live_json import LiveFacts
from livetrader.results.live_statistics import Account, Computed, compute
from livetrader.results.live_views import BENCHMARK, OWN_CHARTS, own_chart, trade_views
from livetrader.supervisor.result_book import COUNTED, OrderBook, run_summary, server_statistics
from livetrader.supervisor.result_facts import holding_facts, readable
from livetrader.supervisor.result_ports import MAX_PENDING, Pace, ResultPorts
from livetrader.supervisor.result_values import AccountValues
from livetrader.supervisor.result_writer import ResultWriter
from livetrader_engine.commands import DeclareSeries, NoteOrderEvent, Plot
from livetrader_engine.money import ZERO
from livetrader_engine.statistics.numbers import rounded
from livetrader_engine.symbols import NS_PER_SECOND

WRITE_S: Final = 5.0  # between two looks at whether there is something to write
WHOLE_S: Final = 600.0  # between two writes of the file of the whole run; LEAN: SetNextStatusUpdate
HISTORY_S: Final = 120.0  # between two writes of what a restart goes on with
SAMPLE_NS: Final = 2 * NS_PER_SECOND  # of session time; LEAN: ResamplePeriod
SAMPLE_S: Final = 2.0  # of the wall clock, where no market data comes
MAX_PLOTTED: Final = 1e20  # beyond it a plotted value has no digits after the point left, and is left out
RETURN_DIGITS: Final = 10  # LEAN: SamplePerformance


class ResultFiles:
    """Owns the results of this run; implements results.live.LiveResults. Belongs to the loop's thread.

    `load` comes first. The folder of a deployment is made when the first value of the account is known.
    What goes wrong in here is reported, ends the results, and goes no further: nobody who trades waits for
    it or hears of it.
    """

    def __init__(self, ports: ResultPorts) -> None:
        self._ports = ports
        self._writer = ResultWriter(ports)
        self._curve = EquityCurve(self._midnight)
        self._charts = LiveCharts(lambda words: ports.report("chart_limit", level="warning", message=words))
        self._figures = LiveFigures(lambda symbol: ports.gateway.rules.multiplier(symbol))
        self._book = OrderBook(ports.gateway, self._figures)
        self._start: Day | None = None
        self._loaded: History | None = None
        self._early: list[Record] = []  # before the account had a value
        self._fresh = False
        self._name = ""
        self._values = AccountValues(ports.gateway, ports.timing.monotonic_s, ports.settings.benchmark)
        self._computed = Computed()
        self._waiting = self._writer.waiting
        self._pace = Pace()
        self._next_ns = 0
        self._log_lines = 0
        self._broken = False
        self._writing = asyncio.Lock()

    # -- what happens ----------------------------------------------------------------------------------

    def name(self, algorithm_id: str) -> None:
        """Say which algorithm runs; its name stands in the files."""
        self._name = algorithm_id

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Take one order event; it is written soon. One with numbers that nobody could read is left out."""
        if readable(noted):
            self._waiting.events.append(noted)

    def chart(self, message: DeclareSeries | Plot) -> None:
        """Take a series or a point; the daemon's own charts are not the algorithm's to draw on."""
        if message.chart in OWN_CHARTS:
            if isinstance(message, Plot) and (message.chart, message.series) == BENCHMARK:
                self._values.tell_benchmark(message.values[-1])
        elif isinstance(message, DeclareSeries):
            self._charts.declare(message.chart, message.series, message.style)
        elif all(math.isfinite(value) and abs(value) <= MAX_PLOTTED for value in message.values):
            self._charts.plot(message.time_ns, message.chart, message.series, message.values)

    def log(self, line: LogView) -> None:
        """Take a line of the log."""
        words = f"{_time(line.time_ns)} {line.level.upper()} {line.message}"
        self._waiting.logs.append(words if line.source == "algorithm" else f"{words} [{line.source}]")
        if line.source == "algorithm":
            self._log_lines += 1
            self._waiting.own_logs.append(f"{_time(line.time_ns)} {line.message}")

    def record(self, record: Record) -> None:
        """Take in what the gateway has journaled and applied: trades, fees, splits, orders."""
        if not isinstance(record, COUNTED):
            return
        if self._start is not None:
            self._shielded(self._book.take, record)
        elif len(self._early) < MAX_PENDING:
            self._early.append(record)

    def look(self) -> None:
        """Value the account where the last look was long enough ago; cheap enough for every event."""
        now_ns = self._ports.timing.now_ns()
        if now_ns >= self._next_ns and self._ports.trading():
            self._next_ns = now_ns + SAMPLE_NS
            self._shielded(self._sample, now_ns)

    def _shielded(self, work: Callable[[Any], None], argument: object) -> None:
        """Do something for the results on somebody else's way: whatever it raises ends the results alone."""
        if self._broken:
            return
        try:
            work(argument)
        except Exception as error:  # noqa: BLE001 — boundary: a fault in here must not reach who trades
            self._tell_broken(error)

    # -- what may be read ------------------------------------------------------------------------------

    def deployment(self) -> DeploymentView | None:
        """Return the deployment that runs, None before the account had a value."""
        return self._writer.view

    def equity(self, spacing: Spacing, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> EquityView:
        """Return at most the `limit` newest points after `since_ns`."""
        return self._curve.view(spacing, ACCOUNT_CURRENCY, since_ns, min(limit, MAX_POINTS_SHOWN))

    def charts(self) -> tuple[ChartName, ...]:
        """Return which charts there are, the daemon's first."""
        own = tuple(ChartName(name, series, own=False) for name, series in OWN_CHARTS.items())
        return own + self._charts.names()

    def chart_view(self, name: str, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> ChartView | None:
        """Return one chart with at most the `limit` newest points of each series, None for an unknown one."""
        limit = min(limit, MAX_POINTS_SHOWN)
        if name in OWN_CHARTS:
            return own_chart(name, self._curve, self._figures.days, since_ns, limit)
        return self._charts.view(name, since_ns, limit)

    def statistics(self) -> StatisticsView:
        """Return the figures as they were computed last: at most a minute old."""
        return self._computed.view

    def trades(self, *, limit: int = MAX_TRADES_SHOWN) -> tuple[TradeView, ...]:
        """Return at most `limit` closed trades, newest first."""
        return trade_views(self._figures.closed, min(limit, MAX_TRADES_SHOWN))

    # -- files -----------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Find what an earlier start left. Nothing that fails here keeps the daemon from starting."""
        self._loaded = await self._writer.load()

    async def run(self) -> None:
        """Value the account where no data comes, and write what has come, until cancelled."""
        looks = 0
        while True:
            await self._ports.timing.sleep(SAMPLE_S)
            self.look()
            looks += 1
            if looks * SAMPLE_S >= WRITE_S:
                looks = 0
                await self.write()

    async def write(self, *, end: bool = False) -> None:
        """Write what has come; at the `end` everything. Before the account had a value it waits."""
        async with self._writing:
            if self._start is None or self._broken:
                return
            try:
                await self._writer.deploy(fresh=self._fresh)
                batch = await self._batch(end=end)
                took_s = await self._writer.write(batch, self._name, end=end)
            except Exception as error:  # noqa: BLE001 — boundary: a fault in here must not end the daemon
                self._tell_broken(error)
            else:
                self._pace.took_s = took_s if batch.facts is not None else self._pace.took_s

    async def _batch(self, *, end: bool) -> Batch:
        """Return what is to be written now, statistics computed where everything is."""
        pace, now_s = self._pace, self._ports.timing.monotonic_s()
        batch = Batch()
        self._book.count()
        if pace.full_due(now_s, self._figures.fills, end=end):
            facts, state = self._facts(end=end), self._figures.state()
            assert self._start is not None, "valued before"
            account = Account(facts.now_ns, facts.currency, self._curve.value or ZERO, facts.holdings)
            self._computed = await asyncio.to_thread(
                compute, account, facts.long, state, self._start, self._ports.rate, self._ports.own()
            )
            view = self._computed.view
            batch.facts = msgspec.structs.replace(
                facts, summary=view.summary, runtime=view.runtime, total=self._computed.total
            )
            batch.whole = pace.due("whole", now_s, WHOLE_S, end=end)
        if pace.due("history", now_s, HISTORY_S, end=end):
            batch.history = self._history()
        return batch

    def _facts(self, *, end: bool) -> LiveFacts:
        ports, gateway, curve = self._ports, self._ports.gateway, self._curve
        run = run_summary(ports, self._writer.view, self._start, end=end)
        run = msgspec.structs.replace(run, name=self._name, log_lines=self._log_lines)
        return LiveFacts(
            run=run,
            now_ns=curve.last_ns,
            currency=ACCOUNT_CURRENCY,
            seconds=curve.points(Spacing.SECOND),
            minutes=curve.points(Spacing.MINUTE),
            ten_minutes=curve.points(Spacing.TEN_MINUTES),
            long=curve.long_points(),
            own=self._charts.state(),
            figures=self._figures.state(),
            orders=self._book.orders(),
            holdings=holding_facts(gateway.positions.items(), gateway.last_prices, gateway.rules.multiplier),
            cash=dict(gateway.cash),
            summary={},
            runtime={},
            server=server_statistics(ports.timing.wall_ns() - run.started_ns),
        )

    def _history(self) -> History:
        view = self._writer.view
        return History(
            version=HISTORY_VERSION,
            deployment="" if view is None else view.id,
            curve=self._curve.state(),
            charts=self._charts.state(),
            figures=self._figures.state(),
            start=self._start,
        )

    def _tell_broken(self, error: Exception) -> None:
        self._broken = True
        words = "".join(traceback.format_exception(error))
        self._ports.report(
            "results_broken", level="error", error=str(error), traceback=words,
            next_step="trading goes on without result files; a restart begins them anew",
        )  # fmt: skip

    # -- values ----------------------------------------------------------------------------------------

    def _sample(self, now_ns: int) -> None:
        gateway = self._ports.gateway
        if not self._values.priced():
            return
        equity, benchmark = gateway.equity(), self._values.benchmark()
        if self._start is None:
            self._begin(Day(now_ns, equity, ZERO, 0.0, ZERO, benchmark=benchmark))
        self._curve.add(now_ns, equity, benchmark)
        self._figures.hold((s, held.quantity, held.average_price) for s, held in gateway.positions.items())
        self._figures.mark(gateway.last_prices.get)

    def _begin(self, start: Day) -> None:
        """Go on where an earlier start stood, or begin: also where a replay begins again."""
        loaded, self._loaded = self._loaded, None
        origin_ns = 0 if loaded is None or loaded.start is None else loaded.start.time_ns
        again = self._fresh = self._ports.keeps_time and start.time_ns <= origin_ns
        self._start = start
        if loaded is not None and not again:
            self._start = loaded.start or start
            self._curve.load(loaded.curve)
            self._charts.load(loaded.charts)
            self._figures.load(loaded.figures)
            self._book.catch_up()
        else:
            self._book.begin(self._early)
        for record in self._early:
            self._book.take(record)
        self._early.clear()

    def _midnight(self, time_ns: int, value: Decimal) -> None:
        """Note what a midnight found; the curve says when one has passed."""
        days = self._figures.days
        before = days[-1].equity if days else self._start.equity if self._start is not None else value
        gain = rounded((value - before) * 100 / before, RETURN_DIGITS) if before else ZERO
        long, short = self._values.exposure(value)
        benchmark = self._values.benchmark()
        self._figures.midnight(
            Day(time_ns, value, gain, self._curve.drawdown_pct, ZERO, long, short, benchmark)
        )


def _utc(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC)


def _time(time_ns: int) -> str:
    return f"{_utc(time_ns):%Y-%m-%d %H:%M:%S}"
