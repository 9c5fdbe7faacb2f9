# ruff: noqa: DTZ001 — LEAN's times are naive
"""Objects of LEAN that algorithms make themselves, and what its collections answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import TimeInForceKind
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.binding import RunSettings
from livetrader_lean.corporate_actions import Delisting, Dividend, Split
from livetrader_lean.enums import OrderType, Resolution, SplitType, TickType
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.market import QuoteBar, Tick, TradeBar
from livetrader_lean.order_faces import (
    LimitOrder,
    MarketOrder,
    StopLimitOrder,
    TrailingStopOrder,
)
from livetrader_lean.order_properties import (
    DayTimeInForce,
    GoodTilCanceledTimeInForce,
    GoodTilDateTimeInForce,
    OrderProperties,
    TimeInForce,
)
from livetrader_lean.rates import ConstantRiskFreeRateInterestRateModel, InterestRateProvider
from livetrader_lean.reality.margin_calls import DefaultMarginCallModel, MarginCallModel
from livetrader_lean.sides import Bar
from livetrader_lean.slices import TradeBars
from livetrader_lean.symbols import Symbol
from tests.unit.engine.world import SPY, Surroundings, at, backtest, minute_bar

FLAT = (100.0, 100.0, 100.0, 100.0)
MONDAY = datetime(2013, 10, 7)


class Plain(QCAlgorithm):
    """Leaves everything to the tests."""


@pytest.fixture
def world() -> tuple[Any, Surroundings]:
    engine, _, around = backtest("2013-10-07 09:31")
    adapter = AlgorithmAdapter(engine, Plain, {}, run=RunSettings(live=False))
    made = Plain.__new__(Plain)
    made._lean = adapter.binding
    return made, around


@pytest.fixture
def algorithm(world: tuple[Any, Surroundings]) -> Any:
    made, _ = world
    made.add_equity("SPY", Resolution.MINUTE)
    made._lean.engine.securities.update([minute_bar("2013-10-07 09:31", FLAT)])
    return made


def test_orders_can_be_made_to_ask_models(algorithm: Any) -> None:
    made = StopLimitOrder(Symbol(SPY), -10, 99.5, 99, MONDAY, "a tag")
    assert (made.stop_price, made.limit_price, made.quantity, made.tag) == (99.5, 99.0, -10.0, "a tag")
    assert made.type == OrderType.STOP_LIMIT
    assert made.time == MONDAY
    trailing = TrailingStopOrder(Symbol(SPY), 10, 105, 0.05, True, MONDAY)
    assert trailing.trailing_as_percentage
    assert trailing.trailing_amount == 0.05
    properties = OrderProperties()
    properties.time_in_force = TimeInForce.DAY
    limit = LimitOrder(symbol=Symbol(SPY), quantity=10, limit_price=90, time=MONDAY, properties=properties)
    assert isinstance(limit.time_in_force, DayTimeInForce)
    assert limit.get_value(algorithm.securities["SPY"]) == 900.0  # the lower of limit and price
    assert MarketOrder(Symbol(SPY), 10, MONDAY).id == 0


def test_an_order_of_too_many_arguments_is_refused(algorithm: Any) -> None:
    with pytest.raises(AlgorithmError, match="made of symbol, quantity, time, tag, properties"):
        MarketOrder(Symbol(SPY), 10, MONDAY, "tag", None, 7)


def test_times_in_force_are_classes_too() -> None:
    assert isinstance(TimeInForce.GOOD_TIL_CANCELED, GoodTilCanceledTimeInForce)
    assert DayTimeInForce() == TimeInForce.DAY
    until = TimeInForce.good_til_date(MONDAY)
    assert isinstance(until, GoodTilDateTimeInForce)
    assert (until.kind, until.expiry) == (TimeInForceKind.GOOD_TIL_DATE, MONDAY)


def test_corporate_actions_can_be_made() -> None:
    split = Split(Symbol(SPY), MONDAY, 100, 0.5, SplitType.SPLIT_OCCURRED)
    assert (split.split_factor, split.reference_price, split.type) == (0.5, 100.0, SplitType.SPLIT_OCCURRED)
    assert split.time == MONDAY
    dividend = Dividend(Symbol(SPY), MONDAY, 1.25, 100)
    assert (dividend.distribution, dividend.reference_price) == (1.25, 100.0)
    with pytest.raises(AlgorithmError, match="Delisting cannot be made"):
        Delisting(Symbol(SPY), MONDAY, 1, 2)


def test_a_quote_bar_collapses_to_its_middle() -> None:
    bar = QuoteBar(MONDAY, Symbol(SPY), Bar(1, 2, 0.5, 1.5), 10, Bar(3, 4, 2.5, 3.5), 20, timedelta(hours=1))
    middle = bar.collapse()
    assert isinstance(middle, TradeBar)
    assert (middle.open, middle.high, middle.low, middle.close, middle.volume) == (2.0, 3.0, 1.5, 2.5, 0.0)
    assert middle.end_time == MONDAY + timedelta(hours=1)


def test_a_tick_is_what_its_prices_say() -> None:
    tick: Any = Tick()
    tick.tick_type = TickType.TRADE
    tick.price = 5
    assert tick.tick_type == TickType.TRADE
    with pytest.raises(AlgorithmError, match="is a trade"):
        tick.tick_type = TickType.QUOTE


def test_collections_can_be_copied_and_asked_in_several_ways() -> None:
    bar = minute_bar("2013-10-07 09:31", FLAT)
    bars = TradeBars({SPY: bar}, lambda symbol: at.__globals__["NEW_YORK"])
    copied = bars.copy()
    assert copied[Symbol(SPY)].close == 100.0
    copied.clear()
    assert len(bars) == 1
    assert bars.try_get("SPY")[0]
    assert bars.contains("SPY")
    assert bars.setdefault("IBM", None) is None


def test_nobodys_symbol_is_one() -> None:
    assert Symbol.EMPTY is Symbol.NONE
    assert Symbol.EMPTY.value == ""


def test_cash_can_be_added(algorithm: Any) -> None:
    book = algorithm.portfolio.cash_book
    book.add("eur", 10, 1.5)
    assert book["EUR"].value_in_account_currency == 15.0
    assert book.count == 2
    assert book.try_get_value("GBP") == (False, None)


def test_margin_calls_can_be_turned_off(algorithm: Any) -> None:
    calls = algorithm._lean.engine.margin_calls
    algorithm.portfolio.set_margin_call_model(MarginCallModel.NULL)
    assert calls.call_above is None
    assert algorithm.portfolio.margin_call_model is MarginCallModel.NULL
    algorithm.portfolio.margin_call_model = DefaultMarginCallModel(algorithm.portfolio, None, 0.2)
    assert calls.call_above == Decimal("1.2")

    class Own(DefaultMarginCallModel):
        """Of the user's own."""

    with pytest.raises(NotInLivetrader, match="margin_call_model"):
        algorithm.portfolio.set_margin_call_model(Own(algorithm.portfolio))


