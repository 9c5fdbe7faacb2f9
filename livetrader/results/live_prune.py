"""Keeps the results folder within its limits: old days, old deployments, the whole size. Blocks."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Final

from livetrader.results.live_settings import ResultSettings

LOGS_KEPT: Final = 3  # of a log beside the one that grows
_DATED: Final = re.compile(r"^L-\d+-(\d{4}-\d{2}-\d{2})[-_].*\.json$")
_DEPLOYMENT: Final = re.compile(r"^\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}(-\d+)?$")  # when it began
CONFIG: Final = "config"  # each has one
_KEPT: Final = "-order-events.json"  # as long as there is room
_MB: Final = 1024 * 1024
_FULL_SHARE: Final = 0.9  # of max_mb is left by whoever finds it exceeded


def rotate(path: Path, limit_mb: int) -> None:
    """Begin another file where a log has reached its size; the oldest goes."""
    try:
        if path.stat().st_size < limit_mb * _MB:
            return
    except FileNotFoundError:
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        older = _numbered(path, number)
        if older.exists():
            older.replace(_numbered(path, number + 1))
    path.replace(_numbered(path, 1))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def prune(root: Path, current: Path, limits: ResultSettings) -> None:
    """Remove what is over a limit, oldest first. Never what is current, or no deployment's.

    `current` is the deployment's folder that goes on: of it only dated files go, counted from its newest
    day (a replay's days are long ago), never those of that day.
    """
    folders = _deployments(root, current)
    for path in folders[: max(0, len(folders) + 1 - limits.keep_deployments)]:
        shutil.rmtree(path)
    found = _dated(current)
    for path, dated in found:
        if (found[-1][1] - dated).days > limits.keep_days and not path.name.endswith(_KEPT):
            path.unlink(missing_ok=True)
    kept = sum(_size(path) for path in (current, *_deployments(root, current)))
    over = kept - limits.max_mb * _MB
    if over > 0:
        _shrink(root, current, over + int(limits.max_mb * _MB * (1 - _FULL_SHARE)))


def _deployments(root: Path, current: Path) -> list[Path]:
    """Return the folders of other deployments, oldest first. What else lies in `root` is somebody's own."""
    return sorted(
        path
        for path in root.iterdir()
        if path != current and _DEPLOYMENT.match(path.name) and (path / CONFIG).is_file()
    )


def _shrink(root: Path, current: Path, over: int) -> None:
    """Remove `over` bytes: old deployments first, then days of this one."""
    for folder in _deployments(root, current):
        if over <= 0:
            return
        over -= _size(folder)
        shutil.rmtree(folder)
    found = _dated(current)
    for path, dated in found:
        if over <= 0:
            return
        if dated != found[-1][1]:
            over -= path.stat().st_size
            path.unlink(missing_ok=True)


def _dated(folder: Path) -> list[tuple[Path, date]]:
    """Return the files of a folder that have a date in their name, oldest first."""
    found = []
    for path in folder.iterdir():
        match = _DATED.match(path.name)
        if match is not None:
            found.append((path, date.fromisoformat(match.group(1))))
    return sorted(found, key=lambda item: (item[1], item[0].name))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
