"""What is known of corporate actions, and which of them are still on their way. Moved by replay.py only.

The life of a split, in records and in what an order of its symbol meets:

    ActionNoted ──ex-date, or the account shows it──▶ SplitApplied ──the account shows it──▶ ActionSettled
      orders leave as ever                             no order leaves                         as ever

An account that shows it first makes both records at once, so nothing is refused then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader.journal.action_records import (
    ActionNoted,
    ActionSettled,
    ActionsLooked,
    ActionTold,
    SplitApplied,
    is_warning,
)
from livetrader_engine.data.corporate_actions import Split, SymbolChange
from livetrader_engine.data.splits import shares_after
from livetrader_engine.symbols import NS_PER_DAY, Symbol

MAX_ACTIONS: Final = 5_000  # remembered; a portfolio of 500 stocks pays some 2,000 dividends in a year
FRACTIONS_NS: Final = 45 * NS_PER_DAY  # how long after a split cash for a fraction of a share may come


@dataclass(slots=True)
class ActionBook:
    """Corporate actions by id. Owned by the AccountBook; everybody else reads.

    `pending` are splits that our position counts and the brokerage's account does not show yet.
    """

    noted: dict[str, ActionNoted] = field(default_factory=dict)
    applied: dict[str, SplitApplied] = field(default_factory=dict)
    pending: dict[Symbol, SplitApplied] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    looked_day: int | None = None

    def note(self, record: ActionNoted) -> None:
        """Take in an announcement; of one that was applied only the first counts."""
        if record.id in self.applied:
            return
        self.noted[record.id] = record
        while len(self.noted) > MAX_ACTIONS:
            oldest = next(iter(self.noted))
            del self.noted[oldest]
            self.applied.pop(oldest, None)
            self.told.discard(oldest)

    def apply(self, record: SplitApplied) -> None:
        """Take in that a split counts; it waits for the brokerage where that has anything to book."""
        self.applied[record.id] = record
        if record.before != record.after:
            self.pending[record.symbol] = record

    def settle(self, record: ActionSettled) -> None:
        """Take in that the brokerage shows it."""
        for symbol, pending in tuple(self.pending.items()):
            if pending.id == record.id:
                del self.pending[symbol]

    def tell(self, record: ActionTold) -> None:
        """Take in that an engine was told."""
        self.told.add(record.id)

    def look(self, record: ActionsLooked) -> None:
        """Take in how far announcements are known."""
        self.looked_day = max(record.day, self.looked_day or record.day)

    def why_no_order(self, symbol: Symbol) -> str:
        """Return why no order of a symbol may leave, empty where none of this keeps it."""
        pending = self.pending.get(symbol)
        if pending is None:
            return ""
        return (
            f"the brokerage has not booked its split yet: {pending.before} shares become {pending.after}, "
            "and an order would be counted in the wrong ones"
        )

    def splits_ahead(self) -> list[tuple[str, Split]]:
        """Return the splits that are known and do not count yet, oldest first."""
        return [
            (record.id, record.action)
            for record in self.noted.values()
            if isinstance(record.action, Split)
            and not is_warning(record.action)
            and record.id not in self.applied
        ]

    def fraction_due(self, symbol: Symbol, now_ns: int) -> bool:
        """Whether a fraction of a share of this symbol may still be rounded or settled in cash."""
        return any(
            record.symbol == symbol
            and now_ns - record.time_ns <= FRACTIONS_NS
            and bool(shares_after(record.before, record.factor)[1])
            for record in self.applied.values()
        )

    def new_ticker_of(self, symbol: Symbol) -> str:
        """Return the ticker that the brokerage may show for a symbol now, empty where it has no new one."""
        for record in reversed(self.noted.values()):
            if isinstance(record.action, SymbolChange) and record.action.symbol == symbol:
                return record.action.new
        return ""


def follows(split: Split, before: Decimal, change: Decimal) -> bool:
    """Whether a change of a position is what a split of `before` shares makes of them.

    Where a fraction of a share is left over, brokerages round it up, keep it for a while, or pay it out.
    """
    after, rest = shares_after(before, split.factor)
    expected = after - before
    return bool(change) and bool(expected) and abs(change - expected) <= (1 if rest else 0)
