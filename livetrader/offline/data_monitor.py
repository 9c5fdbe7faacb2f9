"""Which data files a run asked for, found or not: LEAN's data monitor.

Source: LEAN's Common/Data/DataMonitor.cs and DataMonitorReport.cs.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from livetrader.offline.files import LinesFile
from livetrader.results.json_text import Json, compact
from livetrader.results.whole_files import write_whole

MAX_WARNINGS: Final = 200  # log lines about missing or damaged files; the text file has them all
_REFERENCE: Final = ("map_files", "factor_files")  # LEAN does not count them
_UNIVERSE: Final = ("coarse", "universe")


class DataWarnings:
    """What should be said of data files that could not be read, each once. Owned by one thread at a time.

    A missing file is warned of once per directory and kind (a year of minutes is 250 files), a damaged one
    always.
    """

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self._kinds: set[Path] = set()
        self._words: list[str] = []

    def add(self, path: Path, problem: str) -> None:
        """Take note of a file, named relative to the data folder, and of what is wrong with it."""
        if problem == MISSING:
            kind = path.parent / path.name.partition("_")[2]
            if kind in self._kinds:
                return
            self._kinds.add(kind)
            words = f"there is no {self._data_folder / path}; there may be more of its kind in that folder"
        else:
            words = f"{self._data_folder / path} is left out: {problem}"
        if len(self._kinds) <= MAX_WARNINGS and len(self._words) < MAX_WARNINGS:
            self._words.append(words)

    def take(self) -> list[str]:
        """Return what should be said and forget it."""
        taken, self._words = self._words, []
        return taken


class DataMonitor:
    """Counts and lists requests for data files. Thread-safe: training may read history too.

    `stamp` (yyyyMMddHHmmssfff) is part of the files' names. Paths are told relative to `data_folder`.
    """

    def __init__(self, folder: Path, data_folder: Path, stamp: str) -> None:
        self._report = folder / f"data-monitor-report-{stamp}.json"
        self._data_folder = data_folder
        self._lock = threading.Lock()
        self._found = LinesFile(folder / f"succeeded-data-requests-{stamp}.txt", always=True)
        self._failed = LinesFile(folder / f"failed-data-requests-{stamp}.txt", always=True)
        self._counts = {(found, universe): 0 for found in (True, False) for universe in (True, False)}
        self._warnings = DataWarnings(data_folder)

    def requested(self, path: str, problem: str) -> None:
        """Take note of one request; `problem` is empty where the file was read."""
        relative = self._relative(path)
        if any(word in relative for word in _REFERENCE) and not problem:
            return
        universe = any(word in relative for word in _UNIVERSE)
        with self._lock:
            (self._failed if problem else self._found).write(relative)
            self._counts[not problem, universe] += 1
            if problem:
                self._warnings.add(Path(relative), problem)

    def take_warnings(self) -> list[str]:
        """Return what should be logged and forget it."""
        with self._lock:
            return self._warnings.take()

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return self._counts[False, False] + self._counts[False, True]

    def close(self, seconds: float) -> None:
        """Write the lists and the report of a run that took so long."""
        with self._lock:
            self._found.close()
            self._failed.close()
        write_whole(self._report, compact(self._json(seconds)))

    def _relative(self, path: str) -> str:
        try:
            return Path(path).relative_to(self._data_folder).as_posix()
        except ValueError:
            return path

    def _json(self, seconds: float) -> dict[str, Json]:
        counts = self._counts
        found, failed = counts[True, True] + counts[True, False], self.failed
        universe_found, universe_failed = counts[True, True], counts[False, True]
        total, universe = found + failed, universe_found + universe_failed
        return {
            "succeeded-data-requests-count": found,
            "failed-data-requests-count": failed,
            "succeeded-universe-data-requests-count": universe_found,
            "failed-universe-data-requests-count": universe_failed,
            "total-data-requests-count": total,
            "failed-data-requests-percentage": _percentage(failed, total),
            "total-universe-data-requests-count": universe,
            "failed-universe-data-requests-percentage": _percentage(universe_failed, universe),
            "data-request-rates": [float(round(total / seconds))] if seconds > 0 else [],
        }


MISSING: Final = "missing"  # the problem of a file that is not there


def _percentage(part: int, whole: int) -> float:
    return float(round(part / whole * 100)) if whole else 0.0
