"""Sets the gauges that repeat what the status says, when somebody scrapes."""

from __future__ import annotations

from decimal import Decimal

from prometheus_client import Gauge

from livetrader.control.alert_book import SEVERITIES
from livetrader.control.data_views import DataView
from livetrader.control.operations import StatusView
from livetrader.control.training_views import TrainingSummary
from livetrader.telemetry.metrics import Metrics


def show_curve(metrics: Metrics, peak: Decimal | None, drawdown_pct: float) -> None:
    """Set what the owner of the equity curve says; `drawdown_pct` is 0 or below."""
    if peak is not None:
        metrics.equity_peak.set(float(peak))
        metrics.drawdown.set(-drawdown_pct / 100.0)


def show_status(metrics: Metrics, status: StatusView, positions: int) -> None:
    """Set the gauges that repeat the status. Call it before each scrape, on the loop."""
    metrics.equity.set(float(status.equity))
    metrics.cash.set(float(status.cash))
    metrics.day_profit.set(float(status.day_profit))
    metrics.positions.set(positions)
    metrics.open_orders.set(status.open_orders)
    metrics.halted.set(status.halted)
    metrics.restricted.set(len(status.restricted))
    metrics.unresolved_orders.set(status.unresolved_orders)
    metrics.foreign_orders.set(len(status.foreign_orders))
    metrics.kill_latched.set(status.kill_switch.latched)
    metrics.ready.set(not status.reasons)
    metrics.not_ready.clear()
    for reason in status.reasons:
        metrics.not_ready.labels(reason).set(1)
    _one_hot(metrics.daemon_state, status.state)
    _one_hot(metrics.engine_state, status.engine.state)
    metrics.restarts_in_window.set(status.engine.restarts_in_window)
    _one_hot(metrics.kill_state, status.kill_switch.state)
    metrics.engine_up.set(status.engine.pid is not None)
    metrics.engine_resident.set(status.engine.resident_mb * 1024 * 1024)
    metrics.engine_step.set(status.engine.step_age_s or 0.0)
    metrics.engine_beat.set(_or_nan(status.engine.beat_age_s))
    metrics.conflated.set(status.engine.conflated)
    metrics.training_ready.set(status.training.ready)
    metrics.training_running.set(status.training.is_training)
    metrics.bucket_level.set(status.training.bucket_level_minutes * 60)
    metrics.bucket_capacity.set(status.training.bucket_capacity_minutes * 60)
    _show_training(metrics, status.training, status.wall_ns)
    metrics.data_age.set(_or_nan(status.feed.data_age_s))
    _show_data(metrics, status.data)
    for severity in SEVERITIES:
        metrics.alerts_firing.labels(severity).set(status.alerts.by_severity.get(severity, 0))
    metrics.brokerage_connected.set(status.brokerage_connected)
    connection = status.brokerage_connection
    _one_hot(metrics.brokerage_state, connection.state)
    away_s = 0.0 if status.brokerage_connected else max(0.0, (status.wall_ns - connection.since_ns) / 1e9)
    metrics.brokerage_away.set(away_s)
    metrics.held_orders.set(connection.held_orders)


def _show_data(metrics: Metrics, data: DataView) -> None:
    for gauge in (metrics.feed_connected, metrics.feed_data_age, metrics.feed_streams, metrics.feed_refused):
        gauge.clear()
    for feed in data.feeds:
        metrics.feed_connected.labels(feed.name).set(feed.connected)
        metrics.feed_data_age.labels(feed.name).set(_or_nan(feed.data_age_s))
        metrics.feed_streams.labels(feed.name).set(feed.streams)
        for reason, count in feed.refused.items():
            metrics.feed_refused.labels(feed.name, reason).set(count)
    metrics.streams.clear()
    for state, count in data.states.items():
        metrics.streams.labels(state).set(count)
    metrics.stale_symbols.set(data.stale_symbols)
    metrics.waiting_bars.set(data.waiting_bars)


def _show_training(metrics: Metrics, training: TrainingSummary, wall_ns: int) -> None:
    refill_ns, host, model = training.next_refill_ns, training.host, training.model
    metrics.bucket_refill.set(_or_nan(None if refill_ns is None else max(0.0, (refill_ns - wall_ns) / 1e9)))
    metrics.training_deferred.set(len(training.deferred))
    known = host is not None and host.next_refill_ns is not None
    metrics.host_level.set(host.left_minutes * 60 if host is not None and known else float("nan"))
    metrics.host_capacity.set(0.0 if host is None else host.capacity_minutes * 60)
    metrics.model_required.set(model.required)
    metrics.model_usable.set(not model.problem)
    metrics.model_age.set(_or_nan(model.age_s))


def _one_hot(gauge: Gauge, state: str) -> None:
    """Make `state` the only one that is 1; clearing keeps states of the past out of the scrape."""
    gauge.clear()
    gauge.labels(state).set(1)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
