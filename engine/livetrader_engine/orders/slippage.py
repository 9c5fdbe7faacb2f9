"""How much worse than the quoted price a fill is. Pure; always a non-negative amount of quote currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from livetrader_engine.money import ZERO, from_float
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.securities import Security


class SlippageModel(Protocol):
    """Says how far a fill is from the price it is made at."""

    def slippage(self, security: Security, spec: OrderSpec) -> Decimal:
        """Return the amount added to a buy's price and taken from a sell's."""
        ...


class NoSlippage:
    """Fills happen at the price seen."""

    def slippage(self, security: Security, spec: OrderSpec) -> Decimal:
        """Return zero."""
        return ZERO


class ConstantSlippage:
    """A fixed part of the price."""

    def __init__(self, ratio: Decimal) -> None:
        self._ratio = ratio

    def slippage(self, security: Security, spec: OrderSpec) -> Decimal:
        """Return price × ratio."""
        return security.exact_price() * self._ratio


VOLUME_LIMIT: Final = Decimal("0.025")
PRICE_IMPACT: Final = Decimal("0.1")


class VolumeShareSlippage:
    """Grows with the square of the order's share in the bar's volume, capped at `limit`.

    Source: LEAN's VolumeShareSlippageModel.cs.
    """

    def __init__(self, limit: Decimal = VOLUME_LIMIT, impact: Decimal = PRICE_IMPACT) -> None:
        self._limit = limit
        self._impact = impact

    def slippage(self, security: Security, spec: OrderSpec) -> Decimal:
        """Return min(|quantity| / volume, limit)² × impact × price; a bar without volume gives the cap."""
        volume = from_float(security.volume)
        share = min(abs(spec.quantity) / volume, self._limit) if volume else self._limit
        return share * share * self._impact * security.exact_price()
