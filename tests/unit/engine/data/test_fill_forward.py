"""Fill-forward: where copies go and where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import chain

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.batches import batched, while_open
from livetrader_engine.data.fill_forward import FillRule, complete_quotes, fill_forward
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, at, index_futures
from tests.unit.engine.data.streams import ALWAYS, BTC, SPY, US, bar, quote

DAY = 24 * HOUR


def _rule(
    period_ns: int,
    step_ns: int,
    end: str,
    *,
    hours: ExchangeHours = US,
    extended: bool = False,
    strict: bool = False,
) -> FillRule:
    return FillRule(hours, period_ns, lambda: step_ns, extended, strict, at(end))


def _joined(batches: Iterable[list[MarketPoint]]) -> list[MarketPoint]:
    return list(chain.from_iterable(batches))


def _filled(
    points: Sequence[MarketPoint], rule: FillRule, previous: TradeBar | QuoteBar | None = None
) -> list[MarketPoint]:
    """Fill the points forward in batches of one, of three and all at once: it must not matter."""
    at_once, *others = (_joined(fill_forward(batched(points, size), rule, previous)) for size in (512, 3, 1))
    for other in others:
        assert [msgspec.to_builtins(point, enc_hook=str) for point in other] == [
            msgspec.to_builtins(point, enc_hook=str) for point in at_once
        ]
    return at_once


def _ends(points: list[MarketPoint]) -> list[int]:
    return [point.end_time_ns for point in points]


def test_a_gap_of_minutes_is_filled_with_flagged_copies_without_volume() -> None:
    first, last = bar(at("2013-10-07 10:00"), MINUTE, 50.0), bar(at("2013-10-07 10:03"), MINUTE, 51.0)
    points = _filled([first, last], _rule(MINUTE, MINUTE, "2013-10-07 10:04"))
    assert points[0] is first and points[3] is last
    copies = points[1:3]
    assert _ends(copies) == [at("2013-10-07 10:02"), at("2013-10-07 10:03")]
    for copy in copies:
        assert isinstance(copy, TradeBar)
        assert copy.fill_forward and copy.volume == 0.0
        assert (copy.open, copy.high, copy.low, copy.close) == (50.0, 51.0, 49.0, 50.5)
        assert copy.end_time_ns - copy.time_ns == MINUTE


def test_nothing_is_filled_while_the_exchange_is_closed() -> None:
    friday, monday = bar(at("2013-10-04 15:58"), MINUTE), bar(at("2013-10-07 09:32"), MINUTE)
    points = _filled([friday, monday], _rule(MINUTE, MINUTE, "2013-10-07 09:33"))
    assert _ends(points) == [
        at("2013-10-04 15:59"), at("2013-10-04 16:00"), at("2013-10-07 09:31"), at("2013-10-07 09:32"),
        at("2013-10-07 09:33"),
    ]  # fmt: skip


def test_a_half_day_is_filled_to_its_early_close_only() -> None:
    last = bar(at("2013-11-29 12:57"), MINUTE)
    points = _filled([last], _rule(MINUTE, MINUTE, "2013-11-30"))
    assert _ends(points) == [at("2013-11-29 12:58"), at("2013-11-29 12:59"), at("2013-11-29 13:00")]


def test_extended_hours_are_filled_only_where_they_are_asked_for() -> None:
    points = [bar(at("2013-10-07 15:59"), MINUTE), bar(at("2013-10-07 16:02"), MINUTE)]
    assert len(_filled(points, _rule(MINUTE, MINUTE, "2013-10-07 16:03", extended=True))) == 4
    assert len(_filled(points, _rule(MINUTE, MINUTE, "2013-10-07 16:03"))) == 2


def test_the_stream_is_filled_up_to_its_end() -> None:
    points = _filled([bar(at("2013-10-07 15:00"), MINUTE)], _rule(MINUTE, MINUTE, "2013-10-09"))
    # the rest of Monday's session, then all of Tuesday's
    assert len(points) == 60 + 390
    assert points[-1].end_time_ns == at("2013-10-08 16:00")


def test_hours_are_filled_on_their_grid() -> None:
    points = [bar(at("2013-10-07 09:00"), HOUR), bar(at("2013-10-07 12:00"), HOUR)]
    assert _ends(_filled(points, _rule(HOUR, HOUR, "2013-10-07 13:00"))) == [
        at(f"2013-10-07 {hour}:00") for hour in (10, 11, 12, 13)
    ]


def test_daily_bars_are_repeated_every_minute_of_the_next_session() -> None:
    monday = TradeBar(SPY, at("2013-10-07 09:30"), at("2013-10-07 16:00"), 1.0, 2.0, 0.5, 1.5, 9.0)
    tuesday = TradeBar(SPY, at("2013-10-08 09:30"), at("2013-10-08 16:00"), 1.5, 2.0, 0.5, 1.7, 9.0)
    points = _filled([monday, tuesday], _rule(DAY, MINUTE, "2013-10-08 16:00", strict=True))
    assert len(points) == 1 + 389 + 1
    assert points[1].end_time_ns == at("2013-10-08 09:31")
    assert all(point.end_time_ns - point.time_ns == 390 * MINUTE for point in points)


def test_a_missing_day_is_filled_at_its_own_close() -> None:
    wednesday = TradeBar(SPY, at("2013-11-27 09:30"), at("2013-11-27 16:00"), 1.0, 2.0, 0.5, 1.5, 9.0)
    monday = TradeBar(SPY, at("2013-12-02 09:30"), at("2013-12-02 16:00"), 1.5, 2.0, 0.5, 1.7, 9.0)
    points = _filled([wednesday, monday], _rule(DAY, DAY, "2013-12-02 16:00", strict=True))
    assert [(point.time_ns, point.end_time_ns) for point in points] == [
        (wednesday.time_ns, wednesday.end_time_ns),
        (at("2013-11-29 09:30"), at("2013-11-29 13:00")),  # Thanksgiving is closed, Friday a half day
        (monday.time_ns, monday.end_time_ns),
    ]


def test_the_last_session_that_ends_within_the_stream_is_filled() -> None:
    monday = TradeBar(SPY, at("2013-10-07 09:30"), at("2013-10-07 16:00"), 1.0, 2.0, 0.5, 1.5, 9.0)
    points = _filled([monday], _rule(DAY, DAY, "2013-10-09 15:59", strict=True))
    assert _ends(points) == [at("2013-10-07 16:00"), at("2013-10-08 16:00")]


def test_a_stream_that_ends_on_a_weekend_is_filled_to_friday() -> None:
    thursday = TradeBar(SPY, at("2013-10-10 09:30"), at("2013-10-10 16:00"), 1.0, 2.0, 0.5, 1.5, 9.0)
    points = _filled([thursday], _rule(DAY, DAY, "2013-10-12 12:00", strict=True))
    assert _ends(points) == [at("2013-10-10 16:00"), at("2013-10-11 16:00")]


def test_an_always_open_market_is_filled_through_the_night_and_the_weekend() -> None:
    zone = ALWAYS.timezone
    points = [
        bar(at("2013-10-04 23:00", zone), HOUR, symbol=BTC),
        bar(at("2013-10-07 01:00", zone), HOUR, symbol=BTC),
    ]
    end = FillRule(ALWAYS, HOUR, lambda: HOUR, False, False, at("2013-10-07 02:00", zone))
    assert len(_filled(points, end)) == 1 + 49 + 1


def test_sessions_through_midnight_are_filled_without_a_hole() -> None:
    futures = index_futures()
    points = [bar(at("2013-10-07 23:00"), HOUR), bar(at("2013-10-08 02:00"), HOUR)]
    rule = FillRule(futures, HOUR, lambda: HOUR, True, False, at("2013-10-08 03:00"))
    assert _ends(_filled(points, rule)) == [
        at("2013-10-08 00:00"), at("2013-10-08 01:00"), at("2013-10-08 02:00"), at("2013-10-08 03:00"),
    ]  # fmt: skip


def test_the_bar_before_the_stream_fills_the_gap_at_its_start() -> None:
    before = bar(at("2013-10-07 10:00"), MINUTE, 42.0)
    points = _filled([bar(at("2013-10-07 10:02"), MINUTE)], _rule(MINUTE, MINUTE, "2013-10-07 10:03"), before)
    assert _ends(points) == [at("2013-10-07 10:02"), at("2013-10-07 10:03")]
    assert isinstance(points[0], TradeBar) and points[0].close == 42.5


def test_ticks_are_never_repeated() -> None:
    ticks = [Tick(SPY, at("2013-10-07 10:00"), 1.0), Tick(SPY, at("2013-10-07 11:00"), 2.0)]
    assert _filled(ticks, _rule(0, MINUTE, "2013-10-08")) == ticks


@given(
    st.lists(st.integers(0, 3 * 390 - 1), min_size=1, max_size=30, unique=True).map(sorted),
    st.sampled_from([1, 2, 5]),
)
def test_minutes_of_three_sessions_have_no_gap_and_keep_every_real_bar(minutes: list[int], step: int) -> None:
    def start_of(minute: int) -> int:
        days, rest = divmod(minute, 390)
        return at(str(date(2013, 10, 7) + timedelta(days=days)) + " 09:30") + rest * MINUTE

    real = [bar(start_of(minute), MINUTE, float(minute + 10)) for minute in minutes]
    points = _filled(real, _rule(MINUTE, MINUTE, "2013-10-10"))
    assert _ends(points) == [start_of(minute) + MINUTE for minute in range(minutes[0], 3 * 390)]
    assert [point for point in points if isinstance(point, TradeBar) and not point.fill_forward] == real
    newest = points[0]
    for point in points:
        assert isinstance(point, TradeBar) and isinstance(newest, TradeBar)
        if point.fill_forward:
            assert point.close == newest.close
        newest = point


def test_a_missing_side_of_a_quote_is_the_side_before() -> None:
    bars = [
        quote(0, MINUTE, 10.0, 11.0),
        quote(MINUTE, MINUTE, 0.0, 12.0),
        quote(2 * MINUTE, MINUTE, 9.0, 0.0),
    ]
    completed = [point for point in _joined(complete_quotes(batched(bars, 2))) if isinstance(point, QuoteBar)]
    assert [(point.bid_close, point.ask_close) for point in completed] == [
        (10.0, 11.0),
        (10.0, 12.0),
        (9.0, 12.0),
    ]
    assert completed[1].bid_size == 5.0 and completed[1].ask_size == 7.0


@pytest.mark.parametrize(("extended", "count"), [(False, 4), (True, 8)])
@pytest.mark.parametrize("size", [1, 4, 512])
def test_points_outside_the_hours_asked_for_are_left_out(extended: bool, count: int, size: int) -> None:
    starts = ("03:59", "08:00", "09:29", "09:30", "09:31", "12:00", "15:59", "16:00", "19:59", "20:00")
    points = [bar(at(f"2013-10-07 {start}"), MINUTE) for start in starts]
    kept = _joined(while_open(batched(points, size), US, extended))
    assert len(kept) == count
    assert kept == [
        point for point in points if US.is_open_during(point.time_ns, point.end_time_ns, extended)
    ]
