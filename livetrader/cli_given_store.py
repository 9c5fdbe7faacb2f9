"""The object store that a command works on: by URL, by the configuration of a daemon, or what lies here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from livetrader.cli_common import CONFIG_HELP, given_config
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from livetrader.store.options import StoreOptions
    from livetrader.store.store import Store

STORE_FOLDER: Final = (
    "storage"  # of backtests and notebooks, in the working directory or above it; LEAN's name
)

_F = TypeVar("_F", bound=Callable[..., object])


def store_choice(command: _F) -> _F:
    """Add --object-store, --project and --config: what `given_store` needs, under these names."""
    url = click.option(
        "--object-store",
        metavar="URL",
        envvar="LIVETRADER_OBJECT_STORE",
        help="A folder, or a URL such as s3://bucket/prefix; default: the configuration's, else ./storage.",
    )
    project = click.option("--project", metavar="NAME", help="Whose objects; default: the configuration's.")
    path = click.Path(path_type=Path)
    config = click.option("-c", "--config", type=path, envvar="LIVETRADER_CONFIG", help=CONFIG_HELP)
    return url(project(config(command)))


@contextmanager
def given_store(object_store: str | None, project: str | None, config: Path | None) -> Iterator[Store]:
    """Open the store that the options name, and read nothing but what is there now.

    Raises ConfigError for a place that cannot be one, UsageError where none is named and none lies here.
    """
    import msgspec

    from livetrader.store.opening import open_store

    options = _options(object_store, config)
    if project is not None:
        options = msgspec.structs.replace(options, project=project)
    # a daemon's copies are its own; these here are gone afterwards
    with tempfile.TemporaryDirectory(prefix="livetrader-objects-") as copies:
        try:
            yield open_store(msgspec.structs.replace(options, copies=copies, fresh_s=0.0))
        except ValueError as error:
            raise ConfigError([str(error)]) from error


def _options(object_store: str | None, config: Path | None) -> StoreOptions:
    from livetrader.store.options import StoreOptions, problem_with, resolved

    if object_store:
        url = resolved(object_store, Path.cwd())
        problem = problem_with(url)
        if problem:
            raise ConfigError([f"--object-store {problem}"])
        return StoreOptions(url)
    path = given_config(config)
    if path is not None:
        return _configured(path)
    here = Path.cwd()
    found = next((at / STORE_FOLDER for at in (here, *here.parents) if (at / STORE_FOLDER).is_dir()), None)
    if found is None:
        raise click.UsageError(
            "name an object store: --object-store URL, or --config FILE of the daemon that has it "
            f"(there is no folder {STORE_FOLDER} here)"
        )
    return StoreOptions(str(found))


def _configured(path: Path) -> StoreOptions:
    from livetrader.configuration.loading import load
    from livetrader.configuration.stores import store_options

    settings = load(path, needed=("account", "object_store"), plugins=False)
    named = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return store_options(settings.object_store, settings.account.state_directory or Path(named or "state"))
