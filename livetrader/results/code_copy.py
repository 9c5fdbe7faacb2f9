"""A copy of the user's code beside the results that it made."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

MAIN: Final = "main.py"  # a folder with this file is a project as in LEAN: all its sources belong
MAX_FILES: Final = 1_000  # copied of one project
MAX_FOLDERS: Final = 5_000  # looked at for them: some seconds on a slow disk
MAX_FILE_BYTES: Final = 4 * 1024 * 1024  # of one copied file; larger ones are data, not code
_SOURCES: Final = frozenset({".py", ".ipynb", ".json", ".toml", ".yaml", ".yml", ".md", ".txt"})
_NOT_CODE: Final = frozenset({"backtests", "live", "optimizations", "storage", "data", "__pycache__"})


def code_of(algorithm: Path, *, without: tuple[Path, ...] = ()) -> list[Path]:
    """Return the files of an algorithm without running it: its project's, or what it imports beside it.

    Nothing below a folder of `without` is among them.
    """
    algorithm = algorithm.resolve()
    if algorithm.name == MAIN:
        skipped = tuple(path.resolve() for path in without)
        found_here = sources(algorithm.parent, skipped)
        return [algorithm, *(path for path in found_here if path != algorithm)]
    found, waiting = {algorithm}, [algorithm]
    while waiting and len(found) < MAX_FILES:
        for path in _imported_by(waiting.pop(), algorithm.parent):
            if path not in found:
                found.add(path)
                waiting.append(path)
    return [algorithm, *sorted(found - {algorithm})]


def fingerprint(files: Iterable[Path], root: Path, more: str) -> str:
    """Return what changes with the content of any of these files, or with `more`."""
    digest = hashlib.sha256(more.encode())
    for path in sorted(dict.fromkeys(files))[:MAX_FILES]:
        if path.stat().st_size <= MAX_FILE_BYTES:
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def copy_files(
    files: Iterable[Path], root: Path, target: Path, *, without: tuple[Path, ...] = ()
) -> list[Path]:
    """Copy files to `target` as they lie below `root`; return what was copied. What was in `target` goes.

    Folders in `without` are left out, and so is what exceeds MAX_FILES or MAX_FILE_BYTES.
    """
    skipped = tuple(path.resolve() for path in (*without, target))
    copied: list[Path] = []
    shutil.rmtree(target, ignore_errors=True)
    for path in dict.fromkeys(files):
        if len(copied) >= MAX_FILES:
            break
        if any(path.is_relative_to(folder) for folder in skipped) or path.stat().st_size > MAX_FILE_BYTES:
            continue
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        copied.append(path.relative_to(root))
    return copied


def sources(root: Path, skipped: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the source files below a folder; hidden ones, results and environments are left out.

    So is what cannot be read, and what is beyond MAX_FOLDERS: an algorithm may lie in /tmp or a home folder.
    """
    yield from _sources(root, skipped, iter(range(MAX_FOLDERS)))


def _sources(root: Path, skipped: tuple[Path, ...], budget: Iterator[int]) -> Iterator[Path]:
    if next(budget, None) is None:
        return
    try:
        found = [(path, path.lstat().st_mode) for path in sorted(root.iterdir())]
    except OSError:  # somebody else's folder, or one that goes meanwhile
        return
    for path, mode in found:
        if path.name.startswith("."):
            continue
        if stat.S_ISDIR(mode):
            known = path.name in _NOT_CODE or path in skipped
            if not known and not os.access(path / "pyvenv.cfg", os.F_OK):
                yield from _sources(path, skipped, budget)
        elif stat.S_ISREG(mode) and path.suffix in _SOURCES and os.access(path, os.R_OK):
            yield path


def _imported_by(path: Path, root: Path) -> Iterator[Path]:
    """Yield the modules beside an algorithm that a file imports; one that cannot be read imports none."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(root, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[min(node.level, len(path.parents)) - 1] if node.level else root
            stem = f"{node.module}." if node.module else ""
            names = [(base, stem + alias.name) for alias in node.names]
        else:
            continue
        for base, name in names:
            if base.is_relative_to(root):
                yield from _modules(base, name.split("."))


def _modules(base: Path, words: list[str]) -> Iterator[Path]:
    """Yield the files of a dotted name below a folder: its packages' and its own, as far as there are any."""
    for word in words:
        if (base / f"{word}.py").is_file():
            yield base / f"{word}.py"
        base = base / word
        if (base / "__init__.py").is_file():
            yield base / "__init__.py"
