"""What can be done to a machine, one step at a time: each says what it found, and does nothing twice.

`root` is "/" or a folder that stands for it (an image that is being built): there no user is made, nothing
is given to one, and no service manager is asked.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import msgspec

from livetrader.errors import DaemonError

COMMAND_LIMIT_S: Final = (
    660.0  # a start waits for brokerage and warm-up: the unit's TimeoutStartSec and a minute
)
ROOT: Final = Path("/")


class InstallError(DaemonError):
    """A step could not be done. What was done before stays; the same command goes on from there."""


class Outcome(StrEnum):
    """What a step came to."""

    MADE = "made"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"  # it is there and different, and somebody's own
    REMOVED = "removed"
    DONE = "done"
    PASSED = "passed over"


class Done(msgspec.Struct, frozen=True):
    """One step and its outcome, for people and programs. `secret` is shown this once."""

    what: str
    outcome: Outcome
    note: str = ""
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where steps are done. With `dry_run` nothing is: each says what it would come to."""

    root: Path
    dry_run: bool

    @property
    def is_real(self) -> bool:
        """Whether it is the machine itself, with users and a service manager."""
        return self.root == ROOT

    def at(self, path: Path) -> Path:
        """Return a path of the machine as it is reached from here."""
        return self.root / path.relative_to("/")


class Step(Protocol):
    """Something to be done."""

    def do(self, machine: Machine) -> Done:
        """Do it. Raises InstallError or OSError."""
        ...


def has_user(name: str) -> bool:
    """Return whether this machine knows a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def run(words: tuple[str, ...]) -> None:
    """Run a command. Raises InstallError with what it said."""
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise InstallError(f"there is no {words[0]} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"{' '.join(words)} did not end within {COMMAND_LIMIT_S:g} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise InstallError(f"{' '.join(words)} failed with {done.returncode}: {said}")


@dataclass(frozen=True, slots=True)
class MakeUser:
    """A system user without a shell."""

    name: str
    home: Path

    def do(self, machine: Machine) -> Done:
        """See Step."""
        what = f"user {self.name}"
        if not machine.is_real:
            return Done(what, Outcome.PASSED, "no users are made in an image")
        if has_user(self.name):
            return Done(what, Outcome.UNCHANGED)
        if not machine.dry_run:
            home, shell = str(self.home), "/usr/sbin/nologin"
            run(
                (
                    "useradd",
                    "--system",
                    "--user-group",
                    "--no-create-home",
                    "--home-dir",
                    home,
                    "--shell",
                    shell,
                    self.name,
                )
            )
        return Done(what, Outcome.MADE)


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder with its mode and owner (user, group)."""

    path: Path
    mode: int
    owner: tuple[str, str] = ("root", "root")

    def do(self, machine: Machine) -> Done:
        """See Step."""
        path, what = machine.at(self.path), f"folder {self.path} ({self.mode:04o}, {':'.join(self.owner)})"
        if path.is_dir():
            right = path.stat().st_mode & 0o7777 == self.mode and _owned(path, self.owner, machine)
            outcome = Outcome.UNCHANGED if right else Outcome.CHANGED
        else:
            outcome = Outcome.MADE
        if not machine.dry_run and outcome is not Outcome.UNCHANGED:
            path.mkdir(mode=self.mode, parents=True, exist_ok=True)
            path.chmod(self.mode)
            _own(path, self.owner, machine)
        return Done(what, outcome)


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with its content, mode and owner. `theirs`: one that is there and different is left alone."""

    path: Path
    content: bytes
    mode: int
    owner: tuple[str, str] = ("root", "root")
    theirs: bool = False

    def do(self, machine: Machine) -> Done:
        """See Step."""
        path, what = machine.at(self.path), f"file {self.path} ({self.mode:04o}, {':'.join(self.owner)})"
        outcome = Outcome.MADE
        if path.exists():
            same = path.read_bytes() == self.content
            if not same and self.theirs:
                return Done(what, Outcome.KEPT, "it is different from what was given; compare them")
            right = same and path.stat().st_mode & 0o7777 == self.mode and _owned(path, self.owner, machine)
            outcome = Outcome.UNCHANGED if right else Outcome.CHANGED
        if not machine.dry_run and outcome is not Outcome.UNCHANGED:
            part = path.with_name(f".{path.name}.part")
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.content)
                file.flush()
                os.fsync(file.fileno())
            part.chmod(self.mode)
            _own(part, self.owner, machine)
            part.replace(path)
        return Done(what, outcome)


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """A file that goes, and its folder where that is empty then and named for it."""

    path: Path

    def do(self, machine: Machine) -> Done:
        """See Step."""
        path, what = machine.at(self.path), f"file {self.path}"
        if not path.exists():
            return Done(what, Outcome.UNCHANGED, "it is not there")
        if not machine.dry_run:
            path.unlink()
            if path.parent.name.endswith(".service.d") and not any(path.parent.iterdir()):
                path.parent.rmdir()
        return Done(what, Outcome.REMOVED)


@dataclass(frozen=True, slots=True)
class Run:
    """A command of the service manager."""

    words: tuple[str, ...]

    def do(self, machine: Machine) -> Done:
        """See Step."""
        what = " ".join(self.words)
        if not machine.is_real:
            return Done(what, Outcome.PASSED, "an image has no service manager")
        if not machine.dry_run:
            run(self.words)
        return Done(what, Outcome.DONE)


@dataclass(frozen=True, slots=True)
class MakeToken:
    """The first token of the control API, where there is no file of tokens. `make` writes and returns it."""

    path: Path
    owner: tuple[str, str]
    make: Callable[[Path], str]

    def do(self, machine: Machine) -> Done:
        """See Step."""
        path, what = machine.at(self.path), f"token 'operator' in {self.path}"
        if path.exists():
            return Done(what, Outcome.UNCHANGED, "there are tokens already; `livetrader token` makes more")
        if machine.dry_run:
            return Done(what, Outcome.MADE)
        secret = self.make(path)
        _own(path, self.owner, machine)
        return Done(what, Outcome.MADE, secret=secret)


def _ids(owner: tuple[str, str]) -> tuple[int, int]:
    import grp

    return pwd.getpwnam(owner[0]).pw_uid, grp.getgrnam(owner[1]).gr_gid


def _owned(path: Path, owner: tuple[str, str], machine: Machine) -> bool:
    if not machine.is_real:
        return True
    try:
        ids = _ids(owner)
    except KeyError:
        return False  # a user that is still to be made
    about = path.stat()
    return (about.st_uid, about.st_gid) == ids


def _own(path: Path, owner: tuple[str, str], machine: Machine) -> None:
    if machine.is_real:
        os.chown(path, *_ids(owner))
