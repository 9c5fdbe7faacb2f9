"""Single prices over REST: the last trade, the last quote, the day before, all of a day."""

from __future__ import annotations

from datetime import date, timedelta

from livetrader_venues.polygon.pages import REQUEST_ID, Query, Refusal, day_said
from livetrader_venues.stockmarket.bars import may_set
from livetrader_venues.stockmarket.clocks import day_of, midnight_ns
from livetrader_venues.stockmarket.market import Market, told
from livetrader_venues.stockmarket.sessions import session
from livetrader_venues.stockmarket.tape import HOUR_NS, MILLISECOND_NS, Bar

_LOOK_BACK_NS = 96 * HOUR_NS  # over a weekend and a holiday
_STEP_NS = HOUR_NS


def last_trade(market: Market, query: Query, ticker: str) -> dict[str, object]:
    """Answer /v2/last/trade/{ticker}. Raises Refusal."""
    for start_ns in _hours_back(query.known_ns):
        found = told(market.trades(ticker, start_ns, start_ns + _STEP_NS), query.known_ns + 1)
        found = [trade for trade in found if may_set(trade, "open_close", extended=True)]
        if found:
            trade = found[-1]
            row: dict[str, object] = {"T": ticker, "i": trade.id, "p": trade.price, "s": trade.size}
            row |= {"q": trade.sequence, "t": trade.sip_ns, "y": trade.participant_ns, "x": trade.exchange}
            row |= {"z": trade.tape, "c": trade.conditions}
            return {"request_id": REQUEST_ID, "results": row, "status": "OK"}
    raise Refusal(404, "NOT_FOUND", "Data not found.", key="message")


def last_quote(market: Market, query: Query, ticker: str) -> dict[str, object]:
    """Answer /v2/last/nbbo/{ticker}. Raises Refusal."""
    for start_ns in _hours_back(query.known_ns):
        found = told(market.quotes(ticker, start_ns, start_ns + _STEP_NS), query.known_ns + 1)
        if found:
            quote = found[-1]
            row: dict[str, object] = {
                "T": ticker,
                "p": quote.bid,
                "s": quote.bid_size,
                "x": quote.bid_exchange,
            }
            row |= {"P": quote.ask, "S": quote.ask_size, "X": quote.ask_exchange, "z": quote.tape}
            row |= {"q": quote.sequence, "t": quote.sip_ns, "y": quote.sip_ns}
            return {"request_id": REQUEST_ID, "results": row, "status": "OK"}
    raise Refusal(404, "NOT_FOUND", "Data not found.", key="message")


def _hours_back(known_ns: int) -> range:
    newest = known_ns - known_ns % _STEP_NS
    return range(newest, newest - _LOOK_BACK_NS, -_STEP_NS)


def previous(market: Market, query: Query, ticker: str) -> dict[str, object]:
    """Answer /v2/aggs/ticker/{ticker}/prev: the newest day that has ended."""
    day = day_of(query.known_ns)
    for _ in range(7):
        hours = session(day)
        if hours is not None and hours.extended_close_ns <= query.known_ns:
            break
        day -= timedelta(days=1)
    found = market.daily(ticker, day, day, until_ns=query.known_ns + 1)
    answer: dict[str, object] = {
        "ticker": ticker,
        "queryCount": len(found),
        "resultsCount": len(found),
        "adjusted": True,
        "status": "OK",
        "request_id": REQUEST_ID,
        "count": len(found),
    }
    if found:
        answer["results"] = [_row(bar) for bar in found]
    return answer


def grouped(market: Market, query: Query, text: str) -> dict[str, object]:
    """Answer /v2/aggs/grouped/locale/us/market/stocks/{date}. Raises Refusal."""
    day = _day(text)
    rows = [
        _row(bar)
        for security in market.securities.values()
        if security.kind == "stocks"
        for bar in market.daily(security.ticker, day, day, until_ns=query.known_ns + 1)
    ]
    return {
        "queryCount": len(rows),
        "resultsCount": len(rows),
        "adjusted": False,
        "results": rows,
        "status": "OK",
        "request_id": REQUEST_ID,
        "count": len(rows),
    }


def open_close(market: Market, query: Query, ticker: str, text: str) -> dict[str, object]:
    """Answer /v1/open-close/{ticker}/{date}. Raises Refusal."""
    day = _day(text)
    found = market.daily(ticker, day, day, until_ns=query.known_ns + 1)
    hours = session(day)
    if not found or hours is None:
        raise Refusal(404, "NOT_FOUND", "Data not found.", key="message")
    bar = found[0]
    midnight = midnight_ns(day)
    before = market.bars(ticker, midnight, hours.open_ns)
    after = market.bars(ticker, hours.close_ns, hours.extended_close_ns)
    return {
        "status": "OK",
        "from": text,
        "symbol": ticker,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "preMarket": before[0].open if before else bar.open,
        "afterHours": after[-1].close if after else bar.close,
    }


def _row(bar: Bar) -> dict[str, object]:
    return {
        "T": bar.ticker,
        "v": bar.volume,
        "vw": bar.vwap,
        "o": bar.open,
        "c": bar.close,
        "h": bar.high,
        "l": bar.low,
        "t": bar.start_ns // MILLISECOND_NS,
        "n": bar.count,
    }


def _day(text: str) -> date:
    return day_said(text, f"{text[:40]!r} is no date like 2025-06-16")
