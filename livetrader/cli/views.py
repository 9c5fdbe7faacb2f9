"""How the command line shows the daemon's views to a person: rich renderables, no I/O, no decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from livetrader.control.alert_views import AlertCounts
from livetrader.control.custody_views import ForeignOrderView, ReconciliationView, RestrictionView
from livetrader.control.data_views import DataView
from livetrader.control.operations import (
    ConnectionView,
    LogView,
    OrderView,
    PortfolioView,
    StatusView,
)
from livetrader.control.training_views import (
    BucketView,
    DeferredJobView,
    ModelView,
    TrainingJobView,
    TrainingView,
)

UNWELL_SHOWN: Final = 12  # streams in one status; all of them would push the rest off the screen

_STATE_STYLES: Final = {
    "running": "green", "flat": "yellow", "halted": "yellow", "liquidating": "bold red", "failed": "bold red",
    "ready": "green", "filled": "green", "invalid": "red", "canceled": "dim", "expired": "red",
    "deferred": "yellow", "error": "red", "warning": "yellow", "critical": "bold red",
    "completed": "green", "runtimeerror": "red", "stopped": "yellow",
}  # fmt: skip


def time_text(time_ns: int | None) -> str:
    """Return UTC date and time to the second, or a dash."""
    if time_ns is None:
        return "-"
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def money(value: Decimal | None) -> str:
    """Return an amount with thousands and cents, or a dash."""
    return "-" if value is None else f"{value:,.2f}"


def number(value: Decimal) -> str:
    """Return a quantity without trailing zeros."""
    return f"{value.normalize():f}" if value else "0"


def state(word: str) -> Text:
    """Return a state in its colour."""
    return Text(word, style=_STATE_STYLES.get(word.lower(), ""))


def gain(value: Decimal | None) -> Text:
    """Return a profit or loss in its colour, with its sign."""
    if value is None:
        return Text("-")
    return Text(f"{value:+,.2f}", style="green" if value > 0 else "red" if value < 0 else "")


def status_view(status: StatusView) -> RenderableType:
    """Show the status as name and value, reasons last."""
    table = _grid()
    engine, kill = status.engine, status.kill_switch
    table.add_row("state", state(status.state))
    table.add_row(
        "account", f"{status.account}  ({status.brokerage}, session {status.brokerage_session_id or '-'})"
    )
    table.add_row("brokerage", connection_line(status.brokerage_connection))
    table.add_row("algorithm", status.algorithm)
    table.add_row("time", f"{time_text(status.time_ns)} UTC")
    table.add_row("equity", f"{money(status.equity)} {status.currency}")
    table.add_row("cash", f"{money(status.cash)} {status.currency}")
    table.add_row("day", gain(status.day_profit))
    table.add_row("open orders", str(status.open_orders))
    if status.alerts.firing:
        table.add_row("alerts", Text(alerts_line(status.alerts), style="bold red"))
    for label, line in (*_doubt_lines(status), *data_lines(status.data)):
        table.add_row(label, line)
    table.add_row("engine", f"{engine.state}, pid {engine.pid or '-'}, {engine.restarts} restarts"
                  f", {engine.steps} steps, {engine.resident_mb:.0f} MB")  # fmt: skip
    if engine.warm_up_short:
        first, *others = engine.warm_up_short
        words = f"{first}{f' (and {len(others)} more)' if others else ''}"
        table.add_row("warm-up short", Text(words, style="yellow"))
    if engine.last_failure:
        table.add_row("last failure", Text(engine.last_failure.strip(), style="red"))
    table.add_row("training", training_line(status))
    training = status.training
    if training.host is not None:
        table.add_row("host bucket", bucket_line(training.host))
    for waiting in training.deferred:
        table.add_row("deferred", Text(deferred_line(waiting), style="yellow"))
    if training.model.required or training.model.made_ns is not None:
        table.add_row("model", model_line(training.model))
    if kill.latched:
        since = time_text(kill.since_ns)
        words = f"{kill.state}, latched since {since}: {kill.reason} (resume --kill-id {kill.kill_id})"
        table.add_row("kill switch", Text(words, style="yellow"))
        for order_words in kill.left_alone:
            table.add_row("left alone", Text(order_words, style="yellow"))
    else:
        table.add_row("kill switch", kill.state)
    for name, value in status.statistics.items():
        table.add_row(name, value)
    for name, reason in status.reasons.items():
        table.add_row("not ready", Text(f"{name}: {reason}", style="yellow"))
    return table


def alerts_line(alerts: AlertCounts) -> str:
    """Return how many alerts fire, and the loudest."""
    counted = ", ".join(f"{count} {severity}" for severity, count in alerts.by_severity.items())
    return f"{counted}; {alerts.loudest}"


def _doubt_lines(status: StatusView) -> Iterator[tuple[str, Text]]:
    """Yield what of the account is not ours, or not known, a line each, by label."""
    for order in status.foreign_orders:
        yield "foreign order", Text(foreign_order_line(order), style="yellow")
    if status.unresolved_orders:
        words = f"{status.unresolved_orders} orders have an unknown outcome; their symbols and sides wait"
        yield "unknown", Text(words, style="yellow")
    for item in status.restricted:
        yield "restricted", Text(restriction_line(item), style="yellow")


def data_lines(data: DataView) -> Iterator[tuple[str, Text]]:
    """Yield how market data stand, a line for each feed and each stream that is not well, by label."""
    for feed in data.feeds:
        words = [feed.name, "connected" if feed.connected else "not connected", f"{feed.streams} streams"]
        if feed.data_age_s is not None:
            words.append(f"data {feed.data_age_s:.0f} s old")
        if feed.refused:
            words.append(f"{sum(feed.refused.values())} points refused")
        text = Text(", ".join(words), style="" if feed.connected else "yellow")
        yield "feed", text.append(f"; {feed.message}", style="dim") if feed.message else text
    if data.stale_symbols:
        yield "stale", Text(f"{data.stale_symbols} symbols take no new risk", style="bold red")
    for stream in data.unwell[:UNWELL_SHOWN]:
        heard = "" if stream.heard_ns is None else f", heard {time_text(stream.heard_ns)}"
        words = [
            f"{stream.ticker} {stream.resolution} {stream.tick_type}: {stream.state} at {stream.feed}{heard}"
        ]
        words += [stream.reason] if stream.reason else []
        yield "stream", Text("; ".join(words), style="red" if stream.stale else "yellow")
    if len(data.unwell) > UNWELL_SHOWN:
        yield "", Text(f"and {len(data.unwell) - UNWELL_SHOWN} more (--json has them)", style="dim")
    if data.missing_bars or data.waiting_bars:
        words = [f"{data.waiting_bars} wait for their past", f"{data.backfilled_bars} from history"]
        yield "bars", Text(", ".join([*words, f"{data.missing_bars} missing"]), style="yellow")


def connection_line(connection: ConnectionView) -> Text:
    """Return how we stand to the brokerage on one line."""
    words = [f"{connection.state} since {time_text(connection.since_ns)}"]
    if connection.attempts:
        words.append(f"{connection.attempts} attempts")
    words += [text for text in (connection.reason, connection.maintenance, connection.notice) if text]
    if connection.expected_ns:
        words.append(f"expected back at {time_text(connection.expected_ns)}")
    if connection.held_orders:
        words.append(f"{connection.held_orders} orders wait")
    return Text("; ".join(words), style="" if connection.state == "connected" else "yellow")


def foreign_order_line(order: ForeignOrderView) -> str:
    """Return a working order that is not ours on one line."""
    price = "" if order.limit_price is None else f" at {money(order.limit_price)}"
    name = order.client_order_id or order.brokerage_order_id
    return f"{order.type} {number(order.quantity)} {order.ticker}{price} ({name}), never touched"


def restriction_line(item: RestrictionView) -> str:
    """Return why a symbol may not be traded freely on one line, with what to do about it."""
    what = "takes no orders" if item.closed else "takes no new risk"
    unexplained = f"; {number(item.unexplained)} unexplained" if item.unexplained else ""
    ticker = item.ticker
    return f"{ticker} {what}: {item.reason}{unexplained} (adopt {ticker}, ignore {ticker}, flatten {ticker})"


def reconciliation_view(view: ReconciliationView) -> RenderableType:
    """Show how journal and brokerage compare."""
    table = _grid()
    table.add_row("compared", f"{time_text(view.time_ns)} UTC")
    if view.problem:
        table.add_row("failed", Text(view.problem, style="red"))
    for item in view.restricted:
        table.add_row("restricted", Text(restriction_line(item), style="yellow"))
    for share in view.differences:
        table.add_row("difference", f"{number(share.quantity)} {share.ticker} more at the brokerage")
    for share in view.ignored:
        table.add_row("ignored", f"{number(share.quantity)} {share.ticker} are not the algorithm's")
    for name in view.unresolved:
        table.add_row("unknown", Text(f"the outcome of {name}", style="yellow"))
    for name in view.orphans:
        words = f"{name} is at the brokerage and not in the journal (adopt {name}, ignore {name})"
        table.add_row("orphan", Text(words, style="red"))
    for order in view.foreign_orders:
        table.add_row("foreign order", foreign_order_line(order))
    table.add_row("foreign trades", str(view.foreign_fills))
    agreed = not (view.restricted or view.differences or view.unresolved or view.orphans or view.problem)
    table.add_row("verdict", Text("agree", style="green") if agreed else Text("see above", style="yellow"))
    return table


def training_line(status: StatusView) -> str:
    """Return the training summary on one line."""
    training = status.training
    if not training.jobs:
        word = "nothing to train yet"
    else:
        word = "running" if training.is_training else "ready" if training.ready else "not ready"
    error = f"; last error: {_gist(training.last_error)}" if training.last_error else ""
    refill = time_text(training.next_refill_ns)
    return (
        f"{word}, {training.jobs} jobs, bucket {training.bucket_level_minutes:.1f}"
        f" of {training.bucket_capacity_minutes:g} min, next refill {refill}{error}"
    )


def _gist(message: str) -> str:
    """Return the line of a failure that says most: a traceback's last, else the first."""
    lines = [line for line in message.splitlines() if line.strip()]
    return lines[-1 if lines[0].startswith("Traceback") else 0].strip() if lines else ""


