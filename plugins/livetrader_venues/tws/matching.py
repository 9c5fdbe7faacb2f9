"""Decide what an order does at a price: pure functions of an order's terms and a quote.

The book is the simplest that can fill in parts: one price a side with a size. What an order takes from a
size is gone until the next quote. Stops look at the last trade, as TWS does for stocks where nothing else
is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from livetrader_venues.tws.orders import Terms

PLAIN = frozenset({"MKT", "LMT", "MTL"})
STOPS = frozenset({"STP", "STP LMT"})
TOUCHES = frozenset({"MIT", "LIT"})
TRAILS = frozenset({"TRAIL", "TRAIL LIMIT"})
AT_CLOSE = frozenset({"MOC", "LOC"})
KINDS = PLAIN | STOPS | TOUCHES | TRAILS | AT_CLOSE
LIMITED = frozenset({"LMT", "LOC", "STP LMT", "LIT", "TRAIL LIMIT"})
WAITING = STOPS | TOUCHES | TRAILS
MINUTES = "MINUTES"  # five of them, for crypto only
TIMES_IN_FORCE = frozenset({"DAY", "GTC", "GTD", "OPG", "IOC", "FOK", MINUTES})


class Phase(Enum):
    """When an order meets the book."""

    CONTINUOUS = "continuous"
    OPENING = "opening"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Quote:
    """The book of one contract and its last trade."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    bid_size: Decimal
    ask_size: Decimal
    last_size: Decimal = Decimal(100)
    open: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    low: Decimal = Decimal(0)
    close: Decimal = Decimal(0)
    volume: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Match:
    """A fill that may happen now."""

    price: Decimal
    quantity: Decimal


def problem(terms: Terms) -> tuple[int, str] | None:
    """Return the error with which TWS refuses terms that make no sense, None for good ones."""
    if terms.order_type not in KINDS:
        return 387, "Unsupported order type for this exchange and security type."
    if terms.time_in_force not in TIMES_IN_FORCE:
        return 201, "Order rejected - reason:Invalid time in force"
    if terms.quantity <= 0:
        return 434, "The order size cannot be zero."
    has_limit = terms.limit_price is not None or bool(terms.leg_prices)
    if terms.order_type in LIMITED - {"TRAIL LIMIT"} and not has_limit:
        return 110, "The price does not conform to the minimum price variation for this contract."
    if terms.order_type in STOPS | TOUCHES and not terms.aux_price:
        return 403, "Invalid stop price."
    if terms.order_type in TRAILS and not (terms.aux_price or terms.trailing_percent):
        return 403, "Invalid stop price."
    if terms.time_in_force == "GTD" and terms.good_till_ns is None:
        return 391, "Good-Till-Date is missing."
    return None


def off_tick(price: Decimal | None, tick: Decimal) -> bool:
    """Return whether a price is no multiple of the minimum tick (error 110)."""
    return price is not None and price % tick != 0


def trailed(terms: Terms, stop: Decimal | None, last: Decimal) -> Decimal:
    """Return the stop of a trailing order after a trade: it follows the price and never goes back."""
    distance = terms.aux_price or last * (terms.trailing_percent or Decimal(0)) / 100
    wanted = last + distance if terms.is_buy else last - distance
    if stop is None:
        return terms.trail_stop_price or wanted
    return min(stop, wanted) if terms.is_buy else max(stop, wanted)


def triggers(terms: Terms, stop: Decimal | None, quote: Quote) -> bool:
    """Return whether a waiting order begins to work at this quote."""
    level = stop if terms.order_type in TRAILS else terms.aux_price
    if terms.order_type not in WAITING or level is None:
        return False
    rises = terms.is_buy == (terms.order_type not in TOUCHES)
    return quote.last >= level if rises else quote.last <= level


def limit_of(terms: Terms, stop: Decimal | None) -> Decimal | None:
    """Return the limit an order works with, None for the market."""
    if terms.order_type == "TRAIL LIMIT" and terms.limit_price is None and stop is not None:
        return stop
    return terms.limit_price if terms.order_type in LIMITED else None


def match(
    terms: Terms, remaining: Decimal, limit: Decimal | None, quote: Quote, phase: Phase
) -> Match | None:
    """Return the fill of an order that works, None where there is none at this quote.

    In an auction everything meets the last price with no limit of size. All-or-none and FOK fill whole or
    not.
    """
    if (phase is Phase.CLOSING) != (terms.order_type in AT_CLOSE):
        return None
    if (phase is Phase.OPENING) != (terms.time_in_force == "OPG"):
        return None
    if phase is Phase.CONTINUOUS:
        price, size = (quote.ask, quote.ask_size) if terms.is_buy else (quote.bid, quote.bid_size)
    else:
        price, size = quote.last, remaining
    if limit is not None and (price > limit if terms.is_buy else price < limit):
        return None
    quantity = min(remaining, size)
    if quantity <= 0 or (quantity < remaining and (terms.all_or_none or terms.time_in_force == "FOK")):
        return None
    return Match(price, quantity)
