"""Splits, dividends, delistings and ticker changes: facts about a security that are no prices.

They enter with the data of their instant, the midnight (exchange time) of the day on which they count. Each
stream that the algorithm asked for carries its own copy, as in LEAN; it sees one, the data points count all.
Source of their timing: LEAN's Engine/DataFeeds/Enumerators, the four EventProviders.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

import msgspec

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Symbol

FOREVER_NS: Final = 2**63 - 1


class SplitKind(IntEnum):
    """Whether a split is near or has happened; values as LEAN's SplitType."""

    WARNING = 0
    OCCURRED = 1


class DelistingKind(IntEnum):
    """Whether a delisting is near or has happened; values as LEAN's DelistingType."""

    WARNING = 0
    DELISTED = 1


class Split(msgspec.Struct, frozen=True, tag="split", array_like=True):
    """One share becomes `1 / factor` shares. The warning comes with the session before.

    `reference_price` is the raw close before the split; a warning has the newest price instead, which the
    engine fills in (0 before the first data). `held` is what the account holds after it, where somebody else
    than the engine keeps the account: the engine's position becomes that, however often it is told.
    """

    symbol: Symbol
    time_ns: int
    kind: SplitKind
    factor: Decimal
    reference_price: Decimal
    copies: int = 1  # streams that carry it: data points
    held: Decimal | None = None


class Dividend(msgspec.Struct, frozen=True, tag="dividend", array_like=True):
    """Cash per share in quote currency; `reference_price` is the raw close before it."""

    symbol: Symbol
    time_ns: int
    distribution: Decimal
    reference_price: Decimal
    copies: int = 1


class Delisting(msgspec.Struct, frozen=True, tag="delisting", array_like=True):
    """Trading ends with the day of the warning. `price` is the newest, which the engine fills in."""

    symbol: Symbol
    time_ns: int
    kind: DelistingKind
    price: float = 0.0
    copies: int = 1


class SymbolChange(msgspec.Struct, frozen=True, tag="renamed", array_like=True):
    """From this day on the security trades under another ticker; its symbol stays the same."""

    symbol: Symbol
    time_ns: int
    old: str
    new: str
    copies: int = 1


CorporateAction = Split | Dividend | Delisting | SymbolChange

_Key = tuple[Symbol, type, int]  # symbol, what happens, and whether it is a warning


class ActionQueue:
    """The corporate actions that the streams of a feed will carry, by time. Owned by the feed."""

    def __init__(self) -> None:
        # serials keep the order of the streams, so actions are never compared
        self._heap: list[tuple[int, int, Subscription, CorporateAction]] = []
        self._serial = 0

    @property
    def next_time_ns(self) -> int:
        """When the next one happens; FOREVER_NS where there is none."""
        return self._heap[0][0] if self._heap else FOREVER_NS

    def add(self, subscription: Subscription, actions: Iterable[CorporateAction], now_ns: int) -> None:
        """Have a stream carry these. What happened before `now_ns` happens now."""
        for action in actions:
            self._serial += 1
            heappush(self._heap, (max(action.time_ns, now_ns), self._serial, subscription, action))

    def remove(self, subscription: Subscription) -> None:
        """Forget what a stream would have carried."""
        if self._heap:
            self._heap = [entry for entry in self._heap if entry[2] != subscription]
            self._heap.sort(key=lambda entry: entry[:2])

    def take(self, time_ns: int) -> tuple[CorporateAction, ...]:
        """Return what happens until `time_ns`, oldest first, each once with the number of its copies."""
        found: dict[_Key, CorporateAction] = {}
        while self._heap and self._heap[0][0] <= time_ns:
            _, _, _, action = heappop(self._heap)
            key = (action.symbol, type(action), int(getattr(action, "kind", 0)))
            known = found.get(key)
            copies = 1 if known is None else known.copies + 1
            found[key] = msgspec.structs.replace(action, copies=copies)
        return tuple(found.values())
