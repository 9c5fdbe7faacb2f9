"""What records of corporate actions do to the account book. Pure; part of replay."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from livetrader.journal.action_records import (
    ActionNoted,
    ActionSettled,
    SplitApplied,
    is_warning,
)
from livetrader.journal.actions import follows
from livetrader.journal.book import AccountBook, Position
from livetrader_engine.data.corporate_actions import Split
from livetrader_engine.events import OrderEventArrived

_ZERO: Final = Decimal(0)


def noted(book: AccountBook, record: ActionNoted) -> tuple[OrderEventArrived, ...]:
    """Know a corporate action. A split may explain what was booked before anybody told us why."""
    book.actions.note(record)
    action = record.action
    if isinstance(action, Split) and not is_warning(action) and record.id not in book.actions.applied:
        _explain(book, record, action)
    return ()


def _explain(book: AccountBook, record: ActionNoted, split: Split) -> None:
    symbol = split.symbol
    change = book.unexplained.get(symbol, _ZERO)
    held = book.positions.get(symbol, Position())
    theirs = book.ignored.get(symbol, Position()).quantity
    total = held.quantity + theirs
    if not follows(split, total - change, change):
        return
    del book.unexplained[symbol]
    if symbol not in book.tainted:
        book.restricted.pop(symbol, None)
    book.actions.apply(
        SplitApplied(
            record.time_ns, record.id, symbol, split.factor, total, total,
            held.quantity, held.average_price, theirs,
        )
    )  # fmt: skip


def split_applied(book: AccountBook, record: SplitApplied) -> tuple[OrderEventArrived, ...]:
    """Count a position in new shares."""
    if record.id in book.actions.applied:
        return ()
    symbol = record.symbol
    if record.quantity:
        book.positions[symbol] = Position(record.quantity, record.average_price)
    else:
        book.positions.pop(symbol, None)
    share = book.ignored.pop(symbol, None)
    if share is not None and record.ignored:
        book.ignored[symbol] = Position(record.ignored, share.average_price * record.factor)
    book.actions.apply(record)
    return ()


def settled(book: AccountBook, record: ActionSettled) -> tuple[OrderEventArrived, ...]:
    """Let orders leave again."""
    book.actions.settle(record)
    return ()
