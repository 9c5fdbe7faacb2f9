"""Charts: declared as LEAN's algorithms do, points in the result file."""

from __future__ import annotations

import json
from typing import Any

from tests.parity.conftest import Backtest, Run

CHARTED = """
class Charted(QCAlgorithm):
    def Initialize(self):
        self.SetStartDate(2013, 10, 7)
        self.SetEndDate(2013, 10, 11)
        self.spy = self.AddEquity("SPY", Resolution.DAILY).Symbol
        chart = Chart("Mine")
        chart.AddSeries(Series("Close", SeriesType.LINE, 1, "%"))
        mark = Series("Average", SeriesType.SCATTER, "$", Color.DARK_BLUE, ScatterMarkerSymbol.TRIANGLE_DOWN)
        chart.add_series(mark)
        own = CandlestickSeries("Own")
        chart.add_series(own)
        own.add_point(datetime(2013, 10, 7, 20), 1, 3, 0.5, 2)
        self.AddChart(chart)
        self.add_series("Shares", "SPY", SeriesType.PIE, "")
        self.average = self.SMA(self.spy, 3, Resolution.DAILY)
        self.PlotIndicator("Waiting", True, self.average)
        self.plot_indicator("Early", self.average)

    def OnData(self, data):
        bar = data[self.spy]
        self.Plot("Mine", "Close", bar.Close)
        self.plot("Mine", "Average", self.average)
        self.plot("Mine", "Average", self.average.current.value)
        self.plot("Bars", "SPY", bar)
        self.plot("Bars", "Numbers", bar.open, bar.high, bar.low, bar.close)
        self.plot("Shares", "SPY", 2)
        self.plot("Extra", 7)
        self.plot("Indicators", self.average)
        self.set_runtime_statistic("Days", self.time.day)
        self.set_summary_statistic("Days", 5)
        self.set_summary_statistic("Total Orders", "mine")
"""


def charts_of(run: Run) -> dict[str, Any]:
    """Return the charts of the result file."""
    whole = json.loads((run.folder / "Charted.json").read_text(encoding="utf-8"))
    return {name: chart["series"] for name, chart in whole["charts"].items()}


def test_points_stand_under_the_names_of_their_charts_as_they_are_to_be_drawn(backtest: Backtest) -> None:
    run = backtest(CHARTED)
    assert run.result.error == ""
    charts = charts_of(run)
    close, average, own = (charts["Mine"][name] for name in ("Close", "Average", "Own"))
    assert (close["seriesType"], close["index"], close["unit"]) == (0, 1, "%")
    assert (average["seriesType"], average["color"], average["scatterMarkerSymbol"]) == (
        1,
        "#00008B",
        "triangle-down",
    )
    assert own == {
        "name": "Own", "unit": "$", "index": 0, "seriesType": 2, "values": [[1381176000, 1, 3, 0.5, 2]],
    }  # fmt: skip
    times = [point[0] for point in close["values"]]
    # daily bars become known at 16:00 in New York; the second plot of an instant replaces the first
    assert times == [1381176000 + 86_400 * day for day in range(5)]
    assert [point[0] for point in average["values"]] == times


def test_bars_and_four_numbers_are_candles_and_a_pie_is_a_sum(backtest: Backtest) -> None:
    charts = charts_of(backtest(CHARTED))
    assert charts["Bars"]["SPY"]["values"] == charts["Bars"]["Numbers"]["values"]
    assert all(len(point) == 5 for point in charts["Bars"]["SPY"]["values"])
    assert [point[4] for point in charts["Bars"]["SPY"]["values"]] == [
        point[1] for point in charts["Mine"]["Close"]["values"]
    ]
    assert [point[1] for point in charts["Shares"]["SPY"]["values"]] == [10]
    assert [point[1] for point in charts["Strategy Equity"]["Extra"]["values"]] == [7] * 5


def test_indicators_plot_themselves_from_the_first_value_or_from_ready_on(backtest: Backtest) -> None:
    charts = charts_of(backtest(CHARTED))
    (early,), (waiting,), (plotted,) = (charts[name].values() for name in ("Early", "Waiting", "Indicators"))
    assert early["name"] == waiting["name"] == plotted["name"]
    assert len(early["values"]) == len(plotted["values"]) == 5
    assert waiting["values"] == early["values"][2:], "of three days, ready from the third on"


def test_named_values_are_in_the_result_and_never_replace_leans(backtest: Backtest) -> None:
    run = backtest(CHARTED)
    assert run.result.runtime_statistics["Days"] == "11"
    assert run.result.statistics["Days"] == "5"
    assert run.result.statistics["Total Orders"] == "0"


def test_reserved_names_and_mixed_points_are_refused(backtest: Backtest) -> None:
    body = """
class Charted(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 7)
        self.plot("Mine", "Line", 1)
        for arguments in (("Strategy Equity", "Equity", 1), ("Exposure", "x", 1),
                          ("Mine", "Line", 1, 2, 1, 2), ("Mine", "Line", float("nan")),
                          ("Mine", "Line", []), ("Mine", "Line")):
            try:
                self.plot(*arguments)
            except Exception as error:
                self.log(str(error).split(":")[0][:40])
        chart = Chart("Twice")
        chart.add_series(Series("one"))
        try:
            chart.add_series(Series("one"))
        except Exception as error:
            self.log(str(error))
"""
    run = backtest(body)
    assert run.result.error == ""
    assert [line.partition(" LOG ")[2] for line in run.log] == [
        "'Equity' is a reserved series name for c",
        "'Exposure' is a reserved chart name.",
        "series 'Line' of chart 'Mine' takes one ",
        "nan cannot be drawn on series 'Line'",
        "[] cannot be drawn",
        "plot takes a value, a bar, or open, high",
        "chart 'Twice' has a series 'one' already",
    ]
