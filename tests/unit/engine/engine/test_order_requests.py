"""Requests about orders: when they are handled, what is told, and that it is as in LEAN's backtests.

The sequences were worked out from LEAN's BacktestingTransactionHandler and BacktestingBrokerage by hand.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderChange, OrderType
from livetrader_engine.orders.request import NO_ORDER, OrderRequest, RequestStatus, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Resolution
from livetrader_engine.transactions import TradingPolicy
from tests.unit.engine.world import SPY, Recorder, Surroundings, at, backtest, minute_bar, step

START = "2013-10-07 00:00"
FLAT = (100.0, 100.0, 100.0, 100.0)
S = OrderStatus


def world(*, defer: bool = True) -> tuple[Engine, Recorder, Surroundings]:
    options = EngineOptions(start_ns=at(START), policy=TradingPolicy(defer_requests=defer))
    engine, recorder, around = backtest(START, options)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    minute(engine, 31)
    recorder.calls.clear()
    return engine, recorder, around


def minute(engine: Engine, number: int, prices: tuple[float, float, float, float] = FLAT) -> None:
    engine.process(step(minute_bar(f"2013-10-07 09:{number}", prices)))


def limit(engine: Engine, price: str, quantity: int = 1) -> OrderRecord:
    request = OrderRequest(SPY, OrderType.LIMIT, Decimal(quantity), limit_price=Decimal(price))
    return engine.orders.submit(request)


def told(record: OrderRecord) -> list[tuple[int, OrderStatus]]:
    return [(event.number, event.status) for event in record.events]


def test_a_change_waits_for_the_end_of_the_step_and_fills_in_it() -> None:
    engine, recorder, _ = world()
    record = limit(engine, "90")

    def raise_limit() -> None:
        answer = engine.orders.update(record.id, OrderChange(limit_price=Decimal(101), tag="higher"))
        assert answer.accepted
        assert record.spec.limit_price == 90  # LEAN's order is as it was until the request is handled
        assert record.changes[0].status is RequestStatus.PROCESSING

    recorder.acts["data"] = raise_limit
    minute(engine, 32)
    assert recorder.calls[-3:] == ["data", "order 1 UPDATE_SUBMITTED", "order 1 FILLED"]
    assert told(record) == [(1, S.SUBMITTED), (2, S.UPDATE_SUBMITTED), (3, S.FILLED)]
    assert record.fills[0].time_ns == record.last_update_ns == at("2013-10-07 09:32")
    assert (record.spec.tag, record.changes[0].status) == ("higher", RequestStatus.PROCESSED)


def test_a_submission_hurries_the_requests_before_it() -> None:
    engine, recorder, _ = world()
    first = limit(engine, "90")

    def act() -> None:
        engine.orders.cancel(first.id, "enough")
        assert first.status is S.CANCEL_PENDING
        limit(engine, "80")

    recorder.acts["data"] = act
    minute(engine, 32)
    assert recorder.calls[-3:] == ["order 1 CANCEL_PENDING", "order 1 CANCELED", "order 2 SUBMITTED"]
    assert (first.spec.tag, first.canceled_ns) == ("enough", at("2013-10-07 09:32"))


@pytest.mark.parametrize(("defer", "second"), [(True, S.FILLED), (False, S.CANCELED)])
def test_canceling_the_other_leg_when_one_fills(defer: bool, second: OrderStatus) -> None:
    """In LEAN's backtests the request comes too late where both legs fill in one bar."""
    engine, recorder, _ = world(defer=defer)
    legs = [limit(engine, price) for price in ("101", "102")]
    recorder.acts["order 1 FILLED"] = lambda: engine.orders.cancel(legs[1].id)
    minute(engine, 32)
    assert [leg.status for leg in legs] == [S.FILLED, second]


def test_what_is_asked_when_the_second_try_fills_waits_for_the_next_step() -> None:
    engine, recorder, _ = world()
    other = limit(engine, "80")
    trailing = OrderRequest(SPY, OrderType.TRAILING_STOP, Decimal(-1), trailing_amount=Decimal(2))
    engine.orders.submit(trailing)
    recorder.acts["order 2 FILLED"] = lambda: engine.orders.cancel(other.id)
    minute(engine, 32, (100.0, 105.0, 100.0, 104.0))  # fills on the second try, after all requests
    assert other.status is S.CANCEL_PENDING
    minute(engine, 33)
    assert other.status is S.CANCELED
    assert other.canceled_ns == at("2013-10-07 09:33")


def test_prices_an_order_type_has_not_are_ignored_in_a_change() -> None:
    engine, _, _ = world(defer=False)
    record = limit(engine, "90")
    change = OrderChange(limit_price=Decimal(91), stop_price=Decimal(5), trailing_amount=Decimal(1))
    assert engine.orders.update(record.id, change).accepted
    assert (record.spec.limit_price, record.spec.stop_price, record.spec.trailing_amount) == (91, None, None)


def test_a_closed_order_takes_a_tag_and_nothing_else() -> None:
    engine, _, _ = world(defer=False)
    record = engine.trading.market_order(SPY, Decimal(1))
    assert engine.orders.update(record.id, OrderChange(tag="later")).accepted
    assert record.spec.tag == "later"
    refused = engine.orders.update(record.id, OrderChange(quantity=Decimal(5)))
    assert refused.code is ResponseCode.INVALID_ORDER_STATUS
    assert refused.message == "Unable to update order with id 1 because it already has Filled status."
    assert engine.orders.cancel(record.id).code is ResponseCode.INVALID_ORDER_STATUS


