"""What IB refuses: prices off the tick, sizes, permissions, money that is not there."""

from __future__ import annotations

from decimal import Decimal

from livetrader_venues.tws import matching
from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.ledger import Account, Worth, margin_of
from livetrader_venues.tws.orders import Terms


def problem(
    contract: Contract, terms: Terms, account: Account, now: Worth, last: Decimal
) -> tuple[int, str] | None:
    """Return the code and the text of the first thing that is wrong with an order, None for a good one."""
    wrong = matching.problem(terms)
    if wrong is not None:
        return wrong
    prices = (terms.limit_price, terms.aux_price if terms.order_type not in matching.TRAILS else None)
    if any(matching.off_tick(price, contract.minimum_tick) for price in prices):
        return 110, "The price does not conform to the minimum price variation for this contract."
    if terms.quantity % contract.size_increment:
        return 10243, "Fractional-sized order cannot be placed via API for this contract."
    if contract.security_type == "IND":
        return 201, "Order rejected - reason:No trading permissions."
    needed = margin_of(account, contract, terms.sign * terms.quantity, terms.limit_price or last)
    free = now.net - now.initial if account.is_margin else now.cash
    if needed > 0 and needed > free:
        return 201, (
            "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION "
            f"YOUR EQUITY WITH LOAN VALUE [{free:.2f} USD] MUST EXCEED THE INITIAL MARGIN [{needed:.2f} USD]"
        )
    return None
