"""What the exchange tells: facts, frozen, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.matching import Quote
from livetrader_venues.tws.orders import Order
from livetrader_venues.tws.tape import Execution


@dataclass(frozen=True, slots=True)
class Changed:
    """An order changed; `order` is a copy as it was then."""

    order: Order


@dataclass(frozen=True, slots=True)
class Refused:
    """IB has something to say about an order: a refusal, a warning, the news of its cancel."""

    client_id: int
    order_id: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Executed:
    """An order traded; its commission is told later."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Held:
    """A position of an account changed."""

    account: Account
    contract: Contract


@dataclass(frozen=True, slots=True)
class Quoted:
    """The book of a contract changed."""

    contract: Contract
    quote: Quote


Fact = Changed | Refused | Executed | Held | Quoted
