"""Measure how many market events a second reach the engine's inbox, beside other clients and bare loops.

    python bench/feed_throughput.py                       # every client, frames of 1 and 100 events, 3 rounds
    python bench/feed_throughput.py --clients picows,ours --per-frame 1 --rounds 5 --resolution tick
    python bench/feed_throughput.py --json > result.json

A sender process writes the same frames, encoded before (trades and quotes, half and half, over 500 symbols),
to one client after the other, each a process of its own: polygon-api-client's stream; bare loops of
websockets, aiohttp and picows that decode with msgspec into typed structs and touch one price; and `ours`:
socket, plugin, gates, feed chain, router, link, and the inbox of an engine process that takes everything as
soon as it is there. Everything between is the daemon's own, built by its composition root. The time runs from
the sender's first byte to the last event handled, on one clock. Clients of a round follow each other, so
that a busy machine is unfair to all; the ratios are medians of those within a round. On a machine with
fewer than three free cores ours shares them with its own engine process and the sender.

`--resolution`: what ours is subscribed to, trades and quotes of each symbol: minute (an algorithm's default),
second, tick (every event travels to the engine process).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
CLIENTS = ("official", "websockets", "aiohttp", "picows", "ours")
# by events per frame: half a second or more of the fastest client
EVENTS = {1: 300_000, 10: 600_000, 100: 1_000_000}
OFFICIAL_SHARE = 5  # the official client gets so many times fewer, or nobody waits for it
REQUIRED = {"official": 5.0, "picows": 0.6}
LIMIT_S = 200.0  # of one client


class Run(NamedTuple):
    """One client, once. `cpu_s`: of the client's process; with ours of the supervisor."""

    client: str
    per_frame: int
    round: int
    events: int
    seconds: float
    cpu_s: float
    more: dict[str, Any]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


class Sender:
    """The process that sends. Owned by `sending`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self.line()["port"])

    def line(self) -> dict[str, Any]:
        """Return its next line."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            raise SystemExit("the sender has died")
        said: dict[str, Any] = json.loads(text)
        return said


@contextmanager
def sending(events: int, per_frame: int, options: argparse.Namespace) -> Iterator[Sender]:
    """Run a sender of these frames until the end of the block."""
    command = [
        sys.executable, "-m", "feed.sender", "--events", str(events), "--per-frame", str(per_frame),
        "--symbols", str(options.symbols), "--seed", str(options.seed),
        "--per-second", str(getattr(options, "per_second", 0)),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
    try:
        yield Sender(process)
    finally:
        process.kill()
        process.wait()


def run_client(name: str, sender: Sender, events: int, per_frame: int, options: argparse.Namespace) -> Run:
    """Run one client once."""
    command = [sys.executable, "-m", "feed.ours" if name == "ours" else "feed.loops"]
    command += [options.resolution] if name == "ours" else [name]
    command += [str(sender.port), str(events), str(options.symbols)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=HERE, timeout=LIMIT_S, check=False)
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"{name} failed")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    begun_ns, done_ns = sender.line()["begun_ns"], told.pop("done_ns")
    if "processor" in told:
        taken = told.pop("processor")
        before = max((cpu_s for at_ns, cpu_s in taken if at_ns <= begun_ns), default=0.0)
        told["cpu_s"] = min(cpu_s for at_ns, cpu_s in taken if at_ns >= done_ns) - before
    return Run(name, per_frame, 0, events, (done_ns - begun_ns) / 1e9, told.pop("cpu_s"), told)


def measure(per_frame: int, options: argparse.Namespace) -> list[Run]:
    """Run all rounds with frames of one kind."""
    events = int(EVENTS[per_frame] * options.scale)
    few = max(events // OFFICIAL_SHARE // per_frame, 1) * per_frame
    runs = []
    with (
        sending(events, per_frame, options) as sender,
        sending(few, per_frame, options) as slow_sender,
    ):
        for number in range(options.rounds):
            for client in options.clients:
                chosen, count = (slow_sender, few) if client == "official" else (sender, events)
                run = run_client(client, chosen, count, per_frame, options)._replace(round=number)
                runs.append(run)
                if not options.json:
                    show(run)
    return runs


def show(run: Run) -> None:
    """Print one run."""
    more = "  ".join(f"{name} {value}" for name, value in run.more.items() if name != "events")
    print(
        f"{run.client:10} {run.per_frame:4}/frame  {run.rate:12,.0f} events/s  "
        f"{run.cpu_s / run.events * 1e6:7.3f} us cpu/event  {more}",
        flush=True,
    )


def ratios(runs: list[Run], per_frame: int) -> dict[str, float]:
    """Return how many times as fast as each other client ours was, the median over rounds."""
    rates = {(run.client, run.round): run.rate for run in runs if run.per_frame == per_frame}
    rounds = {run.round for run in runs}
    found = {}
    for client in {run.client for run in runs} - {"ours"}:
        pairs = [rates["ours", each] / rates[client, each] for each in rounds if ("ours", each) in rates]
        if pairs:
            found[client] = statistics.median(pairs)
    return found


def verdict(runs: list[Run], per_frame: int) -> list[str]:
    """Return what is required and was not reached."""
    found = ratios(runs, per_frame)
    return [
        f"{per_frame}/frame: {found[client]:.2f}x of {client}, required {least:g}x"
        for client, least in REQUIRED.items()
        if client in found and found[client] < least
    ]


def main() -> int:
    """Run everything and print medians, ratios and what was missed; exit 1 where something was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--per-frame", default="1,100", help="events in a frame: some of 1, 10, 100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of events")
    parser.add_argument("--resolution", choices=("minute", "second", "tick"), default="minute")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.clients = options.clients.split(",")
    kinds = [int(text) for text in options.per_frame.split(",")]
    runs = [run for kind in kinds for run in measure(kind, options)]
    missed = [line for kind in kinds for line in verdict(runs, kind)]
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "resolution": options.resolution,
        "events_per_s": {
            f"{client}/{kind}": round(
                statistics.median(run.rate for run in runs if (run.client, run.per_frame) == (client, kind))
            )
            for kind in kinds
            for client in options.clients
        },
        "ours_over": {str(kind): ratios(runs, kind) for kind in kinds},
        "missed": missed,
    }
    if options.json:
        result["runs"] = [run._asdict() | {"events_per_s": run.rate} for run in runs]
    print(json.dumps(result, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
