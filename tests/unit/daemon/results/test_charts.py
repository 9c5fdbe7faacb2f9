"""Charts as LEAN keeps and writes them, within their quotas."""

from __future__ import annotations

from decimal import Decimal

from livetrader.results.charts import ChartBook, ChartLimits, chart_json, charts_json
from livetrader.results.json_text import compact
from livetrader.results.sampling import Candle, sampled, summary_candles
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND

T = 1_381_152_660
NS = T * NS_PER_SECOND


def book(series: int = 10, points: int = 10) -> tuple[ChartBook, list[str]]:
    told: list[str] = []
    return ChartBook(ChartLimits(series, points), told.append), told


def d(*values: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, values))


def test_a_series_is_written_as_in_lean() -> None:
    charts, _ = book()
    charts.declare("Mine", "Buys", SeriesStyle(1, "%", 2, "#FF0000", "triangle", "pane", 3, "{VALUE}"))
    charts.plot(NS, "Mine", "Buys", d("144.77307790"))
    charts.plot(NS + 1_500_000_000, "Mine", "Buys", d("1234.56789"))
    assert compact(chart_json("Mine", charts.charts["Mine"])) == (
        '{"name":"Mine","chartType":0,"series":{"Buys":{"name":"Buys","unit":"%","index":2,"seriesType":1,'
        '"zIndex":3,"indexName":"pane","tooltip":"{VALUE}",'
        f'"values":[[{T},144.7731],[{T + 1},1234.5679]],'
        '"color":"#FF0000","scatterMarkerSymbol":"triangle"}}}'
    )


def test_four_values_are_a_candle_which_has_no_colour() -> None:
    charts, _ = book()
    charts.plot(NS, "Mine", "Bars", d("1", "3", "0.5", "2"))
    assert compact(charts_json(charts.charts)) == (
        '{"Mine":{"name":"Mine","chartType":0,"series":{"Bars":{"name":"Bars","unit":"$","index":0,'
        f'"seriesType":2,"values":[[{T},1.0,3.0,0.5,2.0]]}}}}}}}}'
    )


def test_a_second_value_at_the_same_time_replaces_the_first() -> None:
    charts, _ = book()
    for value in ("1", "2"):
        charts.plot(NS, "Mine", "Line", d(value))
    assert charts.charts["Mine"]["Line"].points == [(NS, d("2"))]


def test_a_pie_is_the_sum_of_its_points() -> None:
    charts, _ = book()
    charts.declare("Mine", "Share", SeriesStyle(kind=6))
    for second, value in enumerate(("1", "2.5")):
        charts.plot(NS + second * NS_PER_SECOND, "Mine", "Share", d(value))
    assert charts.charts["Mine"]["Share"].json()["values"] == [[T + 1, Decimal("3.5")]]


def test_series_stand_by_index_then_length_then_sum() -> None:
    charts, _ = book()
    charts.declare("Mine", "below", SeriesStyle(index=1))
    for name, values in {"below": ["1"], "long": ["1", "1"], "high": ["5"], "low": ["2"]}.items():
        for second, value in enumerate(values):
            charts.plot(NS + second * NS_PER_SECOND, "Mine", name, d(value))
    rows = chart_json("Mine", charts.charts["Mine"])["series"]
    assert isinstance(rows, dict)
    assert list(rows) == ["low", "high", "long", "below"]


def test_beyond_the_quotas_new_series_and_points_are_left_out_and_told_once() -> None:
    charts, told = book(series=1, points=2)
    for second in range(4):
        charts.plot(NS + second * NS_PER_SECOND, "Mine", "first", d("1"))
        charts.plot(NS + second * NS_PER_SECOND, "Mine", "second", d("1"))
        charts.plot(NS + second * NS_PER_SECOND, "Other", "first", d("1"))
    assert {name: list(series) for name, series in charts.charts.items()} == {
        "Mine": ["first"],
        "Other": ["first"],
    }, "as in LEAN a name counts once, on however many charts"
    assert len(charts.charts["Mine"]["first"].points) == 2
    assert [words.partition(":")[2] for words in told] == [
        " maximum-chart-series is 1",
        " maximum-data-points-per-chart-series is 2",
        " maximum-data-points-per-chart-series is 2",
    ]


def candle(day: float, *values: str) -> Candle:
    opened, high, low, close = d(*values)
    return (int(day * NS_PER_DAY), opened, high, low, close)


def test_a_short_equity_curve_stays_whole_in_the_summary() -> None:
    candles = [candle(day, "1.5", "2.5", "0.5", "2") for day in range(199)]
    assert summary_candles(candles) == candles


def test_fewer_candles_hold_what_happened_between_them() -> None:
    candles = [
        candle(0, "10", "10", "10", "10"),
        candle(1, "10", "15.9", "9.5", "12"),
        candle(2, "12", "13", "8.2", "11"),
        candle(3, "11", "12", "11", "12"),
        candle(4, "12", "20", "12", "14"),
    ]
    assert sampled(candles, 2 * NS_PER_DAY) == [
        candle(0, "10", "10", "10", "10"),
        candle(2, "10", "15", "8", "11"),
        candle(4, "11", "20", "11", "14"),
    ]


def test_between_far_candles_the_close_lies_on_the_line_from_one_to_the_other() -> None:
    candles = [candle(0, "10", "10", "10", "10"), candle(4, "10", "30", "5", "20")]
    assert sampled(candles, 2 * NS_PER_DAY) == [
        candle(0, "10", "10", "10", "10"),
        candle(2, "10", "15", "10", "15"),
        candle(4, "15", "20", "15", "20"),
    ]
