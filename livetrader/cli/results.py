"""`livetrader results`: what live runs have left, from their folder; no daemon is needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from livetrader.cli.common import as_json, config_options, console, given_config, json_option, state_option
from livetrader.errors import ControlRefusedError

if TYPE_CHECKING:
    from livetrader.results.live import DeploymentView

MAX_RESULT_BYTES: Final = 256 * 1024 * 1024  # of one L-<id>.json; ours are some MB
_NS: Final = 1_000_000_000
_SHOWN: Final = (
    "Total Orders", "Net Profit", "Compounding Annual Return", "Drawdown", "Sharpe Ratio", "Win Rate",
    "Profit-Loss Ratio", "Total Fees", "Portfolio Turnover",
)  # fmt: skip


@click.group()
def results() -> None:
    """Show what live runs have left: deployments, figures, files."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    return config_options(state_option(json_option(function)))


@results.command("list")
@_options
def list_(config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """List the deployments whose results are kept, newest first.

    \b
    livetrader results list paper.toml
    livetrader results list --state-directory /var/lib/livetrader/main --json
    """
    from rich.table import Table

    root = _root(config, state_directory)
    views = _deployments(root)
    if output_json:
        as_json(views)
        return
    if not views:
        click.echo(f"no live run has left results in {root}")
        return
    table = Table("id", "algorithm", "from", "to", "starts", "folder")
    for view in views:
        ended = "" if view.ended_ns is None else _time(view.ended_ns)
        table.add_row(
            view.id, view.algorithm, _time(view.started_ns), ended, str(view.starts), str(root / view.folder)
        )
    console().print(table)


@results.command()
@_options
@click.option("--id", "wanted", default="", help="A deployment's id, L-…; default the newest.")
def show(config: Path | None, state_directory: Path | None, wanted: str, output_json: bool) -> None:
    """Show one deployment's figures, as its files had them last.

    \b
    livetrader results show paper.toml
    livetrader results show paper.toml --id L-3250000000 --json
    """
    root = _root(config, state_directory)
    views = [view for view in _deployments(root) if wanted in ("", view.id)]
    if not views:
        known = f"{wanted!r} is not among the kept ones; see `livetrader results list`"
        raise ControlRefusedError(known if wanted else f"no live run has left results in {root}")
    view = views[0]
    figures = _figures(root / view.folder / f"{view.id}.json")
    if output_json:
        as_json({"deployment": view, **figures})
        return
    screen = console()
    screen.print(f"{view.id}  {view.algorithm}  since {_time(view.started_ns)}  {root / view.folder}")
    if not figures:
        screen.print("its result file is written within ten minutes of its first value")
        return
    for name, value in figures["runtimeStatistics"].items():
        screen.print(f"  {name:<28} {value}")
    screen.print("")
    for name in _SHOWN:
        if name in figures["statistics"]:
            screen.print(f"  {name:<28} {figures['statistics'][name]}")


def _root(config: Path | None, state_directory: Path | None) -> Path:
    """Return the results folder."""
    if state_directory is None and (path := given_config(config)) is not None:
        from livetrader.configuration.loading import load

        settings = load(path, needed=("account", "results"), plugins=False)
        state_directory = settings.account.state_directory
        if settings.results.folder is not None:
            return settings.results.folder
    named = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return (state_directory or Path(named or "state")) / "results"


def _deployments(root: Path) -> list[DeploymentView]:
    from livetrader.results.live_folder import read_deployments

    return [row.view for row in reversed(read_deployments(root))]


def _figures(path: Path) -> dict[str, Any]:
    """Return the figures of a result file, nothing where there is none."""
    try:
        with path.open("rb") as file:
            whole: dict[str, Any] = msgspec.json.decode(file.read(MAX_RESULT_BYTES))
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise ControlRefusedError(f"{path} is no result file: {error}; the daemon writes it anew") from error
    wanted = ("statistics", "runtimeStatistics", "state", "holdings", "cash", "accountCurrency")
    return {name: whole.get(name, {}) for name in wanted}


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // _NS, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
