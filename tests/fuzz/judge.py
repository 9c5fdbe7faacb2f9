"""What may come out of a feed or a history, whatever went in: points that are what they say."""

from __future__ import annotations

import math

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar


def flaw(point: MarketPoint) -> str:
    """Return what is wrong with a point, "" for nothing. Knows nothing of the code that made it."""
    match point:
        case TradeBar():
            prices = (point.open, point.high, point.low, point.close)
            return _prices(prices, prices) or _size(point.volume) or _period(point)
        case QuoteBar():
            bid = (point.bid_open, point.bid_high, point.bid_low, point.bid_close)
            ask = (point.ask_open, point.ask_high, point.ask_low, point.ask_close)
            found = _side(bid, point.bid_size) or _side(ask, point.ask_size) or _period(point)
            return found or ("" if any(bid) or any(ask) else "neither bid nor ask")
        case Tick():
            return _tick(point)


def _tick(tick: Tick) -> str:
    if tick.price:
        return _prices((tick.price,), (tick.price,) * 4) or _size(tick.quantity)
    sides = [side for side in (tick.bid_price, tick.ask_price) if side]
    if not sides:
        return "neither a trade nor a quote"
    found = _prices(sides, (sides[0],) * 4) or _size(tick.bid_size) or _size(tick.ask_size)
    if not found and len(sides) == 2 and tick.bid_price > tick.ask_price:
        return "crossed"
    return found


def _side(prices: tuple[float, ...], size: float) -> str:
    if not any(prices):
        return "" if not size else "a size without a price"
    return _prices(prices, prices) or _size(size)


def _prices(prices: tuple[float, ...] | list[float], bar: tuple[float, ...]) -> str:
    if not all(math.isfinite(price) and price > 0 for price in prices):
        return f"prices {prices}"
    opened, high, low, close = bar
    return "" if low <= min(opened, close) <= max(opened, close) <= high else f"open, high, low, close {bar}"


def _size(size: float) -> str:
    return "" if math.isfinite(size) and size >= 0 else f"size {size}"


def _period(bar: TradeBar | QuoteBar) -> str:
    return "" if bar.time_ns < bar.end_time_ns else f"from {bar.time_ns} to {bar.end_time_ns}"
