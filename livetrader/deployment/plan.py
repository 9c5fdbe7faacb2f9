"""What is to be done to run an account as a service, and what speaks against it. Facts in, steps out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livetrader import places
from livetrader.configuration.tables import TABLES
from livetrader.configuration.words import wants_path
from livetrader.deployment.steps import MakeFolder, MakeToken, MakeUser, RemoveFile, Run, Step, WriteFile
from livetrader.deployment.units import (
    BROKER,
    DAEMON,
    GPU_DROP_IN,
    LIQUIDATION,
    credential_file,
    credentials_drop_in,
    rendered,
)

HIDDEN: Final = ("/home", "/root", "/run/user")  # by the units' ProtectHome=
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CREDENTIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_EXECUTABLE: Final = re.compile(r"[\w/.+@-]+")  # what systemd takes as it is: no space, %, $, quote
_DROP_INS: Final = ("credentials.conf", "gpu.conf")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed: an account's configuration (its text) under a name, and how."""

    name: str
    config: bytes
    document: Mapping[str, object]  # the configuration as TOML tells it
    units: Mapping[str, str]  # the shipped ones
    executable: Path
    user: str
    unit_folder: Path
    credentials: Mapping[str, bytes]
    installed: frozenset[str] = frozenset()  # credentials that are there already
    gpu: bool = False
    enable: bool = False
    now: bool = False
    unit_user: str = ""  # of the units that are installed; one for all accounts of the machine
    others: tuple[str, ...] = ()  # further accounts that are installed


def problems_of_name(name: str) -> list[str]:
    """Return what speaks against the name of a service; it becomes part of paths."""
    return [] if _NAME.fullmatch(name) else [f"name {name!r}: use letters, digits and . _ -, with --name"]


def problems_of(wanted: Wanted) -> list[str]:
    """Return what speaks against it, each with its remedy."""
    problems = problems_of_name(wanted.name)
    if not _NAME.fullmatch(wanted.user):
        problems.append(f"user {wanted.user!r}: use letters, digits and . _ -")
    problems += [
        f"credential {each!r}: use letters, digits and . _ -"
        for each in wanted.credentials
        if not CREDENTIAL.fullmatch(each)
    ]
    if wanted.others and wanted.unit_user not in ("", wanted.user):
        problems.append(
            f"user {wanted.user!r}: the units of this machine run as {wanted.unit_user!r} for "
            f"{', '.join(wanted.others)}: add --user {wanted.unit_user}"
        )
    if not _EXECUTABLE.fullmatch(str(wanted.executable)):
        problems.append(
            f"{wanted.executable}: spaces and the like cannot stand in a unit; "
            "install livetrader into /opt/livetrader: python3 -m venv /opt/livetrader"
        )
    if _is_hidden(wanted.executable):
        problems.append(
            f"{wanted.executable}: the service cannot see {_hidden_part(wanted.executable)} (ProtectHome=); "
            "install livetrader into /opt/livetrader: python3 -m venv /opt/livetrader"
        )
    for key, text in _paths(wanted.document):
        path = Path(text)
        if key == "account.state_directory":
            expected = places.STATES / wanted.name
            if path != expected:
                problems.append(
                    f"{key}: is {text}; the service keeps its state in {expected}: remove the key"
                )
        elif not path.is_absolute():
            problems.append(
                f"{key}: is {text}, relative to the file, which will lie elsewhere; write it absolute"
            )
        elif _is_hidden(path):
            problems.append(
                f"{key}: the service cannot see {_hidden_part(path)} (ProtectHome=); move it, to "
                f"{places.STATES / 'shared'} for example"
            )
    return problems


def install_steps(wanted: Wanted, make_token: Callable[[Path], str]) -> list[Step]:
    """Return the steps, in order. Done again they change nothing."""
    name, user = wanted.name, wanted.user
    state = places.STATES / name
    units = [
        WriteFile(wanted.unit_folder / each, rendered(text, wanted.executable, user).encode(), 0o644)
        for each, text in wanted.units.items()
    ]
    steps: list[Step] = [
        MakeUser(user, places.STATES),
        MakeFolder(places.CONFIGS, 0o750, ("root", user)),
        MakeFolder(places.STATES, 0o755),
        MakeFolder(state, 0o700, (user, user)),
        WriteFile(places.CONFIGS / f"{name}.toml", wanted.config, 0o640, ("root", user), theirs=True),
        *(
            WriteFile(credential_file(name, each), secret, 0o600)
            for each, secret in sorted(wanted.credentials.items())
        ),
        *units,
    ]
    further = sorted((set(wanted.credentials) | wanted.installed) - {BROKER})
    if further:
        text = credentials_drop_in(name, further).encode()
        steps += [
            WriteFile(wanted.unit_folder / drop_in(unit, name, "credentials.conf"), text, 0o644)
            for unit in (DAEMON, LIQUIDATION)
        ]
    if wanted.gpu:
        path = wanted.unit_folder / drop_in(DAEMON, name, "gpu.conf")
        steps.append(WriteFile(path, GPU_DROP_IN.encode(), 0o644))
    steps += [MakeToken(state / "tokens.json", (user, user), make_token), Run(("systemctl", "daemon-reload"))]
    if wanted.enable or wanted.now:
        words = ("systemctl", "enable", *(("--now",) if wanted.now else ()), unit_of(name))
        steps.append(Run(words))
    return steps


def uninstall_steps(name: str, unit_folder: Path, others: bool) -> list[Step]:
    """Return what ends the service of an account. Its configuration, credentials and state stay.

    `others`: the machine has further accounts, which need the units.
    """
    steps: list[Step] = [Run(("systemctl", "disable", "--now", unit_of(name)))]
    steps += [
        RemoveFile(unit_folder / drop_in(unit, name, each))
        for unit in (DAEMON, LIQUIDATION)
        for each in _DROP_INS
    ]
    if not others:
        steps += [RemoveFile(unit_folder / unit) for unit in (DAEMON, LIQUIDATION)]
    return [*steps, Run(("systemctl", "daemon-reload"))]


def unit_of(name: str) -> str:
    """Return the unit of an account."""
    return DAEMON.replace("@", f"@{name}")


def drop_in(unit: str, name: str, file: str) -> Path:
    """Return the place of a drop-in of an account's unit, below the folder of units."""
    return Path(f"{unit.replace('@', f'@{name}')}.d") / file


def credentials_named(value: object) -> Iterator[str]:
    """Yield the credentials that a configuration names, `{ credential = "NAME" }` at any depth."""
    if isinstance(value, Mapping):
        if set(value) == {"credential"} and isinstance(value["credential"], str):
            yield value["credential"]
            return
        for inner in value.values():
            yield from credentials_named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from credentials_named(inner)


def _paths(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the daemon's own settings that are paths: key and text."""
    from typing import get_type_hints

    for section, kind in TABLES.items():
        table = document.get(section)
        if isinstance(table, Mapping):
            for key, hint in get_type_hints(kind, include_extras=True).items():
                text = table.get(key)
                if isinstance(text, str) and text and wants_path(hint):
                    yield f"{section}.{key}", text


def _hidden_part(path: Path) -> str | None:
    return next((each for each in HIDDEN if path.is_relative_to(each)), None)


def _is_hidden(path: Path) -> bool:
    return _hidden_part(path) is not None
