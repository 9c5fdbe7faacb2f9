"""Make up a market: seeded random prices of any length, with splits and dividends, for tests and first steps.

Prices follow a geometric Brownian motion, trade by trade; bars are made from these trades, so that all
resolutions of a seed agree. The price falls by what a dividend pays and is divided by a split on its date.
The same seed, ticker and first date give the same prices, wherever the span ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from livetrader.histories.spans import days_of
from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    AnnouncedSplit,
    Announcement,
    DataStore,
    DateSpan,
    DownloadRequest,
)
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND, Resolution, SecurityType, Symbol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

YEAR_NS: Final = 252 * 6.5 * NS_PER_HOUR  # of trading, by which volatility and drift are meant
NS_PER_MS: Final = 1_000_000
SPLIT_AT: Final = 400.0  # above this price a share is split, as companies do
REVERSE_SPLIT_AT: Final = 4.0  # below this one it is joined
SPLIT_INTO: Final = 4
LEAST_DAYS_BETWEEN_SPLITS: Final = 60
DIVIDEND_EVERY_DAYS: Final = 63  # sessions: a quarter
TRADES_AT_ONCE: Final = 100_000  # held in memory before they are written: megabytes
PROVIDER: Final = "generated"


class Habits(NamedTuple):
    """How a made-up market behaves: yearly volatility and drift, what a share pays a year, its trades."""

    volatility: float = 0.25
    drift: float = 0.07
    dividend_yield: float = 0.015
    trades_per_minute: float = 4.0
    spread: float = 0.0002
    first_price: float = 100.0


class Market(NamedTuple):
    """What is to be made up: dates, kinds of data, the seed."""

    dates: DateSpan
    kinds: Sequence[tuple[Resolution, TickType]]
    seed: int
    habits: Habits = Habits()


class Session(NamedTuple):
    """One date: its trades, and the quotes that stood when they were made."""

    day: date
    times_ns: NDArray[np.int64]
    prices: NDArray[np.float64]
    sizes: NDArray[np.float64]
    bids: NDArray[np.float64]
    asks: NDArray[np.float64]
    announced: Sequence[Announcement]


def sessions(
    symbol: Symbol, hours: ExchangeHours, dates: DateSpan, seed: int, habits: Habits
) -> Iterator[Session]:
    """Yield the sessions of these dates, ascending: deterministic by seed, ticker and first date."""
    import numpy as np

    first, last = dates
    price, since_split, since_dividend = habits.first_price, LEAST_DAYS_BETWEEN_SPLITS, 0
    pays = symbol.security_type is SecurityType.EQUITY
    day = first
    while day <= last:
        random = np.random.default_rng([seed, crc32(symbol.value.encode()), day.toordinal()])
        intervals = hours.intervals(day) if hours.is_trading_day(day) else ()
        if intervals:
            announced: list[Announcement] = []
            since_split, since_dividend = since_split + 1, since_dividend + 1
            if pays and day > first and since_dividend >= DIVIDEND_EVERY_DAYS:
                since_dividend = 0
                amount = round(price * habits.dividend_yield / 4, 2)
                if amount:
                    announced.append(AnnouncedDividend(symbol, day, Decimal(str(amount))))
                    price -= amount
            if pays and day > first and since_split >= LEAST_DAYS_BETWEEN_SPLITS:
                factor = _split_factor(price)
                if factor is not None:
                    since_split = 0
                    announced.append(AnnouncedSplit(symbol, day, factor))
                    price *= float(factor)
            made = _session(day, intervals, price, random, habits)
            price = float(made.prices[-1])
            yield made._replace(announced=announced)
        day += timedelta(days=1)


def _split_factor(price: float) -> Decimal | None:
    if price > SPLIT_AT:
        return Decimal(1) / SPLIT_INTO
    return Decimal(SPLIT_INTO) if price < REVERSE_SPLIT_AT else None


def _session(
    day: date,
    intervals: Sequence[tuple[int, int]],
    price: float,
    random: np.random.Generator,
    habits: Habits,
) -> Session:
    import numpy as np

    minutes = sum(end - start for start, end in intervals) / (60 * NS_PER_SECOND)
    count = max(2, int(random.poisson(minutes * habits.trades_per_minute)))
    start_ns, end_ns = intervals[0][0], intervals[-1][1]
    times = np.sort(random.integers(start_ns // NS_PER_MS, end_ns // NS_PER_MS, count)) * NS_PER_MS
    inside = np.zeros(count, dtype=bool)
    for low, high in intervals:
        inside |= (times >= low) & (times < high)
    times = times[inside]
    years = np.diff(times, prepend=start_ns) / YEAR_NS
    steps = random.standard_normal(len(times)) * habits.volatility * np.sqrt(years)
    moves = (habits.drift - habits.volatility**2 / 2) * years + steps
    unit = 0.01 if price >= 1 else 0.0001
    prices = np.maximum(np.round(price * np.exp(np.cumsum(moves)) / unit), 2) * unit
    half = np.maximum(np.round(prices * habits.spread / 2 / unit), 1) * unit
    sizes = np.ceil(random.exponential(2.0, len(times))) * 100
    prices = np.round(prices, 4)
    return Session(
        day,
        times,
        prices,
        sizes,
        np.asarray(np.round(np.maximum(prices - half, unit), 4), dtype=np.float64),
        np.asarray(np.round(prices + half, 4), dtype=np.float64),
        (),
    )


def points(
    symbol: Symbol, made: Session, resolution: Resolution, tick_type: TickType, hours: ExchangeHours
) -> Iterator[MarketPoint]:
    """Yield what one session is at a resolution: its trades or quotes, or bars made of them."""
    quotes = tick_type is TickType.QUOTE
    if resolution is Resolution.TICK:
        columns = (made.times_ns, made.prices, made.sizes, made.bids, made.asks)
        for time_ns, price, size, bid, ask in zip(*(each.tolist() for each in columns), strict=True):
            if quotes:
                yield Tick(symbol, time_ns, bid_price=bid, bid_size=size, ask_price=ask, ask_size=size)
            else:
                yield Tick(symbol, time_ns, price, size)
        return
    for start_ns, end_ns, low, high in _periods(made, resolution, hours):
        if quotes:
            bid = (*_ohlc(made.bids[low:high]), float(made.sizes[high - 1]))
            ask = (*_ohlc(made.asks[low:high]), float(made.sizes[high - 1]))
            yield QuoteBar(symbol, start_ns, end_ns, *bid, *ask)
        else:
            volume = float(made.sizes[low:high].sum())
            yield TradeBar(symbol, start_ns, end_ns, *_ohlc(made.prices[low:high]), volume)


def _periods(
    made: Session, resolution: Resolution, hours: ExchangeHours
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, end, first trade, trade after the last) of the periods that have trades."""
    import numpy as np

    zone = hours.data_timezone
    midnight_ns = local_to_utc_ns(made.day, 0, zone)
    if resolution is Resolution.DAILY:
        yield midnight_ns, local_to_utc_ns(made.day, NS_PER_DAY, zone), 0, len(made.times_ns)
        return
    period_ns = resolution.period_ns
    numbers = (made.times_ns - midnight_ns) // period_ns
    begins = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
    for low, high in zip(begins, [*begins[1:], len(numbers)], strict=True):
        start_ns = midnight_ns + int(numbers[low]) * period_ns
        yield start_ns, start_ns + period_ns, low, high


