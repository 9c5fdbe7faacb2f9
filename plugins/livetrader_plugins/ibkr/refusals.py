"""Why an order is refused before anything is sent, in words for the user. Pure.

Only what IB refuses for certain, or would make another order of: everything else IB judges itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.orders.order import OrderDirection, OrderSpec, OrderType, TimeInForceKind
from livetrader_engine.symbols import SecurityType
from livetrader_plugins.ibkr.instructions import BadInstructionError, Instructions, instructions_of

# The prices that an order of a type cannot be without.
PRICES: Final[dict[OrderType, tuple[str, ...]]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.LIMIT_IF_TOUCHED: ("trigger_price", "limit_price"),
    OrderType.TRAILING_STOP: ("trailing_amount",),
    OrderType.MARKET_ON_OPEN: (),
    OrderType.MARKET_ON_CLOSE: (),
}
_ONE_SYMBOL: Final = "an order of the engine names one symbol, a combination several; send its legs"
_NOT_OFFERED: Final[dict[OrderType, str]] = {
    OrderType.OPTION_EXERCISE: "exercise of options is not offered here; exercise it in TWS",
    OrderType.COMBO_MARKET: _ONE_SYMBOL,
    OrderType.COMBO_LIMIT: _ONE_SYMBOL,
    OrderType.COMBO_LEG_LIMIT: _ONE_SYMBOL,
}
# Source of both: LEAN's InteractiveBrokersBrokerageModel and its brokerage.
_AT_OPEN: Final = frozenset(
    {
        SecurityType.EQUITY, SecurityType.CFD, SecurityType.OPTION, SecurityType.INDEX_OPTION,
        SecurityType.FUTURE_OPTION,
    }
)  # fmt: skip
_AT_CLOSE: Final = frozenset({SecurityType.EQUITY, SecurityType.CFD, SecurityType.FUTURE})
_LARGEST: Final = Decimal(10**15)  # IB keeps doubles: beyond 15 digits a number is another one there
_BELOW_ZERO: Final = frozenset({SecurityType.FUTURE, SecurityType.FUTURE_OPTION})  # crude oil was, in 2020


class Increments(msgspec.Struct, frozen=True):
    """What IB says about sizes and prices of a contract; zero where it says nothing."""

    minimum_tick: Decimal = Decimal(0)
    size_increment: Decimal = Decimal(0)


def refusal(spec: OrderSpec, increments: Increments | None = None) -> str | None:
    """Return why IB cannot do this, in words for the user, None where it may."""
    return next(_problems(as_sent(spec), increments or Increments()), None)


def as_sent(spec: OrderSpec) -> OrderSpec:
    """Return the order that goes to IB for this one: another one only for the kill switch (id 0).

    It asks for the open of every market that is closed. Where there is no auction, IB holds a plain market
    order until the market opens.
    """
    has_auction = spec.symbol.security_type in _AT_OPEN
    if spec.type is not OrderType.MARKET_ON_OPEN or spec.id or has_auction:
        return spec
    return msgspec.structs.replace(spec, type=OrderType.MARKET)


def _problems(spec: OrderSpec, increments: Increments) -> Iterator[str]:
    if spec.type not in PRICES:
        yield f"{spec.type.name}: {_NOT_OFFERED[spec.type]}"
        return
    if not spec.quantity or not _is_sendable(spec.quantity):
        yield f"the quantity is {spec.quantity}"
        return
    try:
        made = instructions_of(spec)
    except BadInstructionError as error:
        yield str(error)
        return
    yield from _prices(spec, increments)
    yield from _times(spec)
    yield from _kind(spec, made)
    if increments.size_increment and spec.quantity % increments.size_increment:
        step = increments.size_increment
        yield f"the quantity {spec.quantity} is no multiple of {step}, IB's step for {spec.symbol.value}"


def _is_sendable(number: Decimal) -> bool:
    return number.is_finite() and abs(number) < _LARGEST


def _prices(spec: OrderSpec, increments: Increments) -> Iterator[str]:
    below_zero = spec.symbol.security_type in _BELOW_ZERO
    prices: dict[str, Decimal | None] = {name: getattr(spec, name) for name in PRICES[spec.type]}
    if spec.type is OrderType.TRAILING_STOP and spec.stop_price is not None:
        prices["stop_price"] = spec.stop_price  # where IB is to begin
    for name, price in prices.items():
        if price is None or not _is_sendable(price) or (price <= 0 and not below_zero):
            yield f"a {spec.type.name} order needs a {name} above zero, not {price}"
            return
        if name == "stop_price" and not price:
            yield "a stop price of zero is no price for IB"
    if spec.type is OrderType.TRAILING_STOP:
        amount = spec.trailing_amount or Decimal(0)
        if amount <= 0 or (spec.trailing_as_percentage and amount >= 1):
            yield f"a trailing_amount of {amount} does not trail: as a percentage, 0.05 is five of a hundred"
    tick = increments.minimum_tick
    for name, price in prices.items():
        if tick and price is not None and name != "trailing_amount" and price % tick:
            yield f"the {name} {price} is no multiple of {tick}, IB's smallest step for {spec.symbol.value}"


def _times(spec: OrderSpec) -> Iterator[str]:
    kind = spec.time_in_force.kind
    if kind is TimeInForceKind.GOOD_TIL_DATE and spec.time_in_force.expiry_ns is None:
        yield "an order that is good til a date needs the date"


def _kind(spec: OrderSpec, made: Instructions) -> Iterator[str]:
    security = spec.symbol.security_type
    name = security.name.lower().replace("_", " ")
    if security is SecurityType.INDEX:
        yield f"{spec.symbol.value} is an index: trade its future, its options or a fund"
    if spec.type is OrderType.MARKET_ON_OPEN and security not in _AT_OPEN:
        yield f"IB has no market-on-open orders for a {name}"
    if spec.type is OrderType.MARKET_ON_CLOSE and security not in _AT_CLOSE:
        yield f"IB has no market-on-close orders for a {name}"
    if security is SecurityType.CRYPTO:
        yield from _crypto(spec, made)


def _crypto(spec: OrderSpec, made: Instructions) -> Iterator[str]:
    """IB's rules for crypto: error 201 and 10289; https://github.com/erdewit/ib_insync/issues/407."""
    if spec.type not in (OrderType.MARKET, OrderType.LIMIT):
        yield "IB takes market and limit orders for crypto, no others"
    elif spec.type is OrderType.MARKET and spec.direction is OrderDirection.BUY:
        yield (
            "IB sizes a market buy of crypto by money, so it would buy another quantity than asked: use a "
            "limit order at or above the ask, with the property tif = 'IOC'"
        )
    if made.tif not in ("", "IOC"):
        yield f"IB takes crypto orders as IOC or for five minutes, not as {made.tif}"
