"""The user's project: where its results go, and which of its files made a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from livetrader.results import code_copy

STORAGE: Final = "storage"  # LEAN's name of the folder


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
    found = code_copy.sources(root) if algorithm.name == code_copy.MAIN else _imported(root)
    return code_copy.copy_files([algorithm, *found], root, target, without=without)


def _imported(root: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name is None:
            continue
        path = Path(name).resolve()
        if path.suffix == ".py" and path.is_relative_to(root) and "site-packages" not in path.parts:
            yield path
