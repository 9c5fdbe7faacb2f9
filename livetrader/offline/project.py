"""The user's project: where its results go, and which of its files made a run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

STORAGE: Final = "storage"  # LEAN's name of the folder
MAIN: Final = "main.py"  # a folder with this file is a project of the seeds: all its sources belong to it
MAX_FILES: Final = 1_000  # copied of one project
MAX_FILE_BYTES: Final = 4 * 1024 * 1024  # of one copied file; larger ones are data, not code
_SOURCES: Final = frozenset({".py", ".ipynb", ".json", ".toml", ".yaml", ".yml", ".md", ".txt"})
_NOT_CODE: Final = frozenset({"backtests", "live", "optimizations", "storage", "data", "__pycache__"})


def default_output(algorithm: Path, now: datetime) -> Path:
    """Return where results go unless told otherwise: `<project>/backtests/<time>`, a name that is free."""
    folder = algorithm.resolve().parent / "backtests"
    name = now.strftime("%Y-%m-%d_%H-%M-%S")
    wanted, number = folder / name, 1
    while wanted.exists():
        number += 1
        wanted = folder / f"{name}-{number}"
    return wanted


def nearest_storage(*folders: Path) -> Path | None:
    """Return the nearest folder `storage`: in one of the folders or above it; None where there is none.

    Above, the home folder and what holds it do not count: a `storage` there is likely somebody's attic.
    """
    home = Path.home()
    for folder in folders:
        above = (place for place in folder.parents if not home.is_relative_to(place))
        for place in (folder, *above):
            if (place / STORAGE).is_dir():
                return place / STORAGE
    return None


def copy_code(algorithm: Path, target: Path, *, without: tuple[Path, ...] = ()) -> list[Path]:
    """Copy the user's files to `target`, as they lie relative to the algorithm; return what was copied.

    Of a project (its file is main.py) these are all sources in its folder; of any other file, it and the
    modules of its folder that have been imported. Folders in `without` are left out. What was there before
    in `target` goes.
    """
    algorithm = algorithm.resolve()
    root = algorithm.parent
    skipped = tuple(path.resolve() for path in (*without, target))
    found = _sources(root) if algorithm.name == MAIN else _imported(root)
    chosen = dict.fromkeys([algorithm, *found])
    copied: list[Path] = []
    shutil.rmtree(target, ignore_errors=True)
    for path in chosen:
        if len(copied) >= MAX_FILES:
            break
        if any(path.is_relative_to(folder) for folder in skipped) or path.stat().st_size > MAX_FILE_BYTES:
            continue
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        copied.append(path.relative_to(root))
    return copied


def _sources(root: Path) -> Iterator[Path]:
    """Yield the source files below a folder, hidden ones, results and environments left out."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in _NOT_CODE and not (path / "pyvenv.cfg").exists():
                yield from _sources(path)
        elif path.suffix in _SOURCES:
            yield path


def _imported(root: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name is None:
            continue
        path = Path(name).resolve()
        if path.suffix == ".py" and path.is_relative_to(root) and "site-packages" not in path.parts:
            yield path
