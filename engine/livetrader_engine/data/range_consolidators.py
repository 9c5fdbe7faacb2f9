"""Make range bars and bars of a fixed volume.

The arithmetic is LEAN's (RangeConsolidator.cs, ClassicRangeConsolidator.cs, VolumeRenkoConsolidator.cs);
prices count as in brick_consolidators.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from livetrader_engine.data.aggregation import Point
from livetrader_engine.data.bars import Tick, TradeBar
from livetrader_engine.data.brick_consolidators import (
    Bricks,
    Selector,
    exact,
    multiple,
    value_of,
    volume_of,
)
from livetrader_engine.data.bricks import BEGINNING_NS, RangeBar, VolumeRenkoBar
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Symbol

_ZERO: Final = Decimal(0)


class RangeConsolidator(Bricks):
    """Range bars: a bar closes when high and low would be further apart than its size.

    The size is `count` times the smallest price variation, which `variation` gives at the first point. What
    is skipped by a jump is filled with bars without volume, unless `classic`.
    """

    def __init__(
        self,
        count: int,
        variation: Callable[[Symbol], Decimal],
        selector: Selector = value_of,
        volume_selector: Selector = volume_of,
        *,
        classic: bool = False,
    ) -> None:
        super().__init__()
        self.count = count
        self._variation = variation
        self._selector = selector
        self._volume_selector = volume_selector
        self._classic = classic
        self.reset()

    def reset(self) -> None:
        """Forget everything but the handlers."""
        super().reset()
        self._first = True
        self._step = self.size = _ZERO
        self._high = self._low = _ZERO

    def update(self, point: Point) -> None:
        """Take in one point."""
        value = float(self._selector(point))
        volume = float(self._volume_selector(point))
        if self.working is not None:
            self._extend(self.working, point.time_ns, value, volume)
        if self.working is None:
            self._begin(point, value, volume)

    def _begin(self, point: Point, value: float, volume: float) -> None:
        opened = exact(value)
        if self._first:
            self._step = self._variation(point.symbol)
            self.size = self._step * self.count
            if self.size <= _ZERO:
                raise AlgorithmError(f"a range bar of {point.symbol.value} needs a size greater than zero")
            opened = multiple(opened, self.size, ROUND_CEILING)
            self._first = False
        self.working = self._open(point.symbol, point.time_ns, opened, volume)

    def _open(self, symbol: Symbol, time_ns: int, opened: Decimal, volume: float) -> RangeBar:
        price = float(opened)
        self._high = self._low = opened
        self.between(opened, opened)
        return RangeBar(
            symbol, BEGINNING_NS, time_ns, price, price, price, price, volume, False, float(self.size)
        )

    def _extend(self, bar: RangeBar, time_ns: int, value: float, volume: float) -> None:
        quiet_low, quiet_high = self._quiet
        if quiet_low < value < quiet_high:  # inside the bar: nothing but time and volume change
            bar.end_time_ns = time_ns
            bar.volume += volume
            return
        price = exact(value)
        rising = price > self._high
        self._take(bar, time_ns, price, volume)
        while bar.closed:
            self._emit(bar)
            if self._classic:
                self.working = None
                return
            opened = self._high + self._step if rising else self._low - self._step
            bar = self.working = self._open(bar.symbol, bar.end_time_ns, opened, 0.0)
            phantom = abs(self._low - price) > self.size
            self._take(bar, time_ns, price, 0.0 if phantom else volume)

    def _take(self, bar: RangeBar, time_ns: int, price: Decimal, volume: float) -> None:
        bar.end_time_ns = time_ns
        if price < self._low:
            if self._high - price > self.size:
                self._low = self._high - self.size
                bar.low = bar.close = float(self._low)
                bar.closed = True
                return
            self._low = price
            bar.low = float(price)
        elif price > self._high:
            if price - self._low > self.size:
                self._high = self._low + self.size
                bar.high = bar.close = float(self._high)
                bar.closed = True
                return
            self._high = price
            bar.high = float(price)
        self.between(self._low, self._high)
        bar.volume += volume


class VolumeRenkoConsolidator(Bricks):
    """Bars of a fixed volume, or of a fixed turnover in money where `dollars`; from trades only."""

    def __init__(self, bar_size: float, *, dollars: bool = False) -> None:
        if bar_size <= 0:
            raise AlgorithmError("the size of a volume bar must be greater than zero")
        super().__init__()
        self._size = bar_size
        self._dollars = dollars

    def update(self, point: Any) -> None:
        """Take in one trade bar or tick; quote ticks are left out. Raises AlgorithmError for other data."""
        if isinstance(point, TradeBar):
            opened, high, low, close, volume = point.open, point.high, point.low, point.close, point.volume
        elif isinstance(point, Tick):
            if not point.price:
                return
            opened = high = low = close = point.price
            volume = point.quantity
        else:
            raise AlgorithmError("volume bars are made of trade bars or ticks")
        if self._dollars:
            volume *= close
        if self.working is None:
            self.working = VolumeRenkoBar(
                point.symbol, point.time_ns, point.end_time_ns, opened, high, low, close, 0.0,
                False, self._size,
            )  # fmt: skip
        left = self._fill(self.working, point.end_time_ns, (high, low, close), volume)
        while left >= 0:
            bar = self.working
            bar.closed = True
            for handler in tuple(self.handlers):
                handler(bar)
            self.consolidated = bar
            for handler in tuple(self.own_handlers):
                handler(bar)
            end_ns, price = bar.end_time_ns, bar.close
            self.working = VolumeRenkoBar(
                bar.symbol, end_ns, end_ns, price, price, price, price, 0.0, False, self._size
            )
            left = self._fill(self.working, point.end_time_ns, (high, low, close), left)

    def _fill(
        self, bar: VolumeRenkoBar, end_ns: int, prices: tuple[float, float, float], more: float
    ) -> float:
        """Add volume to a bar; return what does not fit, negative where the bar is not full."""
        high, low, close = prices
        bar.end_time_ns = end_ns
        excess = bar.volume + more - self._size
        bar.volume = self._size if excess > 0 else bar.volume + more
        bar.close = close
        bar.high = max(bar.high, high)
        bar.low = min(bar.low, low)
        return excess
