"""Write config/grafana-dashboard.json: rows of panels, each expression once, all laid out by one rule.

`python docs/grafana.py` writes it; a test compares, and asks a real Prometheus every expression in it.
`$account` and `$instance` choose daemons; Grafana replaces `$__rate_interval`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parent.parent / "config" / "grafana-dashboard.json"
COLUMNS: Final = 24  # of Grafana's grid
HEIGHTS: Final = {"stat": 4, "timeseries": 8, "state-timeline": 6}
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN: Final = 'account=~"$account",instance=~"$instance"'
FIRING: Final = 'alertname=~"Livetrader.+",alertname!="LivetraderWatchdog",alertstate="firing"'
RATE: Final = "$__rate_interval"


@dataclass(frozen=True)
class Panel:
    """One panel. `asks` are pairs of expression and legend; `{}` in an expression chooses the daemon."""

    title: str
    unit: str
    asks: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    width: int = 8
    bad_from: float | None = None  # red from this value on
    text: str = ""


def plain(*names: str) -> tuple[tuple[str, str], ...]:
    """Return gauges by their names, a line each and for each account."""
    return tuple((f"livetrader_{name}{{}}", f"{{{{account}}}} {name.replace('_', ' ')}") for name in names)


def by(name: str, *labels: str) -> tuple[tuple[str, str], ...]:
    """Return a gauge as a line for each value of some labels."""
    return ((f"livetrader_{name}{{}}", " ".join(f"{{{{{label}}}}}" for label in ("account", *labels))),)


def rates(name: str, *labels: str) -> tuple[tuple[str, str], ...]:
    """Return a counter's growth a second, as a line for each value of some labels."""
    kept = ("account", *labels)
    legend = " ".join(f"{{{{{label}}}}}" for label in kept) + ("" if labels else f" {name.replace('_', ' ')}")
    return ((f"sum by ({', '.join(kept)}) (rate(livetrader_{name}_total{{}}[{RATE}]))", legend),)


def quantiles(name: str) -> tuple[tuple[str, str], ...]:
    """Return the median, the 95th and the 99th percentile of a histogram."""
    inner = f"sum by (account, le) (rate(livetrader_{name}_bucket{{}}[{RATE}]))"
    return tuple(
        (f"histogram_quantile({share}, {inner})", f"{{{{account}}}} p{share[2:]}")
        for share in ("0.5", "0.95", "0.99")
    )


def stat(title: str, name: str, unit: str = "none", bad_from: float | None = None, width: int = 3) -> Panel:
    """Return a gauge as one large number for each account."""
    return Panel(title, unit, by(name), "stat", width, bad_from)


