"""Measure what an idle daemon costs: start to READY, and resident memory of supervisor and engine process.

    python bench/idle.py [--starts 5] [--settle 5] [--json]

Each start is a fresh account with a small algorithm (no machine-learning library) subscribed to one minute
stream that replays at real speed. READY is what systemd would be told (a datagram to $NOTIFY_SOCKET). Memory
is the sum over the daemon and its children of VmRSS, and of Pss, which counts shared pages once. Linux only;
starts and ends only its own processes, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from livetrader_plugins.lean_data.writer import write_minute, write_reference

DAY = date(2020, 1, 6)
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0

ALGORITHM = """
from AlgorithmImports import *


class Idle(QCAlgorithm):
    def initialize(self):
        self.set_cash(100_000)
        self.add_equity("ONE", Resolution.MINUTE)

    def on_data(self, slice):
        pass
"""

CONFIGURATION = """
[algorithm]
path = "{folder}/idle.py"
[account]
name = "idle"
state_directory = "{folder}/state"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = "{day}"
end = "{day}"
[data]
folder = "{folder}/data"
[control]
port = 0
"""


class Cost(NamedTuple):
    """One start: seconds to READY, and per process the resident megabytes (VmRSS, Pss)."""

    ready_s: float
    rss_mb: dict[str, float]
    pss_mb: float


def prepare(folder: Path) -> Path:
    """Write prices, algorithm and configuration; return the configuration."""
    minutes = [((570 + n) * 60_000, 100.0, 100.0, 100.0, 100.0, 1000) for n in range(390)]
    write_minute(folder / "data", "ONE", DAY, minutes)
    write_reference(folder / "data", {"ONE": DAY}, date(2019, 12, 1), date(2020, 2, 1))
    (folder / "idle.py").write_text(ALGORITHM)
    config = folder / "idle.toml"
    config.write_text(CONFIGURATION.format(folder=folder, day=DAY))
    return config


def measure(settle_s: float) -> Cost:
    """Start a daemon on a fresh account, wait for READY, let it settle, measure, stop it."""
    with tempfile.TemporaryDirectory(prefix="livetrader-idle-") as name:
        folder = Path(name)
        config = prepare(folder)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, (folder / "log").open("wb") as log:
            listener.bind(str(folder / "notify"))
            listener.settimeout(0.5)
            environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}
            begun = time.monotonic()
            daemon = subprocess.Popen(
                [sys.executable, "-m", "livetrader", "run", str(config)],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
            try:
                wait_for_ready(listener, daemon, begun)
                ready_s = time.monotonic() - begun
                time.sleep(settle_s)
                require_running_engine(config)
                return Cost(ready_s, *memory(daemon.pid))
            except RuntimeError as error:
                sys.exit(f"{error}\n{(folder / 'log').read_text()}")
            finally:
                daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(STOP_LIMIT_S)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()


def wait_for_ready(listener: socket.socket, daemon: subprocess.Popen[bytes], begun: float) -> None:
    """Wait for the READY datagram. Raises RuntimeError when the daemon ends or the time is over."""
    while daemon.poll() is None and time.monotonic() - begun < READY_LIMIT_S:
        with suppress(TimeoutError):
            if b"READY=1" in listener.recv(4096).split(b"\n"):
                return
    raise RuntimeError(f"not READY after {time.monotonic() - begun:.1f} s")


def require_running_engine(config: Path) -> None:
    """Refuse to measure a daemon without its algorithm: raises RuntimeError with what it says of itself."""
    command = [sys.executable, "-m", "livetrader", "status", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status = json.loads(done.stdout)
    if (
        status["state"] != "running"
        or status["engine"]["state"] != "running"
        or not status["engine"]["steps"]
    ):
        raise RuntimeError(f"not idle but {done.stdout}")


def memory(pid: int) -> tuple[dict[str, float], float]:
    """Return VmRSS per process of the tree under `pid`, and the sum of Pss, in megabytes (10^6 bytes)."""
    rss: dict[str, float] = {}
    pss = 0.0
    for member in tree(pid):
        role = "supervisor" if member == pid else "engine" if "engine" not in rss else f"child {member}"
        rss[role] = field(Path(f"/proc/{member}/status"), "VmRSS:")
        pss += field(Path(f"/proc/{member}/smaps_rollup"), "Pss:")
    return rss, pss


def tree(pid: int) -> list[int]:
    """Return `pid` and all its descendants, whichever thread started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(found for child in children for found in tree(int(child)))]


def field(path: Path, name: str) -> float:
    """Return a line's kibibytes as megabytes."""
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="start to READY and idle memory of the daemon")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--settle", type=float, default=5.0, help="seconds between READY and the measurement")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    costs = [measure(arguments.settle) for _ in range(arguments.starts)]
    ready = sorted(cost.ready_s for cost in costs)
    totals = sorted(sum(cost.rss_mb.values()) for cost in costs)
    result = {
        "starts": arguments.starts,
        "ready_s": {"median": round(statistics.median(ready), 2), "worst": round(ready[-1], 2)},
        "rss_mb": {"median": round(statistics.median(totals), 1), "worst": round(totals[-1], 1)},
        "pss_mb": {"median": round(statistics.median(cost.pss_mb for cost in costs), 1)},
        "last": {role: round(value, 1) for role, value in costs[-1].rss_mb.items()},
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        print(
            f"start to READY     median {result['ready_s']['median']} s, worst {result['ready_s']['worst']} s"
        )
        print(
            f"resident (VmRSS)   median {result['rss_mb']['median']} MB, worst {result['rss_mb']['worst']} MB"
        )
        print(f"proportional (Pss) median {result['pss_mb']['median']} MB")
        print(f"last start         {result['last']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