def bucket_line(bucket: BucketView) -> Text:
    """Return a bucket of training minutes on one line."""
    left, used = f"{bucket.left_minutes:.1f}", f"{bucket.used_minutes:.1f}"
    text = Text(f"{left} of {bucket.capacity_minutes:g} minutes left, {used} used")
    if bucket.next_refill_ns is not None:
        text.append(f", {bucket.refill_minutes:g} more at {time_text(bucket.next_refill_ns)} UTC")
    if bucket.problem:
        text.append(f"; {bucket.problem}", style="red")
    return text


def deferred_line(job: DeferredJobView) -> str:
    """Return a training that waits on one line."""
    return f"{job.name} (job {job.job}) since {time_text(job.since_ns)} UTC: {job.reason}"


def model_line(model: ModelView) -> Text:
    """Return the model's age, and why it is not good enough where it is not."""
    if model.made_ns is None:
        text = Text("none")
    else:
        age = timedelta(seconds=int(model.age_s or 0.0))
        text = Text(f"made {time_text(model.made_ns)} UTC, {age} ago")
    if model.required:
        text.append(", required for new risk", style="dim")
    if model.problem:
        text.append(f"; {model.problem}", style="yellow")
    return text


def training_job_line(job: TrainingJobView) -> Text:
    """Return a training job on one line."""
    text = Text.assemble(f"{job.name}  ", state(job.state), f"  {job.minutes_used:.0f} min")
    if job.progress is not None:
        text.append(f"  {job.progress:.0%} {job.text}".rstrip())
    if job.message and job.state in ("deferred", "failed", "expired"):
        text.append(f"  {job.message.strip().splitlines()[-1]}", style="dim")
    return text


