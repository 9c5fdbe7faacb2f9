"""What the journal says: orders, positions, halts, the training bucket. Pure: records in, state out.

The gateway moves its live state with the very same `apply`, so a restart cannot see another world than
the process that died: state = apply(apply(empty, record 1), record 2) …

What venues say of orders, twice, late or corrected, is in news.py; what all this moves is in book.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.journal.action_records import (
    ActionNoted,
    ActionSettled,
    ActionsLooked,
    ActionTold,
    SplitApplied,
)
from livetrader.journal.action_replay import noted, settled, split_applied
from livetrader.journal.book import MAX_CLOSED_ORDERS, AccountBook, Counters, OrderState, Position
from livetrader.journal.news import order_event, take_fee, take_report
from livetrader.journal.records import (
    Adjusted,
    AdjustmentReason,
    Adopted,
    BucketCharged,
    CancelIntended,
    ChangeIntended,
    ChangeRefused,
    DaemonStarted,
    DaemonStopped,
    DayStarted,
    FeeReceived,
    Halted,
    Ignored,
    KillOrderIntended,
    KillStageEntered,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    OrderSent,
    OrphanSettled,
    Record,
    ReportReceived,
    Resumed,
    ScheduleSettled,
    SessionOpened,
    SymbolHalted,
    TermsAdopted,
    Verdict,
)
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import OrderChange
from livetrader_engine.orders.states import TRANSITIONS, OrderStatus
from livetrader_engine.symbols import Symbol

__all__ = ["MAX_CLOSED_ORDERS", "Counters", "JournalState", "OrderState", "Position", "replay"]

MAX_SCHEDULES: Final = 2_000  # of trainings; twice what one engine process may have

_CLOSING_VERDICTS: Final = {
    Verdict.NOT_SENT: OrderStatus.INVALID,
    Verdict.REFUSED: OrderStatus.INVALID,
    Verdict.ABANDONED: OrderStatus.INVALID,
    Verdict.GONE: OrderStatus.CANCELED,
}


@dataclass(slots=True)
class JournalState(AccountBook):
    """Everything the journal says. Moved by `apply` only; owned by the gateway once the journal is open."""

    def apply(self, record: Record) -> tuple[OrderEventArrived, ...]:
        """Take in one record; return what the algorithm would be told, in order.

        Knows nothing of durability: the caller journals first. Liquidation orders (order id 0) tell the
        algorithm nothing.
        """
        self.records += 1
        handler = _HANDLERS.get(type(record))
        if handler is None:
            return ()  # kept for the operator, moves no state
        return handler(self, record)


def _intended(state: JournalState, record: OrderIntended) -> tuple[OrderEventArrived, ...]:
    order = OrderState(record.client_order_id, record.spec, record.number, record.time_ns)
    order.terms_ns = min(record.time_ns, record.spec.created_ns)  # it may have waited for the brokerage
    order.note(record.time_ns, "intended")
    state.add(order)
    state.next_number = max(state.next_number, record.number + 1)
    return ()


def _kill_intended(state: JournalState, record: KillOrderIntended) -> tuple[OrderEventArrived, ...]:
    if record.client_order_id not in state.orders:
        order = OrderState(record.client_order_id, record.spec, 0, record.time_ns, kill_id=record.kill_id)
        order.note(record.time_ns, f"intended by kill {record.kill_id}")
        state.add(order)
    return ()


def _sent(state: JournalState, record: OrderSent) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is not None:
        order.sent = True
        order.note(record.time_ns, "sent")
    return ()


def _denied(state: JournalState, record: OrderDenied) -> tuple[OrderEventArrived, ...]:
    state.next_order_id = max(state.next_order_id, record.spec.id + 1)
    return ()


def _cancel_intended(state: JournalState, record: CancelIntended) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is not None and order.is_open:
        order.cancel_asked = True
        order.note(record.time_ns, f"cancel intended {record.why}".rstrip())
        if OrderStatus.CANCEL_PENDING in TRANSITIONS[order.status]:
            state.set_status(order, OrderStatus.CANCEL_PENDING)
    return ()


def _change_intended(state: JournalState, record: ChangeIntended) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is not None and order.is_open:
        order.pending, order.pending_ns, order.pending_why = record.spec, record.time_ns, record.why
        order.note(record.time_ns, f"change intended {record.why}".rstrip())
    return ()


def _change_refused(state: JournalState, record: ChangeRefused) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is not None:
        order.pending = None
        order.note(record.time_ns, f"change refused: {record.message}")
    return ()


def _terms_adopted(state: JournalState, record: TermsAdopted) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is None or not order.is_open:
        return ()
    order.spec = record.change.applied(order.spec)
    order.terms_ns = record.time_ns
    words = f"changed at the brokerage, not by us: {_terms(record.change)}"
    order.note(record.time_ns, words)
    if OrderStatus.UPDATE_SUBMITTED in TRANSITIONS[order.status]:
        state.set_status(order, OrderStatus.UPDATE_SUBMITTED)
    told = order_event(order, record.time_ns, words)
    return tuple(msgspec.structs.replace(event, change=record.change) for event in told)


def _terms(change: OrderChange) -> str:
    given = msgspec.structs.asdict(change).items()
    return ", ".join(f"{name} {value}" for name, value in given if value is not None)


def _resolved(state: JournalState, record: OrderResolved) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is None:
        return ()
    order.note(record.time_ns, f"{record.verdict}: {record.message}")
    if record.verdict is Verdict.UNKNOWN:
        order.unknown = order.is_open
    elif record.verdict is Verdict.FOUND:
        order.unknown = False
    elif record.verdict is Verdict.LATE_FOUND:
        order.late_found = True
    elif record.verdict is Verdict.DUPLICATE:
        _twin(state, order, record)
    elif order.is_open:
        state.set_status(order, _CLOSING_VERDICTS[record.verdict])
        return order_event(order, record.time_ns, record.message)
    return ()


def _twin(state: JournalState, order: OrderState, record: OrderResolved) -> None:
    """Note that the venue made two orders of one: the other one's trades are trades of ours."""
    if record.brokerage_order_id is not None:
        order.twins.add(record.brokerage_order_id)
    state.counters.twins += 1
    state.taint(order.spec.symbol, f"the venue made two orders of {order.client_order_id}")


