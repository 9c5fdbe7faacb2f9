"""What a soak sees of a daemon from outside: /proc, its metrics, its files. And what it makes of that."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

MB: Final = 1024 * 1024
# Limits of growth over the second half of a soak. Closed orders are kept, up to 50,000 of them, so what is
# allowed grows with them; everything else has to have found its size by then.
ORDER_BYTES: Final = 8 * 1024  # of one order in both processes: with its events, trades and journal state
FREE_MB: Final = 24.0  # allocators and caches
RATE_MB: Final = 1.0  # an hour beyond that
MORE_DESCRIPTORS: Final = 4
MORE_THREADS: Final = 3  # a training may be under way
LAG_LIMIT_S: Final = 0.25  # of the 99.9th percentile of the loop
_LINE: Final = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)", re.M)


class Sample(msgspec.Struct, frozen=True):
    """One look. Memory in MB; `lag_s` is the worst bucket of the loop's lag in use since the last look."""

    seconds: float
    steps: int
    orders: int
    trainings: int
    daemon_mb: float
    engine_mb: float
    descriptors: int
    threads: int
    engine_threads: int
    lag_s: float
    journal_mb: float
    outbox: int
    results_mb: float
    restarts: int


def process_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def threads_of(pid: int) -> int:
    """Return how many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors_of(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def folder_mb(folder: Path) -> float:
    """Return the size of the files below a folder; one that goes meanwhile counts for nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total / MB


class Metrics:
    """One exposition, by name and labels."""

    def __init__(self, text: str) -> None:
        self.rows = [
            (found["name"], found["labels"] or "", float(found["value"])) for found in _LINE.finditer(text)
        ]

    def total(self, name: str, label: str = "") -> float:
        """Return the sum of a name over its labels that contain `label`."""
        return sum(value for each, labels, value in self.rows if each == name and label in labels)

    def buckets(self, name: str) -> dict[float, float]:
        """Return the cumulative counts of a histogram by their upper bounds."""
        found: dict[float, float] = {}
        for each, labels, value in self.rows:
            bound = re.search(r'le="([^"]+)"', labels)
            if each == f"{name}_bucket" and bound is not None:
                found[float(bound[1])] = found.get(float(bound[1]), 0.0) + value
        return found


def percentile(buckets: dict[float, float], share: float) -> float:
    """Return the upper bound below which `share` of the observations lie."""
    total = max(buckets.values(), default=0.0)
    return min((bound for bound, count in sorted(buckets.items()) if count >= share * total), default=0.0)


def slope(samples: Sequence[Sample], value: str) -> float:
    """Return how much a figure grows in an hour: a straight line laid through the samples."""
    times = [sample.seconds / 3600 for sample in samples]
    values = [float(getattr(sample, value)) for sample in samples]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - middle) ** 2 for t in times)
    return (
        sum((t - middle) * (v - mean) for t, v in zip(times, values, strict=True)) / spread if spread else 0.0
    )


def judged(samples: Sequence[Sample], lag_s: float) -> list[str]:
    """Return what was wrong with a soak, in words; nothing where all stayed within its limits."""
    half = samples[len(samples) // 2 :]
    first, last = half[0], half[-1]
    hours = (last.seconds - first.seconds) / 3600
    wrong = []
    for name in ("daemon_mb", "engine_mb"):
        grown = slope(half, name) * hours
        allowed = FREE_MB + RATE_MB * hours + ORDER_BYTES * (last.orders - first.orders) / MB
        if grown > allowed:
            wrong.append(f"{name} grew by {grown:.1f} MB in the second half; {allowed:.1f} are explained")
    before = samples[: len(samples) // 2]
    for name, more in (
        ("descriptors", MORE_DESCRIPTORS),
        ("threads", MORE_THREADS),
        ("engine_threads", MORE_THREADS),
    ):
        most, now = max(getattr(s, name) for s in before), max(getattr(s, name) for s in half)
        if now > most + more:
            wrong.append(f"{name}: {now} in the second half, {most} in the first")
    if lag_s > LAG_LIMIT_S:
        wrong.append(f"the loop woke up {lag_s} s late once in a thousand times; {LAG_LIMIT_S} is allowed")
    if last.outbox:
        wrong.append(f"{last.outbox} notifications wait")
    if last.restarts:
        wrong.append(f"the engine was restarted {last.restarts} times")
    if last.steps <= first.steps or last.orders <= first.orders:
        wrong.append("nothing was traded in the second half")
    return wrong


def write_csv(path: Path, samples: Sequence[Sample]) -> None:
    """Write the samples, a line each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Sample.__struct_fields__)
        writer.writerows(msgspec.structs.astuple(sample) for sample in samples)
