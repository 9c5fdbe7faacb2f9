"""A security: a symbol with its properties and its newest prices. Owned by the engine."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class SecurityProperties(msgspec.Struct, frozen=True):
    """What a symbol-properties row says. Source: LEAN's symbol-properties-database.csv."""

    description: str = ""
    quote_currency: str = "USD"
    contract_multiplier: Decimal = Decimal(1)
    minimum_price_variation: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
