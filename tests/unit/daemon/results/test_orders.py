"""Orders and order events as LEAN serialises them, text for text.

The expected texts are put together by hand from LEAN's classes: properties of the order's own class first,
then those of Order; see Common/Orders/*.cs there.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import md5
from zoneinfo import ZoneInfo

import msgspec
import pytest

from livetrader.results.json_text import compact
from livetrader.results.order_events import order_event_text
from livetrader.results.orders import OrderContext, order_json, order_list_hash, rounded
from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ExecutionId,
    Fill,
    OrderId,
    OrderSpec,
    OrderType,
    StopState,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord, SubmissionData
from livetrader_engine.symbols import SecurityType, Symbol

SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
MADE_NS = 1_381_152_660_000_000_000  # 2013-10-07 13:31 UTC
PRICES = SubmissionData(Decimal("144.77307790400"), Decimal("144.78170000"), Decimal("144.7817"))
ADJUSTED = OrderContext(("1",), "USD", 1, ZoneInfo("America/New_York"))
MIDDLE = (
    '"id":1,"contingentId":0,"brokerId":["1"],'
    '"symbol":{"value":"SPY","id":"SPY R735QTJ8XC9X","permtick":"SPY"},'
)
SUBMISSION = '"orderSubmissionData":{"bidPrice":144.77307790400,"askPrice":144.78170000,"lastPrice":144.7817}'


def order(kind: OrderType, quantity: str, **terms: object) -> OrderRecord:
    """Return an order that the brokerage has."""
    spec = OrderSpec(OrderId(1), SPY, kind, Decimal(quantity), MADE_NS, Decimal("144.7817"))
    record = OrderRecord(msgspec.structs.replace(spec, **terms), PRICES)
    record.apply(news(OrderStatus.SUBMITTED))
    return record


def news(status: OrderStatus, fill: Fill | None = None, **more: object) -> OrderEventArrived:
    event = OrderEventArrived(OrderId(1), status, MADE_NS, fill, BrokerageOrderId("B1"))
    return msgspec.structs.replace(event, **more)


def fill(quantity: str, price: str, fee: str = "0") -> Fill:
    return Fill(ExecutionId(f"e{price}"), Decimal(quantity), Decimal(price), MADE_NS, Decimal(fee))


def test_a_filled_market_order_is_written_as_in_lean() -> None:
    record = order(OrderType.MARKET, "688.00")
    record.apply(news(OrderStatus.FILLED, fill("688", "144.781700000")))
    assert compact(order_json(record, ADJUSTED)) == (
        '{"type":0,' + MIDDLE + '"price":144.7817,"priceCurrency":"USD",'
        '"time":"2013-10-07T13:31:00Z","createdTime":"2013-10-07T13:31:00Z",'
        '"lastFillTime":"2013-10-07T13:31:00Z","quantity":688.0,"status":3,"tag":"",'
        '"properties":{"timeInForce":{}},"securityType":1,"direction":0,"value":99609.8096,'
        + SUBMISSION
        + ',"isMarketable":true,"priceAdjustmentMode":1}'
    )


def test_an_unfilled_limit_order_has_a_price_of_zero_and_its_limit_first() -> None:
    record = order(OrderType.LIMIT, "-10", limit_price=Decimal("144.78"), tag='say "no"')
    assert compact(order_json(record, ADJUSTED)) == (
        '{"limitPrice":144.78,"type":1,' + MIDDLE + '"price":0.0,"priceCurrency":"USD",'
        '"time":"2013-10-07T13:31:00Z","createdTime":"2013-10-07T13:31:00Z",'
        '"quantity":-10.0,"status":1,"tag":"say \\"no\\"",'
        '"properties":{"timeInForce":{}},"securityType":1,"direction":1,"value":0.0,'
        + SUBMISSION
        + ',"isMarketable":false,"priceAdjustmentMode":1}'
    )


@pytest.mark.parametrize(
    ("kind", "terms", "begin"),
    [
        (OrderType.STOP_MARKET, {"stop_price": Decimal("140.10")}, '{"stopPrice":140.1,"type":2,"id":1,'),
        (
            OrderType.STOP_LIMIT,
            {"stop_price": Decimal("140"), "limit_price": Decimal("139.5")},
            '{"stopPrice":140.0,"stopTriggered":true,"limitPrice":139.5,"type":3,"id":1,',
        ),
        (
            OrderType.LIMIT_IF_TOUCHED,
            {"trigger_price": Decimal("140"), "limit_price": Decimal("139.5")},
            '{"type":7,"triggerPrice":140.0,"limitPrice":139.5,"triggerTouched":true,"id":1,',
        ),
        (
            OrderType.TRAILING_STOP,
            {
                "stop_price": Decimal("140"),
                "trailing_amount": Decimal("0.050"),
                "trailing_as_percentage": True,
            },
            '{"trailingAmount":0.05,"trailingAsPercentage":true,"type":11,"stopPrice":140.0,"id":1,',
        ),
        (OrderType.MARKET_ON_OPEN, {}, '{"type":4,"id":1,'),
        (OrderType.MARKET_ON_CLOSE, {}, '{"type":5,"id":1,'),
    ],
)
def test_each_type_begins_with_what_its_own_class_declares(
    kind: OrderType, terms: dict[str, object], begin: str
) -> None:
    record = order(kind, "5", **terms)
    record.apply(news(OrderStatus.SUBMITTED, stop=StopState(triggered=True), quiet=True))
    assert compact(order_json(record, ADJUSTED)).startswith(begin)


@pytest.mark.parametrize(
    ("limit", "quantity", "marketable"),
    [("144.7817", "1", True), ("144.7816", "1", False), ("144.77", "-1", True), ("144.78", "-1", False)],
)
def test_a_limit_order_that_could_trade_at_once_is_marketable(
    limit: str, quantity: str, marketable: bool
) -> None:
    record = order(OrderType.LIMIT, quantity, limit_price=Decimal(limit))
    assert order_json(record, ADJUSTED)["isMarketable"] is marketable


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1234.50004", "1234.5000"),
        ("1234.5", "1234.5"),
        ("1234.56785", "1234.5678"),
        ("144.773077904", "144.7731"),
        ("-1234.56789", "-1234.568"),
        ("1000", "1000"),
        ("0.000123456789", "0.0001234568"),
    ],
)
def test_prices_have_seven_digits_or_above_1000_four_decimals(given: str, written: str) -> None:
    assert str(rounded(Decimal(given))) == written


def test_times_in_force_carry_their_type_and_the_date_in_the_exchanges_zone() -> None:
    day = order(OrderType.LIMIT, "1", limit_price=Decimal(1), time_in_force=TimeInForce(TimeInForceKind.DAY))
    assert order_json(day, ADJUSTED)["properties"] == {
        "timeInForce": {"$type": "QuantConnect.Orders.TimeInForces.DayTimeInForce"}
    }
    until = TimeInForce(TimeInForceKind.GOOD_TIL_DATE, 1_381_550_400_000_000_000)  # 2013-10-12 04:00 UTC
    dated = order(OrderType.LIMIT, "1", limit_price=Decimal(1), time_in_force=until)
    assert order_json(dated, ADJUSTED)["properties"] == {
        "timeInForce": {
            "$type": "QuantConnect.Orders.TimeInForces.GoodTilDateTimeInForce",
            "Expiry": "2013-10-12T00:00:00",
        }
    }


def test_a_brokerages_own_instructions_stand_before_the_time_in_force() -> None:
    own = (("Account", None), ("OutsideRegularTradingHours", True))
    record = order(OrderType.MARKET, "1", properties=own)
    assert compact(order_json(record, ADJUSTED)["properties"]) == (
        '{"Account":null,"OutsideRegularTradingHours":true,"timeInForce":{}}'
    )


def test_the_hash_is_over_the_texts_in_the_order_of_their_numbers() -> None:
    # published for the algorithms of LEAN's suite that trade nothing
    assert order_list_hash([]) == "d41d8cd98f00b204e9800998ecf8427e"
    first, second = order(OrderType.MARKET, "1"), order(OrderType.MARKET, "2")
    second.spec = msgspec.structs.replace(second.spec, id=OrderId(2))
    texts = [compact(order_json(record, ADJUSTED)) for record in (first, second)]
    wanted = md5(",".join(texts).encode(), usedforsecurity=False).hexdigest()
    assert order_list_hash([(order, order_json(order, ADJUSTED)) for order in (second, first)]) == wanted


def noted(record: OrderRecord, event: OrderEventArrived, number: int) -> NoteOrderEvent:
    return NoteOrderEvent(number, record.spec, event.status, event.time_ns, "USD", event.fill, event.message)


def test_a_fill_is_written_as_in_lean() -> None:
    record = order(OrderType.STOP_LIMIT, "-10", stop_price=Decimal("140.0"), limit_price=Decimal("139.50"))
    event = news(OrderStatus.FILLED, fill("-10", "139.900", "1.00"))
    assert order_event_text(noted(record, event, 2), "MyAlgorithm") == (
        '{"id":"MyAlgorithm-1-2","algorithmId":"MyAlgorithm","orderId":1,"orderEventId":2,'
        '"symbol":"SPY R735QTJ8XC9X","symbolValue":"SPY","symbolPermtick":"SPY","time":1381152660.0,'
        '"status":"filled","orderFeeAmount":1.00,"orderFeeCurrency":"USD","fillPrice":139.9,'
        '"fillPriceCurrency":"USD","fillQuantity":-10.0,"direction":"sell","isAssignment":false,'
        '"quantity":-10.0,"stopPrice":140.0,"limitPrice":139.5}'
    )


def test_an_event_without_a_fill_has_no_fee_and_tells_why() -> None:
    record = order(OrderType.LIMIT, "3", limit_price=Decimal(140))
    event = news(OrderStatus.CANCELED, message="The order has expired.", time_ns=MADE_NS + 500_000_000)
    assert order_event_text(noted(record, event, 3), "A") == (
        '{"id":"A-1-3","algorithmId":"A","orderId":1,"orderEventId":3,'
        '"symbol":"SPY R735QTJ8XC9X","symbolValue":"SPY","symbolPermtick":"SPY","time":1381152660.5,'
        '"status":"canceled","fillPrice":0.0,"fillPriceCurrency":"USD","fillQuantity":0.0,'
        '"direction":"buy","message":"The order has expired.","isAssignment":false,"quantity":3.0,'
        '"limitPrice":140.0}'
    )


def test_a_part_of_a_fill_is_charged_nothing_and_names_no_currency() -> None:
    record = order(OrderType.MARKET, "3")
    text = order_event_text(noted(record, news(OrderStatus.PARTIALLY_FILLED, fill("1", "140")), 2), "A")
    assert '"status":"partiallyFilled","fillPrice":140.0,' in text
