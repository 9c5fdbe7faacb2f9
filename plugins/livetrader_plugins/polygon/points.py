"""Asks Polygon for the raw points of a span, ascending, in questions of a page or a few each.

seconds, minutes    the venue's bars, extended hours included
hours               made of the regular session's minutes (sdk/coarser.py)
days                the venue's daily bars: its official prices, all of the day's volume
ticks, quotes       trades and quotes of the tape; bars of quotes are made of those
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final, TypeVar

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.periods import daily_bounds
from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, Resolution
from livetrader_plugins.polygon import rows
from livetrader_plugins.polygon.catalog import Catalog
from livetrader_plugins.polygon.rest import Client, Page, PolygonRest, decoded
from livetrader_plugins.polygon.rows import Span
from livetrader_plugins.sdk.coarser import hours_of_minutes
from livetrader_plugins.sdk.making import NOTHING_STANDS, Standing

_UNITS: Final = {Resolution.SECOND: "second", Resolution.MINUTE: "minute", Resolution.DAILY: "day"}
# Days in one question, so that its answer is a page or a few: 57,600 seconds or 960 minutes have a day.
_DAYS_AT_ONCE: Final = {
    Resolution.TICK: 1, Resolution.SECOND: 1, Resolution.MINUTE: 50, Resolution.DAILY: 20_000,
}  # fmt: skip
_ONE_DAY: Final = timedelta(days=1)
_NS_PER_MS: Final = rows.NS_PER_MS

Row = TypeVar("Row")


class Points:
    """Asks for points. Thread-safe; it remembers only whether it has told of a delayed plan."""

    def __init__(self, rest: PolygonRest, catalog: Catalog, context: Context, page_rows: int) -> None:
        self._rest = rest
        self._catalog = catalog
        self._context = context
        self._page_rows = page_rows
        self._told_delay = False

    def within(
        self, wanted: DownloadRequest, span: Span, hours: ExchangeHours, strict: bool
    ) -> Iterator[MarketPoint]:
        """Yield what begins in a span, raw, ascending; also what is not over yet."""
        if wanted.resolution is Resolution.HOUR:
            minutes = msgspec.structs.replace(wanted, resolution=Resolution.MINUTE)
            return hours_of_minutes(self.within(minutes, span, hours, strict=False), hours)
        if wanted.tick_type is TickType.QUOTE:
            return self._quotes(wanted, span, hours)
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

        try:
            for ticker, part in self._parts(wanted, span, hours):
                if daily:
                    ends = dates_of(part, hours)
                    begin, end = f"{ends.first}", f"{ends.last}"
                    part = span_of(ends, hours)
                else:
                    begin, end = f"{-(-part.start_ns // _NS_PER_MS)}", f"{(part.end_ns - 1) // _NS_PER_MS}"

                def question(
                    client: Client, ticker: str = ticker, begin: str = begin, end: str = end
                ) -> object:
                    return client.list_aggs(
                        ticker, 1, unit, begin, end, adjusted=False, sort="asc", limit=self._page_rows,
                        raw=True,
                    )  # fmt: skip

                found = self._asked(question, rows.AGGREGATES)
                yield from rows.trade_bars(wanted.symbol, found, part, place, refused)
        finally:  # also where the reader has had enough
            refused.tell()

    def _ticks(self, wanted: DownloadRequest, span: Span, hours: ExchangeHours) -> Iterator[Tick]:
        refused = rows.RefusedRows(self._refused(wanted))
        symbol, quotes = wanted.symbol, wanted.tick_type is TickType.QUOTE
        try:
            for ticker, part in self._parts(wanted, span, hours):

                def question(client: Client, ticker: str = ticker, part: Span = part) -> object:
                    ask = client.list_quotes if quotes else client.list_trades
                    return ask(
                        ticker, timestamp_gte=part.start_ns, timestamp_lt=part.end_ns, order="asc",
                        sort="timestamp", limit=self._page_rows, raw=True,
                    )  # fmt: skip

                if quotes:
                    yield from rows.quote_ticks(symbol, self._asked(question, rows.QUOTES), part, refused)
                else:
                    yield from rows.trade_ticks(symbol, self._asked(question, rows.TRADES), part, refused)
        finally:
            refused.tell()

    def _quotes(self, wanted: DownloadRequest, span: Span, hours: ExchangeHours) -> Iterator[MarketPoint]:
        """Yield ticks, or bars of them; the first opens with the date's newest quote before the span."""
        quotes, period_ns = self._ticks(wanted, span, hours), wanted.resolution.period_ns
        if not period_ns:
            yield from quotes
            return
        midnight_ns = span_of(dates_of(span, hours), hours).start_ns
        standing = NOTHING_STANDS
        if midnight_ns < span.start_ns:
            standing = self._standing(wanted, Span(midnight_ns, span.start_ns), hours)
        yield from rows.quote_bars(quotes, period_ns, standing)

    def _standing(self, wanted: DownloadRequest, before: Span, hours: ExchangeHours) -> Standing:
        """Return the newest quote of a span of one date."""
        for ticker, part in self._parts(wanted, before, hours):

            def question(client: Client, ticker: str = ticker, part: Span = part) -> object:
                return client.list_quotes(
                    ticker, timestamp_gte=part.start_ns, timestamp_lt=part.end_ns, order="desc",
                    sort="timestamp", limit=1, raw=True,
                )  # fmt: skip

            found = decoded(next(self._rest.pages(question)), rows.QUOTES)
            for quote in rows.quote_ticks(
                wanted.symbol, found, part, rows.RefusedRows(self._refused(wanted))
            ):
                return Standing(quote.bid_price, quote.bid_size, quote.ask_price, quote.ask_size)
        return NOTHING_STANDS

    def _asked(
        self, question: Callable[[Client], object], decoder: msgspec.json.Decoder[list[Row]]
    ) -> Iterator[Row]:
        """Yield the rows of an answer, a page at a time."""
        for page in self._rest.pages(question):
            self._hear(page)
            found = decoded(page, decoder)
            if len(found) >= self._page_rows and not page.more:
                raise VenueError(
                    f"polygon sent {len(found)} rows, all that were asked for at once, and no next page: "
                    "it may have left some out; ask again with another page_rows"
                )
            yield from found

    def _hear(self, page: Page) -> None:
        if page.delayed and not self._told_delay:
            self._told_delay = True
            self._context.report(
                "polygon_delayed", level="warning",
                reason="the plan of this key has data of 15 minutes ago: the newest is missing until then",
            )  # fmt: skip

    def _parts(self, wanted: DownloadRequest, span: Span, hours: ExchangeHours) -> Iterator[tuple[str, Span]]:
        """Yield tickers and spans that one question each covers, ascending; none for closed days alone."""
        zone, at_once = hours.data_timezone, timedelta(days=_DAYS_AT_ONCE[wanted.resolution])
        until_ns = min(span.end_ns, self._context.now_ns())
        for ticker, dates in self._catalog.tickers(wanted.symbol, dates_of(span, hours), self.today(hours)):
            first = dates.first
            while first <= dates.last:
                last = min(first + at_once - _ONE_DAY, dates.last)
                start_ns = max(local_to_utc_ns(first, 0, zone), span.start_ns)
                end_ns = min(local_to_utc_ns(last + _ONE_DAY, 0, zone), until_ns)
                if start_ns < end_ns and _trades(first, last, hours):
                    yield ticker, Span(start_ns, end_ns)
                first = last + _ONE_DAY

    def _refused(self, wanted: DownloadRequest) -> Callable[[int, str, object], None]:
        def report(count: int, reason: str, row: object) -> None:
            self._context.report(
                "polygon_rows_refused", level="warning", ticker=wanted.symbol.value, count=count,
                reason=reason, newest=repr(row)[:300],
            )  # fmt: skip

        return report

    def today(self, hours: ExchangeHours) -> date:
        """Return the date in the time zone of the data."""
        return utc_ns_to_local(self._context.now_ns(), hours.data_timezone).date()


