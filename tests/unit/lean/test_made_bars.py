"""Bars that an algorithm makes and changes, as consolidators written in Python do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from livetrader_engine.data import bars as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.consolidators import TickConsolidator
from livetrader_lean.market import DEFAULT_ZONE, BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.sides import Bar
from livetrader_lean.symbols import Symbol

SPY = Symbol(CoreSymbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa"))
NINE = datetime(2013, 10, 7, 9)  # noqa: DTZ001 — an algorithm's times are naive


def test_a_trade_bar_is_made_empty_and_filled_by_updates() -> None:
    bar = TradeBar()
    bar.symbol, bar.time, bar.period = SPY, NINE, timedelta(minutes=5)
    bar.update_trade(10.0, 100)
    bar.update(9.5, 0, 0, 50, 0, 0)
    bar.Update(11.25, 0, 0, 50, 0, 0)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (10.0, 11.25, 9.5, 11.25, 200.0)
    assert (bar.symbol, bar.end_time) == (SPY, datetime(2013, 10, 7, 9, 5))  # noqa: DTZ001
    bar.time = datetime(2013, 10, 7, 10)  # noqa: DTZ001
    assert bar.period == timedelta(minutes=5)
    bar.end_time = datetime(2013, 10, 7, 11)  # noqa: DTZ001
    assert bar.Period == timedelta(hours=1)


def test_a_trade_bar_is_made_of_numbers_in_leans_order_or_by_name() -> None:
    one = TradeBar(NINE, SPY, 1, 4, 0.5, 2, 300, timedelta(hours=1))
    other = TradeBar(NINE, SPY, 1, 4, low=0.5, close=2, volume=300, period=timedelta(hours=1))
    assert str(one) == str(other) == "SPY: O: 1 H: 4 L: 0.5 C: 2 V: 300"
    assert one.end_time == other.end_time == datetime(2013, 10, 7, 10)  # noqa: DTZ001
    assert TradeBar(NINE, SPY, 1, 2, 3, 4).period == timedelta(minutes=1)
    with pytest.raises(AlgorithmError, match="volume"):
        TradeBar(NINE, SPY, 1, 2, 3, 4, color=5)


def test_what_an_algorithm_changes_is_its_own() -> None:
    point = core.TradeBar(SPY.core, 0, 60_000_000_000, 1.0, 2.0, 0.5, 1.5, 10.0)
    bar = BaseData.of(point, DEFAULT_ZONE)
    assert isinstance(bar, TradeBar)
    copied, cloned = TradeBar(bar), bar.clone()
    bar.high = 7.0  # type: ignore[misc]  # a property, which mypy takes for a missing slot
    assert (bar.high, point.high, copied.high, cloned.high) == (7.0, 2.0, 2.0, 2.0)


def test_a_quote_bar_takes_in_each_side_and_its_price_is_the_middle() -> None:
    bar = QuoteBar(NINE, SPY, Bar(1, 3, 0.5, 2), 10, None, 0, timedelta(minutes=10))
    assert (bar.ask, bar.close, bar.last_bid_size) == (None, 2.0, 10.0)
    bar.update(0, 4.0, 5.0, 0, 0, 30)
    bar.update_quote(3.0, 20, 6.0, 0)
    assert bar.bid is not None and bar.ask is not None
    assert (bar.bid.open, bar.bid.high, bar.bid.low, bar.bid.close) == (1.0, 4.0, 0.5, 3.0)
    assert (bar.ask.open, bar.ask.high, bar.ask.low, bar.ask.close) == (5.0, 6.0, 5.0, 6.0)
    assert (bar.close, bar.last_bid_size, bar.last_ask_size) == (4.5, 20.0, 30.0)
    bar.ask.close = 7.0
    bar.bid.update(0.25)
    assert (bar.ask.close, bar.bid.low, bar.bid.close) == (7.0, 0.25, 0.25)
    assert str(bar.bid) == "O: 1 H: 4 L: 0.25 C: 0.25"


def test_ticks_are_made_as_trades_or_quotes_and_feed_consolidators() -> None:
    quote, sized = Tick(NINE, SPY, 10, 11), Tick(NINE, SPY, "", "P", 300, 10, 200, 12)
    assert (quote.value, quote.bid_price, quote.tick_type) == (10.5, 10.0, 1)
    assert (sized.value, sized.bid_size, sized.ask_size) == (11.0, 300.0, 200.0)
    trade = Tick(NINE, SPY, "", "P", 100, 9.5)
    assert (trade.value, trade.quantity, trade.tick_type, trade.end_time) == (9.5, 100.0, 0, NINE)
    made = TickConsolidator(2)
    heard: list[TradeBar] = []
    made.data_consolidated += lambda _sender, bar: heard.append(bar)
    for price in (9.5, 9.0):
        made.update(Tick(NINE, SPY, "", "P", 100, price))
    assert [(bar.open, bar.close, bar.volume) for bar in heard] == [(9.5, 9.0, 200.0)]
    with pytest.raises(AlgorithmError, match="quantity, price"):
        Tick(NINE)
