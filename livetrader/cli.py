"""The command line. Each command imports what it needs when it runs: looking something up stays light.

Exit codes are those of livetrader.errors: 0 done, 2 wrong setting or usage, 3 the algorithm, 4 already
running, 5 no daemon, 6 refused, 7 not flat, 1 anything else.
"""

from __future__ import annotations

import sys
import tomllib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetrader import __version__, cli_operator
from livetrader.cli_common import Commands, as_json, config_options, console, find_config, json_option
from livetrader.cli_token import token
from livetrader.errors import AlgorithmLoadError, ConfigError

if TYPE_CHECKING:
    from livetrader.offline.backtest import Progress
    from livetrader.settings import Settings

DAY_FORMAT = "%Y-%m-%d"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livetrader")
def cli() -> None:
    """Run LEAN's Python algorithms live, supervised, journaled, with a kill switch.

    \b
    livetrader check main.py                  what does it use that we do not offer?
    livetrader backtest main.py --data data   run it over history
    livetrader run paper.toml                 trade
    livetrader watch paper.toml               look at it
    livetrader liquidate paper.toml           close everything, now
    """


cli_operator.register(cli)
cli.add_command(token)


@cli.command()
@config_options
@click.option("--set", "assignments", multiple=True, metavar="SECTION.KEY=VALUE",
              help="Replace one setting; may be repeated. VALUE is written as in TOML.")  # fmt: skip
def run(config: Path | None, assignments: tuple[str, ...]) -> None:
    """Run the daemon until it is stopped (Ctrl-C, SIGTERM, or `livetrader stop`).

    \b
    livetrader run paper.toml
    livetrader run paper.toml --set engine.restarts=0 --set 'daemon.on_shutdown="cancel"'
    """
    from livetrader.configuration.loading import load

    settings = load(find_config(config), _overrides(assignments))
    _first_token(settings)
    from livetrader import app

    sys.exit(app.run(settings))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--algorithm", "class_name", metavar="CLASS", help="Which class, where the file has several.")
@click.option(
    "--data-folder",
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="LIVETRADER_DATA",
    default=Path("data"),
    help="A folder in LEAN's format.",
    show_default=True,
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("backtest"),
    show_default=True,
    help="Where summary.json, orders.json, equity.csv and log.txt go.",
)
@click.option("--start", type=click.DateTime([DAY_FORMAT]), help="Replaces the algorithm's own start date.")
@click.option("--end", type=click.DateTime([DAY_FORMAT]), help="Replaces its end date (included).")
@click.option("--cash", type=click.FloatRange(min=0, min_open=True), help="Replaces the cash it starts with.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--quiet", is_flag=True, help="Do not show what the algorithm logs.")
@json_option
def backtest(
    *, output_json: bool, quiet: bool, parameters: tuple[str, ...], **given: Any
) -> None:  # fmt: skip
    """Run an algorithm over history and show its statistics.

    \b
    livetrader backtest main.py --data-folder data --output results
    livetrader backtest main.py --start 2013-10-07 --end 2013-10-11 --parameter ema-fast=10
    """
    from livetrader.offline.backtest import BacktestRequest, run_backtest
    from livetrader_lean.errors import LoadError

    if given["start"] is not None and given["end"] is not None and given["end"] < given["start"]:
        raise click.BadParameter("lies before --start", param_hint="--end")
    request = BacktestRequest(
        path=given["file"].absolute(),
        data_folder=given["data_folder"].absolute(),
        output=given["output"].absolute(),
        class_name=given["class_name"],
        start=_day(given["start"]),
        end=_day(given["end"]),
        cash=None if given["cash"] is None else Decimal(str(given["cash"])),
        parameters=dict(_pair(text, "--parameter") for text in parameters),
    )
    errors = console(stderr=True)
    show = None if quiet else lambda line: errors.print(line, markup=False)
    try:
        if errors.is_terminal:
            with _Bar(errors) as bar:
                result = run_backtest(request, bar, show)
        else:
            result = run_backtest(request, None, show)
    except LoadError as error:
        raise AlgorithmLoadError(str(error)) from error
    if output_json:
        as_json(result)
    else:
        _show_statistics(result.status, result.statistics)
    if result.error:
        raise AlgorithmLoadError(result.error)


@cli.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@json_option
def check(files: tuple[Path, ...], output_json: bool) -> None:
    """Check algorithms and configurations without running anything.

    For a .py file: every LEAN member it uses that is not offered, or only in part. For a .toml file: every
    wrong setting. Exit code 1 where there is something to mend.

    \b
    livetrader check main.py paper.toml
    """
    findings = {str(file): _findings(file) for file in files}
    if output_json:
        as_json(findings)
    else:
        for name, lines in findings.items():
            click.echo(f"{name}: ok" if not lines else f"{name}:")
            for line in lines:
                click.echo(f"  {line.removeprefix(name + ': ')}")
    if any(findings.values()):
        sys.exit(1)


@cli.command()
@json_option
def version(output_json: bool) -> None:
    """Show the version, and the plugins that are installed."""
    from livetrader.registry import GROUPS, plugin_names

    plugins = {group.removeprefix("livetrader."): plugin_names(group) for group in GROUPS}
    if output_json:
        as_json({"version": __version__, "plugins": plugins})
        return
    click.echo(f"livetrader {__version__}")
    for kind, names in plugins.items():
        click.echo(f"{kind}: {', '.join(names) or 'none'}")


def _overrides(assignments: tuple[str, ...]) -> dict[str, object]:
    """Return `section.key=value` texts as values; what is not valid TOML is meant as a text."""
    values: dict[str, object] = {}
    for text in assignments:
        key, value = _pair(text, "--set")
        try:
            values[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = value
    return values


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return key, value


def _day(given: datetime | None) -> Any:
    return None if given is None else given.date()


def _first_token(settings: Settings) -> None:
    """At the first start on a terminal make a token and show it; a service log is no place for a secret."""
    from livetrader.clocks import wall_ns
    from livetrader.control.auth import Scope, TokenStore

    file = settings.control.tokens_file
    if file is None:
        return
    store = TokenStore(file)
    if not store.ensure() or not sys.stderr.isatty():
        return
    secret = store.create("operator", [Scope.OPERATE, Scope.LIQUIDATE], now_ns=wall_ns())
    click.echo(f"Token for the control API over TCP, shown this once: {secret}", err=True)


def _findings(file: Path) -> list[str]:
    if file.suffix == ".toml":
        from livetrader.configuration.loading import load

        try:
            load(file)
        except ConfigError as error:
            return error.problems
        return []
    from livetrader_lean.check import check as check_algorithm
    from livetrader_lean.errors import LoadError

    try:
        return [str(finding) for finding in check_algorithm(file)]
    except LoadError as error:
        return [str(error).removeprefix(str(file)).removeprefix(", ")]


def _show_statistics(status: str, statistics: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("Status", status)
    for name, value in statistics.items():
        table.add_row(name, value)
    console().print(table)


class _Bar:
    """A progress bar over simulated time, as the callback that `run_backtest` wants."""

    def __init__(self, target: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=target, transient=True)
        self._task = self._progress.add_task("backtest", total=None)

    def __enter__(self) -> Progress:
        self._progress.start()
        return self._update

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def _update(self, start_ns: int, now_ns: int, end_ns: int) -> None:
        from livetrader.operator_views import time_text

        self._progress.update(
            self._task,
            completed=now_ns - start_ns,
            total=max(1, end_ns - start_ns),
            description=time_text(now_ns)[:10],
        )


def main() -> None:
    """Run the command line and end the process with its exit code."""
    cli(prog_name="livetrader")
