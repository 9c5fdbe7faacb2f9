"""Points to the rows of LEAN data files: the other direction of `convert`. Pure: no file is opened here.

Source of the formats: LEAN's Common/Util/LeanData.cs, GenerateLine and GenerateZipEntryName. LEAN cuts prices
to its unit; here they are rounded, so that what was read is written as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import DownloadRequest
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, Resolution, SecurityType

SCALED: Final = frozenset({SecurityType.EQUITY, SecurityType.OPTION, SecurityType.INDEX_OPTION})
QUOTES_ONLY: Final = frozenset({SecurityType.FOREX, SecurityType.CFD})
TRADES_ONLY: Final = frozenset({SecurityType.EQUITY, SecurityType.INDEX})  # at hour and daily resolution
CRYPTO: Final = frozenset({SecurityType.CRYPTO, SecurityType.CRYPTO_FUTURE})
OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.INDEX_OPTION})
WRITTEN: Final = (SCALED - OPTIONS) | QUOTES_ONLY | TRADES_ONLY | CRYPTO
PRICE_UNITS: Final = 10_000  # stored integers per unit of currency, where prices are scaled
MAX_PRICE: Final = 1e11  # stored as an integer of at most 15 digits: a float holds it exactly
MAX_BAD_SHARE: Final = 0.01  # of points that cannot be rows: more is not a blemish but another kind of data
MIN_BAD: Final = 5  # points that may always be left out, however few there are

_NS_PER_MS: Final = 1_000_000
_ONE_DAY: Final = timedelta(days=1)


class DayRows(NamedTuple):
    """The rows of one date, ascending."""

    day: date
    rows: list[str]


class LeftOut:
    """Counts the points that no row can hold, and keeps the first one's words."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.first = ""

    def add(self, what: str) -> None:
        """Note one."""
        self.count += 1
        self.first = self.first or what

    def check(self, name: str) -> None:
        """Raise DataError where so much was left out that the rest cannot be trusted."""
        if self.count > max(MIN_BAD, self.total * MAX_BAD_SHARE):
            raise DataError(
                f"{name}: {self.count} of {self.total} points are no bars or ticks; the first: {self.first}"
            )


def refusal(request: DownloadRequest) -> str:
    """Return why LEAN's format, as it is read here, has no place for this kind of data; "" where it has."""
    kind, name = request.symbol.security_type, request.symbol.security_type.name.lower()
    if kind not in WRITTEN:
        return f"there is no reader for {name} data"
    if request.tick_type is TickType.OPEN_INTEREST:
        return "open interest is not read"
    if request.tick_type is TickType.TRADE and kind in QUOTES_ONLY:
        return f"LEAN keeps quotes of {name} only"
    quotes = request.tick_type is TickType.QUOTE
    if quotes and (
        kind is SecurityType.INDEX or (kind in TRADES_ONLY and request.resolution >= Resolution.HOUR)
    ):
        return f"LEAN keeps no {request.resolution.name.lower()} quotes of {name}"
    return ""


def rows_by_day(
    request: DownloadRequest, points: Iterable[MarketPoint], zone: ZoneInfo, left_out: LeftOut
) -> Iterator[DayRows]:
    """Yield the rows of each date that has points. Raises DataError for points that are not of the request.

    A point that cannot be true (a price that is no number or not positive, a high below the low) is left out
    and counted. Times of second and minute files and of ticks count from midnight by the exchange's clock.
    """
    write = _writer(request)
    coarse = request.resolution >= Resolution.HOUR
    day: date | None = None
    rows: list[str] = []
    low_ns = high_ns = 0
    newest_ns = -1
    for point in points:
        left_out.total += 1
        time_ns = point.time_ns
        if time_ns < newest_ns:
            raise DataError(f"{request.symbol.value}: {time_ns} ns comes after {newest_ns} ns")
        newest_ns = time_ns
        if not low_ns <= time_ns < high_ns:
            if day is not None and rows:
                yield DayRows(day, rows)
            day = utc_ns_to_local(time_ns, zone).date()
            low_ns, high_ns = local_to_utc_ns(day, 0, zone), local_to_utc_ns(day, NS_PER_DAY, zone)
            rows = []
            if not request.dates.first <= day <= request.dates.last:
                raise DataError(f"{request.symbol.value}: a point of {day} was not asked for")
        text = write(point)
        if not text or point.symbol != request.symbol:
            left_out.add(f"{point!r}"[:200])
            continue
        assert day is not None, "a point has a day"
        since_ns = time_ns - low_ns
        if high_ns - low_ns != NS_PER_DAY:
            since_ns = _wall_clock_ns(time_ns, day, zone)
        when = _minute_of(day, since_ns, request.resolution) if coarse else _milliseconds(since_ns)
        rows.append(f"{when},{text}")
    if day is not None and rows:
        yield DayRows(day, rows)


