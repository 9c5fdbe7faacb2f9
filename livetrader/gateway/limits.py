"""Pre-trade checks. Pure: an order and its circumstances in, Approved or Denied out.

This file and the kill switch are the only makers of `Approved`: what reaches a brokerage was checked, and the
signature says so. The first check that fails decides; the order of CHECKS is from "may anything trade" to
"may this trade". An amount of 0 in the settings means: no limit. Money is compared in the security's own
currency units: quantity times price times the contract's multiplier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from livetrader.settings import LimitSettings
from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderDirection, OrderSpec, OrderType
from livetrader_engine.spi import Approved, ApprovedChange, BrokerageCapabilities

MAX_EXPONENT: Final = 28  # of ten, either way: the digits that our arithmetic keeps
WINDOW_NS: Final = 60 * 1_000_000_000  # what orders_per_minute counts over

_LIMIT_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
_STOP_TYPES: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})


class DenialReason(StrEnum):
    """Why an order was not sent; the code in the journal, in metrics and in the control API."""

    HALTED = "halted"
    NOT_READY = "not_ready"
    MAINTENANCE = "maintenance"
    WARMING = "warming"
    UNSUPPORTED = "unsupported"
    BAD_QUANTITY = "bad_quantity"
    BAD_PRICE = "bad_price"
    DECIDED = "decision_repeated"
    RESTRICTED = "restricted"
    BLOCKED = "blocked"
    DATA_STALE = "data_stale"
    ORDER_QUANTITY = "max_order_quantity"
    ORDER_NOTIONAL = "max_order_notional"
    POSITION_NOTIONAL = "max_position_notional"
    RATE = "orders_per_minute"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an order is judged against, at one instant.

    `position` is signed; `working` the signed quantity still working on the order's own side, orders of
    unknown outcome included. `price` is the newest observed one, None where none was. `recent` counts the
    orders of the last minute, `alike` those of the same symbol and quantity within the duplicate window.
    `not_ready`, `restricted`, `blocked`, `closed` and `stale` are empty, or say why in words; `decided` names
    the order that an earlier engine sent on the same decision.
    """

    position: Decimal = Decimal(0)
    working: Decimal = Decimal(0)
    price: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    recent: int = 0
    alike: int = 0
    halted: bool = False
    not_ready: str = ""
    warming: bool = False
    restricted: str = ""
    blocked: str = ""
    closed: str = ""
    decided: str = ""
    stale: str = ""

    @property
    def undoubted(self) -> Circumstances:
        """The same without any doubt about the symbol."""
        return replace(self, restricted="", closed="", blocked="")


@dataclass(frozen=True, slots=True)
class Denied:
    """The order may not be sent; `message` says why and what to do, for the user."""

    reason: DenialReason
    message: str


@dataclass(frozen=True, slots=True)
class _Case:
    spec: OrderSpec
    now: Circumstances
    limits: LimitSettings
    capabilities: BrokerageCapabilities

    @property
    def price(self) -> Decimal:
        """The least favourable price we know, without its sign: notional is never judged too small."""
        spec = self.spec
        known = (self.now.price, spec.reference_price, spec.limit_price, spec.stop_price, spec.trigger_price)
        return max((abs(price) for price in known if price is not None and usable(price)), default=Decimal(0))


def usable(number: Decimal) -> bool:
    """Return whether a number of an engine can be calculated with: neither NaN, nor infinite, nor absurd."""
    return number.is_finite() and abs(number.adjusted()) <= MAX_EXPONENT


def unusable(quantity: Decimal) -> Denied:
    """Return the denial of a quantity that is no number: a forecast that came out as NaN, for one."""
    return Denied(DenialReason.BAD_QUANTITY, f"an order of {quantity} cannot be sent")


def _trading(case: _Case) -> Denied | None:
    if case.now.halted:
        return Denied(DenialReason.HALTED, "trading is halted; an operator allows it again with `resume`")
    if case.now.not_ready:
        return Denied(DenialReason.NOT_READY, f"not ready to trade: {case.now.not_ready}")
    if case.now.warming:
        return Denied(
            DenialReason.WARMING,
            "the algorithm is warming up; order when is_warming_up is False (on_warmup_finished)",
        )
    return None


