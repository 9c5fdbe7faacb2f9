"""Single ticks of a symbol, for whoever subscribed to them."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.data.bars import Tick
from livetrader_engine.data.quality import ALL, FORM_T, OPEN_CLOSE
from livetrader_engine.data.subscription import Subscription


class TickStream:
    """A subscription to single ticks: each that passes the gate is handed on as one, with its own time.

    A trade that may not set a price is `suspicious`, as in the data of the past. Quotes that are older than
    one handed on already are left out, and counted.
    """

    def __init__(self, subscription: Subscription, sink: Callable[[Subscription, Tick], None]) -> None:
        self.subscription = subscription
        self.overtaken = 0
        self._sink = sink
        self._newest = (0, 0)

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> None:
        """Hand a trade on."""
        tick = Tick(self.subscription.symbol, time_ns, price, size)
        tick.suspicious = not updates & (OPEN_CLOSE | FORM_T)
        self._sink(self.subscription, tick)

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Hand a quote on, unless a newer one was."""
        if (time_ns, number) < self._newest:
            self.overtaken += 1
            return
        self._newest = (time_ns, number)
        self._sink(
            self.subscription, Tick(self.subscription.symbol, time_ns, 0.0, 0.0, bid, bid_size, ask, ask_size)
        )
