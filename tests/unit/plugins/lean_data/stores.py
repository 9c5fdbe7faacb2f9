"""Points of every kind that LEAN's folder has a place for, and a store to put them into."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.spi import Context
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Resolution, Symbol
from livetrader_plugins.lean_data import LeanDataConfig, LeanDataHistory

Maker = Callable[[Symbol, int, Resolution, Random], MarketPoint]

NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)  # a Monday


def store(folder: Path, now: datetime = NOW, told: list[str] | None = None) -> LeanDataHistory:
    """Return the plugin over a folder, at a certain time."""
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(
        name="lean_data",
        state_directory=folder / ".livetrader",
        data_folder=folder,
        now_ns=lambda: int(now.timestamp()) * NS_PER_SECOND,
        monotonic_s=lambda: 0.0,
        random=Random(1),
        spawn=lambda name, work: work.close(),
        report=lambda action, **fields: None if told is None else told.append(action),
    )
    return LeanDataHistory(LeanDataConfig(), context)


def request(
    symbol: Symbol, resolution: Resolution, tick_type: TickType, first: date, last: date
) -> DownloadRequest:
    """Return a request of these dates."""
    return DownloadRequest(symbol, resolution, tick_type, DateSpan(first, last))


def read(history: LeanDataHistory, wanted: DownloadRequest) -> list[MarketPoint]:
    """Return everything stored of some dates, raw, extended hours included, days from midnight on."""
    stream = Subscription(
        wanted.symbol, wanted.resolution, wanted.tick_type, fill_forward=False,
        extended_market_hours=True, normalization=Normalization.RAW, precise_daily=False,
    )  # fmt: skip
    zone = history.reference.hours(wanted.symbol).data_timezone
    first, last = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in wanted.dates)
    start_ns, end_ns = (int(each.timestamp()) * NS_PER_SECOND for each in (first, last))
    return list(history.history(HistoryRequest(stream, start_ns - 1, end_ns + NS_PER_DAY)))


def points_of(
    symbol: Symbol, kind: tuple[Resolution, TickType], starts_ns: list[int], random: Random
) -> list[MarketPoint]:
    """Return a point at each start, with prices of four decimals and sizes in tenths or wholes."""
    resolution, tick_type = kind
    makers: dict[tuple[bool, TickType], Maker] = {
        (True, TickType.TRADE): _trade, (True, TickType.QUOTE): _quote,
        (False, TickType.TRADE): _trade_bar, (False, TickType.QUOTE): _quote_bar,
    }  # fmt: skip
    make = makers[resolution is Resolution.TICK, tick_type]
    return [make(symbol, start_ns, resolution, random) for start_ns in starts_ns]


def _price(random: Random) -> float:
    return random.randrange(1, 9_999_999) / 10_000


def _prices(random: Random) -> tuple[float, float, float, float]:
    low, *between, high = sorted(_price(random) for _ in range(4))
    return between[0], high, low, between[1]


def _trade(symbol: Symbol, start_ns: int, resolution: Resolution, random: Random) -> Tick:
    return Tick(
        symbol, start_ns, _price(random), float(random.randrange(1, 10_000)), suspicious=random.random() < 0.2
    )


def _quote(symbol: Symbol, start_ns: int, resolution: Resolution, random: Random) -> Tick:
    tick = Tick(symbol, start_ns, suspicious=random.random() < 0.2)
    tick.bid_price, tick.ask_price = sorted((_price(random), _price(random)))
    tick.bid_size, tick.ask_size = float(random.randrange(100)), float(random.randrange(100))
    return tick


def _trade_bar(symbol: Symbol, start_ns: int, resolution: Resolution, random: Random) -> TradeBar:
    volume = float(random.randrange(1, 1_000_000))
    return TradeBar(symbol, start_ns, start_ns + resolution.period_ns, *_prices(random), volume)


def _quote_bar(symbol: Symbol, start_ns: int, resolution: Resolution, random: Random) -> QuoteBar:
    nobody = (0.0, 0.0, 0.0, 0.0, 0.0)
    bid = (*_prices(random), float(random.randrange(100))) if random.random() < 0.9 else nobody
    ask = (*_prices(random), float(random.randrange(100)))
    return QuoteBar(symbol, start_ns, start_ns + resolution.period_ns, *bid, *ask)