def _type(case: _Case) -> Denied | None:
    if case.spec.type in case.capabilities.order_types:
        return None
    offered = ", ".join(sorted(kind.name.lower() for kind in case.capabilities.order_types))
    return Denied(
        DenialReason.UNSUPPORTED,
        f"this brokerage has no {case.spec.type.name.lower()} orders; it has: {offered}",
    )


def _quantity(case: _Case) -> Denied | None:
    quantity = case.spec.quantity
    if not usable(quantity):
        return unusable(quantity)
    if quantity == 0:
        return Denied(DenialReason.BAD_QUANTITY, "an order of nothing cannot be sent")
    if not case.capabilities.fractional and quantity != quantity.to_integral_value():
        return Denied(
            DenialReason.BAD_QUANTITY, f"this brokerage trades whole units only; {quantity} is not whole"
        )
    return None


def _prices(case: _Case) -> Denied | None:
    spec = case.spec
    if spec.type in _LIMIT_TYPES and spec.limit_price is None:
        return Denied(DenialReason.BAD_PRICE, f"a {spec.type.name.lower()} order needs a limit price")
    if spec.type in _STOP_TYPES and spec.stop_price is None:
        return Denied(DenialReason.BAD_PRICE, f"a {spec.type.name.lower()} order needs a stop price")
    for name in ("limit_price", "stop_price", "trigger_price", "trailing_amount"):
        price = getattr(spec, name)
        if price is not None and not usable(price):
            return Denied(DenialReason.BAD_PRICE, f"{name} is {price}")
    return None


def _doubt(case: _Case) -> Denied | None:
    if case.now.closed:
        name = case.spec.symbol.value
        return Denied(
            DenialReason.RESTRICTED,
            f"{name} takes no orders: {case.now.closed}; `livetrader adopt {name}` lifts this",
        )
    if case.now.restricted and _adds(case):
        return Denied(
            DenialReason.RESTRICTED,
            f"{case.spec.symbol.value} takes no new risk: {case.now.restricted}; look at the "
            "account, then `livetrader adopt` or `resume`",
        )
    if case.now.blocked:
        side = "buys" if case.spec.direction is OrderDirection.BUY else "sells"
        return Denied(
            DenialReason.BLOCKED,
            f"{side} of {case.spec.symbol.value} wait until the outcome of {case.now.blocked} is known",
        )
    return None


def _stale(case: _Case) -> Denied | None:
    if case.now.stale and _adds(case):
        return Denied(
            DenialReason.DATA_STALE,
            f"{case.spec.symbol.value} takes no new risk while its data are stale: {case.now.stale}; orders "
            "that reduce the position and cancels go through",
        )
    return None


def _decided(case: _Case) -> Denied | None:
    if not case.now.decided:
        return None
    return Denied(
        DenialReason.DECIDED,
        f"this decision was taken before the restart already, as order {case.now.decided}",
    )


def _adds(case: _Case) -> bool:
    """Whether the order could make the absolute position larger."""
    after = case.now.position + case.now.working + case.spec.quantity
    return abs(after) > abs(case.now.position)


def _order_size(case: _Case) -> Denied | None:
    most = Decimal(str(case.limits.max_order_quantity))
    if most and abs(case.spec.quantity) > most:
        return Denied(
            DenialReason.ORDER_QUANTITY,
            f"quantity {case.spec.quantity} exceeds limits.max_order_quantity = {most}",
        )
    most = Decimal(str(case.limits.max_order_notional))
    if not most:
        return None
    if case.price <= 0:
        return Denied(
            DenialReason.ORDER_NOTIONAL,
            "no price is known yet, so limits.max_order_notional cannot be judged",
        )
    notional = abs(case.spec.quantity) * case.price * case.now.multiplier
    if notional > most:
        return Denied(
            DenialReason.ORDER_NOTIONAL, f"notional {notional} exceeds limits.max_order_notional = {most}"
        )
    return None


