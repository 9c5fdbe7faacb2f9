"""What happens inside a time step, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.consolidated_periods import fixed
from livetrader_engine.data.consolidators import PeriodConsolidator
from livetrader_engine.data.subscription import HistoryRequest, Subscription, TickType
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.engine import LATE_DATA_NS, Engine, EngineOptions
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import (
    BrokerageMessageArrived,
    BrokerageMessageKind,
    DataEnded,
    StopRequested,
    TimePulse,
)
from livetrader_engine.loop import run
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.schedule.rules import DateRule, TimeRule
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution
from livetrader_engine.trading import Target
from livetrader_engine.transactions import TradingPolicy
from tests.unit.engine.world import IBM, SPY, STOCK_EXCHANGE, at, backtest, daily_bar, minute_bar, step

START = "2013-10-07 00:00"
FLAT = (100.0, 100.0, 100.0, 100.0)


def once(engine: Engine, when: str, note: list[tuple[str, int]]) -> None:
    """Have the engine note its clock at a New York wall clock time."""

    def dates(start: date, end: date) -> Iterator[date]:
        return iter((date.fromisoformat(when[:10]),))

    engine.scheduler.add(
        when,
        DateRule("once", dates),
        TimeRule("then", lambda day: (at(when),)),
        lambda name, due_ns: note.append((name, engine.clock.now_ns)),
        engine.clock.now_ns,
    )


def note_bars(engine: Engine, calls: list[str], period_ns: int) -> PeriodConsolidator:
    """Have the engine note the bars of a period that it makes of SPY's trades, with the clock's minute."""
    consolidator = PeriodConsolidator(fixed(period_ns), clock=WallClock(STOCK_EXCHANGE.timezone))

    def note(bar: TradeBar | QuoteBar) -> None:
        minute = (engine.clock.now_ns - at("2013-10-07 09:00")) // NS_PER_MINUTE
        calls.append(f"bar {bar.value:g} at {minute}")

    consolidator.handlers.append(note)
    engine.consolidators.add(SPY, consolidator)
    return consolidator


def test_a_step_works_in_leans_order() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    note_bars(engine, recorder.calls, 2 * NS_PER_MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(101)))
    recorder.calls.clear()
    engine.process(step(minute_bar("2013-10-07 09:32", (99, 99, 99, 99))))
    assert recorder.calls == ["order 1 FILLED", "bar 99 at 32", "data"]


def test_the_clock_closes_a_bar_before_later_data_and_at_its_own_time() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    note_bars(engine, recorder.calls, 2 * NS_PER_MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    recorder.calls.clear()
    engine.process(step(minute_bar("2013-10-07 09:35", (99, 99, 99, 99))))
    assert recorder.calls == ["bar 100 at 32", "data"]


def test_a_pulse_closes_a_bar_when_late_data_need_not_be_waited_for() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    removed = note_bars(engine, recorder.calls, 3 * NS_PER_MINUTE)
    note_bars(engine, recorder.calls, 2 * NS_PER_MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    engine.consolidators.remove(SPY, removed)
    recorder.calls.clear()
    engine.process(TimePulse(at("2013-10-07 09:32") + LATE_DATA_NS))
    assert recorder.calls == []
    engine.process(TimePulse(at("2013-10-07 09:33") + LATE_DATA_NS))
    assert recorder.calls == ["bar 100 at 32"]
    assert len(engine.consolidators) == 1


def test_the_first_step_ends_warm_up_and_announces_the_securities() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert recorder.calls == ["warm", "changed +['SPY'] -[]", "data"]


def test_events_before_the_slice_see_old_prices_and_their_own_time() -> None:
    engine, _, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    seen: list[float] = []
    note: list[tuple[str, int]] = []
    once(engine, "2013-10-07 09:35", note)
    once(engine, "2013-10-07 09:33", note)
    once(engine, "2013-10-07 09:40", note)
    recorder_price = engine.securities[SPY]
    engine.scheduler.add(
        "price",
        DateRule("d", lambda start, end: iter((date(2013, 10, 7),))),
        TimeRule("t", lambda day: (at("2013-10-07 09:39"), at("2013-10-07 09:40"))),
        lambda name, due_ns: seen.append(recorder_price.price),
        engine.clock.now_ns,
    )
    engine.process(step(minute_bar("2013-10-07 09:40", (110, 110, 110, 110))))
    assert note == [(when, at(when)) for when in ("2013-10-07 09:33", "2013-10-07 09:35", "2013-10-07 09:40")]
    assert seen == [100, 110]  # before the slice the old price, at its time the new one


def test_a_pulse_moves_time_and_fires_events_but_gives_no_data() -> None:
    engine, recorder, _ = backtest(START)
    note: list[tuple[str, int]] = []
    once(engine, "2013-10-07 09:33", note)
    engine.process(TimePulse(at("2013-10-07 09:34")))
    assert note == [("2013-10-07 09:33", at("2013-10-07 09:33"))]
    assert engine.clock.now_ns == at("2013-10-07 09:34")
    assert "data" not in recorder.calls


def test_a_market_order_fills_inside_the_call_and_a_limit_not_in_its_own_step() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    records = []

    def trade() -> None:
        records.append(engine.trading.market_order(SPY, Decimal(10)))
        limit = OrderRequest(SPY, OrderType.LIMIT, Decimal(5), limit_price=Decimal(101))
        records.append(engine.orders.submit(limit))
        recorder.acts.clear()

    recorder.acts["data"] = trade
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert [item.status for item in records] == [OrderStatus.FILLED, OrderStatus.SUBMITTED]
    assert engine.portfolio.quantity(SPY) == 10
    engine.process(step(minute_bar("2013-10-07 09:32", FLAT)))
    assert records[1].status is OrderStatus.FILLED
    assert engine.orders.open_orders() == []


def test_where_requests_do_not_wait_canceling_the_other_leg_wins_over_its_fill() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    first, second = (
        engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(price)))
        for price in (101, 102)
    )
    recorder.acts["order 1 FILLED"] = lambda: engine.orders.cancel(second.id)
    engine.process(step(minute_bar("2013-10-07 09:32", FLAT)))
    assert (first.status, second.status) == (OrderStatus.FILLED, OrderStatus.CANCELED)
    assert engine.portfolio.quantity(SPY) == 1


def test_warm_up_refuses_orders_and_ends_at_its_time() -> None:
    engine, recorder, _ = backtest("2013-10-07 09:33")
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.set_warm_up(at("2013-10-07 09:30"), at("2013-10-07 09:33"))
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert engine.clock.now_ns == at("2013-10-07 09:31")
    assert engine.is_warming_up
    refused = engine.trading.market_order(SPY, Decimal(1))
    assert (refused.status, refused.response.code) == (OrderStatus.INVALID, ResponseCode.ALGORITHM_WARMING_UP)
    assert "warm" not in recorder.calls
    engine.process(TimePulse(at("2013-10-07 09:33")))
    assert not engine.is_warming_up
    assert recorder.calls.count("warm") == 1
    assert engine.trading.market_order(SPY, Decimal(1)).status is OrderStatus.FILLED
    assert engine.orders.submitted == 1  # the refused one never was an order


def test_scheduled_events_fire_during_warm_up_too() -> None:
    engine, _, _ = backtest("2013-10-07 09:33")
    note: list[tuple[str, int]] = []
    once(engine, "2013-10-07 09:32", note)  # lies before now: only warm-up gets there
    engine.set_warm_up(at("2013-10-07 09:30"), at("2013-10-07 09:33"))
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert note == []
    engine.process(TimePulse(at("2013-10-07 09:33")))
    assert note == [("2013-10-07 09:32", at("2013-10-07 09:32"))]


def test_end_of_day_comes_ten_minutes_before_the_close() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    engine.process(TimePulse(at("2013-10-07 15:49")))
    assert "end of day SPY" not in recorder.calls
    engine.process(TimePulse(at("2013-10-07 15:50")))
    engine.process(TimePulse(at("2013-10-07 16:10")))
    assert recorder.calls.count("end of day SPY") == 1
    engine.subscriptions.remove_security(SPY)
    engine.process(TimePulse(at("2013-10-08 09:31")))
    engine.process(TimePulse(at("2013-10-08 16:00")))
    assert recorder.calls.count("end of day SPY") == 1
    assert recorder.calls[-1] == "changed +[] -['SPY']"


def test_a_market_order_after_the_close_becomes_market_on_open() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.DAILY)
    recorder.acts["data"] = lambda: engine.trading.set_holdings([Target(SPY, Decimal("0.5"))])
    engine.process(step(daily_bar("2013-10-07", FLAT)))
    (record,) = engine.orders.records()
    assert (record.spec.type, record.status) == (OrderType.MARKET_ON_OPEN, OrderStatus.SUBMITTED)
    recorder.acts.clear()
    engine.process(step(daily_bar("2013-10-08", (110, 112, 108, 109))))
    assert record.average_fill_price == 110
    assert record.last_fill_ns == at("2013-10-08 16:00")


def test_holdings_are_not_bought_twice_while_the_first_order_waits() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.DAILY)
    recorder.acts["data"] = lambda: engine.trading.set_holdings([Target(SPY, Decimal("0.5"))])
    engine.process(step(daily_bar("2013-10-07", FLAT)))
    assert engine.trading.set_holdings([Target(SPY, Decimal("0.5"))]) == []


@pytest.mark.parametrize(
    ("convert", "now", "kind"),
    [
        (True, "2013-10-08 10:00", OrderType.MARKET_ON_CLOSE),
        (True, "2013-10-08 15:50", OrderType.MARKET_ON_OPEN),
        (False, "2013-10-08 10:00", OrderType.MARKET),
        (False, "2013-10-08 16:00", OrderType.MARKET_ON_OPEN),
    ],
)
def test_a_market_order_with_daily_data_only_follows_the_policy(
    convert: bool, now: str, kind: OrderType
) -> None:
    policy = TradingPolicy(convert_daily_market_orders=convert)
    engine, _, _ = backtest(START, EngineOptions(start_ns=at(START), policy=policy))
    engine.subscriptions.add_security(SPY, Resolution.DAILY)
    engine.process(step(daily_bar("2013-10-07", FLAT)))
    engine.process(TimePulse(at(now)))
    assert engine.trading.market_order(SPY, Decimal(1)).spec.type is kind


def test_targets_that_free_margin_go_first() -> None:
    engine, _, _ = backtest(START)
    for symbol in (SPY, IBM):
        engine.subscriptions.add_security(symbol, Resolution.MINUTE)
    engine.process(
        step(minute_bar("2013-10-07 09:31", FLAT), minute_bar("2013-10-07 09:31", FLAT, symbol=IBM))
    )
    engine.trading.set_holdings([Target(SPY, Decimal("1.9"))])
    records = engine.trading.set_holdings([Target(IBM, Decimal("1.8")), Target(SPY, Decimal(0))])
    assert [(item.symbol, item.status) for item in records] == [
        (SPY, OrderStatus.FILLED),
        (IBM, OrderStatus.FILLED),
    ]
    assert engine.portfolio.quantity(SPY) == 0


def test_liquidation_cancels_what_rests_and_closes_what_is_held() -> None:
    engine, _, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    engine.trading.market_order(SPY, Decimal(10))
    resting = engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(5), limit_price=Decimal(90)))
    (closing,) = engine.trading.liquidate()
    assert (resting.status, resting.spec.tag) == (OrderStatus.CANCELED, "Liquidated")
    assert (closing.quantity, closing.status, closing.spec.tag) == (-10, OrderStatus.FILLED, "Liquidated")
    assert not engine.portfolio.invested


def test_an_order_beyond_the_buying_power_is_an_order_that_failed() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    record = engine.trading.market_order(SPY, Decimal(5000))
    assert record.response.code is ResponseCode.INSUFFICIENT_BUYING_POWER
    assert (record.id, record.status, engine.orders.submitted) == (1, OrderStatus.INVALID, 1)
    assert recorder.calls[-1] == "order 1 INVALID"
    assert engine.orders.open_orders() == []


def test_the_maximum_of_orders_holds() -> None:
    policy = TradingPolicy(max_orders=1)
    engine, _, _ = backtest(START, EngineOptions(start_ns=at(START), policy=policy))
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    for _ in range(2):  # LEAN refuses once there are more orders than the maximum
        assert engine.trading.market_order(SPY, Decimal(1)).status is OrderStatus.FILLED
    assert engine.trading.market_order(SPY, Decimal(1)).response.code is ResponseCode.EXCEEDED_MAXIMUM_ORDERS


def test_updating_and_canceling_answer_at_once() -> None:
    engine, _, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    record = engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(5), limit_price=Decimal(90)))
    assert engine.orders.cancel(record.id, "enough").accepted
    assert (record.status, record.spec.tag) == (OrderStatus.CANCELED, "enough")
    assert engine.orders.cancel(record.id).code is ResponseCode.REQUEST_CANCELED


def test_history_never_reaches_past_now() -> None:
    engine, _, around = backtest(START)
    around.past = [minute_bar(f"2013-10-07 09:3{minute}", FLAT) for minute in range(1, 6)]
    engine.process(TimePulse(at("2013-10-07 09:33")))
    stream = Subscription(SPY, Resolution.MINUTE)
    points = engine.history(HistoryRequest(stream, at(START), at("2013-10-08 00:00")))
    assert [point.end_time_ns for point in points] == [at(f"2013-10-07 09:3{minute}") for minute in (1, 2, 3)]
    assert engine.history_data_points == 3


def test_streams_are_asked_for_once_and_hidden_ones_are_not_shown() -> None:
    engine, recorder, around = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    assert [item.tick_type for item in around.subscribed] == [TickType.TRADE, TickType.QUOTE]
    engine.subscriptions.subscribe(Subscription(IBM, Resolution.HOUR, internal=True))
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT, symbol=IBM)))
    assert engine.securities[IBM].price == 100
    assert "data" not in recorder.calls


def test_a_brokerage_message_reaches_the_algorithm() -> None:
    engine, recorder, _ = backtest(START)
    engine.process(BrokerageMessageArrived(at(START), BrokerageMessageKind.WARNING, "2104", "farm ok"))
    assert recorder.calls == ["message 2104"]


def test_the_loop_ends_with_the_data_and_tells_of_every_event() -> None:
    events = [
        step(minute_bar("2013-10-07 09:31", FLAT), sequence=1),
        DataEnded(at("2013-10-07 09:31")),
        TimePulse(at("2013-10-08 00:00")),  # never reached
    ]
    engine, recorder, around = backtest(START, events=events)
    completed: list[int] = []
    run(engine, around, lambda event: completed.append(event.time_ns))
    assert len(completed) == 2
    assert recorder.calls[-1] == "end"
    engine.process(StopRequested(at("2013-10-07 09:32"), "again"))
    assert recorder.calls.count("end") == 1


def test_what_the_algorithm_raises_leaves_the_engine_as_it_is() -> None:
    engine, recorder, _ = backtest(START)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)

    def fail() -> None:
        raise ZeroDivisionError("mine")

    recorder.acts["data"] = fail
    with pytest.raises(ZeroDivisionError, match="mine"):
        engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))


def test_an_engine_without_an_algorithm_and_late_warm_up_are_mistakes() -> None:
    engine, _, _ = backtest(START)
    engine.process(TimePulse(at(START) + NS_PER_MINUTE))
    with pytest.raises(InvariantError):
        engine.set_warm_up(0, 1)
