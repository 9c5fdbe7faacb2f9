"""Orders and their news in LEAN's words, as `str()` shows them. Source: LEAN's Messages.Orders.cs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from livetrader_engine.money import normalized, smart_rounded
from livetrader_engine.orders.messages import number_text
from livetrader_engine.orders.order import OrderSpec, OrderType
from livetrader_engine.orders.request import RequestStatus
from livetrader_engine.orders.ticket import OrderEventRecord, OrderRecord
from livetrader_lean.enums import OrderStatus
from livetrader_lean.enums import OrderType as OrderTypeFace
from livetrader_lean.times import utc

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "₤", "JPY": "¥", "INR": "₹", "": ""}


def currency_symbol(currency: str) -> str:
    """Return how LEAN writes a currency before an amount; its name where it has no sign."""
    return _SYMBOLS.get(currency, currency)


def time_text(moment: datetime) -> str:
    """Return a time as .NET's invariant culture prints it: 10/07/2013 13:31:00."""
    return f"{moment:%m/%d/%Y %H:%M:%S}"


def plain(value: Decimal) -> str:
    """Return a decimal without trailing zeros."""
    return number_text(normalized(value))


def price_text(value: Decimal | None) -> str:
    """Return a price smartly rounded."""
    return number_text(smart_rounded(value if value is not None else Decimal(0)))


def _trail(spec: OrderSpec, sign: str, *, percent: bool) -> str:
    amount = normalized(spec.trailing_amount or Decimal(0))
    return f"{number_text(amount * 100)}%" if percent else f"{sign}{number_text(amount)}"


def event_text(event: OrderEventRecord, currency: str) -> str:
    """Return one piece of news on one line."""
    spec, sign = event.spec, currency_symbol(currency)
    status = OrderStatus(int(event.status))
    text = (
        f"Time: {time_text(utc(event.time_ns))} OrderID: {spec.id} EventID: {event.number} "
        f"Symbol: {spec.symbol.value} Status: {status} Quantity: {plain(spec.quantity)}"
    )
    fill = event.fill
    if fill is not None:
        text += f" FillQuantity: {plain(fill.quantity)} FillPrice: {sign}{price_text(fill.price)}"
    if spec.limit_price is not None:
        text += f" LimitPrice: {sign}{price_text(spec.limit_price)}"
    if spec.stop_price is not None:
        text += f" StopPrice: {sign}{price_text(spec.stop_price)}"
    if spec.trailing_amount is not None:
        text += f" TrailingAmount: {_trail(spec, sign, percent=False)}"  # events do not know
    if spec.trigger_price is not None:
        text += f" TriggerPrice: {sign}{price_text(spec.trigger_price)}"
    if fill is not None and fill.fee:
        text += f" OrderFee: {number_text(fill.fee)} {fill.fee_currency}"
    return f"{text} Message: {event.message}" if event.message else text


def short_event_text(event: OrderEventRecord, currency: str) -> str:
    """Return one piece of news in few words."""
    spec, sign, fill = event.spec, currency_symbol(currency), event.fill
    status = OrderStatus(int(event.status))
    text = (
        f"{time_text(utc(event.time_ns))} OID:{spec.id} {spec.symbol.value} {status} Q:{plain(spec.quantity)}"
    )
    if fill is not None:
        text += f" FQ:{plain(fill.quantity)} FP:{sign}{price_text(fill.price)}"
    for name, price in (("LP", spec.limit_price), ("SP", spec.stop_price)):
        if price is not None:
            text += f" {name}:{sign}{price_text(price)}"
    if spec.trailing_amount is not None:
        text += f" TA: {_trail(spec, sign, percent=False)}"
    if spec.trigger_price is not None:
        text += f" TP:{sign}{price_text(spec.trigger_price)}"
    if fill is not None and fill.fee:
        text += f" OF:{sign}{number_text(fill.fee)} {fill.fee_currency}"
    return f"{text} M:{event.message}" if event.message else text


def order_text(record: OrderRecord, currency: str) -> str:
    """Return an order on one line: its number, state, type, quantity, tag and prices."""
    spec, sign = record.spec, currency_symbol(currency)
    ids = str(int(spec.id)) if record.brokerage_order_id else ""
    unit = "unit" if spec.quantity == 1 else "units"
    text = (
        f"OrderId: {spec.id} (BrokerId: {ids}) {OrderStatus(int(record.status))} "
        f"{OrderTypeFace(int(spec.type))} order for {plain(spec.quantity)} {unit} of {spec.symbol.value}"
    )
    if spec.tag:
        text += f": {spec.tag}"
    limit, stop = f"{sign}{price_text(spec.limit_price)}", f"{sign}{price_text(spec.stop_price)}"
    match spec.type:
        case OrderType.LIMIT:
            return f"{text} at limit {limit}"
        case OrderType.STOP_MARKET:
            return f"{text} at stop {stop}"
        case OrderType.STOP_LIMIT:
            return f"{text} at stop {stop} limit {limit}"
        case OrderType.TRAILING_STOP:
            trail = _trail(spec, sign, percent=spec.trailing_as_percentage)
            return f"{text} at stop {stop}. Trailing amount: {trail}"
        case OrderType.LIMIT_IF_TOUCHED:
            return f"{text} at trigger {sign}{price_text(spec.trigger_price)} limit {limit}"
        case _:
            return text


def ticket_text(record: OrderRecord, currency: str) -> str:
    """Return a ticket on one line: the order, how many requests there were, how many were answered."""
    requests = [record.submitted, *record.changes, *([record.canceling] if record.canceling else [])]
    answered = [item for item in requests if item.status is not RequestStatus.UNPROCESSED]
    counts = f"Request Count: {len(requests)} Response Count: {len(answered)}"
    if record.id <= 0:
        return f"{record.id}: {counts}"
    return f"{record.id}: {order_text(record, currency)} {counts}"
