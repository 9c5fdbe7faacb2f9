"""Orders as LEAN serialises them, and the hash that LEAN publishes over all orders of a run.

The hash is over text, so order of properties and trailing zeros count. .NET lists the properties that an
order's own class declares first, those of its base class after them. Sources: LEAN's Common/Orders/*.cs,
SymbolJsonConverter.cs, TimeInForceJsonConverter.cs, GetHash in Common/Extensions.cs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import md5
from typing import Final, Protocol

import msgspec

from livetrader.results.json_text import Json, compact, time_text
from livetrader_engine.money import ZERO, normalized, smart_rounded
from livetrader_engine.orders.order import OrderSpec, OrderType, TimeInForceKind
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord, SubmissionData
from livetrader_engine.symbols import NS_PER_SECOND, Symbol

_MARKETABLE: Final = frozenset({OrderType.MARKET, OrderType.COMBO_MARKET})
_ROUNDED_ABOVE: Final = 1000  # LEAN's SmartRounding: from here on 4 decimals, which then are all written
_FOUR_DECIMALS: Final = Decimal("0.0001")
_DAY: Final = "QuantConnect.Orders.TimeInForces.DayTimeInForce"
_GOOD_TIL_DATE: Final = "QuantConnect.Orders.TimeInForces.GoodTilDateTimeInForce"


OrderRow = tuple[OrderRecord, dict[str, Json]]  # an order and what `order_json` makes of it


class WrittenOrder(Protocol):
    """What is written of an order; `orders.ticket.OrderRecord` has it."""

    @property
    def spec(self) -> OrderSpec: ...
    @property
    def status(self) -> OrderStatus: ...
    @property
    def filled_quantity(self) -> Decimal: ...
    @property
    def average_fill_price(self) -> Decimal: ...
    @property
    def created_ns(self) -> int: ...
    @property
    def last_fill_ns(self) -> int | None: ...
    @property
    def last_update_ns(self) -> int | None: ...
    @property
    def canceled_ns(self) -> int | None: ...
    @property
    def submission(self) -> SubmissionData | None: ...
    @property
    def triggered(self) -> bool: ...


class OrderContext(msgspec.Struct, frozen=True):
    """What LEAN writes of an order that its record does not know.

    `adjustment` is the number of the data's normalization, 0 (raw) live. `zone` is the exchange's: a date
    until which an order is good is told in it. `broker_ids` are the brokerage's names of the order.
    """

    broker_ids: tuple[str, ...] = ()
    price_currency: str = "USD"
    adjustment: int = 0
    zone: tzinfo = UTC


def order_list_hash(rows: Iterable[OrderRow]) -> str:
    """Return LEAN's OrderListHash of these orders: MD5 in hex over their texts, by number, with commas."""
    by_number = sorted(rows, key=lambda row: row[0].id)
    joined = ",".join([compact(row) for _, row in by_number])
    return md5(joined.encode(), usedforsecurity=False).hexdigest()


def order_json(record: WrittenOrder, context: OrderContext) -> dict[str, Json]:
    """Return one order with LEAN's names in LEAN's order; prices rounded as LEAN's hash and result do."""
    spec = record.spec
    price = smart_rounded(record.average_fill_price) if record.filled_quantity else ZERO
    quantity = normalized(spec.quantity)
    row: dict[str, Json] = dict(_own_properties(record))
    row["id"] = int(spec.id)
    row["contingentId"] = 0
    row["brokerId"] = list(context.broker_ids)
    row["symbol"] = symbol_json(spec.symbol)
    row["price"] = price
    row["priceCurrency"] = context.price_currency
    row["time"] = row["createdTime"] = time_text(record.created_ns)
    for name, time_ns in (
        ("lastFillTime", record.last_fill_ns),
        ("lastUpdateTime", record.last_update_ns),
        ("canceledTime", record.canceled_ns),
    ):
        if time_ns is not None:
            row[name] = time_text(time_ns)
    row["quantity"] = quantity
    row["status"] = int(record.status)
    row["tag"] = spec.tag
    row["properties"] = _properties(spec, context.zone)
    row["securityType"] = int(spec.symbol.security_type)
    row["direction"] = int(spec.direction)
    row["value"] = quantity * price
    row["orderSubmissionData"] = _submission(record)
    row["isMarketable"] = _is_marketable(record)
    row["priceAdjustmentMode"] = context.adjustment
    return row


