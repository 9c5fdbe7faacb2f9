"""Builds the wheel once per test run, from a copy, for the tests that look into it or install it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from shutil import copy2

from tests.repository.sources import ROOT, shipped_files

_folder = tempfile.TemporaryDirectory(prefix="livetrader-wheel-")  # goes with the process


@cache
def built_wheel() -> Path:
    """Build the wheel of the working tree without touching it; setuptools comes from the dev group."""
    source = Path(_folder.name) / "source"
    for path in shipped_files():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(path, target)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", _folder.name, str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = Path(_folder.name).glob("*.whl")
    return wheel