def number(value: float) -> str:
    """Return a number as the shortest text that reads back as the same float, without exponent."""
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def _minute_of(day: date, since_ns: int, resolution: Resolution) -> str:
    if resolution is Resolution.DAILY:
        return f"{day:%Y%m%d} 00:00"
    hour, rest = divmod(since_ns, NS_PER_HOUR)
    return f"{day:%Y%m%d} {hour:02}:{rest // NS_PER_MINUTE:02}"


def _milliseconds(since_ns: int) -> str:
    whole, rest = divmod(since_ns, _NS_PER_MS)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)


def _wall_clock_ns(time_ns: int, day: date, zone: ZoneInfo) -> int:
    """Return what the exchange's clock shows, of a day on which it is changed."""
    local = utc_ns_to_local(time_ns // 1000 * 1000, zone)
    shown = ((local.hour * 60 + local.minute) * 60 + local.second) * 1_000_000_000
    shown += local.microsecond * 1000 + time_ns % 1000
    if local_to_utc_ns(day, shown, zone) != time_ns:
        raise DataError(
            f"{day} {local.time()}: the clock shows that hour twice; LEAN's format cannot tell which"
        )
    return shown


def _writer(request: DownloadRequest) -> Callable[[MarketPoint], str]:
    kind = request.symbol.security_type
    scaled = kind in SCALED
    if request.resolution is not Resolution.TICK:
        if request.tick_type is TickType.TRADE:
            return _trade_bar(_scaled if scaled else number)
        return _quote_bar(_scaled if scaled else number)
    if request.tick_type is TickType.TRADE:
        return _trade_tick(kind)
    return _quote_tick(kind)


def _scaled(price: float) -> str:
    return str(round(price * PRICE_UNITS))


def _trade_bar(price: Callable[[float], str]) -> Callable[[MarketPoint], str]:
    def write(point: MarketPoint) -> str:
        if not isinstance(point, TradeBar) or not _encloses(
            point.open, point.high, point.low, point.close, price
        ):
            return ""
        if not 0 <= point.volume < float("inf"):
            return ""
        prices = (point.open, point.high, point.low, point.close)
        return f"{','.join(map(price, prices))},{number(point.volume)}"

    return write


def _quote_bar(price: Callable[[float], str]) -> Callable[[MarketPoint], str]:
    def side(opens: float, high: float, low: float, close: float, size: float) -> str | None:
        if not close:
            return ",,,,"  # nobody quoted this side
        if not _encloses(opens, high, low, close, price) or not 0 <= size < float("inf"):
            return None
        return f"{','.join(map(price, (opens, high, low, close)))},{number(size)}"

    def write(point: MarketPoint) -> str:
        if not isinstance(point, QuoteBar) or not (point.bid_close or point.ask_close):
            return ""
        bid = side(point.bid_open, point.bid_high, point.bid_low, point.bid_close, point.bid_size)
        ask = side(point.ask_open, point.ask_high, point.ask_low, point.ask_close, point.ask_size)
        return "" if bid is None or ask is None else f"{bid},{ask}"

    return write


def _trade_tick(kind: SecurityType) -> Callable[[MarketPoint], str]:
    price = _scaled if kind in SCALED else number
    between = "," if kind in CRYPTO else ",,,"  # exchange and sale condition are not kept

    def write(point: MarketPoint) -> str:
        if (
            not isinstance(point, Tick)
            or not _positive(point.price, price)
            or not 0 <= point.quantity < float("inf")
        ):
            return ""
        return f"{price(point.price)},{number(point.quantity)}{between}{int(point.suspicious)}"

    return write


def _quote_tick(kind: SecurityType) -> Callable[[MarketPoint], str]:
    price = _scaled if kind in SCALED else number
    between = {SecurityType.EQUITY: ",,,"}.get(kind, "," if kind in CRYPTO else ",,")

    def write(point: MarketPoint) -> str:
        if not isinstance(point, Tick):
            return ""
        bid, ask = point.bid_price, point.ask_price
        sizes = 0 <= point.bid_size < float("inf") and 0 <= point.ask_size < float("inf")
        if (
            not (bid or ask)
            or (bid and not _positive(bid, price))
            or (ask and not _positive(ask, price))
            or not sizes
        ):
            return ""
        if kind in QUOTES_ONLY:
            return f"{number(bid)},{number(ask)}"
        shown = f"{price(bid)},{number(point.bid_size)},{price(ask)},{number(point.ask_size)}"
        return f"{shown}{between}{int(point.suspicious)}"

    return write


def _positive(price: float, write: Callable[[float], str]) -> bool:
    """Return whether a price is one, and not so small that its row would say zero."""
    return isfinite(price) and 0 < price < MAX_PRICE and (write is number or price * PRICE_UNITS > 0.5)


def _encloses(opens: float, high: float, low: float, close: float, write: Callable[[float], str]) -> bool:
    return low <= opens <= high and low <= close <= high and _positive(low, write) and _positive(high, write)
