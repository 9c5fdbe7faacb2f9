"""The examples on LEAN's SPY data, against figures computed from the raw files without our code."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from tests.parity.conftest import Backtest
from tests.parity.data import daily


def test_buy_and_hold_is_worth_its_shares_and_the_cash_that_is_left(
    backtest: Backtest, lean_data: Path
) -> None:
    run = backtest("buy_and_hold.py")
    spy = daily(lean_data, "spy")
    (order,) = run.orders
    # decided at Monday's close, bought at Tuesday's open; LEAN leaves a quarter percent in cash
    shares = math.floor(100_000 * 0.9975 / spy.close["2013-10-07"])
    bought = spy.open["2013-10-08"]
    fee = 0.005 * shares
    assert order["type"] == "market_on_open"
    assert int(order["quantity"]) == shares
    assert order["bar_time"] == "2013-10-07T20:00:00Z"
    assert order["fill_time"] == "2013-10-08T20:00:00Z"
    assert float(order["fill_price"]) == pytest.approx(bought, rel=1e-6), "LEAN writes seven digits"
    worth = 100_000 - shares * bought - fee + shares * spy.close["2013-10-11"]
    assert run.equity[-1][1] == pytest.approx(worth, abs=1e-3), "LEAN charts four decimals"
    assert run.summary["statistics"]["End Equity"] == f"{worth:.2f}"
    assert run.equity[0][0] == "2013-10-07T04:00:00Z"
    assert run.summary["status"] == "Completed"
    # bars, the benchmark's seven hours a day from one trading day early on, and the selection of SPY
    assert run.summary["data_points"] == 5 + 6 * 7 + 1


def test_dates_of_the_run_override_those_of_the_algorithm(backtest: Backtest) -> None:
    run = backtest("buy_and_hold.py", start="2015-01-05", end="2015-01-30")
    assert run.orders[0]["bar_time"].startswith("2015-01-05")
    assert run.equity[-1][0] <= "2015-01-31T05:00:00Z"
    days = 19  # 20 weekdays less Martin Luther King day
    assert run.result.data_points == days + (days + 1) * 7 + 1


def test_ema_cross_buys_on_the_first_rising_day_and_protects_each_position(
    backtest: Backtest, lean_data: Path
) -> None:
    run = backtest("ema_cross_with_stops.py", start="2009-01-02", end="2009-12-31")
    spy = daily(lean_data, "spy").close["2008-11-01":"2009-12-31"]
    warm = spy[:"2009-01-01"].index[-30]
    fast, slow = _ema(list(spy[warm:]), 10), _ema(list(spy[warm:]), 30)
    days = list(spy[warm:].index)
    first = next(day for day, a, b in zip(days, fast, slow, strict=True) if day >= days[30] and a > b)
    buys = [order for order in run.orders if order["tag"] == "fast crossed above slow"]
    assert buys[0]["bar_time"].startswith(first.strftime("%Y-%m-%d"))
    stops = [order for order in run.orders if order["type"] == "stop_market"]
    filled = [order for order in buys if order["status"] == "filled"]
    assert len(stops) == len(filled) > 3
    for bought, stop in zip(filled, stops, strict=True):
        assert float(stop["stop_price"]) == round(float(bought["fill_price"]) * 0.98, 2)
        assert stop["quantity"] == f"-{bought['quantity']}"
    assert {order["status"] for order in stops} <= {"filled", "canceled", "submitted"}
    assert sum(int(order["filled_quantity"]) for order in run.orders) >= 0  # never short at the end


def _ema(values: list[float], period: int) -> list[float]:
    out: list[float] = []
    for number, value in enumerate(values):
        if number + 1 <= period:
            out.append(sum(values[: number + 1]) / period if number + 1 == period else 0.0)
        else:
            out.append(value * 2 / (period + 1) + out[-1] * (1 - 2 / (period + 1)))
    return out


def test_ema_cross_runs_on_minutes_too(backtest: Backtest) -> None:
    run = backtest("ema_cross_with_stops.py", resolution="minute")
    assert run.result.status == "Completed"
    assert all("13:30:00Z" < order["bar_time"][11:] <= "20:00:00Z" for order in run.orders)
    # 5 days of 390 minutes, trades and quotes, and the 30 minutes of warm-up before them; the benchmark's
    # minutes of the day of warm-up, whose resolution counts for all streams, and its hours of the 5 days;
    # the selection of SPY
    assert run.result.data_points == 5 * 390 * 2 + 2 * 30 + 390 + 5 * 7 + 1


def test_semaphore_trains_at_once_and_on_every_sunday(backtest: Backtest) -> None:
    run = backtest("semaphore_training.py")
    assert run.result.status == "Completed"
    # 61 bars for each training (at the start, 52 Sundays), 2 for each slice: the year's 252 trading days and
    # the mornings of its 4 dividends. On the half day of 3 July two whole days back reach a third close.
    assert run.result.history_data_points == 61 * 53 + 2 * (252 + 4) + 1
    sides = [order["side"] for order in run.orders]
    assert len(sides) > 10
    assert all(first != second for first, second in itertools.pairwise(sides))


@pytest.mark.slow
@pytest.mark.timeout(120)  # fits forests
def test_the_guides_random_forest_trains_monthly_and_trades(backtest: Backtest) -> None:
    run = backtest("sklearn_algorithm.py", start="2018-01-01", end="2018-06-29")
    assert run.result.status == "Completed", run.result.error
    trained = [line[:10] for line in run.log if "Model trained" in line and line >= "2018-01-01"]
    # the first of the month, where it is a trading day: not New Year's, not Sunday April 1
    assert trained == ["2018-02-01", "2018-03-01", "2018-05-01", "2018-06-01"]
    sides = [order["side"] for order in run.orders]
    assert sides[:2] == ["buy", "sell"]
    assert all(first != second for first, second in itertools.pairwise(sides))


@pytest.mark.slow
@pytest.mark.timeout(120)  # fits forests
def test_the_demo_takes_its_symbol_from_a_parameter(backtest: Backtest) -> None:
    run = backtest("demo_sklearn.py", start="2013-01-02", end="2013-03-28", symbol="AAPL")
    assert run.result.status == "Completed", run.result.error
    assert {order["symbol"] for order in run.orders} == {"AAPL"}


def test_the_same_backtest_twice_gives_the_same_orders(backtest: Backtest) -> None:
    first, second = (
        backtest("semaphore_training.py", start="2013-01-01", end="2013-06-28") for _ in range(2)
    )
    assert first.orders == second.orders
    assert first.equity == second.equity
