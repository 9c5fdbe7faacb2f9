"""Past data from a LEAN data folder: the `lean_data` plugin."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, PriceScale
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import HistoryRequest, Subscription, TickType
from livetrader_engine.errors import ConfigurationError, DataError
from livetrader_engine.spi import Context
from livetrader_engine.spi_data import Announcement, DataFault, DateSpan, DownloadRequest, Served
from livetrader_engine.symbols import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    Resolution,
    Symbol,
)
from livetrader_plugins.lean_data import convert
from livetrader_plugins.lean_data.client import DataFolder
from livetrader_plugins.lean_data.convert import EQUITY_UNIT, NS_PER_MS, Adjustment, Layout, RowReader
from livetrader_plugins.lean_data.dayfile import day_batches
from livetrader_plugins.lean_data.examining import Examination
from livetrader_plugins.lean_data.places import history_name
from livetrader_plugins.lean_data.reference import LeanReference
from livetrader_plugins.lean_data.store import LeanStore
from livetrader_plugins.lean_data.written import QUOTES_ONLY, SCALED, TRADES_ONLY, WRITTEN

_ONE_DAY: Final = timedelta(days=1)
_EQUITY_DIVISOR: Final = 10_000.0
_NO_CHANGE: Final = Adjustment()


class LeanDataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the `lean_data` history. `folder` defaults to the daemon's `[data] folder`."""

    folder: Path | None = None


