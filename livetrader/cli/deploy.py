"""`livetrader install-service`, `doctor`, `backup` and `restore`: what runs a daemon for years."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetrader.cli.common import (
    as_json,
    config_options,
    console,
    find_config,
    given_config,
    json_option,
    pair,
)

if TYPE_CHECKING:
    from livetrader.backups.making import Told
    from livetrader.deployment.steps import Done
    from livetrader.settings import Settings


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (install_service, doctor, backup, restore):
        group.add_command(command)


def _whole(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a folder that hangs on where the command is typed: systemd reads one from / on."""
    if value is not None and not value.is_absolute():
        raise click.BadParameter("write the whole path, from / on", context, parameter)
    return value


@click.command(name="install-service")
@config_options
@click.option("--name", help="Of the service, livetrader@NAME; default: the name of the file.")
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME=FILE",
    help="A secret that the configuration names; copied to where only root and the service read it.",
)
@click.option("--user", default="livetrader", show_default=True, help="Runs the service; made where missing.")
@click.option("--gpu", is_flag=True, help="Let the service use NVIDIA's devices.")
@click.option("--enable", is_flag=True, help="Start it with the machine.")
@click.option("--now", is_flag=True, help="Start it with the machine, and now.")
@click.option("--uninstall", is_flag=True, help="Stop and disable it; its state and configuration stay.")
@click.option("--dry-run", is_flag=True, help="Show every step and do none.")
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), help="Install into an image instead."
)
@click.option("--unit-folder", type=click.Path(path_type=Path), callback=_whole,
              help="Default: /etc/systemd/system.")  # fmt: skip
@json_option
def install_service(config: Path | None, output_json: bool, **given: Any) -> None:
    """Run an account under systemd: units, user, folders, credentials, and the first token, shown once.

    Checks the whole configuration first and changes nothing where something speaks against it. Done again it
    changes only what is different: after an upgrade, the units. A configuration that is installed and was
    edited there is kept.

    \b
    livetrader install-service live.toml --dry-run
    livetrader install-service live.toml --credential broker=account.txt --now
    livetrader install-service /etc/livetrader/live.toml --uninstall
    """
    from livetrader import places
    from livetrader.clocks import wall_ns
    from livetrader.deployment import installing

    file = find_config(config)
    request = installing.Request(
        name=given["name"] or file.stem,
        config=file,
        user=given["user"],
        unit_folder=given["unit_folder"] or places.UNITS,
        root=given["root"].absolute(),
        credentials={
            key: Path(path) for key, path in (pair(text, "--credential") for text in given["credentials"])
        },
        gpu=given["gpu"],
        enable=given["enable"],
        now=given["now"],
        dry_run=given["dry_run"],
    )
    told = _nobody if output_json else _show_step
    if given["uninstall"]:
        done, next_steps = installing.uninstall(request, told), []
    else:
        done, next_steps = installing.install(request, wall_ns(), told), installing.hints(request)
    if output_json:
        as_json({"steps": done, "dry_run": request.dry_run, "next": next_steps})
        return
    for each in done:
        if each.secret is not None:
            click.echo(
                f"\nToken for the control API and the dashboard, shown this once:\n\n  {each.secret}\n"
            )
    if next_steps:
        click.echo("Next:")
    for line in next_steps:
        click.echo(f"  {line}")


def _nobody(done: Done) -> None:
    """Say nothing: the answer is JSON."""


def _show_step(done: Done) -> None:
    click.echo(f"{done.outcome:11} {done.what}{'; ' + done.note if done.note else ''}")


@click.command()
@config_options
@click.option("--offline", is_flag=True, help="Do not try to reach brokerage, feeds and histories.")
@json_option
def doctor(config: Path | None, offline: bool, output_json: bool) -> None:
    """Look at the machine and, with CONFIG, at an account; say what to mend, and how. Changes nothing.

    Clock, time zones, calendars, disk, permissions, journal, units, ports, brokerage and data, GPU, versions,
    optional extras. Exit code 1 where there is a problem.

    \b
    livetrader doctor
    livetrader doctor live.toml
    livetrader doctor live.toml --json | jq '.findings[] | select(.level == "problem")'
    """
    from rich.text import Text

    from livetrader.clocks import wall_ns
    from livetrader.doctor.examining import examine_account, examine_machine, worst
    from livetrader.doctor.findings import Level

    findings = examine_machine(wall_ns())
    file = given_config(config)
    if file is not None:
        findings += examine_account(file, offline=offline)
    if output_json:
        as_json({"worst": worst(findings), "findings": findings})
    else:
        screen = console()
        colours = {Level.OK: "green", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
        for each in findings:
            mark = (f"{each.level:8}", colours[each.level])
            screen.print(Text.assemble(mark, f" {each.check}: {each.message}"), soft_wrap=True)
            if each.remedy and each.level is not Level.OK:
                screen.print(Text(f"         {each.remedy}", style="dim"), soft_wrap=True)
    if worst(findings) is Level.PROBLEM:
        sys.exit(1)


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
    return lambda path: screen.print(str(path), style="dim")
