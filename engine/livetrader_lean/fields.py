"""`Field.CLOSE` and its like: which number of a bar feeds an indicator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Selector = Callable[[Any], float]


def _of(*names: str) -> Selector:
    """Return the mean of these members of a bar; what has no such members gives its value, as in LEAN."""

    def select(data: Any) -> float:
        if not all(hasattr(data, name) for name in names):
            return float(data.value)
        return sum(float(getattr(data, name)) for name in names) / len(names)

    return select


def _volume(data: Any) -> float:
    for name in ("volume", "quantity"):  # of a bar, of a tick
        if hasattr(data, name):
            return float(getattr(data, name))
    return float(data.value)


def _quote(side: str, name: str) -> Selector:
    """Return one price of a quote bar's side; of anything else its value, as in LEAN."""

    def select(data: Any) -> float:
        found = getattr(data, side, None) if hasattr(data, "last_bid_size") else None
        return float(data.value) if found is None else float(getattr(found, name))

    return select


def _best(side: str) -> Selector:
    """Return a tick's price of a side, or a quote bar's last one."""
    last = _quote(side, "close")

    def select(data: Any) -> float:
        name = f"{side}_price"
        return float(getattr(data, name)) if hasattr(data, name) else last(data)

    return select


def quote_side(selector: Selector | None) -> bool | None:
    """Return True for selectors of quotes, False for the one of volumes, None for all others."""
    if selector in _OF_QUOTES:
        return True
    return False if selector is Field.VOLUME else None


class Field:
    """Selectors for indicator helpers, in both spellings. Source: LEAN's Common/Field.cs and its formulas."""

    OPEN: Final = _of("open")
    HIGH: Final = _of("high")
    LOW: Final = _of("low")
    CLOSE: Final = _of("close")
    AVERAGE: Final = _of("open", "high", "low", "close")
    MEDIAN: Final = _of("high", "low")
    TYPICAL: Final = _of("high", "low", "close")
    WEIGHTED: Final = _of("high", "low", "close", "close")
    SEVEN_BAR: Final = _of("open", "open", "high", "low", "close", "close", "close")
    VOLUME: Final = _volume
    BID_CLOSE: Final = _quote("bid", "close")
    BID_OPEN: Final = _quote("bid", "open")
    BID_LOW: Final = _quote("bid", "low")
    BID_HIGH: Final = _quote("bid", "high")
    ASK_CLOSE: Final = _quote("ask", "close")
    ASK_OPEN: Final = _quote("ask", "open")
    ASK_LOW: Final = _quote("ask", "low")
    ASK_HIGH: Final = _quote("ask", "high")
    BID_PRICE: Final = _best("bid")
    ASK_PRICE: Final = _best("ask")

    Open, High, Low, Close, Average, Median = OPEN, HIGH, LOW, CLOSE, AVERAGE, MEDIAN
    Typical, Weighted, SevenBar, Volume = TYPICAL, WEIGHTED, SEVEN_BAR, VOLUME
    BidClose, BidOpen, BidLow, BidHigh = BID_CLOSE, BID_OPEN, BID_LOW, BID_HIGH
    AskClose, AskOpen, AskLow, AskHigh = ASK_CLOSE, ASK_OPEN, ASK_LOW, ASK_HIGH
    BidPrice, AskPrice = BID_PRICE, ASK_PRICE


_OF_QUOTES: Final = frozenset(
    {
        Field.BID_CLOSE, Field.BID_OPEN, Field.BID_LOW, Field.BID_HIGH, Field.BID_PRICE,
        Field.ASK_CLOSE, Field.ASK_OPEN, Field.ASK_LOW, Field.ASK_HIGH, Field.ASK_PRICE,
    }
)  # fmt: skip
