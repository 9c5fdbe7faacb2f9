"""Events of the WebSockets, as the venue writes them. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from livetrader_venues.stockmarket.tape import MILLISECOND_NS, Bar, Quote, Tick, Trade, Value

encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """One event: its kind, ticker and JSON."""

    kind: str
    ticker: str
    data: bytes


def event_of(tick: Tick) -> Event:
    """Return the event of a tick."""
    if isinstance(tick, Trade):
        return Event("T", tick.ticker, encode(_trade(tick)))
    if isinstance(tick, Quote):
        return Event("Q", tick.ticker, encode(_quote(tick)))
    return Event("V", tick.ticker, encode(_value(tick)))


def _trade(trade: Trade) -> dict[str, object]:
    made: dict[str, object] = {"ev": "T", "sym": trade.ticker}
    is_option = trade.ticker.startswith("O:")
    if not is_option:
        made["i"] = trade.id
    made["x"] = trade.exchange
    made["p"] = trade.price
    made["s"] = trade.size
    if trade.conditions:  # a regular trade says nothing
        made["c"] = trade.conditions
    made["t"] = trade.sip_ns // MILLISECOND_NS
    made["q"] = trade.sequence
    if not is_option:
        made["z"] = trade.tape
    if trade.trf_id:
        made["trfi"] = trade.trf_id
        made["trft"] = trade.participant_ns // MILLISECOND_NS
    return made


def _quote(quote: Quote) -> dict[str, object]:
    made: dict[str, object] = {
        "ev": "Q",
        "sym": quote.ticker,
        "bx": quote.bid_exchange,
        "bp": quote.bid,
        "bs": quote.bid_size,
        "ax": quote.ask_exchange,
        "ap": quote.ask,
        "as": quote.ask_size,
        "c": quote.condition,
    }
    if quote.indicators:
        made["i"] = quote.indicators
    made["t"] = quote.sip_ns // MILLISECOND_NS
    made["q"] = quote.sequence
    if not quote.ticker.startswith("O:"):
        made["z"] = quote.tape
    return made


def _value(value: Value) -> dict[str, object]:
    return {"ev": "V", "val": value.value, "T": value.ticker, "t": value.sip_ns // MILLISECOND_NS}


class Day(NamedTuple):
    """What an aggregate tells of its day so far."""

    volume: int
    turnover: float
    open: float


def aggregate(kind: str, bar: Bar, step_ns: int, day: Day, *, is_index: bool) -> Event:
    """Return the event of a bar: kind "A" for seconds, "AM" for minutes."""
    made: dict[str, object] = {"ev": kind, "sym": bar.ticker, "op": day.open}
    if not is_index:
        made["v"] = bar.volume
        made["av"] = day.volume
        made["vw"] = bar.vwap
    made["o"], made["c"], made["h"], made["l"] = bar.open, bar.close, bar.high, bar.low
    if not is_index:
        made["a"] = round(day.turnover / day.volume, 4) if day.volume else bar.vwap
        made["z"] = bar.volume // bar.count if bar.count else 0
    made["s"] = bar.start_ns // MILLISECOND_NS
    made["e"] = (bar.start_ns + step_ns) // MILLISECOND_NS
    return Event(kind, bar.ticker, encode(made))


def status(word: str, message: str) -> Event:
    """Return a status."""
    return Event("status", "", encode({"ev": "status", "status": word, "message": message}))


def joined(events: Sequence[Event]) -> bytes:
    """Return the text of a frame."""
    return b"[" + b",".join(event.data for event in events) + b"]"
