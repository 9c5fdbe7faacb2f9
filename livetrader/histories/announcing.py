"""Keep splits and dividends of equities complete, so that no price is adjusted by half of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

from livetrader.histories.filling import Filler, unusable
from livetrader.histories.sources import Source, Store
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_engine.spi_data import Announcement, DateSpan, DownloadRequest
from livetrader_engine.symbols import Resolution, SecurityType, Symbol

FIRST_ANNOUNCED: Final = date(1962, 1, 2)  # before any daily bar that is sold; so one question gets them all
DAYS_BEFORE: Final = 10  # in which the last session before an ex-date lies, with holidays

_Told = tuple[str, Symbol, DateSpan, Sequence[Announcement]]  # by whom, of whom, of when, what

MAX_SILENT: Final = 10_000  # symbols of which nobody announces anything: not asked for again in this process


class Announcements:
    """Asks for announcements when those that are stored do not reach far enough. Thread-safe."""

    def __init__(
        self, store: Store, sources: Sequence[Source], filler: Filler, report: Callable[..., None]
    ) -> None:
        self._store = store
        self._filler = filler
        self._report = report
        self._announcing = [
            source for source in sources if (found := source.downloader) and found.downloads.announces
        ]
        self._lock = threading.RLock()
        self._silent: dict[Symbol, date] = {}

    def reach(self, symbol: Symbol, dates: DateSpan, today: date) -> None:
        """Have the announcements of an equity stored up to the last of these dates, today at most.

        Raises VenueError where somebody announces them, but cannot tell now, or they cannot be stored.
        """
        if symbol.security_type is not SecurityType.EQUITY or not self._announcing:
            return
        try:
            self._reach(symbol, dates, today)
        except OSError as error:
            raise VenueError(f"{symbol.value}: splits and dividends: {unusable(error)}") from error

    def _reach(self, symbol: Symbol, dates: DateSpan, today: date) -> None:
        known = self._store.data.announced_until(symbol)
        until = min(dates.last, today)
        if (known is None or known < until) and self._silent.get(symbol, date.min) < until:
            self._ask(symbol, today)
        self._price(symbol, dates.first, today)

    def _ask(self, symbol: Symbol, today: date) -> None:
        """Ask for what is announced since the newest that is stored.

        Announcements of that day may have come after we asked, so the day is asked for again. What is
        announced for later days is left out: prices until then are as they are traded.
        """
        with self._lock:
            known = self._store.data.announced_until(symbol)
            dates = DateSpan(FIRST_ANNOUNCED if known is None else min(known, today), today)
            found = self._first(symbol, dates)
            if found is not None:
                self._store.data.store_announcements(*found)
                return
            if len(self._silent) < MAX_SILENT:
                self._silent[symbol] = today
            self._report("announcements_unknown", level="warning", symbol=symbol.value)

    def ahead(self, symbol: Symbol, dates: DateSpan) -> tuple[Announcement, ...]:
        """Ask now for what is announced for these dates, which may lie ahead; nothing is stored.

        The first that answers counts. Raises VenueError where somebody announces, but cannot tell now.
        """
        found = self._first(symbol, dates)
        return () if found is None else tuple(found[-1])

    def _first(self, symbol: Symbol, dates: DateSpan) -> _Told | None:
        """Return the first answer, None where nobody has any. Raises VenueError where one may have."""
        trouble: list[str] = []
        for source in self._announcing:
            downloader = source.downloader
            if downloader is None or symbol.security_type not in downloader.downloads.security_types:
                continue
            try:
                return source.name, symbol, dates, downloader.announcements(symbol, dates)
            except PluginError as error:
                trouble.append(f"{source.name}: {error}")
            except DataError as error:
                self._report("announcements_not_had", history=source.name, problem=str(error))
        if trouble:
            raise VenueError(f"{symbol.value}: splits and dividends are not known: {'; '.join(trouble)}")
        return None

    def _price(self, symbol: Symbol, first: date, today: date) -> None:
        """Have the closes stored by which dividends are weighed, as far as they matter since `first`."""
        days = self._store.data.unpriced(symbol, first)
        if not days:
            return
        since = max(first, days[0] - timedelta(days=DAYS_BEFORE))
        dates = DateSpan(since, min(days[-1], today) - timedelta(days=1))
        if dates.first <= dates.last:
            self._filler.fill(DownloadRequest(symbol, Resolution.DAILY, TickType.TRADE, dates))
