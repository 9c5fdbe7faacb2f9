"""Arithmetic of a position when the venue corrects a trade. Pure; shared by the engine and the journal.

A corrected trade is taken out of the position and put in anew. What the position is worth together with what
was won by it is exact whatever came between; how the two share a sum is exact as long as the position has
not been through zero since (nobody knows its average price from before that).
"""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.money import ZERO

Held = tuple[Decimal, Decimal]  # signed quantity and average price


def with_trade(quantity: Decimal, average: Decimal, change: Decimal, price: Decimal) -> Held:
    """Return the position after a trade of this signed quantity at this price."""
    total = quantity + change
    if total == 0:
        return ZERO, ZERO
    if quantity == 0 or (quantity > 0) != (total > 0):
        return total, price  # opened, or went through zero
    if (quantity > 0) == (change > 0):
        return total, (quantity * average + change * price) / total
    return total, average  # reduced


def without_trade(quantity: Decimal, average: Decimal, change: Decimal, price: Decimal) -> Held:
    """Return the position as if a trade that is in it had never been."""
    before = quantity - change
    if before == 0:
        return ZERO, ZERO
    if change == 0:
        return quantity, average
    if quantity == 0:
        return before, price  # it had closed the position: what that had cost is not known any more
    if (change > 0) != (quantity > 0):
        return before, average  # it had reduced the position: the rest has cost the same
    if (before > 0) != (quantity > 0):
        return before, price  # it had taken the position through zero
    cost = (quantity * average - change * price) / before
    return before, cost if cost > 0 else average


def corrected(quantity: Decimal, average: Decimal, old: Held, new: Held) -> Held:
    """Return the position after a trade `old` (quantity and price) turned out to have been `new`."""
    return with_trade(*without_trade(quantity, average, *old), *new)
