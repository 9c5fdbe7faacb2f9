"""What the functions of the API answer: tables of rows, newest first, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from livetrader_venues.alphavantage.keys import PREMIUM, Key, Refused
from livetrader_venues.stockmarket.bars import bars_of
from livetrader_venues.stockmarket.clocks import EXCHANGE_ZONE, day_of, days, midnight_ns
from livetrader_venues.stockmarket.market import Market, told
from livetrader_venues.stockmarket.securities import Security
from livetrader_venues.stockmarket.sessions import session
from livetrader_venues.stockmarket.tape import MINUTE_NS, SECOND_NS, Bar

COMPACT = 100  # rows
FULL_DAYS = 30  # of intraday data without a month
FIRST_DAY = date(1999, 11, 1)  # where whole daily histories begin
_INTERVALS = {"1min": 1, "5min": 5, "15min": 15, "30min": 30, "60min": 60}
_ZONE = "US/Eastern"
_PRICES = ("1. open", "2. high", "3. low", "4. close", "5. volume")
_ADJUSTED = (
    "1. open",
    "2. high",
    "3. low",
    "4. close",
    "5. adjusted close",
    "6. volume",
    "7. dividend amount",
    "8. split coefficient",
)


class Table(NamedTuple):
    """An answer in both formats: columns and rows of CSV, and the object of JSON."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    body: Mapping[str, object]


class Asked(NamedTuple):
    """A request that was let in."""

    market: Market
    key: Key
    query: Mapping[str, str]
    known_ns: int


def answer(asked: Asked) -> Table:
    """Return what a request is answered with. Raises Refused."""
    name = asked.query.get("function", "").upper()
    function = _FUNCTIONS.get(name)
    if function is None:
        raise Refused("Error Message", f"This API function ({name}) does not exist.")
    return function(asked)


def _security(asked: Asked, name: str) -> Security:
    said = asked.query.get("symbol", "").upper()
    for ticker in (said, said.replace("-", ".")):
        security = asked.market.securities.get(ticker)
        if security is not None and security.kind == "stocks":
            return security
    raise Refused(
        "Error Message",
        "Invalid API call. Please retry or visit the documentation "
        f"(https://www.alphavantage.co/documentation/) for {name}.",
    )


def _is_full(asked: Asked) -> bool:
    return asked.query.get("outputsize", "compact").lower() == "full"


def _daily(asked: Asked) -> Table:
    security = _security(asked, "TIME_SERIES_DAILY")
    if _is_full(asked) and not asked.key.is_premium:
        raise Refused("Information", PREMIUM)
    bars = _days(asked, security)
    labels = [day_of(bar.start_ns).isoformat() for bar in bars]
    rows = [_texts(bar) for bar in bars]
    return _series(asked, "Daily Prices (open, high, low, close) and Volumes", "Daily", _PRICES, labels, rows)


def _daily_adjusted(asked: Asked) -> Table:
    security = _security(asked, "TIME_SERIES_DAILY_ADJUSTED")
    if not asked.key.is_premium:
        raise Refused("Information", PREMIUM)
    bars = _days(asked, security)
    labels, rows = [], []
    today = day_of(asked.known_ns)
    cash = {each.ex_date: each.amount for each in security.dividends}
    split = {each.ex_date: each.after / each.before for each in security.splits}
    factor = 1.0
    for bar in bars:  # newest first
        day = day_of(bar.start_ns)
        opening, high, low, close, volume = _texts(bar)
        labels.append(day.isoformat())
        rows.append(
            (
                opening,
                high,
                low,
                close,
                f"{bar.close * factor:.4f}",
                volume,
                f"{cash.get(day, 0.0):.4f}",
                f"{split.get(day, 1.0):.1f}",
            )
        )
        if day <= today:
            factor *= (1.0 - cash.get(day, 0.0) / bar.close) / split.get(day, 1.0)
    return _series(
        asked, "Daily Time Series with Splits and Dividend Events", "Daily", _ADJUSTED, labels, rows
    )


