"""`livetrader run` without its limits on how often one may ask: a fuzzer does, hundreds of times a second.

Everything else is the daemon as it is. The limits have tests of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from livetrader.app import run
from livetrader.configuration.loading import load
from livetrader.control import budgets

NO_LIMIT = 1e9

if __name__ == "__main__":
    for name in ("REQUESTS", "KILL_REQUESTS", "FILES", "FAILURES"):
        setattr(budgets, f"{name}_PER_S", NO_LIMIT)
        setattr(budgets, f"{name}_BURST", NO_LIMIT)
    sys.exit(run(load(Path(sys.argv[1]))))
