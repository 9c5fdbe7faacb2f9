"""Run LEAN's own Python algorithms as they are and compare every figure with what LEAN publishes of them.

    python bench/conformance.py --lean CHECKOUT [--data FOLDER] [--jobs 1] [CLASS ...]

The checkout is one of QuantConnect/Lean: its Algorithm.Python holds the algorithms, its Algorithm.CSharp the
figures (ExpectedStatistics, DataPoints, AlgorithmHistoryDataPoints, AlgorithmStatus), its Data the prices.
Nothing of it is kept here. Without names, those of conformance.txt are run. An algorithm agrees when its
status, both numbers of points and every statistic, the hash of its orders among them, are equal as text.
Exit code 0: all agree; 1: some do not; 2: there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Final, NamedTuple

LISTED: Final = Path(__file__).with_name("conformance.txt")
RUN_LIMIT_S: Final = 300.0  # for one algorithm; the longest of those listed takes two seconds
PARAMETERS: Final = ("ema-fast=10", "ema-slow=20")  # LEAN's own launcher passes these to every algorithm

_CLASS: Final = re.compile(r"^ *public (?:partial |abstract )*class (\w+)(?:\s*:\s*(\w+))?", re.MULTILINE)
_NUMBER: Final = r"{}\s*=>\s*(-?\d+)"
_STATUS: Final = re.compile(r"\bAlgorithmStatus\s*=>\s*AlgorithmStatus\.(\w+)")
_STATISTICS: Final = re.compile(r"\bExpectedStatistics\s*=>\s*new[^;]*;", re.DOTALL)
_PAIR: Final = re.compile(r'\{\s*"([^"]*)"\s*,\s*"([^"]*)"\s*\}')


class MissingError(Exception):
    """Something to compare with is not there. The message says what to do."""


class Figures(NamedTuple):
    """What LEAN publishes of one algorithm. Numbers of points below 0 are not published."""

    status: str
    data_points: int
    history_data_points: int
    statistics: dict[str, str]


class Published:
    """The figures in LEAN's C# sources; a class that publishes none of a kind has those of its base."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _classes(self) -> dict[str, tuple[str, str]]:
        """Name → (name of the base, the class's text)."""
        found = {}
        for path in sorted(self._folder.rglob("*.cs")):
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            heads = list(_CLASS.finditer(text))
            ends = [head.start() for head in heads[1:]] + [len(text)]
            for head, end in zip(heads, ends, strict=True):
                found[head[1]] = (head[2] or "", text[head.start() : end])
        return found

    def _texts(self, name: str) -> Iterator[str]:
        while name in self._classes:
            name, text = self._classes[name]
            yield text

    def of(self, name: str) -> Figures:
        """Return what is published of the class. Raises MissingError where nothing is."""
        texts = list(self._texts(name))

        def first(pattern: re.Pattern[str]) -> re.Match[str] | None:
            return next((match for text in texts if (match := pattern.search(text))), None)

        def number(kind: str) -> int:
            match = first(re.compile(rf"\b{_NUMBER.format(kind)}"))
            return -1 if match is None else int(match[1])

        statistics = first(_STATISTICS)
        if statistics is None:
            raise MissingError(f"{self._folder} publishes no figures of {name}")
        status = first(_STATUS)
        return Figures(
            "Completed" if status is None else status[1],
            number("DataPoints"),
            number("AlgorithmHistoryDataPoints"),
            dict(_PAIR.findall(statistics[0])),
        )


def source_of(name: str, folder: Path) -> Path:
    """Return the Python file with the class. Raises MissingError where there is none."""
    if (path := folder / f"{name}.py").is_file():
        return path
    head = re.compile(rf"^class {name}\b", re.MULTILINE)
    for path in sorted(folder.rglob("*.py")):
        if head.search(path.read_text(encoding="utf-8-sig", errors="replace")):
            return path
    raise MissingError(f"{folder} has no class {name}")


def differences(summary: dict[str, object], expected: Figures) -> list[str]:
    """Return what in a run's summary.json is not as published, a line each."""
    wanted: list[tuple[str, object]] = [("status", expected.status)]
    points = (("data_points", expected.data_points), ("history_data_points", expected.history_data_points))
    wanted += [(name, count) for name, count in points if count >= 0]
    found = [
        f"{name}: {summary.get(name)!r}, LEAN {want!r}" for name, want in wanted if summary.get(name) != want
    ]
    statistics = summary.get("statistics")
    ours = statistics if isinstance(statistics, dict) else {}
    for name, want in expected.statistics.items():
        if ours.get(name) != want:
            found.append(f"{name}: {ours.get(name)!r}, LEAN {want!r}")
    return found


def compare(name: str, lean: Path, data: Path, published: Published) -> list[str]:
    """Run one algorithm and return what differs."""
    expected = published.of(name)
    source = source_of(name, lean / "Algorithm.Python")
    with tempfile.TemporaryDirectory(prefix="conformance-") as output:
        command = [sys.executable, "-m", "livetrader", "backtest", str(source), "--algorithm", name]
        command += ["--data-folder", str(data), "--output", output]
        for parameter in PARAMETERS:
            command += ["--parameter", parameter]
        folders = (source.parent, lean / "Algorithm.Python", lean / "Algorithm.Framework")
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(str(folder) for folder in folders))
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=RUN_LIMIT_S,
                env=environment,
                cwd=output,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [f"not done after {RUN_LIMIT_S:.0f} s"]
        summary = Path(output) / "summary.json"
        if not summary.is_file():
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            return [f"exit {done.returncode}: {said[0] if said else 'said nothing'}"]
        return differences(json.loads(summary.read_text(encoding="utf-8")), expected)


def listed() -> dict[str, str]:
    """Return the classes that are run without being named: class → rung."""
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: rung for rung, name in rows}


def checked(lean: Path, data: Path) -> None:
    """Raise MissingError unless the checkout and the prices are there."""
    for folder in ("Algorithm.Python", "Algorithm.CSharp"):
        if not (lean / folder).is_dir():
            raise MissingError(
                f"{lean / folder} is not there: name a checkout of https://github.com/QuantConnect/Lean, "
                "as in `make conformance LEAN=../Lean`"
            )
    if not (data / "market-hours").is_dir():
        raise MissingError(
            f"{data} is no LEAN data folder: name one, as in `make conformance DATA=../Lean/Data`"
        )


def main() -> int:
    """Run what is asked for; see the module docstring."""
    parser = argparse.ArgumentParser(description="Compare with the figures that LEAN publishes.")
    parser.add_argument("--lean", type=Path, required=True, help="a checkout of QuantConnect/Lean")
    parser.add_argument("--data", type=Path, help="a LEAN data folder; the checkout's Data without it")
    parser.add_argument("--jobs", type=int, default=1, help="algorithms at a time")
    parser.add_argument("classes", nargs="*", metavar="CLASS")
    options = parser.parse_args()
    rungs = listed()
    names = options.classes or list(rungs)
    lean = options.lean.resolve()
    data = (options.data or lean / "Data").resolve()
    try:
        checked(lean, data)
        run = partial(compare, lean=lean, data=data, published=Published(lean / "Algorithm.CSharp"))
        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(zip(names, pool.map(run, names), strict=True))
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    for name, found in results:
        print(f"{'differs' if found else 'agrees '} {rungs.get(name, '-')} {name}")
        for line in found:
            print(f"          {line}")
    agreeing = sum(not found for _, found in results)
    print(f"{agreeing} of {len(results)} algorithms agree with LEAN in every figure")
    return 0 if agreeing == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
