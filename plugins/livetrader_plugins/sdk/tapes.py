"""The trades of one symbol, from a venue's messages into bars: through the gate, then to who wants them.

This is the hot path: most ticks are plain, and a plain tick makes no object and few calls. What the gates
(livetrader_engine.data.quality) and the bars (making.py) say in words is done here in place for plain ticks;
every other tick goes their way. Both ways make the same bars: a test plays each against the other.

A plain trade is of the newest time or later, has a number above the newest, a price near the believed one,
and belongs to the bar that is in the making. Quotes go the same way in quotetapes.py. One owner, the feed's
connection; nothing is asked or awaited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from livetrader_engine.data.quality import (
    ALL,
    DOUBTFUL,
    OPEN_CLOSE,
    OUT_OF_ORDER,
    SIZE_LIMIT,
    HeldTrade,
    QualityLimits,
    Quarantine,
    TradeGate,
    VenueClock,
)
from livetrader_engine.symbols import Symbol
from livetrader_plugins.sdk.barstream import BarStream
from livetrader_plugins.sdk.watched import Watched

UNREAD: Final = "a trade of it could not be read"
TOO_LATE: Final = "a trade of it came so late that nobody knows whether it had been heard"
MS: Final = 1_000_000  # nanoseconds of a millisecond


class TradeWatcher(Protocol):
    """Who wants the trades of a tape."""

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> None:
        """Take a trade that passed the gate."""
        ...


class TradeTape(Watched[TradeWatcher]):
    """The trades of one symbol. Mutable state: its gate, and who wants them."""

    __slots__ = ("_remember", "clock", "gate")

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        super().__init__()
        self.clock = clock
        self.gate = TradeGate(symbol, limits, clock, quarantine)
        self._remember = self.gate.remember.append

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> bool:
        """Take a trade in; return whether it passed the gate.

        `number` is the venue's, ascending within a day; where it has none the caller counts.
        """
        gate, clock = self.gate, self.clock
        if (
            gate.low <= price <= gate.high
            and gate.last_ns <= time_ns <= clock.latest_ns
            and number > gate.sequence
            and 0.0 <= size <= SIZE_LIMIT
            and time_ns >= clock.earliest_ns
        ):
            gate.last_ns = time_ns
            if time_ns > clock.newest_ns:
                clock.newest_ns = time_ns
            gate.sequence = number
            self._remember(number)
            if updates & OPEN_CLOSE:
                gate.last = price
            stream = self.stream
            if stream is None:
                for watcher in self._watchers:
                    watcher.trade(time_ns, number, price, size, updates)
                return True
            made = stream.trades
            if updates != ALL or not made.close_ns <= time_ns < made.end_ns:
                stream.trade(time_ns, number, price, size, updates)
                return True
            made.close = price
            made.close_ns = time_ns
            made.close_number = number
            made.volume += size
            if price > made.high:
                made.high = price
            elif price < made.low:
                made.low = price
            return True
        passing = gate.admit(time_ns, number, price, size, updates)
        if passing is None:
            if updates and gate.refused in DOUBTFUL:
                self._spoil(time_ns, TOO_LATE if gate.refused == OUT_OF_ORDER else UNREAD)
            return False
        self._hand_on(passing)
        return True

    def _spoil(self, time_ns: int, why: str) -> None:
        """Have no bar of the period of a trade that is not in it; now, where its time could not be read."""
        if self.clock.fault(time_ns) is not None:
            time_ns = self.clock.looked_ns
        for watcher in self._watchers:
            if isinstance(watcher, BarStream):
                watcher.doubt_period(time_ns, why)

    def _hand_on(self, passing: Sequence[HeldTrade]) -> None:
        for trade in passing:
            for watcher in self._watchers:
                watcher.trade(*trade)
