"""What an order is: frozen facts that travel, and nothing that changes.

The mutable record of an order's progress is `orders.ticket.OrderRecord`, owned by the engine.
Quantities are signed (sell is negative) and Decimal, prices of orders are Decimal.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import NewType

import msgspec

from livetrader_engine.symbols import Symbol

OrderId = NewType("OrderId", int)  # the engine's number, never reused within an account
ClientOrderId = NewType("ClientOrderId", str)  # minted by the gateway before journaling; our identity
BrokerageOrderId = NewType("BrokerageOrderId", str)  # the venue's
ExecutionId = NewType("ExecutionId", str)  # the venue's, one per fill; a repeated one is the same fill

PropertyValue = str | int | float | bool | None  # of a brokerage's own instruction


class OrderType(IntEnum):
    """Type of an order; values as in LEAN."""

    MARKET = 0
    LIMIT = 1
    STOP_MARKET = 2
    STOP_LIMIT = 3
    MARKET_ON_OPEN = 4
    MARKET_ON_CLOSE = 5
    OPTION_EXERCISE = 6
    LIMIT_IF_TOUCHED = 7
    COMBO_MARKET = 8
    COMBO_LIMIT = 9
    COMBO_LEG_LIMIT = 10
    TRAILING_STOP = 11


class OrderDirection(IntEnum):
    """Side of an order; values as in LEAN."""

    BUY = 0
    SELL = 1
    HOLD = 2


class TimeInForceKind(IntEnum):
    """How long an order works."""

    GOOD_TIL_CANCELED = 0
    DAY = 1
    GOOD_TIL_DATE = 2


class TimeInForce(msgspec.Struct, frozen=True, gc=False):
    """How long an order works; `expiry_ns` (UTC) only for GOOD_TIL_DATE."""

    kind: TimeInForceKind = TimeInForceKind.GOOD_TIL_CANCELED
    expiry_ns: int | None = None


GOOD_TIL_CANCELED = TimeInForce()


class OrderSpec(msgspec.Struct, frozen=True, gc=False):
    """One instruction to trade, as the algorithm gave it and as it travels to the gateway.

    `quantity` is signed. `limit_price`, `stop_price`, `trigger_price` and the trailing pair are set as
    the type demands and None otherwise. `reference_price` is the last price the engine knew when the
    order was made: the limits judge notional by it. `created_ns` is engine time. `properties` are the
    brokerage's own instructions, by name, in the brokerage's order; nothing here depends on them.
    `decision` names the decision that led to it (see decisions.py), empty where nobody stamps.
    """

    id: OrderId
    symbol: Symbol
    type: OrderType
    quantity: Decimal
    created_ns: int
    reference_price: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_amount: Decimal | None = None
    trailing_as_percentage: bool = False
    time_in_force: TimeInForce = GOOD_TIL_CANCELED
    outside_regular_hours: bool = False
    tag: str = ""
    properties: tuple[tuple[str, PropertyValue], ...] = ()
    decision: str = ""

    @property
    def direction(self) -> OrderDirection:
        """Side by the sign of the quantity."""
        if self.quantity > 0:
            return OrderDirection.BUY
        return OrderDirection.SELL if self.quantity < 0 else OrderDirection.HOLD


class OrderChange(msgspec.Struct, frozen=True, gc=False):
    """New values for a working order; None leaves a value as it is."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_amount: Decimal | None = None
    tag: str | None = None

    @property
    def only_tag(self) -> bool:
        """Whether nothing but the tag changes: the brokerage need not hear of it."""
        return all(
            value is None
            for value in (
                self.quantity, self.limit_price, self.stop_price, self.trigger_price, self.trailing_amount,
            )
        )  # fmt: skip

    def applied(self, spec: OrderSpec) -> OrderSpec:
        """Return `spec` with the values that this change names; prices that its type has not are ignored."""
        named = {
            name: value
            for name, value in msgspec.structs.asdict(self).items()
            if value is not None and getattr(spec, name) is not None
        }
        return msgspec.structs.replace(spec, **named)


class StopState(msgspec.Struct, frozen=True, gc=False):
    """How the brokerage stands to an order's stop: where it is now, and whether its price was seen.

    `triggered`: the price that arms a stop-limit or limit-if-touched order was seen.
    """

    stop_price: Decimal | None = None
    triggered: bool = False


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One trade against an order. `quantity` is signed; `fee` is in `fee_currency`, positive if paid.

    Venues correct trades: the same `execution_id` with a higher `revision` replaces what was told before, and
    a quantity of 0 takes the trade back. `symbol` is set for trades of orders that are not ours.
    """

    execution_id: ExecutionId
    quantity: Decimal
    price: Decimal
    time_ns: int
    fee: Decimal = Decimal(0)
    fee_currency: str = "USD"
    revision: int = 0
    symbol: Symbol | None = None


class TradeFee(msgspec.Struct, frozen=True, gc=False):
    """What a trade turned out to cost, told after it: `amount` comes to what was told before, or goes."""

    execution_id: ExecutionId
    amount: Decimal
    currency: str
