"""An order of the engine as IB takes it, and IB's account of an order as the engine's record. Pure.

Every price leaves as text, digit by digit as the Decimal says. A change is the whole order again under its
number, with the values of its new terms.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    OrderId,
    OrderSpec,
    OrderType,
    PropertyValue,
    StopState,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import BrokerageCapabilities, OrderRecord, PluginError
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType, Symbol
from livetrader_plugins.ibkr.library import Library, Order, OrderState
from livetrader_plugins.ibkr.numbers import number_of, price_of, text_of

CAPABILITIES: Final = BrokerageCapabilities(
    order_types=frozenset(
        {
            OrderType.MARKET,
            OrderType.LIMIT,
            OrderType.STOP_MARKET,
            OrderType.STOP_LIMIT,
            OrderType.TRAILING_STOP,
            OrderType.LIMIT_IF_TOUCHED,
            OrderType.MARKET_ON_OPEN,
            OrderType.MARKET_ON_CLOSE,
        }
    ),
    fractional=True,
    updates=True,
)


class Sending(msgspec.Struct, frozen=True):
    """What the session adds to an order that goes out.

    `order_id` is IB's number of it, `account` the one it trades for, `parent_id` IB's number of its parent (0:
    none, see `parent_of`), `expiry_ns` when a good-til-date order ends (see `good_til_ns`), `stop` where IB
    has the stop of a trailing order that is changed. `what_if`: nothing is sent to the market, IB answers
    what the order would need.
    """

    order_id: int
    account: str
    parent_id: int = 0
    expiry_ns: int | None = None
    stop: StopState | None = None
    what_if: bool = False
    server_version: int = 176


def parent_of(spec: OrderSpec) -> OrderId | None:
    """Return the engine's number of the order this one is attached to, None where it stands alone."""
    raise NotImplementedError


def refusal(spec: OrderSpec) -> str | None:
    """Return why IB cannot do this, in words for the user, None where it may. Ask before anything is sent."""
    raise NotImplementedError


def order_of(library: Library, client_order_id: ClientOrderId, spec: OrderSpec, sending: Sending) -> Order:
    """Return the library's order: of a submit, of a change (the terms as they will be) and of a what-if."""
    raise NotImplementedError


def spec_of(order: Order, symbol: Symbol, time_ns: int) -> OrderSpec:
    """Return the terms of an order as openOrder or completedOrder tells them; `id` is 0."""
    raise NotImplementedError


def record_of(
    order: Order, state: OrderState, symbol: Symbol, *, filled: Decimal | None, time_ns: int
) -> OrderRecord:
    """Return an order as the venue shows it; `filled` is orderStatus's, None for completedOrder."""
    raise NotImplementedError
