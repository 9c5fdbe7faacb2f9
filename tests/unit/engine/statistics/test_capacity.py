"""Capacity by hand from LEAN's CapacityEstimate.cs and SymbolCapacity.cs."""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.slice import Slice
from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.schedule.scheduler import NEVER_NS
from livetrader_engine.securities import Security
from livetrader_engine.statistics.capacity import CapacityEstimate
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_MINUTE
from tests.unit.engine.world import CENTS, SPY, account, at, minute_bar, security

START = at("2013-10-07 00:00")
MIDNIGHT_LOCAL = 15_985 * NS_PER_DAY  # 2013-10-07 as a wall clock shows it
OPEN = ("2013-10-07 09:31", (100.0, 100.0, 100.0, 100.0))


def estimate(days: float = 5) -> tuple[CapacityEstimate, Portfolio, Security]:
    held = security(SPY, minute_bar(*OPEN))
    portfolio = account("100000", held)
    capacity = CapacityEstimate(portfolio)
    capacity.set_period(MIDNIGHT_LOCAL, round(days * NS_PER_DAY))
    return capacity, portfolio, held


def buy(
    capacity: CapacityEstimate, portfolio: Portfolio, held: Security, when: str, quantity: int = 100
) -> None:
    fill = Fill(ExecutionId(when), Decimal(quantity), Decimal(100), at(when))
    portfolio.apply_fill(SPY, fill)
    capacity.traded(held, fill)


def show(capacity: CapacityEstimate, when: str, volume: float, close: float = 100.0) -> None:
    bar = minute_bar(when, (100.0, 100.0, 100.0, close), volume=volume)
    capacity.update(at(when), Slice(at(when), (bar,)))


def test_nothing_is_due_without_a_fill() -> None:
    capacity, _, _ = estimate()
    assert capacity.due_ns == NEVER_NS
    capacity.update(START, None, force=True)
    assert capacity.value == 0
    assert capacity.lowest is None


def test_the_volume_after_a_fill_is_caught_for_as_long_as_six_million_dollars_take() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    assert capacity.catching
    show(capacity, "2013-10-07 09:31", 20_000)  # 2 million a minute: 3 minutes
    show(capacity, "2013-10-07 09:32", 10_000)  # (10,000 + 20,000) * 100: still 2 minutes of 3 million
    show(capacity, "2013-10-07 09:35", 300_000)  # 310,000 * 100 in 3 minutes: over after one
    assert not capacity.catching
    assert capacity.due_ns > at("2013-10-08 00:00")
    capacity.update(at("2013-10-07 09:36"), None, force=True)
    # 30,000 * 100 dollars * 0.20 of the volume / 1 trade / all of the sale volume
    assert capacity.value == 600_000
    assert capacity.lowest is SPY


def test_fills_in_quick_succession_catch_a_fifth_of_the_volume() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    show(capacity, "2013-10-07 09:31", 50_000)
    capacity.update(at("2013-10-07 09:40"), None, force=True)
    # the second fill came 0 minutes after the first: 0.2 of 5 million, 0.20 of that, over 2 trades
    assert capacity.value == 100_000


def test_bars_without_volume_are_waited_out() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    show(capacity, "2013-10-07 09:31", 0)
    assert capacity.catching
    capacity.update(at("2013-10-07 09:32"), None)
    assert capacity.catching


def test_a_daily_bar_of_a_session_counts_as_hours() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 16:00")
    bar = TradeBar(
        SPY, at("2013-10-07 09:30"), at("2013-10-07 16:00"), 100.0, 100.0, 100.0, 100.0, 1e6, scale=CENTS
    )
    capacity.update(bar.end_time_ns, Slice(bar.end_time_ns, (bar,)))
    capacity.update(bar.end_time_ns + 1, None, force=True)
    assert capacity.value == 5_000_000  # 100 million, 0.05 of it


def test_a_new_estimate_weighs_a_third_and_holdings_may_decide() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    show(capacity, "2013-10-07 09:31", 50_000)
    capacity.update(at("2013-10-07 09:40"), None, force=True)
    assert capacity.value == 1_000_000
    capacity.update(at("2013-10-07 09:41"), None, force=True)
    # nothing sold since: a position of 10,000 is a tenth of the equity, so the million counts ten times
    assert capacity.value == Decimal("0.33") * 10_000_000 + Decimal("0.66") * 1_000_000


def test_the_period_is_the_run_less_a_day_and_at_most_a_week() -> None:
    for days, expected in ((0.5, "2013-10-08"), (4.999, "2013-10-11"), (400, "2013-10-14")):
        capacity, portfolio, held = estimate(days)
        buy(capacity, portfolio, held, "2013-10-07 09:31")
        show(capacity, "2013-10-07 09:31", 1e9)
        show(capacity, "2013-10-07 09:33", 1e9)
        # days are those of UTC: they begin at 20:00 in New York
        assert capacity.due_ns == at(f"{expected} 00:00") - 4 * 60 * NS_PER_MINUTE


def test_a_symbol_is_forgotten_a_month_after_its_last_fill() -> None:
    capacity, portfolio, held = estimate()
    buy(capacity, portfolio, held, "2013-10-07 09:31")
    buy(capacity, portfolio, held, "2013-10-07 09:32", -100)
    capacity.update(at("2013-11-05 09:32"), None, force=True)
    assert capacity.due_ns != NEVER_NS
    capacity.update(at("2013-11-06 09:32"), None, force=True)
    assert capacity.due_ns == NEVER_NS
    assert not capacity.catching
