"""A small file system to fill: a tmpfs, where this process may mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoMountError(Exception):
    """No file system can be mounted here; the text says why."""


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount one at this folder. Raises NoMountError."""
    if os.geteuid() != 0:
        raise NoMountError("mounting a small tmpfs needs root")
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "livetrader-test", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        raise NoMountError(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path, size_bytes: int) -> None:
    """Give it more room."""
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no room on it."""
    with (folder / "hog").open("wb", buffering=0) as hog:
        for piece in (65_536, 1):
            try:
                while hog.write(bytes(piece)):
                    continue
            except OSError:
                continue