def _days(asked: Asked, security: Security) -> list[Bar]:
    """Return daily bars of the days that have ended, newest first."""
    today = day_of(asked.known_ns)
    hours = session(today)
    last = (
        today
        if hours is not None and hours.extended_close_ns <= asked.known_ns
        else today - timedelta(days=1)
    )
    if _is_full(asked):
        first = max(FIRST_DAY, security.listed)
        return asked.market.daily(security.ticker, first, last)[::-1]
    found: list[Bar] = []
    day = last
    while len(found) < COMPACT and day >= security.listed:
        found += asked.market.daily(security.ticker, day, day)
        day -= timedelta(days=1)
    return found


_INVALID_INTRADAY = (
    "Invalid API call. Please retry or visit the documentation "
    "(https://www.alphavantage.co/documentation/) for TIME_SERIES_INTRADAY."
)


def _intraday(asked: Asked) -> Table:
    security = _security(asked, "TIME_SERIES_INTRADAY")
    if not asked.key.is_premium:
        raise Refused("Information", PREMIUM)
    interval = asked.query.get("interval", "")
    if interval not in _INTERVALS:
        raise Refused("Error Message", _INVALID_INTRADAY)
    extended = asked.query.get("extended_hours", "true").lower() != "false"
    adjusted = asked.query.get("adjusted", "true").lower() != "false"
    step_ns = _INTERVALS[interval] * MINUTE_NS
    dates = _dates(asked)
    if dates[1] < security.listed:  # a month of which there is nothing is refused as a wrong call is
        raise Refused("Error Message", _INVALID_INTRADAY)
    bars: list[Bar] = []
    for day in reversed(days(*dates)):
        hours = session(day)
        if hours is None or hours.extended_open_ns > asked.known_ns:
            continue
        begin = hours.extended_open_ns if extended else hours.open_ns
        end = hours.extended_close_ns if extended else hours.close_ns
        trades = told(asked.market.trades(security.ticker, begin, end), asked.known_ns + 1)
        factor = _factor(security, day, day_of(asked.known_ns)) if adjusted else 1.0
        made = bars_of(security.ticker, trades, step_ns)
        ended = [bar for bar in made if bar.start_ns + step_ns <= asked.known_ns]
        bars += [_scaled(bar, factor) for bar in reversed(ended)]
        if not _is_full(asked) and len(bars) >= COMPACT:
            break
    if not _is_full(asked):
        bars = bars[:COMPACT]
    labels = [
        f"{datetime.fromtimestamp(bar.start_ns // SECOND_NS, EXCHANGE_ZONE):%Y-%m-%d %H:%M:%S}"
        for bar in bars
    ]
    title = f"Intraday ({interval}) open, high, low, close prices and volume"
    return _series(asked, title, interval, _PRICES, labels, [_texts(bar) for bar in bars])


def _dates(asked: Asked) -> tuple[date, date]:
    """Return the dates of a month, or the last thirty days. Raises Refused."""
    said, today = asked.query.get("month"), day_of(asked.known_ns)
    if not said:
        return today - timedelta(days=FULL_DAYS), today
    try:
        first = date.fromisoformat(f"{said}-01")
    except ValueError as error:
        raise Refused("Error Message", f"Invalid month {said}. Please use the format YYYY-MM.") from error
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, min(after - timedelta(days=1), today)


def _factor(security: Security, day: date, today: date) -> float:
    factor = 1.0
    for split in security.splits:
        if day < split.ex_date <= today:
            factor *= split.after / split.before
    return factor


def _scaled(bar: Bar, factor: float) -> Bar:
    if factor == 1.0:
        return bar
    return Bar(
        bar.ticker,
        bar.start_ns,
        bar.open / factor,
        bar.high / factor,
        bar.low / factor,
        bar.close / factor,
        round(bar.volume * factor),
        bar.vwap / factor,
        bar.count,
    )


def _texts(bar: Bar) -> tuple[str, ...]:
    return (
        f"{bar.open:.4f}",
        f"{bar.high:.4f}",
        f"{bar.low:.4f}",
        f"{bar.close:.4f}",
        str(bar.volume),
    )


