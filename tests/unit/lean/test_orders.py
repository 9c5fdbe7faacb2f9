"""Orders through the face of QCAlgorithm: every way to spell them, and what tickets tell.

An algorithm runs over one-minute bars that all trade at 100; expectations are LEAN's signatures and texts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from livetrader_engine.engine import EngineOptions
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import TimeInForceKind
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.transactions import TradingPolicy
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.trading import PortfolioTarget
from livetrader_lean.binding import RunSettings
from livetrader_lean.enums import OrderField, OrderStatus, OrderType, SecurityType
from livetrader_lean.order_properties import (
    PROPERTY_CLASSES,
    MarketOnCloseOrder,
    OrderProperties,
    TimeInForce,
)
from livetrader_lean.tickets import SubmitOrderRequest, UpdateOrderFields
from tests.unit.engine.world import Surroundings, at, minute_bar, step

START = "2013-10-07 00:00"
FLAT = (100.0, 100.0, 100.0, 100.0)


class Probe(QCAlgorithm):
    """Does what it is told on each bar, and keeps the news as text."""

    script: list[Callable[[Any], None]]
    news: list[str]

    def initialize(self) -> None:
        self.news = []
        self.stock = self.add_equity("SPY").symbol

    def on_data(self, data: Any) -> None:
        if type(self).script:
            type(self).script.pop(0)(self)

    def on_order_event(self, order_event: Any) -> None:
        self.news.append(str(order_event))


def run(*script: Callable[[Any], None], bars: int = 3) -> Any:
    """Run `script`, one act per minute from 09:31, and return the algorithm."""
    policy = TradingPolicy(defer_requests=True)
    around = Surroundings()
    engine = simulated_engine(around.ports, EngineOptions(start_ns=at(START), policy=policy))
    kind = type("Told", (Probe,), {"script": list(script)})
    adapter = AlgorithmAdapter(engine, kind, {}, run=RunSettings(live=False))
    engine.attach(adapter)
    adapter.initialize()
    (symbol,) = engine.securities
    for number in range(31, 31 + max(bars, len(script))):
        engine.process(step(minute_bar(f"2013-10-07 09:{number}", FLAT, symbol=symbol)))
    return adapter.algorithm


def tickets(algorithm: Any) -> list[Any]:
    return list(algorithm.transactions.get_order_tickets())


@pytest.mark.parametrize(
    ("act", "kind", "terms"),
    [
        (lambda a: a.market_order("SPY", 1), OrderType.MARKET, {}),
        (lambda a: a.MarketOrder(a.stock, 1, False, "x"), OrderType.MARKET, {}),
        (lambda a: a.order("SPY", 1), OrderType.MARKET, {}),
        (lambda a: a.buy("SPY", 1), OrderType.MARKET, {}),
        (lambda a: a.limit_order("SPY", 1, 90), OrderType.LIMIT, {OrderField.LIMIT_PRICE: 90}),
        (lambda a: a.limit_order("SPY", 1, 90, True, "x"), OrderType.LIMIT, {OrderField.LIMIT_PRICE: 90}),
        (
            lambda a: a.stop_market_order("SPY", 1, stop_price=120, asynchronous=True),
            OrderType.STOP_MARKET,
            {OrderField.STOP_PRICE: 120},
        ),
        (
            lambda a: a.stop_limit_order("SPY", 1, 120, 121),
            OrderType.STOP_LIMIT,
            {OrderField.STOP_PRICE: 120, OrderField.LIMIT_PRICE: 121},
        ),
        (
            lambda a: a.limit_if_touched_order("SPY", 1, 80, 81),
            OrderType.LIMIT_IF_TOUCHED,
            {OrderField.TRIGGER_PRICE: 80, OrderField.LIMIT_PRICE: 81},
        ),
        (
            lambda a: a.trailing_stop_order("SPY", 1, 0.05, True),
            OrderType.TRAILING_STOP,
            {OrderField.STOP_PRICE: 105, OrderField.TRAILING_AMOUNT: 0.05},
        ),
        (
            lambda a: a.trailing_stop_order("SPY", 1, 110, 3, False, False, "x"),
            OrderType.TRAILING_STOP,
            {OrderField.STOP_PRICE: 110, OrderField.TRAILING_AMOUNT: 3},
        ),
        (lambda a: a.market_on_close_order("SPY", 1), OrderType.MARKET_ON_CLOSE, {}),
    ],
)
def test_orders_are_spelled_as_in_lean(act: Callable[[Any], Any], kind: int, terms: dict[int, float]) -> None:
    algorithm = run(act, bars=1)
    (ticket,) = tickets(algorithm)
    assert (ticket.order_type, ticket.quantity, ticket.order_id, ticket.has_order) == (kind, 1, 1, True)
    for field, value in terms.items():
        assert ticket.get(field) == value


def test_a_field_the_order_has_not_is_refused() -> None:
    algorithm = run(lambda a: a.limit_order("SPY", 1, 90))
    with pytest.raises(AlgorithmError, match="Unable to get field StopPrice on order of type Limit"):
        tickets(algorithm)[0].get(OrderField.STOP_PRICE)


def test_news_read_as_leans() -> None:
    algorithm = run(lambda a: a.market_order("SPY", 10))
    submitted, filled = algorithm.news
    assert submitted == (
        "Time: 10/07/2013 13:31:00 OrderID: 1 EventID: 1 Symbol: SPY Status: Submitted Quantity: 10"
    )
    assert filled == (
        "Time: 10/07/2013 13:31:00 OrderID: 1 EventID: 2 Symbol: SPY Status: Filled Quantity: 10 "
        "FillQuantity: 10 FillPrice: $100 OrderFee: 1 USD "
        "Message: Warning: No quote information available at 10/07/2013 09:31:00 America/New_York, "
        "order filled using TradeBar data"
    )
    (ticket,) = tickets(algorithm)
    assert str(ticket) == (
        "1: OrderId: 1 (BrokerId: 1) Filled Market order for 10 units of SPY "
        "Request Count: 1 Response Count: 1"
    )


def test_a_ticket_tells_of_its_requests() -> None:
    seen: dict[str, Any] = {}

    def place(algorithm: Any) -> None:
        seen["ticket"] = algorithm.limit_order("SPY", 5, 90, tag="first", asynchronous=True)

    def change(algorithm: Any) -> None:
        fields = UpdateOrderFields()
        fields.Quantity, fields.limit_price, fields.tag = 6, 91, "second"
        seen["answer"] = seen["ticket"].update(fields)
        seen["before"] = seen["ticket"].quantity

    algorithm = run(place, change, lambda a: seen["ticket"].cancel("enough"))
    ticket = seen["ticket"]
    assert seen["answer"].is_success
    assert seen["before"] == 5
    assert (ticket.quantity, ticket.get(OrderField.LIMIT_PRICE), ticket.tag) == (6, 91, "enough")
    assert ticket.status == OrderStatus.CANCELED
    assert (ticket.submit_request.tag, ticket.submit_request.asynchronous) == ("first", True)
    assert [request.limit_price for request in ticket.update_requests] == [91]
    assert str(ticket.cancel_request) == (
        "10/07/2013 13:33:00 UTC: Cancel Order: (1) - enough Status: Processed"
    )
    assert [event.status for event in ticket.order_events] == [
        OrderStatus.SUBMITTED, OrderStatus.UPDATE_SUBMITTED, OrderStatus.CANCEL_PENDING, OrderStatus.CANCELED,
    ]  # fmt: skip
    order = algorithm.transactions.get_order_by_id(1)
    assert order.last_update_time == datetime(2013, 10, 7, 13, 32)  # noqa: DTZ001
    assert order.canceled_time == datetime(2013, 10, 7, 13, 33)  # noqa: DTZ001
    assert order.last_fill_time is None


def test_an_order_is_a_picture_and_a_ticket_is_not() -> None:
    seen: dict[str, Any] = {}

    def look(algorithm: Any) -> None:
        algorithm.limit_order("SPY", 1, 101)
        seen["order"] = algorithm.transactions.get_order_by_id(1)
        seen["ticket"] = algorithm.transactions.get_order_ticket(1)

    run(look)
    assert (seen["order"].status, seen["ticket"].status) == (OrderStatus.SUBMITTED, OrderStatus.FILLED)


def test_requests_made_by_hand_go_around_the_checks() -> None:
    def place(algorithm: Any) -> None:
        now = algorithm.utc_time
        requests = (
            SubmitOrderRequest(OrderType.LIMIT, SecurityType.EQUITY, "SPY", 2, 0, 90, now, "three prices"),
            SubmitOrderRequest(
                OrderType.LIMIT_IF_TOUCHED,
                SecurityType.EQUITY,
                "SPY",
                2,
                0,
                81,
                80,
                now,
                "x",
                asynchronous=True,
            ),
            SubmitOrderRequest(
                OrderType.TRAILING_STOP, SecurityType.EQUITY, "SPY", 2, 110, 0, 0, 0.01, True, now, ""
            ),
            SubmitOrderRequest(OrderType.MARKET_ON_OPEN, SecurityType.EQUITY, "SPY", 2, 0, 0, now, ""),
        )
        for request in requests:
            ticket = algorithm.transactions.add_order(request)
            assert (request.order_id, request.response.is_success) == (ticket.order_id, True)

    algorithm = run(place, bars=1)
    limit, touched, trailing, opening = tickets(algorithm)
    assert limit.get(OrderField.LIMIT_PRICE) == 90
    assert (touched.get(OrderField.TRIGGER_PRICE), touched.get(OrderField.LIMIT_PRICE)) == (80, 81)
    assert trailing.get(OrderField.STOP_PRICE) == 110
    assert trailing.tag == "Trailing Amount: 1.00%"
    assert opening.status == OrderStatus.SUBMITTED


def test_a_refused_order_has_no_number_and_says_why() -> None:
    seen: dict[str, Any] = {}

    def place(algorithm: Any) -> None:
        seen["ticket"] = algorithm.market_on_open_order("SPY", 1)

    algorithm = run(place)
    response = seen["ticket"].submit_request.response
    assert seen["ticket"].status == OrderStatus.INVALID
    assert (response.is_error, response.error_message) == (
        True,
        "Cannot submit a MarketOnOpen order while the market is open.",
    )
    assert str(response) == (
        "Error: MarketOnOpenNotAllowedDuringRegularHours - "
        "Cannot submit a MarketOnOpen order while the market is open."
    )
    assert algorithm.transactions.orders_count == 0
    assert int(seen["ticket"]) == -35


def test_how_long_an_order_works_is_said_by_properties() -> None:
    def place(algorithm: Any) -> None:
        algorithm.default_order_properties.time_in_force = TimeInForce.DAY
        algorithm.limit_order("SPY", 1, 90)
        properties = PROPERTY_CLASSES["InteractiveBrokersOrderProperties"]()
        properties.TimeInForce = TimeInForce.good_til_date(datetime(2013, 10, 9))  # noqa: DTZ001
        properties.outside_regular_trading_hours = True
        algorithm.limit_order("SPY", 1, 90, order_properties=properties)
        algorithm.market_on_close_order("SPY", 1, order_properties=properties)

    algorithm = run(place, bars=1)
    day, dated, closing = algorithm._lean.engine.orders.records()
    assert day.spec.time_in_force.kind is TimeInForceKind.DAY
    assert dated.spec.time_in_force.kind is TimeInForceKind.GOOD_TIL_DATE
    assert dated.spec.time_in_force.expiry_ns == at("2013-10-09 00:00")
    assert dated.spec.outside_regular_hours
    assert dated.spec.properties == (
        ("account", None), ("faGroup", None), ("faMethod", None), ("faPercentage", 0), ("faProfile", None),
        ("outsideRegularTradingHours", True),
    )  # fmt: skip
    assert closing.spec.time_in_force.kind is TimeInForceKind.GOOD_TIL_CANCELED  # LEAN knows no other there


def test_open_orders_are_picked_and_canceled() -> None:
    def place(algorithm: Any) -> None:
        for quantity in (1, 2, -3):
            algorithm.limit_order("SPY", quantity, 90 if quantity > 0 else 110)

    def look(algorithm: Any) -> None:
        transactions = algorithm.transactions
        assert [order.id for order in transactions.get_open_orders("SPY")] == [1, 2, 3]
        assert [order.id for order in transactions.get_open_orders(lambda order: order.quantity < 0)] == [3]
        assert transactions.get_open_orders_remaining_quantity(algorithm.stock) == 0
        picked = transactions.get_open_orders_remaining_quantity(lambda ticket: ticket.quantity > 0)
        assert picked == 3
        assert transactions.get_projected_holdings("SPY").projected_quantity == 0
        assert len(transactions.cancel_open_orders("SPY", "all")) == 3

    algorithm = run(place, look)
    assert algorithm.transactions.get_open_orders() == []
    assert {ticket.tag for ticket in tickets(algorithm)} == {"all"}
    assert algorithm.transactions.last_order_id == 3


def test_holdings_are_set_and_liquidated_with_tags() -> None:
    def hold(algorithm: Any) -> None:
        (ticket,) = algorithm.set_holdings("SPY", 0.5, tag="half")
        assert (ticket.quantity_filled, ticket.tag) == (498, "half")  # 49875 of 100000, less the fee
        assert algorithm.calculate_order_quantity("SPY", 0) == -498

    def less(algorithm: Any) -> None:
        (ticket,) = algorithm.set_holdings([PortfolioTarget("SPY", 0.25)], False, True)
        assert (ticket.quantity, ticket.submit_request.asynchronous) == (-249, True)

    def out(algorithm: Any) -> None:
        algorithm.limit_order("SPY", 1, 90)
        (ticket,) = algorithm.liquidate()
        assert (ticket.quantity, ticket.tag) == (-249, "Liquidated")

    algorithm = run(hold, less, out)
    assert not algorithm.portfolio.invested
    assert [ticket.tag for ticket in tickets(algorithm)] == ["half", "", "Liquidated", "Liquidated"]


def test_buying_power_and_cash_are_what_the_margin_leaves() -> None:
    algorithm = run(lambda a: a.market_order("SPY", 1000))
    portfolio = algorithm.portfolio
    # 1000 shares at 100 at leverage 2, and 5 of fees
    assert portfolio.cash == portfolio.cash_book["USD"].amount == -5
    assert portfolio.margin_remaining == 99_995 - 50_000
    assert portfolio.get_buying_power("SPY", 0) == portfolio.get_margin_remaining("SPY") == 49_995
    assert portfolio.get_buying_power("SPY", 1) == 49_995 + 2 * 50_000
    assert portfolio["SPY"].unrealized_profit == -5
    assert portfolio.total_portfolio_value_less_free_buffer == 99_745.0125


def test_the_buffer_before_the_close_can_be_set() -> None:
    def place(algorithm: Any) -> None:
        MarketOnCloseOrder.submission_time_buffer = timedelta(hours=7)
        refused = algorithm.market_on_close_order("SPY", 1)
        assert refused.status == OrderStatus.INVALID
        assert int(refused) == -21

    run(place)
    run(lambda algorithm: algorithm.market_on_close_order("SPY", 1))  # the next run has the default again
    assert MarketOnCloseOrder.submission_time_buffer == timedelta(minutes=15.5)


def test_properties_are_cloned_not_shared() -> None:
    first = OrderProperties()
    second = first.clone()
    second.time_in_force = TimeInForce.DAY
    assert first.time_in_force is TimeInForce.GOOD_TIL_CANCELED
