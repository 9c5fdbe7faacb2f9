"""`livetrader install-service`, `doctor`, `backup` and `restore`: what runs a daemon for years."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetrader.cli_common import as_json, config_options, console, find_config, json_option

if TYPE_CHECKING:
    from livetrader.backups.making import Told
    from livetrader.settings import Settings


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (backup, restore):
        group.add_command(command)


@click.command()
@config_options
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="The file to write; default: ACCOUNT-TIME.backup.tar.gz here.")  # fmt: skip
@json_option
def backup(config: Path | None, output: Path | None, output_json: bool) -> None:
    """Copy an account's state directory into one file, beside the running daemon or without one.

    Every file of SQLite is copied as it is at one moment, the journal last and verified; every byte has its
    checksum. Secrets are not in it: tokens are kept as digests, credentials lie elsewhere.

    \b
    livetrader backup live.toml
    livetrader backup live.toml --output /mnt/elsewhere/live.tar.gz --json
    """
    from livetrader.backups.making import make_backup
    from livetrader.clocks import wall_ns

    settings, now_ns = _settings(config), wall_ns()
    stamp = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = output or Path(f"{settings.account.name}-{stamp}.backup.tar.gz")
    made = make_backup(_state(settings), settings.account.name, target, now_ns, _told(output_json))
    size = target.stat().st_size
    if output_json:
        as_json({"backup": str(target), "bytes": size, "files": len(made.files), "journal": made.journal})
        return
    rows = "no journal yet" if made.journal is None else f"{made.journal.rows} rows of the journal"
    click.echo(f"{target}: {len(made.files)} files, {size / 1e6:.1f} MB, {rows}")


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@config_options
@click.option("--replace-newer", is_flag=True, help="Go back although what is there is newer.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def restore(archive: Path, config: Path | None, replace_newer: bool, yes: bool, output_json: bool) -> None:
    """Put a backup back, into the state directory of CONFIG. Deletes nothing: what was there is moved aside.

    Refused while a daemon runs, for another account's backup, and where what is there is newer. The next
    start is halted: look at positions and open orders at the brokerage, then `livetrader resume`.

    \b
    livetrader restore live-20260105T143000Z.backup.tar.gz live.toml
    """
    from livetrader.backups.restoring import restore as put_back
    from livetrader.clocks import wall_ns

    settings = _settings(config)
    folder = _state(settings)
    if not yes:
        click.confirm(f"Restore {archive} into {folder}?", abort=True, err=True)
    made, aside = put_back(archive, folder, settings.account.name, wall_ns(), replace_newer=replace_newer)
    if output_json:
        as_json({"state_directory": str(folder), "replaced": None if aside is None else str(aside),
                 "files": len(made.files), "created_ns": made.created_ns,
                 "journal": made.journal})  # fmt: skip
        return
    click.echo(f"{folder}: {len(made.files)} files are back")
    if aside is not None:
        click.echo(f"What was there is in {aside}, its journal beside it as *.quarantined-*")
    click.echo(
        "Check positions and orders at the brokerage; the next start is halted until `livetrader resume`."
    )


def _settings(config: Path | None) -> Settings:
    from livetrader.configuration.loading import load

    return load(find_config(config), needed=("account",), plugins=False)


def _state(settings: Settings) -> Path:
    folder = settings.account.state_directory
    assert folder is not None, "load resolves it"
    return folder


def _told(hidden: bool) -> Told:
    """Return what shows each file as it is copied, on a terminal only."""
    if hidden or not sys.stderr.isatty():
        return lambda path: None
    screen = console(stderr=True)
    return lambda path: screen.print(f"[dim]{path}[/dim]")
