"""What the journal says: orders, positions, halts, the training bucket. Pure: records in, state out.

The gateway moves its live state with the very same `apply`, so a restart cannot see another world than
the process that died: state = apply(apply(empty, record 1), record 2) …

Three habits of venues are dealt with here and nowhere else: a fill that is reported twice counts once (by
its execution id), a fill of an order that we hold to be closed is applied all the same (the venue traded
it), and a status that cannot follow the present one is stale and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader.journal.book import Counters, OrderState, Position
from livetrader.journal.records import (
    Adjusted,
    BucketCharged,
    CancelIntended,
    ChangeIntended,
    ChangeRefused,
    DaemonStarted,
    DaemonStopped,
    DayStarted,
    Halted,
    KillOrderIntended,
    KillStageEntered,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    OrderSent,
    Record,
    ReportReceived,
    Resumed,
    ScheduleSettled,
    SessionOpened,
    Verdict,
)
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import ClientOrderId, Fill
from livetrader_engine.orders.states import CLOSED, FILLS, OPEN, TRANSITIONS, OrderStatus
from livetrader_engine.spi import ExecutionReport
from livetrader_engine.symbols import Symbol

__all__ = ["MAX_CLOSED_ORDERS", "Counters", "JournalState", "OrderState", "Position", "replay"]

MAX_CLOSED_ORDERS: Final = 50_000  # about 100 MB; older closed orders are in the journal only
MAX_SCHEDULES: Final = 2_000  # of trainings; twice what one engine process may have

_CLOSING_VERDICTS: Final = {
    Verdict.NOT_SENT: OrderStatus.INVALID,
    Verdict.REFUSED: OrderStatus.INVALID,
    Verdict.ABANDONED: OrderStatus.INVALID,
    Verdict.GONE: OrderStatus.CANCELED,
}


@dataclass(slots=True)
class JournalState:
    """Everything the journal says. Moved by `apply` only; owned by the gateway once the journal is open."""

    instance: str = ""
    orders: dict[ClientOrderId, OrderState] = field(default_factory=dict)
    open: dict[ClientOrderId, OrderState] = field(default_factory=dict)
    by_order_id: dict[int, OrderState] = field(default_factory=dict)
    positions: dict[Symbol, Position] = field(default_factory=dict)
    next_number: int = 1
    oldest_number: int = 1  # orders with a lower number were forgotten; they are in the journal only
    next_order_id: int = 1
    epoch: int = 0
    account_id: str | None = None
    halted: Halted | None = None
    restricted: dict[Symbol, str] = field(default_factory=dict)
    kill: KillStageEntered | None = None
    bucket: BucketCharged | None = None
    settled_ns: dict[str, int] = field(default_factory=dict)  # schedules of trainings, the newest last
    day: DayStarted | None = None
    adjustments: dict[str, Adjusted] = field(default_factory=dict)
    stopped_cleanly: bool = True
    records: int = 0
    fills: int = 0  # applied so far; equal numbers mean that no trade came between
    counters: Counters = field(default_factory=Counters)
    _closed: deque[ClientOrderId] = field(default_factory=deque)

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

    def position(self, symbol: Symbol) -> Decimal:
        """Return the signed quantity held; 0 where there is none."""
        held = self.positions.get(symbol)
        return held.quantity if held is not None else Decimal(0)

    def trade(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        """Book a trade on the position."""
        after = self.positions.get(symbol, Position()).after(quantity, price)
        if after.quantity == 0:
            self.positions.pop(symbol, None)
        else:
            self.positions[symbol] = after

    def add(self, order: OrderState) -> None:
        """Take in a new order."""
        self.orders[order.client_order_id] = order
        self.open[order.client_order_id] = order
        if order.spec.id:
            self.by_order_id[order.spec.id] = order
            self.next_order_id = max(self.next_order_id, order.spec.id + 1)

    def set_status(self, order: OrderState, status: OrderStatus) -> None:
        """Move an order to a status that the caller has checked, keeping the index of open orders."""
        order.status = status
        if status in OPEN:
            self.open[order.client_order_id] = order
            return
        order.unknown = False
        order.pending = None
        if self.open.pop(order.client_order_id, None) is not None:
            self._closed.append(order.client_order_id)
        while len(self._closed) > MAX_CLOSED_ORDERS:
            oldest = self._closed.popleft()
            if oldest not in self.open and oldest in self.orders:
                forgotten = self.orders.pop(oldest)
                self.by_order_id.pop(forgotten.spec.id, None)
                self.oldest_number = max(self.oldest_number, forgotten.number + 1)


def _event(
    order: OrderState, time_ns: int, message: str = "", fill: Fill | None = None
) -> tuple[OrderEventArrived, ...]:
    if order.spec.id == 0:
        return ()
    return (
        OrderEventArrived(
            order_id=order.spec.id,
            status=order.status,
            time_ns=time_ns,
            fill=fill,
            brokerage_order_id=order.brokerage_order_id,
            message=message,
        ),
    )


def _intended(state: JournalState, record: OrderIntended) -> tuple[OrderEventArrived, ...]:
    order = OrderState(record.client_order_id, record.spec, record.number, record.time_ns)
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
        order.pending = record.spec
        order.note(record.time_ns, "change intended")
    return ()


def _change_refused(state: JournalState, record: ChangeRefused) -> tuple[OrderEventArrived, ...]:
    order = state.orders.get(record.client_order_id)
    if order is not None:
        order.pending = None
        order.note(record.time_ns, f"change refused: {record.message}")
    return ()


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
    elif order.is_open:
        state.set_status(order, _CLOSING_VERDICTS[record.verdict])
        return _event(order, record.time_ns, record.message)
    return ()


def _report(state: JournalState, record: ReportReceived) -> tuple[OrderEventArrived, ...]:
    report = record.report
    order = state.orders.get(report.client_order_id)
    if order is None:
        state.counters.unknown_reports += 1
        return ()
    if report.status is OrderStatus.NONE and report.fill is None:
        order.unknown = order.is_open
        order.note(record.time_ns, f"venue is not sure {report.message}".rstrip())
        return ()
    order.unknown = False  # whatever it says, it proves that the venue knows the order
    new_id = report.brokerage_order_id is not None and report.brokerage_order_id != order.brokerage_order_id
    if new_id:
        order.brokerage_order_id = report.brokerage_order_id
    if report.fill is not None and report.fill.execution_id not in order.executions:
        return _filled(state, order, record, report.fill)
    if report.fill is not None:
        state.counters.repeated_fills += 1
        return ()
    return _status_reported(state, order, report, new_id)


def _filled(
    state: JournalState, order: OrderState, record: ReportReceived, fill: Fill
) -> tuple[OrderEventArrived, ...]:
    before = order.status
    state.fills += 1
    order.executions.add(fill.execution_id)
    order.filled += fill.quantity
    order.filled_value += fill.quantity * fill.price
    state.trade(order.spec.symbol, fill.quantity, fill.price)
    how = " (recovered)" if record.recovered else ""
    order.note(record.time_ns, f"filled {fill.quantity} at {fill.price}{how}")
    if abs(order.filled) > abs(order.spec.quantity):
        state.counters.overfills += 1
    if before is OrderStatus.FILLED:
        return ()  # more than was ordered: the position is right, the order has no state for it
    # The sum decides, not the venue's word: FILLED admits no later fill, and one may have been lost.
    complete = abs(order.filled) >= abs(order.spec.quantity)
    state.set_status(order, OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED)
    report = record.report
    events = _event(order, report.time_ns, report.message, fill)
    if complete:
        if before in CLOSED:
            state.counters.late_fills += 1
        return events
    if before in CLOSED:
        state.counters.late_fills += 1
        state.set_status(order, OrderStatus.CANCELED)  # what is left of it is still not working
        events += _event(order, report.time_ns, "closed before; the venue reported this fill late")
    elif report.status in CLOSED and report.status not in FILLS:
        state.set_status(order, report.status)  # one report with both the last trade and the end
        events += _event(order, report.time_ns, report.message)
    return events


def _status_reported(
    state: JournalState, order: OrderState, report: ExecutionReport, new_id: bool
) -> tuple[OrderEventArrived, ...]:
    status = report.status
    if status in FILLS:
        state.counters.fills_claimed_without_trade += 1
        status = OrderStatus.SUBMITTED  # it exists; the trades themselves come later or from a snapshot
    if status not in TRANSITIONS[order.status]:
        if order.status is not OrderStatus.PARTIALLY_FILLED:
            state.counters.stale_reports += 1
        return ()
    if status is OrderStatus.UPDATE_SUBMITTED and order.pending is not None:
        order.spec, order.pending = order.pending, None
    elif status is order.status and not new_id:
        return ()
    order.note(report.time_ns, f"{status.name.lower()} {report.message}".rstrip())
    state.set_status(order, status)
    return _event(order, report.time_ns, report.message)


def _adjusted(state: JournalState, record: Adjusted) -> tuple[OrderEventArrived, ...]:
    if record.id in state.adjustments:
        return ()
    state.adjustments[record.id] = record
    total = state.position(record.symbol) + record.quantity
    if total == 0:
        state.positions.pop(record.symbol, None)
    else:
        state.positions[record.symbol] = Position(total, record.average_price)
    if record.reason == "unexplained":
        state.restricted[record.symbol] = f"its position changed by {record.quantity} and nobody knows why"
    return ()


def _session_opened(state: JournalState, record: SessionOpened) -> tuple[OrderEventArrived, ...]:
    state.epoch = record.epoch
    state.account_id = record.account_id
    return ()


def _halted(state: JournalState, record: Halted) -> tuple[OrderEventArrived, ...]:
    state.halted = record
    return ()


def _resumed(state: JournalState, record: Resumed) -> tuple[OrderEventArrived, ...]:
    state.halted = None
    state.restricted.clear()
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


def _started(state: JournalState, record: DaemonStarted) -> tuple[OrderEventArrived, ...]:
    state.stopped_cleanly = False
    return ()


def _stopped(state: JournalState, record: DaemonStopped) -> tuple[OrderEventArrived, ...]:
    state.stopped_cleanly = True
    return ()


# Each handler takes exactly the record type that is its key; the table is what ties them together.
_HANDLERS: Final[dict[type, Callable[..., tuple[OrderEventArrived, ...]]]] = {
    OrderIntended: _intended,
    KillOrderIntended: _kill_intended,
    OrderSent: _sent,
    OrderDenied: _denied,
    CancelIntended: _cancel_intended,
    ChangeIntended: _change_intended,
    ChangeRefused: _change_refused,
    OrderResolved: _resolved,
    ReportReceived: _report,
    Adjusted: _adjusted,
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
