"""Run the kill -9 campaign: python -m tests.campaign --venue ibkr --daemon-kills 300 --seed 1"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaign.lanes import VENUES, run_lanes


def main() -> int:
    """Run, print the result, return the exit code."""
    parser = argparse.ArgumentParser(description="kill -9 under order load; compares journal and account")
    parser.add_argument("--venue", choices=sorted(VENUES), default="paper")
    parser.add_argument("--engine-kills", type=int, default=300)
    parser.add_argument("--daemon-kills", type=int, default=300)
    parser.add_argument("--lanes", type=int, default=1, help="daemons under fire at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--module", default="livetrader", help="the daemon to run: one with a bug must be found"
    )
    parser.add_argument(
        "--directory", type=Path, help="kept afterwards; default: a temporary one, kept after a violation"
    )
    options = parser.parse_args()
    root = options.directory or Path(tempfile.mkdtemp(prefix="livetrader-campaign-"))
    root.mkdir(parents=True, exist_ok=True)
    result = run_lanes(
        root,
        options.venue,
        seed=options.seed,
        lanes=options.lanes,
        engine_kills=options.engine_kills,
        daemon_kills=options.daemon_kills,
        say=lambda line: print(line, flush=True),
        module=options.module,
    )
    if result.violations:
        print(f"kept for a look: {root}")
    elif options.directory is None:
        shutil.rmtree(root)
    print(result)
    for line in result.violations[:50]:
        print(f"  {line}")
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
