"""What an order stands before, beyond orders of ours: who else holds, works and has decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from livetrader.journal.replay import JournalState
from livetrader_engine.decisions import decided_ns
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import OrderRecord
from livetrader_engine.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Life:
    """One engine process: the number that its first order will have, and where its clock began."""

    first_number: int
    began_ns: int


def held(state: JournalState, symbol: Symbol) -> Decimal:
    """Return what the account holds, also what is not the algorithm's: limits count all of it."""
    theirs = state.ignored.get(symbol)
    return state.position(symbol) + (Decimal(0) if theirs is None else theirs.quantity)


def others_working(foreign: Iterable[OrderRecord], spec: OrderSpec) -> Decimal:
    """Return what orders that are not ours may still trade on an order's side."""
    return sum(
        (
            order.spec.quantity - order.filled_quantity
            for order in foreign
            if order.spec.symbol is spec.symbol and order.spec.direction is spec.direction
        ),
        Decimal(0),
    )


def decided(state: JournalState, spec: OrderSpec, life: Life | None) -> str:
    """Return which order of an earlier engine came of the same decision, empty where none did.

    A tape that is played again from before that decision is another story. An order that never reached the
    venue, and never will, decided nothing.
    """
    known = state.decisions.get((spec.symbol, spec.decision)) if spec.decision else None
    if known is None or life is None or known.number >= life.first_number:
        return ""
    if known.status is OrderStatus.INVALID and not known.filled:
        return ""
    return known.client_order_id if decided_ns(spec.decision) < life.began_ns else ""
