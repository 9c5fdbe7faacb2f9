"""What a trade is: a position that was opened and closed. Source: LEAN's Trade.cs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Final

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import OrderId
from livetrader_engine.symbols import Symbol

MAX_CLOSED_TRADES: Final = 100_000  # the oldest go first, a tenth at a time
MAX_FEE_ORDERS: Final = 1_000  # orders remembered so that their fee counts once
MAX_CHARGED: Final = 1_000  # newest trades among which the one of a late fee is looked for


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


class TradeLog:
    """Closed trades, oldest first; bounded. Owned by a TradeBuilder."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[Trade] = []
        self._fees_taken: OrderedDict[OrderId, None] = OrderedDict()

    def resume(self, trades: Sequence[Trade], made: int) -> None:
        """Go on where an earlier process stood: with these closed trades, `made` in all."""
        self.closed[:] = trades
        self.made = made

    def counted(self, order: OrderId, fee: Decimal) -> Decimal:
        """Return the fee of a fill as it counts: of an order's fills only the first one's does."""
        if order in self._fees_taken:
            return ZERO
        self._fees_taken[order] = None
        if len(self._fees_taken) > MAX_FEE_ORDERS:
            self._fees_taken.popitem(last=False)
        return fee

    def add(self, trade: Trade) -> None:
        """Take in one more."""
        self.made = trade.number
        self.closed.append(trade)
        if len(self.closed) > MAX_CLOSED_TRADES:
            del self.closed[: MAX_CLOSED_TRADES // 10]

    def charge(self, order: OrderId, amount: Decimal) -> None:
        """Add what an order turned out to cost to its newest trade, unless that lies far back."""
        for number in range(len(self.closed) - 1, max(-1, len(self.closed) - 1 - MAX_CHARGED), -1):
            trade = self.closed[number]
            if order in trade.orders:
                self.closed[number] = msgspec.structs.replace(trade, fees=trade.fees + amount)
                return
