"""Whether finished points of any feed can be believed: bars that a venue made, ticks without numbers.

Ticks from which bars are made pass the gates of livetrader_engine.data.quality, which see numbers and
exchange times and can hold a price back. A point here is whole: it passes, or it does not.

Rule 1: a price is finite and above zero (futures' may be negative), a high is not below what it is the high
of, a bid not above its ask, a size not negative. A side of a quote that is not there is all zero.
Rule 2: a bar begins before it ends, and nothing ends further ahead of our clock than `ahead_s`.
Rule 3: a bar that neither opens nor closes within `band` of where the one before closed is refused, once: the
next one that agrees with it is believed. After a pause of more than `reference_s` every price is.
"""

from __future__ import annotations

import math

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.quality import (
    AHEAD,
    CROSSED,
    NO_SIDE,
    NOT_A_BAR,
    NOT_A_PRICE,
    NOT_A_SIZE,
    OFF_MARKET,
    PRICE_LIMIT,
    SIGNED,
    SIZE_LIMIT,
    QualityLimits,
    Quarantine,
)
from livetrader_engine.symbols import NS_PER_SECOND, Symbol

Key = tuple[Symbol, bool]  # whose, and whether of quotes


class PointGate:
    """The gate of one feed's points. Mutable state: where each symbol's newest bar closed.

    What is refused is in the quarantine, counted and with its reason.
    """

    def __init__(self, limits: QualityLimits, quarantine: Quarantine) -> None:
        self._limits = limits
        self._quarantine = quarantine
        self._ahead_ns = int(limits.ahead_s * NS_PER_SECOND)
        self._reference_ns = int(limits.reference_s * NS_PER_SECOND)
        self._newest: dict[Key, tuple[int, float]] = {}  # when it ended, where it closed
        self._refused: dict[Key, float] = {}  # where a bar closed that was refused and waits for another

    def check(self, point: MarketPoint, now_ns: int) -> str | None:
        """Return why a point is not to be believed, None where it is. Counts what is not."""
        found = self._fault(point, now_ns)
        if found is not None:
            self._quarantine.add(found, point.symbol, point.end_time_ns, _words(point))
        return found

    def forget(self, symbol: Symbol) -> None:
        """Have no believed price of a symbol: it was split, or is watched no longer."""
        for quotes in (False, True):
            self._newest.pop((symbol, quotes), None)
            self._refused.pop((symbol, quotes), None)

    def _fault(self, point: MarketPoint, now_ns: int) -> str | None:
        if point.end_time_ns - now_ns > self._ahead_ns:
            return AHEAD
        signed = point.symbol.security_type in SIGNED
        if isinstance(point, Tick):
            return _tick_fault(point, signed)
        if point.time_ns >= point.end_time_ns:
            return NOT_A_BAR
        if isinstance(point, TradeBar):
            prices = (point.open, point.high, point.low, point.close)
            fault = _side_fault(prices, point.volume, signed)
        else:
            fault = _quote_bar_fault(point, signed)
        if fault is not None or point.fill_forward:
            return fault
        return self._off_market(point)

    def _off_market(self, bar: TradeBar | QuoteBar) -> str | None:
        """Return OFF_MARKET for the first bar that leaves the band, None for others."""
        band = self._limits.band_of(bar.symbol)
        key = (bar.symbol, isinstance(bar, QuoteBar))
        close = bar.value
        before = self._newest.get(key)
        if band and before is not None and 0 <= bar.time_ns - before[0] <= self._reference_ns:
            opening = bar.open if isinstance(bar, TradeBar) else bar.bid_open or bar.ask_open
            waiting = self._refused.get(key)
            if not (
                _is_near(before[1], close, band)
                or _is_near(before[1], opening, band)
                or (waiting is not None and _is_near(waiting, close, band))
            ):
                self._refused[key] = close
                return OFF_MARKET
        self._refused.pop(key, None)
        if before is None or bar.end_time_ns >= before[0]:
            self._newest[key] = (bar.end_time_ns, close)
        return None


def is_price(price: float, *, signed: bool = False) -> bool:
    """Return whether a number can be the price of something: finite, and above zero unless `signed`."""
    return math.isfinite(price) and (-PRICE_LIMIT if signed else 0) < price < PRICE_LIMIT


def is_bar(prices: tuple[float, float, float, float], volume: float, *, signed: bool = False) -> bool:
    """Return whether open, high, low, close can be those of one bar."""
    return _side_fault(prices, volume, signed) is None


def _side_fault(prices: tuple[float, float, float, float], size: float, signed: bool) -> str | None:
    opening, high, low, close = prices
    for price in prices:
        if not is_price(price, signed=signed):
            return NOT_A_PRICE
    if low > opening or low > close or high < opening or high < close:
        return NOT_A_BAR
    return None if 0.0 <= size <= SIZE_LIMIT else NOT_A_SIZE


def _quote_bar_fault(bar: QuoteBar, signed: bool) -> str | None:
    bids = (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close)
    asks = (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close)
    if not any(bids) and not any(asks):
        return NO_SIDE
    for prices, size in ((bids, bar.bid_size), (asks, bar.ask_size)):
        if (any(prices) or size) and (fault := _side_fault(prices, size, signed)) is not None:
            return fault
    return CROSSED if any(bids) and any(asks) and bar.bid_close > bar.ask_close else None


def _tick_fault(tick: Tick, signed: bool) -> str | None:
    if tick.price:
        if not is_price(tick.price, signed=signed):
            return NOT_A_PRICE
        return None if 0.0 <= tick.quantity <= SIZE_LIMIT else NOT_A_SIZE
    bid, ask = tick.bid_price, tick.ask_price
    for price in (bid, ask):
        if price and not is_price(price, signed=signed):
            return NOT_A_PRICE
    if not bid and not ask:
        return NO_SIDE
    if not 0.0 <= tick.bid_size <= SIZE_LIMIT or not 0.0 <= tick.ask_size <= SIZE_LIMIT:
        return NOT_A_SIZE
    return CROSSED if bid and ask and bid > ask else None


def _is_near(reference: float, price: float, band: float) -> bool:
    return abs(price - reference) <= abs(reference) * band


def _words(point: MarketPoint) -> str:
    if isinstance(point, TradeBar):
        return f"bar {point.open!r} {point.high!r} {point.low!r} {point.close!r}, volume {point.volume!r}"
    if isinstance(point, QuoteBar):
        return f"quotes {point.bid_close!r} x {point.bid_size!r}, {point.ask_close!r} x {point.ask_size!r}"
    if point.price:
        return f"trade {point.quantity!r} at {point.price!r}"
    return f"quote {point.bid_price!r} x {point.bid_size!r}, {point.ask_price!r} x {point.ask_size!r}"
