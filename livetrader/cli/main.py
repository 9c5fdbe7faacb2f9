"""The command line. Each command imports what it needs when it runs: looking something up stays light.

Exit codes are those of livetrader.errors: 0 done, 2 wrong setting or usage, 3 the algorithm, 4 already
running, 5 no daemon, 6 refused, 7 not flat, 1 anything else.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetrader import __version__
from livetrader.cli import custody, deploy, operating
from livetrader.cli.alerts import alerts
from livetrader.cli.backtest import backtest
from livetrader.cli.common import Commands, as_json, config_options, find_config, json_option, pair
from livetrader.cli.data import data
from livetrader.cli.journal import journal
from livetrader.cli.models import models
from livetrader.cli.notify import notify
from livetrader.cli.research import research
from livetrader.cli.results import results
from livetrader.cli.store import store
from livetrader.cli.tokens import token
from livetrader.cli.training import training
from livetrader.cli.why import why
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from livetrader.settings import Settings


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livetrader")
def cli() -> None:
    """Run LEAN's Python algorithms live, supervised, journaled, with a kill switch.

    \b
    livetrader check main.py                  what does it use that we do not offer?
    livetrader backtest main.py --data data   run it over history
    livetrader data download --help           get history for it
    livetrader research                       look at the data in a notebook
    livetrader run paper.toml                 trade
    livetrader watch paper.toml               look at it
    livetrader liquidate paper.toml           close everything, now
    """


operating.register(cli)
custody.register(cli)
deploy.register(cli)
cli.add_command(token)
cli.add_command(alerts)
cli.add_command(backtest)
cli.add_command(data)
cli.add_command(models)
cli.add_command(store)
cli.add_command(training)
cli.add_command(results)
cli.add_command(why)
cli.add_command(research)
cli.add_command(journal)
cli.add_command(notify)


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
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@json_option
def check(files: tuple[Path, ...], output_json: bool) -> None:
    """Check algorithms, notebooks and configurations without running anything.

    For a .py file or a notebook: every LEAN member it uses that is not offered, or only in part. For a .toml
    file: every wrong setting. Exit code 1 where there is something to mend.

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
        key, value = pair(text, "--set")
        try:
            values[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = value
    return values


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
    from livetrader_lean.check_notebook import check_notebook
    from livetrader_lean.errors import LoadError

    checker = check_notebook if file.suffix == ".ipynb" else check_algorithm
    try:
        return [str(finding) for finding in checker(file)]
    except LoadError as error:
        return [str(error).removeprefix(str(file)).removeprefix(", ")]


def main() -> None:
    """Run the command line and end the process with its exit code."""
    cli(prog_name="livetrader")
