"""The quotes of one symbol, from a venue's messages into bars: as tapes.py does it with trades.

A plain quote has both sides, is of the newest time or later, has a number above the newest and prices near
the believed one, and belongs to the bar that is in the making, which has both sides already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livetrader_engine.data.quality import (
    SIZE_LIMIT,
    HeldQuote,
    QualityLimits,
    Quarantine,
    QuoteGate,
    VenueClock,
)
from livetrader_engine.symbols import Symbol
from livetrader_plugins.sdk.watched import Watched


class QuoteWatcher(Protocol):
    """Who wants the quotes of a tape."""

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Take a quote that passed the gate."""
        ...


class QuoteTape(Watched[QuoteWatcher]):
    """The quotes of one symbol. Mutable state: its gate, and who wants them."""

    __slots__ = ("clock", "gate")

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        super().__init__()
        self.clock = clock
        self.gate = QuoteGate(symbol, limits, clock, quarantine)

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> bool:
        """Take a quote in; return whether it passed the gate. A side that is zero is not there."""
        gate, clock = self.gate, self.clock
        if not (
            gate.low <= bid <= ask <= gate.high
            and gate.last_ns <= time_ns <= clock.latest_ns
            and number > gate.sequence
            and 0.0 < bid_size <= SIZE_LIMIT
            and 0.0 < ask_size <= SIZE_LIMIT
            and time_ns >= clock.earliest_ns
        ):
            passing = gate.admit(time_ns, number, bid, bid_size, ask, ask_size)
            self._hand_on(passing or ())
            return passing is not None
        gate.last_ns = time_ns
        if time_ns > clock.newest_ns:
            clock.newest_ns = time_ns
        gate.sequence = number
        gate.last = (bid + ask) / 2
        stream = self.stream
        if stream is None:
            for watcher in self._watchers:
                watcher.quote(time_ns, number, bid, bid_size, ask, ask_size)
            return True
        made = stream.quotes
        bids, asks = made.bid, made.ask
        if not (
            bids.close_ns <= time_ns < made.end_ns and asks.close_ns <= time_ns and bids.high and asks.high
        ):
            stream.quote(time_ns, number, bid, bid_size, ask, ask_size)
            return True
        bids.close, bids.close_ns, bids.close_number, bids.size = bid, time_ns, number, bid_size
        asks.close, asks.close_ns, asks.close_number, asks.size = ask, time_ns, number, ask_size
        if bid > bids.high:
            bids.high = bid
        elif bid < bids.low:
            bids.low = bid
        if ask > asks.high:
            asks.high = ask
        elif ask < asks.low:
            asks.low = ask
        return True

    def _hand_on(self, passing: Sequence[HeldQuote]) -> None:
        for time_ns, number, _, bid, bid_size, ask, ask_size in passing:
            for watcher in self._watchers:
                watcher.quote(time_ns, number, bid, bid_size, ask, ask_size)