def test_rates_have_means(algorithm: Any) -> None:
    model: Any = ConstantRiskFreeRateInterestRateModel(0.02)
    assert model.get_average_risk_free_rate([MONDAY, MONDAY]) == 0.02
    assert model.get_average_risk_free_rate([]) == 0.0
    assert InterestRateProvider().get_interest_rate(MONDAY) == 0.0  # the made-up market has none
    assert isinstance(algorithm.risk_free_interest_rate_model, InterestRateProvider)
    algorithm.set_risk_free_interest_rate_model(model)
    assert algorithm.risk_free_interest_rate_model is model


def test_the_benchmark_can_be_looked_at(algorithm: Any) -> None:
    algorithm.set_benchmark(lambda time: time.day)
    assert algorithm.benchmark.evaluate(MONDAY) == 7.0


def test_securities_may_begin_with_their_last_price(world: tuple[Any, Surroundings]) -> None:
    made, around = world
    around.past = [minute_bar("2013-10-04 15:59", (42.0, 42.0, 42.0, 42.0))]
    assert made.add_equity("SPY", Resolution.MINUTE).price == 0.0
    made.settings.seed_initial_prices = True
    around.past = [minute_bar("2013-10-04 15:59", (42.0, 42.0, 42.0, 42.0), symbol=made.symbol("IBM").core)]
    assert made.add_equity("IBM", Resolution.MINUTE).price == 42.0


def test_last_prices_of_several_come_by_symbol(algorithm: Any, world: tuple[Any, Surroundings]) -> None:
    _, around = world
    around.past = [minute_bar("2013-10-04 15:59", (42.0, 42.0, 42.0, 42.0))]
    found = algorithm.get_last_known_prices(["SPY"])
    assert {point.close for point in found[Symbol(SPY)]} == {42.0}
