"""`livetrader backtest`: run an algorithm over history, show how far it is, and what came out."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from livetrader.cli.common import Day, FiniteRange, as_json, console, json_option, pair
from livetrader.cli.histories import data_folder, folder_option, histories_of, provider_options
from livetrader.cli.store import named_store, place_options
from livetrader.errors import AlgorithmLoadError
from livetrader.numeric_threads import limit_numeric_threads

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from livetrader.offline.backtest import BacktestRequest
    from livetrader.offline.results import BacktestResult
    from livetrader.store.options import StoreOptions

EXIT_BY_SIGNAL: Final = 128  # and the signal's number: 130 after Ctrl-C, 143 after SIGTERM
WIDE_COLUMNS: Final = 90  # from this width on, the figures stand in two columns
_DAY: Final = Day()
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--algorithm", "class_name", metavar="CLASS", help="Which class, where the file has several.")
@folder_option
@provider_options
@click.option("--output", type=_FOLDER, help="Result folder; default backtests/<time> beside FILE.")
@click.option("--start", metavar="YYYY-MM-DD", type=_DAY, help="Replaces the algorithm's own start date.")
@click.option("--end", metavar="YYYY-MM-DD", type=_DAY, help="Replaces its end date (included).")
@click.option(
    "--cash",
    metavar="AMOUNT",
    type=FiniteRange(min=0, min_open=True),
    help="Replaces the cash it starts with.",
)
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--name", default="", help="What the results call this run; default the algorithm's name.")
@click.option("--maximum-chart-series", "chart_series", metavar="NUMBER",
              type=click.IntRange(min=0), default=30, show_default=True,
              help="Series of its own that the algorithm may draw.")  # fmt: skip
@click.option("--maximum-data-points-per-chart-series", "chart_points", metavar="NUMBER",
              type=click.IntRange(min=0), default=1_000_000, show_default=True,
              help="Points kept of each of them.")  # fmt: skip
@place_options
@click.option("--quiet", is_flag=True, help="Do not show what the algorithm logs.")
@json_option
def backtest(*, output_json: bool, quiet: bool, **given: Any) -> None:
    """Run an algorithm over history, show its statistics and leave a result folder.

    Dates and cash given here replace the algorithm's own. Ctrl-C (or SIGTERM) ends the run after the present
    step; the folder then holds what came out so far, with status Stopped. A second one does not wait for the
    algorithm.

    What the data folder lacks is asked of the --provider and kept there, so that the next run asks nobody.

    The object store is the one of --object-store, else the nearest folder `storage`, from FILE's folder or
    this one upwards, else one of the run's own, empty at first.

    \b
    livetrader backtest main.py
    livetrader backtest main.py --data-folder data --output results
    livetrader backtest main.py --start 2013-10-07 --end 2013-10-11 --parameter ema-fast=10
    livetrader backtest all.py --algorithm MyAlgorithm --cash 250000 --json > result.json
    livetrader backtest main.py --provider polygon --start 2024-01-02
    livetrader backtest main.py --object-store s3://bucket/prefix --project momentum

    Exit code: 0 done, 2 wrong usage, 3 the algorithm failed, 130 after Ctrl-C, 143 after SIGTERM, 1 else.
    """
    limit_numeric_threads(os.environ)
    from livetrader.offline.backtest import run_backtest
    from livetrader.offline.interrupts import Interrupts
    from livetrader_lean.errors import LoadError

    request = _request(given)
    errors = console(stderr=True)
    show = None if quiet else _Shown(errors)
    try:
        with Interrupts() as interrupts:
            if errors.is_terminal:
                with Bar(errors) as bar:
                    result = run_backtest(request, bar, show, interrupts)
            else:
                result = run_backtest(request, None, show, interrupts)
    except LoadError as error:
        raise AlgorithmLoadError(str(error)) from error
    if output_json:
        as_json(result)
    else:
        screen = console()
        screen.print(result_view(result, wide=screen.is_terminal and screen.width >= WIDE_COLUMNS))
    if result.error:
        raise AlgorithmLoadError(result.error)
    if interrupts.received is not None:
        sys.exit(EXIT_BY_SIGNAL + signal.Signals(interrupts.received).value)


def _request(given: dict[str, Any]) -> BacktestRequest:
    """Return what the command line asks for. Raises BadParameter."""
    from livetrader.clocks import wall_ns
    from livetrader.offline.backtest import BacktestRequest
    from livetrader.offline.project import default_output
    from livetrader.results.charts import ChartLimits
    from livetrader_engine.money import from_float

    start, end = given["start"], given["end"]
    if start is not None and end is not None and end < start:
        raise click.BadParameter("lies before --start", param_hint="--end")
    file = given["file"].absolute()
    now = datetime.fromtimestamp(wall_ns() / 1e9)  # noqa: DTZ006 — a name for people, in their zone
    output = given["output"] or default_output(file, now)
    return BacktestRequest(
        path=file,
        data_folder=data_folder(given["data_folder"], made=bool(given["providers"])),
        histories=histories_of(given["providers"], given["provider_keys"]),
        output=output.absolute(),
        class_name=given["class_name"],
        start=None if start is None else start.date(),
        end=None if end is None else end.date(),
        cash=None if given["cash"] is None else from_float(given["cash"]),
        parameters=dict(pair(text, "--parameter") for text in given["parameters"]),
        name=given["name"],
        charts=ChartLimits(given["chart_series"], given["chart_points"]),
        object_store=_store(file, given["object_store"], given["project"]),
    )


def _store(file: Path, url: str | None, project: str | None) -> StoreOptions | None:
    """Return the object store: the named one, else the nearest `storage`, else None: the run's own."""
    from livetrader.offline.project import nearest_storage

    folder = nearest_storage(file.parent, Path.cwd())
    url = url or (None if folder is None else str(folder))
    if url is None:
        return None
    return msgspec.structs.replace(named_store(url), project=project or "")


