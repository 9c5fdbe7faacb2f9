"""Order states and every legal move between them.

Rule 1: whatever decides about an order's state lives in this file.
Rule 2: this file does not know who reports (a simulated venue, a real one, a reconciliation).

An order is a request whose outcome lies with somebody else. Three kinds of state follow from that:

* *open* states, in which more fills may come: the order has been handed over or will be;
* *closed* states: FILLED, CANCELED, INVALID. No fill may follow, except that the venue is always right:
  a fill reported for an order we hold to be CANCELED or INVALID is applied (the venue traded it) and the
  order becomes PARTIALLY_FILLED or FILLED; `late` marks those rows so that somebody is told;
* *pending* states, in which we have asked for a change and have not heard: CANCEL_PENDING.

The venue may also take back what it said: a trade of a FILLED order is corrected to less, or busted, and the
order is PARTIALLY_FILLED again. It counts as open until the venue's account shows that nothing of it works.
Of an order that is CANCELED or INVALID a trade that is taken back changes the sum and not the state.

Statuses are LEAN's (Common/Orders/OrderTypes.cs), numbers included. The diagram in docs/architecture.md
is generated from TRANSITIONS.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from livetrader_engine.errors import InvariantError


class OrderStatus(IntEnum):
    """State of an order; values as in LEAN."""

    NEW = 0  # made, not yet taken by a brokerage
    SUBMITTED = 1  # the brokerage has it
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 5
    NONE = 6  # the venue says nothing definite
    INVALID = 7  # refused: by our checks, or by the brokerage
    CANCEL_PENDING = 8  # we asked for a cancel and have not heard
    UPDATE_SUBMITTED = 9  # the brokerage has a change of it


OPEN: Final = frozenset(
    {
        OrderStatus.NEW,
        OrderStatus.SUBMITTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.CANCEL_PENDING,  # it may still fill
        OrderStatus.UPDATE_SUBMITTED,
        OrderStatus.NONE,  # unknown counts as open: it may be working
    }
)
CLOSED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.INVALID})
FILLS: Final = frozenset({OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED})

_S = OrderStatus
TRANSITIONS: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    _S.NEW: frozenset(
        # staying: a change of it was refused before anybody had confirmed it
        {_S.NEW, _S.SUBMITTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID, _S.CANCEL_PENDING,
         _S.NONE}
    ),
    _S.SUBMITTED: frozenset(
        {_S.SUBMITTED, _S.UPDATE_SUBMITTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID,
         _S.CANCEL_PENDING, _S.NONE}
    ),
    _S.UPDATE_SUBMITTED: frozenset(
        {_S.SUBMITTED, _S.UPDATE_SUBMITTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID,
         _S.CANCEL_PENDING, _S.NONE}
    ),
    _S.PARTIALLY_FILLED: frozenset(
        {_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID, _S.CANCEL_PENDING,
         _S.UPDATE_SUBMITTED, _S.NONE}
    ),
    _S.CANCEL_PENDING: frozenset(
        # a refused cancel puts the order back to work, a fill may win the race
        {_S.SUBMITTED, _S.UPDATE_SUBMITTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID,
         _S.CANCEL_PENDING, _S.NONE}
    ),
    _S.NONE: frozenset(
        {_S.SUBMITTED, _S.UPDATE_SUBMITTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.INVALID,
         _S.CANCEL_PENDING, _S.NONE}
    ),
    _S.FILLED: frozenset({_S.PARTIALLY_FILLED}),  # a trade was taken back: the venue is right
    _S.CANCELED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED}),  # late fill: the venue is right
    _S.INVALID: frozenset({_S.PARTIALLY_FILLED, _S.FILLED}),  # late fill: the venue is right
}  # fmt: skip


def move(current: OrderStatus, reported: OrderStatus) -> OrderStatus:
    """Return the state after `reported`. Raises InvariantError for a move the table does not have."""
    if reported not in TRANSITIONS[current]:
        raise InvariantError(f"an order cannot go from {current.name} to {reported.name}")
    return reported


def late(current: OrderStatus, reported: OrderStatus) -> bool:
    """Return whether this is a fill of an order that we held to be closed."""
    return current in CLOSED and reported in FILLS
