"""What IB refuses: prices off the tick, sizes, permissions, money that is not there."""

from __future__ import annotations

from decimal import Decimal

from livetrader_venues.tws import matching
from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.ledger import Account, Worth, margin_of
from livetrader_venues.tws.orders import Terms


def _crypto_problem(contract: Contract, terms: Terms, account: Account) -> tuple[int, str] | None:
    """IB's rules for crypto, seen with its paper accounts; GitHub erdewit/ib_insync issue 407."""
    if contract.security_type != "CRYPTO":
        return 201, "Order rejected - reason:Invalid time in force"
    if terms.order_type not in ("MKT", "LMT"):
        return 387, "Unsupported order type for this exchange and security type."
    if terms.order_type == "MKT" and terms.time_in_force != "IOC":
        return 201, "Order rejected - reason:The crypto MKT order must be IOC"
    if terms.time_in_force not in ("IOC", matching.MINUTES):
        return 201, "Order rejected - reason:The crypto LMT order must be Minutes or IOC"
    if terms.order_type == "MKT" and terms.is_buy:
        return 10289, "You must set Cash Quantity for this order"
    held = account.positions.get(contract.con_id)
    if not terms.is_buy and terms.quantity > (held.quantity if held else 0):
        return 201, "Order rejected - reason:Short sales of crypto are not allowed"
    return None


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
    if (contract.security_type == "CRYPTO" or terms.time_in_force == matching.MINUTES) and (
        refused := _crypto_problem(contract, terms, account)
    ):
        return refused
    needed = margin_of(account, contract, terms.sign * terms.quantity, terms.limit_price or last)
    free = now.net - now.initial if account.is_margin else now.cash
    if needed > 0 and needed > free:
        return 201, (
            "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION "
            f"YOUR EQUITY WITH LOAN VALUE [{free:.2f} USD] MUST EXCEED THE INITIAL MARGIN [{needed:.2f} USD]"
        )
    return None
