"""What a trade is: a position that was opened and closed. Source: LEAN's Trade.cs."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import OrderId
from livetrader_engine.symbols import Symbol


class TradeDirection(IntEnum):
    """Side of a trade; values as in LEAN."""

    LONG = 0
    SHORT = 1


class FillGrouping(IntEnum):
    """What makes one trade of many fills; values as in LEAN's FillGroupingMethod."""

    FILL_TO_FILL = 0  # each entry fill is a trade, closed by exit fills
    FLAT_TO_FLAT = 1  # from no position to none
    FLAT_TO_REDUCED = 2  # each reduction of a position


class FillMatching(IntEnum):
    """Which entry an exit closes; values as in LEAN's FillMatchingMethod."""

    FIFO = 0
    LIFO = 1


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A closed position. Money is in account currency, times are UTC nanoseconds.

    `adverse` and `favorable` are the worst and the best result while it was open (LEAN: MAE and MFE),
    `drawdown` the deepest fall from the best; the three are zero but for FILL_TO_FILL.
    """

    number: int
    symbol: Symbol
    entry_ns: int
    entry_price: Decimal
    direction: TradeDirection
    quantity: Decimal
    exit_ns: int
    exit_price: Decimal
    profit: Decimal
    fees: Decimal
    orders: tuple[OrderId, ...]
    adverse: Decimal = ZERO
    favorable: Decimal = ZERO
    drawdown: Decimal = ZERO

    @property
    def won(self) -> bool:
        """Whether it made money, fees left aside."""
        return self.profit > 0

    @property
    def duration_ns(self) -> int:
        """How long it was open."""
        return self.exit_ns - self.entry_ns
