"""A history at a peer that runs in a thread of its own, since the history is asked synchronously."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, Symbol
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr.history import IbkrHistory
from livetrader_plugins.ibkr.pacing import HistoryLimits
from livetrader_venues.tws import history as oracle
from livetrader_venues.tws.settings import Settings
from tests.ibkr.wires import equity
from tests.venues.peers import START_NS, Peer, library, running

SPY = equity("SPY")
UNHURRIED = HistoryLimits(per_window=0, identical_s=0.0, same_contract=1_000)  # for tests of something else
DAY_S = 86_400


class PeerThread:
    """A peer on a loop in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="peer")

    def __enter__(self) -> PeerThread:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *caught: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with running(self._settings) as self.peer:
            self._ready.set()
            await self._stop.wait()

    def call(self, work: Callable[[Peer], object]) -> None:
        """Do something with the peer, on its loop."""
        asyncio.run_coroutine_threadsafe(self._call(work), self._loop).result(5)

    async def _call(self, work: Callable[[Peer], object]) -> None:
        work(self.peer)

    def do(self, action: str, **keywords: object) -> None:
        """Play one action of a script."""
        self.call(lambda peer: peer.do(action, **keywords))


class Shelf:
    """One history and its peer. `skew_s` moves the clock that durations are measured with."""

    def __init__(self, peer: PeerThread, directory: Path, limits: HistoryLimits, **options: Any) -> None:
        self.peer = peer
        self.skew_s = 0.0
        self.host = PluginHost("ibkr", directory)
        self.on_report: Callable[[str], None] = lambda action: None
        context = msgspec.structs.replace(
            self.host.context,
            now_ns=lambda: peer.peer.clock.now_ns,
            monotonic_s=lambda: self.host.context.monotonic_s() + self.skew_s,
            report=self._report,
        )
        self.context = context
        self.plugin = IbkrHistory(IbkrHistory.Config(port=peer.peer.port, **options), context, limits)

    def _report(self, action: str, **fields: object) -> None:
        self.host.context.report(action, **fields)
        self.on_report(action)

    def read(self, request: HistoryRequest) -> list[MarketPoint]:
        return list(self.plugin.history(request))


@contextmanager
def shelf(
    directory: Path,
    client: str,
    settings: Settings | None = None,
    limits: HistoryLimits = UNHURRIED,
    **options: Any,
) -> Iterator[Shelf]:
    """Run a peer and a history over one library."""
    library(client)
    made = settings or Settings(messages_per_second=0, histories_per_10_minutes=0)
    with PeerThread(made) as peer:
        found = Shelf(peer, directory, limits, library=client, **options)
        try:
            yield found
        finally:
            found.plugin.close()


def request(
    start_s: float,
    end_s: float,
    resolution: Resolution = Resolution.MINUTE,
    kind: TickType = TickType.TRADE,
    how: Normalization = Normalization.SPLIT_ADJUSTED,
    symbol: Symbol = SPY,
    **said: Any,
) -> HistoryRequest:
    """Return a request; times are seconds after the peer's start, before it with a minus."""
    stream = Subscription(symbol, resolution, kind, normalization=how, **said)
    return HistoryRequest(
        stream, START_NS + int(start_s * NS_PER_SECOND), START_NS + int(end_s * NS_PER_SECOND)
    )


def bars_of_peer(peer: PeerThread, start_s: float, end_s: float, size_s: int) -> list[tuple[float, ...]]:
    """Return what the peer has of SPY: starts in (start, end], as seconds after its start, and prices."""
    (contract,) = [
        each
        for each in peer.peer.gateway.exchange.catalogue
        if each.symbol == "SPY" and each.security_type == "STK"
    ]
    end_ns = START_NS + int(end_s * NS_PER_SECOND)
    made = oracle.bars(contract, end_ns, int((end_s - start_s) * NS_PER_SECOND), size_s * NS_PER_SECOND, 1)
    return [
        (
            (each.start_ns - START_NS) / NS_PER_SECOND, float(each.open), float(each.high), float(each.low),
            float(each.close), float(each.volume),
        )
        for each in made
    ]  # fmt: skip


def shown(points: list[MarketPoint]) -> list[tuple[float, ...]]:
    """Return trade bars in the form of `bars_of_peer`."""
    found = []
    for bar in points:
        assert isinstance(bar, TradeBar)
        start_s = (bar.time_ns - START_NS) / NS_PER_SECOND
        found.append((start_s, bar.open, bar.high, bar.low, bar.close, bar.volume))
    return found


def closes(points: list[MarketPoint]) -> list[float]:
    """Return the closes of trade bars, the mids of quote bars."""
    assert all(isinstance(point, TradeBar | QuoteBar) for point in points)
    return [point.value for point in points]
