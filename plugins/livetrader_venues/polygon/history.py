"""The past over REST: aggregates, trades and quotes. What was not told yet does not exist here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from livetrader_venues.polygon.pages import (
    FIRST_DAY,
    LAST_DAY,
    REQUEST_ID,
    Query,
    Refusal,
    day_said,
    paged,
)
from livetrader_venues.stockmarket.bars import bars_of, value_bars_of
from livetrader_venues.stockmarket.clocks import EXCHANGE_ZONE, day_of, midnight_ns, nanoseconds
from livetrader_venues.stockmarket.market import Market, told
from livetrader_venues.stockmarket.securities import Security
from livetrader_venues.stockmarket.tape import (
    HOUR_NS,
    MILLISECOND_NS,
    MINUTE_NS,
    SECOND_NS,
    Bar,
    Quote,
    Trade,
)

DEFAULT_BASE_BARS, MOST_BASE_BARS = 5_000, 50_000  # of aggregates: bars of the base that one page is made of
MOST_MULTIPLIER = 1_000
DEFAULT_ROWS, MOST_ROWS = 1_000, 50_000  # of trades and quotes
_SPANS = {"second": SECOND_NS, "minute": MINUTE_NS, "hour": HOUR_NS}
_CALENDAR = ("day", "week", "month", "quarter", "year")
_DAY_NS = 24 * HOUR_NS
T = TypeVar("T", Trade, Quote)


def aggregates(market: Market, query: Query, parts: Sequence[str]) -> dict[str, object]:
    """Answer /v2/aggs/ticker/{ticker}/range/{multiplier}/{span}/{from}/{to}. Raises Refusal."""
    ticker, multiplier_text, span, from_text, to_text = parts
    if not multiplier_text.isdigit() or not 1 <= int(multiplier_text) <= MOST_MULTIPLIER:
        raise Refusal(400, "ERROR", f"The multiplier must be a positive number, not {multiplier_text!r}")
    if span not in _SPANS and span not in _CALENDAR:
        raise Refusal(400, "ERROR", f"Unknown timespan {span!r}")
    start_ns, end_ns = _time(from_text, "from"), _time(to_text, "to", is_end=True)
    if end_ns < start_ns:
        raise Refusal(400, "ERROR", "The 'to' date must be after the 'from' date")
    limit = query.number("limit", DEFAULT_BASE_BARS, MOST_BASE_BARS)
    descends = query.values.get("sort", "asc") == "desc"
    adjusted = query.values.get("adjusted", "true").lower() != "false"
    base = [
        _adjusted(bar, market.securities.get(bar.ticker), day_of(query.known_ns)) if adjusted else bar
        for each in spans_of(market, ticker, start_ns, min(end_ns, query.known_ns))
        for bar in _base(market, each, span, query.known_ns)
    ]
    key = _period(span, int(multiplier_text))
    if descends:
        base.reverse()
    page, rest = _page(base, key, limit, query.offset)
    rows = [_row(market, start, group) for start, group in _grouped(page, key, descends)]
    answer: dict[str, object] = {
        "ticker": ticker,
        "queryCount": len(page),
        "resultsCount": len(rows),
        "adjusted": adjusted,
        "status": "OK",
        "request_id": REQUEST_ID,
        "count": len(rows),
    }
    if rows:
        answer["results"] = rows
    if rest:
        answer["next_url"] = query.next_url(query.offset + len(page))
    return answer


def first_ns(text: str) -> int:
    """Return the beginning of a range. Raises Refusal."""
    return _time(text, "from")


class Span(NamedTuple):
    """A time during which something was traded under a name; the end is its last nanosecond."""

    ticker: str  # of today, by which the market knows it
    start_ns: int
    end_ns: int


def spans_of(market: Market, name: str, start_ns: int, end_ns: int) -> list[Span]:
    """Return what was traded under a name within a time: a renamed company has several."""
    found = []
    for security in market.securities.values():
        if not security.names:
            if security.ticker == name:
                found.append(Span(name, start_ns, end_ns))
            continue
        begins = [0, *(midnight_ns(each.day) for each in security.names[1:])]
        ends = [*(begin - 1 for begin in begins[1:]), end_ns]
        for each, begin, end in zip(security.names, begins, ends, strict=True):
            if each.ticker == name and begin <= end_ns and end >= start_ns:
                found.append(Span(security.ticker, max(begin, start_ns), min(end, end_ns)))
    return found


def _base(market: Market, within: Span, span: str, known_ns: int) -> list[Bar]:
    """Return the bars that others are made of: seconds, minutes or days."""
    ticker, start_ns, end_ns = within
    if span in _CALENDAR:
        first, last = day_of(start_ns), day_of(end_ns)
        return [
            bar
            for bar in market.daily(ticker, first, last, until_ns=known_ns + 1)
            if start_ns <= bar.start_ns <= end_ns
        ]
    step = SECOND_NS if span == "second" else MINUTE_NS
    begin = -(-start_ns // step) * step
    stop = end_ns - end_ns % step + step
    if market.is_index(ticker):
        return value_bars_of(ticker, told(market.values(ticker, begin, stop), known_ns + 1), step)
    return bars_of(ticker, told(market.trades(ticker, begin, stop), known_ns + 1), step)


def _adjusted(bar: Bar, security: Security | None, today: date) -> Bar:
    day, factor = day_of(bar.start_ns), 1.0
    for split in security.splits if security is not None else ():
        if day < split.ex_date <= today:
            factor *= split.after / split.before
    if factor == 1.0:
        return bar
    return Bar(
        bar.ticker,
        bar.start_ns,
        round(bar.open / factor, 4),
        round(bar.high / factor, 4),
        round(bar.low / factor, 4),
        round(bar.close / factor, 4),
        round(bar.volume * factor),
        round(bar.vwap / factor, 4),
        bar.count,
    )


def _period(span: str, multiplier: int) -> Callable[[Bar], int]:
    """Return what tells the beginning of a bar's period."""
    if span in _SPANS:
        step = _SPANS[span] * multiplier

        def within_day(bar: Bar) -> int:
            midnight = midnight_ns(day_of(bar.start_ns))
            return midnight + (bar.start_ns - midnight) // step * step

        return within_day
    return lambda bar: midnight_ns(_first_day(day_of(bar.start_ns), span, multiplier))


