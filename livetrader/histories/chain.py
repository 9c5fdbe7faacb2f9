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

from livetrader.histories.announcing import Announcer
from livetrader.histories.filling import Filler, Lacking, Progress, points_of
from livetrader.histories.reference import ChainReference
from livetrader.histories.sources import Source, Store
from livetrader.histories.spans import bounds_ns, needed_dates
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import Announcement, DataStore, DateSpan, DownloadRequest, Served
from livetrader_engine.symbols import Resolution, Symbol
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
        self._first = self._sources[: [source.name for source in self._sources].index(store.name)]
        self._now_ns = now_ns
        self._report = report
        self._filler = Filler(store, self._others, report)
        self._announcer = Announcer(store, self._others, self._filler, report)
        references = [source.plugin.reference for source in self._sources]
        self._reference = ChainReference(store.plugin.reference, references, self._announced)

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins in order of preference, the store among them."""
        return tuple(source.name for source in self._sources)

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
        self._announcer.reach(request.symbol, request.dates, self._today(request.symbol))
        return lacking

    def lacks(self, request: DownloadRequest) -> Sequence[DateSpan]:
        """Return the dates that would be downloaded, ascending."""
        return self._store.data.gaps(request)

    def refresh_announcements(self, symbol: Symbol) -> None:
        """Ask now for splits and dividends announced since the newest stored. Raises VenueError."""
        self._announcer.ask(symbol, self._today(symbol))

    def announced(self, symbol: Symbol, dates: DateSpan) -> tuple[Announcement, ...]:
        """Ask now for what is announced for these dates, which may lie ahead. Raises VenueError."""
        return self._announcer.ahead(symbol, dates)

    def _batches(self, request: HistoryRequest) -> Iterator[Batch]:
        end_ns = min(request.end_ns, self._now_ns())
        if request.start_ns >= end_ns:
            return
        request = msgspec.structs.replace(request, end_ns=end_ns)
        hours = self.reference.hours(request.subscription.symbol)
        answered = self._asked_first(request)
        if answered is not None:
            yield from batched(answered)
            return
        needed = needed_dates(request.start_ns, end_ns, self._now_ns(), hours)
        if needed.over is not None and not self._has_place(request, needed.over):
            yield from self._unstored(request)
            return
        lacking: tuple[Lacking, ...] = ()
        if needed.over is not None:
            lacking = self._filled(request, needed.over)
        if lacking and self._asks_directly:
            yield from self._mended(request, lacking, hours)
        else:
            _raise_if_unanswered(request, lacking)
            yield from batches_of(self._store.plugin, request)
        if needed.in_progress is not None:
            yield from self._in_progress(request, needed.in_progress, hours)

    # ---- what the store has no place for

    def _has_place(self, request: HistoryRequest, dates: DateSpan) -> bool:
        try:
            self._store.data.gaps(_download_of(request, dates))
        except DataError:
            return False
        return True

    def _unstored(self, request: HistoryRequest) -> Iterator[Batch]:
        """Ask everybody but the store, in their order; where nobody has any, the store has its say."""
        trouble: list[Exception] = []
        for source in self._others:
            points = self._asked(source, request, trouble)
            if points is not None:
                yield from batched(points)
                return
        _raise_worst([error for error in trouble if isinstance(error, VenueError)])
        yield from batches_of(self._store.plugin, request)

    # ---- dates that are over

    def _filled(self, request: HistoryRequest, dates: DateSpan) -> tuple[Lacking, ...]:
        """Download what is lacking of these dates; return what nobody could bring."""
        subscription = request.subscription
        symbol = subscription.symbol
        lacking = self._filler.fill(_download_of(request, dates))
        if not any(gap.again for gap in lacking):
            self._announcer.reach(symbol, dates, self._today(symbol))
        return lacking

    @property
    def _asks_directly(self) -> bool:
        return any(source.downloader is None for source in self._others)

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
                yield from batched(self._directly(part, gap))
                at_ns = last_ns
        if at_ns < request.end_ns:
            rest = msgspec.structs.replace(request, start_ns=at_ns)
            yield from batches_of(self._store.plugin, rest)

    def _asked_first(self, request: HistoryRequest) -> list[MarketPoint] | None:
        """Return the answer of a history that is preferred to the store; None where there is none."""
        for source in self._first:
            if source.downloader is None:
                points = self._asked(source, request, [])
                if points is not None:
                    return points
        return None

    def _directly(self, request: HistoryRequest, gap: Lacking) -> list[MarketPoint]:
        trouble: list[Exception] = []
        for source in self._others:
            if source.downloader is None:
                points = self._asked(source, request, trouble)
                if points is not None:
                    return points
        _raise_if_unanswered(request, (gap,))
        _raise_worst(trouble)
        return []

    def _asked(
        self, source: Source, request: HistoryRequest, trouble: list[Exception]
    ) -> list[MarketPoint] | None:
        """Return the whole answer of one history, None where it has none; what it says goes to `trouble`."""
        try:
            return list(source.plugin.history(request))
        except (DataError, VenueError) as error:
            trouble.append(error)
            symbol = request.subscription.symbol.value
            self._report(
                "history_failed", level="warning", history=source.name, symbol=symbol, problem=str(error)
            )
            return None

    # ---- the date in progress

    def _in_progress(self, request: HistoryRequest, day: date, hours: ExchangeHours) -> Iterator[Batch]:
        """Yield what there is of a date that is not over: the newest factor is one, so raw prices do."""
        subscription = request.subscription
        span = DateSpan(day, day)
        start_ns = max(request.start_ns, bounds_ns(span, hours)[0])
        if subscription.resolution is Resolution.DAILY and subscription.precise_daily is False:
            return  # its bar is not over before the date is
        part = msgspec.structs.replace(request, start_ns=start_ns)
        trouble: list[Exception] = []
        for source in self._others:
            points = self._today_of(source, part, span, trouble)
            if points is not None:
                extended = subscription.extended_market_hours
                open_only = while_open(batched(points), hours, extended)
                yield from ending_within(open_only, start_ns, request.end_ns)
                return
        _raise_worst(trouble)

    def _today_of(
        self, source: Source, request: HistoryRequest, day: DateSpan, trouble: list[Exception]
    ) -> list[MarketPoint] | None:
        subscription = request.subscription
        kind = (subscription.symbol, subscription.resolution, subscription.tick_type)
        if source.downloader is None:
            return self._asked(source, request, trouble)
        if not source.downloads(*kind):
            return None
        if subscription.resolution is Resolution.DAILY:
            return []  # a downloaded daily bar lasts to midnight
        try:
            return list(points_of(source.downloader, DownloadRequest(*kind, day)))
        except (DataError, VenueError) as error:
            if isinstance(error, VenueError):
                trouble.append(error)  # what somebody does not have is no trouble: that is said once
            symbol = subscription.symbol.value
            self._report(
                "history_failed", level="warning", history=source.name, symbol=symbol, problem=str(error)
            )
            return None

    # ---- splits and dividends

    def _announced(self, symbol: Symbol, dates: DateSpan) -> None:
        """Have announcements stored before somebody looks at them; what cannot be had is reported."""
        try:
            self._announcer.reach(symbol, dates, self._today(symbol))
        except VenueError as error:
            self._report("announcements_failed", level="warning", symbol=symbol.value, problem=str(error))

    def _today(self, symbol: Symbol) -> date:
        return self.reference.hours(symbol).local_date(self._now_ns())


def _download_of(request: HistoryRequest, dates: DateSpan) -> DownloadRequest:
    subscription = request.subscription
    return DownloadRequest(subscription.symbol, subscription.resolution, subscription.tick_type, dates)


def _raise_worst(trouble: Sequence[Exception]) -> None:
    """Raise what may be over later, else what somebody has to mend, where there is either."""
    for error in sorted(trouble, key=lambda error: not isinstance(error, VenueError)):
        raise error


def _raise_if_unanswered(request: HistoryRequest, lacking: Sequence[Lacking]) -> None:
    """Raise VenueError where dates are lacking that somebody may have who did not answer."""
    for gap in lacking:
        if gap.again:
            subscription = request.subscription
            raise VenueError(
                f"{subscription.symbol.value}: no {subscription.resolution.name.lower()} data from"
                f" {gap.dates.first} to {gap.dates.last}: {gap.reason}; try again later, or name another"
                " [[history]]"
            )
