"""Random orders over random prices through matching and accounting: the books balance, whatever happens.

What an algorithm does is drawn as a list of acts, one per minute: it places orders of every type, changes and
cancels them, sets holdings, liquidates. The invariants are checked after every step from the fills alone.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.orders.order import (
    OrderChange,
    OrderId,
    OrderType,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.states import CLOSED, OPEN, TRANSITIONS, OrderStatus
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution
from livetrader_engine.trading import Target
from livetrader_engine.transactions import TradingPolicy
from tests.unit.engine.world import CENTS, IBM, SPY, Recorder, at, backtest

START = "2013-10-07 09:30"
CASH = Decimal(100_000)
STEPS = 25
KINDS = (
    OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP,
    OrderType.LIMIT_IF_TOUCHED, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE,
)  # fmt: skip

symbols = st.sampled_from((SPY, IBM))
quantities = st.integers(-1500, 1500).map(Decimal)
offsets = st.integers(-300, 300)  # cents from the price
Act = tuple[str, tuple[Any, ...]]
acts: st.SearchStrategy[Act] = st.one_of(
    st.tuples(
        st.just("order"),
        st.tuples(
            st.sampled_from(KINDS), symbols, quantities, offsets, offsets, st.booleans(), st.booleans()
        ),
    ),
    st.tuples(st.just("change"), st.tuples(st.integers(1, 40), st.one_of(st.none(), quantities), offsets)),
    st.tuples(st.just("cancel"), st.tuples(st.integers(1, 40))),
    st.tuples(st.just("target"), st.tuples(symbols, st.integers(-200, 200))),
    st.tuples(st.just("liquidate"), st.tuples()),
)
plans = st.lists(st.lists(acts, max_size=3), min_size=STEPS, max_size=STEPS)
moves = st.lists(
    st.tuples(st.integers(-150, 150), st.integers(0, 100), st.integers(0, 100)),
    min_size=2 * STEPS, max_size=2 * STEPS,
)  # fmt: skip


def bars(path: list[tuple[int, int, int]]) -> list[Any]:
    """Return a step of two one-minute bars for each pair of moves: prices walk, in cents, from 100."""
    from livetrader_engine.data.bars import TradeBar
    from livetrader_engine.events import MarketDataArrived

    last = {SPY: 10_000, IBM: 10_000}
    made = []
    for number in range(STEPS):
        end_ns = at(START) + (number + 1) * NS_PER_MINUTE
        points = []
        for symbol, (move, above, below) in zip((SPY, IBM), path[2 * number : 2 * number + 2], strict=True):
            first = last[symbol]
            close = last[symbol] = max(100, first + move)
            high, low = max(first, close) + above, max(1, min(first, close) - below)
            prices = (price / 100 for price in (first, high, low, close))
            points.append(TradeBar(symbol, end_ns - NS_PER_MINUTE, end_ns, *prices, 1000.0, scale=CENTS))
        made.append(MarketDataArrived(end_ns, number + 1, tuple(points)))
    return made


def perform(engine: Engine, act: Act) -> None:
    name, values = act
    match name:
        case "order":
            engine.orders.submit(request(engine, *values))
        case "change":
            number, quantity, offset = values
            price = max(Decimal(1), Decimal(10_000 + offset) / 100)
            change = OrderChange(quantity=quantity, limit_price=price, stop_price=price, trigger_price=price)
            engine.orders.update(OrderId(number), change)
        case "cancel":
            engine.orders.cancel(OrderId(values[0]))
        case "target":
            engine.trading.set_holdings([Target(values[0], Decimal(values[1]) / 100)])
        case "liquidate":
            engine.trading.liquidate()


def request(
    engine: Engine, kind: OrderType, symbol: Any, quantity: Decimal, one: int, two: int, day: bool, sync: bool
) -> OrderRequest:
    price = engine.securities[symbol].exact_price()
    first, second = (max(Decimal(1), price + Decimal(offset) / 100) for offset in (one, two))
    prices: dict[OrderType, dict[str, Decimal]] = {
        OrderType.LIMIT: {"limit_price": first},
        OrderType.STOP_MARKET: {"stop_price": first},
        OrderType.STOP_LIMIT: {"stop_price": first, "limit_price": second},
        OrderType.LIMIT_IF_TOUCHED: {"trigger_price": first, "limit_price": second},
        OrderType.TRAILING_STOP: {"trailing_amount": Decimal(abs(one) + 1) / 100},
    }
    in_force = TimeInForce(TimeInForceKind.DAY if day else TimeInForceKind.GOOD_TIL_CANCELED)
    return OrderRequest(
        symbol, kind, quantity, time_in_force=in_force, synchronous=sync, **prices.get(kind, {})
    )


def play(
    plan: list[list[Act]], path: list[tuple[int, int, int]], *, defer: bool, check: Callable[[Engine], None]
) -> tuple[Engine, Recorder]:
    """Run a plan over a path; `check` looks at the engine after every step."""
    options = EngineOptions(start_ns=at(START), cash=CASH, policy=TradingPolicy(defer_requests=defer))
    engine, recorder, _ = backtest(START, options)
    for symbol in (SPY, IBM):
        engine.subscriptions.add_security(symbol, Resolution.MINUTE)
    for event, todo in zip(bars(path), plan, strict=True):

        def act(todo: list[Act] = todo) -> None:
            for item in todo:
                perform(engine, item)

        recorder.acts["data"] = act
        engine.process(event)
        check(engine)
    return engine, recorder


def books_balance(engine: Engine) -> None:
    """Cash, positions, equity and fees are what the fills make them; every order is in a legal state."""
    cash, fees = CASH, Decimal(0)
    held = {SPY: Decimal(0), IBM: Decimal(0)}
    for record in engine.orders.records():
        filled = sum((fill.quantity for fill in record.fills), Decimal(0))
        assert record.filled_quantity == filled
        assert abs(filled) <= abs(record.quantity)
        assert all(fill.fee >= 0 for fill in record.fills)
        assert (record.status is OrderStatus.FILLED) is (filled != 0 and filled == record.quantity)
        for fill in record.fills:
            cash -= fill.quantity * fill.price + fill.fee
            fees += fill.fee
            held[record.symbol] += fill.quantity
    portfolio = engine.portfolio
    assert portfolio.cash["USD"].amount == cash
    assert portfolio.total_fees == fees
    worth = cash
    for symbol, quantity in held.items():
        assert portfolio.quantity(symbol) == quantity
        worth += quantity * engine.securities[symbol].exact_price()
    assert portfolio.total_value == worth
    working = {record.id for record in engine.orders.open_orders()}
    assert working == {item.id for item in engine.orders.records() if item.status in OPEN}


def lives_are_legal(engine: Engine) -> None:
    """Every order went from state to state as the table says, and nothing filled after its end."""
    for record in engine.orders.records():
        state = OrderStatus.NEW
        for event in record.events:
            assert event.status in TRANSITIONS[state] or event.status is state
            assert state not in CLOSED
            assert (event.fill is not None) is (event.status is OrderStatus.FILLED)
            state = event.status
        assert state is record.status
        assert [event.number for event in record.events] == list(range(1, record.news + 1))
        times = [event.time_ns for event in record.events]
        assert times == sorted(times)
        assert record.status is not OrderStatus.NEW


@settings(max_examples=60, deadline=None)
@given(plan=plans, path=moves, defer=st.booleans())
def test_the_books_balance_whatever_an_algorithm_does(
    plan: list[list[Act]], path: list[tuple[int, int, int]], defer: bool
) -> None:
    engine, _ = play(plan, path, defer=defer, check=books_balance)
    lives_are_legal(engine)


@settings(max_examples=25, deadline=None)
@given(plan=plans, path=moves)
def test_the_same_plan_gives_the_same_news_twice(
    plan: list[list[Act]], path: list[tuple[int, int, int]]
) -> None:
    runs = [play(plan, path, defer=True, check=lambda engine: None) for _ in range(2)]
    first, second = (recorder.calls for _, recorder in runs)
    assert first == second
    events = [[event for item in engine.orders.records() for event in item.events] for engine, _ in runs]
    assert events[0] == events[1]


def test_the_plans_are_not_idle() -> None:
    """A plan of one order of each kind fills most of them: the property above is about something."""
    plan: list[list[Act]] = [[] for _ in range(STEPS)]
    for number, kind in enumerate(KINDS[:6]):
        plan[number + 1] = [("order", (kind, SPY, Decimal(10), 5, 50, False, True))]
    path = [((-1) ** (number // 4) * 100, 60, 60) for number in range(2 * STEPS)]
    engine, _ = play(plan, path, defer=True, check=books_balance)
    statuses = [record.status for record in engine.orders.records()]
    assert len(statuses) == 6
    assert statuses.count(OrderStatus.FILLED) >= 5
