"""Past data of Alpha Vantage behind the synchronous port: the `alphavantage` history, downloadable, too.

    minutes    TIME_SERIES_INTRADAY, month by month, as traded, extended hours included
    hours      made of the regular session's minutes (sdk/coarser.py)
    days       TIME_SERIES_DAILY, as traded; the newest 100 where those are enough, for free keys get no more

A day's data comes after its close, sometimes much later. So a date of the last days of which nothing is there
yet is an error, not an empty answer: it would be remembered as a day without trades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import ClassVar, Final

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.batches import Batch
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import API_VERSION, Context, VenueError
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    AnnouncedSplit,
    Announcement,
    DateSpan,
    DownloadCapabilities,
    DownloadRequest,
)
from livetrader_engine.symbols import NS_PER_DAY, Resolution, SecurityType, Symbol
from livetrader_plugins.alphavantage.client import AlphaVantageClient, NoSuchThingError, Question
from livetrader_plugins.alphavantage.config import AlphaVantageConfig
from livetrader_plugins.alphavantage.rows import Row, announced_of, rows_of, split_factor
from livetrader_plugins.sdk.answers import answered, complete
from livetrader_plugins.sdk.coarser import hours_of_minutes
from livetrader_plugins.sdk.factors import LOOK_BACK, adjusted, dividends_of, factors_of, report_left_out
from livetrader_plugins.sdk.new_york import NewYorkReference

COMPACT_DAYS: Final = 130  # calendar days that the newest 100 trading days surely reach back
LATE: Final = timedelta(days=4)  # how old a date is when its data will not come any more
_ONE_DAY: Final = timedelta(days=1)


class AlphaVantageHistory:
    """Implements HistoryPlugin and Downloader. Thread-safe. Nothing connects before the first question."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[AlphaVantageConfig]] = AlphaVantageConfig
    downloads = DownloadCapabilities(
        security_types=frozenset({SecurityType.EQUITY}),
        resolutions=frozenset({Resolution.MINUTE, Resolution.HOUR, Resolution.DAILY}),
        tick_types=frozenset({TickType.TRADE}),
        announces=True,
    )

    def __init__(
        self, config: AlphaVantageConfig, context: Context, wait: Callable[[float], None] | None = None
    ) -> None:
        """Keep the settings. `wait` replaces waiting, for tests whose clock is their own."""
        self._context = context
        self._client = AlphaVantageClient(config, context, wait)
        self._reference = NewYorkReference(context.reference, "alphavantage")

    @property
    def reference(self) -> NewYorkReference:
        """Symbols, hours and properties."""
        return self._reference

    @property
    def asked(self) -> int:
        """How many requests were sent to the venue."""
        return self._client.asked

    def close(self) -> None:
        """Close the connections; idempotent. A process that ends need not call it."""
        self._client.close()

    # ---- what the ports ask

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        return chain.from_iterable(self.batches(request))

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the points whose end time lies in (start_ns, end_ns], ascending, without fill-forward.

        Raises DataError for what Alpha Vantage or the plan does not have, VenueError where it did not answer.
        """
        subscription = request.subscription
        symbol, resolution = subscription.symbol, subscription.resolution
        _check(symbol, resolution, subscription.tick_type)
        if subscription.normalization is Normalization.TOTAL_RETURN:
            raise DataError(
                f"{symbol.value}: the alphavantage history has no total return prices; ask for adjusted"
            )
        now_ns = self._context.now_ns()
        end_ns = min(request.end_ns, now_ns)
        if request.start_ns >= end_ns:
            return iter(())
        hours = self._reference.hours(symbol)
        back_ns = 2 * NS_PER_DAY if resolution is Resolution.DAILY else resolution.period_ns
        zone = hours.data_timezone
        dates = DateSpan(
            utc_ns_to_local(request.start_ns - back_ns, zone).date(), utc_ns_to_local(end_ns, zone).date()
        )
        strict = subscription.precise_daily and uses_strict_end_times(symbol, resolution, hours)
        wanted = DownloadRequest(symbol, resolution, subscription.tick_type, dates)
        points = complete(self._none_of_unknown(self._bars(wanted, hours, strict)), now_ns)
        if subscription.normalization is not Normalization.RAW:
            points = self._adjusted(subscription, points, dates, hours)
        return answered(points, request, hours, end_ns)

    def download(self, request: DownloadRequest) -> Iterator[MarketPoint]:
        """Yield the raw points of whole dates. Raises as `batches`, also in the middle of them."""
        _check(request.symbol, request.resolution, request.tick_type)
        hours = self._reference.hours(request.symbol)
        bars = self._bars(request, hours, strict=False)
        return complete(self._none_late(bars, request, hours), self._context.now_ns())

    def announcements(self, symbol: Symbol, dates: DateSpan) -> Sequence[Announcement]:
        """Return splits and dividends with ex-dates within these, ascending. Raises VenueError, DataError."""
        if symbol.security_type is not SecurityType.EQUITY:
            return ()
        ticker = ticker_of(symbol)
        found: list[Announcement] = []
        question = Question("SPLITS", ticker)
        for day, number in announced_of(
            question.what, self._client.ask(question), "effective_date", "split_factor"
        ):
            if number != 1:
                found.append(AnnouncedSplit(symbol, day, split_factor(number)))
        question = Question("DIVIDENDS", ticker)
        paid: dict[date, Decimal] = {}
        for day, number in announced_of(
            question.what, self._client.ask(question), "ex_dividend_date", "amount"
        ):
            paid[day] = paid.get(day, Decimal(0)) + number
        found += [AnnouncedDividend(symbol, day, amount) for day, amount in paid.items()]
        return sorted(
            (one for one in found if dates.first <= one.ex_date <= dates.last),
            key=lambda one: (one.ex_date, isinstance(one, AnnouncedSplit)),
        )

    # ---- bars

    def _bars(self, wanted: DownloadRequest, hours: ExchangeHours, strict: bool) -> Iterator[TradeBar]:
        """Yield raw bars of these dates, ascending; also what is not over yet."""
        if wanted.resolution is Resolution.DAILY:
            return self._days(wanted, hours, strict)
        minutes = self._minutes(wanted, hours)
        return minutes if wanted.resolution is Resolution.MINUTE else hours_of_minutes(minutes, hours)

    def _days(self, wanted: DownloadRequest, hours: ExchangeHours, strict: bool) -> Iterator[TradeBar]:
        today = utc_ns_to_local(self._context.now_ns(), hours.data_timezone).date()
        near = (today - wanted.dates.first).days <= COMPACT_DAYS
        size = "compact" if near else "full"
        for row in self._rows(Question("TIME_SERIES_DAILY", ticker_of(wanted.symbol), size=size)):
            day = row.start.date()
            if wanted.dates.first <= day <= wanted.dates.last:
                yield _bar(wanted.symbol, daily_bounds(day, hours, strict), row)

    def _minutes(self, wanted: DownloadRequest, hours: ExchangeHours) -> Iterator[TradeBar]:
        zone, period_ns = hours.data_timezone, Resolution.MINUTE.period_ns
        first, last = wanted.dates
        for rows in self._months_with_data(ticker_of(wanted.symbol), first, last):
            for row in rows:
                day = row.start.date()
                if first <= day <= last:
                    start_ns = local_to_utc_ns(
                        day, (row.start.hour * 60 + row.start.minute) * period_ns, zone
                    )
                    yield _bar(wanted.symbol, (start_ns, start_ns + period_ns), row)

    def _months_with_data(self, ticker: str, first: date, last: date) -> Iterator[list[Row]]:
        """Yield the rows of each month; the venue refuses those before the first that it has.

        Raises NoSuchThingError where it refuses all, as it does of a wrong ticker, or one behind the first.
        """
        refused: NoSuchThingError | None = None
        answered = False
        for month in _months(first, last):
            try:
                rows = self._rows(Question("TIME_SERIES_INTRADAY", ticker, month, "full"))
            except NoSuchThingError as error:
                if answered:
                    raise
                refused = refused or error
            else:
                answered = True
                yield rows
        if refused is not None and not answered:
            raise refused

    def _rows(self, question: Question) -> list[Row]:
        return rows_of(question.what, self._client.ask(question), question.month)

    def _none_of_unknown(self, points: Iterable[MarketPoint]) -> Iterator[MarketPoint]:
        """Yield points; of what the venue has never heard of there are none."""
        try:
            yield from points
        except NoSuchThingError as error:
            self._context.report("alphavantage_has_none", reason=str(error))

    def _none_late(
        self, points: Iterable[MarketPoint], wanted: DownloadRequest, hours: ExchangeHours
    ) -> Iterator[MarketPoint]:
        """Yield points. Raises VenueError where the newest trading day of the dates has nothing yet."""
        newest = date.min
        for point in points:
            newest = hours.local_date(point.time_ns)
            yield point
        today = utc_ns_to_local(self._context.now_ns(), hours.data_timezone).date()
        day = min(wanted.dates.last, today - _ONE_DAY)
        while day > max(newest, wanted.dates.first - _ONE_DAY, today - LATE):
            if hours.is_trading_day(day):
                raise VenueError(
                    f"alphavantage has nothing of {wanted.symbol.value} on {day} yet: it has data some hours "
                    "after the close; ask again later"
                )
            day -= _ONE_DAY

    def _adjusted(
        self, subscription: Subscription, points: Iterable[MarketPoint], dates: DateSpan, hours: ExchangeHours
    ) -> Iterator[MarketPoint]:
        symbol = subscription.symbol
        today = utc_ns_to_local(self._context.now_ns(), hours.data_timezone).date()
        told = self.announcements(symbol, DateSpan(dates.first, today))
        closes: dict[date, float] = {}
        paid = dividends_of(told)
        if paid and subscription.normalization is Normalization.ADJUSTED:
            needed = DateSpan(paid[0].ex_date - LOOK_BACK, paid[-1].ex_date)
            wanted = DownloadRequest(symbol, Resolution.DAILY, TickType.TRADE, needed)
            closes = {hours.local_date(bar.time_ns): bar.close for bar in self._days(wanted, hours, False)}
        factors = factors_of(told, closes, subscription.normalization)
        report_left_out(factors, symbol, self._context.report)
        return adjusted(points, factors, hours)


def _check(symbol: Symbol, resolution: Resolution, tick_type: TickType) -> None:
    """Refuse what Alpha Vantage does not have. Raises DataError with what to ask for instead."""
    if symbol.security_type is not SecurityType.EQUITY or symbol.market != "usa":
        raise DataError(f"{symbol.value}: the alphavantage history has US equities only")
    if tick_type is not TickType.TRADE:
        raise DataError(f"{symbol.value}: the alphavantage history has trades only, no quotes")
    if resolution < Resolution.MINUTE:
        raise DataError(
            f"{symbol.value}: the alphavantage history has minutes, hours and days; ask for those"
        )


def ticker_of(symbol: Symbol) -> str:
    """Return the venue's ticker: share classes are behind a hyphen."""
    return symbol.value.replace(".", "-")


def _bar(symbol: Symbol, bounds: tuple[int, int], row: Row) -> TradeBar:
    return TradeBar(symbol, *bounds, row.open, row.high, row.low, row.close, row.volume)


def _months(first: date, last: date) -> Iterator[str]:
    """Yield the months of these dates as yyyy-MM."""
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
