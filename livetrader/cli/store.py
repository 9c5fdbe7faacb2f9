"""`livetrader store`: look into the object store, and move objects in and out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from livetrader.cli.common import as_json, config_option, console, given_config, json_option
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from livetrader.store.options import StoreOptions
    from livetrader.store.store import Store
    from livetrader_engine.ports import StoredObject

OBJECT_STORE: Final = "LIVETRADER_OBJECT_STORE"  # names of environment variables
PROJECT: Final = "LIVETRADER_PROJECT"
STORE_HELP: Final = "A folder, or a URL that fsspec knows (s3://bucket/prefix)."
PROJECT_HELP: Final = "Whose keys come first; others' are <project>/<key>."
SHOWN_FROM_BYTES: Final = 8 * 1024 * 1024  # from this size on, moving shows that it goes on
_MB: Final = 1024 * 1024

_F = TypeVar("_F", bound=Callable[..., object])


def place_options(command: _F) -> _F:
    """Add --object-store and --project, as `object_store` and `project`."""
    store = click.option("--object-store", metavar="URL", envvar=OBJECT_STORE, help=STORE_HELP)
    project = click.option("--project", metavar="NAME", envvar=PROJECT, help=PROJECT_HELP)
    return store(project(command))


def store_options(command: _F) -> _F:
    """Add what says which object store is meant; `chosen_store` takes the three."""
    return place_options(config_option(command))


def chosen_store(object_store: str | None, project: str | None, config: Path | None) -> StoreOptions:
    """Return the object store that is meant: the URL, else the configuration's, else the nearest `storage`.

    Raises ConfigError where there is none of these.
    """
    import msgspec

    from livetrader.offline.project import nearest_storage

    chosen: StoreOptions | None = None
    file = None if object_store else given_config(config)
    if object_store:
        chosen = named_store(object_store)
    elif file is not None:
        chosen = _configured(file)
    elif (folder := nearest_storage(Path.cwd())) is not None:
        chosen = named_store(str(folder))
    if chosen is None:
        remedy = "name one with --object-store URL, or a configuration with --config"
        raise ConfigError([f"there is no folder `storage` here or above, so which object store? {remedy}"])
    # what others change is seen at once, and the daemon's copies are the daemon's
    return msgspec.structs.replace(
        chosen, project=chosen.project if project is None else project, fresh_s=0.0, copies=""
    )


def named_store(url: str) -> StoreOptions:
    """Return the object store at a URL, or in a folder relative to the working directory."""
    from livetrader.store.options import StoreOptions, resolved

    return StoreOptions(resolved(url, Path.cwd()))


def _configured(file: Path) -> StoreOptions:
    from livetrader.configuration.loading import load
    from livetrader.configuration.stores import store_options

    settings = load(file, needed=("account", "object_store"), plugins=False)
    folder = settings.account.state_directory
    assert folder is not None, "load resolves it"
    return store_options(settings.object_store, folder)


@contextmanager
def opened_store(given: dict[str, Any], *, create: bool = False) -> Iterator[Store]:
    """Give the object store that a command's options mean; its errors become messages and exit codes."""
    from livetrader.store.opening import open_store
    from livetrader.store.options import folder_of
    from livetrader_engine.errors import StoreError

    options = chosen_store(given["object_store"], given["project"], given["config"])
    folder = folder_of(options.url)
    if folder is not None and not create and not folder.is_dir():
        raise ConfigError([f"there is no folder {folder}; name another with --object-store"])
    try:
        yield open_store(options, lambda words: click.echo(f"livetrader: {words}", err=True))
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    except (StoreError, KeyError) as error:
        words = f"there is no {error} in {options.url}" if isinstance(error, KeyError) else str(error)
        raise click.ClickException(words) from error


@click.group()
def store() -> None:
    """Look into the object store, and move objects in and out.

    Which one: --object-store (or $LIVETRADER_OBJECT_STORE), else the one of the configuration, else the
    nearest folder `storage`, here or above.

    \b
    livetrader store ls models/ --config paper.toml
    livetrader store put model.pkl models/spy.pkl --object-store s3://bucket/prefix
    livetrader store get models/spy.pkl - | sha256sum
    livetrader store rm models/spy.pkl
    livetrader store stat

    Exit code: 0 done, 2 wrong usage or configuration, 1 no such object, or the store failed.
    """


@store.command()
@click.argument("prefix", default="")
@store_options
@json_option
def ls(prefix: str, *, output_json: bool, **given: Any) -> None:
    """List the keys that begin with PREFIX, with size and the time of their last save.

    \b
    livetrader store ls
    livetrader store ls models/ --json
    """
    with opened_store(given) as opened:
        found = opened.listing(prefix)
    if output_json:
        as_json([_view(key, each) for key, each in found])
        return
    for key, each in found:
        click.echo(f"{each.size:>14,}  {_moment(each)}  {key}")