def result_view(result: BacktestResult, *, wide: bool) -> RenderableType:
    """Show status, figures and folder; `wide`: the figures in two columns."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from livetrader.cli.views import state

    heading = Table.grid(padding=(0, 2))
    heading.add_column(style="bold", no_wrap=True)
    heading.add_column()
    heading.add_row("Status", state(result.status))
    heading.add_row("Data points", f"{result.data_points:,} and {result.history_data_points:,} of history")
    if result.failed_data_requests:
        failed = f"{result.failed_data_requests:,}, listed in failed-data-requests-*.txt"
        heading.add_row("Failed data requests", Text(failed, style="yellow"))
    heading.add_row("Results", Text(str(result.folder), overflow="fold"))
    table = Table(box=None, pad_edge=False, show_header=False)
    pairs = 2 if wide else 1
    for _ in range(pairs):
        table.add_column(style="bold")
        table.add_column(justify="right")
    items = list(result.statistics.items())
    half = -(-len(items) // pairs)
    for row in range(half):
        chosen = [items[at] for at in range(row, len(items), half)]
        table.add_row(*(Text(word) for item in chosen for word in item))
    return Group(heading, Text(), table)


class _Shown:
    """Shows what is logged, as long as somebody reads it: a closed pipe must not end the run."""

    def __init__(self, target: Console) -> None:
        self._target: Console | None = target

    def __call__(self, line: str) -> None:
        if self._target is None:
            return
        try:
            self._target.print(line, markup=False)
        except SystemExit:  # rich's answer to a closed pipe
            self._target = None


class Bar:
    """A progress bar over simulated time, as the callback that `run_backtest` wants; gone when left."""

    def __init__(self, target: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=target, transient=True)
        self._task = self._progress.add_task("initialize", total=None)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, start_ns: int, now_ns: int, end_ns: int) -> None:
        """Show how far simulated time has come; before `start_ns` the algorithm warms up."""
        from livetrader.cli.views import time_text

        day = time_text(now_ns)[:10]
        self._progress.update(
            self._task,
            completed=max(0, now_ns - start_ns),
            total=max(1, end_ns - start_ns),
            description=f"warm-up {day}" if now_ns < start_ns else day,
        )
