"""Combinations: several contracts that trade as one, with security type BAG.

Its price is the sum of its legs' prices times their ratios, sales negative; it fills whole legs at once. TWS
reports one execution for the combination and one for each leg; positions are those of the legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from livetrader_venues.tws.contracts import Catalogue, Contract
from livetrader_venues.tws.layouts import Rows
from livetrader_venues.tws.matching import Quote

COMBINATION_ID = 28812380  # IB gives every combination this number


@dataclass(frozen=True, slots=True)
class Leg:
    """One contract of a combination; the ratio is negative for a sale."""

    contract: Contract
    ratio: int


def legs_of(rows: Rows, catalogue: Catalogue) -> tuple[Leg, ...] | None:
    """Return the legs that a client named by number, None where one of them is unknown."""
    legs = []
    for con_id, ratio, action, *_ in rows:
        contract = catalogue.get(int(con_id))
        if contract is None:
            return None
        legs.append(Leg(contract, int(ratio) * (1 if action.upper() == "BUY" else -1)))
    return tuple(legs) or None


def contract_of(symbol: str, currency: str, exchange: str) -> Contract:
    """Return the contract under which a combination is reported."""
    return Contract(
        COMBINATION_ID, symbol, "BAG", exchange or "SMART", currency or "USD", symbol, "COMB", Decimal(0)
    )


def is_within(
    legs: tuple[Leg, ...], limits: tuple[Decimal | None, ...], sign: int, quotes: dict[int, Quote]
) -> bool:
    """Return whether every leg trades at its own limit or better; `sign` is that of the order."""
    for leg, limit in zip(legs, limits, strict=False):
        quote, buys = quotes[leg.contract.con_id], leg.ratio * sign > 0
        if limit is not None and (quote.ask > limit if buys else quote.bid < limit):
            return False
    return True


def quote_of(legs: tuple[Leg, ...], quotes: dict[int, Quote]) -> Quote:
    """Return the book of a combination: bought legs at the ask, sold legs at the bid."""
    bid = ask = last = Decimal(0)
    bid_sizes, ask_sizes = [], []
    for leg in legs:
        quote = quotes[leg.contract.con_id]
        buys = leg.ratio > 0
        ask += leg.ratio * (quote.ask if buys else quote.bid)
        bid += leg.ratio * (quote.bid if buys else quote.ask)
        last += leg.ratio * quote.last
        bid_sizes.append((quote.bid_size if buys else quote.ask_size) // abs(leg.ratio))
        ask_sizes.append((quote.ask_size if buys else quote.bid_size) // abs(leg.ratio))
    return Quote(bid, ask, last, min(bid_sizes), min(ask_sizes))
