"""The figures of the metrics that nobody moves on purpose: read where they live, when somebody scrapes.

What the status says is shown by livetrader.control.gauges; here is the rest: what gateway, journal and feeds
count by themselves, what waits on the lanes, what the positions are worth, what the machine says.
"""

from __future__ import annotations

import asyncio
from typing import Final

from livetrader import __version__
from livetrader.control.gauges import show_curve
from livetrader.errors import ConfigError
from livetrader.feeds.counting import FeedCounts
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.timing import Timing
from livetrader.ipc.messages import LaneDepths
from livetrader.journal.journal import Journal
from livetrader.results.live import Spacing
from livetrader.settings import Settings
from livetrader.supervisor.supervisor import Supervisor
from livetrader.telemetry import logs
from livetrader.telemetry.flights import Flights
from livetrader.telemetry.host import ENGINE, SUPERVISOR, HostFacts, HostWatch, read_host
from livetrader.telemetry.machine_clock import UNKNOWN_CLOCK
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.order_spans import Clocks
from livetrader.telemetry.otlp import OtlpSpans
from livetrader_engine.spi_data import Timekeeping

NS_PER_S: Final = 1e9
_NAN: Final = float("nan")


def open_spans(settings: Settings, metrics: Metrics) -> OtlpSpans | None:
    """Return where the traces of orders go, None where nobody wants them. Raises ConfigError."""
    if not settings.telemetry.otlp_endpoint:
        return None

    def counted(outcome: str, spans: int) -> None:
        metrics.trace_spans.labels(outcome).inc(spans)

    try:
        return OtlpSpans(settings.telemetry.otlp_endpoint, settings.account.name, counted)
    except ConfigError as error:
        raise ConfigError([f"{settings.source}: {problem}" for problem in error.problems]) from error


def follow_orders(
    settings: Settings, metrics: Metrics, timing: Timing, gateway: Gateway, spans: OtlpSpans | None
) -> Flights:
    """Return what times every order of the gateway, from now on."""
    flights = Flights(
        metrics,
        Clocks(timing.monotonic_s, timing.wall_ns),
        lambda client_order_id: gateway.state.orders.get(client_order_id),
        spans,
        settings.telemetry.trace_ratio,
    )
    gateway.ledger.observers.append(flights.applied)
    gateway.ledger.journal.appended = metrics.journal_append.observe
    return flights


class Figures:
    """Shows them. Belongs to the loop's thread; owns the watch of the machine.

    `refresh` is called by the metrics before each scrape, `run` is a task of the daemon.
    """

    def __init__(self, supervisor: Supervisor, spans: OtlpSpans | None = None) -> None:
        parts = supervisor.parts
        self._supervisor = supervisor
        self._metrics = parts.metrics
        self._spans = spans
        directory = parts.directory
        self.host = HostWatch(
            parts.timing,
            lambda: read_host(directory.root, directory.journal, self._engine_pid()),
        )
        self._show_settings()
        _derive(self._metrics, parts.gateway, parts.journal)
        _derive_feeds(self._metrics, supervisor.feed.counts)
        self._metrics.derive_by("process_cpu_seconds", self._cpu_seconds)
        self._metrics.refreshed_by(self.refresh)

    async def run(self) -> None:
        """Watch the machine and send traces, until cancelled; then send what is left of them."""
        if self._spans is not None:
            self._spans.start()
        try:
            await self.host.run()
        finally:
            if self._spans is not None:
                await asyncio.to_thread(self._spans.close)

    def refresh(self) -> None:
        """Set the gauges to what is true now; never waits."""
        metrics, supervisor, parts = self._metrics, self._supervisor, self._supervisor.parts
        gross, net = exposure(parts.gateway)
        metrics.exposure_gross.set(gross)
        metrics.exposure_net.set(net)
        metrics.orders_followed.set(len(parts.flights))
        metrics.journal_pending.set(parts.journal.pending)
        metrics.journal_healthy.set(parts.journal.broken is None)
        link, beat = supervisor.keeper.link, supervisor.care.beat
        self._show_lanes(SUPERVISOR, None if link is None else link.waiting)
        self._show_lanes(ENGINE, None if beat is None else beat.waiting)
        metrics.lane_depth.labels(SUPERVISOR, "commands").set(supervisor.care.commands.waiting)
        curve = supervisor.care.results.equity(Spacing.SECOND, limit=1)
        show_curve(metrics, curve.peak, curve.drawdown_pct)
        show_host(metrics, self.host.facts)
        self._show_venues()

    def _show_venues(self) -> None:
        parts, gauge = self._supervisor.parts, self._metrics.venue_offset
        gauge.clear()
        for name, plugin in ((parts.settings.brokerage.plugin, parts.brokerage), *parts.feeds):
            offset_s = plugin.clock_offset_s if isinstance(plugin, Timekeeping) else None
            if offset_s is not None:
                gauge.labels(name).set(offset_s)

    def _show_settings(self) -> None:
        metrics, parts = self._metrics, self._supervisor.parts
        metrics.build.labels(__version__).set(1)
        metrics.started.set(self._supervisor.started_ns / NS_PER_S)
        metrics.restart_budget.set(parts.settings.engine.restarts)
        metrics.daily_loss_limit.set(parts.settings.limits.daily_loss)

    def _show_lanes(self, end: str, waiting: LaneDepths | None) -> None:
        depths = waiting or LaneDepths()  # no engine: nothing waits for it
        self._metrics.lane_depth.labels(end, "control").set(depths.control)
        self._metrics.lane_depth.labels(end, "orders").set(depths.orders)
        self._metrics.lane_depth.labels(end, "data").set(depths.data)
        self._metrics.lane_points.labels(end).set(depths.points)

    def _engine_pid(self) -> int | None:
        process = self._supervisor.keeper.process
        return None if process is None or not process.alive else process.pid or None

    def _cpu_seconds(self) -> dict[str, float]:
        facts = self.host.facts
        return {} if facts is None else {name: each.cpu_s for name, each in facts.processes.items()}


