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
    closed                open                       LATE_FOUND: cancel it
    closed                a trade we missed          applied late
    no record of it       any order of our prefix    orphan: halt
    no record of it       any other                  foreign: counted, shown, never touched
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader.journal.identifiers import KILL_PREFIX, order_number, order_prefix
from livetrader.journal.records import Adjusted, AdjustmentReason, Verdict
from livetrader.journal.replay import JournalState, OrderState
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import AccountSnapshot, ExecutionReport, OrderRecord
from livetrader_engine.symbols import Symbol

ACK_WAIT_S: Final = 5.0  # an order sent this recently may be missing from a snapshot without any doubt


@dataclass(frozen=True, slots=True)
class Evidence:
    """What beside the snapshot may be used as proof.

    `absent_for_s`: seconds since an order was first missing from a complete snapshot of this session;
    orders that were never missing are not in it. `sending` are on their way this instant and not judged;
    `claimed` fills are being journaled. `fresh`: the session has just begun, so every absence is doubt.
    `book`: positions may be corrected from this snapshot (nothing was in motion when it was taken).
    """

    fence_s: float
    absent_for_s: Mapping[ClientOrderId, float] = field(default_factory=dict)
    sending: frozenset[ClientOrderId] = frozenset()
    claimed: frozenset[ExecutionId] = frozenset()
    fresh: bool = True
    book: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """A verdict on one order with its evidence in words."""

    client_order_id: ClientOrderId
    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """What follows from one snapshot; the gateway journals and applies it in this order of fields.

    `differences` are the position differences, booked or not; `absent` the open orders it does not show.
    """

    reports: tuple[ExecutionReport, ...]
    resolutions: tuple[Resolution, ...]
    adjustments: tuple[Adjusted, ...]
    cancels: tuple[tuple[ClientOrderId, str], ...]
    orphans: tuple[OrderRecord, ...]
    foreign: tuple[OrderRecord, ...]
    absent: frozenset[ClientOrderId]
    differences: Mapping[Symbol, Decimal]
    digest: str


def reconcile(state: JournalState, snapshot: AccountSnapshot, evidence: Evidence) -> Corrections:
    """Return what has to be corrected so that `state` agrees with the snapshot. Changes nothing."""
    shown_open = {order.client_order_id: order for order in snapshot.open_orders}
    shown_closed = {order.client_order_id: order for order in snapshot.closed_orders}
    missed = _missed_fills(state, snapshot, evidence)
    reports: list[ExecutionReport] = []
    resolutions: list[Resolution] = []
    cancels: list[tuple[ClientOrderId, str]] = []
    absent: set[ClientOrderId] = set()
    for client_id, order in state.open.items():
        if client_id in evidence.sending:
            continue
        fills = missed.pop(client_id, [])
        shown = shown_open.get(client_id) or shown_closed.get(client_id)
        reports += _fill_reports(client_id, fills, snapshot, shown)
        if shown is not None:
            reports += _status_reports(order, shown, fills, snapshot)
            resolutions += _found(order, shown, fills)
            cancels += _cancel_again(order, shown)
        elif abs(order.filled + _total(fills)) < abs(order.spec.quantity):
            absent.add(client_id)
            resolutions += _absent(order, evidence)
    for client_id, fills in missed.items():
        reports += _fill_reports(client_id, fills, snapshot, None)
    for client_id in shown_open:
        known = state.orders.get(client_id)
        if known is not None and known.status in CLOSED:
            resolutions.append(Resolution(client_id, Verdict.LATE_FOUND, "closed here, working at the venue"))
            cancels.append((client_id, "found late"))
    prefix = order_prefix(state.instance)
    strangers = [order for order in snapshot.open_orders if order.client_order_id not in state.orders]
    ended = [order for order in snapshot.closed_orders if order.client_order_id not in state.orders]
    differences = _differences(state, snapshot, reports)
    return Corrections(
        reports=tuple(reports),
        resolutions=tuple(resolutions),
        adjustments=tuple(_adjustments(state, snapshot, differences)) if evidence.book else (),
        cancels=tuple(cancels),
        orphans=tuple(order for order in strangers + ended if _orphaned(state, order, prefix)),
        foreign=tuple(order for order in strangers if not order.client_order_id.startswith(prefix)),
        absent=frozenset(absent),
        differences=differences,
        digest=digest_of(snapshot),
    )


def _orphaned(state: JournalState, order: OrderRecord, prefix: str) -> bool:
    """Whether an order without record has an id that only this journal can have made, and not forgotten."""
    if not order.client_order_id.startswith(prefix):
        return False
    number = order_number(state.instance, order.client_order_id)
    return number is None or number >= state.oldest_number


