"""What splits, dividends, delistings and ticker changes do to an account; the figures are hand arithmetic."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.consolidators import PeriodConsolidator
from livetrader_engine.data.corporate_actions import (
    ActionQueue,
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
    SymbolChange,
)
from livetrader_engine.data.subscription import Normalization, Subscription, TickType
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import (
    AccountLoaded,
    DataEnded,
    MarketDataArrived,
    PositionRecord,
    TimePulse,
)
from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle
from livetrader_engine.indicators.averages import SimpleMovingAverage
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution, SecurityType, Symbol
from livetrader_engine.wire import decode_hook, encode_hook
from tests.unit.engine.world import SPY, Recorder, at, backtest, minute_bar

START = "2013-10-07 09:30"
NOON = "2013-10-07 12:00"
MIDNIGHT = at("2013-10-08 00:00")


def holding(normalization: Normalization, *, books: bool = True) -> tuple[Engine, Recorder]:
    """Return an engine that has bought 15 shares at 100 and stands at noon."""
    options = EngineOptions(start_ns=at(START), cash=Decimal(10_000), books_corporate_actions=books)
    engine, algorithm, _ = backtest(START, options)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE, normalization=normalization)
    bar = minute_bar(NOON, (100.0, 100.0, 100.0, 100.0))
    engine.process(MarketDataArrived(at(NOON), 1, (bar,)))
    engine.trading.market_order(SPY, Decimal(15))
    assert engine.portfolio.quantity(SPY) == 15
    return engine, algorithm


def happen(engine: Engine, *actions: CorporateAction) -> None:
    engine.process(MarketDataArrived(MIDNIGHT, 2, (), (), actions))


def cash(engine: Engine) -> Decimal:
    return engine.portfolio.cash["USD"].amount


def test_a_raw_split_changes_shares_price_and_working_orders_and_pays_the_fraction() -> None:
    engine, _ = holding(Normalization.RAW)
    order = OrderRequest(SPY, OrderType.LIMIT, Decimal(-15), limit_price=Decimal(120))
    record = engine.orders.submit(order)
    before = cash(engine)
    # three shares for two: 15 become 22 and a half, and that is paid at 66.66
    happen(engine, Split(SPY, MIDNIGHT, SplitKind.OCCURRED, Decimal("0.6666"), Decimal(100)))
    assert engine.portfolio.quantity(SPY) == 22
    assert engine.portfolio[SPY].average_price == Decimal("66.66")
    # 15 / 0.6666 - 22 = 0.50225022502... shares at 66.66
    assert (cash(engine) - before).quantize(Decimal("0.000001")) == Decimal("33.480000")
    assert record.spec.quantity == -22
    assert record.spec.limit_price == Decimal("79.99")  # 120 * 0.6666 = 79.992, in cents


def test_adjusted_prices_know_of_splits_and_dividends_already() -> None:
    engine, _ = holding(Normalization.ADJUSTED)
    before = cash(engine)
    happen(
        engine,
        Split(SPY, MIDNIGHT, SplitKind.OCCURRED, Decimal("0.5"), Decimal(100)),
        Dividend(SPY, MIDNIGHT, Decimal(2), Decimal(100)),
    )
    assert engine.portfolio.quantity(SPY) == 15
    assert cash(engine) == before


def test_a_dividend_is_paid_on_raw_and_on_split_adjusted_prices_and_never_where_a_brokerage_pays() -> None:
    dividend = Dividend(SPY, MIDNIGHT, Decimal("0.75"), Decimal(100))
    for normalization in (Normalization.RAW, Normalization.SPLIT_ADJUSTED):
        engine, _ = holding(normalization)
        before = cash(engine)
        happen(engine, dividend)
        assert cash(engine) - before == Decimal("11.25")
    engine, _ = holding(Normalization.RAW, books=False)
    before = cash(engine)
    happen(engine, dividend)
    assert cash(engine) == before


def test_a_delisting_closes_the_position_without_a_fee_and_ends_the_data() -> None:
    engine, algorithm = holding(Normalization.ADJUSTED)
    fees = engine.portfolio.total_fees
    happen(engine, Delisting(SPY, MIDNIGHT, DelistingKind.DELISTED))
    assert engine.portfolio.quantity(SPY) == 0
    assert engine.portfolio.total_fees == fees
    record = list(engine.orders.records())[-1]
    assert (record.status, record.spec.tag) == (OrderStatus.FILLED, "Liquidate from delisting")
    assert not engine.securities[SPY].is_tradable
    assert engine.subscriptions.streams() == []
    assert any("actions ['Delisting']" in line for line in algorithm.calls)


def test_a_warning_brings_the_newest_price_and_changes_nothing() -> None:
    engine, _ = holding(Normalization.RAW)
    happen(
        engine,
        Split(SPY, MIDNIGHT, SplitKind.WARNING, Decimal("0.5"), Decimal(0)),
        Delisting(SPY, MIDNIGHT, DelistingKind.WARNING),
    )
    assert engine.current_slice is not None
    split, delisting = engine.current_slice.actions
    assert isinstance(split, Split)
    assert split.reference_price == 100
    assert isinstance(delisting, Delisting)
    assert delisting.price == 100.0
    assert engine.portfolio.quantity(SPY) == 15


def test_a_new_ticker_cancels_working_orders() -> None:
    engine, _ = holding(Normalization.ADJUSTED)
    record = engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(-15), limit_price=Decimal(120)))
    happen(engine, SymbolChange(SPY, MIDNIGHT, "SPY", "NEW"))
    assert record.status is OrderStatus.CANCELED


def test_every_copy_counts_as_a_data_point_and_is_shown_once() -> None:
    engine, _ = holding(Normalization.ADJUSTED)
    before = engine.data_points
    queue = ActionQueue()
    dividend = Dividend(SPY, MIDNIGHT, Decimal(1), Decimal(100))
    for kind in (TickType.TRADE, TickType.QUOTE):
        queue.add(Subscription(SPY, Resolution.MINUTE, kind), [dividend], at(START))
    assert queue.next_time_ns == MIDNIGHT
    assert queue.take(MIDNIGHT - 1) == ()
    happen(engine, *queue.take(MIDNIGHT))
    assert engine.data_points - before == 2
    assert engine.current_slice is not None
    assert len(engine.current_slice.actions) == 1


def test_what_happened_before_a_stream_began_happens_when_it_begins() -> None:
    queue = ActionQueue()
    stream = Subscription(SPY, Resolution.MINUTE)
    queue.add(stream, [Dividend(SPY, MIDNIGHT, Decimal(1), Decimal(100))], MIDNIGHT + 5)
    assert queue.next_time_ns == MIDNIGHT + 5
    queue.remove(stream)
    assert queue.take(MIDNIGHT + 10) == ()


def test_corporate_actions_travel() -> None:
    event = MarketDataArrived(
        MIDNIGHT, 7, (), (),
        (
            Split(SPY, MIDNIGHT, SplitKind.WARNING, Decimal("0.1428572"), Decimal("645.57"), 2),
            Dividend(SPY, MIDNIGHT, Decimal("0.75"), Decimal(100)),
            Delisting(SPY, MIDNIGHT, DelistingKind.DELISTED, 12.5),
            SymbolChange(SPY, MIDNIGHT, "OLD", "NEW"),
        ),
    )  # fmt: skip
    sent = msgspec.msgpack.encode(event, enc_hook=encode_hook)
    kind = MarketDataArrived | DataEnded
    assert msgspec.msgpack.decode(sent, type=kind, dec_hook=decode_hook) == event


# -- live: a brokerage keeps the account ----------------------------------------------------------------


def split(held: int | None, factor: str = "0.25") -> Split:
    shares = None if held is None else Decimal(held)
    return Split(SPY, MIDNIGHT, SplitKind.OCCURRED, Decimal(factor), Decimal(100), held=shares)


def test_live_a_split_brings_what_the_account_holds_and_counts_the_price_in_the_same_shares() -> None:
    engine, _ = holding(Normalization.ADJUSTED, books=False)
    before, worth = cash(engine), engine.portfolio.total_value
    record = engine.orders.submit(OrderRequest(SPY, OrderType.LIMIT, Decimal(-15), limit_price=Decimal(120)))
    happen(engine, split(60))
    assert engine.portfolio.quantity(SPY) == 60
    assert engine.portfolio[SPY].average_price == 25
    assert engine.securities[SPY].exact_price() == 25
    assert (cash(engine), engine.portfolio.total_value) == (before, worth)
    assert record.spec.limit_price == 120, "orders are changed by whoever talks to the brokerage"


def test_live_a_split_that_is_told_twice_or_after_the_account_counts_once() -> None:
    engine, _ = holding(Normalization.ADJUSTED, books=False)
    happen(engine, split(60))
    positions = (PositionRecord(SPY, Decimal(60), Decimal(25)),)
    engine.process(AccountLoaded(MIDNIGHT, {"USD": cash(engine)}, positions))
    assert engine.portfolio.quantity(SPY) == 60
    assert engine.portfolio[SPY].average_price == 25


def test_live_an_engine_that_began_after_the_split_keeps_the_prices_of_its_history() -> None:
    options = EngineOptions(start_ns=MIDNIGHT + 1, cash=Decimal(10_000))
    engine, _, _ = backtest("2013-10-08 04:00", options)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(
        MarketDataArrived(at("2013-10-08 04:01"), 1, (minute_bar("2013-10-08 04:01", (25.0,) * 4),))
    )
    positions = (PositionRecord(SPY, Decimal(60), Decimal(25)),)
    engine.process(AccountLoaded(at("2013-10-08 04:01"), {"USD": Decimal(10_000)}, positions))
    engine.process(MarketDataArrived(at("2013-10-08 04:02"), 2, (), (), (split(60),)))
    assert engine.securities[SPY].exact_price() == 25
    assert engine.portfolio.quantity(SPY) == 60


def test_a_replay_of_adjusted_prices_through_a_brokerage_scales_nothing() -> None:
    engine, _ = holding(Normalization.ADJUSTED, books=False)
    happen(engine, split(None))
    assert engine.portfolio.quantity(SPY) == 15
    assert engine.securities[SPY].exact_price() == 100


def test_indicators_and_consolidators_keep_what_they_have_as_in_lean() -> None:
    engine, _ = holding(Normalization.ADJUSTED, books=False)
    made: list[TradeBar] = []
    average = SimpleMovingAverage(2)
    consolidator = PeriodConsolidator(
        periods.fixed(5 * NS_PER_MINUTE), clock=WallClock(engine.securities[SPY].hours.timezone)
    )
    consolidator.handlers += [made.append, average.push_bar]
    engine.consolidators.add(SPY, consolidator, resolution=Resolution.MINUTE)
    for end, price in (("2013-10-07 12:05", 100.0), ("2013-10-07 12:09", 104.0)):
        engine.process(MarketDataArrived(at(end), 3, (minute_bar(end, (price,) * 4),)))
    happen(engine, split(60))
    bar = minute_bar("2013-10-08 09:31", (25.0,) * 4)
    engine.process(MarketDataArrived(at("2013-10-08 09:31"), 4, (bar,)))
    engine.process(TimePulse(at("2013-10-08 09:40")))
    assert [bar.close for bar in made] == [100.0, 104.0, 25.0], "nothing of before is scaled"
    assert average.value == (104.0 + 25.0) / 2, "algorithms reset it in on_splits"


# -- options on what splits ----------------------------------------------------------------------------

_CALL = Identity(
    "SPY", SecurityType.OPTION, "usa", date(2013, 11, 16), Decimal(100),
    OptionRight.CALL, OptionStyle.AMERICAN, SPY.id,
)  # fmt: skip
CALL = Symbol.create(_CALL.text, "SPY 131116C00100000", SecurityType.OPTION, "usa")


def with_an_option(quantity: int) -> Engine:
    engine, _ = holding(Normalization.RAW, books=False)
    engine.subscriptions.add_security(CALL, Resolution.MINUTE)
    positions = (PositionRecord(CALL, Decimal(quantity), Decimal(2)),)
    engine.process(AccountLoaded(at(NOON), {"USD": cash(engine)}, positions))
    warning = Split(SPY, at("2013-10-07 00:00"), SplitKind.WARNING, Decimal("0.25"), Decimal(0))
    engine.process(MarketDataArrived(at("2013-10-07 12:01"), 2, (), (), (warning,)))
    return engine


def closing_orders(engine: Engine) -> list[OrderRecord]:
    return [one for one in engine.orders.records() if one.spec.symbol is CALL]


def test_options_on_what_splits_tomorrow_are_closed_with_the_last_market_on_close_order_in_time() -> None:
    engine = with_an_option(-3)
    engine.process(TimePulse(at("2013-10-07 15:43:59")))
    assert closing_orders(engine) == []
    engine.process(TimePulse(at("2013-10-07 15:44:00")))  # 16:00 less 15 1/2 minutes, at a step of minutes
    (order,) = closing_orders(engine)
    assert (order.spec.type, order.spec.quantity) == (OrderType.MARKET_ON_CLOSE, Decimal(3))
    assert "impending split" in order.spec.tag
    assert not engine.securities[CALL].is_tradable
    engine.process(TimePulse(at("2013-10-07 15:50:00")))
    assert len(closing_orders(engine)) == 1


def test_options_are_left_alone_where_none_are_held_or_no_split_is_near() -> None:
    engine = with_an_option(0)
    engine.process(TimePulse(at("2013-10-07 15:50:00")))
    assert closing_orders(engine) == []
