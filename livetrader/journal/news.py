"""The venue's news of orders, taken into the account book. Pure; part of replay.

Five habits of venues are dealt with here and nowhere else. A trade that is told twice counts once (by its
execution id), one that is corrected counts as its newest revision, in whatever order the revisions come,
and one that is taken back counts for nothing. A trade of an order that we hold to be closed is applied all
the same (the venue traded it). What a trade cost may be told before it, behind it, and twice. A status that
cannot follow the present one is stale and changes nothing. What is told of other people's orders is theirs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from livetrader.journal.book import AccountBook, OrderState
from livetrader.journal.identifiers import order_prefix
from livetrader.journal.records import FeeReceived, ReportReceived
from livetrader_engine.afterwards import correction_words
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import (
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderSpec,
    TradeFee,
)
from livetrader_engine.orders.states import CLOSED, FILLS, OPEN, TRANSITIONS, OrderStatus
from livetrader_engine.spi import ExecutionReport

MAX_EARLY_FEES: Final = 1_000  # of one order: fees of trades that we have not heard of; more are dropped

Events = tuple[OrderEventArrived, ...]


def order_event(order: OrderState, time_ns: int, message: str = "", fill: Fill | None = None) -> Events:
    """Return what the algorithm is told of an order of its own: how it stands now."""
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


def is_foreign(instance: str, client_order_id: ClientOrderId) -> bool:
    """Return whether an order that has no record was made by somebody else than this account directory."""
    return not client_order_id.startswith(order_prefix(instance))


def take_report(book: AccountBook, record: ReportReceived) -> Events:
    """Take in what the venue says of one order."""
    report, fill = record.report, record.report.fill
    order = book.orders.get(report.client_order_id)
    if order is None:
        _take_strange(book, report)
        return ()
    if report.status is OrderStatus.NONE and fill is None:
        order.unknown = order.is_open
        order.note(record.time_ns, f"venue is not sure {report.message}".rstrip())
        return ()
    if order.unknown:
        order.unknown = False  # whatever it says, it proves that the venue knows the order
    number = report.brokerage_order_id
    new_id = number is not None and number not in order.brokerage_order_ids
    if new_id and number is not None:
        order.brokerage_order_ids.append(number)
    if fill is None and number in order.twins:
        order.note(record.time_ns, f"the venue's second one, {number}, is {report.status.name.lower()}")
        return ()  # it ends when it is cancelled; ours goes on
    if fill is None:
        return _status_reported(book, order, report, new_id)
    known = order.executions.get(fill.execution_id)
    if known is None:
        return _filled(book, order, record, _with_early_fee(order, fill))
    if fill.revision > known.revision:
        return _corrected(book, order, record, known, fill)
    book.counters.repeated_fills += 1
    return ()


def take_fee(book: AccountBook, record: FeeReceived) -> Events:
    """Take in what a trade cost in all; the algorithm is told what that adds to what it was told before."""
    told = record.report
    order = book.orders.get(told.client_order_id)
    if order is None:
        book.counters.unknown_fees += 1
        return ()
    known = order.executions.get(told.execution_id)
    if known is None:
        if len(order.early_fees) < MAX_EARLY_FEES:
            order.early_fees[told.execution_id] = told.fee, told.fee_currency
        return ()
    order.executions[told.execution_id] = msgspec.structs.replace(
        known, fee=told.fee, fee_currency=told.fee_currency
    )
    amounts = {known.fee_currency: -known.fee}
    amounts[told.fee_currency] = amounts.get(told.fee_currency, Decimal(0)) + told.fee
    if known.fee != told.fee or known.fee_currency != told.fee_currency:
        order.note(record.time_ns, f"{known.quantity} at {known.price} cost {told.fee} {told.fee_currency}")
    return _charged(order, told.time_ns, told.execution_id, amounts)


def _charged(order: OrderState, time_ns: int, name: ExecutionId, amounts: dict[str, Decimal]) -> Events:
    return tuple(
        msgspec.structs.replace(event, fee=TradeFee(name, amount, currency), symbol=order.spec.symbol)
        for currency, amount in amounts.items()
        if amount
        for event in order_event(order, time_ns)
    )


def _take_strange(book: AccountBook, report: ExecutionReport) -> None:
    """Take in news of an order without a record: somebody else's, or one that was forgotten."""
    if not is_foreign(book.instance, report.client_order_id):
        book.counters.unknown_reports += 1
    elif report.fill is None:
        book.counters.foreign_reports += 1
    elif not book.take_foreign(report.fill):
        book.counters.repeated_fills += 1


def _with_early_fee(order: OrderState, fill: Fill) -> Fill:
    told = order.early_fees.pop(fill.execution_id, None)
    if told is None:
        return fill
    return msgspec.structs.replace(fill, fee=told[0], fee_currency=told[1])


