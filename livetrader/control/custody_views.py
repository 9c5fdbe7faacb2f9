"""What the account and the journal do not agree on, as an operator sees it, and what may be done about it."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class RestrictionView(msgspec.Struct, frozen=True):
    """A symbol that takes no new risk, or no order at all (`closed`). Nobody can explain `unexplained`."""

    symbol: str
    ticker: str
    reason: str
    closed: bool = False
    unexplained: Decimal = Decimal(0)


class ShareView(msgspec.Struct, frozen=True):
    """So much of a symbol: a difference to the brokerage, or what is held and not the algorithm's."""

    symbol: str
    ticker: str
    quantity: Decimal


class ForeignOrderView(msgspec.Struct, frozen=True):
    """A working order at the brokerage that is not ours; counted in limits and never touched."""

    client_order_id: str
    brokerage_order_id: str
    symbol: str
    ticker: str
    type: str
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None = None


class ReconciliationView(msgspec.Struct, frozen=True):
    """How journal and brokerage compare since the last look.

    `problem` says why that failed. `differences` were seen and are not booked yet, `unresolved` are client
    order ids whose outcome is unknown, `orphans` orders with a name of ours that the journal does not know.
    """

    time_ns: int | None
    problem: str = ""
    restricted: tuple[RestrictionView, ...] = ()
    differences: tuple[ShareView, ...] = ()
    ignored: tuple[ShareView, ...] = ()
    foreign_orders: tuple[ForeignOrderView, ...] = ()
    foreign_fills: int = 0
    unresolved: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
