"""What the account says and what late, repeated or foreign news do to the engine."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import (
    AccountLoaded,
    OpenOrderRecord,
    OrderEventArrived,
    PositionRecord,
    TimePulse,
)
from livetrader_engine.orders.book import KEPT_CLOSED_ORDERS
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderId,
    OrderType,
)
from livetrader_engine.orders.request import OrderRequest, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import Resolution
from livetrader_engine.transactions import TradingPolicy
from tests.unit.engine.world import IBM, SPY, Recorder, Surroundings, at, minute_bar, order, step

S = OrderStatus
START = "2013-10-07 09:30"
FLAT = (100.0, 100.0, 100.0, 100.0)


class Lane:
    """An order sink as the live one is: it sends, and news come in when somebody puts them there."""

    def __init__(self) -> None:
        self.sent: list[SubmitOrder | UpdateOrder | CancelOrder] = []
        self.news: list[OrderEventArrived] = []
        self.waits: list[float] = []
        self.on_wait: list[OrderEventArrived] = []

    def submit(self, command: SubmitOrder) -> None:
        self.sent.append(command)

    def update(self, command: UpdateOrder) -> None:
        self.sent.append(command)

    def cancel(self, command: CancelOrder) -> None:
        self.sent.append(command)

    def advance(self, now_ns: int) -> None:
        pass

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        if wait_s:
            self.waits.append(wait_s)
            if self.on_wait:
                self.news.append(self.on_wait.pop(0))
        news, self.news = self.news, []
        return news


def live(policy: TradingPolicy | None = None) -> tuple[Engine, Recorder, Lane, Surroundings]:
    around, lane, recorder = Surroundings(), Lane(), Recorder()
    options = EngineOptions(start_ns=at(START), policy=policy or TradingPolicy())
    engine = Engine(around.ports(lane), options)
    engine.attach(recorder)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    recorder.calls.clear()
    return engine, recorder, lane, around


def news(number: int, status: OrderStatus, fill: Fill | None = None) -> OrderEventArrived:
    return OrderEventArrived(OrderId(number), status, at("2013-10-07 09:31"), fill)


def fill(execution: str, quantity: int) -> Fill:
    return Fill(ExecutionId(execution), Decimal(quantity), Decimal(100), at("2013-10-07 09:31"))


def test_a_synchronous_market_order_waits_on_the_order_lane_only() -> None:
    engine, recorder, lane, _ = live()
    lane.on_wait = [news(1, S.SUBMITTED), news(1, S.FILLED, fill("a", 10))]
    record = engine.trading.market_order(SPY, Decimal(10))
    assert record.status is S.FILLED
    assert lane.waits == [5.0, 5.0]
    assert recorder.calls == ["order 1 SUBMITTED", "order 1 FILLED"]


def test_it_returns_unfilled_when_no_news_come_in_time() -> None:
    engine, _, lane, _ = live()
    record = engine.trading.market_order(SPY, Decimal(10))
    assert (record.status, lane.waits) == (S.NEW, [5.0])
    engine.process(news(1, S.FILLED, fill("a", 10)))
    assert record.status is S.FILLED
    assert engine.portfolio.quantity(SPY) == 10


def test_an_asynchronous_order_does_not_wait() -> None:
    engine, _, lane, _ = live()
    engine.orders.submit(OrderRequest(SPY, OrderType.MARKET, Decimal(1), synchronous=False))
    assert lane.waits == []


def test_an_unknown_order_is_reported_and_changes_nothing() -> None:
    engine, recorder, _, around = live()
    engine.process(news(99, S.FILLED, fill("a", 10)))
    assert recorder.calls == []
    assert engine.portfolio.quantity(SPY) == 0
    assert any("order 99" in line for line in around.lines)


def test_a_fill_after_the_cancel_counts_and_is_reported() -> None:
    engine, recorder, _, around = live()
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(10), limit_price=Decimal(90)))
    engine.process(news(1, S.SUBMITTED))
    engine.orders.cancel(OrderId(1))
    engine.process(news(1, S.CANCELED))
    engine.process(news(1, S.FILLED, fill("a", 10)))
    assert engine.portfolio.quantity(SPY) == 10
    assert recorder.calls == [
        "order 1 SUBMITTED",
        "order 1 CANCEL_PENDING",
        "order 1 CANCELED",
        "order 1 FILLED",
    ]
    assert any("after it had been closed" in line for line in around.lines)


@given(repeats=st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_repeated_fills_are_booked_once(repeats: list[int]) -> None:
    engine, recorder, _, _ = live()
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(len(repeats)), limit_price=Decimal(90)))
    for number, times in enumerate(repeats):
        for _ in range(times):
            engine.process(news(1, S.PARTIALLY_FILLED, fill(f"x{number}", 1)))
    assert engine.portfolio.quantity(SPY) == len(repeats)
    assert engine.portfolio.cash["USD"].amount == 100_000 - 100 * len(repeats)
    assert len(recorder.calls) == len(repeats)
    assert engine.orders.open_orders() == []


def test_a_change_follows_its_order_to_the_brokerage_and_is_whole() -> None:
    engine, _, lane, _ = live()
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(90)))
    early = engine.orders.update(OrderId(1), OrderChange(limit_price=Decimal(91)))
    assert early.accepted  # nobody has confirmed the order, but the brokerage gets both one after the other
    assert lane.sent[-1] == UpdateOrder(OrderId(1), OrderChange(limit_price=Decimal(91)))
    engine.process(news(1, S.SUBMITTED))
    assert engine.orders.update(OrderId(1), OrderChange(limit_price=Decimal(92))).accepted
    assert engine.orders.update(OrderId(1), OrderChange(quantity=Decimal("0.5"))).code is (
        ResponseCode.ORDER_QUANTITY_ZERO
    )
    assert engine.orders.update(OrderId(7), OrderChange()).code is ResponseCode.UNABLE_TO_FIND_ORDER
    assert lane.sent[-1] == UpdateOrder(OrderId(1), OrderChange(limit_price=Decimal(92)))


def loaded(**changes: object) -> AccountLoaded:
    spec = order(OrderType.LIMIT, 10, START, limit="90", number=4)
    fields: dict[str, object] = {
        "time_ns": at("2013-10-07 09:31"),
        "cash": {"USD": Decimal(5000)},
        "positions": (PositionRecord(IBM, Decimal(7), Decimal(50)),),
        "open_orders": (OpenOrderRecord(spec, S.PARTIALLY_FILLED, Decimal(4), BrokerageOrderId("B")),),
        "next_order_id": 5,
    }
    return AccountLoaded(**{**fields, **changes})  # type: ignore[arg-type]  # fields of the struct


def test_the_account_replaces_cash_positions_and_orders() -> None:
    engine, _, lane, around = live()
    engine.process(loaded())
    assert [item.symbol for item in around.subscribed if item.symbol is IBM] == [IBM, IBM]  # to be priced
    assert engine.portfolio.cash["USD"].amount == 5000
    assert engine.portfolio.quantity(IBM) == 7
    assert engine.portfolio.total_value == 5000 + 350  # valued at cost until data come
    (record,) = engine.orders.open_orders(SPY)
    assert (record.id, record.status, record.remaining) == (4, S.PARTIALLY_FILLED, 6)
    engine.process(news(4, S.FILLED, fill("late", 6)))
    assert engine.portfolio.quantity(SPY) == 6
    assert record.status is S.FILLED
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(90)))
    sent = lane.sent[-1]
    assert isinstance(sent, SubmitOrder)
    assert sent.spec.id == 5


def test_a_position_nobody_can_trade_is_reported_and_the_rest_is_taken() -> None:
    engine, _, _, around = live()
    around.unknown = {IBM}
    engine.process(loaded())
    assert engine.portfolio.quantity(IBM) == 0
    assert engine.portfolio.cash["USD"].amount == 5000
    assert [record.id for record in engine.orders.open_orders()] == [4]
    assert any("position in IBM" in line for line in around.lines)


def test_an_order_on_stale_prices_waits_only_where_prices_can_come() -> None:
    for waits, expected in ((True, [5.0]), (False, [])):
        engine, _, lane, _ = live(TradingPolicy(wait_on_stale_prices=waits))
        engine.process(TimePulse(at("2013-10-07 10:32")))
        engine.trading.market_order(SPY, Decimal(1))
        assert lane.waits == expected


def test_orders_the_account_does_not_know_are_closed_but_not_those_made_since() -> None:
    engine, recorder, _, _ = live()
    for _ in range(2):
        engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(90)))
    engine.process(loaded(open_orders=(), next_order_id=2))
    assert recorder.calls == ["order 1 CANCELED"]
    assert [record.id for record in engine.orders.open_orders()] == [2]
    engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(90)))
    assert [record.id for record in engine.orders.open_orders()] == [2, 3]


def test_closed_orders_are_forgotten_in_the_end_where_a_run_has_no_end() -> None:
    engine, _, _, _ = live()
    for number in range(1, KEPT_CLOSED_ORDERS + 3):
        engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(90)))
        engine.process(news(number, S.CANCELED))
    assert len(list(engine.orders.records())) == KEPT_CLOSED_ORDERS
    assert engine.orders.get(OrderId(2)) is None
    assert engine.orders.get(OrderId(3)) is not None
