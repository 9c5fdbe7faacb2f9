"""What a snapshot says about splits, delistings and new tickers. Pure; part of reconcile.

our records               the account shows            we conclude
------------------------  ---------------------------  ------------------------------------------------
split ahead, not applied  the new shares               applied and settled: the brokerage was first
split applied, pending    the new shares               settled: orders of the symbol leave again
split applied, pending    the old shares               not booked yet: no order of the symbol leaves
split applied             a share less or more  SPLIT: rounded, kept as a fraction, or paid out
delisted                  nothing                      DELISTED
a new ticker              the same under the new one   RENAMED, both sides
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from livetrader.journal.action_records import ActionSettled, SplitApplied, is_warning
from livetrader.journal.actions import follows
from livetrader.journal.records import AdjustmentReason
from livetrader.journal.replay import JournalState, Position
from livetrader_engine.data.corporate_actions import Delisting, Split
from livetrader_engine.data.splits import shares_after
from livetrader_engine.spi import AccountSnapshot
from livetrader_engine.symbols import Symbol

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class SplitFindings:
    """What follows from one snapshot. `differences` are those that no split explains."""

    applied: tuple[SplitApplied, ...]
    settled: tuple[ActionSettled, ...]
    differences: dict[Symbol, Decimal]


def find_splits(
    state: JournalState, snapshot: AccountSnapshot, differences: Mapping[Symbol, Decimal], *, book: bool
) -> SplitFindings:
    """Return what splits explain of the differences. Positions are only corrected where `book` says so."""
    left = dict(differences)
    settled = list(_settled(state, snapshot, left))
    applied: list[SplitApplied] = []
    for name, split in state.actions.splits_ahead() if book else ():
        change = left.get(split.symbol)
        if change is None:
            continue
        shown = _shown(snapshot, split.symbol)
        if follows(split, shown.quantity - change, change):
            del left[split.symbol]
            applied.append(_booked_first(state, snapshot.time_ns, name, split, (shown, change)))
            settled.append(
                ActionSettled(snapshot.time_ns, name, f"the account shows {shown.quantity} shares")
            )
    return SplitFindings(tuple(applied), tuple(settled), left)


def _settled(
    state: JournalState, snapshot: AccountSnapshot, left: dict[Symbol, Decimal]
) -> list[ActionSettled]:
    """Judge the splits that wait for the brokerage; take what they explain out of what is left."""
    found = []
    for symbol, pending in state.actions.pending.items():
        difference, unbooked = left.get(symbol, _ZERO), pending.before - pending.after
        if abs(difference - unbooked) <= abs(difference):  # nearer to the old shares than to the new ones
            rest = difference - unbooked
            left.pop(symbol, None)
            if rest:
                left[symbol] = rest
            continue
        shown = _shown(snapshot, symbol).quantity
        found.append(ActionSettled(snapshot.time_ns, pending.id, f"the account shows {shown} shares"))
    return found


def _booked_first(
    state: JournalState, time_ns: int, name: str, split: Split, seen: tuple[Position, Decimal]
) -> SplitApplied:
    shown, change = seen
    share = state.ignored.get(split.symbol)
    theirs = _ZERO if share is None else shares_after(share.quantity, split.factor)[0]
    return SplitApplied(
        time_ns=time_ns,
        id=name,
        symbol=split.symbol,
        factor=split.factor,
        before=shown.quantity - change,
        after=shown.quantity,
        quantity=shown.quantity - theirs,
        average_price=shown.average_price,
        ignored=theirs,
    )


def _shown(snapshot: AccountSnapshot, symbol: Symbol) -> Position:
    for held in snapshot.positions:
        if held.symbol == symbol:
            return Position(held.quantity, held.average_price)
    return Position()


def reason_of(
    state: JournalState, snapshot: AccountSnapshot, symbol: Symbol, differences: Mapping[Symbol, Decimal]
) -> AdjustmentReason | None:
    """Return the corporate action behind a difference, None where none explains it."""
    difference = differences[symbol]
    if abs(difference) <= 1 and state.actions.fraction_due(symbol, snapshot.time_ns):
        return AdjustmentReason.SPLIT
    gone = difference == -state.position(symbol)
    if gone and _delisted(state, symbol, snapshot.time_ns):
        return AdjustmentReason.DELISTED
    for old, new in _renames(state, differences):
        if symbol in (old, new):
            return AdjustmentReason.RENAMED
    return None


def _delisted(state: JournalState, symbol: Symbol, now_ns: int) -> bool:
    return any(
        isinstance(noted.action, Delisting)
        and not is_warning(noted.action)
        and noted.action.symbol == symbol
        and noted.action.time_ns <= now_ns
        for noted in state.actions.noted.values()
    )


def _renames(state: JournalState, differences: Mapping[Symbol, Decimal]) -> list[tuple[Symbol, Symbol]]:
    """Return (old, new) where what went from one symbol came to the one that has its new ticker."""
    found = []
    for old, difference in differences.items():
        ticker = state.actions.new_ticker_of(old)
        if not ticker or difference != -state.position(old):
            continue
        found += [
            (old, new)
            for new, other in differences.items()
            if new.value.upper() == ticker.upper() and other == -difference
        ]
    return found