def symbol_json(symbol: Symbol) -> dict[str, Json]:
    """Return a symbol as LEAN's SymbolJsonConverter writes it."""
    return {"value": symbol.value, "id": symbol.id, "permtick": symbol.value}


def rounded(value: Decimal | None) -> Decimal:
    """Return a price as LEAN's SmartRounding leaves it: above 1000 zeros in the 4 decimals stay."""
    if value is None:
        return ZERO
    short = normalized(value)
    if short <= _ROUNDED_ABOVE or _decimals(short) <= _decimals(_FOUR_DECIMALS):
        return smart_rounded(short)
    return short.quantize(_FOUR_DECIMALS, rounding=ROUND_HALF_EVEN)


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "a price is a finite number"
    return max(0, -exponent)


def _own_properties(record: WrittenOrder) -> dict[str, Json]:
    """Return what the order's own class declares, in its order; `type` is overridden in every one."""
    spec = record.spec
    kind = int(spec.type)
    limit, stop = rounded(spec.limit_price), rounded(spec.stop_price)
    match spec.type:
        case OrderType.LIMIT:
            return {"limitPrice": limit, "type": kind}
        case OrderType.STOP_MARKET:
            return {"stopPrice": stop, "type": kind}
        case OrderType.STOP_LIMIT:
            triggered = record.triggered
            return {"stopPrice": stop, "stopTriggered": triggered, "limitPrice": limit, "type": kind}
        case OrderType.TRAILING_STOP:
            return {
                "trailingAmount": rounded(spec.trailing_amount),
                "trailingAsPercentage": spec.trailing_as_percentage,
                "type": kind,
                "stopPrice": stop,
            }
        case OrderType.LIMIT_IF_TOUCHED:
            trigger, touched = rounded(spec.trigger_price), record.triggered
            return {"type": kind, "triggerPrice": trigger, "limitPrice": limit, "triggerTouched": touched}
        case _:
            return {"type": kind}


def _properties(spec: OrderSpec, zone: tzinfo) -> dict[str, Json]:
    own: dict[str, Json] = dict(spec.properties)
    return {**own, "timeInForce": _time_in_force(spec, zone)}


def _time_in_force(spec: OrderSpec, zone: tzinfo) -> dict[str, Json]:
    """Return it as LEAN's TimeInForceJsonConverter does: nothing at all for good til canceled."""
    match spec.time_in_force.kind:
        case TimeInForceKind.GOOD_TIL_CANCELED:
            return {}
        case TimeInForceKind.DAY:
            return {"$type": _DAY}
        case TimeInForceKind.GOOD_TIL_DATE:
            expiry_ns = spec.time_in_force.expiry_ns or 0
            expiry = datetime.fromtimestamp(expiry_ns // NS_PER_SECOND, zone)
            # LEAN keeps the date as the user gave it, without a zone
            return {"$type": _GOOD_TIL_DATE, "Expiry": expiry.strftime("%Y-%m-%dT%H:%M:%S")}


def _submission(record: WrittenOrder) -> dict[str, Json] | None:
    """Return the prices at submission with the digits they had."""
    prices = record.submission
    if prices is None:
        return None
    return {"bidPrice": prices.bid_price, "askPrice": prices.ask_price, "lastPrice": prices.last_price}


def _is_marketable(record: WrittenOrder) -> bool:
    """Return whether it could have traded at once: LEAN decides when it serialises, with rounded prices."""
    spec, prices = record.spec, record.submission
    if spec.type is not OrderType.LIMIT:
        return spec.type in _MARKETABLE
    if prices is None or not spec.quantity:
        return False
    limit = rounded(spec.limit_price)
    return limit >= prices.ask_price if spec.quantity > 0 else limit <= prices.bid_price
