"""Orders as the venue keeps them: their terms, their states and what may follow what.

Theory of the states, in TWS's own words. `PendingSubmit`: sent by a client, not yet taken by IB.
`PreSubmitted`: taken by IB and held there (a stop that waits, a child of a bracket, a closed session).
`Submitted`: working at the exchange. `PendingCancel`: a cancel was asked for and is not confirmed.
`Cancelled`, `ApiCancelled`, `Filled`: over. `Inactive`: refused or held back by a rule, not working.
An order that a client has not transmitted is known to nobody but its TWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.layouts import Rows, Values

MANUAL_CLIENT_ID = 0  # of orders typed into TWS; the client with this number sees them


class Status(Enum):
    """The states of an order, by the words that orderStatus carries."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    CANCELLED = "Cancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"


_OVER: frozenset[Status] = frozenset()
_ENDS = frozenset({Status.CANCELLED, Status.FILLED, Status.INACTIVE})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING_SUBMIT: frozenset({Status.PRE_SUBMITTED, Status.SUBMITTED, Status.PENDING_CANCEL}) | _ENDS,
    Status.PRE_SUBMITTED: frozenset({Status.SUBMITTED, Status.PENDING_CANCEL}) | _ENDS,
    Status.SUBMITTED: frozenset({Status.PRE_SUBMITTED, Status.PENDING_CANCEL}) | _ENDS,
    Status.PENDING_CANCEL: _ENDS,
    Status.CANCELLED: _OVER,
    Status.FILLED: _OVER,
    Status.INACTIVE: _OVER,
}
OPEN = frozenset(status for status, following in TRANSITIONS.items() if following)


class ImpossibleTransition(Exception):
    """A fault of the peer, not of a client: an order went where the table does not lead."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order asks for. `said` keeps every field of the client, for openOrder to tell again."""

    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None = None
    aux_price: Decimal | None = None
    trail_stop_price: Decimal | None = None
    trailing_percent: Decimal | None = None
    time_in_force: str = "DAY"
    account: str = ""
    order_ref: str = ""
    oca_group: str = ""
    oca_type: int = 0
    parent_id: int = 0
    transmit: bool = True
    good_till_ns: int | None = None
    all_or_none: bool = False
    said: Mapping[str, str] = field(default_factory=dict)
    legs: Rows = field(default_factory=list)
    leg_prices: tuple[Decimal | None, ...] = ()  # a limit for each leg, in place of one for all

    @property
    def is_buy(self) -> bool:
        """Whether it adds to a position."""
        return self.action == "BUY"

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sale."""
        return 1 if self.is_buy else -1


@dataclass(slots=True)
class Order:
    """An order and what has become of it. The exchange owns it; only it changes it."""

    perm_id: int
    client_id: int
    order_id: int
    contract: Contract
    terms: Terms
    status: Status = Status.PENDING_SUBMIT
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)  # sum of price times quantity
    last_fill_price: Decimal = Decimal(0)
    triggered: bool = False
    stop_price: Decimal | None = None
    is_accepted: bool = False  # by the exchange; bracket children and untransmitted orders wait
    why_held: str = ""
    completed_ns: int = 0
    completed_why: str = ""

    @property
    def remaining(self) -> Decimal:
        """What is not filled."""
        return self.terms.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """The average price of its fills."""
        return self.value / self.filled if self.filled else Decimal(0)

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.status in OPEN

    def become(self, status: Status) -> None:
        """Go to a state. Raises ImpossibleTransition."""
        if status is not self.status:
            if status not in TRANSITIONS[self.status]:
                raise ImpossibleTransition(f"{self.perm_id}: {self.status.value} to {status.value}")
            self.status = status


class BadTerms(Exception):
    """An order that TWS refuses before anyone looks at prices: the code and the text of its error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def terms_of(values: Values) -> Terms:
    """Return the terms that a placeOrder carries. Raises BadTerms."""
    kind = values.text("orderType").upper()
    action = values.text("action").upper()
    if action not in ("BUY", "SELL", "SSHORT"):
        raise BadTerms(321, f"Error validating request.-'bW' : cause - Please enter a valid action: {action}")
    return Terms(
        action="SELL" if action == "SSHORT" else action,
        quantity=_number(values.text("totalQuantity")) or Decimal(0),
        order_type=_ALIASES.get(kind, kind),
        limit_price=_number(values.text("lmtPrice")),
        aux_price=_number(values.text("auxPrice")),
        trail_stop_price=_number(values.text("trailStopPrice")),
        trailing_percent=_number(values.text("trailingPercent")),
        time_in_force=values.text("tif").upper() or "DAY",
        account=values.text("account"),
        order_ref=values.text("orderRef"),
        oca_group=values.text("ocaGroup"),
        oca_type=values.whole("ocaType"),
        parent_id=values.whole("parentId"),
        transmit=values.flag("transmit"),
        good_till_ns=_instant(values.text("goodTillDate")),
        all_or_none=values.flag("allOrNone"),
        said=dict(values.fields),
        legs=values.groups.get("legs", []),
        leg_prices=tuple(_number(price) for (price,) in values.groups.get("legPrices", [])),
    )


_ALIASES = {"MARKET": "MKT", "LIMIT": "LMT", "STOP": "STP", "STPLMT": "STP LMT", "TRAILLMT": "TRAIL LIMIT"}


def _number(field: str) -> Decimal | None:
    """Return a number, None where the client left it unset (empty or the largest double)."""
    if not field or field.startswith("1.797693134862315"):
        return None
    try:
        value = Decimal(field)
    except InvalidOperation as error:
        raise BadTerms(320, f"Error reading request. Unable to parse data: {field}") from error
    if not value.is_finite():
        raise BadTerms(320, f"Error reading request. Unable to parse data: {field}")
    return value


def _instant(said: str) -> int | None:
    """Return the UTC nanoseconds of `yyyymmdd hh:mm:ss` or `yyyymmdd-hh:mm:ss`; the peer's zone is UTC."""
    if not said:
        return None
    digits = said.replace("-", " ").split()
    try:
        moment = datetime.strptime(" ".join(digits[:2]) + " +0000", "%Y%m%d %H:%M:%S %z")
    except ValueError as error:
        raise BadTerms(391, f"Good-Till-Date has a wrong format: {said}") from error
    return int(moment.timestamp()) * 1_000_000_000
