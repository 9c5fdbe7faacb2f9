"""Trades corrected, busted, repeated, charged late, in any order: the newest words count, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.journal.records import (
    DaemonStarted,
    FeeReceived,
    OrderIntended,
    Record,
    ReportReceived,
    SessionOpened,
    decode,
    encode,
)
from livetrader.journal.replay import JournalState, replay
from livetrader_engine.clock import EventClock
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.events import OpenOrderRecord, OrderEventArrived
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill, OrderId
from livetrader_engine.orders.states import CLOSED, OPEN, OrderStatus
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.corrections import corrected, with_trade, without_trade
from livetrader_engine.spi import ExecutionReport, FeeReported
from livetrader_engine.statistics.trades import TradeBuilder
from livetrader_engine.transactions import TradingPolicy, Transactions
from tests.unit.engine import world

from .money import START_NS, spec

S = OrderStatus
CASH = Decimal(1_000_000)
WANTED = {1: 20, 2: -15}  # order number -> quantity
SYMBOLS = {1: world.SPY, 2: world.SPY}


class NoBrokerage:
    """Takes commands and answers nothing: the news come from the journal here."""

    def submit(self, command: SubmitOrder) -> None: ...
    def update(self, command: UpdateOrder) -> None: ...
    def cancel(self, command: CancelOrder) -> None: ...
    def advance(self, now_ns: int) -> None: ...
    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        return ()


@dataclass
class Follower:
    """The engine's books, fed with what the gateway emits."""

    told: list[tuple[OrderStatus, Decimal | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.portfolio = world.account(str(CASH), world.security(world.SPY))
        self.orders = Transactions(
            EventClock(START_NS),
            self.portfolio.securities,
            self.portfolio,
            NoBrokerage(),
            TradingPolicy(),
            str,
        )
        self.trades = TradeBuilder()
        self.orders.filled = lambda security, order, fill: self.trades.fill(security, order, fill, fill.fee)
        self.orders.corrected = self.trades.correct
        self.orders.listen(self._listen)

    def _listen(self, event: OrderEventArrived, record: OrderRecord) -> None:
        assert record.events[-1].status is event.status
        quantity = None if event.fill is None else event.fill.quantity
        self.told.append((event.status, quantity, event.message))

    def load(self, state: JournalState, cash: Decimal) -> None:
        positions = {of: (held.quantity, held.average_price) for of, held in state.positions.items()}
        self.portfolio.load({"USD": cash}, positions)
        open_orders = [
            OpenOrderRecord(order.spec, order.status, order.filled, order.brokerage_order_id)
            for order in state.open.values()
        ]
        self.orders.load(open_orders, state.next_order_id)

    @property
    def cash(self) -> Decimal:
        return self.portfolio.cash["USD"].amount


def client_id(number: int) -> ClientOrderId:
    return ClientOrderId(f"LTi-{number}")


def opening() -> list[Record]:
    return [
        SessionOpened(START_NS, 1, "A", "S1"),
        *(
            OrderIntended(
                START_NS,
                number,
                client_id(number),
                msgspec.structs.replace(spec(number, quantity), symbol=SYMBOLS[number]),
            )
            for number, quantity in WANTED.items()
        ),
    ]


def traded(number: int, name: str, quantity: int, price: int, revision: int) -> ReportReceived:
    fill = Fill(ExecutionId(name), Decimal(quantity), Decimal(price), START_NS + revision, revision=revision)
    report = ExecutionReport(client_id(number), S.PARTIALLY_FILLED, START_NS, BrokerageOrderId("V"), fill)
    return ReportReceived(START_NS, report)


def charged(number: int, name: str, fee: int) -> FeeReceived:
    return FeeReceived(
        START_NS, FeeReported(client_id(number), ExecutionId(name), START_NS, Decimal(fee), "USD")
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Record]:
    """News of a few trades of two orders: revisions, busts and fees, repeated and in any order."""
    news: list[Record] = []
    for number, wanted in WANTED.items():
        side = 1 if wanted > 0 else -1
        for place in range(draw(st.integers(0, 3))):
            name = f"X{number}.{place}"
            for revision in range(draw(st.integers(1, 3))):
                quantity = side * draw(st.integers(1 if revision == 0 else 0, 6))
                news.append(traded(number, name, quantity, draw(st.integers(90, 110)), revision))
            news += [charged(number, name, draw(st.integers(1, 9))) for _ in range(draw(st.integers(0, 2)))]
    repeated = draw(st.lists(st.sampled_from(news), max_size=4)) if news else []
    return draw(st.permutations(news + repeated))


def newest(news: Sequence[Record]) -> dict[tuple[ClientOrderId, ExecutionId], Fill]:
    """What has to count, worked out from the news alone."""
    found: dict[tuple[ClientOrderId, ExecutionId], Fill] = {}
    fees: dict[tuple[ClientOrderId, ExecutionId], Decimal] = {}
    for record in news:
        if isinstance(record, ReportReceived) and record.report.fill is not None:
            fill, key = record.report.fill, (record.report.client_order_id, record.report.fill.execution_id)
            if key not in found or found[key].revision < fill.revision:
                found[key] = fill
        elif isinstance(record, FeeReceived):
            fees[record.report.client_order_id, record.report.execution_id] = record.report.fee
    return {key: msgspec.structs.replace(fill, fee=fees.get(key, fill.fee)) for key, fill in found.items()}


@settings(max_examples=300, deadline=None)
@given(news=stories(), restart=st.integers(0, 12))
def test_portfolio_and_journal_are_those_of_the_newest_revisions(news: list[Record], restart: int) -> None:
    state = replay(opening(), "i")
    follower = Follower()
    follower.load(state, CASH)
    for place, record in enumerate(news):
        if place == restart:  # a new engine process takes the account over, and the news go on
            cash = follower.cash
            follower = Follower()
            follower.load(state, cash)
        for event in state.apply(decode(encode(record))):
            follower.orders.take(event)
    wanted = newest(news)
    spent = sum((fill.quantity * fill.price + fill.fee for fill in wanted.values()), Decimal(0))
    assert follower.cash == CASH - spent
    for of in set(SYMBOLS.values()):
        owned = [fill for (name, _), fill in wanted.items() if state.orders[name].spec.symbol == of]
        quantity = sum((fill.quantity for fill in owned), Decimal(0))
        assert follower.portfolio.quantity(of) == quantity == state.position(of)
    for number in WANTED:
        mine = [fill for (name, _), fill in wanted.items() if name == client_id(number)]
        order = state.orders[client_id(number)]
        assert order.filled == sum((fill.quantity for fill in mine), Decimal(0))
        assert order.filled_value == sum((fill.quantity * fill.price for fill in mine), Decimal(0))
        record = follower.orders.get(OrderId(number))
        if record is not None and restart >= len(news):
            assert (record.filled_quantity, record.status) == (order.filled, order.status)
            assert record.fees == sum((fill.fee for fill in mine), Decimal(0))
            assert (record in follower.orders.open_orders()) == (record.status in OPEN)
    if restart >= len(news):
        fees = sum((fill.fee for fill in wanted.values()), Decimal(0))
        assert follower.portfolio.total_fees == follower.portfolio[world.SPY].fees == fees
    again = replay([*opening(), *news], "i")
    assert {of: held.quantity for of, held in again.positions.items()} == {
        of: held.quantity for of, held in state.positions.items()
    }
    assert [order.status for order in again.orders.values()] == [o.status for o in state.orders.values()]


@settings(max_examples=200, deadline=None)
@given(news=stories())
def test_what_is_won_and_what_is_held_add_up_to_the_newest_revisions(news: list[Record]) -> None:
    state, follower = replay(opening(), "i"), Follower()
    follower.load(state, CASH)
    for record in news:
        for event in state.apply(record):
            follower.orders.take(event)
    held = follower.portfolio[world.SPY]
    spent = sum((fill.quantity * fill.price for fill in newest(news).values()), Decimal(0))
    # profit taken, less what the position has cost, is what came in, less what went out
    assert abs(held.profit - held.quantity * held.average_price + spent) < Decimal("1e-15")
    assert sum(record.profit for record in follower.portfolio.transactions) <= held.profit


@settings(max_examples=200, deadline=None)
@given(news=stories())
def test_no_order_is_told_to_be_over_twice_without_trading_between(news: list[Record]) -> None:
    state, follower = replay(opening(), "i"), Follower()
    follower.load(state, CASH)
    for record in news:
        for event in state.apply(record):
            before = len(follower.told)
            was = state.orders[client_id(event.order_id)].status
            follower.orders.take(event)
            for status, quantity, message in follower.told[before:]:
                if event.replaces is not None and status in CLOSED:
                    assert was is S.FILLED and quantity, message


@pytest.mark.parametrize(
    ("before", "news", "status", "told"),
    [
        # the order's fills; then the correction; the state after it; what the algorithm hears
        ([20], (0, 100, 1), S.PARTIALLY_FILLED, (S.PARTIALLY_FILLED, -20)),
        ([20], (15, 100, 1), S.PARTIALLY_FILLED, (S.PARTIALLY_FILLED, -5)),
        ([20], (20, 101, 1), S.FILLED, (S.UPDATE_SUBMITTED, 0)),
        ([10], (0, 100, 1), S.PARTIALLY_FILLED, (S.PARTIALLY_FILLED, -10)),
        ([10], (20, 100, 1), S.FILLED, (S.FILLED, 10)),
        ([10], (12, 99, 1), S.PARTIALLY_FILLED, (S.PARTIALLY_FILLED, 2)),
    ],
)
def test_a_correction_is_told_by_what_it_changes(
    before: list[int], news: tuple[int, int, int], status: OrderStatus, told: tuple[OrderStatus, int]
) -> None:
    state, follower = replay(opening(), "i"), Follower()
    follower.load(state, CASH)
    quantity, price, revision = news
    for record in (
        *(traded(1, "X", filled, 100, 0) for filled in before),
        traded(1, "X", quantity, price, revision),
    ):
        for event in state.apply(record):
            follower.orders.take(event)
    assert state.orders[client_id(1)].status is status
    assert follower.told[-1][:2] == told
    assert "the venue" in follower.told[-1][2] and str(before[0]) in follower.told[-1][2]
    assert state.counters.corrections == 1


def test_a_bust_that_comes_before_its_trade_takes_it_back_in_advance() -> None:
    state = replay([*opening(), traded(1, "X", 0, 100, 1)], "i")
    assert state.apply(traded(1, "X", 20, 100, 0)) == ()
    assert not state.positions and state.orders[client_id(1)].filled == 0
    assert state.counters.repeated_fills == 1


def test_a_canceled_order_stays_canceled_when_its_trade_is_taken_back() -> None:
    canceled = ReportReceived(START_NS, ExecutionReport(client_id(1), S.CANCELED, START_NS))
    state = replay([*opening(), traded(1, "X", 5, 100, 0), canceled], "i")
    follower = Follower()
    follower.load(state, CASH - 500)
    (event,) = state.apply(traded(1, "X", 0, 100, 1))
    assert (event.status, event.symbol) == (S.CANCELED, world.SPY)
    follower.orders.take(event)  # an engine that never knew the order follows all the same
    assert follower.cash == CASH and follower.portfolio.quantity(world.SPY) == 0 == state.position(world.SPY)


def test_a_fee_is_what_a_trade_cost_in_all_and_no_news_for_the_algorithm() -> None:
    state, follower = replay(opening(), "i"), Follower()
    follower.load(state, CASH)
    for record in (charged(1, "X", 3), traded(1, "X", 20, 100, 0), charged(1, "X", 3), charged(1, "X", 5)):
        for event in state.apply(record):
            follower.orders.take(event)
    assert [status for status, _, _ in follower.told] == [S.FILLED]
    record = follower.orders.get(OrderId(1))
    assert record is not None and record.fees == 5 and record.events[-1].fill is not None
    assert record.events[-1].fill.fee == 5, "the event that the ticket remembers has the fee"
    assert follower.portfolio.total_fees == 5 and follower.cash == CASH - 2005


def test_a_fee_of_a_forgotten_order_is_counted_and_harmless() -> None:
    state = replay(opening(), "i")
    assert state.apply(charged(9, "X", 3)) == ()
    assert state.counters.unknown_fees == 1


def test_a_journal_of_the_first_schema_is_read() -> None:
    old = (
        '{"type":"report_received","time_ns":1,"report":{"type":"report","client_order_id":"LTi-1","status":2,'
        '"time_ns":1,"brokerage_order_id":"V1","fill":{"execution_id":"X","quantity":"4","price":"100",'
        '"time_ns":1,"fee":"0","fee_currency":"USD"},"message":""},"recovered":false}'
    )
    state = replay([*opening(), decode(old)], "i")
    order = state.orders[client_id(1)]
    assert (order.filled, order.brokerage_order_ids) == (4, ["V1"])
    assert order.executions[ExecutionId("X")].revision == 0
    assert isinstance(decode(encode(DaemonStarted(1, 2, "x"))), DaemonStarted)


amounts = st.tuples(st.integers(-20, 20).filter(bool).map(Decimal), st.integers(90, 110).map(Decimal))


@given(held=amounts, old=amounts, new=amounts)
def test_the_last_trade_can_be_corrected_exactly_unless_it_crossed_zero(
    held: tuple[Decimal, Decimal], old: tuple[Decimal, Decimal], new: tuple[Decimal, Decimal]
) -> None:
    after = with_trade(*held, *old)
    if after[0] == 0 or (after[0] > 0) != (held[0] > 0):
        assert without_trade(*after, *old)[0] == held[0]  # the quantity always
        return
    quantity, average = corrected(*after, old, new)
    wanted = with_trade(*held, *new)
    assert quantity == wanted[0] and abs(average - wanted[1]) < Decimal("1e-20")