def portfolio_view(portfolio: PortfolioView) -> RenderableType:
    """Show holdings and cash."""
    table = _table("symbol", "quantity>", "average>", "price>", "value>", "profit>")
    for holding in portfolio.holdings:
        table.add_row(
            holding.ticker,
            number(holding.quantity),
            money(holding.average_price),
            money(holding.last_price),
            money(holding.market_value),
            gain(holding.unrealized_profit),
        )
    cash = ", ".join(f"{money(amount)} {currency}" for currency, amount in portfolio.cash.items())
    total = Text(f"equity {money(portfolio.equity)} {portfolio.currency}   cash {cash}   day ")
    total.append_text(gain(portfolio.day_profit))
    return Group(table, total)


def orders_view(orders: Iterable[OrderView], *, history: bool = False) -> RenderableType:
    """Show orders, one line each; with `history` every step below its order."""
    table = _table("id>", "created", "symbol", "type", "quantity>", "filled>", "price>", "status", "tag")
    for order in orders:
        table.add_row(
            str(order.id or "kill"),
            time_text(order.created_ns),
            order.ticker,
            order.type,
            number(order.quantity),
            number(order.filled_quantity),
            money(order.average_fill_price or order.limit_price or order.stop_price),
            state(order.status),
            Text(order.tag, style="dim"),
        )
        for step in order.history if history else ():
            fill = "" if step.quantity is None else f"{number(step.quantity)} @ {money(step.price)} "
            table.add_row("", Text(time_text(step.time_ns), style="dim"), "", "", "", "", "",
                          state(step.status), Text(fill + step.message, style="dim"))  # fmt: skip
    return table


def training_view(training: TrainingView) -> RenderableType:
    """Show the buckets, the model and the newest jobs."""
    own = BucketView(
        training.bucket_capacity_minutes, training.bucket_level_minutes, training.bucket_used_minutes,
        training.next_refill_ns, training.refill_minutes,
    )  # fmt: skip
    summary = _grid()
    summary.add_row("ready", "yes" if training.ready else "no")
    summary.add_row("model", model_line(training.model))
    summary.add_row("bucket", bucket_line(own))
    if training.host is not None:
        summary.add_row("host bucket", bucket_line(training.host))
    for waiting in training.deferred:
        summary.add_row("deferred", Text(deferred_line(waiting), style="yellow"))
    if training.missed_policy:
        summary.add_row("missed", f"{training.missed_policy} (what a restart does about missed occurrences)")
    table = _table("job>", "since", "name", "mode", "state", "minutes>", "progress>", "message")
    for job in training.jobs:
        table.add_row(
            str(job.job), time_text(job.since_ns or job.time_ns), job.name, job.mode, state(job.state),
            f"{job.minutes_used:.0f}", "" if job.progress is None else f"{job.progress:.0%}",
            Text(job.text or job.message, style="dim"),
        )  # fmt: skip
    return Group(summary, table)


def log_line(line: LogView) -> Text:
    """Show one line of the log."""
    text = Text(f"{time_text(line.time_ns)} ", style="dim")
    text.append(f"{line.source:<9} {line.level:<7} ", style=_STATE_STYLES.get(line.level, ""))
    text.append(line.message, style="default")
    return text


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    return table


def _table(*columns: str) -> Table:
    """Return a table; a column whose name ends in > is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.rstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table
