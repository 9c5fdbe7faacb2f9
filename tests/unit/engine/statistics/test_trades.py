"""Trades made of fills: LEAN's TradeBuilderTests where they are small, hand arithmetic for the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.data.bars import Tick
from livetrader_engine.orders.order import ExecutionId, Fill, OrderId
from livetrader_engine.statistics.trade import MAX_CLOSED_TRADES
from livetrader_engine.statistics.trades import (
    FillGrouping,
    FillMatching,
    Trade,
    TradeBuilder,
    TradeDirection,
)
from livetrader_engine.symbols import NS_PER_MINUTE
from tests.unit.engine.statistics.figures import floats
from tests.unit.engine.world import SPY, security

ONE = Decimal(1)
FLAT = (FillGrouping.FLAT_TO_FLAT, FillGrouping.FLAT_TO_REDUCED)


class Trading:
    """Feeds a builder; each fill is an order of its own, ten minutes after the one before."""

    def __init__(
        self,
        grouping: FillGrouping = FillGrouping.FILL_TO_FILL,
        matching: FillMatching = FillMatching.FIFO,
    ) -> None:
        self.builder = TradeBuilder(grouping, matching)
        self.security = security()
        self.orders = 0

    def fill(self, quantity: int, price: str, *, order: int | None = None) -> None:
        self.orders += 1
        number = order or self.orders
        fill = Fill(
            ExecutionId(str(self.orders)), Decimal(quantity), Decimal(price), self.orders * 10 * NS_PER_MINUTE
        )
        self.builder.fill(self.security, OrderId(number), fill, ONE)

    def mark(self, *prices: float) -> None:
        for price in prices:
            self.security.update(Tick(SPY, 0, price))
            self.builder.mark_all()

    @property
    def trades(self) -> list[Trade]:
        return self.builder.closed


@pytest.mark.parametrize("grouping", FillGrouping)
@pytest.mark.parametrize("matching", FillMatching)
def test_all_in_all_out_long(grouping: FillGrouping, matching: FillMatching) -> None:
    day = Trading(grouping, matching)
    day.fill(1000, "1.08")
    day.mark(1.075, 1.10)
    assert day.builder.has_open(SPY)
    day.fill(-1000, "1.09")
    assert not day.builder.has_open(SPY)
    (trade,) = day.trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("1.08"), Decimal("1.09"))
    assert trade.direction is TradeDirection.LONG
    assert floats(trade.quantity, trade.profit, trade.fees) == (1000, 10, 2)
    assert trade.duration_ns == 10 * NS_PER_MINUTE
    assert sorted(trade.orders) == [1, 2]
    assert trade.won
    extremes = (-5, 20, 10) if grouping is FillGrouping.FILL_TO_FILL else (0, 0, 0)
    assert floats(trade.adverse, trade.favorable, trade.drawdown) == extremes


def test_all_in_all_out_short() -> None:
    day = Trading()
    day.fill(-1000, "1.08")
    day.mark(1.075, 1.10)
    day.fill(1000, "1.09")
    (trade,) = day.trades
    assert floats(trade.direction, trade.profit) == (TradeDirection.SHORT, -10)
    assert floats(trade.adverse, trade.favorable, trade.drawdown) == (-20, 5, 25)
    assert not trade.won


@pytest.mark.parametrize("matching", FillMatching)
def test_each_entry_is_a_trade_of_its_own(matching: FillMatching) -> None:
    day = Trading(matching=matching)
    day.fill(1000, "1.08")
    day.mark(1.075)
    day.fill(1000, "1.07")
    day.mark(1.065, 1.10)
    day.fill(-2000, "1.09")
    first, second = day.trades if matching is FillMatching.FIFO else day.trades[::-1]
    assert floats(first.profit, first.adverse, first.favorable) == (10, -15, 20)
    assert floats(second.profit, second.adverse, second.favorable) == (20, -5, 30)
    closed_first = first if matching is FillMatching.FIFO else second
    assert closed_first.fees == 2  # the exit's fee counts once
    assert first.fees + second.fees == 3


def test_from_flat_to_flat_averages_entries_and_exits() -> None:
    day = Trading(FillGrouping.FLAT_TO_FLAT)
    day.fill(1000, "1.08")
    day.fill(1000, "1.06")
    day.fill(-500, "1.07")
    assert day.trades == []
    day.fill(-1500, "1.09")
    (trade,) = day.trades
    assert trade.entry_price == Decimal("1.07")
    assert trade.exit_price == Decimal("1.085")  # (0.5 * 1.07 + 1.5 * 1.09) / 2
    assert floats(trade.quantity, trade.profit, trade.fees) == (2000, 30, 4)
    assert sorted(trade.orders) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("matching", "entry", "profit", "minutes"),
    [(FillMatching.FIFO, "1.08", "5.00", 10), (FillMatching.LIFO, "1.06", "15.00", 20)],
)
def test_from_flat_to_reduced_each_reduction_is_a_trade(
    matching: FillMatching, entry: str, profit: str, minutes: int
) -> None:
    day = Trading(FillGrouping.FLAT_TO_REDUCED, matching)
    day.fill(1000, "1.08")
    day.fill(1000, "1.06")
    day.fill(-500, "1.09")
    (trade,) = day.trades
    assert (trade.entry_price, str(trade.profit)) == (Decimal(entry), profit)
    assert trade.quantity == 500
    assert trade.entry_ns == minutes * NS_PER_MINUTE
    assert trade.fees == 3
    day.fill(-1500, "1.09")
    assert sum(item.profit for item in day.trades) == 40
    assert day.trades[1].fees == 1
    assert not day.builder.has_open(SPY)


@pytest.mark.parametrize("grouping", FillGrouping)
def test_through_zero_the_rest_is_a_new_position_without_a_fee(grouping: FillGrouping) -> None:
    day = Trading(grouping)
    day.fill(1000, "1.07")
    day.fill(-3000, "1.09")
    day.fill(2000, "1.08")
    long, short = day.trades
    assert (long.direction, short.direction) == (TradeDirection.LONG, TradeDirection.SHORT)
    assert long.profit == 20
    assert floats(short.profit, short.quantity, short.fees) == (20, 2000, 1)
    assert not day.builder.has_open(SPY)


def test_a_partial_exit_leaves_the_entry_without_its_fee() -> None:
    day = Trading()
    day.fill(1000, "1.07")
    day.fill(-400, "1.08")
    day.fill(-600, "1.08")
    first, second = day.trades
    assert floats(first.quantity, first.profit, first.fees) == (400, 4, 2)
    assert floats(second.quantity, second.profit, second.fees) == (600, 6, 1)


def test_the_fee_of_an_order_counts_with_its_first_fill_only() -> None:
    day = Trading()
    day.fill(500, "1.07", order=1)
    day.fill(500, "1.07", order=1)
    day.fill(-1000, "1.07", order=2)
    assert sum(trade.fees for trade in day.trades) == 2


def test_a_split_scales_what_is_open() -> None:
    day = Trading()
    day.fill(1000, "1.08")
    day.mark(1.075, 1.10)
    day.builder.split(SPY, Decimal("0.5"))
    day.fill(-2000, "0.545")
    (trade,) = day.trades
    assert floats(trade.entry_price, trade.quantity, trade.profit) == (0.54, 2000, 10)
    assert floats(trade.adverse, trade.favorable) == (-5, 20)


def test_an_endless_run_keeps_a_bounded_number_of_trades() -> None:
    builder = TradeBuilder()
    held = security()
    for number in range(MAX_CLOSED_TRADES + 2):
        for sign in (1, -1):
            fill = Fill(ExecutionId("x"), Decimal(sign), ONE, number)
            builder.fill(held, OrderId(2 * number + sign), fill, ONE)
    assert len(builder.closed) <= MAX_CLOSED_TRADES
    assert builder.closed[-1].number == MAX_CLOSED_TRADES + 2
