"""A Polygon history at a peer that runs on a thread of its own, with one clock for both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, Symbol
from livetrader_plugins.polygon.config import PolygonHistoryConfig
from livetrader_plugins.polygon.history import PolygonHistory
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Security, stocks
from livetrader_venues.stockmarket.tape import Bar
from livetrader_venues.web.faults import Fault
from livetrader_venues.web.threads import Threaded
from tests.rest.server import Desk

AAPL = symbol_of("AAPL")
MONDAY = date(2025, 6, 16)
MARKET = Market.generated(stocks(3, trades=4.0), seed=11)  # made once: its ticks are remembered
_keys = itertools.count()  # a key of its own for each peer: the pace of a key is shared in a process


class Vendor:
    """The peer, the history that asks it, and the clock of both. Waiting lets the clock go on."""

    def __init__(
        self, served: Threaded[Peer], clock: ManualClock, history: PolygonHistory, desk: Desk
    ) -> None:
        self.served = served
        self.market = served.peer.market
        self.clock = clock
        self.history = history
        self.reports = desk.reports

    def break_with(self, *faults: Fault) -> None:
        """Let something go wrong."""
        for fault in faults:
            self.served.do(lambda peer, fault=fault: peer.faults.add(fault))  # type: ignore[misc]

    @property
    def asked(self) -> list[str]:
        """The paths of the requests, in order."""
        return [line.removeprefix("GET ") for line in self.served.peer.log]

    def download(
        self, symbol: Symbol, resolution: Resolution, first: date, last: date | None = None,
        tick_type: TickType = TickType.TRADE,
    ) -> list[MarketPoint]:  # fmt: skip
        """Return whole dates."""
        dates = DateSpan(first, last or first)
        return list(self.history.download(DownloadRequest(symbol, resolution, tick_type, dates)))

    def ask(
        self, symbol: Symbol, resolution: Resolution, start: str, end: str, **flags: Any
    ) -> list[MarketPoint]:
        """Return the raw history of a span of New York's time."""
        return list(self.history.history(wish(symbol, resolution, start, end, **flags)))


def wish(symbol: Symbol, resolution: Resolution, start: str, end: str, **flags: Any) -> HistoryRequest:
    """Return a request, raw unless told otherwise."""
    flags = {"normalization": Normalization.RAW, "fill_forward": False, **flags}
    return HistoryRequest(Subscription(symbol, resolution, **flags), new_york(start), new_york(end))


@contextmanager
def vendor(
    directory: Path,
    securities: Sequence[Security] | None = None,
    *,
    now: str = "2025-06-20 12:00",
    access: dict[str, Any] | None = None,
    market: Market | None = None,
    **options: Any,
) -> Iterator[Vendor]:
    """Run a peer of these securities and a history at it; `access` is the plan of the key."""
    clock = ManualClock(new_york(now))
    if market is None:
        market = MARKET if securities is None else Market.generated(securities, seed=11)
    key = f"vendor-key-{next(_keys)}"
    plan = Access(key, **(access or {}))
    with Threaded(lambda: Peer(market, clock=clock, access=(plan,))) as served:
        desk = Desk(directory, monotonic_s=lambda: clock() / NS_PER_SECOND, now_ns=clock)
        defaults = {"read_timeout_s": 10.0, "attempts": 3}
        config = PolygonHistoryConfig(url=served.peer.url, **{"api_key": key, **defaults, **options})
        history = PolygonHistory(config, desk.context, wait=clock.move)
        try:
            yield Vendor(served, clock, history, desk)
        finally:
            history.close()


Made = tuple[int, float, float, float, float, float]


def plain(points: Sequence[MarketPoint | Bar]) -> list[Made]:
    """Return bars as numbers: start, open, high, low, close, volume."""
    return [
        (getattr(bar, "start_ns", None) or bar.time_ns, bar.open, bar.high, bar.low, bar.close, bar.volume)  # type: ignore[union-attr]
        for bar in points
    ]


def bars(points: Sequence[MarketPoint]) -> list[TradeBar]:
    """Return points that have to be bars of trades."""
    found = [point for point in points if isinstance(point, TradeBar)]
    assert len(found) == len(points)
    return found