def test_a_second_cancel_and_an_unknown_number_are_told_apart() -> None:
    engine, _, _ = world()
    record = limit(engine, "90")
    assert engine.orders.cancel(record.id).accepted
    again = engine.orders.cancel(record.id)
    assert (again.code, again.message) == (
        ResponseCode.REQUEST_CANCELED,
        "Order 1 has already received a cancellation request.",
    )
    unknown = engine.orders.cancel(type(record.id)(99))
    assert (unknown.code, unknown.message) == (
        ResponseCode.UNABLE_TO_FIND_ORDER,
        "Unable to locate order with id 99.",
    )


def test_a_change_the_account_cannot_carry_leaves_the_order_as_it_was() -> None:
    engine, recorder, around = world(defer=False)
    record = limit(engine, "90", 10)
    refused = engine.orders.update(record.id, OrderChange(quantity=Decimal(5000)))
    assert refused.code is ResponseCode.BROKERAGE_FAILED_TO_UPDATE_ORDER
    assert (record.quantity, record.status) == (10, S.SUBMITTED)
    assert recorder.calls[-1] == "order 1 SUBMITTED"  # LEAN tells of it with the order's present state
    assert "Insufficient buying power" in around.lines[-1]


def test_a_refused_request_has_leans_number_and_is_told_to_the_operator() -> None:
    engine, recorder, around = world()
    record = engine.trading.market_order(SPY, Decimal(0))
    assert (record.id, record.response.code) == (NO_ORDER, ResponseCode.ORDER_QUANTITY_ZERO)
    assert around.lines[-1] == "Unable to submit order with id -10 that has zero quantity."
    assert recorder.calls == []
    assert engine.orders.submitted == 0


def test_orders_added_without_checks_skip_them() -> None:
    """MarketOnOpen orders are refused while the market is open; `transactions.add_order` does not look."""
    engine, _, _ = world()
    opening = OrderRequest(SPY, OrderType.MARKET_ON_OPEN, Decimal(1))
    assert engine.orders.submit(opening).response.code is (
        ResponseCode.MARKET_ON_OPEN_NOT_ALLOWED_DURING_REGULAR_HOURS
    )
    assert engine.orders.add(opening).status is S.SUBMITTED


def test_nothing_is_asked_about_orders_during_warm_up() -> None:
    engine, _, _ = backtest("2013-10-07 09:33")
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.set_warm_up(at("2013-10-07 09:30"), at("2013-10-07 09:33"))
    minute(engine, 31)
    with pytest.raises(AlgorithmError, match="during warm up"):
        engine.orders.add(OrderRequest(SPY, OrderType.MARKET, Decimal(1)))
    with pytest.raises(AlgorithmError, match="during warm up"):
        engine.orders.cancel(NO_ORDER)


def test_a_trailing_stop_tells_where_it_stands_without_calling_anybody() -> None:
    engine, recorder, _ = world()
    request = OrderRequest(SPY, OrderType.TRAILING_STOP, Decimal(-1), trailing_amount=Decimal(2))
    record = engine.orders.submit(request)
    assert record.spec.stop_price == 98
    recorder.calls.clear()
    minute(engine, 32, (100.0, 101.0, 100.0, 101.0))
    assert record.spec.stop_price == 99
    assert recorder.calls == ["data"]
    minute(engine, 33, (101.0, 101.0, 99.0, 100.0))
    assert (record.status, record.average_fill_price) == (S.FILLED, 99)
    assert record.news == 2


def test_a_trailing_stop_may_fill_on_the_second_try_with_the_bar_that_moved_it() -> None:
    engine, recorder, _ = world()
    request = OrderRequest(SPY, OrderType.TRAILING_STOP, Decimal(-1), trailing_amount=Decimal(2))
    record = engine.orders.submit(request)
    minute(engine, 32, (100.0, 105.0, 100.0, 104.0))  # the stop goes to 103, above the bar's low
    assert (record.status, record.average_fill_price) == (S.FILLED, 103)
    assert recorder.calls[-2:] == ["data", "order 1 FILLED"]


def test_a_stop_limit_says_that_its_stop_was_seen() -> None:
    engine, _, _ = world()
    prices = {"stop_price": Decimal(102), "limit_price": Decimal(101)}
    record = engine.orders.submit(OrderRequest(SPY, OrderType.STOP_LIMIT, Decimal(1), **prices))
    minute(engine, 32, (100.0, 103.0, 100.0, 102.0))
    assert (record.triggered, record.status) == (True, S.SUBMITTED)
    minute(engine, 33)
    assert (record.status, record.average_fill_price) == (S.FILLED, 100)


def test_margin_is_warned_of_and_then_called_in() -> None:
    """1990 shares at 100 on 100000: 99500 of margin used.

    LEAN calls when more than 1.1 of the equity is used. At 95 that is 94525, not more than 99055; at 84 it is
    83580, more than 74976.
    """
    engine, recorder, _ = world()
    engine.trading.market_order(SPY, Decimal(1990))
    minute(engine, 36)
    assert "margin warning" in recorder.calls  # 499 left, less than a twentieth of 99999
    recorder.calls.clear()
    minute(engine, 41, (95.0, 95.0, 95.0, 95.0))
    assert not any(call.startswith("margin") for call in recorder.calls)
    minute(engine, 46, (84.0, 84.0, 84.0, 84.0))
    (call,) = [line for line in recorder.calls if line.startswith("margin")]
    # 15430 over: 68150 of margin may stay, 1622 shares at 42 (the order's fee is taken off the equity)
    assert call == "margin call [('SPY', -368)]"
    assert engine.portfolio.quantity(SPY) == 1622
