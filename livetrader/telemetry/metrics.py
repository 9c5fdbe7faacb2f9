"""Every metric of the daemon, declared once, in a registry of its own.

Counters and histograms are moved by whoever sees the event. Gauges that repeat what the status already
says are set from the views when somebody scrapes (`livetrader.control.gauges`), so they cannot disagree
with /v1/status. Labels take few, known values: never a symbol of an order, an id or a message. What belongs
to one order is an exemplar: the id of the order's trace. A gauge without labels is NaN until somebody has
set it: not known is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder, generate_latest

from livetrader_engine.errors import InvariantError

# Counted elsewhere (by gateway and journal, as they replay), and read when somebody scrapes: see `derive`.
DERIVED: Final[dict[str, str]] = {
    "late_fills": "Fills of orders that we held to be closed",
    "repeated_fills": "Fills that were reported again, and not booked again",
    "overfills": "Fills beyond an order's quantity",
    "stale_reports": "Reports of an order that newer ones had overtaken",
    "unknown_reports": "Reports of orders of ours that nobody remembers",
    "corrections": "Trades that the venue corrected or took back",
    "twins": "Orders that the venue made of one of ours",
    "foreign_fills": "Trades in this account that were not ours",
    "unknown_fees": "Fees of trades of orders that nobody remembers",
    "fills_claimed_without_trade": "Reports of a filled order without the trade",
    "feed_reconnects": "Connections of feeds made anew because they were silent",
    "stream_failovers": "Streams that another feed took over",
    "stale_marks": "Times that a stream was marked as stale",
    "bars_backfilled": "Bars that history brought in place of a feed",
    "bars_missing": "Bars that neither a feed nor a history brought",
    "silences_proven": "Silences of a stream that history showed to be real",
    "silences_disproven": "Silences of a stream in which history had news",
    "history_questions": "Questions to history while trading",
    "history_failures": "Questions to history that were not answered",
    "log_suppressed": "Log lines left out because there were too many",
    "journal_dropped": "Records that may be lost and were, because the disk was too slow",
    "journal_records": "Records of the journal, with those of earlier runs",
}
# The same with one label: name -> (text, label).
DERIVED_BY: Final[dict[str, tuple[str, str]]] = {
    "process_cpu_seconds": ("Processor time of a process", "process"),
}

# Seconds. Of what a healthy daemon does in milliseconds; a decision may take microseconds, a venue may take
# a minute, and a limit order may wait for days.
_FAST_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DECISION_BUCKETS: Final = (0.0001, 0.00025, *_FAST_BUCKETS, 10.0, 30.0)
_VENUE_BUCKETS: Final = (*_FAST_BUCKETS[1:], 10.0, 30.0, 60.0)
_FILL_BUCKETS: Final = (
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 23400.0, 86400.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Declaration:
    """One metric as docs/metrics.md lists it. `name` is that of the series, without _bucket and the like."""

    section: str
    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Metrics:
    """The metrics, one attribute each. Owned by the supervisor's loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.declared: list[Declaration] = []
        self._section = ""
        for section, declare in (
            ("Account", self._declare_account),
            ("Orders", self._declare_orders),
            ("Processes", self._declare_processes),
            ("Training and models", self._declare_training),
            ("Journal and disk", self._declare_journal),
            ("Data and brokerage", self._declare_data),
            ("Control API and people", self._declare_control),
            ("Counted elsewhere", self._declare_derived),
        ):
            self._section = section
            declare()
        self._derived: dict[str, Callable[[], float]] = {}
        self._derived_by: dict[str, Callable[[], Mapping[str, float]]] = {}
        self._refresh: list[Callable[[], None]] = []
        self.registry.register(self)

    def _declare_account(self) -> None:
        self.equity = self._gauge("equity", "Value of the account in its currency")
        self.equity_peak = self._gauge("equity_peak", "Highest value of the account in this deployment")
        self.drawdown = self._gauge("drawdown_ratio", "Fall from the highest value, as a share of it")
        self.cash = self._gauge("cash", "Cash of the account in its currency")
        self.day_profit = self._gauge("day_profit", "Profit since the start of the trading day")
        self.daily_loss_limit = self._gauge("daily_loss_limit", "limits.daily_loss; 0 where there is none")
        self.exposure_gross = self._gauge("exposure_gross", "Value of all positions, long and short added up")
        self.exposure_net = self._gauge("exposure_net", "Value of the long positions less the short ones")
        self.positions = self._gauge("positions", "Positions that are not zero")
        self.halted = self._gauge("halted", "1 while new orders are refused")
        self.restricted = self._gauge(
            "restricted_symbols", "Symbols that take no orders until somebody looks"
        )
        self.kill_latched = self._gauge("kill_switch_latched", "1 from a liquidation until somebody resumes")
        self.kill_state = self._gauge("kill_switch_state", "1 for the state the kill switch is in", "state")
        self.kill_trips = self._counter("kill_switch_trips", "Runs of the kill switch", "source")
        self.kill_seconds = self._histogram(
            "kill_switch_seconds", "From the trigger to a verified flat account"
        )

    def _declare_orders(self) -> None:
        self.order_events = self._counter("order_events", "News of orders by the status they carry", "status")
        self.orders_sent = self._counter("orders_sent", "Orders that a brokerage plugin has sent")
        self.orders_denied = self._counter("orders_denied", "Orders that were not sent, by reason", "reason")
        self.orders_rejected = self._counter(
            "orders_rejected", "Orders refused after the limits: when sending, or by the venue", "stage"
        )
        self.fills = self._counter("fills", "Trades against our orders")
        self.open_orders = self._gauge("open_orders", "Working orders")
        self.unresolved_orders = self._gauge("unresolved_orders", "Orders of unknown outcome")
        self.foreign_orders = self._gauge("foreign_orders", "Working orders in the account that are not ours")
        self.held_orders = self._gauge("held_orders", "Orders that wait for the end of a maintenance")
        self.tick_to_decision = self._histogram(
            "tick_to_decision_seconds", "From a market event to the order that it led to", _DECISION_BUCKETS
        )
        self.decision_to_sent = self._histogram(
            "decision_to_sent_seconds", "From there through limits and journal until it was sent",
            _DECISION_BUCKETS,
        )  # fmt: skip
        self.sent_to_acknowledged = self._histogram(
            "sent_to_acknowledged_seconds", "From there to the venue's first word of it", _VENUE_BUCKETS
        )
        self.acknowledged_to_fill = self._histogram(
            "acknowledged_to_fill_seconds", "From there to the first trade, journaled", _FILL_BUCKETS
        )
        self.orders_followed = self._gauge("orders_followed", "Orders whose way is timed at present")
        self.trace_spans = self._counter(
            "trace_spans", "Spans of order traces by what became of them", "outcome"
        )

    def _declare_processes(self) -> None:
        self.daemon_state = self._gauge("daemon_state", "1 for the state the daemon is in", "state")
        self.ready = self._gauge("ready", "1 while trading is possible")
        self.not_ready = self._gauge("not_ready", "1 for each reason why trading is not possible", "reason")
        self.build = self._gauge("build_info", "1 for the version that runs", "version")
        self.started = self._gauge("start_time_seconds", "When the daemon started, seconds since 1970")
        self.engine_state = self._gauge("engine_state", "1 for the state the engine is in", "state")
        self.restarts = self._counter(
            "engine_restarts", "Starts of the engine process after a failure", "reason"
        )
        self.restarts_in_window = self._gauge(
            "engine_restarts_in_window", "Restarts that count against the budget of now"
        )
        self.restart_budget = self._gauge("engine_restart_budget", "engine.restarts: how many there may be")
        self.engine_up = self._gauge("engine_up", "1 while an engine process runs")
        self.engine_resident = self._gauge("engine_resident_bytes", "Memory of the engine process")
        self.engine_step = self._gauge(
            "engine_step_seconds", "How long the engine has been in its current step"
        )
        self.engine_beat = self._gauge("engine_beat_age_seconds", "Since the last beat of the engine process")
        self.steps = self._counter("engine_steps", "Steps the engine has completed")
        self.loop_lag = self._histogram("loop_lag_seconds", "How late the supervisor's loop wakes up")
        self.resident = self._gauge("process_resident_bytes", "Memory of a process", "process")
        self.descriptors = self._gauge("process_open_descriptors", "Open descriptors of a process", "process")
        self.descriptor_limit = self._gauge(
            "process_descriptor_limit", "How many a process may have open", "process"
        )
        self.threads = self._gauge("process_threads", "Threads of a process", "process")
        self.lane_depth = self._gauge(
            "lane_depth", "Messages that wait, by whose end and which lane", "end", "lane"
        )
        self.lane_points = self._gauge("lane_points", "Data points that wait, by whose end", "end")
        self.clock_synchronized = self._gauge(
            "clock_synchronized", "1 while the machine's clock follows a time server; NaN where nobody tells"
        )
        self.clock_offset = self._gauge(
            "clock_offset_seconds", "How far the clock is from its time server, as the kernel has it"
        )
        self.clock_error = self._gauge(
            "clock_max_error_seconds", "How wrong the clock may be at most, as the kernel has it"
        )

        self.venue_offset = self._gauge(
            "venue_clock_offset_seconds", "Our clock less the venue's, by the plugin that asked it", "plugin"
        )

    def _declare_training(self) -> None:
        self.training_ready = self._gauge("training_ready", "1 while the algorithm has a trained model")
        self.training_running = self._gauge("training_running", "1 while a training function runs")
        self.training_jobs = self._counter("training_jobs", "Training jobs by how they ended", "state")
        self.bucket_level = self._gauge("training_bucket_seconds", "Training time left in the leaky bucket")
        self.bucket_capacity = self._gauge("training_bucket_capacity_seconds", "Size of the leaky bucket")
        self.bucket_refill = self._gauge("training_refill_seconds", "Until the leaky bucket's next refill")
        self.training_deferred = self._gauge(
            "training_deferred", "Trainings that wait for minutes to pay them"
        )
        self.host_level = self._gauge(
            "training_host_bucket_seconds", "Left in the machine's bucket; NaN where unknown or there is none"
        )
        self.host_capacity = self._gauge(
            "training_host_bucket_capacity_seconds", "Size of the bucket that the machine's daemons share"
        )
        self.model_required = self._gauge("model_required", "1 where no new risk is taken without a model")
        self.model_usable = self._gauge("model_usable", "1 unless orders that add risk are refused for it")
        self.model_age = self._gauge("model_age_seconds", "Since the model in use was made; NaN without one")
        self.model_version = self._gauge("model_version", "Version of a loaded model that is in use", "name")
        self.model_drift = self._gauge(
            "model_drift", "How far data have moved from a model's, as the algorithm has it measured", "name"
        )
        self.model_trouble = self._counter("model_trouble", "Versions of models rolled back or refused")

    def _declare_journal(self) -> None:
        self.journal_healthy = self._gauge("journal_healthy", "1 while the journal takes records")
        self.journal_pending = self._gauge("journal_pending_records", "Records that wait for the disk")
        self.journal_append = self._histogram(
            "journal_append_seconds", "From a record that matters to its being durable"
        )
        self.journal_size = self._gauge("journal_size_bytes", "The journal's files")
        self.disk_free = self._gauge("disk_free_bytes", "Free where the state directory lies")
        self.disk_size = self._gauge("disk_size_bytes", "Size of the file system of the state directory")

    def _declare_data(self) -> None:
        self.conflated = self._gauge(
            "data_conflated", "Events replaced by newer ones before the engine read them"
        )
        self.data_age = self._gauge("data_age_seconds", "Since the last market event; NaN before the first")
        self.feed_connected = self._gauge("feed_connected", "1 while the feed is connected", "feed")
        self.feed_data_age = self._gauge(
            "feed_data_age_seconds", "Since a feed's last market event; NaN before the first", "feed"
        )
        self.feed_streams = self._gauge("feed_streams", "Streams that a feed serves", "feed")
        self.feed_refused = self._gauge(
            "feed_points_refused", "What did not pass the gates", "feed", "reason"
        )
        self.streams = self._gauge("streams", "Streams by how fresh they are", "state")
        self.stale_symbols = self._gauge(
            "stale_symbols", "Symbols that take no new risk: their data are stale"
        )
        self.waiting_bars = self._gauge("waiting_bars", "Live bars that wait for what is missing before them")
        self.brokerage_connected = self._gauge("brokerage_connected", "1 while the brokerage is connected")
        self.brokerage_state = self._gauge("brokerage_state", "1 for how we stand to the brokerage", "state")
        self.brokerage_away = self._gauge(
            "brokerage_away_seconds", "Since the brokerage was lost; 0 while it is connected"
        )
        self.reconnects = self._counter("reconnects", "Connections made again", "plugin")

    def _declare_control(self) -> None:
        self.requests = self._counter("control_requests", "Requests to the control API", "route", "code")
        self.alerts_firing = self._gauge(
            "alerts_firing", "Alerts that fire, as Alertmanager told us", "severity"
        )
        self.alerts = self._counter(
            "alerts", "Deliveries of alerts, and what they asked for, by outcome", "kind", "outcome"
        )
        self.request_seconds = self._histogram(
            "control_request_seconds", "From a request to the control API to its answer; streams not counted"
        )
        self.stream_readers = self._gauge("stream_readers", "Readers of the event stream")
        self.stream_dropped = self._counter("stream_dropped", "Readers dropped because they were too slow")
        self.sessions = self._gauge("control_sessions", "Browsers that are logged in")
        self._declare_notifications()

    def _declare_notifications(self) -> None:
        self.notifications = self._counter(
            "notifications", "Notifications, and attempts to bring them to people, by outcome", "outcome"
        )
        self.notifications_waiting = self._gauge(
            "notifications_waiting", "Notifications that wait for a channel", "urgency"
        )
        self.notification_age = self._gauge(
            "notification_oldest_waiting_seconds", "Age of the oldest notification that waits; 0: none does"
        )
        self.alarms_unacknowledged = self._gauge(
            "notification_alarms_unacknowledged", "Alarms that nobody has acknowledged"
        )
        self.channel_up = self._gauge(
            "notification_channel_up", "1 while a channel took what it was given last", "channel"
        )
        self.outbox_durable = self._gauge(
            "notification_outbox_durable", "1 while notifications are kept on disk"
        )

    def _declare_derived(self) -> None:
        for name, text in DERIVED.items():
            self._note(f"{name}_total", "counter", (), text)
        for name, (text, label) in DERIVED_BY.items():
            self._note(f"{name}_total", "counter", (label,), text)

    def derive(self, name: str, read: Callable[[], float]) -> None:
        """Show `read()` as the counter `name` of DERIVED. It must not block and never go down."""
        if name not in DERIVED:
            raise InvariantError(f"{name} is not declared in DERIVED")
        self._derived[name] = read

    def derive_by(self, name: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Show `read()`, a value for each value of the label, as the counter `name` of DERIVED_BY."""
        if name not in DERIVED_BY:
            raise InvariantError(f"{name} is not declared in DERIVED_BY")
        self._derived_by[name] = read

    def refreshed_by(self, refresh: Callable[[], None]) -> None:
        """Call `refresh` before each scrape: it sets gauges to what is true then. It must not block."""
        self._refresh.append(refresh)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the derived counters; called by the registry at each scrape."""
        for name, read in self._derived.items():
            yield CounterMetricFamily(f"livetrader_{name}", DERIVED[name], value=read())
        for name, values_of in self._derived_by.items():
            text, label = DERIVED_BY[name]
            family = CounterMetricFamily(f"livetrader_{name}", text, labels=(label,))
            for value, count in values_of().items():
                family.add_metric((value,), count)
            yield family

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Yield what `collect` may yield, for the registry's check of names."""
        for name, text in DERIVED.items():
            yield CounterMetricFamily(f"livetrader_{name}", text)
        for name, (text, label) in DERIVED_BY.items():
            yield CounterMetricFamily(f"livetrader_{name}", text, labels=(label,))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        self._look()
        return generate_latest(self.registry)

    def exposition_as(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type, in the format that an Accept header prefers.

        That is Prometheus' text format, or OpenMetrics: only the latter carries exemplars.
        """
        self._look()
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _look(self) -> None:
        for refresh in self._refresh:
            refresh()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self._note(f"{name}_total", "counter", labels, text)
        return Counter(f"livetrader_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self._note(name, "gauge", labels, text)
        gauge = Gauge(f"livetrader_{name}", text, labels, registry=self.registry)
        if not labels:
            gauge.set(float("nan"))
        return gauge

    def _histogram(self, name: str, text: str, buckets: Sequence[float] = _FAST_BUCKETS) -> Histogram:
        self._note(name, "histogram", (), text)
        return Histogram(f"livetrader_{name}", text, registry=self.registry, buckets=buckets)

    def _note(self, name: str, kind: str, labels: tuple[str, ...], text: str) -> None:
        self.declared.append(Declaration(self._section, f"livetrader_{name}", kind, labels, text))
