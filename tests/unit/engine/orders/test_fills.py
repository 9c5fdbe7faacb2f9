"""Fill models against tables worked out by hand from LEAN's rules; prices are open, high, low, close."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.errors import InvariantError
from livetrader_engine.orders.fills import WorkingOrder, match
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.slippage import ConstantSlippage, NoSlippage
from livetrader_engine.securities import Security
from tests.unit.engine.world import (
    EURUSD,
    at,
    daily_bar,
    minute_bar,
    minute_quote,
    order,
    security,
)

CREATED = "2013-10-07 10:00"
NOW = "2013-10-07 10:01"


def price_of(working: WorkingOrder, seen: Security, now: str = NOW) -> Decimal | None:
    return match(working, seen, at(now), NoSlippage()).price


def working(kind: OrderType, quantity: int, created: str = CREATED, **prices: str) -> WorkingOrder:
    spec = order(kind, quantity, created, **prices)  # type: ignore[arg-type]  # only the price keywords
    return WorkingOrder.of(spec, spec.created_ns)


BAR = (100.0, 102.0, 98.0, 101.0)


@pytest.mark.parametrize(
    ("kind", "quantity", "prices", "filled"),
    [
        # limit: strictly through the limit, at the open where that is better
        (OrderType.LIMIT, 10, {"limit": "99"}, "99"),
        (OrderType.LIMIT, 10, {"limit": "98"}, None),
        (OrderType.LIMIT, 10, {"limit": "98.01"}, "98.01"),
        (OrderType.LIMIT, 10, {"limit": "100.50"}, "100"),
        (OrderType.LIMIT, -10, {"limit": "101"}, "101"),
        (OrderType.LIMIT, -10, {"limit": "102"}, None),
        (OrderType.LIMIT, -10, {"limit": "99"}, "100"),
        # stop market: touching is enough, at the open where the bar opened beyond the stop
        (OrderType.STOP_MARKET, -10, {"stop": "98"}, "98"),
        (OrderType.STOP_MARKET, -10, {"stop": "97.99"}, None),
        (OrderType.STOP_MARKET, -10, {"stop": "100.50"}, "100"),
        (OrderType.STOP_MARKET, 10, {"stop": "102"}, "102"),
        (OrderType.STOP_MARKET, 10, {"stop": "102.01"}, None),
        (OrderType.STOP_MARKET, 10, {"stop": "99"}, "100"),
        # stop limit: strictly beyond the stop arms; the close decides about the limit
        (OrderType.STOP_LIMIT, 10, {"stop": "101.50", "limit": "101.50"}, "101.50"),
        (OrderType.STOP_LIMIT, 10, {"stop": "102", "limit": "103"}, None),
        (OrderType.STOP_LIMIT, 10, {"stop": "101", "limit": "103"}, "102"),
        (OrderType.STOP_LIMIT, 10, {"stop": "101", "limit": "101"}, None),
        (OrderType.STOP_LIMIT, -10, {"stop": "99", "limit": "100"}, "100"),
        (OrderType.STOP_LIMIT, -10, {"stop": "98", "limit": "100"}, None),
        (OrderType.STOP_LIMIT, -10, {"stop": "99", "limit": "97"}, "98"),
        # limit if touched: armed by touching the trigger, then at the side's price if within the limit
        (OrderType.LIMIT_IF_TOUCHED, 10, {"trigger": "98", "limit": "101"}, "101"),
        (OrderType.LIMIT_IF_TOUCHED, 10, {"trigger": "98", "limit": "100"}, None),
        (OrderType.LIMIT_IF_TOUCHED, 10, {"trigger": "97", "limit": "105"}, None),
        (OrderType.LIMIT_IF_TOUCHED, -10, {"trigger": "102", "limit": "100"}, "101"),
        # trailing stop: touching fills at the worse of stop and close
        (OrderType.TRAILING_STOP, -10, {"stop": "98", "trailing": "5"}, "98"),
        (OrderType.TRAILING_STOP, -10, {"stop": "101.50", "trailing": "5"}, "101"),
        (OrderType.TRAILING_STOP, 10, {"stop": "100.50", "trailing": "5"}, "101"),
        (OrderType.TRAILING_STOP, 10, {"stop": "103", "trailing": "5"}, None),
    ],
)
def test_an_equity_order_fills_by_the_trade_bar(
    kind: OrderType, quantity: int, prices: dict[str, str], filled: str | None
) -> None:
    seen = security()
    seen.update(minute_bar(NOW, BAR))
    expected = None if filled is None else Decimal(filled)
    assert price_of(working(kind, quantity, **prices), seen) == expected


def test_a_market_buy_pays_the_ask_and_a_sell_gets_the_bid() -> None:
    seen = security()
    seen.update(minute_bar(CREATED, BAR))
    seen.update(minute_quote(CREATED, (100, 100, 100, 100.99), (101, 101, 101, 101.02)))
    assert price_of(working(OrderType.MARKET, 1), seen, CREATED) == Decimal("101.02")
    assert price_of(working(OrderType.MARKET, -1), seen, CREATED) == Decimal("100.99")


def test_slippage_makes_both_sides_worse() -> None:
    seen = security()
    seen.update(minute_bar(CREATED, (100, 100, 100, 100)))
    one_percent = ConstantSlippage(Decimal("0.01"))
    assert match(working(OrderType.MARKET, 1), seen, at(CREATED), one_percent).price == 101
    assert match(working(OrderType.MARKET, -1), seen, at(CREATED), one_percent).price == 99


def test_a_market_order_waits_when_prices_are_older_than_an_hour() -> None:
    seen = security()
    seen.update(minute_bar("2013-10-07 09:59", BAR))
    assert price_of(working(OrderType.MARKET, 1, "2013-10-07 10:59"), seen, "2013-10-07 10:59") == 101
    assert price_of(working(OrderType.MARKET, 1, "2013-10-07 11:00"), seen, "2013-10-07 11:00") is None


def test_a_market_order_made_in_the_day_fills_at_the_close_of_the_daily_bar() -> None:
    seen = security()
    seen.update(daily_bar("2013-10-04", (90, 91, 89, 90)))
    market = working(OrderType.MARKET, 1)
    assert price_of(market, seen, "2013-10-07 10:00") is None
    seen.update(daily_bar("2013-10-07", BAR))
    assert price_of(market, seen, "2013-10-07 16:00") == 101


def test_nothing_fills_while_the_exchange_is_closed() -> None:
    seen = security()
    seen.update(minute_bar("2013-10-07 17:00", BAR))
    for kind, prices in (
        (OrderType.MARKET, {}),
        (OrderType.LIMIT, {"limit": "110"}),
        (OrderType.STOP_MARKET, {"stop": "90"}),
    ):
        assert price_of(working(kind, 1, "2013-10-07 16:30", **prices), seen, "2013-10-07 17:00") is None


def test_a_resting_order_does_not_fill_on_the_bar_that_was_there_before_it() -> None:
    seen = security()
    seen.update(minute_bar(CREATED, BAR))
    assert price_of(working(OrderType.LIMIT, 10, limit="101.50"), seen) is None


def test_the_last_minute_of_the_session_fills_when_it_arrives_at_the_close() -> None:
    seen = security()
    seen.update(minute_bar("2013-10-07 16:00", BAR))
    assert price_of(working(OrderType.LIMIT, 10, limit="99"), seen, "2013-10-07 16:00") == 99


def test_a_trailing_stop_follows_the_high_and_never_goes_back() -> None:
    seen = security()
    seen.update(minute_bar("2013-10-07 10:01", (100, 110, 100, 110)))
    trailing = working(OrderType.TRAILING_STOP, -10, stop="95", trailing="5")
    moved = match(trailing, seen, at("2013-10-07 10:01"), NoSlippage())
    assert (moved.price, moved.stop_price) == (None, Decimal(105))
    seen.update(minute_bar("2013-10-07 10:02", (109, 109, 106, 106)))
    kept = match(moved, seen, at("2013-10-07 10:02"), NoSlippage())
    assert (kept.price, kept.stop_price) == (None, Decimal(105))
    seen.update(minute_bar("2013-10-07 10:03", (106, 106, 104, 104.5)))
    assert match(kept, seen, at("2013-10-07 10:03"), NoSlippage()).price == Decimal("104.5")


def test_a_stop_limit_stays_armed_after_its_bar() -> None:
    seen = security()
    seen.update(minute_bar("2013-10-07 10:01", (100, 103, 100, 103)))
    armed = match(
        working(OrderType.STOP_LIMIT, 10, stop="102", limit="101"),
        seen,
        at("2013-10-07 10:01"),
        NoSlippage(),
    )
    assert armed.armed
    assert armed.price is None
    seen.update(minute_bar("2013-10-07 10:02", (101, 101, 100, 100)))
    assert match(armed, seen, at("2013-10-07 10:02"), NoSlippage()).price == 101


def test_market_on_open_fills_at_the_open_of_the_next_daily_bar() -> None:
    seen = security()
    seen.update(daily_bar("2013-10-07", (90, 91, 89, 90)))
    opening = working(OrderType.MARKET_ON_OPEN, 1, "2013-10-07 16:00")
    assert price_of(opening, seen, "2013-10-07 16:00") is None
    seen.update(daily_bar("2013-10-08", BAR))
    assert price_of(opening, seen, "2013-10-08 16:00") == 100


def test_market_on_open_skips_pre_market_bars() -> None:
    seen = security()
    opening = working(OrderType.MARKET_ON_OPEN, 1, "2013-10-07 18:00")
    seen.update(minute_bar("2013-10-08 08:01", BAR))
    assert price_of(opening, seen, "2013-10-08 08:01") is None
    seen.update(minute_bar("2013-10-08 09:31", (105, 106, 104, 105)))
    assert price_of(opening, seen, "2013-10-08 09:31") == 105


def test_market_on_close_fills_at_the_close_of_the_session() -> None:
    seen = security()
    closing = working(OrderType.MARKET_ON_CLOSE, 1)
    seen.update(minute_bar("2013-10-07 15:59", BAR))
    assert price_of(closing, seen, "2013-10-07 15:59") is None
    seen.update(minute_bar("2013-10-07 16:00", (105, 106, 104, 104.5)))
    assert price_of(closing, seen, "2013-10-07 16:00") == Decimal("104.5")


@pytest.mark.parametrize(
    ("kind", "quantity", "prices", "filled"),
    [
        (OrderType.MARKET, 1, {}, "1.35"),
        (OrderType.MARKET, -1, {}, "1.33"),
        (OrderType.LIMIT, 1, {"limit": "1.33"}, "1.33"),
        (OrderType.LIMIT, 1, {"limit": "1.32"}, None),
        (OrderType.LIMIT, 1, {"limit": "1.40"}, "1.37"),  # the bar's worst ask, not its open
        (OrderType.STOP_MARKET, 1, {"stop": "1.36"}, "1.36"),
        (OrderType.STOP_MARKET, 1, {"stop": "1.37"}, None),
        (OrderType.STOP_MARKET, -1, {"stop": "1.34"}, "1.33"),
    ],
)
def test_a_forex_order_fills_by_its_side_of_the_quote_bar(
    kind: OrderType, quantity: int, prices: dict[str, str], filled: str | None
) -> None:
    seen = security(EURUSD)
    seen.update(minute_quote(NOW, (1.34, 1.35, 1.30, 1.33), (1.36, 1.37, 1.32, 1.35), symbol=EURUSD))
    expected = None if filled is None else Decimal(filled)
    assert price_of(working(kind, quantity, **prices), seen) == expected


def test_an_order_type_without_a_rule_is_an_invariant_broken() -> None:
    with pytest.raises(InvariantError, match="OPTION_EXERCISE"):
        price_of(working(OrderType.OPTION_EXERCISE, 1), security())