def _adjusted(state: JournalState, record: Adjusted) -> tuple[OrderEventArrived, ...]:
    if record.id in state.adjustments:
        return ()
    state.adjustments[record.id] = record
    theirs = state.ignored.get(record.symbol)
    if theirs is not None and record.reason is AdjustmentReason.FOREIGN:
        state.take_share(record.symbol, theirs.quantity + record.quantity)
        return ()
    total = state.position(record.symbol) + record.quantity
    if total == 0:
        state.positions.pop(record.symbol, None)
    else:
        state.positions[record.symbol] = Position(total, record.average_price)
    state.foreign_due.pop(record.symbol, None)  # the positions are equal from here on
    if record.reason is AdjustmentReason.UNEXPLAINED:
        before = state.unexplained.get(record.symbol, Decimal(0))
        state.unexplained[record.symbol] = before + record.quantity
        state.restricted[record.symbol] = f"its position changed by {record.quantity} and nobody knows why"
    return ()


def _session_opened(state: JournalState, record: SessionOpened) -> tuple[OrderEventArrived, ...]:
    state.epoch = record.epoch
    state.account_id = record.account_id
    state.foreign_due.clear()  # what differed has been booked
    return ()


def _symbol_halted(state: JournalState, record: SymbolHalted) -> tuple[OrderEventArrived, ...]:
    state.closed_symbols[record.symbol] = record.reason
    return ()


def _adopted(state: JournalState, record: Adopted) -> tuple[OrderEventArrived, ...]:
    state.lift(record.symbol)
    _take_back(state, record.symbol)
    return ()


def _take_back(state: JournalState, symbol: Symbol) -> None:
    """Let the account's word count against a split that the brokerage never booked."""
    pending = state.actions.pending.pop(symbol, None)
    if pending is not None:
        due = state.foreign_due.get(symbol, Decimal(0))
        state.foreign_due[symbol] = due + pending.before - pending.after


