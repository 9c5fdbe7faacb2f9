"""What `self.settings`, benchmarks and brokerage models change in the engine behind them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from livetrader_engine.engine import Engine
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.portfolio.portfolio import AccountType as CoreAccountType
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.binding import RunSettings
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.enums import AccountType, BrokerageName, DataNormalizationMode, Resolution
from livetrader_lean.reality.brokerage_model import DefaultBrokerageModel
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


def engine_of(algorithm: Any) -> Engine:
    found: Engine = algorithm._lean.engine
    return found


def test_settings_of_targets_reach_the_policy_in_both_spellings(algorithm: Any) -> None:
    algorithm.settings.free_portfolio_value_percentage = 0.05
    algorithm.Settings.MinimumOrderMarginPortfolioPercentage = 0.5
    algorithm.settings.max_absolute_portfolio_target_percentage = 2
    policy = engine_of(algorithm).orders.policy
    assert policy.free_portfolio_value == Decimal("0.05")
    assert policy.minimum_order_margin == Decimal("0.5")
    assert policy.largest_target == 2


def test_an_amount_is_left_alone_in_place_of_a_part(algorithm: Any) -> None:
    engine = engine_of(algorithm)
    spy = algorithm.add_equity("SPY", Resolution.MINUTE)
    engine.securities.update([minute_bar("2013-10-07 09:31", (100.0, 100.0, 100.0, 100.0))])
    # 100,000 at 100 a share: 1,000 less the 250 that are left alone and the fee of 5
    assert algorithm.calculate_order_quantity(spy.symbol, 1) == 997
    algorithm.settings.free_portfolio_value = 60_000
    assert algorithm.calculate_order_quantity(spy.symbol, 1) == 399  # the fee of 2 costs the last share
    algorithm.settings.free_portfolio_value = None
    assert algorithm.calculate_order_quantity(spy.symbol, 1) == 997


def test_targets_beyond_the_bounds_are_not_traded(algorithm: Any) -> None:
    spy = algorithm.add_equity("SPY", Resolution.MINUTE)
    engine_of(algorithm).securities.update([minute_bar("2013-10-07 09:31", (100.0, 100.0, 100.0, 100.0))])
    algorithm.settings.max_absolute_portfolio_target_percentage = 0.5
    assert algorithm.calculate_order_quantity(spy.symbol, 0.6) == 0
    assert algorithm.calculate_order_quantity(spy.symbol, 0.4) > 0


def test_liquidation_can_be_switched_off(algorithm: Any) -> None:
    algorithm.settings.liquidate_enabled = False
    assert algorithm.liquidate() == []
    assert not algorithm.settings.liquidate_enabled


def test_settings_without_effect_are_kept_and_unknown_ones_refused(algorithm: Any) -> None:
    algorithm.settings.DataSubscriptionLimit = 7
    assert algorithm.settings.data_subscription_limit == 7
    algorithm.settings.seed_initial_prices = True
    assert algorithm.settings.SeedInitialPrices
    with pytest.raises(AlgorithmError, match="no setting 'fre_portfolio_value'"):
        algorithm.settings.fre_portfolio_value = 1


def test_a_cash_account_has_no_leverage_and_a_crypto_brokerage_a_longer_year(algorithm: Any) -> None:
    algorithm.set_brokerage_model(BrokerageName.COINBASE, AccountType.CASH)
    assert engine_of(algorithm).portfolio.account_type is CoreAccountType.CASH
    assert engine_of(algorithm).statistics.trading_days == 365
    algorithm.set_brokerage_model(DefaultBrokerageModel())
    assert engine_of(algorithm).statistics.trading_days == 252
    assert algorithm.brokerage_name == BrokerageName.DEFAULT
    with pytest.raises(AlgorithmError, match="BrokerageName or a model"):
        algorithm.set_brokerage_model(object())


def test_a_benchmark_is_a_ticker_or_a_function(algorithm: Any) -> None:
    algorithm.set_benchmark("IBM")
    followed = engine_of(algorithm).benchmark.symbol
    assert followed is not None
    assert followed.value == "IBM"
    algorithm.set_benchmark(lambda time: time.year)
    assert engine_of(algorithm).benchmark.symbol is None


def test_a_security_keeps_what_the_algorithm_puts_there(algorithm: Any) -> None:
    spy = algorithm.add_equity(ticker="SPY", resolution=Resolution.MINUTE)
    spy.factor = 2
    spy["other"] = 3
    spy.add("third", 4)
    assert (spy["factor"], spy.other, spy.get[int]("third")) == (2, 3, 4)
    assert spy.try_get("none") == (False, None)
    assert algorithm.securities["SPY"].factor == 2
    assert spy.remove("third")
    with pytest.raises(KeyError, match="no property 'third'"):
        _ = spy["third"]


def test_streams_tell_how_they_were_asked_for(algorithm: Any) -> None:
    spy = algorithm.AddEquity("SPY", Resolution.MINUTE, fillForward=False, extendedMarketHours=True)
    found = algorithm.subscription_manager.subscription_data_config_service.get_subscription_data_configs(
        "SPY"
    )
    assert [str(config.tick_type) for config in found] == ["Trade", "Quote"]
    assert all(config.resolution == Resolution.MINUTE and not config.fill_data_forward for config in found)
    assert spy.is_extended_market_hours
    spy.set_data_normalization_mode(DataNormalizationMode.RAW)
    assert spy.data_normalization_mode == DataNormalizationMode.RAW
    assert len(spy.subscriptions) == 2


def test_an_initializer_sees_each_security_once(algorithm: Any) -> None:
    seen: list[str] = []
    algorithm.set_security_initializer(lambda security: seen.append(security.symbol.value))
    algorithm.add_equity("SPY")
    algorithm.add_equity("SPY", Resolution.DAILY)
    assert seen == ["SPY"]


def test_statistics_are_there_before_the_first_sample(algorithm: Any) -> None:
    assert isinstance(algorithm.statistics.summary, Dictionary)
    assert algorithm.statistics.total_performance.portfolio_statistics.SharpeRatio == 0
    assert algorithm.trade_builder.closed_trades == []


def test_what_is_ordered_without_being_added_is_added(algorithm: Any) -> None:
    ticket = algorithm.market_order("IBM", 1)
    assert str(ticket.status) == "Invalid"  # there is no price yet
    assert "IBM" in algorithm.securities
