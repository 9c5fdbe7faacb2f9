"""The history chain: several histories that answer as one.

    finished dates       read from the store, after what it lacks was downloaded from the first that has it
    what nobody keeps    asked directly of the histories that cannot be downloaded from, in their order
    the date in progress asked anew each time and never stored: it would look complete later

A history that fails is passed over and that is reported. Nothing is silently short: where dates are lacking
and somebody could not be asked, the answer is an error; where everybody says there is nothing, it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import chain

import msgspec

from livetrader.histories.announcing import Announcements
from livetrader.histories.asking import Asker, raise_if_unanswered
from livetrader.histories.filling import Filler, Lacking, Progress
from livetrader.histories.reference import ChainReference
from livetrader.histories.sources import Source, Store
from livetrader.histories.spans import bounds_ns, needed_dates
from livetrader_engine.calendar.hours import ExchangeHours, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import Announcement, DataStore, DateSpan, DownloadRequest, Served
from livetrader_engine.symbols import Symbol
from livetrader_engine.synchronizer import batches_of


class HistoryChain:
    """Histories in order, the store among them, as one. Thread-safe; every question blocks."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[Source],
        now_ns: Callable[[], int],
        report: Callable[..., None],
    ) -> None:
        """`sources` in order of preference, the store among them; `now_ns` is the wall clock."""
        self._store = store
        self._sources = tuple(sources)
        self._others = tuple(source for source in self._sources if source.name != store.name)
        first = self._sources[: [source.name for source in self._sources].index(store.name)]
        self._asker = Asker(self._others, first, report)
        self._now_ns = now_ns
        self._report = report
        self._filler = Filler(store, self._others, report)
        self._announcements = Announcements(store, self._others, self._filler, report)
        references = [source.plugin.reference for source in self._sources]
        self._reference = ChainReference(store.plugin.reference, references, self._announced)

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins in order of preference, the store among them."""
        return tuple(source.name for source in self._sources)

    @property
    def asks_vendors(self) -> bool:
        """Whether anybody but the folder is asked; it alone never learns of what happens today."""
        return bool(self._others)

    @property
    def store(self) -> DataStore:
        """Where what was downloaded is kept."""
        return self._store.data

    @property
    def reference(self) -> ChainReference:
        """Symbols, hours and properties: the store's, and what only others know."""
        return self._reference

    def served(self, symbol: Symbol | None = None) -> Sequence[Served]:
        """Return who brought what is stored, newest first."""
        return self._store.data.served(symbol)

    def close(self) -> None:
        """End the connections of those histories that have some; idempotent."""
        for source in self._sources:
            close = getattr(source.plugin, "close", None)
            if close is not None:
                close()

    # ---- past data

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        return chain.from_iterable(self.batches(request))

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the points whose end time lies in (start_ns, end_ns], ascending, without fill-forward.

        Nothing is asked before the first `next`; then everything is downloaded before the first point comes.
        Raises VenueError where data are lacking and a history that may have them did not answer, DataError
        where a file cannot be read or written.
        """
        if not self._others:
            return batches_of(self._store.plugin, request)
        return self._batches(request)

    def stored(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield what `batches` would, of what is on this machine: nobody is asked."""
        return batches_of(self._store.plugin, request)

    def fill(self, request: DownloadRequest, progress: Progress | None = None) -> tuple[Lacking, ...]:
        """Download what the store lacks of a request; return what is lacking still, and why.

        Splits and dividends of an equity come with it. Raises VenueError where those cannot be had now.
        """
        lacking = self._filler.fill(request, progress)
        self._announcements.reach(request.symbol, request.dates, self.today(request.symbol))
        return lacking

    def lacks(self, request: DownloadRequest) -> Sequence[DateSpan]:
        """Return the dates that would be downloaded, ascending."""
        return self._store.data.gaps(request)

    def today(self, symbol: Symbol) -> date:
        """Return the date in progress in the time zone of a symbol's data. Raises DataError without hours."""
        return utc_ns_to_local(self._now_ns(), self.reference.hours(symbol).data_timezone).date()

    def announced(self, symbol: Symbol, dates: DateSpan) -> tuple[Announcement, ...]:
        """Ask now for what is announced for these dates, which may lie ahead. Raises VenueError."""
        return self._announcements.ahead(symbol, dates)

    def _batches(self, request: HistoryRequest) -> Iterator[Batch]:
        end_ns = min(request.end_ns, self._now_ns())
        if request.start_ns >= end_ns:
            return
        request = msgspec.structs.replace(request, end_ns=end_ns)
        hours = self.reference.hours(request.subscription.symbol)
        answered = self._asker.preferred(request)
        if answered is not None:
            yield from batched(answered)
            return
        needed = needed_dates(request.start_ns, end_ns, self._now_ns(), hours)
        if needed.over is not None and not self._has_place(request, needed.over):
            yield from self._unkept(request)
            return
        lacking: tuple[Lacking, ...] = ()
        if needed.over is not None:
            lacking = self._filled(request, needed.over)
        if lacking and self._asker.asks_directly:
            yield from self._mended(request, lacking, hours)
        else:
            raise_if_unanswered(request, lacking)
            yield from batches_of(self._store.plugin, request)
        if needed.in_progress is not None:
            yield from self._asker.in_progress(request, needed.in_progress, hours)

    # ---- what the store has no place for

    def _has_place(self, request: HistoryRequest, dates: DateSpan) -> bool:
        try:
            self._store.data.gaps(_download_of(request, dates))
        except DataError:
            return False
        except OSError:
            return True  # filling says what is wrong with the disk
        return True

    def _unkept(self, request: HistoryRequest) -> Iterator[Batch]:
        """Ask everybody but the store, in their order; where nobody has any, the store has its say."""
        points = self._asker.anybody(request)
        return batches_of(self._store.plugin, request) if points is None else batched(points)

    # ---- dates that are over

    def _filled(self, request: HistoryRequest, dates: DateSpan) -> tuple[Lacking, ...]:
        """Download what is lacking of these dates; return what nobody could bring."""
        subscription = request.subscription
        symbol = subscription.symbol
        lacking = self._filler.fill(_download_of(request, dates))
        if not any(gap.again for gap in lacking):
            self._announcements.reach(symbol, dates, self.today(symbol))
        return lacking

    def _mended(
        self, request: HistoryRequest, lacking: Sequence[Lacking], hours: ExchangeHours
    ) -> Iterator[Batch]:
        """Yield what is stored, and in its gaps what can only be asked directly."""
        at_ns = request.start_ns
        for gap in lacking:
            first_ns, last_ns = bounds_ns(gap.dates, hours)
            first_ns, last_ns = max(first_ns, at_ns), min(last_ns, request.end_ns)
            if first_ns > at_ns:
                before = msgspec.structs.replace(request, start_ns=at_ns, end_ns=first_ns)
                yield from batches_of(self._store.plugin, before)
            if last_ns > first_ns:
                part = msgspec.structs.replace(request, start_ns=first_ns, end_ns=last_ns)
                yield from batched(self._asker.directly(part, gap))
                at_ns = last_ns
        if at_ns < request.end_ns:
            rest = msgspec.structs.replace(request, start_ns=at_ns)
            yield from batches_of(self._store.plugin, rest)

    # ---- splits and dividends

    def _announced(self, symbol: Symbol, dates: DateSpan) -> None:
        """Have announcements stored before somebody looks at them; what cannot be had is reported."""
        try:
            self._announcements.reach(symbol, dates, self.today(symbol))
        except VenueError as error:
            self._report("announcements_failed", level="warning", symbol=symbol.value, problem=str(error))


def _download_of(request: HistoryRequest, dates: DateSpan) -> DownloadRequest:
    subscription = request.subscription
    return DownloadRequest(subscription.symbol, subscription.resolution, subscription.tick_type, dates)