def _ohlc(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return float(values[0]), float(values.max()), float(values.min()), float(values[-1])


def make_up(
    store: DataStore,
    symbol: Symbol,
    hours: ExchangeHours,
    market: Market,
    made: Callable[[int, int], None],
) -> int:
    """Write a made-up market into a store; return how many points. Ends with its splits and dividends.

    `made(days, of)` hears how far it is. Raises DataError for what cannot be stored, OSError.
    """
    span, count = market.dates, 0
    announced: list[Announcement] = []
    held: list[Session] = []
    first = span.first
    for session in sessions(symbol, hours, span, market.seed, market.habits):
        if sum(len(each.prices) for each in held) >= TRADES_AT_ONCE:
            count += _put(store, symbol, hours, market, held, DateSpan(first, held[-1].day))
            first = held[-1].day + timedelta(days=1)
            made(days_of(DateSpan(span.first, held[-1].day)), days_of(span))
            held = []
        announced += session.announced
        held.append(session)
    count += _put(store, symbol, hours, market, held, DateSpan(first, span.last))
    if symbol.security_type is SecurityType.EQUITY:
        store.store_announcements(PROVIDER, symbol, span, announced)
    made(days_of(span), days_of(span))
    return count


def _put(
    store: DataStore,
    symbol: Symbol,
    hours: ExchangeHours,
    market: Market,
    held: Sequence[Session],
    dates: DateSpan,
) -> int:
    count = 0
    for resolution, tick_type in market.kinds:
        request = DownloadRequest(symbol, resolution, tick_type, dates)
        made = (point for each in held for point in points(symbol, each, resolution, tick_type, hours))
        count += store.store(PROVIDER, request, made).points
    return count
