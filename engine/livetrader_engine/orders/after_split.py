"""The terms that a working order gets when its stock splits. Pure.

Source: LEAN's DefaultBrokerageModel.ApplySplit, which divides the whole quantity; here what has traded of an
order stays as it was counted, and only what is left is scaled.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from livetrader_engine.data.splits import ratio_of, shares_after
from livetrader_engine.orders.order import OrderChange, OrderSpec

_CENT: Final = Decimal("0.01")  # the price step of US equities, and of those below a dollar
_BELOW_ONE: Final = Decimal("0.0001")


def order_after(spec: OrderSpec, filled: Decimal, factor: Decimal) -> OrderChange:
    """Return the change that leaves what is still to trade of an order its value.

    What has traded stays as it was counted, so the quantity is that plus the scaled rest; where the rest is
    no whole share any more, it equals `filled`: nothing is left to trade.
    """
    rest, _ = shares_after(spec.quantity - filled, factor)
    ratio = ratio_of(factor)
    trailing = None if spec.trailing_as_percentage else spec.trailing_amount
    return OrderChange(
        quantity=filled + rest,
        limit_price=_times(spec.limit_price, ratio),
        stop_price=_times(spec.stop_price, ratio),
        trigger_price=_times(spec.trigger_price, ratio),
        trailing_amount=_times(trailing, ratio),
    )


def _times(price: Decimal | None, ratio: Fraction) -> Decimal | None:
    if price is None:
        return None
    scaled = price * ratio.numerator / ratio.denominator
    return scaled.quantize(_CENT if abs(scaled) >= 1 else _BELOW_ONE)
