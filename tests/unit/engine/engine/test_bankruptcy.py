"""A backtest whose account is used up ends before the next step, as LEAN's do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.symbols import Resolution
from tests.unit.engine.world import SPY, at, backtest, minute_bar, step


def ruined(*, ends: bool) -> Engine:
    """An account that bought for twice its equity and saw the price fall by more than half."""
    options = EngineOptions(start_ns=at("2013-10-07 09:30"), cash=Decimal(10_000), ends_bankrupt=ends)
    engine, recorder, _ = backtest("2013-10-07 09:30", options)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    # the price stands while the margin is looked at, then falls before the next look
    recorder.acts["data"] = lambda: (
        engine.trading.market_order(SPY, Decimal(195)) if engine.steps == 1 else None
    )
    engine.process(step(minute_bar("2013-10-07 09:31", (100.0, 100.0, 100.0, 100.0))))
    engine.process(step(minute_bar("2013-10-07 09:36", (100.0, 100.0, 100.0, 100.0))))
    engine.process(step(minute_bar("2013-10-07 09:37", (45.0, 45.0, 45.0, 45.0))))
    return engine


def test_it_ends_before_the_next_step() -> None:
    engine = ruined(ends=True)
    assert engine.portfolio.total_value < 0
    assert engine.quit_reason is None
    engine.process(step(minute_bar("2013-10-07 09:38", (200.0, 200.0, 200.0, 200.0))))
    assert engine.quit_reason == "nothing is left of the account"
    assert engine.securities[SPY].price == 45.0  # what came is not looked at any more


@pytest.mark.parametrize("price", [45.0, 200.0])
def test_elsewhere_it_goes_on(price: float) -> None:
    engine = ruined(ends=False)
    engine.process(step(minute_bar("2013-10-07 09:38", (price, price, price, price))))
    assert engine.quit_reason is None
    assert engine.securities[SPY].price == price
