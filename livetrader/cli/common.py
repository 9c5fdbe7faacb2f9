"""What the commands share: errors as exit codes, where the daemon is, and output for people or programs."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeVar

import click
import msgspec

from livetrader.errors import AlgorithmLoadError, ConfigError, DaemonError

if TYPE_CHECKING:
    from rich.console import Console

    from livetrader.control.client import Target

CONFIG_NAME: Final = "livetrader.toml"  # looked for in the working directory
CONFIG_HELP: Final = f"The configuration file; default $LIVETRADER_CONFIG, else ./{CONFIG_NAME}."
PIPE_WIDTH: Final = 200  # columns where there is no terminal to ask: a table must not be cut in a pipe

YEARS: Final = range(1900, 2201)  # in which there are markets
_WITH_TRACEBACK: Final = frozenset({"run"})  # a daemon that ends so is our bug: the journal wants all of it
_LOOK: Final = "look at that place, then try again"
_FULL: Final = "free some room, then try again"
_NO_FOLDER: Final = "name a place in a folder that is there"
_REMEDIES: Final = {
    errno.ENOENT: _NO_FOLDER, errno.ENOTDIR: _NO_FOLDER, errno.EISDIR: "name a file, not a folder",
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: "name a place that can be written",
    errno.ENAMETOOLONG: "name a shorter one", errno.EEXIST: "name another one",
}  # fmt: skip

_F = TypeVar("_F", bound=Callable[..., object])


class ToldError(click.ClickException):
    """A DaemonError on its way to the user: the message on standard error, its exit code."""

    def __init__(self, error: DaemonError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance
        self._error = error

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message: problems a line each, an algorithm's traceback as it is."""
        if isinstance(self._error, ConfigError | AlgorithmLoadError):
            click.echo(self.message, err=True)
        else:
            click.echo(f"livetrader: {self.message}", err=True)


class FiniteRange(click.FloatRange):
    """A range of numbers without nan, which lies in every one, and without infinities."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raises BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is no finite number", param, ctx)
        return number


class Day(click.DateTime):
    """A date, written YYYY-MM-DD, that has a day before and one after in any calendar."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the date at midnight. Raises BadParameter."""
        day = super().convert(value, param, ctx)
        if day is not None and day.year not in YEARS:
            self.fail(f"{day:%Y-%m-%d}: the year is to be one of {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return day


class Commands(click.Group):
    """A group that turns the daemon's errors, and the machine's, into messages and exit codes."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DaemonError as error:
            raise ToldError(error) from error
        except PermissionError as error:
            place = f"{error.filename}: " if error.filename else ""
            problem = f"{place}{error.strerror}; run as the daemon's user, or check owner and mode"
            raise ToldError(ConfigError([problem])) from error
        except OSError as error:
            if error.errno == errno.EPIPE or ctx.invoked_subcommand in _WITH_TRACEBACK:
                raise  # click ends quietly where nobody reads on
            raise click.ClickException(_about_machine(error)) from error


def _about_machine(error: OSError) -> str:
    """Return what a place on disk or a connection refused, and what to do."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}; {_REMEDIES.get(error.errno or 0, _LOOK)}"


config_option = click.option(
    "-c", "--config", type=click.Path(path_type=Path), envvar="LIVETRADER_CONFIG", help=CONFIG_HELP
)


def config_options(command: _F) -> _F:
    """Add the configuration file, as an argument or as --config."""
    argument = click.argument(
        "config_argument",
        metavar="[CONFIG]",
        required=False,
        type=click.Path(path_type=Path),
        callback=_remember,
        expose_value=False,
    )
    return config_option(argument(command))


def _remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Keep the argument for `given_config`: a command has one word for the file, however it was given."""
    if value is not None:
        context.meta["livetrader.config"] = value


state_option = click.option(
    "--state-directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="The account's folder, instead of CONFIG.",
)
json_option = click.option("--json", "output_json", is_flag=True, help="Print JSON.")


def given_config(config: Path | None) -> Path | None:
    """Return the configuration file that was named or lies in the working directory; None for neither."""
    named: Path | None = click.get_current_context().meta.get("livetrader.config", config)
    if named is not None:
        return named
    return Path(CONFIG_NAME) if Path(CONFIG_NAME).is_file() else None


def find_config(config: Path | None) -> Path:
    """Return the configuration file. Raises UsageError where none is named and none lies here."""
    found = given_config(config)
    if found is None:
        raise click.UsageError(f"name a configuration file (there is no {CONFIG_NAME} here)")
    return found


def find_target(config: Path | None, state_directory: Path | None) -> Target:
    """Return where the daemon is: by its state directory, else its configuration, else $STATE_DIRECTORY."""
    from livetrader.configuration.loading import load
    from livetrader.control.client import Target, token_from
    from livetrader.settings import ControlSettings

    token = token_from()
    path = given_config(config)
    if state_directory is None and path is not None:
        settings = load(path, needed=("account", "control"), plugins=False)
        control, folder = settings.control, settings.account.state_directory or Path("state")
    else:
        named = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        control, folder = ControlSettings(), state_directory or Path(named or "state")
    return Target(
        socket_path=folder / "control.sock",
        host=control.host,
        port=control.port,
        token=token,
        tls_certificate=control.tls_certificate,
    )


def console(*, stderr: bool = False) -> Console:
    """Return where people read: colours and bold on a terminal without NO_COLOR, wide lines in a pipe.

    Texts are shown as they are: brackets in a tag, a reason or a path are no markup of ours.
    """
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))  # rich leaves bold and dim in
    colours: Literal["auto"] | None = None if plain else "auto"
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False, color_system=colours)
    if not made.is_terminal:
        made = Console(
            stderr=stderr, highlight=False, markup=False, emoji=False, width=PIPE_WIDTH, color_system=None
        )
    return made


def pair(text: str, option: str) -> tuple[str, str]:
    """Return NAME=VALUE as its two halves. Raises BadParameter for anything else."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return key, value


def as_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def as_json_line(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(msgspec.json.encode(value).decode())
