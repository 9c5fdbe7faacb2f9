"""Reads the tape for the keys that are told everything with the same delay."""

from __future__ import annotations

from collections import deque

from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.tape import MINUTE_NS, Tick


class Teller:
    """Owns how far it has read and told. It reads a minute at a time, and only what somebody wants."""

    def __init__(self, market: Market, delay_ns: int) -> None:
        self._market = market
        self.delay_ns = delay_ns
        self._wanted: set[str] | None = set()
        self._told_ns = 0  # everything before was told
        self._read_ns = 0  # everything before was read from the market
        self._ticks: deque[Tick] = deque()

    def want(self, tickers: set[str] | None) -> None:
        """Read only these tickers from now on; None for all."""
        if tickers != self._wanted:
            self._wanted = tickers
            self.forget()

    def forget(self) -> None:
        """Read anew what was not told yet: the market has changed."""
        self._ticks.clear()
        self._read_ns = self._told_ns

    def move_to(self, now_ns: int) -> None:
        """Note that all ticks up to now were told."""
        self._told_ns = max(self._told_ns, now_ns - self.delay_ns + 1)
        self._read_ns = max(self._read_ns, self._told_ns)

    def fill(self, now_ns: int) -> None:
        """Read on until a tick is known or nothing is left that is due."""
        if self._wanted is not None and not self._wanted:
            return
        while not self._ticks and self._read_ns <= now_ns - self.delay_ns:
            end_ns = self._read_ns - self._read_ns % MINUTE_NS + MINUTE_NS
            self._ticks.extend(self._market.stream(self._read_ns, end_ns, self._wanted))
            self._read_ns = end_ns

    def due_ns(self) -> int | None:
        """Return when the next tick is told, or is to be read; None where nobody wants any."""
        if self._wanted is not None and not self._wanted:
            return None
        return (self._ticks[0].told_ns if self._ticks else self._read_ns) + self.delay_ns

    def take(self) -> Tick | None:
        """Return the next tick, where it is known."""
        if not self._ticks:
            return None
        tick = self._ticks.popleft()
        self._told_ns = max(self._told_ns, tick.told_ns)
        return tick
