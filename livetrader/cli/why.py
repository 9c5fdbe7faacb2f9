"""`livetrader why`: why there is no trade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livetrader.cli import operating
from livetrader.cli.common import as_json, config_options, console, json_option, state_option

if TYPE_CHECKING:
    from rich.console import Group

    from livetrader.control.decision_views import DecisionsView

_STYLES: Final = {"open": "green", "narrow": "yellow", "closed": "red"}


@click.command()
@config_options
@state_option
@click.option(
    "--gate", default="", help="Only wishes that this gate stopped: halted, data_stale, engine, ..."
)
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 1000))
@json_option
def why(config: Path | None, state_directory: Path | None, gate: str, limit: int, output_json: bool) -> None:
    """Say why there is no trade: every gate as it stands, and what became of the last wishes.

    \b
    livetrader why paper.toml
    livetrader why paper.toml --gate max_order_notional --limit 100
    livetrader why paper.toml --json
    """
    from livetrader.control.decision_views import DecisionsView

    client = operating.client_of(config, state_directory)
    query = {"limit": limit} | ({"gate": gate} if gate else {})
    view: DecisionsView = client.get("/v1/decisions", DecisionsView, query)
    if output_json:
        as_json(view)
    else:
        console().print(_shown(view))


def _shown(view: DecisionsView) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from livetrader.cli.views import time_text

    gates = Table("gate", "stands", "why", "what to do", box=None, pad_edge=False)
    for each in view.gates:
        gates.add_row(each.name, Text(each.state, style=_STYLES[each.state]), each.words, each.next_step)
    wishes = Table(
        "wanted (UTC)", "order", "symbol", "quantity", "came to", "because", box=None, pad_edge=False
    )
    for wish in view.decisions:
        came = f"stopped by {wish.gate}" if wish.gate else wish.status or wish.outcome
        row = (time_text(wish.wall_ns), str(wish.order_id), wish.ticker, wish.quantity, came, wish.message)
        wishes.add_row(*map(Text, row))
    counts = ", ".join(f"{gate} {count}" for gate, count in sorted(view.stopped.items()))
    total = f"{view.total} wishes since the start{', stopped: ' + counts if counts else ''}"
    return Group(Text(view.words, style="bold"), Text(), gates, Text(), Text(total), wishes)