def _ignored(state: JournalState, record: Ignored) -> tuple[OrderEventArrived, ...]:
    state.ignore(record.symbol, Position(record.quantity, record.average_price))
    state.lift(record.symbol)
    return ()


def _orphan_settled(state: JournalState, record: OrphanSettled) -> tuple[OrderEventArrived, ...]:
    if record.spec is None:
        state.settled_orphans.add(record.client_order_id)
        return ()
    order = OrderState(record.client_order_id, record.spec, record.number, record.time_ns, sent=True)
    order.brokerage_order_ids.append(record.brokerage_order_id)
    order.status, order.terms_ns = record.status, record.time_ns
    for fill in record.fills:
        order.executions[fill.execution_id] = fill
        order.filled += fill.quantity
        order.filled_value += fill.quantity * fill.price
    order.note(record.time_ns, f"found at the brokerage without a record; adopted by {record.who}")
    state.add(order)
    state.next_number = max(state.next_number, record.number + 1)
    return ()


def _halted(state: JournalState, record: Halted) -> tuple[OrderEventArrived, ...]:
    state.halted = record
    return ()


def _resumed(state: JournalState, record: Resumed) -> tuple[OrderEventArrived, ...]:
    state.halted = None
    state.restricted.clear()
    state.closed_symbols.clear()
    state.tainted.clear()
    state.unexplained.clear()
    if record.kill_id is not None:
        state.kill = None
    return ()


def _kill_stage(state: JournalState, record: KillStageEntered) -> tuple[OrderEventArrived, ...]:
    state.kill = record
    return ()


def _bucket(state: JournalState, record: BucketCharged) -> tuple[OrderEventArrived, ...]:
    state.bucket = record
    return ()


def _settled(state: JournalState, record: ScheduleSettled) -> tuple[OrderEventArrived, ...]:
    state.settled_ns.pop(record.schedule, None)  # the newest counts, also where it goes back
    state.settled_ns[record.schedule] = record.due_ns
    while len(state.settled_ns) > MAX_SCHEDULES:
        del state.settled_ns[next(iter(state.settled_ns))]
    return ()


def _day(state: JournalState, record: DayStarted) -> tuple[OrderEventArrived, ...]:
    state.day = record
    return ()


def _told(state: JournalState, record: ActionTold) -> tuple[OrderEventArrived, ...]:
    state.actions.tell(record)
    return ()


def _looked(state: JournalState, record: ActionsLooked) -> tuple[OrderEventArrived, ...]:
    state.actions.look(record)
    return ()


def _started(state: JournalState, record: DaemonStarted) -> tuple[OrderEventArrived, ...]:
    state.stopped_cleanly = False
    return ()


def _stopped(state: JournalState, record: DaemonStopped) -> tuple[OrderEventArrived, ...]:
    state.stopped_cleanly = True
    return ()


# Each handler takes exactly the record type that is its key; the table is what ties them together.
_HANDLERS: Final[dict[type, Callable[..., tuple[OrderEventArrived, ...]]]] = {
    ActionNoted: noted,
    SplitApplied: split_applied,
    ActionSettled: settled,
    ActionTold: _told,
    ActionsLooked: _looked,
    OrderIntended: _intended,
    KillOrderIntended: _kill_intended,
    OrderSent: _sent,
    OrderDenied: _denied,
    CancelIntended: _cancel_intended,
    ChangeIntended: _change_intended,
    ChangeRefused: _change_refused,
    TermsAdopted: _terms_adopted,
    OrderResolved: _resolved,
    ReportReceived: take_report,
    FeeReceived: take_fee,
    Adjusted: _adjusted,
    SymbolHalted: _symbol_halted,
    Adopted: _adopted,
    Ignored: _ignored,
    OrphanSettled: _orphan_settled,
    SessionOpened: _session_opened,
    Halted: _halted,
    Resumed: _resumed,
    KillStageEntered: _kill_stage,
    BucketCharged: _bucket,
    ScheduleSettled: _settled,
    DayStarted: _day,
    DaemonStarted: _started,
    DaemonStopped: _stopped,
}


def replay(records: Iterable[Record], instance: str = "") -> JournalState:
    """Return the state after these records, in order."""
    state = JournalState(instance=instance)
    for record in records:
        state.apply(record)
    return state
