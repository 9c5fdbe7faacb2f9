"""Past data of Polygon behind the synchronous port: the `polygon` history, which can be downloaded, too.

What points are made of says points.py. They are as traded; `history` takes splits and dividends out with the
venue's own announcements. A bar is there when it has been over for some seconds: before, the venue may still
be counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import ClassVar, Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.batches import Batch
from livetrader_engine.data.periods import uses_strict_end_times
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import API_VERSION, Context
from livetrader_engine.spi_data import Announcement, DateSpan, DownloadCapabilities, DownloadRequest
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_plugins.polygon.catalog import Catalog, Listing, Renamed, known_until
from livetrader_plugins.polygon.config import PolygonHistoryConfig
from livetrader_plugins.polygon.points import Points, dates_of, span_around, span_of
from livetrader_plugins.polygon.rest import NoSuchThingError, PolygonRest
from livetrader_plugins.polygon.symbols import market_of
from livetrader_plugins.sdk.answers import answered, complete
from livetrader_plugins.sdk.factors import LOOK_BACK, adjusted, dividends_of, factors_of, report_left_out
from livetrader_plugins.sdk.new_york import NewYorkReference

SETTLE_NS: Final = 2 * NS_PER_SECOND  # after its end the venue is still counting a bar


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
        self._context = context
        self._rest = PolygonRest(config, context, wait)
        self._reference = NewYorkReference(context.reference, "polygon")
        self._catalog = Catalog(self._rest, self._reference, context.report)
        self._points = Points(self._rest, self._catalog, context, config.page_rows)

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
        span = span_around(resolution, request.start_ns, end_ns, hours)
        strict = subscription.precise_daily and uses_strict_end_times(symbol, resolution, hours)
        wanted = DownloadRequest(symbol, resolution, subscription.tick_type, dates_of(span, hours))
        found = self._none_of_unknown(self._points.within(wanted, span, hours, strict))
        points = complete(found, now_ns - SETTLE_NS)
        if _is_adjusted(subscription):
            points = self._adjusted(subscription, points, wanted.dates, hours)
        return answered(points, request, hours, end_ns)

    def download(self, request: DownloadRequest) -> Iterator[MarketPoint]:
        """Yield the raw points of whole dates. Raises as `batches`, also in the middle of them."""
        self._check(request.symbol, request.resolution, request.tick_type)
        hours = self._reference.hours(request.symbol)
        points = self._points.within(request, span_of(request.dates, hours), hours, strict=False)
        return complete(points, self._context.now_ns() - SETTLE_NS)

    def announcements(self, symbol: Symbol, dates: DateSpan) -> Sequence[Announcement]:
        """Return splits and dividends with ex-dates within these, ascending; of equities only."""
        if symbol.security_type is not SecurityType.EQUITY:
            return ()
        return self._catalog.announcements(symbol, dates, self._points.today(self._reference.hours(symbol)))

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

    # ---- what is refused, left out and adjusted

    def _check(self, symbol: Symbol, resolution: Resolution, tick_type: TickType) -> None:
        """Refuse what Polygon does not have. Raises DataError with what to ask for instead."""
        market, name = market_of(symbol), symbol.value
        if tick_type is TickType.OPEN_INTEREST:
            raise DataError(f"{name}: the polygon history has no open interest")
        if market == "indices" and (tick_type is TickType.QUOTE or resolution is Resolution.TICK):
            raise DataError(f"{name}: of indices Polygon has bars of values; ask for seconds or longer")
        if tick_type is TickType.QUOTE and resolution > Resolution.MINUTE:
            raise DataError(f"{name}: the polygon history has quotes up to minutes; ask for minutes")

    def _none_of_unknown(self, points: Iterable[MarketPoint]) -> Iterator[MarketPoint]:
        """Yield points; of what the venue has never heard of there are none."""
        try:
            yield from points
        except NoSuchThingError as error:
            self._context.report("polygon_has_none", reason=str(error))

    def _adjusted(
        self, subscription: Subscription, points: Iterable[MarketPoint], dates: DateSpan, hours: ExchangeHours
    ) -> Iterator[MarketPoint]:
        symbol, today = subscription.symbol, self._points.today(hours)
        told = known_until(self._catalog.announcements(symbol, DateSpan(dates.first, today), today), today)
        closes: dict[date, float] = {}
        paid = dividends_of(told)
        if paid and subscription.normalization is Normalization.ADJUSTED:
            needed = DateSpan(paid[0].ex_date - LOOK_BACK, paid[-1].ex_date)
            for bar in self.download(DownloadRequest(symbol, Resolution.DAILY, TickType.TRADE, needed)):
                if isinstance(bar, TradeBar):
                    closes[hours.local_date(bar.time_ns)] = bar.close
        factors = factors_of(told, closes, subscription.normalization)
        report_left_out(factors, symbol, self._context.report)
        return adjusted(points, factors, hours)


def _is_adjusted(subscription: Subscription) -> bool:
    """Return whether splits are to be taken out; only equities have them."""
    return (
        subscription.symbol.security_type is SecurityType.EQUITY
        and subscription.normalization is not Normalization.RAW
    )
