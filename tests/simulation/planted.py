"""Bugs that are planted to see whether the simulation finds them: one patch each in bugs/.

A patch is applied to a copy of the package's source in a temporary folder, and a fresh interpreter runs the
seeds there. A patch that no longer applies is a failure, never a skip: it has to be written anew for the code
as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BUGS: Final = Path(__file__).parent / "bugs"
SOURCES: Final = (
    ("livetrader", ROOT),
    ("livetrader_engine", ROOT / "engine"),
    ("livetrader_plugins", ROOT / "plugins"),
)
LIMIT_S: Final = 3_600.0  # of one bug's seeds in all


class PatchError(Exception):
    """A patch does not apply. The text says which, and what `patch` said."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: its name is that of its file, `words` are the patch's first line."""

    name: str
    words: str
    patch: Path


@dataclass(frozen=True, slots=True)
class Finding:
    """What the seeds said about a bug. `first` is the first seed that failed, None where none did."""

    bug: str
    seeds: int
    failed: int
    first: int | None
    violation: str


def bugs() -> list[Bug]:
    """Return every planted bug."""
    return [
        Bug(path.stem, path.read_text().splitlines()[0].removeprefix("# "), path)
        for path in sorted(BUGS.glob("*.patch"))
    ]


@contextmanager
def planted(bug: Bug | None) -> Iterator[Path]:
    """Have a folder with the packages' source, the bug in it. Raises PatchError where it does not fit."""
    with tempfile.TemporaryDirectory(prefix="livetrader-bug-") as name:
        folder = Path(name)
        for package, where in SOURCES:
            shutil.copytree(where / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
        if bug is not None:
            done = subprocess.run(
                ["patch", "--strip=1", "--fuzz=0", "--no-backup-if-mismatch", "--input", str(bug.patch)],
                cwd=folder, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                raise PatchError(
                    f"{bug.patch.name} no longer applies; write it anew: {done.stdout}{done.stderr}"
                )
        yield folder


def hunt(bug: Bug | None, arguments: list[str]) -> Finding:
    """Run seeds against the code with a bug in it; `arguments` are those of `run`, which speaks JSON."""
    with planted(bug) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "run", "--json", *arguments],
            cwd=folder, env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(folder)},
            capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise PatchError(f"{bug.name if bug else 'no bug'}: the seeds did not run: {done.stderr[-2_000:]}")
    said = json.loads(lines[-1])
    failing = said["failing"]
    return Finding(
        bug=bug.name if bug else "none",
        seeds=said["seeds"],
        failed=len(failing),
        first=failing[0]["seed"] if failing else None,
        violation=failing[0]["violations"][0]["name"] if failing else "",
    )