@store.command()
@click.argument("key")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace FILE where it is there.")
@store_options
@json_option
def get(key: str, file: Path | None, *, force: bool, output_json: bool, **given: Any) -> None:
    """Write an object to FILE; default its own name here, `-` standard output.

    \b
    livetrader store get models/spy.pkl
    livetrader store get models/spy.pkl /tmp/spy.pkl --force
    livetrader store get weights.json - | jq .
    """
    target = Path(key.rpartition("/")[2]) if file is None else file
    to_output = str(target) == "-"
    if not to_output and target.exists() and not force:
        raise click.UsageError(f"{target} is there; name another file, or replace it with --force")
    with opened_store(given) as opened:
        found = opened.stat(key)
        with _busy("reading", key, 0 if found is None else found.size):
            value = opened.read(key)
    if to_output:
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
        return
    _write(target, value)
    if output_json:
        as_json({"key": key, "file": str(target), "size": len(value)})
    else:
        click.echo(f"{target}: {len(value):,} bytes")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.argument("key", required=False)
@store_options
@json_option
def put(file: Path, key: str | None, *, output_json: bool, **given: Any) -> None:
    """Store FILE (`-`: standard input) under KEY; default the file's name. Replaces what was there.

    \b
    livetrader store put model.pkl models/spy.pkl
    tar c models | livetrader store put - backup/models.tar
    """
    from_input = str(file) == "-"
    if from_input and key is None:
        raise click.UsageError("name a KEY for what comes from standard input")
    name = file.name if key is None else key
    value = sys.stdin.buffer.read() if from_input else file.read_bytes()
    with opened_store(given, create=True) as opened, _busy("storing", name, len(value)):
        opened.save(name, value)
    if output_json:
        as_json({"key": name, "size": len(value)})
    else:
        click.echo(f"{name}: {len(value):,} bytes")


@store.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@store_options
@json_option
def rm(keys: tuple[str, ...], *, output_json: bool, **given: Any) -> None:
    """Delete objects. There is no way back.

    \b
    livetrader store rm models/spy.pkl models/old.pkl
    """
    with opened_store(given) as opened:
        removed = {key: opened.delete(key) for key in keys}
    if output_json:
        as_json([{"key": key, "removed": done} for key, done in removed.items()])
    missing = [key for key, done in removed.items() if not done]
    if missing:
        raise click.ClickException(f"there was no {', '.join(repr(key) for key in missing)}")


@store.command()
@click.argument("key", required=False)
@store_options
@json_option
def stat(key: str | None, *, output_json: bool, **given: Any) -> None:
    """Show size and age of an object; without KEY: how full the store is, and its limits.

    \b
    livetrader store stat models/spy.pkl
    livetrader store stat --config paper.toml --json
    """
    with opened_store(given) as opened:
        if key is None:
            usage, limits = opened.usage(), opened.limits
            view: dict[str, object] = {
                "files": usage.files, "bytes": usage.bytes, "max_files": limits.max_files,
                "max_bytes": limits.max_bytes,
            }  # fmt: skip
        else:
            found = opened.stat(key)
            if found is None:
                raise KeyError(key)
            view = _view(key, found)
    if output_json:
        as_json(view)
        return
    for name, value in view.items():
        shown = "no limit" if value is None else f"{value:,}" if isinstance(value, int) else value
        click.echo(f"{name:<10} {shown}")


def _write(target: Path, value: bytes) -> None:
    """Write a file as a whole or not at all."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(value)
        aside.replace(target)
    except OSError as error:
        words = f"{target} cannot be written: {error.strerror}; name a file in a folder that is there, or `-`"
        raise click.ClickException(words) from error
    finally:
        with suppress(OSError):  # it was never made
            aside.unlink(missing_ok=True)


def _view(key: str, found: StoredObject) -> dict[str, object]:
    return {"key": key, "size": found.size, "modified": _moment(found).replace(" ", "T") + "Z"}


def _moment(found: StoredObject) -> str:
    from livetrader.cli.views import time_text

    return time_text(found.modified_ns)


@contextmanager
def _busy(doing: str, key: str, size: int) -> Iterator[None]:
    """Show that a large object is on its way, where somebody looks on."""
    errors = console(stderr=True)
    if size < SHOWN_FROM_BYTES or not errors.is_terminal:
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        progress.add_task(f"{doing} {key}, {size / _MB:,.0f} MB", total=None)
        yield