def _position_size(case: _Case) -> Denied | None:
    most = Decimal(str(case.limits.max_position_notional))
    if not most or not _adds(case):
        return None  # what reduces risk is never refused for size
    if case.price <= 0:
        return Denied(
            DenialReason.POSITION_NOTIONAL,
            "no price is known yet, so limits.max_position_notional cannot be judged",
        )
    units = abs(case.now.position + case.now.working + case.spec.quantity) * case.now.multiplier
    after = units * case.price
    if after > most:
        return Denied(
            DenialReason.POSITION_NOTIONAL,
            f"the position could reach {after}, beyond limits.max_position_notional = {most}",
        )
    return None


def _rate(case: _Case) -> Denied | None:
    if case.limits.orders_per_minute and case.now.recent >= case.limits.orders_per_minute:
        return Denied(
            DenialReason.RATE,
            f"{case.now.recent} orders in the last minute reach limits.orders_per_minute; slow down",
        )
    if case.limits.duplicate_window_s and case.now.alike >= case.limits.duplicates_allowed:
        return Denied(
            DenialReason.DUPLICATE,
            f"{case.now.alike} orders of {case.spec.quantity} {case.spec.symbol.value} within "
            f"limits.duplicate_window_s = {case.limits.duplicate_window_s}; check the algorithm for a loop",
        )
    return None


CHECKS: Final[tuple[Callable[[_Case], Denied | None], ...]] = (
    _trading,
    _type,
    _quantity,
    _prices,
    _decided,
    _doubt,
    _stale,
    _order_size,
    _position_size,
    _rate,
)
# A change makes no second order, so the rate does not apply to it, nor, unless the order grows, what keeps a
# symbol in doubt from new risk. A new price for an entry is a decision, and so is a larger quantity: neither
# is taken on stale data.
CHANGE_CHECKS: Final = (_trading, _quantity, _prices, _order_size, _position_size)
OTHER_PRICE_CHECKS: Final = (*CHANGE_CHECKS, _stale)
LARGER_CHECKS: Final = (*CHANGE_CHECKS, _doubt, _stale)


def check(
    spec: OrderSpec,
    client_order_id: ClientOrderId,
    now: Circumstances,
    limits: LimitSettings,
    capabilities: BrokerageCapabilities,
) -> Approved | Denied:
    """Judge a new order. Does not remember anything: the caller counts."""
    case = _Case(spec, now, limits, capabilities)
    for look in CHECKS:
        denied = look(case)
        if denied is not None:
            return denied
    return Approved(client_order_id, spec)


def changed(spec: OrderSpec, change: OrderChange) -> OrderSpec:
    """Return the order as it will be after the change."""
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    return msgspec.structs.replace(spec, **given)


def check_change(
    spec: OrderSpec,
    client_order_id: ClientOrderId,
    change: OrderChange,
    now: Circumstances,
    limits: LimitSettings,
    capabilities: BrokerageCapabilities,
) -> ApprovedChange | Denied:
    """Judge a change of the working order `spec`.

    `now.working` must not count that order itself, and less what of it has traded: the position has that.
    """
    after = changed(spec, change)
    if not capabilities.updates:
        return Denied(
            DenialReason.UNSUPPORTED, "this brokerage cannot change orders; cancel it and send a new one"
        )
    if (after.quantity > 0) != (spec.quantity > 0):
        return Denied(
            DenialReason.BAD_QUANTITY, "a change cannot turn a buy into a sell; cancel and order anew"
        )
    case = _Case(after, now, limits, capabilities)
    smaller = abs(after.quantity) <= abs(spec.quantity)
    only_smaller = smaller and after == msgspec.structs.replace(spec, quantity=after.quantity, tag=after.tag)
    for look in CHANGE_CHECKS if only_smaller else OTHER_PRICE_CHECKS if smaller else LARGER_CHECKS:
        denied = look(case)
        if denied is not None:
            return denied
    return ApprovedChange(client_order_id, after, change)
