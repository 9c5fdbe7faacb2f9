"""What a backtest says about an algorithm that ends itself, and about data that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader_lean.errors import LoadError
from tests.parity.conftest import Backtest

MISSPELT = """
class Misspelt(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.add_equity("NOSUCH", Resolution.MINUTE)
"""


def test_a_ticker_without_files_is_named(backtest: Backtest) -> None:
    run = backtest(MISSPELT)
    assert run.result.status == "Completed"
    assert len(run.log) == 2, "one line for trades, one for quotes"
    assert all(" WARNING there is no " in line and "/minute/nosuch/20131007_" in line for line in run.log)


def test_sys_exit_is_an_error_of_the_algorithm_and_no_exit_code_of_ours(backtest: Backtest) -> None:
    run = backtest(
        "import sys\n\nclass Quits(QCAlgorithm):\n    def initialize(self):\n        sys.exit(7)\n"
    )
    assert run.result.status == "RuntimeError"
    assert run.result.error.endswith("SystemExit: 7\n")
    with pytest.raises(LoadError, match="SystemExit: 5"):
        backtest("import sys\nsys.exit(5)\n")


def test_an_end_before_the_start_is_refused(tmp_path: Path) -> None:
    algorithm = tmp_path / "main.py"
    algorithm.write_text("from AlgorithmImports import *\n")
    words = [
        "backtest",
        str(algorithm),
        "--data",
        str(tmp_path),
        "--start",
        "2013-10-12",
        "--end",
        "2013-10-11",
    ]
    refused = CliRunner().invoke(cli, words)
    assert refused.exit_code == 2
    assert "lies before --start" in refused.output
