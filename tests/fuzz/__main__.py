"""The fuzz lane: `python -m tests.fuzz --frames 700000 --answers 300000`; `make feed-fuzz`.

Half of the frames go to Polygon's feed where it makes bars of trades, half where of bars of seconds; half of
the answers come from Polygon, half from Alpha Vantage. Each part is run in slices with seeds of their own, so
a flaw is found again with the --seed that it was told with. Exits 1 where there was one, or memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.feeds import spoil
from tests.fuzz.histories import Findings, Skipping, ask
from tests.fuzz.venues import VENUES, polygon_feed

SLICE = 10_000  # spoiled things in one slice
GROWTH_MB = 8.0  # of memory from the second slice of a part to its last: allocators breathe
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others give memory back by themselves


def memory_mb() -> float:
    """Return how much memory this process has in use, without what is free and was not given back yet."""
    gc.collect()
    if _trim is not None:
        _trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def frames(made_from: str) -> Callable[[Path, int, int], Findings]:
    """Return what runs a slice of frames."""
    return lambda folder, count, seed: asyncio.run(spoil(polygon_feed(made_from), folder, count, seed))


def answers(venue: str) -> Callable[[Path, int, int], Findings]:
    """Return what runs a slice of answers."""

    def run(folder: Path, count: int, seed: int) -> Findings:
        clock = Skipping()
        with VENUES[venue](folder, clock, Random(seed)) as (history, answered):
            return ask(history, answered, clock, count, seed)

    return run


def part(name: str, run: Callable[[Path, int, int], Findings], count: int, seed: int) -> bool:
    """Run one part in slices and tell of each; return whether all was well."""
    memory, good, slowest_s, done = [], True, 0.0, 0
    started_s = time.monotonic()
    while done < count:
        size = min(SLICE, count - done)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            found = run(Path(folder), size, seed)
        done += size
        memory.append(memory_mb())
        slowest_s = max(slowest_s, found.slowest_s)
        for flaw in found.flaws[:5]:
            print(f"{name}, seed {seed}: {flaw}", flush=True)
        good = good and not found.flaws
        seed += 1
    growth_mb = memory[-1] - memory[min(1, len(memory) - 1)]
    good = good and growth_mb < GROWTH_MB
    took_s = time.monotonic() - started_s
    print(
        f"{name}: {done} in {took_s:.0f} s, slowest {slowest_s:.2f} s, memory {memory[0]:.0f} to "
        f"{memory[-1]:.0f} MB (grew {growth_mb:.1f}), {'ok' if good else 'FAILED'}",
        flush=True,
    )
    return good


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=700_000)
    parser.add_argument("--answers", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    parts = [
        (f"frames, bars of {made_from}", frames(made_from), options.frames // 2)
        for made_from in ("trades", "seconds")
    ]
    parts += [(f"answers of {venue}", answers(venue), options.answers // 2) for venue in sorted(VENUES)]
    results = [part(name, run, count, options.seed) for name, run, count in parts if count]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