def span_around(resolution: Resolution, start_ns: int, end_ns: int, hours: ExchangeHours) -> Span:
    """Return where the points begin whose end times lie in (start_ns, end_ns], with some before them."""
    if resolution is Resolution.DAILY:
        return Span(start_ns - 2 * NS_PER_DAY, end_ns)
    if resolution is Resolution.HOUR:
        day = utc_ns_to_local(start_ns - NS_PER_HOUR, hours.data_timezone).date()
        return Span(local_to_utc_ns(day, 0, hours.data_timezone), end_ns)
    period_ns = resolution.period_ns
    return Span(start_ns - start_ns % period_ns if period_ns else start_ns + 1, end_ns + (not period_ns))


def _trades(first: date, last: date, hours: ExchangeHours) -> bool:
    """Return whether something can have been traded on one of these dates."""
    if hours.always_open:
        return True
    days = range(first.toordinal(), last.toordinal() + 1)
    return any(hours.is_trading_day(date.fromordinal(day), extended=True) for day in days)


def dates_of(span: Span, hours: ExchangeHours) -> DateSpan:
    """Return the dates that a span touches."""
    zone = hours.data_timezone
    first, last = utc_ns_to_local(span.start_ns, zone).date(), utc_ns_to_local(span.end_ns - 1, zone).date()
    return DateSpan(first, last)


def span_of(dates: DateSpan, hours: ExchangeHours) -> Span:
    """Return the span from the first date's midnight to the last one's end."""
    zone = hours.data_timezone
    return Span(local_to_utc_ns(dates.first, 0, zone), local_to_utc_ns(dates.last + _ONE_DAY, 0, zone))
