"""The merge and the backtest feed: order, completeness, subscriptions that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.batches import batched
from livetrader_engine.data.merge import Merger, merge, slice_key
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import DataEnded, EngineEvent, MarketDataArrived, TimePulse
from livetrader_engine.symbols import Resolution
from livetrader_engine.synchronizer import HistoricalFeed, fill_step_ns
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, at
from tests.unit.engine.data.streams import BTC, IBM, SPY, MemoryHistory, bar, quote

SPY_MINUTE = Subscription(SPY, Resolution.MINUTE)
SPY_QUOTES = Subscription(SPY, Resolution.MINUTE, TickType.QUOTE)
SPY_HOUR = Subscription(SPY, Resolution.HOUR)
IBM_MINUTE = Subscription(IBM, Resolution.MINUTE)
BTC_MINUTE = Subscription(BTC, Resolution.MINUTE)
ALL = (SPY_MINUTE, SPY_QUOTES, SPY_HOUR, IBM_MINUTE, BTC_MINUTE)

START = at("2013-10-07")
OPEN = at("2013-10-07 09:30")
END = at("2013-10-08") - 1


def _minutes(symbol_offset: float, numbers: Iterator[int] | range) -> list[TradeBar]:
    symbol = IBM if symbol_offset else SPY
    return [
        bar(OPEN + number * MINUTE, MINUTE, 100.0 + number + symbol_offset, symbol=symbol)
        for number in numbers
    ]


def _history() -> MemoryHistory:
    return MemoryHistory(
        {
            (SPY, Resolution.MINUTE, 0): _minutes(0.0, range(390)),
            (SPY, Resolution.MINUTE, 1): [quote(OPEN + n * MINUTE, MINUTE, 99.0, 101.0) for n in range(390)],
            (IBM, Resolution.MINUTE, 0): _minutes(50.0, range(0, 390, 10)),
            (SPY, Resolution.HOUR, 0): [
                bar(at(f"2013-10-07 {hour:02}:00"), HOUR, 7.0) for hour in range(9, 16)
            ],
        }
    )


def _feed(history: MemoryHistory, *subscriptions: Subscription) -> HistoricalFeed:
    feed = HistoricalFeed(history, history, START, END)
    for subscription in subscriptions:
        feed.subscribe(subscription)
    return feed


def _drain(feed: HistoricalFeed) -> list[EngineEvent]:
    events = []
    while (event := feed.next()) is not None:
        events.append(event)
    return events


def test_points_of_a_step_come_by_security_type_kind_and_symbol() -> None:
    ordered = sorted(ALL, key=slice_key)
    # equities before crypto, trades before quotes, the shorter bar of a symbol last
    assert ordered == [IBM_MINUTE, SPY_HOUR, SPY_MINUTE, SPY_QUOTES, BTC_MINUTE]


def test_a_day_of_minutes_arrives_step_by_step_and_then_ends() -> None:
    feed = _feed(_history(), SPY_QUOTES, SPY_MINUTE)
    *steps, last = _drain(feed)
    assert len(steps) == 390
    for number, step in enumerate(steps):
        assert isinstance(step, MarketDataArrived)
        assert step.sequence == number + 1
        assert step.time_ns == OPEN + (number + 1) * MINUTE
        assert [type(point).__name__ for point in step.points] == ["TradeBar", "QuoteBar"]
    assert last == DataEnded(END)
    assert feed.next() is None


def test_gaps_are_filled_at_the_smallest_resolution_of_all() -> None:
    steps = [
        event
        for event in _drain(_feed(_history(), SPY_MINUTE, IBM_MINUTE))
        if isinstance(event, MarketDataArrived)
    ]
    assert len(steps) == 390
    assert all([point.symbol for point in step.points] == [IBM, SPY] for step in steps)
    copies = [
        point for step in steps for point in step.points if isinstance(point, TradeBar) and point.fill_forward
    ]
    assert len(copies) == 351 and {point.symbol for point in copies} == {IBM}


def test_a_stream_that_does_not_fill_has_only_its_own_bars() -> None:
    sparse = Subscription(IBM, Resolution.MINUTE, fill_forward=False)
    points = [
        point
        for event in _drain(_feed(_history(), SPY_MINUTE, sparse))
        if isinstance(event, MarketDataArrived)
        for point in event.points
    ]
    assert sum(point.symbol is IBM for point in points) == 39


def test_a_pre_market_bar_fills_the_first_minutes_of_the_session_and_is_not_shown_itself() -> None:
    early = bar(at("2013-10-07 09:00"), MINUTE, 33.0)
    first = bar(OPEN + 2 * MINUTE, MINUTE, 44.0)
    feed = _feed(MemoryHistory({(SPY, Resolution.MINUTE, 0): [early, first]}), SPY_MINUTE)
    steps = [feed.next() for _ in range(3)]
    opens = [
        (step.time_ns, point.open)
        for step in steps
        if isinstance(step, MarketDataArrived)
        for point in step.points
        if isinstance(point, TradeBar)
    ]
    assert opens == [(OPEN + MINUTE, 33.0), (OPEN + 2 * MINUTE, 33.0), (OPEN + 3 * MINUTE, 44.0)]


def test_internal_and_tick_subscriptions_do_not_set_the_fill_resolution() -> None:
    internal = Subscription(IBM, Resolution.SECOND, internal=True)
    ticks = Subscription(IBM, Resolution.TICK)
    assert fill_step_ns([SPY_HOUR, internal, ticks]) == HOUR
    assert fill_step_ns([SPY_HOUR, SPY_MINUTE]) == MINUTE
    assert fill_step_ns([]) == 24 * HOUR


def test_nothing_is_read_before_the_first_event() -> None:
    history = _history()
    feed = _feed(history, SPY_MINUTE)
    assert history.requests == []
    feed.next()
    assert len(history.requests) == 1


def test_a_subscription_added_while_running_starts_at_the_current_time() -> None:
    feed = _feed(_history(), SPY_MINUTE)
    for _ in range(100):
        feed.next()
    feed.subscribe(IBM_MINUTE)
    feed.subscribe(IBM_MINUTE)
    event = feed.next()
    while isinstance(event, MarketDataArrived) and len(event.points) == 1:
        event = feed.next()
    assert isinstance(event, MarketDataArrived)
    # the next of IBM's bars (every tenth minute) after minute 100 starts with minute 100
    assert event.time_ns == OPEN + 101 * MINUTE
    assert [point.symbol for point in event.points] == [IBM, SPY]
    assert all(isinstance(step, MarketDataArrived | DataEnded) for step in _drain(feed))


def test_a_finer_subscription_makes_the_coarser_ones_fill_at_its_resolution() -> None:
    feed = _feed(_history(), SPY_HOUR)
    assert isinstance(feed.next(), MarketDataArrived)  # 10:00
    feed.subscribe(IBM_MINUTE)
    steps = _drain(feed)
    first = steps[0]
    assert isinstance(first, MarketDataArrived) and first.time_ns == at("2013-10-07 10:01")
    copies = [
        step.time_ns
        for step in steps
        if isinstance(step, MarketDataArrived)
        for point in step.points
        if point.symbol is SPY and isinstance(point, TradeBar) and point.fill_forward
    ]
    # begun anew, the hours fill from their next bar on: LEAN forgets the bar of before
    assert copies[0] == at("2013-10-07 11:01") and len(copies) == 5 * 59
    hours = [
        point
        for step in steps
        if isinstance(step, MarketDataArrived)
        for point in step.points
        if point.symbol is SPY and isinstance(point, TradeBar) and not point.fill_forward
    ]
    assert len(hours) == 6  # none of the real bars is lost or repeated


def test_internal_points_stand_apart_and_begin_a_trading_day_earlier() -> None:
    benchmark = Subscription(SPY, Resolution.HOUR, fill_forward=False, internal=True)
    history = _history()
    friday = [bar(at(f"2013-10-04 {hour:02}:00"), HOUR, 6.0) for hour in range(9, 16)]
    history.add((SPY, Resolution.HOUR, 0), friday)
    feed = _feed(history, IBM_MINUTE, benchmark)
    first, *steps, _ended = _drain(feed)
    # what came before the span is there with its first step; nothing else is
    assert isinstance(first, MarketDataArrived) and first.time_ns == START
    assert first.internal == tuple(friday) and first.points == ()
    assert len(steps) == 390
    hourly = {at(f"2013-10-07 {hour:02}:00") for hour in range(10, 17)}
    for step in steps:
        assert isinstance(step, MarketDataArrived)
        assert [point.symbol for point in step.points] == [IBM]
        assert len(step.internal) == (1 if step.time_ns in hourly else 0)


def test_an_internal_stream_makes_steps_of_its_own_where_nothing_else_has_points() -> None:
    benchmark = Subscription(SPY, Resolution.HOUR, fill_forward=False, internal=True)
    steps = _drain(_feed(_history(), benchmark))[:-1]
    assert all(isinstance(step, MarketDataArrived) and step.points == () for step in steps)
    assert [step.time_ns for step in steps] == [at(f"2013-10-07 {hour:02}:00") for hour in range(10, 17)]


def test_a_step_wanted_while_running_comes_before_the_rest_of_its_block() -> None:
    feed = _feed(_history(), SPY_MINUTE)
    for _ in range(100):
        feed.next()
    between = OPEN + 149 * MINUTE + MINUTE // 2
    feed.step_at(between)
    events = _drain(feed)
    assert events[49] == TimePulse(between)
    numbers = [event.sequence for event in events if isinstance(event, MarketDataArrived)]
    assert numbers == list(range(101, 391))


def test_an_unsubscribed_stream_ends_at_once() -> None:
    feed = _feed(_history(), SPY_MINUTE, IBM_MINUTE)
    feed.next()
    feed.unsubscribe(IBM_MINUTE)
    feed.unsubscribe(IBM_MINUTE)
    later = [
        point for event in _drain(feed) if isinstance(event, MarketDataArrived) for point in event.points
    ]
    assert {point.symbol for point in later} == {SPY}
    assert len(later) == 389


def test_a_wanted_step_is_that_of_the_data_or_a_pulse_where_there_are_none() -> None:
    feed = _feed(_history(), SPY_MINUTE)
    feed.step_at(OPEN + 2 * MINUTE)
    feed.step_at(START)
    events = _drain(feed)
    assert events[0] == TimePulse(START)
    times = [event.time_ns for event in events if isinstance(event, MarketDataArrived | TimePulse)]
    assert times.count(OPEN + 2 * MINUTE) == 1
    assert sum(isinstance(event, TimePulse) for event in events) == 1


def test_the_span_cannot_change_once_the_feed_runs() -> None:
    feed = _feed(_history(), SPY_MINUTE)
    feed.set_span(OPEN + 100 * MINUTE, END)
    first = feed.next()
    assert isinstance(first, MarketDataArrived) and first.time_ns == OPEN + 101 * MINUTE
    with pytest.raises(InvariantError):
        feed.set_span(START, END)


def test_a_feed_without_subscriptions_ends() -> None:
    assert _drain(_feed(_history())) == [DataEnded(END)]


_STREAMS = st.lists(st.lists(st.integers(0, 30), max_size=15).map(sorted), min_size=1, max_size=len(ALL))


@given(_STREAMS)
def test_a_merge_is_the_sorted_union_of_its_streams(streams: list[list[int]]) -> None:
    chosen = list(zip(ALL, streams, strict=False))
    given_points: dict[int, tuple[int, int]] = {}
    inputs: list[tuple[Subscription, list[MarketPoint]]] = []
    for rank, (subscription, ends) in enumerate(sorted(chosen, key=lambda entry: slice_key(entry[0]))):
        points: list[MarketPoint] = [bar(end * MINUTE - 1, 1, symbol=subscription.symbol) for end in ends]
        given_points.update({id(point): (point.end_time_ns, rank) for point in points})
        inputs.append((subscription, points))
    steps = list(merge(reversed(inputs)))
    times = [time_ns for time_ns, _ in steps]
    assert times == sorted(set(times))
    merged = [given_points[id(point)] for _, points in steps for point in points]
    assert merged == sorted(given_points.values())
    assert all(point.end_time_ns == time_ns for time_ns, points in steps for point in points)


@given(_STREAMS, st.integers(0, 20), st.integers(0, 3), st.integers(1, 6))
def test_removing_a_stream_leaves_the_others_as_they_were(
    streams: list[list[int]], after: int, which: int, size: int
) -> None:
    chosen = list(zip(ALL, streams, strict=False))
    gone = chosen[which % len(chosen)][0]

    def points(subscription: Subscription, ends: list[int]) -> Iterator[list[MarketPoint]]:
        return batched(
            [bar(end * MINUTE - 1, 1, float(end), symbol=subscription.symbol) for end in ends], size
        )

    merger = Merger()
    for subscription, ends in chosen:
        merger.add_batches(subscription, points(subscription, ends))
    seen: list[tuple[int, tuple[MarketPoint, ...]]] = []
    while len(seen) < after and (block := merger.line_up()) is not None:
        taken = list(zip(block.times_ns, block.points, strict=True))[: after - len(seen)]
        seen += taken
        merger.release(taken[-1][0])
    merger.remove(gone)
    rest: list[tuple[int, tuple[MarketPoint, ...]]] = []
    while (block := merger.line_up()) is not None:
        rest += zip(block.times_ns, block.points, strict=True)
        merger.release(block.times_ns[-1])
    now_ns = seen[-1][0] if seen else -1
    expected = merge((key, chain.from_iterable(points(key, ends))) for key, ends in chosen if key != gone)
    assert [(time_ns, [point.end_time_ns for point in step]) for time_ns, step in rest] == [
        (time_ns, [point.end_time_ns for point in step]) for time_ns, step in expected if time_ns > now_ns
    ]


@given(_STREAMS, st.integers(1, 6), st.integers(1, 10))
def test_it_does_not_matter_how_streams_are_cut_into_batches_and_blocks(
    streams: list[list[int]], size: int, take: int
) -> None:
    merger = Merger()
    inputs: list[tuple[Subscription, list[MarketPoint]]] = []
    for subscription, ends in zip(ALL, streams, strict=False):
        points: list[MarketPoint] = [bar(end * MINUTE - 1, 1, symbol=subscription.symbol) for end in ends]
        inputs.append((subscription, points))
        merger.add_batches(subscription, batched(points, size))
    steps: list[tuple[int, tuple[MarketPoint, ...]]] = []
    while (block := merger.line_up()) is not None:
        taken = list(zip(block.times_ns, block.points, strict=True))[:take]
        steps += taken
        merger.release(None)  # looked at only: the same block comes again
        assert merger.line_up() == block
        merger.release(taken[-1][0])
    assert steps == list(merge(inputs))


def test_a_point_from_the_past_is_put_into_the_present() -> None:
    late = bar(2 * MINUTE, MINUTE, symbol=IBM)
    steps = list(merge([(IBM_MINUTE, [bar(5 * MINUTE, MINUTE, symbol=IBM), late])]))
    assert [time_ns for time_ns, _ in steps] == [6 * MINUTE]
    assert steps[0][1][1] is late
