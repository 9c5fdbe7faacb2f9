"""Numeric libraries leave a core to trading, in the engine process and in a backtest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from livetrader.numeric_threads import THREAD_VARIABLES, numeric_threads
from tests.parity.replays import configure

ALGORITHM = """
from AlgorithmImports import *
from sklearn.utils.parallel import _get_threadpool_controller
import sklearn.ensemble

class Counter(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.add_equity("SPY", Resolution.DAILY)
        self.log(f"THREADS {[each['num_threads'] for each in _get_threadpool_controller().info()]}")
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("wanted", ["", "2"])
def test_libraries_have_the_same_threads_live_and_in_backtests(
    tmp_path: Path, lean_data: Path, wanted: str
) -> None:
    algorithm = tmp_path / "algorithm.py"
    algorithm.write_text(ALGORITHM, encoding="utf-8")
    live = configure(tmp_path / "livetrader.toml", algorithm, lean_data, ("2013-10-07", "2013-10-08"))
    environment = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    if wanted:
        environment |= {"OMP_NUM_THREADS": wanted, "OPENBLAS_NUM_THREADS": wanted}
    for arguments in (["run", str(live)], ["backtest", str(algorithm), "--data-folder", str(lean_data)]):
        done = subprocess.run(
            [sys.executable, "-m", "livetrader", *arguments],
            capture_output=True, text=True, timeout=50, env=environment,
        )  # fmt: skip
        found = re.search(r"THREADS \[(\d+(?:, \d+)*)\]", done.stdout + done.stderr)
        assert found is not None, (done.stdout + done.stderr)[-2000:]
        expected = int(wanted) if wanted else numeric_threads(0, len(os.sched_getaffinity(0)))
        assert set(map(int, found[1].split(", "))) == {expected}
