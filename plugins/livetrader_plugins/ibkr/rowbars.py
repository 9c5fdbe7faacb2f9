"""Rows of IB's history become bars: where each begins and ends, and whose prices they are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_plugins.ibkr.rows import Row

Place = Callable[[int | date], tuple[int, int]]


def placer(subscription: Subscription, hours: ExchangeHours) -> Place:
    """Return what says where a row's bar begins and ends."""
    strict = subscription.precise_daily and uses_strict_end_times(
        subscription.symbol, subscription.resolution, hours
    )
    period_ns, zone = subscription.resolution.period_ns, hours.data_timezone

    def place(start: int | date) -> tuple[int, int]:
        if subscription.resolution is Resolution.DAILY:
            day = start if isinstance(start, date) else utc_ns_to_local(start, zone).date()
            return daily_bounds(day, hours, strict)
        if isinstance(start, date):
            raise VenueError(f"Interactive Brokers sent a date, {start}, where the time of a bar should be")
        if subscription.resolution is Resolution.HOUR:  # a session's first bar may be shorter
            start -= (start - local_to_utc_ns(utc_ns_to_local(start, zone).date(), 0, zone)) % period_ns
        return start, start + period_ns

    return place


def trade_bars(symbol: Symbol, rows: Iterable[Row], place: Place) -> list[TradeBar]:
    """Return bars of trades."""
    made: list[TradeBar] = []
    for row in rows:
        start_ns, end_ns = place(row.start)
        made.append(TradeBar(symbol, start_ns, end_ns, row.open, row.high, row.low, row.close, row.volume))
    return made


def quote_bars(symbol: Symbol, bids: Iterable[Row], asks: Iterable[Row], place: Place) -> list[QuoteBar]:
    """Return bars of both sides; a side without a row is all zero. IB tells no sizes."""
    made: dict[int, QuoteBar] = {}
    for is_bid, rows in ((True, bids), (False, asks)):
        for row in rows:
            start_ns, end_ns = place(row.start)
            bar = made.get(start_ns)
            if bar is None:
                bar = made[start_ns] = QuoteBar(symbol, start_ns, end_ns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            if is_bid:
                bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close = (
                    row.open,
                    row.high,
                    row.low,
                    row.close,
                )
            else:
                bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close = (
                    row.open,
                    row.high,
                    row.low,
                    row.close,
                )
    return [made[start_ns] for start_ns in sorted(made)]
