"""`livetrader research`: notebooks with a QuantBook, in a browser or without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from livetrader.cli.backtest import EXIT_BY_SIGNAL
from livetrader.cli.common import as_json, as_json_line, json_option
from livetrader.cli.store import place_options
from livetrader.errors import AlgorithmLoadError, ConfigError

if TYPE_CHECKING:
    from livetrader.offline.research import ResearchSettings

CELL_LIMIT_S: Final = 3600  # of one cell, run without a browser; a training that takes longer says so
_PATH: Final = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="[FOLDER|NOTEBOOK]", type=_PATH, default=Path())
@click.option("--data-folder", "--data", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
              envvar="LIVETRADER_DATA",
              help="A folder in LEAN's format; default the nearest `data`, here or above.")  # fmt: skip
@place_options
@click.option("--history", metavar="PLUGIN", envvar="LIVETRADER_HISTORY", default="lean_data",
              show_default=True, help="The plugin that reads the data.")  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Print the address, open no browser.")
@click.option("--port", metavar="NUMBER", type=click.IntRange(0, 65535),
              help="Port on 127.0.0.1 (0: any); default the first free one from 8888 on.")  # fmt: skip
@click.option("--lab/--classic", default=True, show_default=True, help="JupyterLab, or Jupyter Notebook.")
@click.option("--execute", is_flag=True, help="Run the notebook's cells without a browser, then end.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="With --execute: write the notebook there, with what its cells showed.")  # fmt: skip
@click.option("--cell-limit", metavar="SECONDS", type=click.IntRange(min=0), default=CELL_LIMIT_S,
              show_default=True, help="With --execute: the most a cell may take (0: no limit).")  # fmt: skip
@json_option
def research(*, target: Path, output_json: bool, **given: Any) -> None:
    """Open Jupyter with a QuantBook on the data and the object store of backtests.

    In a folder without a notebook one is made, research.ipynb. The object store is the one of --object-store,
    else the nearest folder `storage`, from the notebook's folder upwards, else one beside it. Jupyter listens
    on 127.0.0.1 only, wants the token of the address that is printed, and ends with Ctrl-C, its kernels with
    it. Needs: pip install 'livetrader[research]'

    \b
    livetrader research
    livetrader research my_project --data-folder data --no-browser --port 8899
    livetrader research my_project/research.ipynb --object-store storage
    livetrader research train.ipynb --execute --output executed.ipynb

    Exit code: 0 done, 2 wrong usage or no Jupyter, 3 a cell of the executed notebook failed,
    130 after Ctrl-C, 143 after SIGTERM, 1 anything else.
    """
    from livetrader.offline.notebooks import SUFFIX, notebook_at

    if given["output"] is not None and not given["execute"]:
        raise click.UsageError("--output goes with --execute")
    if given["output"] is not None and not given["output"].absolute().parent.is_dir():
        raise ConfigError(
            [f"--output: there is no folder {given['output'].parent} for {given['output'].name}"]
        )
    if given["execute"] and target.suffix == SUFFIX and not target.exists():
        raise ConfigError([f"there is no notebook {target}; without --execute one is made"])
    notebook = notebook_at(target).absolute()
    settings = _settings(notebook.parent, given)
    environment = {
        "LIVETRADER_DATA": str(settings.data_folder),
        "LIVETRADER_OBJECT_STORE": settings.object_store,
        "LIVETRADER_PROJECT": settings.project,
        "LIVETRADER_HISTORY": settings.history,
    }
    if given["execute"]:
        _execute(notebook, environment, given, output_json=output_json)
    else:
        _serve(notebook, environment, given, output_json=output_json)


def _settings(folder: Path, given: dict[str, Any]) -> ResearchSettings:
    """Return what the command line says. Raises ConfigError where data or store cannot be."""
    from livetrader.offline.project import STORAGE, nearest_storage
    from livetrader.offline.research import ResearchSettings, nearest_data
    from livetrader.store.options import problem_with, resolved

    data = (given["data_folder"] or nearest_data(folder)).absolute()
    if not data.is_dir():
        raise ConfigError([f"there is no data folder {data}; name one in LEAN's format with --data-folder"])
    near = nearest_storage(folder) or folder / STORAGE
    store = resolved(given["object_store"] or str(near), Path.cwd())
    problem = problem_with(store)
    if problem:
        raise ConfigError([f"--object-store {problem}"])
    return ResearchSettings(folder, data, store, given["project"] or "", given["history"])


def _execute(
    notebook: Path, environment: dict[str, str], given: dict[str, Any], *, output_json: bool
) -> None:
    from livetrader.offline.notebooks import execute

    output, limit_s = given["output"], given["cell_limit"] or None
    done = execute(notebook, environment, cell_limit_s=limit_s, output=output)
    if output_json:
        as_json(done)
    elif not done.error and done.stopped_by is None:
        click.echo(f"{notebook}: {done.cells} cells ran")
    if done.error:
        raise AlgorithmLoadError(f"{notebook}, code cell {done.cells}:\n{done.error}")
    if done.stopped_by is not None:
        sys.exit(EXIT_BY_SIGNAL + done.stopped_by)


def _serve(notebook: Path, environment: dict[str, str], given: dict[str, Any], *, output_json: bool) -> None:
    from livetrader.offline.lab import LabOptions, serve

    def ready(url: str) -> None:
        if output_json:
            as_json_line({"url": url, "notebook": str(notebook), **environment})
            return
        click.echo(f"Notebook      {notebook}")
        click.echo(f"Data          {environment['LIVETRADER_DATA']}")
        click.echo(f"Object store  {environment['LIVETRADER_OBJECT_STORE']}")
        click.echo(f"Address       {url}")
        click.echo("Ctrl-C ends it.")

    options = LabOptions(given["port"], browser=not given["no_browser"], classic=not given["lab"])
    serve(notebook, environment, options, ready)
