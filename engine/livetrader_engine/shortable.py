"""What a brokerage lets its clients sell short on one date."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Shortable(msgspec.Struct, frozen=True):
    """One date of one security. `quantity` is None for any; rates are parts of the value a year."""

    quantity: int | None
    rebate_rate: Decimal = Decimal(0)
    fee_rate: Decimal = Decimal(0)
