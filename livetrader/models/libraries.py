"""Which library versions a model was saved with, and whether those of this process can open it.

Each format says how strict it is: libraries that write their own state (scikit-learn) open only what the same
minor version wrote; those with a format of their own open what is older.
"""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from livetrader_engine.models import ModelRefusedError

ALWAYS: Final[tuple[str, ...]] = (
    "python",
    "numpy",
    "pandas",
)  # recorded with every version, where they are loaded


class Match(StrEnum):
    """How a version has to match the one a model was saved with."""

    MINOR = "minor"  # 1.4.2 opens 1.4.0 only
    MAJOR = "major"  # 2.1 opens 2.0 and 2.3
    FORWARD = "forward"  # 2.1 opens 2.1, 2.0 and 1.9
    ANY = "any"


class Library(NamedTuple):
    """A library that a format needs: import name, how it must match, and the extra that installs it."""

    name: str
    match: Match
    extra: str = ""


def version_of(library: str) -> str | None:
    """Return the version of a library of this process, imported now; None where it is not installed."""
    if library == "python":
        return platform.python_version()
    try:
        module = sys.modules.get(library) or importlib.import_module(library)
    except ImportError:
        return None
    return str(getattr(module, "__version__", "unknown"))


def recorded(libraries: tuple[Library, ...]) -> dict[str, str]:
    """Return the versions to keep with a model; numpy and pandas only where something has loaded them."""
    names = [name for name in ALWAYS if name == "python" or name in sys.modules]
    names += [library.name for library in libraries if library.name not in names]
    found = {name: version_of(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def need(library: Library) -> None:
    """Import a library. Raises ModelRefusedError with the command that installs it."""
    if version_of(library.name) is None:
        wanted = f"livetrader[{library.extra}]" if library.extra else library.name
        raise ModelRefusedError(f"{library.name} is not installed: pip install '{wanted}'")


def mismatch(saved: Mapping[str, str], libraries: tuple[Library, ...]) -> str | None:
    """Return why this process cannot open what was saved with these versions, None where it can."""
    for library in libraries:
        need(library)
        before, now = saved.get(library.name), version_of(library.name)
        if before is None or now is None or fits(before, now, library.match):
            continue
        return (
            f"it was saved with {library.name} {before}, here is {now}: "
            f"install that version, or train and save it again"
        )
    return None


def fits(saved: str, running: str, match: Match) -> bool:
    """Return whether a running version may open what a saved one wrote."""
    before, now = _numbers(saved), _numbers(running)
    if match is Match.ANY or saved == running:
        return True
    if match is Match.MINOR:
        return before[:2] == now[:2]
    if match is Match.MAJOR:
        return before[:1] == now[:1]
    return now[:2] >= before[:2]


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `2.1.0+cpu` is (2, 1, 0)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
