"""Cash, positions and settlement: what goes in equals what is there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.portfolio.portfolio import MAX_TRANSACTIONS, AccountType, Portfolio
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.symbols import Symbol
from tests.unit.engine.world import EURUSD, IBM, SPY, account, at, minute_bar, minute_quote, security

NOW = "2013-10-07 10:00"


def fill(quantity: int, price: str, fee: str = "0", now: str = NOW, execution: str = "x") -> Fill:
    return Fill(ExecutionId(execution), Decimal(quantity), Decimal(price), at(now), Decimal(fee))


def test_buying_adding_reducing_and_turning_round() -> None:
    portfolio = account("10000", security())
    held = portfolio[SPY]
    portfolio.apply_fill(SPY, fill(10, "100", "1"))
    portfolio.apply_fill(SPY, fill(10, "110", "1"))
    assert (held.quantity, held.average_price) == (20, 105)
    portfolio.apply_fill(SPY, fill(-5, "115", "1"))
    assert (held.quantity, held.average_price, held.profit) == (15, 105, 50)
    portfolio.apply_fill(SPY, fill(-25, "100", "1"))  # 15 closed at -5 each, 10 short at 100
    assert (held.quantity, held.average_price, held.profit) == (-10, 100, -25)
    portfolio.apply_fill(SPY, fill(10, "90", "1"))
    assert (held.quantity, held.average_price, held.profit) == (0, 0, 75)
    # 10000 - 1000 - 1100 + 575 + 2500 - 900, less five fees
    assert portfolio.cash["USD"].amount == 10_070
    assert portfolio.total_fees == 5
    # profit less twice the fee of the closing fill
    assert [record.profit for record in portfolio.transactions] == [48, -77, 98]
    assert len({record.time_ns for record in portfolio.transactions}) == 3


def test_equity_follows_the_price() -> None:
    stock = security()
    portfolio = account("10000", stock)
    portfolio.apply_fill(SPY, fill(10, "100"))
    assert portfolio.total_value == 10_000  # no data yet: the position is worth what it cost
    stock.update(minute_bar(NOW, (101, 103, 99, 102)))
    assert portfolio.total_value == 10_020
    assert portfolio.unrealized_profit == 19  # closing costs the least fee, 1
    assert portfolio[SPY].unrealized_profit_ratio == Decimal("0.019")
    assert portfolio.total_holdings_value == 1020


def test_a_forex_trade_moves_two_currencies() -> None:
    pair = security(EURUSD)
    portfolio = account("10000", pair)
    euro = portfolio.cash.ensure("EUR")
    euro.conversion = pair
    portfolio.apply_fill(EURUSD, fill(1000, "1.30"))
    pair.update(minute_quote(NOW, (1.31, 1.31, 1.31, 1.31), (1.33, 1.33, 1.33, 1.33), symbol=EURUSD))
    assert portfolio.cash["USD"].amount == 8700
    assert euro.amount == 1000
    assert portfolio.total_value == 8700 + 1320


def test_an_unknown_currency_is_named() -> None:
    with pytest.raises(AlgorithmError, match="JPY"):
        account().cash.convert(Decimal(1), "JPY")


def test_a_cash_account_waits_a_day_for_the_money_of_a_sale() -> None:
    held = SecurityManager()
    held.add(security())
    portfolio = Portfolio(held, account_type=AccountType.CASH)
    portfolio.cash.set("USD", Decimal(1000))
    portfolio.apply_fill(SPY, fill(10, "100"))
    portfolio.apply_fill(SPY, fill(-10, "110", now="2013-10-11 15:00"))  # a Friday
    cash = portfolio.cash["USD"]
    assert (cash.amount, cash.unsettled, portfolio.total_value) == (0, 1100, 1100)
    portfolio.settle(at("2013-10-14 05:59"))
    assert cash.amount == 0
    portfolio.settle(at("2013-10-14 06:00"))
    assert (cash.amount, cash.unsettled) == (1100, 0)


def test_loading_replaces_everything_and_keeps_the_books() -> None:
    portfolio = account("10000", security(), security(IBM))
    portfolio.apply_fill(SPY, fill(10, "100", "1"))
    portfolio.load({"USD": Decimal(500)}, {IBM: (Decimal(-3), Decimal(20))})
    assert portfolio.cash["USD"].amount == 500
    assert portfolio.quantity(SPY) == 0
    assert (portfolio.quantity(IBM), portfolio[IBM].average_price) == (-3, 20)
    assert portfolio.total_fees == 1


TRADES = st.lists(
    st.tuples(
        st.sampled_from([SPY, IBM]),
        st.integers(-50, 50).filter(bool),
        st.integers(1, 20_000),
        st.integers(0, 300),
    ),
    max_size=30,
)


@given(trades=TRADES)
def test_cash_and_positions_are_conserved_under_any_trades(
    trades: list[tuple[Symbol, int, int, int]],
) -> None:
    portfolio = account("100000", security(), security(IBM))
    spent, positions = Decimal(0), {SPY: 0, IBM: 0}
    for symbol, quantity, cents, fee_cents in trades:
        price, fee = Decimal(cents) / 100, Decimal(fee_cents) / 100
        portfolio.apply_fill(symbol, Fill(ExecutionId("x"), Decimal(quantity), price, 0, fee))
        spent += quantity * price + fee
        positions[symbol] += quantity
    assert portfolio.cash["USD"].amount == 100_000 - spent
    assert {symbol: portfolio.quantity(symbol) for symbol in positions} == positions
    # cash in = cost of what is held less what was won, less fees
    held_at_cost = sum((item.cost for item in portfolio.holdings()), Decimal(0))
    booked = 100_000 + portfolio.total_profit - portfolio.total_fees - held_at_cost
    assert abs(booked - portfolio.cash["USD"].amount) < Decimal("1e-15")


@given(trades=TRADES)
def test_a_flat_position_has_no_price_and_no_value(trades: list[tuple[Symbol, int, int, int]]) -> None:
    portfolio = account("0", security(), security(IBM))
    for symbol, quantity, cents, _ in trades:
        portfolio.apply_fill(symbol, Fill(ExecutionId("x"), Decimal(quantity), Decimal(cents), 0))
    for symbol in (SPY, IBM):
        held = portfolio[symbol]
        if held.quantity:
            portfolio.apply_fill(symbol, Fill(ExecutionId("x"), -held.quantity, Decimal(7), 0))
        assert (held.quantity, held.average_price, held.value) == (0, 0, 0)
    assert portfolio.total_value == portfolio.cash["USD"].amount
    assert abs(portfolio.total_value - portfolio.total_profit) < Decimal("1e-15")


def test_security_with_stale_or_filled_forward_data_keeps_its_price() -> None:
    stock: Security = security(SPY, minute_bar(NOW, (100, 100, 100, 100)))
    forwarded = minute_bar("2013-10-07 10:01", (5, 5, 5, 5))
    forwarded.fill_forward = True
    stock.update(forwarded)
    stock.update(minute_bar("2013-10-07 09:59", (7, 7, 7, 7)))
    assert stock.price == 100
    assert (stock.bid_price, stock.ask_price) == (100, 100)
    stock.update(minute_quote(NOW, (1, 1, 1, 99), (1, 1, 1, 101)))
    assert (stock.price, stock.bid_price, stock.ask_price) == (100, 99, 101)  # quotes do not price stocks


def test_the_records_of_closed_trades_stay_bounded() -> None:
    portfolio = account("0", security())
    for number in range(MAX_TRANSACTIONS // 2 + 600):
        quantity = 1 if number % 2 == 0 else -1
        trade = Fill(ExecutionId("x"), Decimal(2 * quantity), Decimal(5), number)
        portfolio.apply_fill(SPY, trade)
        portfolio.apply_fill(SPY, Fill(ExecutionId("x"), Decimal(-quantity), Decimal(5), number))
    assert len(portfolio.transactions) <= MAX_TRANSACTIONS
    assert portfolio.transactions[-1].time_ns > portfolio.transactions[0].time_ns
