"""on_end_of_day: for each symbol where it takes one, once a day where it takes none."""

from __future__ import annotations

import pytest

from tests.parity.conftest import Backtest

ALGORITHM = """
class EndOfDay(QCAlgorithm):
    def Initialize(self):
        self.SetStartDate(2013, 10, 7)
        self.SetEndDate(2013, 10, 8)
        self.AddEquity("SPY", Resolution.Hour)
        self.AddEquity("AAPL", Resolution.Hour)

    def OnEndOfDay(self%s):
        self.Log(f"end {self.Time:%%d %%H:%%M}")
"""


@pytest.mark.parametrize(("argument", "calls"), [("", 1), (", symbol", 2)])
def test_it_is_called_as_often_as_its_arguments_say(backtest: Backtest, argument: str, calls: int) -> None:
    run = backtest(ALGORITHM % argument)
    assert run.result.error == ""
    ends = [line.rpartition("end ")[2] for line in run.log if " LOG end " in line]
    assert ends == ["07 15:50"] * calls + ["08 15:50"] * calls
