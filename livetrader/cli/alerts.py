"""`livetrader alerts`: what Prometheus says of a running daemon, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livetrader.cli import operating
from livetrader.cli.common import as_json, config_options, console, json_option, state_option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from livetrader.control.alert_views import AlertsView, AlertView

RECENT_SHOWN: Final = 20  # alerts that are over, where not all are asked for
_STYLES: Final = {"critical": "bold red", "warning": "yellow", "info": "dim"}


@click.command()
@config_options
@state_option
@click.option("--all", "show_all", is_flag=True, help=f"More than {RECENT_SHOWN} of those that are over.")
@json_option
def alerts(config: Path | None, state_directory: Path | None, show_all: bool, output_json: bool) -> None:
    """Show the alerts that fire, what to do about each, and those that ended lately.

    Alertmanager tells the daemon of them; docs/alerts.md says how to set that up.

    \b
    livetrader alerts paper.toml
    livetrader alerts paper.toml --all --json
    """
    from livetrader.control.alert_views import AlertsView

    client = operating.client_of(config, state_directory)
    view: AlertsView = client.get("/v1/alerts", AlertsView)
    if output_json:
        as_json(view)
    else:
        console().print(alerts_view(view, limit=None if show_all else RECENT_SHOWN))


def alerts_view(view: AlertsView, limit: int | None = None) -> RenderableType:
    """Return both lists for a terminal; texts of others are shown as they are, never as markup."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = []
    for alert in view.firing:
        style = _STYLES.get(alert.severity, "yellow")
        lines.append(Text(f"{alert.severity.upper()}  {alert.name}  {_times(alert)}", style=style))
        for text in (alert.summary, alert.description, _step(alert), alert.outcome, alert.runbook_url):
            if text:
                lines.append(Text(f"    {text}"))
    if not view.firing:
        lines.append(Text("nothing fires, as far as Alertmanager has told", style="green"))
    if view.watchdog_age_s is not None:
        lines.append(Text(f"Alertmanager was heard {view.watchdog_age_s:.0f} s ago", style="dim"))
    for alert in view.recent[:limit]:
        lines.append(
            Text(f"{alert.state.value}  {alert.name}  {_times(alert)}  {alert.summary}", style="dim")
        )
    hidden = len(view.recent) - len(view.recent[:limit])
    if hidden:
        lines.append(Text(f"and {hidden} more (--all)", style="dim"))
    return Group(*lines)


def _times(alert: AlertView) -> str:
    from livetrader.cli.views import time_text

    since = f"since {time_text(alert.started_ns)} UTC"
    if alert.ended_ns is not None:
        return f"{since} until {time_text(alert.ended_ns)}"
    return f"{since}, told {alert.deliveries} times" if alert.deliveries > 1 else since


def _step(alert: AlertView) -> str:
    return f"do: {alert.next_step}" if alert.next_step else ""
