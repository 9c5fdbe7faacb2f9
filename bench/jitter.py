"""Measure what training costs trading: from a tick's arrival at the engine's socket to on_data, p99.

    python bench/jitter.py [--jobs forest,boosting,python,torch] [--modes thread,process,plain]
                           [--idle 5] [--training 10] [--rounds 1] [--interval 0.0001] [--json]

Each case is a fresh engine process, started, fed and watched by the daemon's own classes (EngineProcess,
Link, Inbox, LiveFeed, trainer), with one tick every millisecond over the socket. It trades idly for a while;
then it trains: in a thread, in a process of its own, or `plain` (one thread as FreqAI has it: usual switch
interval, usual priority). The ratio is p99 while training over p99 before, in the same process. The job is
one of: random forest, 200 trees on 50,000 x 20; gradient boosting on the same; a loop of pure Python; a
small torch net (left out where torch is not installed). The supervisor's loop lag is taken meanwhile.

Run it on a quiet machine: with fewer free cores than three (engine, training, this) it measures the
scheduler. Exits 1 where a required ratio is missed. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from livetrader.clocks import monotonic_s
from livetrader.ipc.messages import FromEngine, StartEngine, WarmedUp
from livetrader.settings import EngineSettings
from livetrader.store.options import StoreOptions
from livetrader.supervisor.engine_process import EngineEnd, EngineProcess
from livetrader.training.runner import SWITCH_INTERVAL_S
from livetrader_engine.data.bars import Tick
from livetrader_engine.events import AccountLoaded, MarketDataArrived, StopRequested
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_plugins.lean_data.writer import write_reference

INTERVAL_S = 0.001  # between two ticks
LAG_INTERVAL_S = 0.01  # between two looks at the loop's lag
READY_LIMIT_S = 60.0
BEGIN_LIMIT_S = 180.0  # from the wish to train to the first line of the work: imports, data
BEGIN_NS = int(datetime(2020, 1, 6, 15, tzinfo=UTC).timestamp()) * 1_000_000_000
REQUIRED = {("process", True): 1.5, ("process", False): 1.5, ("thread", True): 2.0, ("thread", False): 10.0}
REQUIRED_LAG_MS = 10.0
JOBS = ("forest", "boosting", "python", "torch")
MODES = ("thread", "process", "plain")


class Case(NamedTuple):
    """One engine process's life; times in milliseconds."""

    job: str
    mode: str
    idle_p50: float
    idle_p99: float
    training_p50: float
    training_p99: float
    training_max: float
    lag_p99: float
    ticks: int
    lost: int

    @property
    def ratio(self) -> float:
        """p99 while training over p99 before."""
        return self.training_p99 / self.idle_p99


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all are not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Bench:
    """Feeds one engine process and measures. Belongs to one event loop."""

    def __init__(self, folder: Path, job: str, mode: str, options: argparse.Namespace) -> None:
        self.folder, self.job, self.mode = folder, job, mode
        self.idle_s, self.training_s = options.idle, options.training
        self.interval_s = options.interval
        self.ready = asyncio.Event()
        self.lags: list[float] = []
        self.sent = 0
        self.symbol = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
        self.result = folder / f"{job}-{mode}.json"
        self.begun = Path(f"{self.result}.begun")

    async def run(self) -> Case:
        """Live one life."""
        async with asyncio.TaskGroup() as group:
            process = EngineProcess(EngineSettings(), monotonic_s, self.heard, self.printed, lambda: None)
            process.link.send(self.start())
            life = group.create_task(process.run(), name="engine")
            lag = group.create_task(self.watch_lag(), name="lag")
            await self.or_dead(life, self.ready.wait(), READY_LIMIT_S)
            await self.feed(process, self.idle_s, mark=False)
            await self.feed(process, INTERVAL_S, mark=True)
            until_s = monotonic_s() + BEGIN_LIMIT_S
            while not self.begun.exists():
                await self.feed(process, 0.1, mark=False)
                if life.done() or monotonic_s() > until_s:
                    raise self.failed("the training did not begin", life)
            await self.feed(process, self.training_s, mark=False)
            lost = process.link.conflated + (process.beat.conflated if process.beat else 0)
            process.link.send(StopRequested(BEGIN_NS + self.sent * 1_000_000, "enough"))
            end = await life
            lag.cancel()
        if not self.result.exists():
            raise SystemExit(f"{self.job} in {self.mode}: the engine left nothing: {end}")
        return self.case(lost)

    async def or_dead(self, life: asyncio.Task[EngineEnd], wish: Any, limit_s: float) -> None:
        """Wait for something, or end with what the engine process died of."""
        wanted = asyncio.ensure_future(wish)
        await asyncio.wait({life, wanted}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            raise self.failed("not ready", life)

    def failed(self, what: str, life: asyncio.Task[EngineEnd]) -> SystemExit:
        """Return what to end with where a case cannot be measured."""
        return SystemExit(f"{self.job} in {self.mode}: {what}: {life.result() if life.done() else life}")

    async def feed(self, process: EngineProcess, seconds: float, *, mark: bool) -> None:
        """Send a tick every millisecond; what is late is sent at once, and the next a millisecond later."""
        loop = asyncio.get_running_loop()
        end_s, next_s = loop.time() + seconds, loop.time()
        while loop.time() < end_s:
            self.sent += 1
            time_ns = BEGIN_NS + self.sent * 1_000_000
            tick = Tick(self.symbol, time_ns, 2.0 if mark else 1.0, float(time.monotonic_ns()))
            process.link.send(MarketDataArrived(time_ns, self.sent, (tick,)))
            next_s = max(next_s + INTERVAL_S, loop.time())
            await asyncio.sleep(next_s - loop.time())

    async def watch_lag(self) -> None:
        """Take down how late the loop wakes up."""
        loop = asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            await asyncio.sleep(LAG_INTERVAL_S)
            self.lags.append(max(0.0, loop.time() - asked_s - LAG_INTERVAL_S) * 1000)

    def heard(self, message: FromEngine) -> None:
        """Take what the engine says."""
        if isinstance(message, WarmedUp):
            self.ready.set()

    def printed(self, line: str) -> None:
        """Show what the engine prints: there should be nothing."""
        sys.stderr.write(f"{self.job}-{self.mode}: {line}\n")

    def start(self) -> StartEngine:
        """Return the first message."""
        return StartEngine(
            time_ns=BEGIN_NS,
            algorithm_path=str(Path(__file__).with_name("jitter_algorithm.py")),
            class_name=None,
            parameters={"job": self.job, "mode": self.mode, "file": str(self.result),
                        "interval": str(self.interval_s)},
            data_folder=str(self.folder / "data"),
            object_store=StoreOptions(str(self.folder / "store")),
            state_directory=str(self.folder),
            account=AccountLoaded(BEGIN_NS, {}, (), (), 1),
            bucket=None,
            training={
                "capacity_minutes": 120.0, "refill_minutes": 18.0, "refill_interval_minutes": 1440.0,
                "nice": 10.0, "threads": 1.0,
            },
        )  # fmt: skip

    def case(self, lost: int) -> Case:
        """Return what was measured."""
        told = json.loads(self.result.read_text())
        begun_ns = int(self.begun.read_text())
        pairs = list(zip(told["arrived"], told["handled"], strict=True))
        mark = pairs[0][0] + self.idle_s * 1e9
        idle = [(done - sent) / 1e6 for sent, done in pairs if pairs[0][0] + 1e9 < sent < mark]
        busy = [(done - sent) / 1e6 for sent, done in pairs if sent > begun_ns]
        return Case(
            self.job, self.mode, statistics.median(idle), percentile(idle, 0.99), statistics.median(busy),
            percentile(busy, 0.99), max(busy), percentile(self.lags, 0.99), len(busy), lost,
        )  # fmt: skip


def verdict(case: Case) -> str:
    """Return whether a case is within what is required."""
    limit = REQUIRED.get((case.mode, case.job != "python"))
    late = f", loop lag over {REQUIRED_LAG_MS:g} ms" if case.lag_p99 > REQUIRED_LAG_MS else ""
    if limit is None:
        return "for comparison"
    return ("ok" if case.ratio <= limit else f"MISSED {limit:g}x") + late


def middle(cases: Sequence[Case]) -> Case:
    """Return the case of the middle ratio."""
    return sorted(cases, key=lambda case: case.ratio)[len(cases) // 2]


def main() -> int:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--idle", type=float, default=5.0, help="seconds of trading before the training")
    parser.add_argument("--training", type=float, default=10.0, help="seconds of trading while it trains")
    parser.add_argument(
        "--rounds", type=int, default=1, help="of each case; the one of the middle ratio counts"
    )
    parser.add_argument("--interval", type=float, default=SWITCH_INTERVAL_S, help="of switches, seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    jobs = [job for job in options.jobs.split(",") if job != "torch" or importlib.util.find_spec("torch")]
    cases = []
    for job in jobs:
        for mode in options.modes.split(","):
            lives = [life(job, mode, options) for _ in range(options.rounds)]
            cases.append(middle(lives))
            if not options.json:
                show(cases[-1], first=len(cases) == 1)
    if options.json:
        rows = [case._asdict() | {"ratio": case.ratio, "verdict": verdict(case)} for case in cases]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    return 0 if all(verdict(case) in ("ok", "for comparison") for case in cases) else 1


def life(job: str, mode: str, options: argparse.Namespace) -> Case:
    """Run one case in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="jitter-") as folder:
        write_reference(
            Path(folder) / "data", {"SPY": date(1998, 1, 2)}, date(2020, 1, 1), date(2020, 12, 31)
        )
        return asyncio.run(Bench(Path(folder), job, mode, options).run())


def show(case: Case, *, first: bool) -> None:
    """Print one row."""
    if first:
        load = os.getloadavg()[0]
        sys.stdout.write(f"{len(os.sched_getaffinity(0))} cores, load {load:.1f}; milliseconds\n")
        sys.stdout.write(
            "job       mode      idle p50    p99   training p50      p99      max   ratio  lag p99  lost  "
            "verdict\n"
        )
    sys.stdout.write(
        f"{case.job:9} {case.mode:8} {case.idle_p50:9.3f} {case.idle_p99:6.3f} {case.training_p50:14.3f} "
        f"{case.training_p99:8.3f} {case.training_max:8.1f} {case.ratio:6.1f}x {case.lag_p99:8.2f} "
        f"{case.lost:5}  {verdict(case)}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
