"""Make our order state equal the venue's. Pure: our belief and one complete snapshot in, corrections out.

Three rules. Silence proves nothing until the fence has passed: an order that no snapshot shows may still
arrive, so it is neither resent nor given up before. The set of trades decides about fills, never a total.
Where positions differ the brokerage is right: ours is adjusted and no order ever follows from it.

    we believe            the snapshot shows         we conclude
    --------------------  -------------------------  --------------------------------------------------
    open                  open                       FOUND; its status and the trades we missed
    open, cancel asked    open, not being cancelled  the cancel was lost: ask again
    open                  closed                     its end and the trades we missed
    open, never seen      nothing, fence not passed  UNKNOWN: symbol and side blocked
    open, never seen      nothing twice, fence over  ABANDONED (told as INVALID); its id stays reserved
    open, seen working    nothing, fence not passed  UNKNOWN: symbol and side blocked
    open, seen working    nothing twice, fence over  GONE (told as CANCELED)
    open                  open twice                 DUPLICATE: one is cancelled, by the venue's number
    open                  open, on other terms       somebody changed it there: its terms are adopted
    closed                open                       LATE_FOUND: cancel it
    any                   a trade we missed          applied, also late; also one that was corrected
    no record of it       any order of our prefix    orphan: halt
    no record of it       any other, and its trades  foreign: counted, shown, never touched

What corporate actions do to positions is in splitting.py.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader.gateway.differences import (
    RECOVERED,
    adjustments,
    missed_fills,
    moved,
    position_differences,
    strange_fills,
)
from livetrader.gateway.evidence import CancelWanted, Corrections, Evidence, Resolution
from livetrader.gateway.splitting import find_splits
from livetrader.journal.identifiers import order_number, order_prefix
from livetrader.journal.records import Verdict
from livetrader.journal.replay import JournalState, OrderState
from livetrader_engine.orders.order import ClientOrderId, Fill, OrderChange, OrderSpec, OrderType
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import AccountSnapshot, ExecutionReport, OrderRecord

__all__ = ["ACK_WAIT_S", "CancelWanted", "Corrections", "Evidence", "Resolution", "digest_of", "reconcile"]

ACK_WAIT_S: Final = 5.0  # an order sent this recently may be missing from a snapshot without any doubt
_LIMITED: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
_STOPPED: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})  # stops that stand still


@dataclass(slots=True)
class _Findings:
    """What one look at the orders has found so far. Owned by one call of `reconcile`."""

    reports: list[ExecutionReport] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    cancels: list[CancelWanted] = field(default_factory=list)
    absent: set[ClientOrderId] = field(default_factory=set)
    terms: dict[ClientOrderId, OrderChange] = field(default_factory=dict)


def reconcile(state: JournalState, snapshot: AccountSnapshot, evidence: Evidence) -> Corrections:
    """Return what has to be corrected so that `state` agrees with the snapshot. Changes nothing."""
    shown_open, shown_closed = _by_name(snapshot.open_orders), _by_name(snapshot.closed_orders)
    missed = missed_fills(state, snapshot, evidence)
    found = _Findings()
    for client_id, order in state.open.items():
        if client_id not in evidence.sending:
            shown = shown_open.get(client_id, []), shown_closed.get(client_id, [])
            _judge(order, shown, missed.get(client_id, []), snapshot, evidence, found)
    for client_id, fills in missed.items():
        if client_id not in state.open or client_id in evidence.sending:
            found.reports += _fill_reports(client_id, fills, snapshot, None)
    for client_id, records in shown_open.items():
        known = state.orders.get(client_id)
        if known is not None and known.status in CLOSED and client_id not in evidence.ended:
            found.resolutions.append(
                Resolution(client_id, Verdict.LATE_FOUND, "closed here, working at the venue")
            )
            several = len(records) > 1
            found.cancels += (
                CancelWanted(client_id, "found late", record.brokerage_order_id if several else None)
                for record in records
            )
    strange = tuple(strange_fills(state, snapshot, evidence))
    split = find_splits(state, snapshot, position_differences(state, snapshot, missed), book=evidence.book)
    prefix = order_prefix(state.instance)
    strangers = [order for order in snapshot.open_orders if order.client_order_id not in state.orders]
    ended = [order for order in snapshot.closed_orders if order.client_order_id not in state.orders]
    return Corrections(
        reports=tuple(found.reports),
        strange=strange,
        resolutions=tuple(found.resolutions),
        adopted=tuple(
            (client_id, change)
            for client_id, change in found.terms.items()
            if evidence.fresh or evidence.terms.get(client_id) == change
        ),
        adjustments=tuple(adjustments(state, snapshot, split.differences, strange, missed))
        if evidence.book
        else (),
        cancels=tuple(found.cancels),
        orphans=tuple(order for order in strangers + ended if _orphaned(state, order, prefix)),
        foreign=tuple(order for order in strangers if not order.client_order_id.startswith(prefix)),
        absent=frozenset(found.absent),
        terms=found.terms,
        differences=split.differences,
        digest=digest_of(snapshot),
        splits=split.applied,
        settled=split.settled,
    )


def _by_name(orders: Iterable[OrderRecord]) -> dict[ClientOrderId, list[OrderRecord]]:
    found: dict[ClientOrderId, list[OrderRecord]] = defaultdict(list)
    for order in orders:
        found[order.client_order_id].append(order)
    return found


def _judge(
    order: OrderState,
    shown: tuple[list[OrderRecord], list[OrderRecord]],
    fills: list[Fill],
    snapshot: AccountSnapshot,
    evidence: Evidence,
    found: _Findings,
) -> None:
    """Judge one order that we hold to be open by what the venue shows of it."""
    client_id, working = order.client_order_id, shown[0]
    kept = _kept(order, *shown)
    found.reports += _fill_reports(client_id, fills, snapshot, kept)
    for record in working:
        if record is not kept:
            found.resolutions += _twin(order, record)
            if record.status is not OrderStatus.CANCEL_PENDING:
                why = "the venue has two orders of this name"
                found.cancels.append(CancelWanted(client_id, why, record.brokerage_order_id))
    if kept is not None:
        found.reports += _status_reports(order, kept, fills, snapshot)
        found.resolutions += _found(order, kept, fills)
        found.cancels += _cancel_again(order, kept)
        change = _changed_terms(order, kept)
        if change is not None:
            found.terms[client_id] = change
    elif abs(order.filled + moved(order, fills)) < abs(order.spec.quantity):
        found.absent.add(client_id)
        found.resolutions += _absent(order, evidence)


def _kept(order: OrderState, working: list[OrderRecord], ended: list[OrderRecord]) -> OrderRecord | None:
    """Return the one of the venue's orders that is ours; the others of its name should not be.

    The one that filled, else the one we heard of first, else the one that is shown first. Never one that was
    found to be a twin, unless it traded: its end is not the end of ours.
    """
    for record in ended:
        if record.status is OrderStatus.FILLED:
            return record
    twins = order.twins
    ours = [record for record in working if record.brokerage_order_id not in twins or record.filled_quantity]
    if not ours:
        over = [record for record in ended if record.brokerage_order_id not in twins]
        return over[-1] if over else None
    numbers = {number: place for place, number in enumerate(order.brokerage_order_ids)}
    return min(
        ours,
        key=lambda record: (
            -abs(record.filled_quantity),
            numbers.get(record.brokerage_order_id, len(numbers)),
        ),
    )


def _twin(order: OrderState, record: OrderRecord) -> Iterator[Resolution]:
    number = record.brokerage_order_id
    if number not in order.twins:
        words = f"the venue also works {number} under its name; that one is being cancelled"
        yield Resolution(order.client_order_id, Verdict.DUPLICATE, words, number)


def _orphaned(state: JournalState, order: OrderRecord, prefix: str) -> bool:
    """Whether an order without record has an id that only this journal can have made, and not forgotten."""
    if not order.client_order_id.startswith(prefix):
        return False
    if order.client_order_id in state.settled_orphans:
        return False
    number = order_number(state.instance, order.client_order_id)
    return number is None or number >= state.oldest_number


def digest_of(snapshot: AccountSnapshot) -> str:
    """Return a short name of what a snapshot shows, equal for equal accounts."""
    lines = [f"{held.symbol.text}={held.quantity}" for held in snapshot.positions if held.quantity]
    lines += [f"{order.client_order_id}:{order.status}" for order in snapshot.open_orders]
    lines += [f"{currency}={amount}" for currency, amount in snapshot.cash.items()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def _fill_reports(
    client_id: ClientOrderId, fills: list[Fill], snapshot: AccountSnapshot, shown: OrderRecord | None
) -> Iterator[ExecutionReport]:
    for fill in fills:
        yield ExecutionReport(
            client_order_id=client_id,
            status=OrderStatus.PARTIALLY_FILLED,
            time_ns=snapshot.time_ns,
            brokerage_order_id=None if shown is None else shown.brokerage_order_id,
            fill=fill,
            message=RECOVERED,
        )


def _status_reports(
    order: OrderState, shown: OrderRecord, fills: list[Fill], snapshot: AccountSnapshot
) -> Iterator[ExecutionReport]:
    status = shown.status
    if status not in CLOSED and _same_terms(order, shown):
        status = OrderStatus.UPDATE_SUBMITTED
    if status is OrderStatus.FILLED or abs(order.filled + moved(order, fills)) >= abs(order.spec.quantity):
        return  # the trades say it, or `_found` does where the venue shows none
    if status is order.status or (order.cancel_asked and status not in CLOSED):
        return
    yield ExecutionReport(
        client_order_id=order.client_order_id,
        status=status,
        time_ns=snapshot.time_ns,
        brokerage_order_id=shown.brokerage_order_id,
        message="as the brokerage's account shows it",
    )


def _same_terms(order: OrderState, shown: OrderRecord) -> bool:
    wanted, there = order.pending, shown.spec
    return wanted is not None and (
        (wanted.quantity, wanted.limit_price, wanted.stop_price, wanted.trigger_price)
        == (there.quantity, there.limit_price, there.stop_price, there.trigger_price)
    )


def _changed_terms(order: OrderState, shown: OrderRecord) -> OrderChange | None:
    """Return what somebody else changed of a working order, None where its terms are those we gave it.

    Stops that trail move by themselves, and what is on its way is not judged.
    """
    ours, theirs = order.spec, shown.spec
    waits = order.pending is not None or order.cancel_asked or order.unknown or order.kill_id is not None
    if waits or shown.status in CLOSED or ours.type is not theirs.type or ours.symbol != theirs.symbol:
        return None
    change = OrderChange(
        quantity=theirs.quantity if theirs.quantity != ours.quantity else None,
        limit_price=_other(ours, theirs, "limit_price") if ours.type in _LIMITED else None,
        stop_price=_other(ours, theirs, "stop_price") if ours.type in _STOPPED else None,
    )
    same_side = theirs.quantity * ours.quantity > 0
    return None if change.only_tag or not same_side else change


def _other(ours: OrderSpec, theirs: OrderSpec, name: str) -> Decimal | None:
    here, there = getattr(ours, name), getattr(theirs, name)
    return there if here is not None and there is not None and here != there else None


def _found(order: OrderState, shown: OrderRecord, fills: list[Fill]) -> Iterator[Resolution]:
    complete = abs(order.filled + moved(order, fills)) >= abs(order.spec.quantity)
    if shown.status is OrderStatus.FILLED and not complete:
        yield Resolution(
            order.client_order_id,
            Verdict.GONE,
            "the venue is done with it and does not show every trade; the position follows the brokerage",
        )
    elif order.unknown:
        yield Resolution(order.client_order_id, Verdict.FOUND, f"the venue shows it {shown.status.name}")


def _cancel_again(order: OrderState, shown: OrderRecord) -> Iterator[CancelWanted]:
    if order.cancel_asked and shown.status not in CLOSED and shown.status is not OrderStatus.CANCEL_PENDING:
        yield CancelWanted(order.client_order_id, "asked before and still working")


def _absent(order: OrderState, evidence: Evidence) -> Iterator[Resolution]:
    client_id = order.client_order_id
    absent_for_s = evidence.absent_for_s.get(client_id)
    twice = absent_for_s is not None or evidence.fence_s <= 0
    if twice and (absent_for_s or 0.0) >= evidence.fence_s:
        seen = order.brokerage_order_id is not None or order.filled != 0
        verdict = Verdict.GONE if seen else Verdict.ABANDONED
        words = "was working and is shown no longer" if seen else "never reached the venue"
        yield Resolution(client_id, verdict, f"{words}: absent from complete snapshots past the fence")
    elif not order.unknown and (evidence.fresh or (absent_for_s or 0.0) >= ACK_WAIT_S):
        yield Resolution(client_id, Verdict.UNKNOWN, "no complete snapshot shows it yet")
