"""What the tape says: trades, quotes, values of indices, and the bars that come of them."""

from __future__ import annotations

import msgspec

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade as the consolidated tape has it.

    `sip_ns` orders the tape (`sequence` among equals), `participant_ns` is when it happened, `told_ns` when
    subscribers hear of it. `conditions` are the vendor's numbers (`conditions.TABLE`). `correction` is 0, or
    1 for a trade whose data were corrected, 8 for a cancelled one, 10 and 12 for the records that told so.
    """

    ticker: str
    sip_ns: int
    sequence: int
    id: str
    price: float
    size: int
    told_ns: int
    exchange: int = 11
    tape: int = 3
    conditions: tuple[int, ...] = ()
    participant_ns: int = 0
    trf_id: int = 0
    correction: int = 0


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and offer of the country. Sizes are shares."""

    ticker: str
    sip_ns: int
    sequence: int
    bid: float
    bid_size: int
    ask: float
    ask_size: int
    told_ns: int
    bid_exchange: int = 11
    ask_exchange: int = 12
    condition: int = 1
    indicators: tuple[int, ...] = ()
    tape: int = 3


class Value(msgspec.Struct, frozen=True, gc=False):
    """A value of an index."""

    ticker: str
    sip_ns: int
    value: float
    told_ns: int


Tick = Trade | Quote | Value


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A period that begins at `start_ns`. `count` is the number of trades that updated anything."""

    ticker: str
    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    vwap: float
    count: int


def tape_order(trade: Trade) -> tuple[int, int]:
    """Return the place of a trade on the tape."""
    return trade.sip_ns, trade.sequence