def exposure(gateway: Gateway) -> tuple[float, float]:
    """Return the value of all positions, gross and net, in account currency.

    At the newest prices, at the average price where none was seen; with the units of a contract.
    """
    gross = net = 0.0
    for symbol, held in gateway.positions.items():
        price = gateway.last_prices.get(symbol)
        value = float(held.quantity) * float(held.average_price if price is None else price)
        value *= float(gateway.rules.multiplier(symbol))
        gross += abs(value)
        net += value
    return gross, net


def show_host(metrics: Metrics, facts: HostFacts | None) -> None:
    """Set what the machine says; what is not known is NaN, a process that is gone has no line."""
    per_process = (metrics.resident, metrics.descriptors, metrics.descriptor_limit, metrics.threads)
    for gauge in per_process:
        gauge.clear()
    for name, each in {} if facts is None else facts.processes.items():
        metrics.resident.labels(name).set(each.resident_bytes)
        metrics.descriptors.labels(name).set(each.descriptors)
        metrics.descriptor_limit.labels(name).set(each.descriptor_limit)
        metrics.threads.labels(name).set(each.threads)
    metrics.journal_size.set(_NAN if facts is None else facts.journal_bytes)
    metrics.disk_free.set(_NAN if facts is None else facts.disk_free_bytes)
    metrics.disk_size.set(_NAN if facts is None else facts.disk_size_bytes)
    clock = UNKNOWN_CLOCK if facts is None else facts.clock
    metrics.clock_synchronized.set(_or_nan(clock.synchronized))
    metrics.clock_offset.set(_or_nan(clock.offset_s))
    metrics.clock_error.set(_or_nan(clock.max_error_s))


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else value


def _derive(metrics: Metrics, gateway: Gateway, journal: Journal) -> None:
    """Show what gateway and journal count by themselves."""
    metrics.derive("late_fills", lambda: gateway.counters.late_fills)
    metrics.derive("repeated_fills", lambda: gateway.counters.repeated_fills)
    metrics.derive("overfills", lambda: gateway.counters.overfills)
    metrics.derive("stale_reports", lambda: gateway.counters.stale_reports)
    metrics.derive("unknown_reports", lambda: gateway.counters.unknown_reports)
    metrics.derive("corrections", lambda: gateway.counters.corrections)
    metrics.derive("twins", lambda: gateway.counters.twins)
    metrics.derive("foreign_fills", lambda: gateway.counters.foreign_fills)
    metrics.derive("unknown_fees", lambda: gateway.counters.unknown_fees)
    metrics.derive("fills_claimed_without_trade", lambda: gateway.counters.fills_claimed_without_trade)
    metrics.derive("journal_dropped", lambda: journal.dropped)
    metrics.derive("journal_records", lambda: journal.state.records)
    metrics.derive("log_suppressed", logs.suppressed_lines)


def _derive_feeds(metrics: Metrics, counts: FeedCounts) -> None:
    """Show what the feeds count."""
    metrics.derive("feed_reconnects", lambda: counts.reconnects.total())
    metrics.derive("stream_failovers", lambda: counts.failovers.total())
    metrics.derive("stale_marks", lambda: counts.stale_marks)
    metrics.derive("bars_backfilled", lambda: counts.backfilled_bars)
    metrics.derive("bars_missing", lambda: counts.missing_bars)
    metrics.derive("silences_proven", lambda: counts.proven_quiet)
    metrics.derive("silences_disproven", lambda: counts.proven_missed)
    metrics.derive("history_questions", lambda: counts.history_questions)
    metrics.derive("history_failures", lambda: counts.history_failures)
