"""What every measured engine shares: the strategy, the data, the clock, one line of JSON. Imports no engine.

Each `peers/<engine>.py` is run as a process of its own, `python <engine>.py DATA WORKLOAD`, in the engine's
own virtual environment. It marks its phases as it goes: import, load (arrays from disk and conversion to the
engine's own data objects), run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()

CASH = 100_000_000.0
QUANTITY = 100
FEE = 1.0  # dollars an order, where the engine lets us choose
BARS = (10, 30)  # fast and slow EMA of W1 and W2
TICKS = (100, 300)  # of W3


class Cross:
    """The strategy of all: long while the fast EMA is above the slow one. 1 buys, -1 sells, 0 waits."""

    __slots__ = ("fast", "fast_weight", "held", "seen", "slow", "slow_weight", "warm")

    def __init__(self, periods: tuple[int, int]) -> None:
        fast, slow = periods
        self.fast_weight, self.slow_weight = 2.0 / (fast + 1), 2.0 / (slow + 1)
        self.fast: float | None = None
        self.slow = 0.0
        self.warm, self.seen, self.held = slow, 0, False

    def update(self, price: float) -> int:
        """Take in the next price and say what to do."""
        if self.fast is None:
            self.fast = self.slow = price
        else:
            self.fast += self.fast_weight * (price - self.fast)
            self.slow += self.slow_weight * (price - self.slow)
        self.seen += 1
        if self.seen < self.warm:
            return 0
        if self.fast > self.slow:
            if not self.held:
                self.held = True
                return 1
        elif self.held and self.fast < self.slow:
            self.held = False
            return -1
        return 0


def peak_mb() -> float:
    """Return the most memory this process had; ru_maxrss would show what the parent had when it forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status names no VmHWM: the benchmarks need Linux")


class Bench:
    """One measured process. `mark` ends a phase, `report` prints the line."""

    def __init__(self, engine: str, workloads: tuple[str, ...] = ("w1", "w2", "w3")) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("data", type=Path)
        parser.add_argument("workload", choices=workloads)
        options = parser.parse_args()
        self.data: Path = options.data
        self.workload: str = options.workload
        self.line: dict[str, Any] = {"engine": engine, "workload": self.workload}
        self._since = (BEGAN, time.process_time())

    @property
    def periods(self) -> tuple[int, int]:
        """EMA periods of the workload."""
        return TICKS if self.workload == "w3" else BARS

    def mark(self, phase: str) -> None:
        """End a phase: wall and processor seconds since the one before."""
        now = (time.perf_counter(), time.process_time())
        self.line[f"{phase}_s"] = round(now[0] - self._since[0], 3)
        self.line[f"{phase}_cpu_s"] = round(now[1] - self._since[1], 3)
        self._since = now

    def arrays(self) -> dict[str, Any]:
        """Return the arrays: ts (ns UTC, bar start or trade) and o h l c v [sym, symbols] or price, size."""
        import numpy as np

        with np.load(self.data / f"{self.workload}.npz") as stored:
            return {name: stored[name] for name in stored.files}

    def report(self, events: int, orders: int, **more: Any) -> None:
        """Print the line."""
        run_s = self.line["run_s"]
        self.line.update(
            events=int(events),
            orders=int(orders),
            events_per_s=round(events / run_s),
            events_per_cpu_s=round(events / self.line["run_cpu_s"]),
            peak_mb=round(peak_mb()),
            python=platform.python_version(),
            load_average=round(os.getloadavg()[0], 2),
            **more,
        )
        sys.stdout.flush()
        print(json.dumps(self.line), flush=True)
