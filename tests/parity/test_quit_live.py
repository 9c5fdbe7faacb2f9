"""An algorithm that quits ends its daemon, in order and at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ALGORITHM = """
from AlgorithmImports import *

class Quitter(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.seen = 0

    def on_data(self, data):
        self.seen += 1
        self.log(f"seen {self.seen}")
        if self.seen == 3:
            self.quit("had enough")
"""

CONFIGURATION = """
[algorithm]
path = "{folder}/algorithm.py"
[account]
state_directory = "{folder}/state"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = 2013-01-02
end = 2013-12-31
speed = "max"
[data]
folder = "{data}"
[control]
port = 0
"""


@pytest.mark.slow
def test_quit_ends_the_daemon_after_the_step_it_was_called_in(tmp_path: Path, lean_data: Path) -> None:
    (tmp_path / "algorithm.py").write_text(ALGORITHM, encoding="utf-8")
    configuration = tmp_path / "livetrader.toml"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, data=lean_data), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", "run", str(configuration)],
        capture_output=True, text=True, timeout=18,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-2000:]
    assert "seen 3" in told
    assert "seen 4" not in told
    assert "the algorithm ended: had enough" in told
