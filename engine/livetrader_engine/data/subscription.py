"""What an algorithm wants to see: one symbol, one resolution, one kind of data."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from livetrader_engine.symbols import Resolution, Symbol


class TickType(IntEnum):
    """Kind of data behind a subscription; values as in LEAN. The order is the order in a slice."""

    TRADE = 0
    QUOTE = 1
    OPEN_INTEREST = 2


class Normalization(IntEnum):
    """How splits and dividends are taken out of prices; values as in LEAN."""

    RAW = 0
    ADJUSTED = 1
    SPLIT_ADJUSTED = 2
    TOTAL_RETURN = 3


class Subscription(msgspec.Struct, frozen=True, cache_hash=True):
    """One stream of one symbol. Hashable: it is its own identity.

    `precise_daily`: daily bars begin and end with the session, where the market has one; else at midnight.
    """

    symbol: Symbol
    resolution: Resolution
    tick_type: TickType = TickType.TRADE
    fill_forward: bool = True
    extended_market_hours: bool = False
    normalization: Normalization = Normalization.ADJUSTED
    internal: bool = False  # asked for by the engine (benchmark, currency), not by the algorithm
    precise_daily: bool = True


class HistoryRequest(msgspec.Struct, frozen=True):
    """Bars of one subscription whose end time lies in (start_ns, end_ns]; UTC nanoseconds."""

    subscription: Subscription
    start_ns: int
    end_ns: int
