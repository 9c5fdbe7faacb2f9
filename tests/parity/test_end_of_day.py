"""on_end_of_day: for each symbol where it takes one, once a day where it takes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.conftest import Backtest
from tests.parity.data import daily

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


def test_daily_bars_may_end_at_midnight(backtest: Backtest, lean_data: Path) -> None:
    """With LEAN's `daily_precise_end_time` off a bar is its whole date, the last one too."""
    run = backtest(
        """
class Midnights(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.add_equity("SPY", Resolution.DAILY)
        self.settings.daily_precise_end_time = False

    def on_data(self, data):
        bar = data["SPY"]
        self.log(f"{self.time:%d %H:%M} {bar.time:%d %H:%M} {bar.close:.6f} {bar.is_fill_forward}")
        frame = self.history("SPY", 1, Resolution.DAILY)
        assert frame.index.get_level_values(1)[-1] == self.time
        if not self.portfolio.invested:
            self.market_order("SPY", 10)

    def on_order_event(self, event):
        if event.fill_quantity:
            self.log(f"filled {self.time:%d %H:%M} {event.fill_price:.6f}")
"""
    )
    assert run.result.status == "Completed", run.result.error
    spy = daily(lean_data, "spy")
    days = ["2013-10-07", "2013-10-08", "2013-10-09", "2013-10-10", "2013-10-11"]
    lines = [line.split(" LOG ", 1)[1] for line in run.log if " LOG " in line]
    assert [line for line in lines if not line.startswith("filled")] == [
        f"{int(day[-2:]) + 1:02d} 00:00 {day[-2:]} 00:00 {spy.close[day]:.6f} False" for day in days
    ]
    # ordered at midnight for the next open, it fills when that day's bar is there
    filled = [line for line in lines if line.startswith("filled")]
    assert filled == [f"filled 09 00:00 {spy.open['2013-10-08']:.6f}"]
