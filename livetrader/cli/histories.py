"""Options of the commands that look back: the data folder, and who is asked for what it lacks."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from livetrader.cli.common import pair
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from livetrader.settings import PluginSection

DATA_FOLDER: Final = "LIVETRADER_DATA"  # environment variable
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)

_F = TypeVar("_F", bound=Callable[..., object])

folder_option = click.option(
    "--data-folder", "--data", type=_FOLDER, envvar=DATA_FOLDER, default=Path("data"), show_default=True,
    help="A folder in LEAN's format; made where it is not there.",
)  # fmt: skip


def provider_options(command: _F) -> _F:
    """Add who is asked for what the folder lacks, as `providers` and `provider_keys`."""
    named = click.option("--provider", "providers", multiple=True, metavar="PLUGIN",
                         help="A history to ask for what the folder lacks; several in order.")  # fmt: skip
    keys = click.option("--provider-option", "provider_keys", multiple=True, metavar="KEY=VALUE",
                        help="A key of its own, as in [[history]]; PLUGIN.KEY of several.")  # fmt: skip
    return named(keys(command))


def data_folder(folder: Path, *, made: bool) -> Path:
    """Return the folder's full path; make it where `made`. Raises BadParameter where there is none."""
    if not made and not folder.is_dir():
        raise click.BadParameter(
            f"there is no folder {folder}; name one in LEAN's format, or a --provider that fills it",
            param_hint="--data-folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"{folder}: cannot be made: {error.strerror}"]) from error
    return folder.absolute()


def histories_of(providers: Sequence[str], keys: Sequence[str]) -> tuple[PluginSection, ...]:
    """Return the histories that the command line names. Raises BadParameter, ConfigError."""
    from livetrader.configuration.plugins import STORE
    from livetrader.settings import PluginSection

    options: dict[str, dict[str, object]] = {name: {} for name in providers}
    for text in keys:
        key, value = pair(text, "--provider-option")
        name, dot, own = key.partition(".")
        if not dot:
            name, own = (providers[0] if len(providers) == 1 else ""), key
        if name not in options:
            raise click.BadParameter(
                f"{text!r}: write PLUGIN.KEY=VALUE with one of {', '.join(providers) or 'the --provider'}",
                param_hint="--provider-option",
            )
        try:
            options[name][own] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            options[name][own] = value
    return (PluginSection(STORE, {}), *(PluginSection(name, keys) for name, keys in options.items()))