def _first_day(day: date, span: str, multiplier: int) -> date:
    if span == "day":
        return day - timedelta(days=day.toordinal() % multiplier if multiplier > 1 else 0)
    if span == "week":
        sunday = day - timedelta(days=(day.weekday() + 1) % 7)
        return sunday - timedelta(days=7 * (sunday.toordinal() // 7 % multiplier))
    months = {"month": 1, "quarter": 3, "year": 12}[span] * multiplier
    number = (day.year * 12 + day.month - 1) // months * months
    return date(number // 12, number % 12 + 1, 1)


def _page(
    base: Sequence[Bar], key: Callable[[Bar], int], limit: int, offset: int
) -> tuple[Sequence[Bar], bool]:
    """Return the base bars of a page, which ends with a whole period, and whether there are more."""
    end = min(offset + limit, len(base))
    while 0 < end < len(base) and end > offset + 1 and key(base[end - 1]) == key(base[end]):
        end -= 1
    return base[offset:end], end < len(base)


def _grouped(bars: Sequence[Bar], key: Callable[[Bar], int], descends: bool) -> list[tuple[int, list[Bar]]]:
    """Return the beginning of each period and its bars, ascending within it."""
    groups: dict[int, list[Bar]] = {}
    for bar in bars:
        groups.setdefault(key(bar), []).append(bar)
    return [(start, group[::-1] if descends else group) for start, group in groups.items()]


def _row(market: Market, start_ns: int, group: Sequence[Bar]) -> dict[str, object]:
    """Return one aggregate. An index has no volume."""
    row: dict[str, object] = {}
    volume = sum(bar.volume for bar in group)
    if not market.is_index(group[0].ticker):
        row["v"] = volume
        turnover = sum(bar.vwap * bar.volume for bar in group)
        row["vw"] = group[0].vwap if len(group) == 1 or not volume else round(turnover / volume, 4)
    row["o"], row["c"] = group[0].open, group[-1].close
    row["h"], row["l"] = max(bar.high for bar in group), min(bar.low for bar in group)
    row["t"] = start_ns // MILLISECOND_NS
    if not market.is_index(group[0].ticker):
        row["n"] = sum(bar.count for bar in group)
    return row


def trades(market: Market, query: Query, ticker: str) -> dict[str, object]:
    """Answer /v3/trades/{ticker}. Raises Refusal."""
    return _ticks(query, lambda start, end: _trades(market, ticker, start, end), trade_row)


def quotes(market: Market, query: Query, ticker: str) -> dict[str, object]:
    """Answer /v3/quotes/{ticker}. Raises Refusal."""
    return _ticks(query, lambda start, end: _quotes(market, ticker, start, end), _quote_row)


def _trades(market: Market, ticker: str, start_ns: int, end_ns: int) -> list[Trade]:
    spans = spans_of(market, ticker, start_ns, end_ns - 1)
    return [tick for each in spans for tick in market.trades(each.ticker, each.start_ns, each.end_ns + 1)]


def _quotes(market: Market, ticker: str, start_ns: int, end_ns: int) -> list[Quote]:
    spans = spans_of(market, ticker, start_ns, end_ns - 1)
    return [tick for each in spans for tick in market.quotes(each.ticker, each.start_ns, each.end_ns + 1)]


def _ticks(
    query: Query, read: Callable[[int, int], list[T]], row: Callable[[T], dict[str, object]]
) -> dict[str, object]:
    """Return a page of ticks, which are read a day at a time until the page is full. Raises Refusal."""
    start_ns, end_ns = _span(query)
    limit = query.number("limit", DEFAULT_ROWS, MOST_ROWS)
    descends = query.values.get("order", "desc") == "desc"
    pieces = [(at, min(at + _DAY_NS, end_ns)) for at in range(start_ns, end_ns, _DAY_NS)]
    found: list[T] = []
    for begin_ns, stop_ns in reversed(pieces) if descends else pieces:
        ticks = told(read(begin_ns, stop_ns), query.known_ns + 1)
        found += reversed(ticks) if descends else ticks
        if len(found) > query.offset + limit:
            break
    answer = paged(query, found, DEFAULT_ROWS, MOST_ROWS)
    answer["results"] = [row(tick) for tick in found[query.offset : query.offset + limit]]
    return answer


def trade_row(trade: Trade) -> dict[str, object]:
    """Return a trade as REST has it: times in nanoseconds."""
    row: dict[str, object] = {}
    if trade.conditions:
        row["conditions"] = trade.conditions
    if trade.correction:
        row["correction"] = trade.correction
    row["exchange"] = trade.exchange
    row["id"] = trade.id
    row["participant_timestamp"] = trade.participant_ns or trade.sip_ns
    row["price"] = trade.price
    row["sequence_number"] = trade.sequence
    row["sip_timestamp"] = trade.sip_ns
    row["size"] = trade.size
    if not trade.ticker.startswith("O:"):
        row["tape"] = trade.tape
    if trade.trf_id:
        row["trf_id"], row["trf_timestamp"] = trade.trf_id, trade.participant_ns
    return row


def _quote_row(quote: Quote) -> dict[str, object]:
    row: dict[str, object] = {
        "ask_exchange": quote.ask_exchange,
        "ask_price": quote.ask,
        "ask_size": quote.ask_size,
        "bid_exchange": quote.bid_exchange,
        "bid_price": quote.bid,
        "bid_size": quote.bid_size,
        "conditions": [quote.condition],
    }
    if quote.indicators:
        row["indicators"] = quote.indicators
    row["participant_timestamp"] = row["sip_timestamp"] = quote.sip_ns
    row["sequence_number"] = quote.sequence
    if not quote.ticker.startswith("O:"):
        row["tape"] = quote.tape
    return row


def _span(query: Query) -> tuple[int, int]:
    """Return [start, end) of what `timestamp` and its comparisons say; the last day by default."""
    said = {name[9:]: text for name, text in query.values.items() if name.startswith("timestamp") and text}
    start_ns, end_ns = query.known_ns - _DAY_NS, query.known_ns + 1
    if not said:
        return start_ns, end_ns
    start_ns = 0
    for suffix, text in said.items():
        at_ns = _moment(text)
        if suffix == "":
            start_ns = at_ns
            end_ns = midnight_ns(day_of(at_ns) + timedelta(days=1)) if "-" in text else at_ns + 1
        elif suffix == ".gte":
            start_ns = at_ns
        elif suffix == ".gt":
            start_ns = at_ns + 1
        elif suffix == ".lte":
            end_ns = at_ns + 1
        elif suffix == ".lt":
            end_ns = at_ns
    end_ns = min(end_ns, query.known_ns + 1)
    return max(start_ns, end_ns - MOST_SPAN_NS), end_ns


MOST_SPAN_NS = 366 * _DAY_NS  # of ticks in one question; more would keep the peer busy for minutes


def _moment(text: str) -> int:
    """Return nanoseconds of a date, a date with a time, or a number of nanoseconds. Raises Refusal."""
    refusal = f"Could not parse the timestamp {text[:40]!r}"
    if text.lstrip("-").isdigit():
        return _within(int(text), refusal)
    if len(text) <= len("2025-06-16"):
        return midnight_ns(day_said(text, refusal))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, "ERROR", refusal) from error
    day_said(moment.date().isoformat(), refusal)
    return nanoseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=EXCHANGE_ZONE))


def _time(text: str, name: str, *, is_end: bool = False) -> int:
    """Return nanoseconds of a date or of milliseconds; an end is the last moment. Raises Refusal."""
    refusal = f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"
    if text.lstrip("-").isdigit():
        return _within(int(text) * MILLISECOND_NS, refusal) + (MILLISECOND_NS - 1 if is_end else 0)
    day = day_said(text, refusal)
    return midnight_ns(day + timedelta(days=1)) - 1 if is_end else midnight_ns(day)


def _within(time_ns: int, refusal: str) -> int:
    """Return a time that is one. Raises Refusal; what is before 1990 is taken for its beginning."""
    if time_ns >= midnight_ns(LAST_DAY):
        raise Refusal(400, "ERROR", refusal)
    return max(time_ns, midnight_ns(FIRST_DAY))