def digest_of(snapshot: AccountSnapshot) -> str:
    """Return a short name of what a snapshot shows, equal for equal accounts."""
    lines = [f"{held.symbol.text}={held.quantity}" for held in snapshot.positions if held.quantity]
    lines += [f"{order.client_order_id}:{order.status}" for order in snapshot.open_orders]
    lines += [f"{currency}={amount}" for currency, amount in snapshot.cash.items()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def _missed_fills(
    state: JournalState, snapshot: AccountSnapshot, evidence: Evidence
) -> dict[ClientOrderId, list[Fill]]:
    missed: dict[ClientOrderId, list[Fill]] = defaultdict(list)
    seen: set[tuple[ClientOrderId, ExecutionId]] = set()
    for client_id, fill in sorted(snapshot.fills, key=lambda entry: entry[1].time_ns):
        order = state.orders.get(client_id)
        if order is None or fill.execution_id in order.executions or fill.execution_id in evidence.claimed:
            continue
        if (client_id, fill.execution_id) not in seen:
            seen.add((client_id, fill.execution_id))
            missed[client_id].append(fill)
    return missed


def _total(fills: list[Fill]) -> Decimal:
    return sum((fill.quantity for fill in fills), Decimal(0))


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
            message="recovered from the brokerage's account",
        )


def _status_reports(
    order: OrderState, shown: OrderRecord, fills: list[Fill], snapshot: AccountSnapshot
) -> Iterator[ExecutionReport]:
    status = shown.status
    if status not in CLOSED and _same_terms(order, shown):
        status = OrderStatus.UPDATE_SUBMITTED
    if status is OrderStatus.FILLED or abs(order.filled + _total(fills)) >= abs(order.spec.quantity):
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


def _found(order: OrderState, shown: OrderRecord, fills: list[Fill]) -> Iterator[Resolution]:
    complete = abs(order.filled + _total(fills)) >= abs(order.spec.quantity)
    if shown.status is OrderStatus.FILLED and not complete:
        yield Resolution(
            order.client_order_id,
            Verdict.GONE,
            "the venue filled it and no longer shows every trade; the position follows the brokerage",
        )
    elif order.unknown:
        yield Resolution(order.client_order_id, Verdict.FOUND, f"the venue shows it {shown.status.name}")


def _cancel_again(order: OrderState, shown: OrderRecord) -> Iterator[tuple[ClientOrderId, str]]:
    if order.cancel_asked and shown.status not in CLOSED and shown.status is not OrderStatus.CANCEL_PENDING:
        yield order.client_order_id, "asked before and still working"


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


def _differences(
    state: JournalState, snapshot: AccountSnapshot, reports: list[ExecutionReport]
) -> dict[Symbol, Decimal]:
    ours = {symbol: held.quantity for symbol, held in state.positions.items()}
    for report in reports:
        if report.fill is not None:
            symbol = state.orders[report.client_order_id].spec.symbol
            ours[symbol] = ours.get(symbol, Decimal(0)) + report.fill.quantity
    theirs = {held.symbol: held.quantity for held in snapshot.positions}
    symbols = sorted({*ours, *theirs}, key=lambda symbol: symbol.text)
    both = {symbol: theirs.get(symbol, Decimal(0)) - ours.get(symbol, Decimal(0)) for symbol in symbols}
    return {symbol: difference for symbol, difference in both.items() if difference}


def _adjustments(
    state: JournalState, snapshot: AccountSnapshot, differences: Mapping[Symbol, Decimal]
) -> Iterator[Adjusted]:
    prices = {held.symbol: held.average_price for held in snapshot.positions}
    foreign: set[Symbol] = set()
    missed: set[Symbol] = set()
    for order in (*snapshot.open_orders, *snapshot.closed_orders):
        if not order.filled_quantity:
            continue
        known = state.orders.get(order.client_order_id)
        if known is None or order.client_order_id.startswith(KILL_PREFIX):
            foreign.add(order.spec.symbol)
        elif abs(order.filled_quantity) > abs(known.filled):
            missed.add(order.spec.symbol)
    for symbol, difference in differences.items():
        if state.epoch == 0:
            reason = AdjustmentReason.OPENING
        elif symbol in missed:
            reason = AdjustmentReason.MISSED_FILLS
        else:
            reason = AdjustmentReason.FOREIGN if symbol in foreign else AdjustmentReason.UNEXPLAINED
        facts = (snapshot.account_id, symbol.text, str(difference), str(len(state.adjustments)))
        yield Adjusted(
            time_ns=snapshot.time_ns,
            id="A" + hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16],
            symbol=symbol,
            quantity=difference,
            average_price=prices.get(symbol, Decimal(0)),
            reason=reason,
        )
