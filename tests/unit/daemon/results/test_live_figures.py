"""Trades, profits, fees and turnover of a live run, from every fill in the account and over restarts."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from livetrader.results.live_figures import (
    FILLS_REMEMBERED,
    OPEN_FILLS,
    PROFITS_KEPT,
    TRADES_KEPT,
    Day,
    FiguresState,
    LiveFigures,
    run_facts,
)
from livetrader_engine.orders.order import ExecutionId, Fill, OrderId
from livetrader_engine.statistics.charts import Candle
from livetrader_engine.statistics.results import statistics
from livetrader_engine.symbols import NS_PER_DAY, SecurityType, Symbol
from livetrader_engine.wire import decode_hook, encode_hook

SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
ES = Symbol.create("ES 1", "ES", SecurityType.FUTURE, "cme")
ZERO = Decimal(0)


def figures() -> LiveFigures:
    return LiveFigures(lambda symbol: Decimal(50) if symbol is ES else Decimal(1))


def fill(number: int, quantity: int, price: int, fee: int = 1, revision: int = 0) -> Fill:
    return Fill(
        ExecutionId(f"X{number}"), Decimal(quantity), Decimal(price), number * 10, Decimal(fee),
        revision=revision,
    )  # fmt: skip


def kept(state: FiguresState) -> FiguresState:
    """Return a state as a file brings it back."""
    body = msgspec.json.encode(state, enc_hook=encode_hook)
    return msgspec.json.decode(body, type=FiguresState, dec_hook=decode_hook)


def test_a_closing_fill_wins_against_the_average_price_and_pays_both_legs() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100))
    made.fill(SPY, OrderId(2), fill(2, 10, 110))
    made.fill(SPY, OrderId(3), fill(3, -5, 120))
    assert [item.profit for item in made.profits] == [5 * (120 - 105) - 2]
    assert (made.fees, made.volume) == (3, 1000 + 1100 + 600)


def test_a_position_that_goes_through_zero_wins_on_what_it_closed_and_is_short_then() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100, 0))
    made.fill(SPY, OrderId(2), fill(2, -15, 90, 0))
    made.fill(SPY, OrderId(3), fill(3, 5, 80, 0))
    assert [item.profit for item in made.profits] == [-100, 50]
    assert [(trade.direction.name, trade.profit) for trade in made.closed] == [("LONG", -100), ("SHORT", 50)]


def test_a_contract_counts_as_the_units_it_stands_for() -> None:
    made = figures()
    made.fill(ES, OrderId(1), fill(1, 1, 3000, 2))
    made.fill(ES, OrderId(2), fill(2, -1, 3010, 2))
    assert made.profits[0].profit == 500 - 4 and made.volume == 50 * 6010
    assert made.closed[0].profit == 500


def test_a_trade_that_is_told_twice_counts_once_and_a_correction_takes_its_place() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100))
    made.fill(SPY, OrderId(1), fill(1, 10, 100))
    made.fill(SPY, OrderId(1), fill(1, 10, 90, 3, revision=1))
    made.fill(SPY, OrderId(2), fill(2, -10, 95))
    assert (made.fees, made.closed[0].entry_price, made.closed[0].profit) == (4, 90, 50)


def test_a_fee_that_is_told_later_replaces_what_was_told_before() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100, 0))
    made.charge(SPY, OrderId(1), ExecutionId("X1"), Decimal(2))
    made.charge(SPY, OrderId(1), ExecutionId("X1"), Decimal(2))
    made.charge(SPY, OrderId(9), ExecutionId("unknown"), Decimal(7))
    made.fill(SPY, OrderId(2), fill(2, -10, 100, 1))
    assert (made.fees, made.closed[0].fees) == (3, 3)


def test_the_worst_and_best_prices_of_an_open_trade_are_seen() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100))
    for price in (97.0, 108.0, None, 104.0):
        made.mark(lambda symbol, price=price: price)  # type: ignore[misc]  # bound in this turn
    made.fill(SPY, OrderId(2), fill(2, -10, 105))
    assert (made.closed[0].adverse, made.closed[0].favorable) == (-30, 80)


def test_an_open_trade_is_counted_in_new_shares_after_a_split() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 10, 100, 0))
    made.split(SPY, Decimal("0.5"))
    made.hold([(SPY, Decimal(20), Decimal(50))])
    made.fill(SPY, OrderId(2), fill(2, -20, 55, 0))
    assert [item.profit for item in made.profits] == [100]
    assert (made.closed[0].quantity, made.closed[0].profit) == (20, 100)


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_restart_between_any_two_fills_changes_nothing(cut: int) -> None:
    fills = [(1, 10, 100), (2, 10, 110), (3, -15, 120), (4, -10, 90), (5, 5, 80)]
    whole, first = figures(), figures()
    for number, quantity, price in fills:
        whole.fill(SPY, OrderId(number), fill(number, quantity, price))
    for number, quantity, price in fills[:cut]:
        first.fill(SPY, OrderId(number), fill(number, quantity, price))
    second = figures()
    second.load(kept(first.state()))
    for number, quantity, price in fills:  # what was told before the restart is told again, as a venue may
        second.fill(SPY, OrderId(number), fill(number, quantity, price))
    assert (second.fees, second.volume, list(second.profits)) == (
        whole.fees,
        whole.volume,
        list(whole.profits),
    )

    def told(made: LiveFigures) -> list[tuple[object, ...]]:
        return [(t.number, t.entry_price, t.quantity, t.exit_price, t.profit, t.fees) for t in made.closed]

    assert told(second) == told(whole)


def test_everything_that_is_kept_is_bounded() -> None:
    made = figures()
    for number in range(1, 2 * PROFITS_KEPT + 3000):
        made.fill(SPY, OrderId(number), fill(number, 1 if number % 2 else -1, 100))
    for number in range(1, OPEN_FILLS + 500):
        made.fill(ES, OrderId(number), Fill(ExecutionId(f"E{number}"), Decimal(1), Decimal(1), number))
    state = made.state()
    assert len(state.profits) == PROFITS_KEPT and len(state.open_fills) == OPEN_FILLS
    assert len(state.recent) == FILLS_REMEMBERED and 0 < len(state.trades) <= TRADES_KEPT
    assert state.made > TRADES_KEPT


def test_statistics_are_those_of_days_that_were_seen() -> None:
    made = figures()
    start = Day(NS_PER_DAY, Decimal(100_000), ZERO, 0.0, ZERO, benchmark=300.0)
    values = [100_000, 101_000, 100_500, 102_000, 103_000]
    candles, before = [], Decimal(100_000)
    for number, value in enumerate(values, 2):
        equity = Decimal(value)
        gain = (equity - before) * 100 / before
        made.midnight(Day(number * NS_PER_DAY, equity, gain, 0.0, ZERO, benchmark=300.0 + number))
        candles.append(Candle(number * NS_PER_DAY, before, equity, before, equity))
        before = equity
    results = statistics(run_facts(made.state(), candles, start, lambda day: Decimal(0)))
    assert results.summary["Start Equity"] == "100000" and results.summary["End Equity"] == "103000"
    assert results.summary["Net Profit"] == "3.00%" and results.summary["Drawdown"] == "0.500%"
    assert float(results.summary["Sharpe Ratio"]) > 0


def test_turnover_is_what_was_traded_in_a_day_over_the_account() -> None:
    made = figures()
    made.fill(SPY, OrderId(1), fill(1, 100, 100))
    made.midnight(Day(NS_PER_DAY, Decimal(100_000), ZERO, 0.0, ZERO))
    made.midnight(Day(2 * NS_PER_DAY, Decimal(100_000), ZERO, 0.0, ZERO))
    assert [day.turnover for day in made.days] == [Decimal("0.1"), 0]
