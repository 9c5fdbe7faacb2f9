"""Past data of Interactive Brokers behind the synchronous port: the `ibkr` history.

Everything is asked on a thread with a session of its own (side_thread.py, archive.py). What IB has:

    split adjusted  its trades, bids and asks as they are
    adjusted        days: IB's own ADJUSTED_LAST; shorter bars: times that day's ADJUSTED_LAST / TRADES
    raw             nothing: splits are out of everything. Refused, or split adjusted if the settings say so
    total return    nothing: refused

Hours and days of equities are those of the regular session. Only equities are adjusted; other securities have
one kind of price.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import chain
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import API_VERSION, Context, VenueError
from livetrader_engine.symbols import NS_PER_DAY, Resolution, SecurityType, Symbol
from livetrader_plugins.ibkr.archive import Archive, Wish
from livetrader_plugins.ibkr.config import IbkrHistoryConfig
from livetrader_plugins.ibkr.datalines import shown_of
from livetrader_plugins.ibkr.historytimes import Chunk
from livetrader_plugins.ibkr.library import ContractDetails
from livetrader_plugins.ibkr.pacing import HistoryLimits
from livetrader_plugins.ibkr.reference import IbkrReference
from livetrader_plugins.ibkr.rowbars import placer, quote_bars, trade_bars
from livetrader_plugins.ibkr.rows import Row
from livetrader_plugins.ibkr.side_thread import SideThread

ADJUSTED: Final = "ADJUSTED_LAST"  # IB takes it with the end "now" only
FACTOR_DIGITS: Final = 6  # of a factor; IB's prices are rounded to ticks, so more would be noise
YEAR_DAYS: Final = 365
_WITHOUT_TRADES: Final = frozenset({SecurityType.FOREX, SecurityType.CFD})
_ONE_DAY: Final = timedelta(days=1)

Answer = TypeVar("Answer")


class IbkrHistory:
    """Implements HistoryPlugin. Thread-safe. Nothing connects before the first question."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[IbkrHistoryConfig]] = IbkrHistoryConfig

    def __init__(
        self, config: IbkrHistoryConfig, context: Context, limits: HistoryLimits | None = None
    ) -> None:
        """Keep the settings. `limits` are IB's rules of pace, where they are not the usual ones."""
        # a login knows its sessions by their numbers, and engine and daemon may ask at once
        config = msgspec.structs.replace(config, client_id=config.client_id + context.instance)
        self._config = config
        self._context = context
        self._thread = SideThread("ibkr history")
        self._archive = Archive(config, context, self._thread.spawn, limits)
        self._reference = IbkrReference(context, self._details)
        self._factors: dict[Symbol, tuple[date, int, Mapping[date, float]]] = {}

    @property
    def reference(self) -> IbkrReference:
        """Symbols, hours and properties."""
        return self._reference

    @property
    def asked(self) -> int:
        """How many historical requests were sent to IB."""
        return self._archive.asked

    def close(self) -> None:
        """End the connection and the thread; idempotent. A process that ends need not call it."""
        self._thread.close(self._archive.close)

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        return chain.from_iterable(self.batches(request))

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the points whose end time lies in (start_ns, end_ns], ascending, without fill-forward.

        Raises DataError for what IB does not have, VenueError where IB did not answer: never an empty answer
        for silence.
        """
        subscription = request.subscription
        end_ns = min(request.end_ns, self._context.now_ns())
        if request.start_ns >= end_ns:
            return iter(())
        self._check(subscription)
        hours = self._reference.hours(subscription.symbol)
        points = self._points(subscription, hours, request.start_ns, end_ns)
        extended = subscription.extended_market_hours
        return ending_within(while_open(batched(points), hours, extended), request.start_ns, end_ns)

    def _check(self, subscription: Subscription) -> None:
        """Refuse what IB does not have. Raises DataError with what to ask for instead."""
        name, how = subscription.symbol.value, subscription.normalization
        if subscription.resolution is Resolution.TICK:
            raise DataError(f"{name}: the ibkr history has no ticks; ask for seconds")
        if subscription.tick_type is TickType.OPEN_INTEREST:
            raise DataError(f"{name}: the ibkr history has no open interest")
        if subscription.symbol.security_type is not SecurityType.EQUITY:
            return
        if how is Normalization.TOTAL_RETURN:
            raise DataError(f"{name}: IB has no total return prices; ask for adjusted ones")
        if how is Normalization.RAW and self._config.raw_prices == "refuse":
            raise DataError(
                f"{name}: IB has no raw prices, it takes splits out of all of them; ask for split adjusted "
                'ones, or set raw_prices = "split_adjusted" in [history]'
            )

    def _points(
        self, subscription: Subscription, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> Iterable[MarketPoint]:
        symbol = subscription.symbol
        has_trades = symbol.security_type not in _WITHOUT_TRADES
        if subscription.tick_type is TickType.TRADE and not has_trades:
            return ()
        if subscription.tick_type is TickType.QUOTE and has_trades and not self._config.quotes:
            return ()
        adjusts = symbol.security_type is SecurityType.EQUITY and (
            subscription.normalization is Normalization.ADJUSTED
        )
        place = placer(subscription, hours)
        if subscription.tick_type is TickType.QUOTE:
            sides = [self._rows(subscription, what, hours, start_ns, end_ns) for what in ("BID", "ASK")]
            points: list[TradeBar] | list[QuoteBar] = quote_bars(symbol, sides[0], sides[1], place)
        elif adjusts and subscription.resolution is Resolution.DAILY:
            return trade_bars(symbol, self._days(symbol, ADJUSTED, start_ns), place)
        else:
            rows = self._rows(subscription, shown_of(symbol), hours, start_ns, end_ns)
            points = trade_bars(symbol, rows, place)
        if adjusts and points:
            factors = self._factors_of(symbol, hours, start_ns)
            for point in points:
                _scale(point, factors(hours.local_date(point.time_ns)))
        return points

    # ---- asking

    def _rows(
        self, subscription: Subscription, what: str, hours: ExchangeHours, start_ns: int, end_ns: int
    ) -> list[Row]:
        resolution, extended = subscription.resolution, subscription.extended_market_hours
        session_only = (
            subscription.symbol.security_type is SecurityType.EQUITY and resolution >= Resolution.HOUR
        )
        wish = Wish(subscription.symbol, resolution, what, session_only or not extended)

        def closed(chunk: Chunk) -> bool:
            return resolution is Resolution.SECOND and not hours.is_open_during(
                chunk.start_ns, chunk.end_ns, extended
            )

        # the bar that a span begins in, and a daily bar that ends in it, begin before it
        from_ns = start_ns - (2 * NS_PER_DAY if resolution is Resolution.DAILY else resolution.period_ns)
        return self._ask(lambda: self._archive.rows(wish, from_ns, end_ns, closed))

    def _days(self, symbol: Symbol, what: str, start_ns: int) -> list[Row]:
        """Return the days from a time to now, in one request: the only way to have them adjusted."""
        days = (self._context.now_ns() - start_ns) // NS_PER_DAY + 3
        duration = f"{days} D" if days <= YEAR_DAYS else f"{-(-days // YEAR_DAYS)} Y"
        wish = Wish(symbol, Resolution.DAILY, what, True)
        return self._ask(lambda: self._archive.newest(wish, duration))

    def _factors_of(self, symbol: Symbol, hours: ExchangeHours, start_ns: int) -> Callable[[date], float]:
        """Return by what prices of a day are to be multiplied so that dividends are out of them."""
        today = hours.local_date(self._context.now_ns())
        known = self._factors.get(symbol)
        if known is None or known[0] != today or known[1] > start_ns:
            adjusted = {row.start: row.close for row in self._days(symbol, ADJUSTED, start_ns)}
            plain = {row.start: row.close for row in self._days(symbol, shown_of(symbol), start_ns)}
            made = {
                day: round(adjusted[day] / close, FACTOR_DIGITS)
                for day, close in plain.items()
                if isinstance(day, date) and day in adjusted and close
            }
            known = self._factors[symbol] = today, start_ns, made
        factors, days = known[2], sorted(known[2])

        def factor(day: date) -> float:
            if day in factors:
                return factors[day]
            at = bisect_right(days, day)  # a day that IB left out: as the next one it has
            return factors[days[at]] if at < len(days) else 1.0

        return factor

    def _details(self, symbol: Symbol) -> ContractDetails | None:
        return self._ask(lambda: self._archive.details(symbol))

    def _ask(self, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        limit_s = self._config.answer_limit_s

        async def limited() -> Answer:
            try:
                async with asyncio.timeout(limit_s):
                    return await work()
            except TimeoutError as error:
                why = self._archive.waits_for or (
                    "IB allows 60 requests in ten minutes; ask for shorter spans or longer bars, or raise "
                    "answer_limit_s in [history]"
                )
                raise VenueError(f"history was not complete within {limit_s:g} s: {why}") from error

        return self._thread.ask(limited, limit_s)


def _scale(bar: TradeBar | QuoteBar, factor: float) -> None:
    if factor == 1.0:
        return
    if isinstance(bar, TradeBar):
        bar.open, bar.high, bar.low, bar.close = (
            price * factor for price in (bar.open, bar.high, bar.low, bar.close)
        )
        return
    bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close = (
        price * factor for price in (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close)
    )
    bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close = (
        price * factor for price in (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close)
    )
