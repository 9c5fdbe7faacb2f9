"""Pre-order checks: each objection with LEAN's code, in LEAN's order."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from livetrader_engine.calendar.hours import always_open_hours
from livetrader_engine.data.subscription import Normalization, Subscription
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.checks import (
    MARKET_ON_CLOSE_BUFFER_NS,
    check_request,
    initial_stop,
    make_spec,
    rounded_price,
)
from livetrader_engine.orders.order import OrderId, OrderType
from livetrader_engine.orders.request import OrderRequest, Response, ResponseCode
from livetrader_engine.securities import Security, SecurityProperties
from livetrader_engine.symbols import Resolution
from tests.unit.engine.world import SPY, at, daily_bar, minute_bar, security

OPEN = "2013-10-07 10:00"
BAR = (100.0, 100.0, 100.0, 100.0)


def request(kind: OrderType = OrderType.MARKET, quantity: str = "1", **fields: Decimal) -> OrderRequest:
    return OrderRequest(SPY, kind, Decimal(quantity), **fields)  # type: ignore[arg-type]  # prices only


def check(wish: OrderRequest, seen: Security, now: str = OPEN, rate: int = 1) -> Response:
    return check_request(wish, seen, at(now), MARKET_ON_CLOSE_BUFFER_NS, Decimal(rate))


def code(wish: OrderRequest, seen: Security, now: str = OPEN, rate: int = 1) -> ResponseCode:
    return check(wish, seen, now, rate).code


def stock(lot: str = "1") -> Security:
    return security(SPY, minute_bar(OPEN, BAR), lot=lot)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (request(), ResponseCode.NONE),
        (request(quantity="0"), ResponseCode.ORDER_QUANTITY_ZERO),
        (request(quantity="0.5"), ResponseCode.ORDER_QUANTITY_LESS_THAN_LOT_SIZE),
        (request(quantity="-0.5"), ResponseCode.ORDER_QUANTITY_LESS_THAN_LOT_SIZE),
        (request(OrderType.OPTION_EXERCISE), ResponseCode.UNSUPPORTED_REQUEST_TYPE),
        (request(OrderType.COMBO_MARKET), ResponseCode.UNSUPPORTED_REQUEST_TYPE),
        (request(OrderType.LIMIT), ResponseCode.INVALID_REQUEST),
        (request(OrderType.LIMIT, limit_price=Decimal(1)), ResponseCode.NONE),
        (request(OrderType.STOP_LIMIT, limit_price=Decimal(1)), ResponseCode.INVALID_REQUEST),
        (
            request(OrderType.MARKET_ON_OPEN),
            ResponseCode.MARKET_ON_OPEN_NOT_ALLOWED_DURING_REGULAR_HOURS,
        ),
        (request(OrderType.MARKET_ON_CLOSE), ResponseCode.NONE),
    ],
)
def test_requests_in_an_open_market(wish: OrderRequest, expected: ResponseCode) -> None:
    assert code(wish, stock()) is expected


def test_a_security_without_a_price_or_rate_or_licence_to_trade() -> None:
    assert code(request(), security()) is ResponseCode.SECURITY_PRICE_ZERO
    assert code(request(), stock(), rate=0) is ResponseCode.CONVERSION_RATE_ZERO
    delisted = stock()
    delisted.is_tradable = False
    assert code(request(), delisted) is ResponseCode.NON_TRADABLE_SECURITY


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2013-10-07 15:44:30", ResponseCode.NONE),
        ("2013-10-07 15:44:31", ResponseCode.MARKET_ON_CLOSE_ORDER_TOO_LATE),
        ("2013-10-07 15:59:59", ResponseCode.MARKET_ON_CLOSE_ORDER_TOO_LATE),
        ("2013-10-07 16:00", ResponseCode.NONE),  # for tomorrow's close
    ],
)
def test_market_on_close_needs_fifteen_and_a_half_minutes(now: str, expected: ResponseCode) -> None:
    assert code(request(OrderType.MARKET_ON_CLOSE), stock(), now) is expected


def test_market_on_open_is_allowed_when_closed_and_with_daily_data_only() -> None:
    opening = request(OrderType.MARKET_ON_OPEN)
    assert code(opening, stock(), "2013-10-07 16:00") is ResponseCode.NONE
    daily = security(SPY, daily_bar("2013-10-04", BAR))
    daily.subscriptions.append(Subscription(SPY, Resolution.DAILY))
    assert code(opening, daily) is ResponseCode.NONE


def test_there_is_no_auction_on_a_market_that_never_closes() -> None:
    around_the_clock = Security(SPY, SecurityProperties(), always_open_hours())
    around_the_clock.update(minute_bar(OPEN, BAR))
    with pytest.raises(AlgorithmError, match="around the clock"):
        code(request(OrderType.MARKET_ON_CLOSE), around_the_clock)


def test_prices_are_rounded_in_raw_mode_only() -> None:
    adjusted, raw, cheap = stock(), stock(), stock()
    subscription = Subscription(SPY, Resolution.MINUTE)
    adjusted.subscriptions.append(subscription)
    for item in (raw, cheap):
        item.subscriptions.append(msgspec.structs.replace(subscription, normalization=Normalization.RAW))
    assert rounded_price(Decimal("100.005"), adjusted) == Decimal("100.005")
    assert rounded_price(Decimal("100.005"), raw) == Decimal("100.00")
    assert rounded_price(Decimal("100.015"), raw) == Decimal("100.02")
    assert rounded_price(Decimal("0.12345"), cheap) == Decimal("0.1234")
    assert rounded_price(None, raw) is None


def test_a_trailing_stop_starts_at_its_distance_and_says_so() -> None:
    sell = request(OrderType.TRAILING_STOP, "-1", trailing_amount=Decimal(2))
    assert initial_stop(sell, stock()) == 98
    assert make_spec(OrderId(1), sell, stock(), at(OPEN)).tag == "Trailing Amount: $2"
    buy = msgspec.structs.replace(
        request(OrderType.TRAILING_STOP, trailing_amount=Decimal("0.05")), trailing_as_percentage=True
    )
    assert initial_stop(buy, stock()) == 105
    assert (
        make_spec(OrderId(1), buy, stock(), at(OPEN)).tag == "Trailing Amount: 5.00%"
    )  # decimals keep zeros
