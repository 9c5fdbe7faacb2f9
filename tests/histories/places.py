"""Histories of other places, each with daily and minute bars of its own and troubles on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from livetrader.histories.chain import HistoryChain
from livetrader.histories.sources import Source, Store
from livetrader_engine.calendar.hours import local_to_utc_ns
from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    Announcement,
    DateSpan,
    DownloadCapabilities,
    DownloadRequest,
)
from livetrader_engine.symbols import (
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
    Symbol,
)
from livetrader_plugins.lean_data.reference import LeanReference
from tests.unit.plugins.lean_data.stores import store

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)  # Monday, 11:00 in New York
OPENS_NS = 570 * NS_PER_MINUTE
DAY = timedelta(days=1)


class Direct:
    """A history that can only be asked: every bar closes at `price`."""

    def __init__(self, name: str, reference: LeanReference, price: float = 10.0) -> None:
        self.name = name
        self.reference = reference
        self.price = price
        self.asked: list[tuple[date, date]] = []
        self.trouble: Exception | None = None

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield what lies in the span."""
        first, last = (
            datetime.fromtimestamp(each / NS_PER_SECOND, ZONE).date()
            for each in (request.start_ns, request.end_ns)
        )
        self.asked.append((first, last))
        if self.trouble is not None:
            raise self.trouble
        subscription = request.subscription
        for bar in self.bars(subscription.symbol, subscription.resolution, DateSpan(first, last)):
            if request.start_ns < bar.end_time_ns <= request.end_ns:
                yield bar

    def bars(self, symbol: Symbol, resolution: Resolution, dates: DateSpan) -> Iterator[TradeBar]:
        """Yield a bar of each weekday, or ten minutes of it."""
        day = dates.first
        while day <= dates.last:
            if day.weekday() < 5:
                midnight_ns = local_to_utc_ns(day, 0, ZONE)
                if resolution is Resolution.DAILY:
                    spans = [(midnight_ns, midnight_ns + NS_PER_DAY)]
                else:
                    opens_ns = midnight_ns + OPENS_NS
                    starts = [opens_ns + at * NS_PER_MINUTE for at in range(10)]
                    spans = [(at, at + NS_PER_MINUTE) for at in starts]
                for low_ns, high_ns in spans:
                    if high_ns <= NOW.timestamp() * NS_PER_SECOND:
                        yield TradeBar(symbol, low_ns, high_ns, *(self.price,) * 4, 100.0)
            day += DAY


class Downloadable(Direct):
    """A history that can be downloaded from; `breaks_after` so many points it fails with `trouble`."""

    downloads = DownloadCapabilities(
        frozenset({SecurityType.EQUITY}),
        frozenset({Resolution.MINUTE, Resolution.DAILY}),
        frozenset({TickType.TRADE}),
        announces=True,
    )

    def __init__(self, name: str, reference: LeanReference, price: float = 10.0) -> None:
        super().__init__(name, reference, price)
        self.downloaded: list[tuple[Resolution, date, date]] = []
        self.announced: list[tuple[date, date]] = []
        self.news: list[Announcement] = []
        self.breaks_after = 0

    def download(self, request: DownloadRequest) -> Iterator[MarketPoint]:
        """Yield whole dates."""
        self.downloaded.append((request.resolution, *request.dates))
        for number, bar in enumerate(self.bars(request.symbol, request.resolution, request.dates)):
            if self.trouble is not None and number >= self.breaks_after:
                raise self.trouble
            yield bar
        if self.trouble is not None:
            raise self.trouble

    def announcements(self, symbol: Symbol, dates: DateSpan) -> Sequence[Announcement]:
        """Return the news of these dates."""
        self.announced.append((dates.first, dates.last))
        if self.trouble is not None:
            raise self.trouble
        return [each for each in self.news if dates.first <= each.ex_date <= dates.last]


class Bench:
    """A chain over an empty folder, and what it reported."""

    def __init__(self, folder: Path, *kinds: type[Direct], store_last: bool = False) -> None:
        self.told: list[str] = []
        self.now = NOW
        self.lean = store(folder, NOW, self.told)
        self.reference = self.lean.reference
        self.spy = self.reference.symbol("SPY", SecurityType.EQUITY, "usa")
        self.places = [
            kind(f"place{number}", self.reference, 10.0 + number) for number, kind in enumerate(kinds)
        ]
        others = [Source(place.name, place) for place in self.places]  # type: ignore[arg-type]  # no Config needed
        own = Source("lean_data", self.lean)
        self.chain = HistoryChain(
            Store("lean_data", self.lean, self.lean),
            [*others, own] if store_last else [own, *others],
            lambda: int(self.now.timestamp()) * NS_PER_SECOND,
            lambda action, **fields: self.told.append(action),
        )

    def ask(
        self, resolution: Resolution, first: date, last: date, how: Normalization = Normalization.RAW
    ) -> list[TradeBar]:
        """Return the bars of these dates, the last included."""
        stream = Subscription(self.spy, resolution, fill_forward=False, normalization=how)
        span = local_to_utc_ns(first, 0, ZONE), local_to_utc_ns(last, NS_PER_DAY, ZONE)
        return [bar for bar in self.chain.history(HistoryRequest(stream, *span)) if isinstance(bar, TradeBar)]

    def dividend(self, day: date, amount: str) -> AnnouncedDividend:
        """Return a dividend."""
        return AnnouncedDividend(self.spy, day, Decimal(amount))
