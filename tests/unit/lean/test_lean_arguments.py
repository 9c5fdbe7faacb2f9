# ruff: noqa: DTZ001 — LEAN's times are naive
"""LEAN's names of arguments, what its overloads take, and what it refuses after `initialize`."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.statistics.trades import FillGrouping, FillMatching
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.trading import PortfolioTarget
from livetrader_lean.binding import RunSettings
from livetrader_lean.enums import (
    AccountType,
    BrokerageName,
    FillGroupingMethod,
    FillMatchingMethod,
    OrderStatus,
    OrderType,
    Resolution,
)
from livetrader_lean.extensions import OrderExtensions
from livetrader_lean.market import QuoteBar, TradeBar
from livetrader_lean.order_faces import LimitOrder, MarketOrder
from livetrader_lean.slices import Slice
from livetrader_lean.statistics import TradeBuilder
from tests.unit.engine.world import backtest, minute_bar


class Plain(QCAlgorithm):
    """Leaves everything to the tests."""


@pytest.fixture
def algorithm() -> Any:
    engine, _, _ = backtest("2013-10-07 09:30")
    adapter = AlgorithmAdapter(engine, Plain, {"fast": "10"}, run=RunSettings(live=False))
    made = Plain.__new__(Plain)
    made._lean = adapter.binding
    return made


@pytest.fixture
def trading(algorithm: Any) -> Any:
    """SPY at 100, half past nine and a minute, after initialize."""
    algorithm.add_equity("SPY", Resolution.MINUTE)
    algorithm._lean.engine.securities.update([minute_bar("2013-10-07 09:31", (100.0, 100.0, 100.0, 100.0))])
    algorithm._lean.initialized = True
    return algorithm


def test_dates_are_given_by_name(algorithm: Any) -> None:
    algorithm.set_start_date(start=datetime(2013, 10, 7, 12))
    algorithm.set_end_date(end=datetime(2013, 10, 8))
    assert algorithm.start_date == datetime(2013, 10, 7)
    assert algorithm.end_date == datetime(2013, 10, 8, 23, 59, 59, 999999)  # LEAN: a tick before midnight
    algorithm.set_start_date(year=2013, month=10, day=9)
    assert algorithm.start_date == datetime(2013, 10, 9)


def test_no_run_begins_before_the_twentieth_century(algorithm: Any) -> None:
    with pytest.raises(AlgorithmError, match="1900"):
        algorithm.set_start_date(1899, 12, 31)


def test_cash_parameters_and_warm_up_take_leans_names(algorithm: Any) -> None:
    algorithm.set_cash(symbol="USD", starting_cash=50_000, conversion_rate=0)
    assert algorithm.portfolio.cash == 50_000
    assert algorithm.get_parameter(name="fast", default_value=3) == 10
    assert algorithm.get_parameter("slow", default_value=3) == 3
    algorithm.set_warm_up(bar_count=5, resolution=Resolution.DAILY)
    assert algorithm._lean.warm_up.bars == 5
    algorithm.SetWarmup(timeSpan=timedelta(days=2))
    assert algorithm._lean.warm_up.span_ns == 2 * 86_400 * 10**9


def test_models_and_schedules_take_leans_names(algorithm: Any) -> None:
    algorithm.set_brokerage_model(
        brokerage=BrokerageName.INTERACTIVE_BROKERS_BROKERAGE, account_type=AccountType.CASH
    )
    assert algorithm.brokerage_model.account_type == AccountType.CASH
    rules = algorithm.date_rules, algorithm.time_rules
    event = algorithm.schedule.on(
        name="n", date_rule=rules[0].every_day(), time_rule=rules[1].at(10, 0), callback=lambda: None
    )
    assert event.name == "n"
    with pytest.raises(AlgorithmError, match="colour"):
        algorithm.schedule.on(rules[0].every_day(), rules[1].noon, lambda: None, colour=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda a: a.set_cash(5),
        lambda a: a.set_start_date(2013, 1, 1),
        lambda a: a.set_end_date(2013, 1, 1),
        lambda a: a.set_time_zone("UTC"),
        lambda a: a.set_warm_up(5),
        lambda a: a.set_benchmark("SPY"),
    ],
)
def test_what_belongs_into_initialize_is_refused_after_it(algorithm: Any, call: Any) -> None:
    algorithm._lean.initialized = True
    with pytest.raises(AlgorithmError, match="only be called from initialize"):
        call(algorithm)


def test_methods_in_pascal_case_take_arguments_in_camel_case(trading: Any) -> None:
    ticket = trading.LimitOrder("SPY", 10, limitPrice=99, tag="t", orderProperties=None)
    assert ticket.get(0) == 99  # OrderField.LIMIT_PRICE


def test_an_order_type_in_the_place_of_old_says_nothing(trading: Any) -> None:
    assert trading.order("SPY", 2, OrderType.LIMIT).order_type == OrderType.MARKET


def test_a_removal_tags_what_it_orders(trading: Any) -> None:
    limit = trading.limit_order("SPY", 10, 90)
    assert trading.remove_security("SPY", tag="gone")
    assert limit.cancel_request.tag == "gone"
    assert not trading.remove_security(trading.symbol("IBM"))


def test_a_removed_security_is_known_but_not_active(trading: Any) -> None:
    trading.add_equity("IBM", Resolution.MINUTE)
    assert trading.remove_security("SPY")
    assert trading.securities.contains_key("SPY")
    assert [pair.key.value for pair in trading.active_securities] == ["IBM"]


def test_orders_are_of_the_class_of_their_type(trading: Any) -> None:
    trading.limit_order("SPY", 10, 90, tag="low")
    (order,) = trading.transactions.get_orders(filter=lambda order: order.tag == "low")
    assert isinstance(order, LimitOrder)
    assert not isinstance(order, MarketOrder)
    assert (order.contingent_id, order.is_marketable, order.group_order_manager) == (0, False, None)
    assert order.time_in_force == trading.default_order_properties.time_in_force
    assert order.get_value(trading.securities["SPY"]) == 900  # a buy counts at its limit below the price
    assert trading.transactions.get_open_orders(symbol="SPY")[0].id == order.id


def test_states_and_types_of_orders_answer_questions() -> None:
    closed = [status for status in OrderStatus if OrderExtensions.is_closed(status)]
    assert closed == [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.INVALID]
    assert OrderExtensions.is_fill(OrderStatus.PARTIALLY_FILLED)
    assert OrderExtensions.is_open(OrderStatus.CANCEL_PENDING)
    assert OrderExtensions.is_limit_order(OrderType.LIMIT_IF_TOUCHED)
    assert not OrderExtensions.is_stop_order(OrderType.LIMIT_IF_TOUCHED)


def test_what_the_algorithm_shows_is_its_own(algorithm: Any) -> None:
    algorithm.set_runtime_statistic("Days", 4.0)
    assert {pair.key: pair.value for pair in algorithm.runtime_statistics} == {"Days": "4"}


def test_trades_are_built_as_the_algorithm_says(algorithm: Any) -> None:
    algorithm.set_trade_builder(
        TradeBuilder(FillGroupingMethod.FLAT_TO_FLAT, matching_method=FillMatchingMethod.LIFO)
    )
    trades = algorithm._lean.engine.trades
    assert (trades.grouping, trades.matching) == (FillGrouping.FLAT_TO_FLAT, FillMatching.LIFO)
    assert algorithm.trade_builder.closed_trades == []
    with pytest.raises(AlgorithmError, match="TradeBuilder"):
        algorithm.set_trade_builder(3)


def test_a_target_in_percent_is_a_quantity(trading: Any) -> None:
    target = PortfolioTarget.percent(trading, "SPY", 0.5)
    assert target is not None
    assert target.quantity == trading.calculate_order_quantity("SPY", 0.5)


def test_a_slice_gives_points_by_type(trading: Any) -> None:
    bar = minute_bar("2013-10-07 09:31", (100.0, 101.0, 99.0, 100.5))
    data = Slice(bar.end_time_ns, [bar], trading.time_zone, trading._lean.zone)
    assert data.get(TradeBar)["SPY"].close == 100.5
    assert data.get(TradeBar, "SPY").close == 100.5
    assert not data.get(QuoteBar).contains_key("SPY")
    assert data.try_get_value("SPY")[0]
    assert data.try_get_value("IBM") == (False, None)
    assert [point.close for point in data.all_data] == [100.5]
    assert data.option_chains.count == 0


def test_a_position_knows_what_a_quantity_is_worth(trading: Any) -> None:
    held = trading.portfolio["SPY"]
    assert held.get_quantity_value(10) == 1000
    assert held.get_quantity_value(10, 50) == Decimal(500)
