"""Bid and ask as bars of their own, the numbers of a tick, and how LEAN prints prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float, smart_rounded
from livetrader_lean.names import Twins


class Whole(Protocol):
    """The quote bar whose side a `Side` is."""

    core: Any

    def _change(self, **fields: Any) -> None: ...


class Bar(Twins):
    """Open, high, low and close of one side of a quote bar."""

    __slots__ = ("close", "high", "low", "open")

    def __init__(self, open: float = 0.0, high: float = 0.0, low: float = 0.0, close: float = 0.0) -> None:
        self.open, self.high, self.low, self.close = open, high, low, close

    def update(self, value: float) -> None:
        """Take in a price; the first one opens the bar, zero changes nothing."""
        if not value:
            return
        if not self.open:
            self.open = self.high = self.low = value
        self.high, self.low, self.close = max(self.high, value), min(self.low, value), value

    def clone(self) -> Bar:
        """Return a copy that can be changed on its own."""
        return Bar(self.open, self.high, self.low, self.close)

    def __str__(self) -> str:
        return written(self)


def _price_of_side(name: str) -> Any:
    def read(side: Side) -> Any:
        return getattr(side._whole.core, side._prefix + name)

    def change(side: Side, value: float) -> None:
        side._whole._change(**{side._prefix + name: float(value)})

    return property(read, change)


class Side(Bar):
    """One side of a quote bar; changing it changes the bar."""

    __slots__ = ("_prefix", "_whole")

    def __init__(self, whole: Whole, prefix: str) -> None:
        self._whole, self._prefix = whole, prefix

    open: float = _price_of_side("open")
    high: float = _price_of_side("high")
    low: float = _price_of_side("low")
    close: float = _price_of_side("close")


def four(bar: Any) -> tuple[float, float, float, float]:
    """Return the prices of one side, zeros where there is none."""
    if bar is None:
        return (0.0, 0.0, 0.0, 0.0)
    return (float(bar.open), float(bar.high), float(bar.low), float(bar.close))


def short(number: float) -> str:
    """Write a number as LEAN prints prices: seven digits, or four places above a thousand."""
    return format(smart_rounded(from_float(number)), "f")


def parts(bar: Any) -> list[str]:
    """Return each price of one side with its letter, as LEAN prints it."""
    values = ["" if bar is None else short(value) for value in four(bar)]
    return [f"{name}: {value}" for name, value in zip("OHLC", values, strict=True)]


def written(bar: Any) -> str:
    """Return four prices as LEAN prints them."""
    return " ".join(parts(bar))


# price, quantity, bid, bid size, ask, ask size: where each stands, by how many arguments a tick is made of
_OF_TICKS: Final[dict[int, tuple[int | None, ...]]] = {
    0: (None,) * 6,
    4: (None, None, 2, None, 3, None),
    6: (5, 4, None, None, None, None),
    8: (None, None, 5, 4, 7, 6),
}


def tick_numbers(given: Sequence[Any]) -> tuple[float, ...]:
    """Return price, quantity, bid, bid size, ask and ask size of a tick's arguments, zero where none is."""
    places = _OF_TICKS.get(len(given))
    if places is None:
        raise AlgorithmError("Tick(time, symbol, bid, ask) or Tick(time, symbol, '', '', quantity, price)")
    return tuple(0.0 if place is None else float(given[place]) for place in places)
