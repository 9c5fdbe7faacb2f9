"""The repository as the tests in this folder see it: its root, its source files, its parsed modules."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_FOLDERS = (
    "livetrader",
    "engine/livetrader_engine",
    "engine/livetrader_lean",
    "plugins/livetrader_plugins",
    "plugins/livetrader_venues",
)
NOT_SOURCES = ("__pycache__", ".venv", ".demo", ".git", "build", "dist")


class Module(NamedTuple):
    """One parsed source file. `name` is its path below the root, with forward slashes."""

    name: str
    tree: ast.Module
    lines: int


@cache
def modules() -> tuple[Module, ...]:
    """Return every Python file of the packages, parsed."""
    found = []
    for folder in PACKAGE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found.append(Module(path.relative_to(ROOT).as_posix(), ast.parse(text), text.count("\n")))
    return tuple(found)


@cache
def shipped_files() -> tuple[Path, ...]:
    """Return the files that a commit would hold: tracked and new ones; without git, all but caches."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return tuple(path for name in names if (path := ROOT / name).is_file())
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part in NOT_SOURCES for part in path.relative_to(ROOT).parts)
    )


def text_of(path: Path) -> str | None:
    """Return the text of a file, None where it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