ROWS: Final[tuple[tuple[str, tuple[Panel, ...]], ...]] = (
    (
        "Now",
        (
            stat("Ready", "ready", "bool_yes_no"),
            stat("Halted", "halted", "bool_yes_no", 1),
            stat("Kill switch used", "kill_switch_latched", "bool_yes_no", 1),
            Panel(
                "Alerts that fire",
                "none",
                (("sum by (account) (livetrader_alerts_firing{})", "{{account}}"),),
                "stat",
                3,
                1,
            ),
            stat("Equity", "equity"),
            stat("Profit today", "day_profit"),
            stat("Drawdown", "drawdown_ratio", "percentunit", 0.1),
            stat("Since the last market event", "data_age_seconds", "s", 60),
            Panel(
                "State of the daemon",
                "none",
                (("livetrader_daemon_state{} == 1", "{{account}} {{state}}"),),
                "state-timeline",
                12,
            ),
            Panel(
                "Why it may not trade",
                "none",
                (("livetrader_not_ready{} == 1", "{{account}} {{reason}}"),),
                "state-timeline",
                12,
            ),
        ),
    ),
    (
        "Account",
        (
            Panel("Equity", "none", plain("equity", "equity_peak", "cash")),
            Panel("Drawdown", "percentunit", by("drawdown_ratio"), bad_from=0.1),
            Panel(
                "Profit today, and the loss at which everything is sold",
                "none",
                (*plain("day_profit"), ("-livetrader_daily_loss_limit{} < 0", "{{account}} limit")),
            ),
            Panel("Exposure", "none", plain("exposure_gross", "exposure_net")),
            Panel(
                "State of the kill switch",
                "none",
                (("livetrader_kill_switch_state{} == 1", "{{account}} {{state}}"),),
                "state-timeline",
            ),
            Panel("Positions and working orders", "none", plain("positions", "open_orders")),
            Panel(
                "What needs a person",
                "none",
                plain("restricted_symbols", "unresolved_orders", "foreign_orders", "held_orders"),
            ),
        ),
    ),
    (
        "Orders",
        (
            Panel("Sent and filled, a second", "ops", (*rates("orders_sent"), *rates("fills"))),
            Panel("Not sent, by reason", "ops", rates("orders_denied", "reason")),
            Panel("Rejected, by whom", "ops", rates("orders_rejected", "stage")),
            Panel("From a market event to the decision", "s", quantiles("tick_to_decision_seconds"), width=6),
            Panel("From the decision to the wire", "s", quantiles("decision_to_sent_seconds"), width=6),
            Panel(
                "From the wire to the venue's word", "s", quantiles("sent_to_acknowledged_seconds"), width=6
            ),
            Panel("From there to the first trade", "s", quantiles("acknowledged_to_fill_seconds"), width=6),
            Panel("News of orders by status", "ops", rates("order_events", "status")),
            Panel(
                "What should not happen",
                "ops",
                (
                    *rates("overfills"),
                    *rates("twins"),
                    *rates("foreign_fills"),
                    *rates("corrections"),
                    *rates("late_fills"),
                    *rates("repeated_fills"),
                    *rates("unknown_reports"),
                ),
            ),
            Panel(
                "Runs of the kill switch, and how long they took",
                "s",
                (
                    (
                        "increase(livetrader_kill_switch_trips_total{}[$__range])",
                        "{{account}} runs by {{source}}",
                    ),
                    *quantiles("kill_switch_seconds"),
                ),
            ),
        ),
    ),
    (
        "Market data",
        (
            Panel("Feeds connected", "bool_yes_no", by("feed_connected", "feed")),
            Panel("Since a feed's last market event", "s", by("feed_data_age_seconds", "feed"), bad_from=60),
            Panel("Streams by how fresh they are", "none", by("streams", "state")),
            Panel(
                "Symbols that take no new risk; bars that wait",
                "none",
                plain("stale_symbols", "waiting_bars"),
            ),
            Panel("Points that did not pass the gates", "none", by("feed_points_refused", "feed", "reason")),
            Panel(
                "Repairs",
                "ops",
                (
                    *rates("feed_reconnects"),
                    *rates("stream_failovers"),
                    *rates("bars_backfilled"),
                    *rates("bars_missing"),
                    *rates("history_failures"),
                ),
            ),
        ),
    ),
    (
        "Brokerage",
        (
            Panel(
                "State of the connection",
                "none",
                (("livetrader_brokerage_state{} == 1", "{{account}} {{state}}"),),
                "state-timeline",
                12,
            ),
            Panel("Away for", "s", by("brokerage_away_seconds"), width=6, bad_from=120),
            Panel("Connections made again", "ops", rates("reconnects", "plugin"), width=6),
        ),
    ),
    (
        "Algorithm",
        (
            Panel("Runs", "bool_yes_no", by("engine_up")),
            Panel("Steps a second", "ops", rates("engine_steps")),
            Panel(
                "Age of the step of now, and of the last beat",
                "s",
                plain("engine_step_seconds", "engine_beat_age_seconds"),
            ),
            Panel(
                "Restarts that count, and how many there may be",
                "none",
                plain("engine_restarts_in_window", "engine_restart_budget"),
            ),
            Panel("Waits in the lanes", "none", by("lane_depth", "end", "lane")),
            Panel("Data points that wait", "none", (*by("lane_points", "end"), *plain("data_conflated"))),
            Panel(
                "State of the engine",
                "none",
                (("livetrader_engine_state{} == 1", "{{account}} {{state}}"),),
                "state-timeline",
            ),
        ),
    ),
    (
        "Training and models",
        (
            Panel(
                "Minutes left to train",
                "s",
                plain(
                    "training_bucket_seconds",
                    "training_bucket_capacity_seconds",
                    "training_host_bucket_seconds",
                ),
            ),
            Panel(
                "Trainings: running, waiting, ready",
                "none",
                plain("training_running", "training_deferred", "training_ready"),
            ),
            Panel(
                "Trainings by how they ended",
                "none",
                (("increase(livetrader_training_jobs_total{}[$__range])", "{{account}} {{state}}"),),
            ),
            Panel("Age of the model", "s", by("model_age_seconds")),
            Panel("Versions in use", "none", by("model_version", "name")),
            Panel("How far data have moved from a model's", "none", by("model_drift", "name")),
            Panel(
                "Usable; rolled back or refused",
                "none",
                (*plain("model_usable", "model_required"), *rates("model_trouble")),
            ),
        ),
    ),
    (
        "Processes",
        (
            Panel(
                "Memory",
                "bytes",
                (*by("process_resident_bytes", "process"), *plain("engine_resident_bytes")),
                width=6,
            ),
            Panel("Processors in use", "none", rates("process_cpu_seconds", "process"), width=6),
            Panel("Descriptors", "none", by("process_open_descriptors", "process"), width=6),
            Panel("Threads", "none", by("process_threads", "process"), width=6),
            Panel("How late the daemon wakes up", "s", quantiles("loop_lag_seconds"), bad_from=0.25),
            Panel(
                "The machine's clock is off by",
                "s",
                (
                    *plain("clock_offset_seconds", "clock_max_error_seconds"),
                    *by("venue_clock_offset_seconds", "plugin"),
                ),
            ),
            Panel("Log lines left out", "ops", rates("log_suppressed"), width=6),
            Panel(
                "Part of the descriptors that are open",
                "percentunit",
                (
                    (
                        "livetrader_process_open_descriptors{} / livetrader_process_descriptor_limit{}",
                        "{{account}} {{process}}",
                    ),
                ),
                width=6,
                bad_from=0.8,
            ),
            Panel(
                "Running for", "s", (("time() - livetrader_start_time_seconds{}", "{{account}}"),), width=6
            ),
            Panel("The clock follows a time server", "bool_yes_no", by("clock_synchronized"), width=6),
        ),
    ),
    (
        "Journal, control API, notifications",
        (
            Panel("A record until it is durable", "s", quantiles("journal_append_seconds")),
            Panel(
                "Records that wait", "none", (*plain("journal_pending_records"), *rates("journal_dropped"))
            ),
            Panel(
                "Journal and free disk",
                "bytes",
                plain("journal_size_bytes", "disk_free_bytes", "disk_size_bytes"),
            ),
            Panel(
                "Journal and outbox can be written",
                "bool_yes_no",
                plain("journal_healthy", "notification_outbox_durable"),
            ),
            Panel("Requests by route and answer", "ops", rates("control_requests", "route", "code")),
            Panel("Requests take", "s", quantiles("control_request_seconds")),
            Panel(
                "Readers of the event stream", "none", (*plain("stream_readers"), *rates("stream_dropped"))
            ),
            Panel("Alerts that came back, and what they did", "ops", rates("alerts", "kind", "outcome")),
            Panel("Notifications by outcome", "ops", rates("notifications", "outcome")),
            Panel(
                "Waiting and unacknowledged",
                "none",
                (*by("notifications_waiting", "urgency"), *plain("notification_alarms_unacknowledged")),
            ),
            Panel("Channels that deliver", "bool_yes_no", by("notification_channel_up", "channel")),
            Panel("The oldest one waits for", "s", plain("notification_oldest_waiting_seconds")),
        ),
    ),
)


