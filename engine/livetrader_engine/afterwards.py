"""What a venue says of a trade after the trade: how a correction is worded and told. Pure.

An algorithm never hears twice that an order is over: what it does about that, it would do twice. A correction
that leaves the state as it was is told as UPDATE_SUBMITTED, with what it adds to the trade or takes away.
"""

from __future__ import annotations

import msgspec

from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import Fill
from livetrader_engine.orders.states import OrderStatus


def correction_words(old: Fill, new: Fill) -> str:
    """Return what happened to a trade, for the user."""
    was = f"{old.quantity} at {old.price}"
    if not new.quantity:
        return f"the venue took the trade {old.execution_id} back: {was} did not happen"
    return f"the venue corrected the trade {old.execution_id}: {new.quantity} at {new.price}, not {was}"


def difference(old: Fill, new: Fill) -> Fill:
    """Return what a correction adds to the trade, at the price that the trade has now."""
    return msgspec.structs.replace(
        new,
        quantity=new.quantity - old.quantity,
        price=new.price if new.quantity else old.price,
        fee=new.fee - old.fee,
    )


def told_as(event: OrderEventArrived, was: OrderStatus, now: OrderStatus) -> OrderEventArrived:
    """Return the correction `event` as the algorithm hears it, by the order's states before and after."""
    fill, old = event.fill, event.replaces
    assert fill is not None and old is not None, "only corrections are told afterwards"
    told = now if now is not was or now is OrderStatus.PARTIALLY_FILLED else OrderStatus.UPDATE_SUBMITTED
    return msgspec.structs.replace(event, status=told, fill=difference(old, fill), replaces=None)