def _series(
    asked: Asked,
    title: str,
    interval: str,
    names: tuple[str, ...],
    labels: Sequence[str],
    rows: Sequence[tuple[str, ...]],
) -> Table:
    size = "Full size" if _is_full(asked) else "Compact"
    newest = labels[0] if labels else day_of(asked.known_ns).isoformat()
    meta = ["Information", title, "Symbol", asked.query["symbol"], "Last Refreshed", newest]
    if interval != "Daily":
        meta += ["Interval", interval]
    meta += ["Output Size", size, "Time Zone", _ZONE]
    pairs = zip(meta[::2], meta[1::2], strict=True)
    body: dict[str, object] = {
        "Meta Data": {f"{number}. {name}": value for number, (name, value) in enumerate(pairs, 1)},
        f"Time Series ({interval})": {
            label: dict(zip(names, row, strict=True)) for label, row in zip(labels, rows, strict=True)
        },
    }
    columns = ("timestamp", *(name.partition(" ")[2].replace(" ", "_") for name in names))
    return Table(columns, [(label, *row) for label, row in zip(labels, rows, strict=True)], body)


def _splits(asked: Asked) -> Table:
    security = _security(asked, "SPLITS")
    found = sorted(security.splits, key=lambda split: split.ex_date, reverse=True)
    rows = [(split.ex_date.isoformat(), f"{split.after / split.before:.4f}") for split in found]
    return _announced(asked, ("effective_date", "split_factor"), rows)


def _dividends(asked: Asked) -> Table:
    security = _security(asked, "DIVIDENDS")
    found = sorted(security.dividends, key=lambda dividend: dividend.ex_date, reverse=True)
    rows = [
        (
            each.ex_date.isoformat(),
            (each.ex_date - timedelta(days=14)).isoformat(),
            each.ex_date.isoformat(),
            (each.ex_date + timedelta(days=10)).isoformat(),
            f"{each.amount:g}",
        )
        for each in found
    ]
    names = ("ex_dividend_date", "declaration_date", "record_date", "payment_date", "amount")
    return _announced(asked, names, rows)


def _announced(asked: Asked, names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    body = {"symbol": asked.query["symbol"], "data": [dict(zip(names, row, strict=True)) for row in rows]}
    return Table(names, rows, body)


def _search(asked: Asked) -> Table:
    words = asked.query.get("keywords", "").lower()
    names = (
        "symbol",
        "name",
        "type",
        "region",
        "marketOpen",
        "marketClose",
        "timezone",
        "currency",
        "matchScore",
    )
    rows = [
        (security.ticker, security.name, "Equity", "United States", "09:30", "16:00", "UTC-04", "USD", score)
        for security in asked.market.securities.values()
        if security.kind == "stocks"
        and words
        and (words in security.ticker.lower() or words in security.name.lower())
        for score in ("1.0000" if words == security.ticker.lower() else "0.5000",)
    ]
    rows.sort(key=lambda row: (-float(row[-1]), row[0]))
    matches = [{f"{n}. {name}": row[n - 1] for n, name in enumerate(names, 1)} for row in rows]
    return Table(names, rows, {"bestMatches": matches})


def _quote(asked: Asked) -> Table:
    security = _security(asked, "GLOBAL_QUOTE")
    today = day_of(asked.known_ns)
    start = midnight_ns(today - timedelta(days=7))
    bars = asked.market.daily(security.ticker, day_of(start), today, until_ns=asked.known_ns + 1)[-2:]
    if not bars:
        return Table((), (), {"Global Quote": {}})
    before, bar = bars[0], bars[-1]
    change = bar.close - before.close
    names = (
        "symbol",
        "open",
        "high",
        "low",
        "price",
        "volume",
        "latest trading day",
        "previous close",
        "change",
    )
    opening, high, low, close, volume = _texts(bar)
    day = day_of(bar.start_ns).isoformat()
    row = (security.ticker, opening, high, low, close, volume, day, f"{before.close:.4f}", f"{change:.4f}")
    body = {"Global Quote": {f"{n:02d}. {name}": row[n - 1] for n, name in enumerate(names, 1)}}
    return Table(tuple(name.replace(" ", "_") for name in names), [row], body)


_FUNCTIONS: dict[str, Callable[[Asked], Table]] = {
    "TIME_SERIES_DAILY": _daily,
    "TIME_SERIES_DAILY_ADJUSTED": _daily_adjusted,
    "TIME_SERIES_INTRADAY": _intraday,
    "SPLITS": _splits,
    "DIVIDENDS": _dividends,
    "SYMBOL_SEARCH": _search,
    "GLOBAL_QUOTE": _quote,
}
