"""Charts: declared as LEAN's algorithms do, points in charts.csv."""

from __future__ import annotations

from pathlib import Path

from tests.parity.conftest import Backtest

CHARTED = """
class Charted(QCAlgorithm):
    def Initialize(self):
        self.SetStartDate(2013, 10, 7)
        self.SetEndDate(2013, 10, 11)
        self.spy = self.AddEquity("SPY", Resolution.DAILY).Symbol
        chart = Chart("Mine")
        chart.AddSeries(Series("Close", SeriesType.LINE, 0))
        chart.add_series(Series("Average", SeriesType.Scatter, "$"))
        self.AddChart(chart)
        self.average = self.SMA(self.spy, 3, Resolution.DAILY)
        self.PlotIndicator("Waiting", self.average)
        self.plot_indicator("Early", False, self.average)

    def OnData(self, data):
        self.Plot("Mine", "Close", data[self.spy].Close)
        self.plot("Mine", self.average)
"""


def test_points_are_written_under_the_names_of_their_charts(backtest: Backtest, tmp_path: Path) -> None:
    run = backtest(CHARTED)
    assert run.result.error == ""
    heading, *rows = (tmp_path / "run1" / "charts.csv").read_text().splitlines()
    assert heading == "time,chart,series,value"
    series = [tuple(row.split(",")[1:3]) for row in rows]
    assert series.count(('"Mine"', '"Close"')) == 5
    average = next(name for chart, name in series if chart == '"Waiting"')
    assert series.count(('"Mine"', average)) == 5
    assert series.count(('"Waiting"', average)) == 3, "of three days, ready from the third on"
    assert series.count(('"Early"', average)) == 5