class LeanDataHistory:
    """Reads bars and reference data from a LEAN data folder. Implements HistoryPlugin. Thread-safe.

    A missing file is an empty answer, named in `missing_files` and reported once per directory; a file
    that cannot be read raises DataError naming it and the row. It knows trade and quote data of equity,
    forex, cfd, crypto and index; other security types raise DataError.
    """

    API_VERSION: ClassVar[int] = 1
    Config: ClassVar[type[msgspec.Struct]] = LeanDataConfig

    def __init__(self, config: LeanDataConfig, context: Context) -> None:
        folder = config.folder or context.data_folder
        if folder is None:
            raise ConfigurationError("the lean_data history needs a folder: set [data] folder")
        self._setup(folder, lambda action, path: context.report(action, path=path), context.data_requested)
        self._store = LeanStore(self._folder, self._reference, context.now_ns, context.report)

    @classmethod
    def open(cls, folder: Path, report: Callable[[str, str], None] | None = None) -> LeanDataHistory:
        """Return a reader of this folder outside a daemon: backtests, notebooks, tests."""
        self = cls.__new__(cls)
        self._setup(folder, report or (lambda action, path: None))
        return self

    def _setup(
        self,
        folder: Path,
        report: Callable[[str, str], None],
        requested: Callable[[str, str], None] | None = None,
    ) -> None:
        self._folder = DataFolder(folder, report, requested)
        self._reference = LeanReference(self._folder)
        self._store = LeanStore(self._folder, self._reference, _no_clock, lambda action, **fields: None)
        self._settled = False

    @property
    def reference(self) -> LeanReference:
        """Symbols, hours and properties known to this folder."""
        return self._reference

    @property
    def missing_files(self) -> tuple[Path, ...]:
        """The newest files that were asked for and are not there."""
        return self._folder.missing

    # ---- the store: see spi_data.DataStore

    def gaps(self, request: DownloadRequest) -> Sequence[DateSpan]:
        """Return the dates that are neither stored nor known to have no data, ascending."""
        return self._store.gaps(request)

    def store(self, provider: str, request: DownloadRequest, points: Iterable[MarketPoint]) -> Served:
        """Keep these dates, whole or not at all, in place of what was there. See LeanStore.store."""
        return self._store.store(provider, request, points)

    def announced_until(self, symbol: Symbol) -> date | None:
        """Return the last date up to which splits and dividends of a symbol are stored, None for none."""
        return self._store.announced.known_until(symbol)

    def store_announcements(
        self, provider: str, symbol: Symbol, dates: DateSpan, announcements: Sequence[Announcement]
    ) -> None:
        """Keep the splits and dividends of these dates in place of what was there."""
        self._store.announced.put(provider, symbol, dates, announcements)

    def unpriced(self, symbol: Symbol, since: date) -> Sequence[date]:
        """Return the ex-dates that cannot be weighed: their close before is not stored."""
        return self._store.announced.unpriced(symbol, since, self._store.gaps)

    def served(self, symbol: Symbol | None = None) -> Sequence[Served]:
        """Return who brought what, newest first; of one symbol, or of all."""
        return self._store.served(symbol)

    def faults(self, tickers: Set[str], progress: Callable[[str, int, int], None]) -> Iterator[DataFault]:
        """Yield what is wrong with the data of these tickers, of all where none is named."""
        return Examination(self._folder, self._reference, self._store).faults(tickers, progress)

    # ---- past data

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        return chain.from_iterable(self.batches(request))

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the points whose end time lies in (start_ns, end_ns], ascending, without fill-forward.

        Bars outside the regular session are left out unless the subscription asks for extended hours.
        Daily bars end with their session (see data.periods). Nothing is read before the first `next`.
        """
        subscription = request.subscription
        hours = self._reference.hours(subscription.symbol)
        start_ns, end_ns = request.start_ns, request.end_ns
        extended = subscription.extended_market_hours
        batches = self._when_settled(subscription, hours, start_ns, end_ns)
        return ending_within(while_open(batches, hours, extended), start_ns, end_ns)

    def _when_settled(
        self, subscription: Subscription, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> Iterator[Batch]:
        """Read, after files that a dead writer left on their way have been put into their places."""
        if not self._settled:
            self._settled = True
            try:
                self._store.settle()
            except (DataError, OSError) as error:  # what is there can be read all the same
                self._folder.report("coverage_unusable", str(error))
        yield from self._batches(subscription, hours, start_ns, end_ns)

    def _batches(
        self, subscription: Subscription, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> Iterable[Batch]:
        kind, resolution = subscription.symbol.security_type, subscription.resolution
        quotes = subscription.tick_type is TickType.QUOTE
        if kind not in WRITTEN:
            raise DataError(f"the lean_data plugin has no reader for {kind.name.lower()} data")
        if subscription.tick_type is TickType.OPEN_INTEREST or (quotes is False and kind in QUOTES_ONLY):
            return ()
        if resolution >= Resolution.HOUR:
            if quotes and kind in TRADES_ONLY:
                return ()  # LEAN stores no hourly or daily quotes for these
            return batched(self._whole_history(subscription, hours, start_ns, end_ns))
        return self._day_files(subscription, hours, start_ns, end_ns)

    def _whole_history(
        self, subscription: Subscription, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> Iterator[MarketPoint]:
        """Yield hour or daily bars, factor by factor, of every ticker the symbol had in the span."""
        symbol, resolution = subscription.symbol, subscription.resolution
        first = utc_ns_to_local(start_ns, hours.data_timezone).date() - _ONE_DAY
        last = utc_ns_to_local(end_ns, hours.data_timezone).date() + _ONE_DAY
        for ticker, begin, until in self._reference.tickers(symbol, first, last):
            name = history_name(symbol.security_type, subscription.tick_type, ticker)
            relative = f"{resolution.name.lower()}/{name}"
            rows = self._folder.history_rows(symbol.security_type, symbol.market, relative)
            if rows is None:
                continue
            # rows begin with yyyyMMdd, so their text sorts by date
            low = bisect_left(rows, f"{begin:%Y%m%d}")
            high = bisect_left(rows, f"{until + _ONE_DAY:%Y%m%d}")
            place = str(self._folder.history_path(symbol.security_type, symbol.market, relative))
            yield from self._dated_rows(subscription, hours, place, rows[low:high], first + _ONE_DAY)

    def _dated_rows(
        self, subscription: Subscription, hours: ExchangeHours, place: str, rows: list[str], since: date
    ) -> Iterator[MarketPoint]:
        read = _reader(subscription)
        strict = subscription.precise_daily and uses_strict_end_times(
            subscription.symbol, subscription.resolution, hours
        )
        daily = subscription.resolution is Resolution.DAILY
        zone = hours.data_timezone
        ends: list[int] = []

        def start_of(text: str) -> int:
            day = convert.day_of(text)
            if daily:
                start_ns, end_ns = daily_bounds(day, hours, strict)
                ends.append(end_ns)
                return start_ns
            hour, minute = int(text[9:11]), int(text[12:14])
            return local_to_utc_ns(day, hour * NS_PER_HOUR + minute * NS_PER_MINUTE, zone)

        layout = Layout(
            place, subscription.symbol, _divisor(subscription), start_of, NS_PER_HOUR,
            problem=self._folder.requested,
        )  # fmt: skip
        for day_rows, how in self._by_adjustment(subscription, rows, since):
            for point in read(day_rows, layout, how):
                if daily:
                    point.end_time_ns = ends.pop()  # type: ignore[misc]  # bars, not ticks, are daily
                yield point

    def _by_adjustment(
        self, subscription: Subscription, rows: list[str], since: date
    ) -> Iterator[tuple[list[str], Adjustment]]:
        """Split rows where the corporate-action factor changes; the stream began on `since`."""
        how = subscription.normalization
        factors = self._reference.factor_file(subscription.symbol)
        if factors is None or not rows:
            yield rows, _plain(subscription)
            return
        low = 0
        for day in factors.days:
            high = bisect_left(rows, f"{day + _ONE_DAY:%Y%m%d}", low)
            if high > low:
                yield rows[low:high], factors.adjustment(day, how, EQUITY_UNIT, since)
                low = high
        if low < len(rows):
            yield rows[low:], factors.adjustment(date.max, how, EQUITY_UNIT, since)

    def _day_files(
        self, subscription: Subscription, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> Iterator[Batch]:
        """Yield minute, second or tick data, one file per day of the data's time zone."""
        symbol, zone = subscription.symbol, hours.data_timezone
        factors = self._reference.factor_file(symbol)
        how = _plain(subscription)
        first = utc_ns_to_local(start_ns, zone).date()
        last = utc_ns_to_local(end_ns, zone).date()
        for ticker, begin, until in self._reference.tickers(symbol, first, last):
            day = begin
            while day <= until:
                security = (symbol.security_type, symbol.market, ticker)
                path = self._folder.day_path(security, subscription.resolution, subscription.tick_type, day)
                text = self._folder.day_text(path, hours.is_trading_day(day))
                if text is not None:
                    if factors is not None:
                        how = factors.adjustment(day, subscription.normalization, EQUITY_UNIT, first)
                    layout = _day_layout(subscription, path, day, hours)
                    layout = layout._replace(problem=self._folder.requested)
                    try:
                        yield from day_batches(subscription, text, layout, how)
                    except DataError as error:
                        self._folder.damaged(path, error)
                day += _ONE_DAY