def drawn(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    """Return one panel as Grafana stores it."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    look: dict[str, Any] = {}
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
        look = {"thresholdsStyle": {"mode": "dashed"}} if panel.kind == "timeseries" else {}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHTS[panel.kind], "w": panel.width, "x": x, "y": y},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": look,
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}}
        if panel.kind == "timeseries"
        else {},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": expression.replace("{}", f"{{{CHOSEN}}}"),
                "legendFormat": legend,
                "exemplar": "_bucket" in expression,
            }
            for place, (expression, legend) in enumerate(panel.asks)
        ],
    }


def dashboard() -> dict[str, Any]:
    """Return the whole dashboard."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        head = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": head,
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in row:
            if x + panel.width > COLUMNS:
                x, y = 0, y + height
                height = 0
            panels.append(drawn(panel, len(panels) + 1, x, y))
            x, height = x + panel.width, max(height, HEIGHTS[panel.kind])
        y += height
    return {
        "uid": "livetrader",
        "title": "livetrader",
        "description": "One or several daemons: what they hold, what they do, and whether they are well.",
        "tags": ["livetrader"],
        "timezone": "utc",
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": 38,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                _choice("account", "label_values(livetrader_ready, account)"),
                _choice("instance", 'label_values(livetrader_ready{account=~"$account"}, instance)'),
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": f"ALERTS{{{FIRING},{CHOSEN}}}",
                    "titleFormat": "{{alertname}}",
                    "textFormat": "{{account}} {{severity}}",
                }
            ]
        },
        "panels": panels,
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _choice(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "variable"},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.exit(0)
