"""The arithmetic of splits; the figures are hand arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.splits import point_after, ratio_of, shares_after
from livetrader_engine.orders.after_split import order_after
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from tests.unit.engine.world import SPY


@pytest.mark.parametrize(
    ("factor", "ratio"),
    [
        ("0.25", Fraction(1, 4)),
        ("0.1", Fraction(1, 10)),  # ten for one, and no rounding of anything else
        ("10", Fraction(10)),
        ("0.1428572", Fraction(1, 7)),  # a file's seven for one
        ("0.6666", Fraction(2, 3)),
        ("0.9375", Fraction(15, 16)),
        ("0.98123457", Fraction("0.98123457")),  # a spin-off: no simple ratio stands behind it
    ],
)
def test_a_rounded_factor_stands_for_its_ratio(factor: str, ratio: Fraction) -> None:
    assert ratio_of(Decimal(factor)) == ratio


@pytest.mark.parametrize(
    ("held", "factor", "whole", "rest"),
    [
        ("100", "0.1428572", "700", "0"),
        ("15", "0.6666", "22", "0.5"),
        ("-15", "0.6666", "-22", "-0.5"),
        ("15", "10", "1", "0.5"),
        ("7", "10", "0", "0.7"),
        ("0", "0.25", "0", "0"),
    ],
)
def test_shares_are_cut_towards_zero_and_the_rest_is_told(
    held: str, factor: str, whole: str, rest: str
) -> None:
    assert shares_after(Decimal(held), Decimal(factor)) == (Decimal(whole), Decimal(rest))


def order(quantity: int, **prices: Decimal | bool | None) -> OrderSpec:
    return OrderSpec(
        OrderId(1), SPY, OrderType.LIMIT, Decimal(quantity), created_ns=1, reference_price=Decimal(100),
        **prices,  # type: ignore[arg-type]  # the prices of a test
    )  # fmt: skip


def test_an_order_keeps_its_value_and_what_has_traded_stays_as_it_was_counted() -> None:
    change = order_after(order(100, limit_price=Decimal("99.50")), Decimal(40), Decimal("0.25"))
    # 60 old shares are left, 240 new ones; 99.50 / 4 = 24.875, in cents
    assert (change.quantity, change.limit_price) == (Decimal(280), Decimal("24.88"))
    assert change.stop_price is None


def test_an_order_of_less_than_a_new_share_has_nothing_left_to_trade() -> None:
    assert order_after(order(5), Decimal(0), Decimal(10)).quantity == 0


def test_a_trailing_amount_is_scaled_and_a_trailing_percentage_is_not() -> None:
    by_amount = order(10, trailing_amount=Decimal(2))
    by_percent = order(10, trailing_amount=Decimal("0.05"), trailing_as_percentage=True)
    assert order_after(by_amount, Decimal(0), Decimal("0.5")).trailing_amount == Decimal("1.00")
    assert order_after(by_percent, Decimal(0), Decimal("0.5")).trailing_amount is None


def test_prices_volumes_and_sizes_count_in_new_shares() -> None:
    bar = point_after(TradeBar(SPY, 0, 60, 100.0, 104.0, 96.0, 102.0, 1000.0), Decimal("0.25"))
    assert isinstance(bar, TradeBar)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (25.0, 26.0, 24.0, 25.5, 4000.0)
    quotes = QuoteBar(SPY, 0, 60, 99.0, 100.0, 98.0, 99.0, 5.0, 101.0, 102.0, 100.0, 101.0, 6.0)
    scaled = point_after(quotes, Decimal("0.5"))
    assert isinstance(scaled, QuoteBar)
    assert (scaled.bid_close, scaled.bid_size, scaled.ask_high, scaled.ask_size) == (49.5, 10.0, 51.0, 12.0)
    tick = point_after(Tick(SPY, 5, price=100.0, quantity=3.0), Decimal("0.5"))
    assert isinstance(tick, Tick)
    assert (tick.price, tick.quantity, tick.bid_price) == (50.0, 6.0, 0.0)
