"""Measure from a trade's frame at the daemon's socket to the order's frame at TWS's: p50 and p99.

    python bench/tick_to_order.py                              # floors, idle, and while a training runs
    python bench/tick_to_order.py --ticks 5000 --jobs none,forest --modes process,thread --json
    python bench/tick_to_order.py --state-directory /mnt/disk  # where the journal lies: an order waits for it

A real daemon with a real engine process: feed `polygon`, brokerage `ibkr`, an algorithm that orders at each
trade. This process writes one trade, waits for the order on the wire to a TWS peer, pauses, and goes on;
both instants are taken with blocking sockets on one clock. The floors are the same two hops through a bare
asyncio process: `echo`, and `echo through a child`, which goes to another process and back as an order does.
Without --state-directory the journal is in the temporary folder. Jobs are those of bench/jitter.py.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from feed.ours import tws_peer, write_reference
from feed.venue_wire import Stream, Tap

HERE = Path(__file__).parent
PAUSE_S = 0.04  # between an order and the next trade: its fill is over, and IB's message limit not felt
ORDER_LIMIT_S = 5.0
READY_LIMIT_S = 90.0
BEGIN_LIMIT_S = 180.0
LOST_MOST = 5  # in a row
QUOTE_EVERY = 50  # trades: every few seconds
WARM = 100  # ticks that do not count
PRICE_CENTS = 10_000


class Row(NamedTuple):
    """One case, milliseconds."""

    what: str
    p50: float
    p99: float
    worst: float
    count: int
    lost: int


def summary(what: str, times_ns: list[int], lost: int) -> Row:
    """Return the row of a case."""
    ordered = sorted(times_ns)
    if not ordered:
        raise SystemExit(f"{what}: no order came")
    at99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Row(what, statistics.median(ordered) / 1e6, at99 / 1e6, ordered[-1] / 1e6, len(ordered), lost)


def exchange(stream: Stream, tap: Tap, ticks: int, *, quotes: bool = False) -> tuple[list[int], int]:
    """Send so many trades, each after the order of the one before; return the times, and what was lost.

    Raises SystemExit where LOST_MOST in a row do not come: something else is wrong, and each costs seconds.
    """
    times, lost, missed = [], 0, 0
    for number in range(ticks + WARM):
        while not tap.orders.empty():
            tap.orders.get()
        if quotes and number % QUOTE_EVERY == 0:
            stream.quote("SPY", PRICE_CENTS)
            time.sleep(PAUSE_S)
        sent_ns = stream.trade("SPY", PRICE_CENTS + number % 3)
        try:
            came_ns = tap.orders.get(timeout=ORDER_LIMIT_S)
        except queue.Empty:
            lost, missed = lost + 1, missed + 1
            if missed == LOST_MOST:
                raise SystemExit(f"after {number} ticks no order came {missed} times in a row") from None
            continue
        missed = 0
        if number >= WARM:
            times.append(came_ns - sent_ns)
        time.sleep(PAUSE_S)
    return times, lost


def echo(ticks: int, *, through_child: bool) -> Row:
    """Measure a floor."""
    tap, stream = Tap(None), Stream(None)
    command = [sys.executable, "-m", "feed.echo", str(stream.port), str(tap.port)]
    command += ["--through-child"] if through_child else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HERE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        stream.ready.wait(ORDER_LIMIT_S)
        times, lost = exchange(stream, tap, ticks)
    finally:
        process.kill()
        process.wait()
        stream.close()
        tap.close()
    return summary("echo through a child" if through_child else "echo", times, lost)


def configuration(folder: Path, state: Path, ports: tuple[int, int], parameters: dict[str, str]) -> Path:
    """Write the daemon's files; return its configuration."""
    write_reference(folder / "data")
    given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in parameters.items())
    file = folder / "livetrader.toml"
    file.write_text(
        f"""
[algorithm]
path = {json.dumps(str(HERE / "tick_to_order_algorithm.py"))}
parameters = {{ {given} }}
[account]
name = "bench"
state_directory = {json.dumps(str(state))}
any_file_system = true
[brokerage]
plugin = "ibkr"
port = {ports[1]}
[feed]
plugin = "polygon"
api_key = "key"
host = "127.0.0.1:{ports[0]}"
tls = false
[data]
folder = "data"
[limits]
orders_per_minute = 0
duplicate_window_s = 0.0
unknown_orders = 0
[control]
port = 0
""",
        encoding="utf-8",
    )
    return file


def wait_for(
    condition: Callable[[], bool], limit_s: float, daemon: subprocess.Popen[bytes], log: Path
) -> None:
    """Wait; end with the daemon's log where it takes too long or the daemon has died."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s or daemon.poll() is not None:
            raise SystemExit(f"the daemon is not ready\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


def ours(ticks: int, job: str, mode: str, where: Path | None) -> Row:
    """Measure the daemon, idle or with a training."""
    with (
        tempfile.TemporaryDirectory(prefix="order-") as name,
        tempfile.TemporaryDirectory(prefix="order-", dir=where) as state,
        tws_peer() as tws_port,
    ):
        folder, log = Path(name), Path(name) / "daemon.log"
        stream, tap = Stream({"T.SPY"}), Tap(tws_port)
        begun = folder / "begun"
        parameters = {"job": job, "mode": mode, "begun": str(begun)}
        file = configuration(folder, Path(state), (stream.port, tap.port), parameters)
        with log.open("wb") as output:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "livetrader", "run", str(file)], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, cwd=folder,
            )  # fmt: skip
        try:
            wait_for(stream.ready.is_set, READY_LIMIT_S, daemon, log)
            _until_it_trades(stream, tap)
            if job != "none":
                wait_for(begun.exists, BEGIN_LIMIT_S, daemon, log)
            times, lost = exchange(stream, tap, ticks, quotes=True)
        finally:
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
            stream.close()
            tap.close()
        return summary("idle" if job == "none" else f"{job} in a {mode}", times, lost)


def _until_it_trades(stream: Stream, tap: Tap) -> None:
    """Send trades until the first order comes: then the engine is READY."""
    end_s = time.monotonic() + READY_LIMIT_S
    while tap.orders.empty():
        if time.monotonic() > end_s:
            raise SystemExit("the algorithm does not order")
        stream.trade("SPY", PRICE_CENTS)
        time.sleep(0.2)
    time.sleep(1.0)  # what else it still orders is over


def show(row: Row) -> None:
    """Print one row."""
    print(
        f"{row.what:22} p50 {row.p50:7.3f} ms  p99 {row.p99:7.3f}  max {row.worst:8.2f}  of {row.count}, "
        f"lost {row.lost}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> int:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument(
        "--jobs", default="none,forest,python", help="none and those of bench/jitter.py; empty: floors"
    )
    parser.add_argument("--modes", default="process,thread")
    parser.add_argument("--state-directory", type=Path, help="where the journals lie")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    cases: list[Callable[[], Row]] = [
        partial(echo, options.ticks, through_child=False),
        partial(echo, options.ticks, through_child=True),
    ]
    for job in filter(None, options.jobs.split(",")):
        for mode in ["none"] if job == "none" else options.modes.split(","):
            cases.append(partial(ours, options.ticks, job, mode, options.state_directory))
    rows = []
    for case in cases:
        rows.append(case())
        if not options.json:
            show(rows[-1])
    if options.json:
        print(json.dumps({"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
                          "rows": [row._asdict() for row in rows]}, indent=1))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
