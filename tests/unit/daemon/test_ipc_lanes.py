"""Bounds and overflow rules of the lanes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader.ipc import lanes as lanes_module
from livetrader.ipc.lanes import CONTROL_LIMIT, LaneOverflowError, Lanes
from livetrader.ipc.messages import ToEngine
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.corporate_actions import Split, SplitKind
from livetrader_engine.events import (
    BrokerageMessageArrived,
    BrokerageMessageKind,
    DataEnded,
    MarketDataArrived,
    OrderEventArrived,
    StopRequested,
    TimePulse,
)
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol

SPY = Symbol.create("SPY", "SPY", SecurityType.EQUITY, "usa")
IBM = Symbol.create("IBM", "IBM", SecurityType.EQUITY, "usa")


def order_event(number: int) -> OrderEventArrived:
    return OrderEventArrived(OrderId(number), OrderStatus.SUBMITTED, number)


def quote(symbol: Symbol, end_ns: int) -> QuoteBar:
    return QuoteBar(symbol, end_ns - 1, end_ns, 1, 1, 1, 1, 1, 2, 2, 2, 2, 1)


def bar(symbol: Symbol, end_ns: int, period_ns: int = 1) -> TradeBar:
    return TradeBar(symbol, end_ns - period_ns, end_ns, 1, 1, 1, 1, 1)


def step(time_ns: int, *points: TradeBar | QuoteBar | Tick) -> MarketDataArrived:
    return MarketDataArrived(time_ns, time_ns, points)


def test_control_goes_first_then_orders_then_data() -> None:
    lanes = Lanes()
    pulse, order, stop = TimePulse(1), order_event(1), StopRequested(1, "x")
    for message in (pulse, order, stop):
        lanes.push(message)
    assert lanes.take(10, 10) == [stop, order, pulse]
    assert len(lanes) == 0


def test_a_frame_of_a_backlog_holds_few_data_so_that_order_news_wait_for_little() -> None:
    lanes = Lanes()
    for time_ns in range(10):
        lanes.push(step(time_ns, bar(SPY, time_ns)))
    assert len(lanes.take(100, 4)) == 4
    assert len(lanes.data) == 6


def test_order_events_are_never_dropped_the_link_is_given_up_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "ORDER_LIMIT", 3)
    lanes = Lanes()
    for number in range(3):
        lanes.push(order_event(number))
    with pytest.raises(LaneOverflowError):
        lanes.push(order_event(4))
    assert len(lanes.orders) == 3


def test_a_flood_of_venue_messages_loses_the_oldest_and_never_the_stop() -> None:
    lanes = Lanes()
    lanes.push(StopRequested(0, "x"))
    for number in range(CONTROL_LIMIT + 5):
        lanes.push(BrokerageMessageArrived(number, BrokerageMessageKind.INFORMATION, "", ""))
    assert len(lanes.control) == CONTROL_LIMIT
    assert isinstance(lanes.control[0], StopRequested)
    newest = lanes.control[-1]
    assert isinstance(newest, BrokerageMessageArrived)
    assert newest.time_ns == CONTROL_LIMIT + 4


def test_news_of_the_connection_keep_their_place_among_the_orders() -> None:
    lanes = Lanes()
    news: list[ToEngine] = [
        order_event(1),
        BrokerageMessageArrived(1, BrokerageMessageKind.DISCONNECTED, "Disconnect", "1100"),
        order_event(2),
        BrokerageMessageArrived(2, BrokerageMessageKind.RECONNECTED, "Reconnect", ""),
        order_event(3),
    ]
    for message in (*news, BrokerageMessageArrived(3, BrokerageMessageKind.WARNING, "2103", "a farm")):
        lanes.push(message)
    assert list(lanes.orders) == news
    assert [type(message) for message in lanes.control] == [BrokerageMessageArrived], "the warning"


def test_pulses_that_wait_become_one() -> None:
    lanes = Lanes()
    for time_ns in (1, 2, 3):
        lanes.push(TimePulse(time_ns))
    assert list(lanes.data) == [TimePulse(3)]


def bid(symbol: Symbol, time_ns: int) -> Tick:
    return Tick(symbol, time_ns, bid_price=1.0, ask_price=2.0)


def test_beyond_the_bound_quote_ticks_keep_their_newest_and_everything_else_stays() -> None:
    lanes = Lanes(quote_limit=6, point_limit=1000)
    lanes.push(step(1, bar(SPY, 1), bid(SPY, 1), bid(IBM, 1)))
    lanes.push(step(2, bid(SPY, 2)))
    lanes.push(step(3, Tick(SPY, 3, price=1.0), bid(SPY, 3)))
    assert lanes.conflated == 0
    lanes.push(step(4, bar(SPY, 4), quote(SPY, 4), Tick(SPY, 4, price=2.0), bid(SPY, 4)))
    kept = [(event.time_ns, [type(point).__name__ for point in event.points]) for event in lanes.data
            if isinstance(event, MarketDataArrived)]  # fmt: skip
    assert kept == [(1, ["TradeBar", "Tick"]), (3, ["Tick"]), (4, ["TradeBar", "QuoteBar", "Tick", "Tick"])]
    assert lanes.conflated == 3  # quotes of SPY; that of IBM is its newest, the trades are two facts


def test_a_flood_of_trades_and_bars_is_kept_whole_until_the_engine_is_given_up() -> None:
    lanes = Lanes(quote_limit=2, point_limit=9)
    for time_ns in range(1, 4):
        lanes.push(step(time_ns, bar(SPY, time_ns), quote(SPY, time_ns), Tick(SPY, time_ns, price=1.0)))
    assert lanes.conflated == 0
    with pytest.raises(LaneOverflowError, match="too slow"):
        lanes.push(step(5, bar(SPY, 5)))


def test_quotes_alone_never_fill_the_lane() -> None:
    lanes = Lanes(quote_limit=10, point_limit=20)
    for time_ns in range(1, 10_001):
        lanes.push(step(time_ns, bid(SPY, time_ns), bid(IBM, time_ns)))
    taken = [point for event in lanes.take(100, 100) if isinstance(event, MarketDataArrived)
             for point in event.points]  # fmt: skip
    assert [point.time_ns for point in taken][-2:] == [10_000, 10_000]
    assert lanes.conflated + len(taken) == 20_000


def test_a_split_is_kept_whatever_waits_with_it() -> None:
    lanes = Lanes(quote_limit=1, point_limit=100)
    split = Split(SPY, 1, SplitKind.OCCURRED, Decimal("0.25"), Decimal(100))
    lanes.push(MarketDataArrived(1, 1, (bid(SPY, 1),), (), (split,)))
    lanes.push(step(2, bid(SPY, 2)))
    first = lanes.pop_data()
    assert isinstance(first, MarketDataArrived)
    assert (first.points, first.actions) == ((), (split,))


def test_the_end_of_data_is_never_conflated_away() -> None:
    lanes = Lanes(quote_limit=1, point_limit=10)
    lanes.push(step(1, bid(SPY, 1)))
    lanes.push(step(2, bid(SPY, 2)))
    lanes.push(DataEnded(3))
    assert [type(message).__name__ for message in lanes.data] == ["MarketDataArrived", "DataEnded"]


def test_a_lane_far_over_its_bound_is_not_walked_for_every_message() -> None:
    lanes = Lanes(quote_limit=10, point_limit=10**9)
    walks = 0
    conflate = lanes._conflate

    def counted() -> None:
        nonlocal walks
        walks += 1
        conflate()

    lanes._conflate = counted  # type: ignore[method-assign]  # counts calls of the real one
    for time_ns in range(5_000):
        lanes.push(step(time_ns, bar(SPY, time_ns)))  # nothing here may be conflated
    assert walks <= 12
    assert len(lanes.data) == 5_000


def test_a_huge_step_travels_as_several_of_the_same_time_of_which_the_last_completes_it() -> None:
    lanes = Lanes(point_limit=10**6)
    huge = MarketDataArrived(7, 42, tuple(Tick(SPY, 7, price=float(number)) for number in range(125_000)))
    lanes.push(huge)
    frames = []
    while len(lanes):
        frames.append([event for event in lanes.take(1_000, 1_000) if isinstance(event, MarketDataArrived)])
    assert [[len(event.points) for event in frame] for frame in frames] == [[50_000], [50_000], [25_000]]
    parts = [event for frame in frames for event in frame]
    assert [(event.time_ns, event.sequence) for event in parts] == [(7, 0), (7, 0), (7, 42)]
    assert [point for event in parts for point in event.points] == list(huge.points)


def test_a_frame_of_many_full_steps_stays_below_what_a_frame_may_have() -> None:
    lanes = Lanes(point_limit=10**6)
    for time_ns in range(1, 11):
        lanes.push(step(time_ns, *(Tick(SPY, time_ns, price=1.0) for _ in range(9_000))))
    sizes = []
    while len(lanes):
        taken = lanes.take(1_000, 64)
        sizes.append(sum(len(event.points) for event in taken if isinstance(event, MarketDataArrived)))
    assert max(sizes) < 30_000
    assert sum(sizes) == 90_000
