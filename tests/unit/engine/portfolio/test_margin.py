"""Targets and buying power. The first figure is LEAN's own (SPY on 2013-10-07 at 144.773077904)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.orders.fees import FeeModel, FlatFee, NoFees
from livetrader_engine.orders.order import ExecutionId, Fill, OrderType
from livetrader_engine.portfolio.margin import (
    margin_remaining,
    order_problem,
    target_quantity,
    told_problem,
)
from livetrader_engine.portfolio.portfolio import AccountType, Portfolio
from livetrader_engine.securities import Security
from tests.unit.engine.world import SPY, account, at, minute_bar, order, security

NOW = "2013-10-07 10:00"


def world(price: float, cash: str = "100000") -> tuple[Portfolio, Security]:
    stock = security(SPY, minute_bar(NOW, (price, price, price, price)))
    return account(cash, stock), stock


def held(portfolio: Portfolio, quantity: int, price: str) -> None:
    portfolio.apply_fill(SPY, Fill(ExecutionId("x"), Decimal(quantity), Decimal(price), at(NOW)))


def target(portfolio: Portfolio, stock: Security, weight: str, fees: FeeModel | None = None) -> Decimal:
    if fees is not None:
        portfolio.models.own(stock.symbol).fees = fees
    return target_quantity(portfolio, stock, Decimal(weight))


def test_leans_example_of_a_full_position() -> None:
    price = 144.773077904
    stock = security(SPY, TradeBar(SPY, at(NOW) - 1, at(NOW), price, price, price, price, 1))
    assert stock.exact_price() == Decimal("144.773077904")
    # 99750 / 144.773 = 689.01, but (100000 - 3.445) * 0.9975 = 99746.56 does not hold 689 (99748.65)
    assert target(account("100000", stock), stock, "1") == 688
    assert target(account("100000", stock), stock, "1", NoFees()) == 689


@pytest.mark.parametrize(
    ("weight", "quantity"),
    [
        ("1", 997),  # 99750 / 100 = 997.5; with 4.985 of fees (100000 - 4.985) * 0.9975 still holds 99700
        ("0.5", 498),
        ("-0.5", -498),
        ("0", 0),
    ],
)
def test_targets_leave_a_quarter_of_a_percent_free(weight: str, quantity: int) -> None:
    portfolio, stock = world(100)
    assert target(portfolio, stock, weight) == quantity


def test_a_target_counts_what_is_held() -> None:
    portfolio, stock = world(100)
    held(portfolio, 200, "100")
    assert target(portfolio, stock, "0.5", NoFees()) == 298
    assert target(portfolio, stock, "0.1", NoFees()) == -101
    assert target(portfolio, stock, "0") == -200


def test_a_change_below_a_tenth_of_a_percent_is_not_traded() -> None:
    portfolio, stock = world(100)
    held(portfolio, 498, "100")
    assert target(portfolio, stock, "0.5") == 0
    assert target(portfolio, stock, "0.501", NoFees()) == 0  # 99.75 of margin, 100 are needed
    assert target(portfolio, stock, "0.503", NoFees()) == 3


def test_no_price_no_target() -> None:
    stock = security()
    assert target(account("100000", stock), stock, "1") == 0


@pytest.mark.parametrize(
    ("have", "want", "fee", "enough"),
    [
        (0, 2000, "0", True),  # 200000 at leverage 2 needs all of 100000
        (0, 2000, "0.01", False),
        (0, 2001, "0", False),
        (0, -2000, "0", True),
        (2000, -2000, "9999999", True),  # closing always passes
        (2000, -4000, "0", True),  # through zero: the old position frees its margin
        (2000, -4001, "0", False),
        (1000, 1000, "0", True),
        (1000, 1001, "0", False),
    ],
)
def test_buying_power_at_leverage_two(have: int, want: int, fee: str, enough: bool) -> None:
    portfolio, stock = world(100)
    if have:
        held(portfolio, have, "100")
    spec = order(OrderType.MARKET, want, NOW)
    portfolio.models.own(SPY).fees = FlatFee(Decimal(fee))
    assert (order_problem(portfolio, stock, spec) is None) is enough


def test_the_refusal_is_told_in_leans_words() -> None:
    portfolio, stock = world(100)
    portfolio.models.own(SPY).fees = NoFees()
    spec = order(OrderType.MARKET, 2001, NOW)
    problem = order_problem(portfolio, stock, spec)
    assert problem == "Id: 1, Initial Margin: 100050, Free Margin: 100000"
    assert told_problem(portfolio, stock, spec, problem) == (
        "Order Error: ids: [1], Insufficient buying power to complete orders (Value:[200100]), Reason: "
        "Id: 1, Initial Margin: 100050, Free Margin: 100000."
    )


def test_margin_is_asked_for_at_the_price_whatever_the_limit() -> None:
    portfolio, stock = world(100)
    portfolio.models.own(SPY).fees = NoFees()
    assert order_problem(portfolio, stock, order(OrderType.LIMIT, 2001, NOW, limit="1")) is not None


def test_what_has_filled_of_an_order_asks_for_nothing_more() -> None:
    portfolio, stock = world(100)
    portfolio.models.own(SPY).fees = NoFees()
    held(portfolio, 500, "100")
    spec = order(OrderType.MARKET, 2000, NOW)  # 1500 of it are to come, 75000 of margin are left
    assert order_problem(portfolio, stock, spec, Decimal(500)) is None
    assert order_problem(portfolio, stock, spec) is not None


def test_a_cash_account_has_no_leverage() -> None:
    portfolio, stock = world(100)
    portfolio.account_type = AccountType.CASH
    portfolio.models.own(SPY).fees = NoFees()
    for quantity, enough in ((1000, True), (1001, False), (-1000, True), (-1001, False)):
        assert (order_problem(portfolio, stock, order(OrderType.MARKET, quantity, NOW)) is None) is enough


def test_margin_remaining_is_equity_less_half_the_position() -> None:
    portfolio, _ = world(100)
    held(portfolio, 1000, "100")
    assert margin_remaining(portfolio) == 50_000
