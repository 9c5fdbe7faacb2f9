"""Run the kill -9 campaign: python -m tests.campaign --engine-kills 300 --daemon-kills 300 --seed 1"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaign.runner import Campaign


def main() -> int:
    """Run, print the result, return the exit code."""
    parser = argparse.ArgumentParser(description="kill -9 under order load; compares journal and account")
    parser.add_argument("--engine-kills", type=int, default=300)
    parser.add_argument("--daemon-kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--directory",
        type=Path,
        help="kept afterwards; default: a temporary one, kept after a violation",
    )
    options = parser.parse_args()
    root = options.directory or Path(tempfile.mkdtemp(prefix="livetrader-campaign-"))
    root.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(root, options.seed, lambda line: print(line, flush=True))
    result = campaign.run(options.engine_kills, options.daemon_kills)
    if result.violations:
        print(f"kept for a look: {root}")
    elif options.directory is None:
        shutil.rmtree(root)
    kills = result.engine_kills + result.daemon_kills
    print(
        f"{result.engine_kills} engine and {result.daemon_kills} daemon kills ({result.aimed_kills} of them"
        f" right after an order left) in {result.seconds:.0f} s"
        f" ({kills / result.seconds * 60:.0f} a minute); {result.orders} orders, {result.fills} fills,"
        f" {result.given_up} proved absent; {len(result.violations)} violations"
    )
    for line in result.violations[:50]:
        print(f"  {line}")
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
