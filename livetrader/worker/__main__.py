"""The engine process: `python -m livetrader.worker FD MEMORY_MB SUPERVISOR_PID`, by the supervisor only."""

import sys

from livetrader.worker.main import main

main(sys.argv[1:])
