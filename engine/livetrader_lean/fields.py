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

    Open, High, Low, Close, Average, Median = OPEN, HIGH, LOW, CLOSE, AVERAGE, MEDIAN
    Typical, Weighted, SevenBar, Volume = TYPICAL, WEIGHTED, SEVEN_BAR, VOLUME
