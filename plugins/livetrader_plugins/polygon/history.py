"""Past data of Polygon behind the synchronous port: the `polygon` history, which can be downloaded, too.

    seconds, minutes    the venue's bars, extended hours included
    hours               made of the regular session's minutes (sdk/coarser.py)
    days                the venue's daily bars: its official prices, all of the day's volume
    ticks, quotes       trades and quotes of the tape; bars of quotes are made of those

All of it unadjusted; `history` takes splits and dividends out with the venue's own announcements. A bar is
there when it has been over for some seconds: before, the venue may still be counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import ClassVar, Final, TypeVar

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import API_VERSION, Context, VenueError
from livetrader_engine.spi_data import Announcement, DateSpan, DownloadCapabilities, DownloadRequest
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_plugins.polygon import rows
from livetrader_plugins.polygon.catalog import Catalog, Listing, Renamed, known_until
from livetrader_plugins.polygon.config import PolygonHistoryConfig
from livetrader_plugins.polygon.rest import Client, NoSuchThingError, Page, PolygonRest, decoded
from livetrader_plugins.polygon.rows import Span
from livetrader_plugins.polygon.symbols import market_of
from livetrader_plugins.sdk.coarser import hours_of_minutes
from livetrader_plugins.sdk.factors import adjusted, dividends_of, factors_of
from livetrader_plugins.sdk.new_york import NewYorkReference

SETTLE_NS: Final = 2 * NS_PER_SECOND  # after its end the venue is still counting a bar
LOOK_BACK: Final = timedelta(days=10)  # where the close before a dividend is looked for
_UNITS: Final = {Resolution.SECOND: "second", Resolution.MINUTE: "minute", Resolution.DAILY: "day"}
# Days in one question, so that its answer is a page or a few: 57,600 seconds or 960 minutes have a day.
_DAYS_AT_ONCE: Final = {
    Resolution.TICK: 1, Resolution.SECOND: 1, Resolution.MINUTE: 50, Resolution.DAILY: 20_000,
}  # fmt: skip
_ONE_DAY: Final = timedelta(days=1)
_NS_PER_MS: Final = rows.NS_PER_MS

Row = TypeVar("Row")


class PolygonHistory:
    """Implements HistoryPlugin and Downloader. Thread-safe. Nothing connects before the first question."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[PolygonHistoryConfig]] = PolygonHistoryConfig
    downloads = DownloadCapabilities(
        security_types=frozenset(
            {SecurityType.EQUITY, SecurityType.OPTION, SecurityType.INDEX, SecurityType.INDEX_OPTION}
        ),
        resolutions=frozenset(Resolution),
        tick_types=frozenset({TickType.TRADE, TickType.QUOTE}),
        announces=True,
    )

    def __init__(
        self,
        config: PolygonHistoryConfig,
        context: Context,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        """Keep the settings. `wait` replaces waiting, for tests whose clock is their own."""
        self._config = config
        self._context = context
        self._rest = PolygonRest(config, context, wait)
        self._reference = NewYorkReference(context.reference, "polygon")
        self._catalog = Catalog(self._rest, self._reference, context.report)
        self._told_delay = False

    @property
    def reference(self) -> NewYorkReference:
        """Symbols, hours and properties."""
        return self._reference

    @property
    def asked(self) -> int:
        """How many requests were sent to the venue."""
        return self._rest.asked

    def close(self) -> None:
        """Close the connections; idempotent. A process that ends need not call it."""
        self._rest.close()

    # ---- what the ports ask

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        return chain.from_iterable(self.batches(request))

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the points whose end time lies in (start_ns, end_ns], ascending, without fill-forward.

        Raises DataError for what Polygon or the plan does not have, VenueError where it did not answer whole.
        """
        subscription = request.subscription
        symbol, resolution = subscription.symbol, subscription.resolution
        self._check(symbol, resolution, subscription.tick_type)
        if subscription.normalization is Normalization.TOTAL_RETURN and _is_adjusted(subscription):
            raise DataError(
                f"{symbol.value}: the polygon history has no total return prices; ask for adjusted"
            )
        now_ns = self._context.now_ns()
        end_ns = min(request.end_ns, now_ns)
        if request.start_ns >= end_ns:
            return iter(())
        hours = self._reference.hours(symbol)
        span = _around(resolution, request.start_ns, end_ns, hours)
        strict = subscription.precise_daily and uses_strict_end_times(symbol, resolution, hours)
        wanted = DownloadRequest(symbol, resolution, subscription.tick_type, _dates(span, hours))
        points = self._over(self._none_of_unknown(self._points(wanted, span, hours, strict)), now_ns)
        if _is_adjusted(subscription):
            points = self._adjusted(subscription, points, wanted.dates, hours)
        batches: Iterable[Batch] = batched(points)
        if resolution is not Resolution.DAILY:
            batches = while_open(batches, hours, subscription.extended_market_hours)
        return ending_within(batches, request.start_ns, end_ns)

    def download(self, request: DownloadRequest) -> Iterator[MarketPoint]:
        """Yield the raw points of whole dates. Raises as `batches`, also in the middle of them."""
        self._check(request.symbol, request.resolution, request.tick_type)
        hours = self._reference.hours(request.symbol)
        points = self._points(request, _of_dates(request.dates, hours), hours, strict=False)
        return self._over(points, self._context.now_ns())

    def announcements(self, symbol: Symbol, dates: DateSpan) -> Sequence[Announcement]:
        """Return splits and dividends with ex-dates within these, ascending; of equities only."""
        if symbol.security_type is not SecurityType.EQUITY:
            return ()
        return self._catalog.announcements(symbol, dates, self._today(self._reference.hours(symbol)))

    # ---- what else Polygon knows

    def chain(self, underlying: Symbol, day: date) -> Sequence[Symbol]:
        """Return the option contracts of an underlying that could be traded on a date."""
        return self._catalog.chain(underlying, day)

    def find(self, text: str, kind: SecurityType = SecurityType.EQUITY, limit: int = 20) -> Sequence[Listing]:
        """Return securities whose ticker or name has these words."""
        return self._catalog.find(text, kind, limit)

    def renames(self, symbol: Symbol) -> Sequence[Renamed]:
        """Return the tickers that a security had, oldest first; empty where Polygon tells none."""
        return self._catalog.renames(symbol)

    # ---- points

    def _check(self, symbol: Symbol, resolution: Resolution, tick_type: TickType) -> None:
        """Refuse what Polygon does not have. Raises DataError with what to ask for instead."""
        market, name = market_of(symbol), symbol.value
        if tick_type is TickType.OPEN_INTEREST:
            raise DataError(f"{name}: the polygon history has no open interest")
        if market == "indices" and (tick_type is TickType.QUOTE or resolution is Resolution.TICK):
            raise DataError(f"{name}: of indices Polygon has bars of values; ask for seconds or longer")
        if tick_type is TickType.QUOTE and resolution > Resolution.MINUTE:
            raise DataError(f"{name}: the polygon history has quotes up to minutes; ask for minutes")

    def _points(
        self, wanted: DownloadRequest, span: Span, hours: ExchangeHours, strict: bool
    ) -> Iterator[MarketPoint]:
        """Yield what begins in a span, raw, ascending; also what is not over yet."""
        if wanted.resolution is Resolution.HOUR:
            minutes = msgspec.structs.replace(wanted, resolution=Resolution.MINUTE)
            return hours_of_minutes(self._points(minutes, span, hours, strict=False), hours)
        if wanted.tick_type is TickType.QUOTE:
            quotes = self._ticks(wanted, span, hours)
            period_ns = wanted.resolution.period_ns
            return quotes if not period_ns else rows.quote_bars(quotes, period_ns)
        if wanted.resolution is Resolution.TICK:
            return self._ticks(wanted, span, hours)
        return self._bars(wanted, span, hours, strict)

    def _bars(
        self, wanted: DownloadRequest, span: Span, hours: ExchangeHours, strict: bool
    ) -> Iterator[TradeBar]:
        refused = rows.RefusedRows(self._refused(wanted))
        daily = wanted.resolution is Resolution.DAILY
        unit, period_ns = _UNITS[wanted.resolution], wanted.resolution.period_ns

        def place(start_ns: int) -> tuple[int, int]:
            if daily:
                return daily_bounds(utc_ns_to_local(start_ns, hours.data_timezone).date(), hours, strict)
            if start_ns % period_ns:
                raise VenueError(
                    f"polygon sent a {unit} of {wanted.symbol.value} that begins at {start_ns} ns"
                )
            return start_ns, start_ns + period_ns

        for ticker, part in self._parts(wanted, span, hours):
            if daily:
                ends = _dates(part, hours)
                begin, end = f"{ends.first}", f"{ends.last}"
                part = _of_dates(ends, hours)
            else:
                begin, end = f"{-(-part.start_ns // _NS_PER_MS)}", f"{(part.end_ns - 1) // _NS_PER_MS}"

            def question(client: Client, ticker: str = ticker, begin: str = begin, end: str = end) -> object:
                return client.list_aggs(
                    ticker, 1, unit, begin, end, adjusted=False, sort="asc", limit=self._config.page_rows,
                    raw=True,
                )  # fmt: skip

            found = self._asked(question, rows.AGGREGATES)
            yield from rows.trade_bars(wanted.symbol, found, part, place, refused)
        refused.tell()

    def _ticks(self, wanted: DownloadRequest, span: Span, hours: ExchangeHours) -> Iterator[Tick]:
        refused = rows.RefusedRows(self._refused(wanted))
        symbol, quotes = wanted.symbol, wanted.tick_type is TickType.QUOTE
        for ticker, part in self._parts(wanted, span, hours):

            def question(client: Client, ticker: str = ticker, part: Span = part) -> object:
                ask = client.list_quotes if quotes else client.list_trades
                return ask(
                    ticker, timestamp_gte=part.start_ns, timestamp_lt=part.end_ns, order="asc",
                    sort="timestamp", limit=self._config.page_rows, raw=True,
                )  # fmt: skip

            if quotes:
                yield from rows.quote_ticks(symbol, self._asked(question, rows.QUOTES), part, refused)
            else:
                yield from rows.trade_ticks(symbol, self._asked(question, rows.TRADES), part, refused)
        refused.tell()

    def _asked(
        self, question: Callable[[Client], object], decoder: msgspec.json.Decoder[list[Row]]
    ) -> Iterator[Row]:
        """Yield the rows of an answer, a page at a time."""
        for page in self._rest.pages(question):
            self._hear(page)
            found = decoded(page, decoder)
            if len(found) >= self._config.page_rows and not page.more:
                raise VenueError(
                    f"polygon sent {len(found)} rows, all that were asked for at once, and no next page"
                )
            yield from found

    def _none_of_unknown(self, points: Iterable[MarketPoint]) -> Iterator[MarketPoint]:
        """Yield points; of what the venue has never heard of there are none."""
        try:
            yield from points
        except NoSuchThingError as error:
            self._context.report("polygon_has_none", reason=str(error))

    def _hear(self, page: Page) -> None:
        if page.delayed and not self._told_delay:
            self._told_delay = True
            self._context.report(
                "polygon_delayed", level="warning",
                reason="the plan of this key has data of 15 minutes ago: the newest is missing until then",
            )  # fmt: skip

    def _parts(self, wanted: DownloadRequest, span: Span, hours: ExchangeHours) -> Iterator[tuple[str, Span]]:
        """Yield tickers and spans that one question each covers, ascending: they meet."""
        zone, at_once = hours.data_timezone, timedelta(days=_DAYS_AT_ONCE[wanted.resolution])
        until_ns = min(span.end_ns, self._context.now_ns())
        for ticker, dates in self._catalog.tickers(wanted.symbol, _dates(span, hours), self._today(hours)):
            first = dates.first
            while first <= dates.last:
                last = min(first + at_once - _ONE_DAY, dates.last)
                start_ns = max(local_to_utc_ns(first, 0, zone), span.start_ns)
                end_ns = min(local_to_utc_ns(last + _ONE_DAY, 0, zone), until_ns)
                if start_ns < end_ns:
                    yield ticker, Span(start_ns, end_ns)
                first = last + _ONE_DAY

    def _over(self, points: Iterable[MarketPoint], now_ns: int) -> Iterator[MarketPoint]:
        """Yield the points that were complete some seconds before `now_ns`."""
        for point in points:
            if point.end_time_ns > now_ns - SETTLE_NS:
                return
            yield point

    def _adjusted(
        self, subscription: Subscription, points: Iterable[MarketPoint], dates: DateSpan, hours: ExchangeHours
    ) -> Iterator[MarketPoint]:
        symbol, today = subscription.symbol, self._today(hours)
        told = known_until(self._catalog.announcements(symbol, DateSpan(dates.first, today), today), today)
        closes: dict[date, float] = {}
        paid = dividends_of(told)
        if paid and subscription.normalization is Normalization.ADJUSTED:
            needed = DateSpan(paid[0].ex_date - LOOK_BACK, paid[-1].ex_date)
            for bar in self.download(DownloadRequest(symbol, Resolution.DAILY, TickType.TRADE, needed)):
                if isinstance(bar, TradeBar):
                    closes[hours.local_date(bar.time_ns)] = bar.close
        factors = factors_of(told, closes, subscription.normalization)
        for left_out in factors.left_out:
            self._context.report(
                "dividend_left_out", level="warning", ticker=symbol.value, ex_date=f"{left_out.ex_date}",
                reason="no close before it is known, or the dividend is larger",
            )  # fmt: skip
        return adjusted(points, factors, hours)

    def _refused(self, wanted: DownloadRequest) -> Callable[[int, str, object], None]:
        def report(count: int, reason: str, row: object) -> None:
            self._context.report(
                "polygon_rows_refused", level="warning", ticker=wanted.symbol.value, count=count,
                reason=reason, newest=repr(row)[:300],
            )  # fmt: skip

        return report

    def _today(self, hours: ExchangeHours) -> date:
        return utc_ns_to_local(self._context.now_ns(), hours.data_timezone).date()


def _is_adjusted(subscription: Subscription) -> bool:
    """Return whether splits are to be taken out; only equities have them."""
    return (
        subscription.symbol.security_type is SecurityType.EQUITY
        and subscription.normalization is not Normalization.RAW
    )


def _around(resolution: Resolution, start_ns: int, end_ns: int, hours: ExchangeHours) -> Span:
    """Return where the points begin whose end times lie in (start_ns, end_ns], with some before them."""
    if resolution is Resolution.DAILY:
        return Span(start_ns - 2 * NS_PER_DAY, end_ns)
    if resolution is Resolution.HOUR:
        day = utc_ns_to_local(start_ns - NS_PER_HOUR, hours.data_timezone).date()
        return Span(local_to_utc_ns(day, 0, hours.data_timezone), end_ns)
    period_ns = resolution.period_ns
    return Span(start_ns - start_ns % period_ns if period_ns else start_ns + 1, end_ns + (not period_ns))


def _dates(span: Span, hours: ExchangeHours) -> DateSpan:
    """Return the dates that a span touches."""
    zone = hours.data_timezone
    first, last = utc_ns_to_local(span.start_ns, zone).date(), utc_ns_to_local(span.end_ns - 1, zone).date()
    return DateSpan(first, last)


def _of_dates(dates: DateSpan, hours: ExchangeHours) -> Span:
    """Return the span from the first date's midnight to the last one's end."""
    zone = hours.data_timezone
    return Span(local_to_utc_ns(dates.first, 0, zone), local_to_utc_ns(dates.last + _ONE_DAY, 0, zone))
