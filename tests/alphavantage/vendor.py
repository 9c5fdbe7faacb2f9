"""An Alpha Vantage history at a peer that runs on a thread of its own, with one clock for both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType
from livetrader_plugins.alphavantage.config import AlphaVantageConfig
from livetrader_plugins.alphavantage.history import AlphaVantageHistory
from livetrader_plugins.sdk.new_york import NewYorkReference
from livetrader_venues.alphavantage.keys import Key
from livetrader_venues.alphavantage.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Dividend, Security, Split
from livetrader_venues.web.faults import Fault
from livetrader_venues.web.threads import Threaded
from tests.rest.server import Desk

REFERENCE = NewYorkReference(None, "tested")
MARKET = Market.generated(  # made once: its ticks are remembered
    [
        Security("IBM", price=280.0, trades=0.7, quotes=0.0, listed=date(2025, 5, 19)),
        Security("BRK.B", price=480.0, trades=0.5, quotes=0.0, listed=date(2025, 6, 2)),
        Security(
            "SPLT", trades=0.5, quotes=0.0, listed=date(2025, 6, 2),
            splits=(
                Split(date(2025, 6, 17), 2, 3), Split(date(2025, 6, 18), 3, 1), Split(date(2025, 7, 1), 1, 2),
            ),
            dividends=(Dividend(date(2025, 6, 13), 0.75),),
        ),
    ],
    seed=11,
)  # fmt: skip
_keys = itertools.count()


class Vendor:
    """The peer, the history that asks it, and the clock of both. Waiting lets the clock go on."""

    def __init__(
        self, served: Threaded[Peer], clock: ManualClock, history: AlphaVantageHistory, desk: Desk
    ) -> None:
        self.served = served
        self.clock = clock
        self.history = history
        self.reports = desk.reports

    @property
    def asked(self) -> Sequence[str]:
        """What was asked, in order."""
        return self.served.peer.log

    def break_with(self, fault: Fault) -> None:
        """Let something go wrong."""
        self.served.do(lambda peer: peer.faults.add(fault))

    def download(
        self, ticker: str, resolution: Resolution, first: date, last: date | None = None
    ) -> list[MarketPoint]:
        """Return whole dates."""
        symbol = REFERENCE.symbol(ticker, SecurityType.EQUITY, "usa")
        dates = DateSpan(first, last or first)
        return list(self.history.download(DownloadRequest(symbol, resolution, TickType.TRADE, dates)))


@contextmanager
def vendor(
    directory: Path, *, now: str = "2025-06-20 22:00", plan: dict[str, Any] | None = None, **options: Any
) -> Iterator[Vendor]:
    """Run a peer and a history at it; `plan` is that of the key."""
    clock = ManualClock(new_york(now))
    limits = {"per_minute": 0, "per_day": 0, **(plan or {})}
    key = Key(f"vendor-key-{next(_keys)}", **limits)
    with Threaded(lambda: Peer(MARKET, clock=clock, keys=(key,))) as served:
        desk = Desk(directory, monotonic_s=lambda: clock() / NS_PER_SECOND, now_ns=clock)
        defaults = {"api_key": key.name, "requests_per_minute": 0, "requests_per_day": 0, "attempts": 3}
        config = AlphaVantageConfig(url=served.peer.url, **{**defaults, **options})
        history = AlphaVantageHistory(config, desk.context, wait=clock.move)
        try:
            yield Vendor(served, clock, history, desk)
        finally:
            history.close()
