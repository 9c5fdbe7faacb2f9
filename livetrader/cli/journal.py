"""`livetrader journal`: look at an account's journal, take it out as text, set a damaged one aside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from livetrader.cli.common import as_json, given_config, json_option
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from livetrader.journal.examination import Examination, Progress

JOURNAL_NAME: Final = "journal.sqlite3"
_PATH: Final = click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))


@click.group()
def journal() -> None:
    """Look at a journal, export it, or set a damaged one aside.

    PATH is a journal file, an account's state directory, or its configuration file.

    \b
    livetrader journal check paper.toml            is it sound, and what does it say?
    livetrader journal export state > rows.jsonl   every row that can be read, as JSON
    livetrader journal quarantine live.toml        set it aside; the next start begins halted
    """


@journal.command()
@_PATH
@json_option
def check(path: Path | None, output_json: bool) -> None:
    """Verify every row and show what the journal says. Changes nothing; works beside a running daemon.

    Exit code 1 where it is damaged: the daemon refuses to start on it.

    \b
    livetrader journal check paper.toml
    livetrader journal check state/journal.sqlite3 --json
    """
    from livetrader.journal.examination import examine

    with _progress(output_json) as progress:
        found = examine(_journal(path), progress)
    view = _view(found)
    if output_json:
        as_json(view)
    else:
        for key, value in view.items():
            if isinstance(value, list):
                click.echo(f"{key}: {len(value) or 'none'}")
                for line in value:
                    click.echo(f"  {line}")
            elif value not in (None, ""):
                click.echo(f"{key}: {value}")
        if not found.intact:
            click.echo(f"Restore it from a backup, or: livetrader journal quarantine {found.path}")
    if not found.intact:
        sys.exit(1)


@journal.command()
@_PATH
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-",
              help="Write there instead of to standard output.")  # fmt: skip
def export(path: Path | None, output: TextIO) -> None:
    """Write every row that can be read, a line of JSON each. Changes nothing.

    `verified` says whether the chain of hashes holds up to the row. Rows of damaged pages are left out; exit
    code 1 where there are rows that are not verified or not readable.

    \b
    livetrader journal export paper.toml | jq 'select(.kind == "order_intended")'
    livetrader journal export state/journal.sqlite3.quarantined-20260105T143000Z -o rows.jsonl
    """
    from livetrader.journal.examination import examine
    from livetrader.journal.examination import export as rows

    file = _journal(path)
    target = Path(output.name)
    if target.exists() and any(target.samefile(each) for each in _parts(file)):
        raise click.UsageError(f"{target} is the journal itself: write to another file")
    with _progress(hidden=output.name == "<stdout>") as progress:
        for line in rows(file, progress):
            output.write(line + "\n")
    problems = examine(file).problems
    for problem in problems:
        click.echo(f"{file}: {problem}", err=True)
    if problems:
        sys.exit(1)


@journal.command()
@_PATH
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def quarantine(path: Path | None, yes: bool, output_json: bool) -> None:
    """Set a journal aside under a name with the time. Deletes nothing.

    The next start makes a new journal: it takes the brokerage's positions over as they are, shows orders of
    the old journal as foreign, and stays halted until you `livetrader resume`. Look at the account first.

    \b
    livetrader journal quarantine live.toml
    livetrader journal quarantine state --yes --json
    """
    from livetrader.clocks import wall_ns
    from livetrader.gateway.takeover import StateLock
    from livetrader.journal.examination import quarantine as set_aside

    file = _journal(path)
    if not yes:
        click.confirm(f"Set {file} aside? The next start knows nothing of its orders", abort=True, err=True)
    lock = StateLock.acquire(file.with_name("daemon.lock"))
    try:
        aside = set_aside(file, wall_ns())
    finally:
        lock.release()
    if output_json:
        as_json({"journal": str(file), "quarantined": str(aside)})
        return
    click.echo(f"{file} is now {aside}")
    click.echo(
        "Check positions and orders at the brokerage; the next start is halted until `livetrader resume`."
    )


def _journal(path: Path | None) -> Path:
    """Return the journal that is meant. Raises ConfigError where there is none."""
    named = path or given_config(None)
    if named is None:
        raise click.UsageError("name a journal, a state directory or a configuration file")
    file = named
    if named.suffix == ".toml":
        from livetrader.configuration.loading import load

        settings = load(named, needed=("account",), plugins=False)
        file = (settings.account.state_directory or Path("state")) / JOURNAL_NAME
    elif named.is_dir():
        file = named / JOURNAL_NAME
    if not file.is_file():
        raise ConfigError([f"{file}: there is no journal; name the file, its directory or the configuration"])
    return file


def _parts(journal: Path) -> list[Path]:
    """Return the files that a journal consists of, as far as they are there."""
    named = (journal.with_name(journal.name + each) for each in ("", "-wal", "-shm", "-journal"))
    return [path for path in named if path.exists()]


@contextmanager
def _progress(hidden: bool) -> Iterator[Progress]:
    """Show a bar on standard error while rows are read; nothing where that is no terminal."""
    if hidden or not sys.stderr.isatty():
        yield lambda done, rows: None
        return
    with click.progressbar(length=1, label="rows", file=sys.stderr) as bar:

        def progress(done: int, rows: int) -> None:
            bar.length = rows
            bar.update(done - bar.pos)

        yield progress


def _view(found: Examination) -> dict[str, object]:
    state = found.state
    halted = state.halted
    return {
        "journal": str(found.path),
        "intact": found.intact,
        "problems": found.problems,
        "schema": found.schema,
        "account": found.account,
        "instance": found.instance,
        "rows": found.rows,
        "rows_sound": found.sound,
        "first": _utc(found.first_ns),
        "last": _utc(found.last_ns),
        "stopped_cleanly": state.stopped_cleanly,
        "halted": None if halted is None else halted.reason,
        "open_orders": [
            f"{order.client_order_id} {order.spec.symbol.value} {order.spec.quantity} {order.status.name}"
            for order in state.open.values()
        ],
        "positions": [
            f"{symbol.value} {position.quantity} at {position.average_price}"
            for symbol, position in state.positions.items()
        ],
    }


def _utc(time_ns: int | None) -> str | None:
    return None if time_ns is None else datetime.fromtimestamp(time_ns // 10**9, UTC).isoformat()
