"""Single trades and quotes that wait for their reader.

Rule 1: trades are never dropped. Where more than HARD_LIMIT ticks wait, the reader is gone, not slow: the
feed ends its connection and says so.
Rule 2: beyond QUOTE_LIMIT ticks waiting, only the newest quote of each stream is kept; the rest is counted.
Rule 3: no two ticks of a stream have the same time: Polygon's milliseconds are told a nanosecond apart.
"""

from __future__ import annotations

from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint, Tick
from livetrader_engine.data.merge import slice_key
from livetrader_engine.data.subscription import Subscription, TickType

QUOTE_LIMIT: Final = 20_000  # ticks: a tenth of a second of all stocks
HARD_LIMIT: Final = 500_000  # ticks: some hundred megabytes


class TickQueue:
    """Ticks by stream, in order. Mutable state: the ticks; `conflated` counts quotes that gave way."""

    def __init__(self) -> None:
        self._waiting: dict[Subscription, list[Tick]] = {}
        self._newest: dict[Subscription, int] = {}  # time of the newest tick
        self._order: list[Subscription] = []
        self._count = 0
        self._conflate_at = QUOTE_LIMIT
        self.conflated = 0
        self.newest_ns = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_overrun(self) -> bool:
        """Whether more waits than a reader that lives would leave."""
        return self._count > HARD_LIMIT

    def add(self, subscription: Subscription) -> None:
        """Have a stream."""
        self._waiting.setdefault(subscription, [])
        self._newest.setdefault(subscription, 0)
        self._order = sorted(self._waiting, key=slice_key)

    def remove(self, subscription: Subscription) -> None:
        """Have it no longer."""
        self._count -= len(self._waiting.pop(subscription, ()))
        self._newest.pop(subscription, None)
        self._order = sorted(self._waiting, key=slice_key)

    def put(self, subscription: Subscription, tick: Tick) -> None:
        """Let a tick wait."""
        time_ns, newest_ns = tick.time_ns, self._newest[subscription]
        if time_ns <= newest_ns:
            time_ns = newest_ns + 1
            tick = msgspec.structs.replace(tick, time_ns=time_ns)
        self._newest[subscription] = time_ns
        self._waiting[subscription].append(tick)
        self._count += 1
        if self._count > self._conflate_at:
            self._conflate()

    def take(self) -> tuple[tuple[MarketPoint, ...], tuple[MarketPoint, ...]]:
        """Return all that waits, in slice order: what the algorithm sees, and what is internal."""
        shown: list[MarketPoint] = []
        internal: list[MarketPoint] = []
        for subscription in self._order:
            ticks = self._waiting[subscription]
            if ticks:
                (internal if subscription.internal else shown).extend(ticks)
                self.newest_ns = max(self.newest_ns, ticks[-1].time_ns)
                ticks.clear()
        self._count = 0
        self._conflate_at = QUOTE_LIMIT
        return tuple(shown), tuple(internal)

    def _conflate(self) -> None:
        for subscription, ticks in self._waiting.items():
            if subscription.tick_type is TickType.QUOTE and len(ticks) > 1:
                self.conflated += len(ticks) - 1
                self._count -= len(ticks) - 1
                del ticks[:-1]
        self._conflate_at = max(QUOTE_LIMIT, 2 * self._count)  # what is left may be over it by itself
