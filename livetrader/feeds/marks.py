"""Which symbols are stale, and why: what the gateway asks with every order."""

from __future__ import annotations

from livetrader.feeds.board import Stream
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Symbol


class Marks:
    """The stale marks. Owned by the care; a symbol is stale while any stream of it is."""

    def __init__(self) -> None:
        self._why: dict[Symbol, dict[Subscription, str]] = {}
        self.since_ns: dict[Subscription, int] = {}

    def __len__(self) -> int:
        return len(self._why)

    def why(self, symbol: Symbol) -> str:
        """Return why a symbol is stale, empty where it is not."""
        reasons = self._why.get(symbol)
        return "" if reasons is None else next(iter(reasons.values()))

    def set(self, stream: Stream, reason: str, now_ns: int) -> None:
        """Mark a stream; its reason may change while it is marked."""
        stream.is_stale = True
        self.since_ns.setdefault(stream.subscription, now_ns)
        self._why.setdefault(stream.subscription.symbol, {})[stream.subscription] = reason

    def clear(self, stream: Stream) -> None:
        """Take a stream's mark back; harmless where it has none."""
        if not stream.is_stale:
            return
        stream.is_stale = False
        self.since_ns.pop(stream.subscription, None)
        reasons = self._why.get(stream.subscription.symbol, {})
        reasons.pop(stream.subscription, None)
        if not reasons:
            self._why.pop(stream.subscription.symbol, None)
