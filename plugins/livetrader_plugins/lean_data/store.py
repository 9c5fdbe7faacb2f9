"""Keep downloaded data in a LEAN data folder: the `lean_data` plugin as a DataStore.

What is stored is told by the files: a day's file, a row of a daily or hourly one. What is known to be empty,
and who brought what, is in the coverage record (coverage.py). Whatever is put comes in whole (depot.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_engine.calendar.hours import ExchangeHours, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import DateSpan, DownloadRequest, Served
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_plugins.lean_data import convert
from livetrader_plugins.lean_data.announced import Announced
from livetrader_plugins.lean_data.client import DataFolder
from livetrader_plugins.lean_data.coverage import FOUND, Known
from livetrader_plugins.lean_data.depot import Depot, NewFile, zip_file
from livetrader_plugins.lean_data.places import DayFile, HistoryFile, Place, places_of
from livetrader_plugins.lean_data.reference import LeanReference
from livetrader_plugins.lean_data.written import DayRows, LeftOut, refusal, rows_by_day

RECENT_DAYS: Final = 4  # the last session is within, weekends too: it may only be late at the venue

_ONE_DAY: Final = timedelta(days=1)

Report = Callable[..., None]


class _Rows(NamedTuple):
    """The new rows of one place."""

    place: Place
    days: list[DayRows]


class LeanStore:
    """Implements spi_data.DataStore over a LEAN data folder. Thread-safe; nothing is kept in memory."""

    def __init__(
        self, folder: DataFolder, reference: LeanReference, now_ns: Callable[[], int], report: Report
    ) -> None:
        self._folder = folder
        self._reference = reference
        self._now_ns = now_ns
        self._report = report
        self._depot = Depot(folder.folder)
        self.announced = Announced(folder, reference, self._depot)

    # ---- dates

    def gaps(self, request: DownloadRequest) -> Sequence[DateSpan]:
        """Return the dates that are neither stored nor known to be empty, ascending.

        Raises DataError for data that have no place here.
        """
        _check(request)
        hours = self._reference.hours(request.symbol)
        with self._depot.coverage() as coverage:
            known = [] if coverage is None else coverage.known(*_kind(request))
            lacking = [
                day
                for place, first, last in self._places(request, hours)
                for day in self._lacking(place, DateSpan(first, last), known, hours)
            ]
        return _spans(lacking, hours)

    def _lacking(
        self, place: Place, dates: DateSpan, known: Sequence[Known], hours: ExchangeHours
    ) -> Iterator[date]:
        stored = self._stored(place, known)
        for day in _days(dates):
            if hours.is_trading_day(day, extended=True) and not stored(day):
                yield day

    def _stored(self, place: Place, known: Sequence[Known]) -> Callable[[date], bool]:
        """Return the question whether a date is stored in a place, or known to be empty."""
        if isinstance(place, DayFile):
            empty = [each.dates for each in known if not each.points]
            return lambda day: place.path(day).exists() or _within(day, empty)
        rows = self._folder.rows_at(place.path) or []
        if not rows:
            empty = [each.dates for each in known if not each.points]
            return lambda day: _within(day, empty)
        have = {row[:8] for row in rows}
        spans = [each.dates for each in known]
        if not any(each.points for each in known):
            spans.append(_span_of(place.path, rows))  # a file that came from elsewhere is whole
        return lambda day: f"{day:%Y%m%d}" in have or _within(day, spans)

    def _places(self, request: DownloadRequest, hours: ExchangeHours) -> Iterator[tuple[Place, date, date]]:
        """Yield where the data of these dates lie, ticker by ticker."""
        for ticker, first, last in self._reference.tickers(request.symbol, *request.dates):
            yield places_of(self._folder, request, ticker), first, last

    def known_empty(self, request: DownloadRequest) -> list[DateSpan]:
        """Return the dates that are known to have no data, whatever dates the request has."""
        with self._depot.coverage() as coverage:
            known = [] if coverage is None else coverage.known(*_kind(request))
        whole = request.resolution >= Resolution.HOUR  # of whole-history files every date asked for is known
        return [each.dates for each in known if whole or not each.points]

    # ---- storing

    def store(self, provider: str, request: DownloadRequest, points: Iterable[MarketPoint]) -> Served:
        """Keep these dates, whole or not at all, in place of what was there.

        Points that no bar or tick can be are left out, counted and reported; too many of them are refused.
        Raises DataError for what has no place in LEAN's format or is not over yet, OSError where the disk
        fails; then the files are as before.
        """
        _check(request)
        hours = self._reference.hours(request.symbol)
        today = utc_ns_to_local(self._now_ns(), hours.data_timezone).date()
        if request.dates.last >= today:
            raise DataError(f"{request.symbol.value}: {request.dates.last} is not over yet: it is not stored")
        left_out = LeftOut()
        days = list(rows_by_day(request, points, hours.data_timezone, left_out))
        left_out.check(request.symbol.value)
        count = sum(len(each.rows) for each in days)
        served = Served(provider, request, self._now_ns(), count)
        placed = [
            _Rows(place, [each for each in days if first <= each.day <= last])
            for place, first, last in self._places(request, hours)
        ]
        self._put(served, placed, self._known_until(request, days, hours, today), left_out, hours)
        if left_out.count:
            self._report(
                "history_points_left_out", level="warning", history=provider, symbol=request.symbol.value,
                points=left_out.count, of=left_out.total, first=left_out.first,
            )  # fmt: skip
        if request.resolution is Resolution.DAILY and request.tick_type is TickType.TRADE:
            self.announced.write_factors(request.symbol)
        return served

    def _put(
        self,
        served: Served,
        placed: Sequence[_Rows],
        known_until: date,
        left_out: LeftOut,
        hours: ExchangeHours,
    ) -> None:
        request = served.request
        with self._depot.writing() as coverage:
            known = coverage.known(*_kind(request))
            files = [file for each in placed for file in self._files(each, request)]
            found = [
                _span_of(each.place.path, rows)
                for each in placed
                if isinstance(each.place, HistoryFile) and not any(one.points for one in known)
                if (rows := self._folder.rows_at(each.place.path))
            ]
            filled = {each.day for one in placed for each in one.days}
            empty = _spans(
                [
                    day
                    for day in _days(DateSpan(request.dates.first, known_until))
                    if day not in filled and hours.is_trading_day(day, extended=True)
                ],
                hours,
            )

            def note() -> None:
                for dates in found:  # what is there already came from elsewhere
                    there = DownloadRequest(*_kind(request), dates)
                    coverage.note(Served(FOUND, there, served.time_ns, 1), dates.last, 0)
                coverage.note(
                    served, known_until if served.points else request.dates.first - _ONE_DAY, left_out.count
                )
                for dates in empty:
                    none = DownloadRequest(*_kind(request), dates)
                    coverage.note(Served(served.provider, none, served.time_ns, 0), dates.last, 0)

            self._depot.put(coverage, files, note)

    def _files(self, rows: _Rows, request: DownloadRequest) -> Iterator[NewFile]:
        place = rows.place
        if isinstance(place, DayFile):
            for day, texts in rows.days:
                yield zip_file(place.path(day), place.with_entry(day, _text(texts)))
            return
        if not rows.days:
            return
        first, last = f"{request.dates.first:%Y%m%d}", f"{request.dates.last + _ONE_DAY:%Y%m%d}"
        old = self._folder.rows_at(place.path) or []
        before, after = old[: bisect_left(old, first)], old[bisect_left(old, last) :]
        merged = [*before, *(text for each in rows.days for text in each.rows), *after]
        yield zip_file(place.path, place.with_entry(_text(merged)))

    def _known_until(
        self, request: DownloadRequest, days: Sequence[DayRows], hours: ExchangeHours, today: date
    ) -> date:
        """Return up to which date an absence of points means that there are none."""
        newest = days[-1].day if days else request.dates.first - _ONE_DAY
        return max(newest, min(request.dates.last, today - timedelta(days=RECENT_DAYS)))

    def served(self, symbol: Symbol | None = None) -> Sequence[Served]:
        """Return who brought what is stored, newest first; of one symbol, or of all."""
        with self._depot.coverage() as coverage:
            found = [] if coverage is None else coverage.served(symbol)
        return [each for each in found if each.points and each.provider != FOUND]

    def settle(self) -> None:
        """Finish what a writer that died had begun. Raises OSError, DataError."""
        with self._depot.coverage():
            pass


def _check(request: DownloadRequest) -> None:
    why = refusal(request)
    if why:
        raise DataError(f"{request.symbol.value}: has no place in a LEAN data folder: {why}")


def _kind(request: DownloadRequest) -> tuple[Symbol, Resolution, TickType]:
    return request.symbol, request.resolution, request.tick_type


def _days(dates: DateSpan) -> Iterator[date]:
    for number in range((dates.last - dates.first).days + 1):
        yield dates.first + timedelta(days=number)


def _within(day: date, spans: Sequence[DateSpan]) -> bool:
    return any(first <= day <= last for first, last in spans)


def _spans(days: Sequence[date], hours: ExchangeHours) -> list[DateSpan]:
    """Join ascending dates into spans; what lies between two is bridged where the exchange was closed."""
    spans: list[DateSpan] = []
    for day in days:
        if spans and hours.next_trading_day(spans[-1].last) >= day:
            spans[-1] = DateSpan(spans[-1].first, day)
        else:
            spans.append(DateSpan(day, day))
    return spans


def _span_of(path: Path, rows: Sequence[str]) -> DateSpan:
    try:
        return DateSpan(convert.day_of(rows[0]), convert.day_of(rows[-1]))
    except ValueError as error:
        raise DataError(f"{path}: its first or last row has no date: {error}") from error


def _text(rows: Sequence[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode("ascii")