def _filled(book: AccountBook, order: OrderState, record: ReportReceived, fill: Fill) -> Events:
    before, report = order.status, record.report
    order.executions[fill.execution_id] = fill
    if not fill.quantity:  # taken back before we heard of it: there is nothing to tell
        order.note(record.time_ns, f"the trade {fill.execution_id} was taken back before it was told")
        return _charged(order, report.time_ns, fill.execution_id, {fill.fee_currency: fill.fee})
    book.fills += 1
    _add(book, order, fill.quantity, fill.quantity * fill.price)
    book.trade(order.spec.symbol, fill.quantity, fill.price)
    how = " (recovered)" if record.recovered else ""
    order.note(record.time_ns, f"filled {fill.quantity} at {fill.price}{how}")
    # The sum decides, not the venue's word: FILLED admits no later fill, and one may have been lost.
    complete = _complete(order)
    if before is not OrderStatus.FILLED:  # else more than was ordered: there is no state for it
        book.set_status(order, OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED)
    events = order_event(order, report.time_ns, report.message, fill)
    if before in CLOSED:
        book.counters.late_fills += 1
        events = tuple(msgspec.structs.replace(event, symbol=order.spec.symbol) for event in events)
        if not complete:
            book.set_status(order, OrderStatus.CANCELED)  # what is left of it is still not working
            events += order_event(order, report.time_ns, "closed before; the venue reported this fill late")
    elif not complete:
        events += _ended(book, order, report)
    return events


def _corrected(book: AccountBook, order: OrderState, record: ReportReceived, old: Fill, told: Fill) -> Events:
    """Put a revision in the place of the one before. What it cost stays as told until it is told anew."""
    before, report = order.status, record.report
    new = told if told.fee else msgspec.structs.replace(told, fee=old.fee, fee_currency=old.fee_currency)
    order.executions[new.execution_id] = new
    book.fills += 1
    book.counters.corrections += 1
    _add(book, order, new.quantity - old.quantity, new.quantity * new.price - old.quantity * old.price)
    book.correct(order.spec.symbol, old, new)
    words = correction_words(old, new)
    order.note(record.time_ns, words)
    after = _after_correction(order)
    if after is not before:
        book.set_status(order, after)
    events = tuple(
        msgspec.structs.replace(event, replaces=old, symbol=order.spec.symbol)
        for event in order_event(order, report.time_ns, words, new)
    )
    return events + _ended(book, order, report) if order.is_open else events


def _after_correction(order: OrderState) -> OrderStatus:
    before = order.status
    if _complete(order):
        return OrderStatus.FILLED
    if before is OrderStatus.FILLED:
        return OrderStatus.PARTIALLY_FILLED
    working = before in OPEN and before is not OrderStatus.CANCEL_PENDING
    return OrderStatus.PARTIALLY_FILLED if working and order.filled else before


def _ended(book: AccountBook, order: OrderState, report: ExecutionReport) -> Events:
    """Close an order whose last trade and end came in one report."""
    if report.status not in CLOSED or report.status in FILLS:
        return ()
    book.set_status(order, report.status)
    return order_event(order, report.time_ns, report.message)


def _add(book: AccountBook, order: OrderState, quantity: Decimal, value: Decimal) -> None:
    order.filled += quantity
    order.filled_value += value
    wanted = order.spec.quantity if order.pending is None else order.pending.quantity
    if abs(order.filled) > max(abs(order.spec.quantity), abs(wanted)):
        book.counters.overfills += 1
        book.taint(order.spec.symbol, f"{order.client_order_id} traded more than was ordered")


def _complete(order: OrderState) -> bool:
    return abs(order.filled) >= abs(order.spec.quantity)


def _status_reported(book: AccountBook, order: OrderState, report: ExecutionReport, new_id: bool) -> Events:
    status = report.status
    if status in FILLS:
        book.counters.fills_claimed_without_trade += 1
        status = OrderStatus.SUBMITTED  # it exists; the trades themselves come later or from a snapshot
    if status not in TRANSITIONS[order.status]:
        if order.status is not OrderStatus.PARTIALLY_FILLED:
            book.counters.stale_reports += 1
        return ()
    if status is OrderStatus.UPDATE_SUBMITTED and order.pending is not None:
        return _changed(book, order, report, order.pending)
    if status is order.status and not new_id:
        return ()
    order.note(report.time_ns, f"{status.name.lower()} {report.message}".rstrip())
    book.set_status(order, status)
    return order_event(order, report.time_ns, report.message)


def _changed(book: AccountBook, order: OrderState, report: ExecutionReport, pending: OrderSpec) -> Events:
    """Let a change of ours count; the algorithm is told what changed where it did not ask for it."""
    before, why = order.spec, order.pending_why
    order.spec, order.terms_ns = pending, order.pending_ns
    order.pending, order.pending_why = None, ""
    order.note(report.time_ns, f"update_submitted {report.message}".rstrip())
    book.set_status(order, OrderStatus.UPDATE_SUBMITTED)
    events = order_event(order, report.time_ns, why or report.message)
    if not why:
        return events
    change = OrderChange(
        **{
            name: getattr(pending, name)
            for name in ("quantity", "limit_price", "stop_price", "trigger_price", "trailing_amount")
            if getattr(pending, name) != getattr(before, name)
        }
    )
    return tuple(msgspec.structs.replace(event, change=change) for event in events)
