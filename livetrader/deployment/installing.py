"""Installs an account as a service, or ends that: gathers facts, asks the plan, does the steps."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livetrader import places
from livetrader.configuration.loading import load
from livetrader.control.auth import ROLES, Role, Scope, TokenStore
from livetrader.deployment.credentials import as_the_service
from livetrader.deployment.plan import (
    Wanted,
    credentials_named,
    install_steps,
    problems_of,
    problems_of_name,
    uninstall_steps,
    unit_of,
)
from livetrader.deployment.steps import ROOT, Done, Machine, Step
from livetrader.deployment.units import DAEMON, SHIPPED, credential_file, shipped_folder, user_of
from livetrader.errors import ConfigError

CREDENTIAL_LIMIT_BYTES: Final = 1 << 20  # systemd takes no more, either


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asked for. `credentials` are files by the names that the configuration uses."""

    name: str
    config: Path
    user: str = places.USER
    unit_folder: Path = places.UNITS
    root: Path = ROOT
    credentials: Mapping[str, Path] = field(default_factory=dict)
    gpu: bool = False
    enable: bool = False
    now: bool = False
    dry_run: bool = False

    @property
    def machine(self) -> Machine:
        """Where it is to be done."""
        return Machine(self.root, self.dry_run)


def install(request: Request, now_ns: int, told: Callable[[Done], None]) -> list[Done]:
    """Install an account, or bring what is installed up to date; done again it changes nothing.

    Raises ConfigError with everything that speaks against it, before anything was done; InstallError or
    OSError where a step fails.
    """
    wanted = _wanted(request)
    problems = problems_of(wanted)
    with as_the_service(request.name, wanted.document, wanted.credentials, request.machine) as missing:
        problems += [
            f"credential {name!r} is named in {request.config}: give it with --credential {name}=FILE"
            for name in missing
        ]
        try:
            load(request.config)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    _may(request)

    def make_token(path: Path) -> str:
        scopes = [scope for scope in Scope if scope in ROLES[Role.CONTROL]]
        return TokenStore(path).create("operator", scopes, now_ns=now_ns)

    return _do(install_steps(wanted, make_token), request.machine, told)


def uninstall(request: Request, told: Callable[[Done], None]) -> list[Done]:
    """End the service of an account; configuration, credentials, state and user stay.

    Raises ConfigError for a name that can be none; InstallError or OSError where a step fails.
    """
    problems = problems_of_name(request.name)
    if problems:
        raise ConfigError(problems)
    _may(request)
    machine = request.machine
    installed = machine.at(request.unit_folder / SHIPPED[0]).is_file()
    steps = uninstall_steps(request.name, request.unit_folder, bool(_others(request)))
    if not installed:
        steps = steps[1:-1]  # there is no unit that could be stopped
    return _do(steps, machine, told)


def hints(request: Request) -> list[str]:
    """Return what there is to do next, a line each."""
    unit = unit_of(request.name)
    lines = [f"livetrader doctor {places.CONFIGS / request.name}.toml"]
    if not request.now:
        lines.append(f"systemctl {'start' if request.enable else 'enable --now'} {unit}")
    lines.append(f"systemctl status {unit}; journalctl -u {unit} -f")
    return lines


def _others(request: Request) -> tuple[str, ...]:
    """Return the further accounts that are installed on the machine."""
    folder = request.machine.at(places.CONFIGS)
    return tuple(sorted(path.stem for path in folder.glob("*.toml") if path.stem != request.name))


def _do(steps: list[Step], machine: Machine, told: Callable[[Done], None]) -> list[Done]:
    done = []
    for step in steps:
        outcome = step.do(machine)
        told(outcome)
        done.append(outcome)
    return done


def _may(request: Request) -> None:
    if request.root == ROOT and not request.dry_run and os.geteuid() != 0:
        raise ConfigError(
            ["users, units and /etc are root's: run it with sudo, or look first with --dry-run"]
        )


def _wanted(request: Request) -> Wanted:
    try:
        config = request.config.read_bytes()
        document = tomllib.loads(config.decode("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            [f"{request.config}: there is no such file; copy config/paper.toml and edit it"]
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"{request.config}: is not valid TOML: {error}"]) from error
    folder = shipped_folder()
    unit = request.machine.at(request.unit_folder / DAEMON)
    return Wanted(
        name=request.name,
        config=config,
        document=document,
        units={name: (folder / name).read_text(encoding="utf-8") for name in SHIPPED},
        executable=Path(sys.prefix) / "bin" / "livetrader",
        user=request.user,
        unit_folder=request.unit_folder,
        credentials={name: _secret(name, path) for name, path in request.credentials.items()},
        installed=frozenset(
            each
            for each in credentials_named(document)
            if request.machine.at(credential_file(request.name, each)).is_file()
        ),
        gpu=request.gpu,
        enable=request.enable,
        now=request.now,
        unit_user=user_of(unit.read_text(encoding="utf-8")) if unit.is_file() else "",
        others=_others(request),
    )


def _secret(name: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            secret = file.read(CREDENTIAL_LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"credential {name!r}: {path} cannot be read: {error.strerror}"]) from error
    if len(secret) > CREDENTIAL_LIMIT_BYTES:
        raise ConfigError([f"credential {name!r}: {path} is larger than {CREDENTIAL_LIMIT_BYTES} bytes"])
    return secret
