"""Lot sizes and the like as an algorithm sees them."""

from __future__ import annotations

from livetrader_engine.securities import SecurityProperties
from livetrader_lean.views import Face


class SymbolProperties(Face):
    """Lot size, price variation, multiplier and currency."""

    __slots__ = ("_properties",)

    def __init__(self, properties: SecurityProperties) -> None:
        self._properties = properties

    @property
    def description(self) -> str:
        """Name in words."""
        return self._properties.description

    @property
    def quote_currency(self) -> str:
        """Currency of its prices."""
        return self._properties.quote_currency

    @property
    def lot_size(self) -> float:
        """Smallest step of a quantity."""
        return float(self._properties.lot_size)

    @property
    def minimum_price_variation(self) -> float:
        """Smallest step of a price."""
        return float(self._properties.minimum_price_variation)

    @property
    def contract_multiplier(self) -> float:
        """Units per contract."""
        return float(self._properties.contract_multiplier)

    @property
    def market_ticker(self) -> str:
        """Ticker at the market, empty where it is not told."""
        return self._properties.market_ticker

    @property
    def minimum_order_size(self) -> float | None:
        """Smallest quantity of an order, None where it is not told."""
        found = self._properties.minimum_order_size
        return None if found is None else float(found)

    @property
    def price_magnifier(self) -> float:
        """What prices of the market are divided by."""
        return float(self._properties.price_magnifier)

    @property
    def strike_multiplier(self) -> float:
        """What strikes of the market are multiplied with."""
        return float(self._properties.strike_multiplier)
