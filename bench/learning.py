"""Measure what algorithms that learn cost: start of the engine process, one training, memory.

    python bench/learning.py [--json] [NAME ...]

Each example is replayed through the whole daemon at full speed, over two months of made prices (those of
the tests). Times are processor time of the engine process and of its training processes: other work on the
machine does not change them much. `start`: until READY, most of it imports. `training`: the median of what
the daemon logged as training; what trains in a timed event has none. `memory`: the most that was resident in
the engine process, without training processes. Needs the libraries (`make heavy` makes an environment that
has them); what lacks one is left out. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.examples.prices import write_prices  # noqa: E402 — the repository is no package
from tests.parity.replays import EXAMPLES, configure  # noqa: E402 — as above

SPAN = ("2018-01-16", "2018-03-29")
NAMES = (
    "library_versions", "sklearn_algorithm", "xgboost_algorithm", "pytorch_algorithm", "lstm_algorithm",
    "cnn_algorithm", "process_training",
)  # fmt: skip
NOT_LOADED = 3  # exit code: a library is missing
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Of one example; seconds and MB. `training_s` is None where the daemon logged none."""

    name: str
    start_s: float
    training_s: float | None
    memory_mb: float


def measure(name: str, data: Path) -> Cost | None:
    """Replay an example; None where a library of it is missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = configure(Path(folder) / "live.toml", EXAMPLES / f"{name}.py", data, SPAN)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "livetrader", "run", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        records: list[dict[str, Any]] = []
        memory_mb = used_s = 0.0
        assert daemon.stdout is not None
        for line in daemon.stdout:
            if not line.startswith("{"):
                continue
            records.append(json.loads(line))
            engine = _first(records, "engine_started")
            if engine is not None:
                memory_mb = max(memory_mb, _peak_mb(engine["pid"]))
                used_s = max(used_s, _used_s(engine["pid"]))
            records[-1]["used_s"] = used_s
        if daemon.wait() == NOT_LOADED:
            return None
        assert daemon.returncode == 0, records[-1]
    ready = _first(records, "engine_ready")
    assert ready is not None, "a daemon that ends well has had a ready engine"
    begun = {one["job"]: one["used_s"] for one in records if one["action"] == "training_started"}
    took = [one["used_s"] - begun[one["job"]] for one in records if one["action"] == "training_ready"]
    return Cost(name, ready["used_s"], statistics.median(took) if took else None, memory_mb)


def _first(records: list[dict[str, Any]], action: str) -> dict[str, Any] | None:
    return next((one for one in records if one["action"] == action), None)


def _used_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended, 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS_PER_S


def _peak_mb(pid: int) -> float:
    """Return the most that was ever resident in a process, 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", default=NAMES)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = write_prices(Path(folder))
        costs = [cost for name in given.names if (cost := measure(name, data)) is not None]
    if given.json:
        print(json.dumps([cost._asdict() for cost in costs], indent=1))
        return
    print(f"{'example':24} {'start s':>8} {'training s':>11} {'memory MB':>10}")
    for cost in costs:
        training = "" if cost.training_s is None else f"{cost.training_s:.2f}"
        print(f"{cost.name:24} {cost.start_s:8.1f} {training:>11} {cost.memory_mb:10.0f}")


if __name__ == "__main__":
    main()
