"""A feed at a peer whose clock the test moves: script the market, wait for what comes, look at the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, Symbol
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr import requests
from livetrader_plugins.ibkr.feed import IbkrFeed
from livetrader_plugins.ibkr.intake import Intake
from livetrader_venues.tws.settings import Settings
from tests.feed_desk import FeedDesk, unfilled
from tests.ibkr.wires import equity
from tests.venues.peers import START_NS, Peer, running

LIBRARIES = ("ib_insync", "ib_async")
SPY = equity("SPY")
AAPL = equity("AAPL")


def stream(symbol: Symbol = SPY, resolution: Resolution = Resolution.MINUTE, **said: Any) -> Subscription:
    """Return a subscription that does not fill forward, so that every bar is made of data."""
    return unfilled(symbol, resolution, **said)


class Desk(FeedDesk[Peer, IbkrFeed]):
    """A feed at a simulated TWS."""

    @property
    def intake(self) -> Intake:
        assert self.feed._intake is not None
        return self.feed._intake

    async def settle(self) -> None:
        """Return when everything that the peer has written is read.

        It costs a message, of which a session may send some twenty a second; so the clock goes on for it.
        """
        self.skew_s += 0.1
        await self.intake.session.request(requests.CURRENT_TIME)

    async def at(self, seconds: float) -> None:
        """Move the clock to so many seconds after the peer's start, and let everybody see it."""
        self.peer.move(START_NS / NS_PER_SECOND + seconds - self.peer.clock.now_ns / NS_PER_SECOND)
        await self.settle()

    async def quote(self, last: str, bid: str = "", ask: str = "", symbol: str = "SPY", **said: Any) -> None:
        """Let the market quote, and trade a hundred at `last`."""
        bid, ask = bid or f"{float(last) - 0.01:.2f}", ask or f"{float(last) + 0.01:.2f}"
        self.peer.do("quote", symbol=symbol, bid=bid, ask=ask, last=last, **said)
        await self.settle()

    def at_peer(self) -> dict[str, list[str]]:
        """Return what the peer delivers to clients now: symbols by kind of stream."""
        found: dict[str, list[str]] = defaultdict(list)
        for session in self.peer.gateway.board.sessions():
            found["quotes"] += [contract.symbol for contract in session.quotes.values()]
            found["bars"] += [each.contract.symbol for each in session.bars.values()]
            found["ticks"] += [contract.symbol for contract, _ in session.ticks.values()]
        return {kind: sorted(symbols) for kind, symbols in found.items() if symbols}


@asynccontextmanager
async def feeding(
    directory: Path, client: str, settings: Settings | None = None, reference: Any = None, **options: Any
) -> AsyncIterator[Desk]:
    """Run a peer and a feed that is connected to it, on one clock. The library has to be imported before."""
    async with running(settings) as peer, PluginHost("ibkr", directory, reference=reference) as host:
        skews: list[Desk] = []
        context = msgspec.structs.replace(
            host.context,
            now_ns=lambda: peer.clock.now_ns,
            monotonic_s=lambda: host.context.monotonic_s() + sum(each.skew_s for each in skews),
        )
        config = IbkrFeed.Config(port=peer.port, library=client, **options)  # type: ignore[arg-type]
        feed = IbkrFeed(config, context)
        assert await feed.connect() >= START_NS
        desk = Desk(peer, feed, host)
        skews.append(desk)
        desk.read()
        try:
            yield desk
        finally:
            await feed.close()


def minutes(trades: Iterable[tuple[float, str]], length_s: int = 60) -> list[tuple[float, ...]]:
    """Make bars of (seconds after the start, price), a hundred shares each, as one does by hand."""
    groups: dict[int, list[float]] = defaultdict(list)
    for seconds, price in trades:
        groups[int(seconds // length_s)].append(float(price))
    return [
        (number * length_s, group[0], max(group), min(group), group[-1], 100.0 * len(group))
        for number, group in sorted(groups.items())
    ]


def shown(bars: Iterable[TradeBar], length_s: int = 60) -> list[tuple[float, ...]]:
    """Return bars in the form of `minutes`."""
    made = []
    for bar in bars:
        assert bar.end_time_ns - bar.time_ns == length_s * NS_PER_SECOND
        start_s = (bar.time_ns - START_NS) / NS_PER_SECOND
        made.append((start_s, bar.open, bar.high, bar.low, bar.close, bar.volume))
    return made
