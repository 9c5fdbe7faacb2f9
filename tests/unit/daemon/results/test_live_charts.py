"""What a live algorithm plots: the newest as it came, the older thinned, names and points bounded."""

from __future__ import annotations

import msgspec

from livetrader.results.charts import MAX_SERIES
from livetrader.results.live_charts import RECENT, THIN_NS, THINNED, LiveCharts, SeriesState
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.symbols import NS_PER_MINUTE


def charts(told: list[str] | None = None) -> LiveCharts:
    return LiveCharts(([] if told is None else told).append)


def test_the_newest_points_stay_and_older_ones_become_one_in_ten_minutes() -> None:
    made = charts()
    count = RECENT + 95
    for minute in range(count):
        made.plot(minute * NS_PER_MINUTE, "C", "S", (float(minute),))
    series = made.charts["C"]["S"]
    assert [point.values[0] for point in series.recent] == [float(minute) for minute in range(95, count)]
    assert [point.values[0] for point in series.thinned] == [float(n) for n in (*range(9, 90, 10), 94)]


def test_candles_that_are_thinned_keep_their_extremes() -> None:
    made = charts()
    for number in range(RECENT + 2):
        made.plot(number, "C", "S", (1.0 + number, 10.0 - number, -number, 2.0 + number))
    (point,) = made.charts["C"]["S"].thinned
    assert point.values == (1.0, 10.0, -1.0, 3.0)


def test_a_series_never_has_more_than_its_room() -> None:
    made = charts()
    for number in range(THINNED * 3 + RECENT):
        made.plot(number * THIN_NS, "C", "S", (1.0,))
    assert len(made.charts["C"]["S"].points()) == THINNED + RECENT


def test_the_same_time_again_replaces_a_value_and_an_earlier_one_is_left_out() -> None:
    made = charts()
    for time_ns, value in ((5, 1.0), (5, 2.0), (4, 3.0)):
        made.plot(time_ns, "C", "S", (value,))
    assert [(point.time_ns, point.values) for point in made.charts["C"]["S"].points()] == [(5, (2.0,))]


def test_too_many_names_are_left_out_and_told_once() -> None:
    told: list[str] = []
    made = charts(told)
    for number in range(MAX_SERIES + 5):
        made.plot(1, "C", f"S{number}", (1.0,))
    assert len(made.charts["C"]) == MAX_SERIES and len(told) == 1
    made.plot(1, "D", "S0", (1.0,))
    assert "S0" in made.charts["D"], "a name that is known may be on another chart"


def test_a_restart_goes_on_with_style_and_points() -> None:
    made = charts()
    made.declare("C", "S", SeriesStyle(kind=3, unit="%", color="#ff0000"))
    for minute in range(RECENT + 20):
        made.plot(minute * NS_PER_MINUTE, "C", "S", (float(minute),))
    kept = msgspec.json.decode(msgspec.json.encode(made.state()), type=tuple[SeriesState, ...])
    again = charts()
    again.load(kept)
    assert again.view("C", 0, 5_000) == made.view("C", 0, 5_000)
    view = again.view("C", 0, 3)
    assert view is not None and view.series[0].kind == 3 and len(view.series[0].points) == 3
    assert again.view("nothing", 0, 3) is None