def _no_clock() -> int:
    raise DataError("a folder opened for reading only stores nothing")


def _divisor(subscription: Subscription) -> float:
    return _EQUITY_DIVISOR if subscription.symbol.security_type in SCALED else 1.0


def _plain(subscription: Subscription) -> Adjustment:
    if subscription.symbol.security_type in SCALED:
        return Adjustment(scale=_EQUITY_SCALE)
    return _NO_CHANGE


_EQUITY_SCALE: Final = PriceScale(EQUITY_UNIT)


def _reader(subscription: Subscription) -> RowReader:
    return convert.trade_bars if subscription.tick_type is TickType.TRADE else convert.quote_bars


def _day_layout(subscription: Subscription, path: Path, day: date, hours: ExchangeHours) -> Layout:
    """Return how the file of one day is to be read: its first column is milliseconds after midnight."""
    zone = hours.data_timezone
    midnight_ns: int | None = local_to_utc_ns(day, 0, zone)
    if local_to_utc_ns(day, NS_PER_DAY, zone) - local_to_utc_ns(day, 0, zone) != NS_PER_DAY:
        midnight_ns = None  # the clock changes today: the file counts wall-clock time

    def start_of(text: str) -> int:
        milliseconds = _milliseconds(text)
        return local_to_utc_ns(day, milliseconds, zone) if midnight_ns is None else midnight_ns + milliseconds

    period_ns = subscription.resolution.period_ns
    return Layout(str(path), subscription.symbol, _divisor(subscription), start_of, period_ns, midnight_ns)


def _milliseconds(text: str) -> int:
    if "." in text:
        return round(float(text) * NS_PER_MS)
    return int(text) * NS_PER_MS
