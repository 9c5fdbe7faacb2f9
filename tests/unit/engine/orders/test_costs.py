"""Fees, slippage and decimal rules against values worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float, normalized, smart_rounded, toward_zero
from livetrader_engine.orders.fees import (
    DefaultFees,
    FlatFee,
    InteractiveBrokersFees,
    NoFees,
    order_value,
)
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.slippage import ConstantSlippage, VolumeShareSlippage
from livetrader_engine.securities import Security
from livetrader_engine.symbols import SecurityType, Symbol
from tests.unit.engine.world import EURUSD, SPY, STOCK_EXCHANGE, minute_bar, minute_quote, order, security

AT = "2013-10-07 10:00"


def stock(price: float, volume: float = 1000) -> Security:
    return security(SPY, minute_bar(AT, (price, price, price, price), volume=volume))


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [
        (100, 50.0, "1"),  # 0.50 by the share: the minimum
        (200, 50.0, "1.000"),  # exactly the minimum
        (688, 144.77, "3.440"),
        (-688, 144.77, "3.440"),
        (10_000, 0.5, "25.000"),  # 50 by the share, 0.5% of 5000 is 25
        (100, 0.01, "1"),  # the minimum wins over the cap of half a cent
    ],
)
def test_interactive_brokers_charges_equities_by_the_share(shares: int, price: float, fee: str) -> None:
    charged = InteractiveBrokersFees().fee(stock(price), order(OrderType.MARKET, shares, AT))
    assert (charged.amount, charged.currency) == (Decimal(fee), "USD")


def test_default_fees_are_free_for_forex_and_known_for_equities() -> None:
    pair = security(EURUSD, minute_quote(AT, (1, 1, 1, 1), (1, 1, 1, 1), symbol=EURUSD))
    assert DefaultFees().fee(pair, order(OrderType.MARKET, 100_000, AT)).amount == 0
    assert DefaultFees().fee(stock(100), order(OrderType.MARKET, 1000, AT)).amount == 5
    assert InteractiveBrokersFees().fee(pair, order(OrderType.MARKET, 1_000_000, AT)).amount == 20
    assert InteractiveBrokersFees().fee(pair, order(OrderType.MARKET, 1000, AT)).amount == 2


def test_a_type_without_a_schedule_says_what_to_do() -> None:
    option = Symbol.create("SPY 1X|SPY R735QTJ8XC9X", "SPY 1X", SecurityType.OPTION, "usa")
    listed = Security(option, stock(1).properties, STOCK_EXCHANGE)
    with pytest.raises(AlgorithmError, match="choose a fee model"):
        DefaultFees().fee(listed, order(OrderType.MARKET, 1, AT, symbol=option))


def test_flat_and_no_fees() -> None:
    assert FlatFee(Decimal("1.5")).fee(stock(1), order(OrderType.MARKET, 1, AT)).amount == Decimal("1.5")
    assert NoFees().fee(stock(1), order(OrderType.MARKET, 1, AT)).amount == 0


@pytest.mark.parametrize(
    ("kind", "quantity", "prices", "value"),
    [
        (OrderType.MARKET, 10, {}, 1000),
        (OrderType.LIMIT, 10, {"limit": "90"}, 900),
        (OrderType.LIMIT, 10, {"limit": "110"}, 1000),
        (OrderType.LIMIT, -10, {"limit": "110"}, -1100),
        (OrderType.LIMIT, -10, {"limit": "90"}, -1000),
    ],
)
def test_the_value_of_an_order(kind: OrderType, quantity: int, prices: dict[str, str], value: int) -> None:
    assert order_value(stock(100), order(kind, quantity, AT, **prices)) == value  # type: ignore[arg-type]


def test_volume_share_slippage_is_capped() -> None:
    model = VolumeShareSlippage()
    # one per cent of the volume: 0.01² × 0.1 × 100
    assert model.slippage(stock(100), order(OrderType.MARKET, 10, AT)) == Decimal("0.001")
    # capped at 2.5 per cent: 0.025² × 0.1 × 100
    assert model.slippage(stock(100), order(OrderType.MARKET, 900, AT)) == Decimal("0.00625")
    assert model.slippage(stock(100, volume=0), order(OrderType.MARKET, 1, AT)) == Decimal("0.00625")


def test_constant_slippage() -> None:
    model = ConstantSlippage(Decimal("0.002"))
    assert model.slippage(stock(100), order(OrderType.MARKET, 1, AT)) == Decimal("0.2")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("144.77307790400", "144.7731"),
        ("1234.56785", "1234.5678"),  # half to even
        ("1234.56795", "1234.568"),
        ("-1234.56789", "-1234.568"),  # negative: seven digits
        ("0.000012345678", "0.00001234568"),
        ("100000", "100000"),
        ("0.00", "0"),
    ],
)
def test_smart_rounding(value: str, rounded: str) -> None:
    assert str(smart_rounded(Decimal(value))) == rounded


def test_casts_and_normal_forms() -> None:
    assert from_float(0.1 + 0.2) == Decimal("0.3")
    assert str(normalized(Decimal("688.000"))) == "688"
    assert str(normalized(Decimal("1E+3"))) == "1000"
    assert str(normalized(Decimal("-0.0"))) == "0"
    assert toward_zero(Decimal("-10.9"), Decimal(1)) == -10
    assert toward_zero(Decimal("10.9"), Decimal("0.5")) == Decimal("10.5")
