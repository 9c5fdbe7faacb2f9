"""What to do next to make an account flat. Pure: one snapshot and what was tried in, a plan out.

Rules: the brokerage's positions count, not ours. At most one live liquidation order per symbol; the next one
only when the one before is proved over, so the account can never be sold twice. One symbol's trouble
changes nothing for another. Orders that are not ours are left alone and named, unless an operator says
otherwise; their positions are the account's, and are closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from livetrader.journal.identifiers import (
    KILL_PREFIX,
    ORDER_PREFIX,
    kill_attempt,
    kill_client_id,
    kill_prefix,
)
from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.order import ClientOrderId, OrderId, OrderSpec, OrderType
from livetrader_engine.spi import AccountSnapshot, BrokerageCapabilities, OrderRecord
from livetrader_engine.symbols import Symbol

OPEN_GRACE_S: Final = 60.0  # a market-on-open order that has not filled this long after the open is replaced
POSITION_LAG_S: Final = 3.0  # a position may be told later than the trade that moved it; then it is believed
REFUSED_PAUSE_S: Final = 1.0  # before another order of a symbol whose last one was refused
REFUSED_PAUSE_MAX_S: Final = 30.0  # the pause doubles with each refusal, up to this


@dataclass(frozen=True, slots=True)
class Attempt:
    """The newest liquidation order of one symbol. `refused`: it surely is not at the venue."""

    number: int
    client_order_id: ClientOrderId
    sent_s: float  # monotonic
    position: Decimal  # when it was sent
    refused: bool = False
    refusals: int = 0  # in a row, this one included


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What beside the snapshot matters. `open_since_s`, `over_since_s` and `seen_s` are monotonic.

    They say when a market was first seen open, when the order of an attempt was first seen to be over, and
    when an order was last seen at work.
    """

    kill_id: str
    capabilities: BrokerageCapabilities
    is_open: Callable[[Symbol], bool]
    now_ns: int
    now_s: float
    attempts: Mapping[Symbol, Attempt]
    open_since_s: Mapping[Symbol, float]
    over_since_s: Mapping[ClientOrderId, float]
    seen_s: Mapping[ClientOrderId, float]
    patient: bool  # wait for cancels on a symbol before flattening it
    include_foreign: bool = False
    only: Symbol | None = None  # one symbol of the account; None for all of it


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. `left` says in words what keeps the account from being flat; `alone` is not ours."""

    cancels: tuple[OrderRecord, ...]
    orders: tuple[tuple[int, ClientOrderId, OrderSpec], ...]  # attempt number, id, order
    left: tuple[str, ...]
    until_open: bool  # nothing to do before a market opens
    alone: tuple[str, ...] = ()

    @property
    def flat(self) -> bool:
        """No open order and no position."""
        return not self.left


def make_plan(snapshot: AccountSnapshot, now: Circumstances) -> Plan:
    """Return what to do next for a flat account. Changes nothing."""
    cancels: list[OrderRecord] = []
    orders: list[tuple[int, ClientOrderId, OrderSpec]] = []
    left: list[str] = []
    alone: list[str] = []
    asleep = True
    live: dict[Symbol, list[OrderRecord]] = {}
    held = [
        position for position in snapshot.positions if position.quantity and _in_scope(position.symbol, now)
    ]
    symbols = {position.symbol for position in held}
    for order in snapshot.open_orders:
        symbol = order.spec.symbol
        if not _in_scope(symbol, now):
            continue
        if not now.include_foreign and not is_ours(order.client_order_id):
            alone.append(_describe(order))
            continue
        ours = order.client_order_id.startswith(kill_prefix(now.kill_id, symbol))
        if ours and symbol in symbols and symbol not in live and not _stale(order, now):
            live[symbol] = [order]
            continue
        cancels.append(order)
        asleep = False
        left.append(_describe(order))
    cancelling = {order.spec.symbol for order in cancels}
    for position in held:
        symbol = position.symbol
        left.append(f"{position.quantity} {symbol.value}")
        is_open = now.is_open(symbol)
        asleep = asleep and not is_open
        if symbol in live or (symbol in cancelling and now.patient):
            continue
        if _pending(position, snapshot, now):
            asleep = False
            continue
        order_type = OrderType.MARKET if is_open else OrderType.MARKET_ON_OPEN
        if order_type not in now.capabilities.order_types:
            continue  # no such order here: it is sent when the market opens
        asleep = False
        orders.append(_order(position, order_type, snapshot, now))
    return Plan(tuple(cancels), tuple(orders), tuple(left), asleep and bool(left), tuple(alone))


def is_ours(client_order_id: ClientOrderId) -> bool:
    """Return whether an order was made by a livetrader: a kill needs no journal, so any of them will do."""
    return client_order_id.startswith((ORDER_PREFIX, KILL_PREFIX))


def _in_scope(symbol: Symbol, now: Circumstances) -> bool:
    return now.only is None or symbol == now.only


def _describe(order: OrderRecord) -> str:
    spec = order.spec
    words = f"order {order.client_order_id or order.brokerage_order_id}: {spec.quantity} {spec.symbol.value}"
    return words if is_ours(order.client_order_id) else f"{words} (not ours)"


def _stale(order: OrderRecord, now: Circumstances) -> bool:
    """Whether a market-on-open order of ours missed the open."""
    since = now.open_since_s.get(order.spec.symbol)
    return (
        order.spec.type is OrderType.MARKET_ON_OPEN
        and since is not None
        and now.is_open(order.spec.symbol)
        and now.now_s - since >= OPEN_GRACE_S
    )


def _pending(position: PositionRecord, snapshot: AccountSnapshot, now: Circumstances) -> bool:
    """Whether the newest liquidation order, not shown as open, may still be at work or must be waited for."""
    attempt = now.attempts.get(position.symbol)
    if attempt is None:
        return False
    age_s = now.now_s - attempt.sent_s
    if attempt.refused:
        return age_s < _pause_s(attempt.refusals)
    # A position that moved proves nothing: another order may have arrived while ours is still on its way.
    over, traded = outcome(attempt, snapshot)
    if not over:  # the fence counts from when it was last known to be there
        known_s = max(attempt.sent_s, now.seen_s.get(attempt.client_order_id, attempt.sent_s))
        return now.now_s - known_s < now.capabilities.absence_fence_s
    if position.quantity != attempt.position + traded:  # not told yet, or others traded: sell nothing twice
        return now.now_s - now.over_since_s.get(attempt.client_order_id, now.now_s) < POSITION_LAG_S
    if traded:
        return False
    return age_s < _pause_s(attempt.number)  # refused or expired at the venue, which is not to be flooded


def attempts_shown(
    snapshot: AccountSnapshot, kill_id: str, known: Mapping[Symbol, Attempt], now_s: float
) -> dict[Symbol, Attempt]:
    """Return the newest attempts of a kill that only the account knows of: a process before us made them.

    An order closes what was held when it was sent, so that its quantity says what that was.
    """
    found: dict[Symbol, Attempt] = {}
    for order in (*snapshot.open_orders, *snapshot.closed_orders):
        symbol = order.spec.symbol
        number = kill_attempt(kill_id, symbol, order.client_order_id)
        newest = found.get(symbol) or known.get(symbol)
        if number is not None and (newest is None or number > newest.number):
            found[symbol] = Attempt(number, order.client_order_id, now_s, -order.spec.quantity)
    return found


def outcome(attempt: Attempt, snapshot: AccountSnapshot) -> tuple[bool, Decimal]:
    """Return whether the order of an attempt is proved to be over, and what it has traded."""
    name = attempt.client_order_id
    traded = sum((fill.quantity for owner, fill in snapshot.fills if owner == name), Decimal(0))
    closed = [order for order in snapshot.closed_orders if order.client_order_id == name]
    for order in closed:
        if abs(order.filled_quantity) > abs(traded):  # the venue shows the order's end before its trades
            traded = abs(order.filled_quantity).copy_sign(-attempt.position)
    return bool(closed) or abs(traded) >= abs(attempt.position), traded


def _pause_s(failures: int) -> float:
    return min(REFUSED_PAUSE_MAX_S, REFUSED_PAUSE_S * 2.0 ** min(failures - 1, 10))


def _order(
    position: PositionRecord, order_type: OrderType, snapshot: AccountSnapshot, now: Circumstances
) -> tuple[int, ClientOrderId, OrderSpec]:
    symbol = position.symbol
    attempt = now.attempts.get(symbol)
    numbers = [0 if attempt is None else attempt.number]
    for order in (*snapshot.open_orders, *snapshot.closed_orders):
        numbers.append(kill_attempt(now.kill_id, symbol, order.client_order_id) or 0)
    number = max(numbers) + 1
    spec = OrderSpec(
        id=OrderId(0),
        symbol=symbol,
        type=order_type,
        quantity=-position.quantity,
        created_ns=now.now_ns,
        reference_price=position.average_price,
        tag=f"liquidate {now.kill_id}",
    )
    return number, kill_client_id(now.kill_id, symbol, number), spec
