"""A fill of a part of an order, as fill models of the algorithm's own make them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from livetrader_engine.orders.fees import OrderFee
from livetrader_engine.orders.states import OrderStatus


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a fill model of the algorithm's own says of one look: a part that fills, or another end.

    `quantity` is signed, zero for an end without a fill; `fee` is None where the fee model shall say it.
    """

    quantity: Decimal
    status: OrderStatus
    fee: OrderFee | None = None
