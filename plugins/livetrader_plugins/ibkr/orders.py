"""An order of the engine as IB takes it, and IB's account of an order as the engine's record. Pure.

Every price leaves as text, digit by digit as the Decimal says. A change is the whole order again under its
number, with the values of its new terms.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    OrderChange,
    OrderId,
    OrderSpec,
    OrderType,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import Security
from livetrader_engine.simulation import matching
from livetrader_engine.spi import BrokerageCapabilities, OrderRecord, VenueError
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_plugins.ibkr import times
from livetrader_plugins.ibkr.instructions import Instructions, instructions_of, parent_of, properties_of
from livetrader_plugins.ibkr.library import Library, Order, OrderState
from livetrader_plugins.ibkr.numbers import number_of, price_of, text_of
from livetrader_plugins.ibkr.refusals import PRICES, as_sent, refusal
from livetrader_plugins.ibkr.reports import brokerage_order_id, completed_status_of, status_of

__all__ = [
    "CAPABILITIES", "ORDER_TYPES", "Sending", "good_til_ns", "order_of", "parent_of", "record_of", "refusal",
    "spec_of",
]  # fmt: skip

ORDER_TYPES: Final = frozenset(PRICES)
CAPABILITIES: Final = BrokerageCapabilities(order_types=ORDER_TYPES, fractional=True, updates=True)

_WIRE_TYPES: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "MKT",
    OrderType.LIMIT: "LMT",
    OrderType.STOP_MARKET: "STP",
    OrderType.STOP_LIMIT: "STP LMT",
    OrderType.TRAILING_STOP: "TRAIL",
    OrderType.LIMIT_IF_TOUCHED: "LIT",
    OrderType.MARKET_ON_OPEN: "MKT",
    OrderType.MARKET_ON_CLOSE: "MOC",
}
_TYPES: Final = {wire: kind for kind, wire in _WIRE_TYPES.items() if kind is not OrderType.MARKET_ON_OPEN}
# IB ignores outsideRth elsewhere, with a warning (2109). Source: LEAN's brokerage.
_OUTSIDE: Final = frozenset({"LMT", "LIT", "STP", "STP LMT", "TRAIL"})
_TIMES: Final[dict[TimeInForceKind, str]] = {
    TimeInForceKind.GOOD_TIL_CANCELED: "GTC",
    TimeInForceKind.DAY: "DAY",
    TimeInForceKind.GOOD_TIL_DATE: "GTD",
}
_KINDS: Final = {wire: kind for kind, wire in _TIMES.items()}
_FIVE_MINUTES: Final = "Minutes"  # all that IB offers for a limit order of crypto beside IOC
_MERGED_PROFILES: Final = 177  # from this server version on profiles of advisors are groups
_PERCENT: Final = Decimal(100)
_LIMITED: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})


class Sending(msgspec.Struct, frozen=True):
    """What the session adds to an order that goes out.

    `order_id` is IB's number of it and `account` the one it trades for, where the order names none;
    `fa_group` and `fa_method` likewise of an advisor. `parent_id` is IB's number of its parent (0: none, see
    `parent_of`), `expiry_ns` when a good-til-date order ends (see `good_til_ns`). `change`: it is a change,
    and `stop_price` is where IB has the stop of a trailing order now. `what_if`: nothing goes to the market,
    IB answers what the order would need.
    """

    order_id: int
    account: str
    fa_group: str = ""
    fa_method: str = ""
    parent_id: int = 0
    expiry_ns: int | None = None
    change: OrderChange | None = None
    stop_price: Decimal | None = None
    what_if: bool = False
    server_version: int = 176


def good_til_ns(spec: OrderSpec, reference: ReferenceData | None) -> int | None:
    """Return when a good-til-date order ends: with its date's session. None for every other order.

    Without reference data it is the instant in the order. Raises DataError where the symbol has no hours.
    """
    if spec.time_in_force.kind is not TimeInForceKind.GOOD_TIL_DATE:
        return None
    if reference is None:
        return spec.time_in_force.expiry_ns
    security = Security(spec.symbol, reference.properties(spec.symbol), reference.hours(spec.symbol))
    return matching.expiry_ns(spec, security)


def order_of(library: Library, client_order_id: ClientOrderId, spec: OrderSpec, sending: Sending) -> Order:
    """Return the library's order: of a submit, of a change (the terms as they will be) or of a what-if.

    Raises VenueError, with the words of `refusal`, for what IB cannot do.
    """
    spec = as_sent(spec)
    wrong = refusal(spec)
    said = Instructions() if wrong is not None else instructions_of(spec)
    wrong = wrong or _out_of_sight(said, sending)
    if wrong is not None:
        raise VenueError(f"refused before sending: {wrong}")
    wire_type = _WIRE_TYPES[spec.type]
    fields: dict[str, object] = {
        "orderId": sending.order_id,
        "orderRef": client_order_id,
        "action": "BUY" if spec.quantity > 0 else "SELL",
        "totalQuantity": text_of(abs(spec.quantity)),
        "orderType": wire_type,
        "outsideRth": spec.outside_regular_hours and wire_type in _OUTSIDE,
        "ocaGroup": said.oca_group,
        "ocaType": said.oca_type or (1 if said.oca_group else 0),
        "parentId": sending.parent_id,
        "transmit": said.transmit,
        "allOrNone": said.all_or_none,
        "hidden": said.hidden,
        "displaySize": said.display_size,
        "whatIf": sending.what_if,
    }
    return library.order(
        **fields, **_prices(spec, sending), **_times(spec, said, sending), **_account(spec, said, sending)
    )


def _prices(spec: OrderSpec, sending: Sending) -> dict[str, str]:
    """The prices of a type, as text; what is not in it stays unset."""
    match spec.type:
        case OrderType.LIMIT:
            found = {"lmtPrice": spec.limit_price}
        case OrderType.STOP_MARKET:
            found = {"auxPrice": spec.stop_price}
        case OrderType.STOP_LIMIT:
            found = {"lmtPrice": spec.limit_price, "auxPrice": spec.stop_price}
        case OrderType.LIMIT_IF_TOUCHED:
            found = {"lmtPrice": spec.limit_price, "auxPrice": spec.trigger_price}
        case OrderType.TRAILING_STOP:
            found = _trail(spec, sending)
        case _:
            found = {}
    return {name: text_of(price) for name, price in found.items() if price is not None}


def _trail(spec: OrderSpec, sending: Sending) -> dict[str, Decimal | None]:
    """A trail and where its stop is: a change that repeated the first stop would pull it back."""
    stop = spec.stop_price
    if sending.change is not None and sending.change.stop_price is None:
        stop = sending.stop_price
    if spec.trailing_as_percentage and spec.trailing_amount is not None:
        return {"trailingPercent": spec.trailing_amount * _PERCENT, "trailStopPrice": stop}
    return {"auxPrice": spec.trailing_amount, "trailStopPrice": stop}


def _times(spec: OrderSpec, said: Instructions, sending: Sending) -> dict[str, str]:
    in_force = spec.time_in_force
    if said.tif:
        return {"tif": said.tif}
    if spec.type is OrderType.MARKET_ON_OPEN:
        return {"tif": "OPG"}
    if spec.type is OrderType.MARKET_ON_CLOSE:
        return {"tif": "DAY"}
    if spec.symbol.security_type is SecurityType.CRYPTO:
        return {"tif": "IOC" if spec.type is OrderType.MARKET else _FIVE_MINUTES}
    if in_force.kind is TimeInForceKind.GOOD_TIL_DATE:
        expiry_ns = in_force.expiry_ns if sending.expiry_ns is None else sending.expiry_ns
        assert expiry_ns is not None, "refusal() lets none pass without a date"
        return {"tif": "GTD", "goodTillDate": times.written(expiry_ns)}
    return {"tif": _TIMES[in_force.kind]}


def _out_of_sight(said: Instructions, sending: Sending) -> str | None:
    """Why an order would trade where this session does not look, None where it does not."""
    if said.account and said.account != sending.account:
        return (
            f"the order names account {said.account}, this daemon trades {sending.account} and would not "
            "see what becomes of it: run a daemon for that account"
        )
    if (said.fa_group or said.fa_profile) and not sending.fa_group:
        return "the order is for a group of accounts: set fa_group in the settings of [brokerage] first"
    return None


def _account(spec: OrderSpec, said: Instructions, sending: Sending) -> dict[str, str]:
    """One of account, group and profile; the session's where the order names none.

    The kill switch's orders (id 0) are for the account whose positions it closes.
    """
    if said.account:
        return {"account": said.account}
    if said.fa_profile:
        is_merged = sending.server_version >= _MERGED_PROFILES
        return {"faGroup" if is_merged else "faProfile": said.fa_profile}
    if said.fa_group:
        return {"faGroup": said.fa_group, "faMethod": said.fa_method, "faPercentage": said.fa_percentage}
    if sending.fa_group and spec.id:
        return {"faGroup": sending.fa_group, "faMethod": sending.fa_method}
    return {"account": sending.account}


# ---- what IB shows


def spec_of(order: Order, symbol: Symbol, time_ns: int, zone: tzinfo = UTC) -> OrderSpec:
    """Return the terms of an order as openOrder or completedOrder tells them.

    `id` is 0 and `created_ns` the time given: IB does not know them. A type that the engine has not becomes
    the nearest by its prices, with IB's word in the tag.
    """
    kind, tag = _type_of(order)
    size = number_of(order.totalQuantity) or number_of(order.filledQuantity) or Decimal(0)
    limit, stop, trigger, trail = _shown_prices(order, kind)
    return OrderSpec(
        id=OrderId(0),
        symbol=symbol,
        type=kind,
        quantity=_signed(size, order),
        created_ns=time_ns,
        reference_price=next((price for price in (limit, stop, trigger) if price is not None), Decimal(0)),
        limit_price=limit,
        stop_price=stop,
        trigger_price=trigger,
        trailing_amount=trail,
        trailing_as_percentage=trail is not None and price_of(order.trailingPercent) is not None,
        time_in_force=_time_in_force(order, zone),
        outside_regular_hours=bool(order.outsideRth),
        tag=tag,
        properties=properties_of(_instructions(order, kind)),
    )


_Price = Decimal | None


def _shown_prices(order: Order, kind: OrderType) -> tuple[_Price, _Price, _Price, _Price]:
    """Limit, stop, trigger and trail of an order; IB shows 0.0 for those it has not."""
    limit = number_of(order.lmtPrice) if kind in _LIMITED else None
    aux = price_of(order.auxPrice)
    if kind is OrderType.TRAILING_STOP:
        percent = price_of(order.trailingPercent)
        return None, price_of(order.trailStopPrice), None, aux if percent is None else percent / _PERCENT
    touched = kind is OrderType.LIMIT_IF_TOUCHED
    stops = kind in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    return limit, aux if stops else None, aux if touched else None, None


def _type_of(order: Order) -> tuple[OrderType, str]:
    wire = order.orderType.upper()
    if wire == "MKT" and order.tif.upper() == "OPG":
        return OrderType.MARKET_ON_OPEN, ""
    if wire in _TYPES:
        return _TYPES[wire], ""
    if price_of(order.trailingPercent) is not None or price_of(order.trailStopPrice) is not None:
        return OrderType.TRAILING_STOP, f"IB {order.orderType}"
    if price_of(order.lmtPrice) is not None:
        return OrderType.LIMIT, f"IB {order.orderType}"
    stops = price_of(order.auxPrice) is not None
    return (OrderType.STOP_MARKET if stops else OrderType.MARKET), f"IB {order.orderType}"


def _time_in_force(order: Order, zone: tzinfo) -> TimeInForce:
    kind = _KINDS.get(order.tif.upper(), TimeInForceKind.GOOD_TIL_CANCELED)
    if kind is not TimeInForceKind.GOOD_TIL_DATE:
        return TimeInForce(kind)
    try:
        return TimeInForce(kind, times.instant_ns(order.goodTillDate, zone))
    except ValueError:  # a zone or a spelling nobody knows: the order is there all the same
        return TimeInForce()


def _instructions(order: Order, kind: OrderType) -> Instructions:
    tif = order.tif.upper()
    shows = tif in ("IOC", "FOK") or (tif == "OPG" and kind is not OrderType.MARKET_ON_OPEN)
    return Instructions(
        fa_group=order.faGroup,
        fa_method=order.faMethod,
        fa_percentage=order.faPercentage,
        tif=tif if shows else "",
        oca_group=order.ocaGroup,
        oca_type=order.ocaType if order.ocaGroup else 0,
        all_or_none=bool(order.allOrNone),
        hidden=bool(order.hidden),
        display_size=order.displaySize if 0 < order.displaySize < 2**31 - 1 else 0,
    )


def record_of(
    symbol: Symbol, order: Order, state: OrderState, *, filled: Decimal | None, time_ns: int
) -> OrderRecord:
    """Return an order as the venue shows it.

    `filled` is orderStatus's, None where only completedOrder tells it. IB shows no quantity of an order that
    is filled: it is what was filled.
    """
    spec = spec_of(order, symbol, time_ns)
    size = number_of(order.totalQuantity) or Decimal(0)
    done = filled if filled is not None else number_of(order.filledQuantity)
    is_over = bool(state.completedTime or state.completedStatus)
    if is_over:
        status = completed_status_of(state.status)
    else:
        status = status_of(state.status, filled=done or Decimal(0), quantity=size)
    if done is None:
        done = size if status is OrderStatus.FILLED else Decimal(0)
    return OrderRecord(
        client_order_id=ClientOrderId(order.orderRef),
        brokerage_order_id=brokerage_order_id(order.permId) or BrokerageOrderId(""),
        spec=spec,
        status=status,
        filled_quantity=_signed(abs(done), order),
    )


def _signed(size: Decimal, order: Order) -> Decimal:
    return size if order.action == "BUY" or not size else -size
