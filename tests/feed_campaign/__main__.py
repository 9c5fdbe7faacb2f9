"""Seeded outages: `python -m tests.feed_campaign --runs 500`; `make feed-campaign`. Exits 1 for a flaw."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.feed_campaign.run import Outcome, play
from tests.feed_campaign.scenes import scene_of


def tell(outcome: Outcome, seconds: float) -> None:
    """Print one run."""
    scene = outcome.scene
    history = ", ".join(f"{fault.kind.value} {fault.code}" for fault in scene.history) or "well"
    print(
        f"seed {scene.seed}: {scene.what.value} "
        f"({scene.streams} streams, {scene.trouble_s:.0f} s; "
        f"history: {history if scene.fills else 'not asked'}): "
        f"{outcome.bars} bars, {outcome.backfilled} from history, {outcome.missing} missing, "
        f"{outcome.marks} marks ({outcome.needless_s:.0f} s needless), {outcome.reconnects} reconnects; "
        f"{seconds:.1f} s",
        flush=True,
    )
    for flaw in outcome.flaws:
        print(f"    {flaw}", flush=True)


def main() -> int:
    """Run and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--quiet", action="store_true", help="tell of runs with flaws only")
    options = parser.parse_args()
    flawed, totals, began_s = [], Counter[str](), time.monotonic()
    for seed in range(options.start, options.start + options.runs):
        started_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="feeds-") as folder:
            outcome = play(scene_of(seed), Path(folder))
        totals.update(
            bars=outcome.bars, backfilled=outcome.backfilled, missing=outcome.missing, marks=outcome.marks,
            reconnects=outcome.reconnects, needless_s=int(outcome.needless_s),
        )  # fmt: skip
        if outcome.flaws:
            flawed.append(seed)
        if outcome.flaws or not options.quiet:
            tell(outcome, time.monotonic() - started_s)
    words = ", ".join(f"{count} {name}" for name, count in totals.items())
    print(f"{options.runs} runs in {time.monotonic() - began_s:.0f} s: {words}; flawed: {flawed or 'none'}")
    return 1 if flawed else 0


if __name__ == "__main__":
    sys.exit(main())
