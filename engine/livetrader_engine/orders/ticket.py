"""The engine's record of one order: the only mutable thing about orders, owned by Transactions.

A record takes news in through `apply` and through nothing else. The venue may say things twice, late or
out of order; three rules make that harmless:

* a fill whose execution id was seen changes nothing;
* an acknowledgement that comes after a fill or after the end changes nothing;
* a new fill always counts, even of an order that we hold to be closed: the venue traded it.

What the venue takes back, corrects or adds to a trade later goes through `apply` too (see `corrected`).
Beside the news stands what the algorithm asked for: the submission, the changes and the cancel.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final, Protocol

import msgspec

from livetrader_engine.errors import InvariantError
from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    Fill,
    OrderChange,
    OrderId,
    OrderSpec,
    StopState,
    TradeFee,
)
from livetrader_engine.orders.request import (
    UNPROCESSED,
    Asked,
    OrderRequest,
    RequestStatus,
    Response,
)
from livetrader_engine.orders.states import CLOSED, FILLS, TRANSITIONS, OrderStatus, move
from livetrader_engine.symbols import Symbol

KEPT_EVENTS: Final = 10_000  # news and changes kept of one order; the oldest go first


class SubmissionData(msgspec.Struct, frozen=True, gc=False):
    """Prices at the moment of submission, as decimals with the digits of the file."""

    bid_price: Decimal
    ask_price: Decimal
    last_price: Decimal


class OrderNews(Protocol):
    """What a record needs to know of a piece of news; `events.OrderEventArrived` is one."""

    @property
    def order_id(self) -> OrderId: ...
    @property
    def status(self) -> OrderStatus: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def fill(self) -> Fill | None: ...
    @property
    def brokerage_order_id(self) -> BrokerageOrderId | None: ...
    @property
    def message(self) -> str: ...
    @property
    def stop(self) -> StopState | None: ...
    @property
    def quiet(self) -> bool: ...
    @property
    def replaces(self) -> Fill | None: ...
    @property
    def fee(self) -> TradeFee | None: ...
    @property
    def change(self) -> OrderChange | None: ...


class OrderEventRecord(msgspec.Struct, frozen=True, gc=False):
    """One piece of news as it was shown, with the order's terms at that moment.

    `number` counts the news of its order from 1.
    """

    number: int
    spec: OrderSpec
    status: OrderStatus
    time_ns: int
    fill: Fill | None = None
    message: str = ""


_WORKS_ON: Final = frozenset({OrderStatus.NEW, OrderStatus.SUBMITTED})  # with a reason: not changed
_ACKNOWLEDGED: Final = frozenset({OrderStatus.SUBMITTED, OrderStatus.UPDATE_SUBMITTED})


class Outcome(Enum):
    """What a piece of news did to a record."""

    APPLIED = "applied"
    REPEATED = "repeated"  # this execution id was applied before
    STALE = "stale"  # overtaken by later news
    QUIET = "quiet"  # the brokerage's view of the stop: applied, and nobody is called
    LATE = "late"  # a fill of an order held to be closed: applied, and somebody should be told
    CORRECTED = "corrected"  # the venue put another trade in the place of one that was applied
    CHARGED = "charged"  # what a trade cost was told after it: no news for the algorithm


# Members by name of their own: looking one up in its enumeration costs several times as much.
_APPLIED: Final = Outcome.APPLIED
_LATE: Final = Outcome.LATE
_NEW: Final = OrderStatus.NEW
_SUBMITTED: Final = OrderStatus.SUBMITTED
_PARTIALLY_FILLED: Final = OrderStatus.PARTIALLY_FILLED
_FILLED: Final = OrderStatus.FILLED
_CANCELED: Final = OrderStatus.CANCELED


class OrderRecord:
    """What became of one order. `spec` is the order as it stands now, changes included.

    `quantity`, `filled_quantity` and `remaining` are signed like the order. Times are UTC nanoseconds, None
    until they happen. `triggered`: whether the price that arms a stop-limit or limit-if-touched order was
    seen, as far as the brokerage tells. `submitted`, `changes` and `canceling` are what the algorithm asked
    for; `events` what it was told, oldest first, of which there were `news` in all.
    """

    __slots__ = (
        "_before_change", "average_fill_price", "brokerage_order_id", "canceled_ns", "canceling", "changes",
        "created_ns", "events", "fees", "filled_quantity", "fills", "handed_over",
        "last_fill_ns", "last_update_ns", "message", "news", "spec", "status", "submission", "submitted",
        "triggered",
    )  # fmt: skip

    def __init__(
        self,
        spec: OrderSpec,
        submission: SubmissionData | None = None,
        response: Response = UNPROCESSED,
        request: OrderRequest | None = None,
        submitted: Asked | None = None,
    ) -> None:
        self.spec = spec
        self.submission = submission
        self.submitted = submitted or Asked(spec.created_ns, spec.id, spec.tag, request=request)
        if response is not UNPROCESSED:
            self.submitted.answer(response, RequestStatus.PROCESSED)
        self.changes: list[Asked] = []
        self.canceling: Asked | None = None
        self.events: list[OrderEventRecord] = []
        self.status = _NEW
        self.filled_quantity = ZERO
        self.average_fill_price = ZERO
        self.fees = ZERO
        self.fills: list[Fill] = []
        self.brokerage_order_id: BrokerageOrderId | None = None
        self.message = ""
        self.created_ns = spec.created_ns
        self.last_fill_ns: int | None = None
        self.last_update_ns: int | None = None
        self.canceled_ns: int | None = None
        self.triggered = False
        self.handed_over = False  # whether the brokerage was asked for it
        self.news = 0
        self._before_change: OrderSpec | None = None

    @property
    def response(self) -> Response:
        """The answer to the submission."""
        return self.submitted.response

    @property
    def newest_request(self) -> Asked:
        """What was asked last: the cancel, else the newest change, else the submission."""
        return self.canceling or (self.changes[-1] if self.changes else self.submitted)

    @property
    def id(self) -> OrderId:
        """The engine's number of the order."""
        return self.spec.id

    @property
    def symbol(self) -> Symbol:
        """What is traded."""
        return self.spec.symbol

    @property
    def quantity(self) -> Decimal:
        """Signed quantity ordered."""
        return self.spec.quantity

    @property
    def remaining(self) -> Decimal:
        """Signed quantity not yet filled; zero when closed."""
        return ZERO if self.closed else self.spec.quantity - self.filled_quantity

    @property
    def closed(self) -> bool:
        """Whether no more fills are expected."""
        return self.status in CLOSED

    def ask_change(self, asked: Asked) -> None:
        """Note a change that the algorithm asks for."""
        self.changes.append(asked)
        if len(self.changes) > KEPT_EVENTS:
            del self.changes[0]

    def apply(self, event: OrderNews) -> Outcome:
        """Take in one piece of news and say what it did.

        Raises InvariantError for a move that the state table does not have and that is none of the three
        harmless kinds named on top of this file.
        """
        if event.order_id != self.spec.id:
            raise InvariantError(f"news of order {event.order_id} were given to order {self.spec.id}")
        if event.brokerage_order_id is not None:
            self.brokerage_order_id = event.brokerage_order_id
        if event.stop is not None and not self.closed:
            self._take_stop(event.stop)
        if event.quiet:
            return Outcome.QUIET
        if event.fill is not None:
            return self._apply_fill(event, event.fill)
        if event.fee is not None:
            return self._apply_fee(event.fee)
        return self._apply_status(event)

    def _apply_status(self, event: OrderNews) -> Outcome:
        status, before = event.status, self.status
        if before in CLOSED or (status is _NEW and before is OrderStatus.CANCEL_PENDING):
            return Outcome.STALE  # also: it waits to be sent, told after the algorithm asked for a cancel
        if event.change is not None:  # not asked for: nobody here has a change to settle
            self.spec = event.change.applied(self.spec)
        if self._before_change is not None:
            self._settle_change(event)
        if status is _SUBMITTED and before is _PARTIALLY_FILLED:
            return Outcome.STALE
        self.status = status if status in TRANSITIONS[before] else move(before, status)
        if event.message:
            self.message = event.message
        if status is _CANCELED:
            self.canceled_ns = event.time_ns
        elif self.changes and status in _ACKNOWLEDGED:
            self.last_update_ns = event.time_ns
        self._note(event, status)
        return _APPLIED

    def _take_stop(self, stop: StopState) -> None:
        self.triggered = self.triggered or stop.triggered
        if stop.stop_price is not None:
            self.spec = msgspec.structs.replace(self.spec, stop_price=stop.stop_price)

    def _note(self, event: OrderNews, status: OrderStatus) -> None:
        self.news += 1
        events = self.events
        events.append(
            OrderEventRecord(self.news, self.spec, status, event.time_ns, event.fill, event.message)
        )
        if len(events) > KEPT_EVENTS:
            del events[0]

    def _settle_change(self, event: OrderNews) -> None:
        """Keep a change that the venue has; take back one that was refused."""
        if event.status is OrderStatus.UPDATE_SUBMITTED:
            self._before_change = None
        elif event.message and event.status in _WORKS_ON and self._before_change is not None:
            self.spec = self._before_change
            self._before_change = None

    def _apply_fill(self, event: OrderNews, fill: Fill) -> Outcome:
        for earlier in self.fills:  # nearly every order has few
            if earlier.execution_id == fill.execution_id:
                if fill.revision <= earlier.revision:
                    return Outcome.REPEATED
                return self._apply_correction(event, earlier, fill)
        if event.replaces is not None:  # of a trade before this process
            return self._apply_correction(event, event.replaces, fill)
        if event.status not in FILLS:
            raise InvariantError(f"a fill of order {self.id} came with status {event.status.name}")
        if fill.quantity * self.spec.quantity <= 0:
            raise InvariantError(
                f"a fill of order {self.id} has the wrong sign or no quantity: {fill.quantity}"
            )
        total = self.filled_quantity + fill.quantity
        reported = event.status if abs(total) < abs(self.spec.quantity) else _FILLED
        before = self.status
        # More than was ordered: the table has no move from FILLED, but the trade is real.
        if before is not _FILLED:
            self.status = reported if reported in TRANSITIONS[before] else move(before, reported)
        self.filled_quantity = total
        self.fees += fill.fee
        self.fills.append(fill)
        self._average()
        self.last_fill_ns = fill.time_ns
        if event.message:
            self.message = event.message
        self._note(event, self.status)
        return _LATE if before in CLOSED else _APPLIED

    def _average(self) -> None:
        known = worth = ZERO  # of the fills of this process: those before a restart are not listed
        for item in self.fills:
            known += item.quantity
            worth += item.price * item.quantity
        self.average_fill_price = worth / known if known else ZERO

    def _apply_correction(self, event: OrderNews, old: Fill, new: Fill) -> Outcome:
        """Put `new` in the place of `old`; the state is the one the venue's books give."""
        before, after = self.status, event.status
        if after is not before and after in TRANSITIONS[before]:
            self.status = after
        self.filled_quantity += new.quantity - old.quantity
        self.fees += new.fee - old.fee
        self.fills = [item for item in self.fills if item.execution_id != new.execution_id]
        self.fills.append(new)  # also one of nothing: it says how far we have heard
        self._average()
        self.message = event.message
        return Outcome.CORRECTED

    def note_correction(self, event: OrderNews) -> None:
        """Take down how a correction was told."""
        self._note(event, event.status)

    def _apply_fee(self, fee: TradeFee) -> Outcome:
        self.fees += fee.amount
        self.fills = [_with_fee(item, fee) for item in self.fills]
        self.events = [
            item if item.fill is None else msgspec.structs.replace(item, fill=_with_fee(item.fill, fee))
            for item in self.events
        ]
        return Outcome.CHARGED

    def retag(self, tag: str) -> None:
        """Give the order another tag; the venue need not know."""
        self.spec = msgspec.structs.replace(self.spec, tag=tag)

    def change(self, change: OrderChange) -> None:
        """Make the spec what it will be after `change`; UPDATE_SUBMITTED confirms it.

        SUBMITTED, or NEW, with a message takes it back: the change was refused, the order stays as it was.
        """
        if self._before_change is None:
            self._before_change = self.spec
        self.spec = change.applied(self.spec)

    def restore(
        self,
        spec: OrderSpec,
        status: OrderStatus,
        filled_quantity: Decimal,
        brokerage_order_id: BrokerageOrderId | None,
    ) -> None:
        """Take over what a reconciliation knows of the order.

        Fills of an earlier engine process are not known one by one: `fills` and the average price have those
        of this process only.
        """
        self.spec = spec
        self.handed_over = True
        self.status = status
        self.filled_quantity = filled_quantity
        self.brokerage_order_id = brokerage_order_id


def _with_fee(fill: Fill, fee: TradeFee) -> Fill:
    if fill.execution_id != fee.execution_id:
        return fill
    return msgspec.structs.replace(fill, fee=fill.fee + fee.amount, fee_currency=fee.currency)
