"""Splits and dividends as they were announced, and the factor files that follow from them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import Announcement, DateSpan, DownloadRequest
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from livetrader_plugins.lean_data import convert, factors
from livetrader_plugins.lean_data.client import DataFolder
from livetrader_plugins.lean_data.convert import EQUITY_UNIT, FactorFile
from livetrader_plugins.lean_data.depot import Depot, NewFile
from livetrader_plugins.lean_data.places import HistoryFile, places_of
from livetrader_plugins.lean_data.reference import LeanReference


class Announced:
    """The announcements of a folder. Thread-safe; nothing is kept in memory."""

    def __init__(self, folder: DataFolder, reference: LeanReference, depot: Depot) -> None:
        self._folder = folder
        self._reference = reference
        self._depot = depot

    def known_until(self, symbol: Symbol) -> date | None:
        """Return up to which date splits and dividends are known: asked for, or told by the factor file."""
        with self._depot.coverage() as coverage:
            known = None if coverage is None else coverage.announced_until(symbol)
        return known or factors.last_event(self._reference.factor_file(symbol))

    def put(
        self, provider: str, symbol: Symbol, dates: DateSpan, announcements: Sequence[Announcement]
    ) -> None:
        """Keep the splits and dividends of these dates in place of what was there; write the factor file."""
        if symbol.security_type is not SecurityType.EQUITY:
            raise DataError(f"{symbol.value}: only equities have splits and dividends")
        with self._depot.writing() as coverage:
            base = coverage.factor_base(symbol)
            if base is None:
                base = self._folder.text(self._reference.factor_path(symbol)) or ""

            def note() -> None:
                coverage.keep_factor_base(symbol, base)
                coverage.announce(provider, symbol, dates, announcements)

            self._depot.put(coverage, (), note)
        self.write_factors(symbol)

    def unpriced(
        self, symbol: Symbol, since: date, lacks: Callable[[DownloadRequest], Sequence[DateSpan]]
    ) -> Sequence[date]:
        """Return the ex-dates whose close before, `since` or later, is neither stored nor known to lack."""
        with self._depot.coverage() as coverage:
            announced = [] if coverage is None else coverage.announcements(symbol)
        if not announced:
            return ()
        before, close_of = self._session_before(symbol), self._closes(symbol)
        days = factors.unpriced(announced, before, close_of, since)
        return [day for day in days if lacks(daily_request(symbol, before(day)))]

    def write_factors(self, symbol: Symbol) -> None:
        """Write the factor file anew where announcements are known and it would be another."""
        if symbol.security_type is not SecurityType.EQUITY:
            return
        with self._depot.coverage() as coverage:
            if coverage is None or coverage.announced_until(symbol) is None:
                return
        with self._depot.writing() as coverage:
            relative = self._reference.factor_path(symbol)
            text = coverage.factor_base(symbol) or ""
            base: FactorFile | None = convert.read_factor_file(relative, text) if text else None
            rows = factors.factor_rows(
                base,
                coverage.announcements(symbol),
                self._session_before(symbol),
                self._closes(symbol),
                self._first_date(symbol),
            )
            new = factors.factor_text(rows)
            if new != (self._folder.text(relative) or ""):
                self._depot.put(
                    coverage, [NewFile(self._folder.folder / relative, new.encode())], lambda: None
                )

    def _session_before(self, symbol: Symbol) -> Callable[[date], date]:
        return self._reference.hours(symbol).previous_trading_day

    def _closes(self, symbol: Symbol) -> Callable[[date], Decimal | None]:
        """Return the question for the raw close of a date, as the daily file has it."""

        def close(day: date) -> Decimal | None:
            for place, first, last in self._daily_places(symbol, day, day):
                rows = self._folder.rows_at(place.path) or []
                at = bisect_left(rows, f"{day:%Y%m%d}")
                if first <= day <= last and at < len(rows) and rows[at].startswith(f"{day:%Y%m%d}"):
                    return _close_of(place.path, at, rows[at])
            return None

        return close

    def _first_date(self, symbol: Symbol) -> date | None:
        for place, _, _ in self._daily_places(symbol, date(1900, 1, 1), date.max - timedelta(days=1)):
            rows = self._folder.rows_at(place.path)
            if rows:
                try:
                    return convert.day_of(rows[0])
                except ValueError as error:
                    raise convert.bad_row(str(place.path), 1, rows[0]) from error
        return None

    def _daily_places(
        self, symbol: Symbol, first: date, last: date
    ) -> Iterator[tuple[HistoryFile, date, date]]:
        for ticker, begin, end in self._reference.tickers(symbol, first, last):
            place = places_of(self._folder, daily_request(symbol, first), ticker)
            assert isinstance(place, HistoryFile), "daily data lie in one file"
            yield place, begin, end


def _close_of(path: Path, at: int, row: str) -> Decimal:
    try:
        close = Decimal(row.split(",")[4])
    except (IndexError, InvalidOperation) as error:
        raise convert.bad_row(str(path), at + 1, row) from error
    if not close.is_finite():
        raise convert.bad_row(str(path), at + 1, row)
    return close * EQUITY_UNIT


def daily_request(symbol: Symbol, day: date) -> DownloadRequest:
    """Return the request for the daily trade bar of a date."""
    return DownloadRequest(symbol, Resolution.DAILY, TickType.TRADE, DateSpan(day, day))
