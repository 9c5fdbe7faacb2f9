"""Make renko bars: bricks of a size, with wicks or without.

The arithmetic is LEAN's (RenkoConsolidator.cs, ClassicRenkoConsolidator.cs) and, like LEAN's, decimal where a
limit is reached: a price given as float counts with its first 15 digits, so that 2.5 + 0.1 is a price and not
its neighbour. Between limits only floats are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from livetrader_engine.data.aggregation import Point
from livetrader_engine.data.bars import Tick
from livetrader_engine.data.bricks import Direction, RenkoBar, RenkoKind
from livetrader_engine.data.consolidators import NEVER_NS, Handler
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.errors import AlgorithmError

Selector = Callable[[Any], float]

_ZERO: Final = Decimal(0)
_NEAR: Final = 1e-9  # relative distance of a limit within which floats are not trusted
_UTC: Final = ZoneInfo("UTC")


def exact(number: float) -> Decimal:
    """Return a float as .NET casts it to decimal: with 15 significant digits."""
    return Decimal(f"{number:.15g}")


def value_of(point: Point) -> float:
    """Return what brick consolidators look at by default."""
    return point.value


def volume_of(point: Any) -> float:
    """Return the volume of a trade bar or tick, 0 of anything else."""
    if isinstance(point, Tick):
        return point.quantity
    return float(getattr(point, "volume", 0.0))


def multiple(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return the multiple of `step` beside a number, on the side that `rounding` (decimal's name) says."""
    return (number / step).to_integral_value(rounding) * step


class Bricks:
    """What brick consolidators share: the events, and a stretch of prices in which nothing happens."""

    due_ns = NEVER_NS
    waits = False

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.own_handlers: list[Handler] = []
        self.consolidated: Any = None
        self.working: Any = None
        self.clock = WallClock(_UTC)
        self._quiet = (1.0, -1.0)  # prices strictly between these reach no limit; empty at first

    def scan(self, now_ns: int) -> None:
        """Do nothing: no bar waits for the clock."""

    def reset(self) -> None:
        """Forget everything but the handlers."""
        self.consolidated = self.working = None
        self._quiet = (1.0, -1.0)

    def between(self, low: Decimal, high: Decimal) -> None:
        margin = _NEAR * max(abs(float(low)), abs(float(high)))
        self._quiet = (float(low) + margin, float(high) - margin)

    def _emit(self, bar: Any) -> None:
        """Call the typed event's handlers first, as LEAN's price bricks do."""
        for handler in (*self.own_handlers, *self.handlers):
            handler(bar)
        self.consolidated = bar


class RenkoConsolidator(Bricks):
    """Wicked renko: bricks with wicks, reversed only by twice the size."""

    def __init__(self, bar_size: Decimal) -> None:
        if bar_size <= _ZERO:
            raise AlgorithmError("the size of a renko bar must be greater than zero")
        super().__init__()
        self._size = bar_size
        self.reset()

    def reset(self) -> None:
        """Forget everything but the handlers."""
        super().reset()
        self._open: Decimal | None = None
        self._open_ns = 0
        self._high = self._low = 0.0
        self._last: RenkoBar | None = None

    def update(self, point: Point) -> None:
        """Take in one point."""
        rate = point.value
        if self._open is None:
            self._begin(point, exact(rate))
            return
        self._high = max(self._high, rate)
        self._low = min(self._low, rate)
        quiet_low, quiet_high = self._quiet
        if not quiet_low < rate < quiet_high:
            self._move(point, exact(rate), self._open)

    def _begin(self, point: Point, rate: Decimal) -> None:
        below = multiple(rate, self._size, ROUND_FLOOR)
        steps = ((rate - below) / self._size).to_integral_value(ROUND_HALF_EVEN)
        self._open = below + steps * self._size
        self._open_ns = point.time_ns
        self._high = self._low = float(self._open)
        self._set_quiet()

    def _set_quiet(self) -> None:
        assert self._open is not None
        low, high = self._open - self._size, self._open + self._size
        last = self._last
        if last is not None and last.direction is Direction.RISING:
            low -= self._size
        elif last is not None and last.direction is Direction.FALLING:
            high += self._size
        self.between(low, high)

    def _move(self, point: Point, rate: Decimal, opened: Decimal) -> None:
        up = rate > opened
        if not up and rate >= opened:
            return
        step = self._size if up else -self._size
        turned = Direction.FALLING if up else Direction.RISING
        if self._last is not None and self._last.direction is turned:
            before = exact(self._last.open)
            limit = before + step
            if not self._beyond(rate, limit, up):
                return
            self._brick(point, before, limit, up)
        while self._beyond(rate, limit := self._opened() + step, up):
            self._brick(point, self._opened(), limit, up)

    def _opened(self) -> Decimal:
        assert self._open is not None
        return self._open

    @staticmethod
    def _beyond(rate: Decimal, limit: Decimal, up: bool) -> bool:
        return rate > limit if up else rate < limit

    def _brick(self, point: Point, opened: Decimal, limit: Decimal, up: bool) -> None:
        close = float(limit)
        high, low = (close, self._low) if up else (self._high, close)
        bar = RenkoBar(
            point.symbol, self._open_ns, point.time_ns, float(opened), high, low, close, 0.0,
            False, float(self._size), RenkoKind.WICKED,
        )  # fmt: skip
        self._last = bar
        for handler in tuple(self.own_handlers):  # the newest brick is shown as working from here on
            handler(bar)
        self.working = bar
        for handler in tuple(self.handlers):
            handler(bar)
        self.consolidated = bar
        self._open_ns = point.time_ns
        self._open = limit
        if up:
            self._low = close
        else:
            self._high = close
        self._set_quiet()


class ClassicRenkoConsolidator(Bricks):
    """Classic renko: a brick closes when the price reaches its open plus or minus the size.

    With `even_bars` the first open is the next multiple of the size.
    """

    def __init__(
        self,
        bar_size: Decimal,
        selector: Selector = value_of,
        volume_selector: Selector = volume_of,
        *,
        even_bars: bool = True,
    ) -> None:
        if bar_size <= _ZERO:
            raise AlgorithmError("the size of a renko bar must be greater than zero")
        super().__init__()
        self._size = bar_size
        self._selector = selector
        self._volume_selector = volume_selector
        self._even = even_bars
        self.reset()

    def reset(self) -> None:
        """Forget everything but the handlers."""
        super().reset()
        self._last_close: Decimal | None = None
        self._limits = (_ZERO, _ZERO)

    def update(self, point: Point) -> None:
        """Take in one point."""
        value = float(self._selector(point))
        volume = float(self._volume_selector(point))
        if self.working is not None:
            self._extend(self.working, point.time_ns, value, volume)
        if self.working is None:
            self._begin(point, value, volume)

    def _begin(self, point: Point, value: float, volume: float) -> None:
        opened = self._last_close
        if opened is None:
            opened = exact(value)
            if self._even:
                opened = multiple(opened, self._size, ROUND_CEILING)
        price = float(opened)
        self._limits = (opened - self._size, opened + self._size)
        self.between(*self._limits)
        self.working = RenkoBar(
            point.symbol, point.time_ns, point.time_ns, price, price, price, price, volume,
            False, float(self._size), RenkoKind.CLASSIC,
        )  # fmt: skip

    def _extend(self, bar: RenkoBar, time_ns: int, value: float, volume: float) -> None:
        bar.end_time_ns = time_ns
        bar.volume += volume
        bar.close = value
        quiet_low, quiet_high = self._quiet
        if not quiet_low < value < quiet_high:
            low, high = self._limits
            price = exact(value)
            close = min(high, max(low, price))
            bar.close = float(close)
            bar.closed = price <= low or price >= high
            self._last_close = close if bar.closed else self._last_close
        bar.high = max(bar.high, bar.close)
        bar.low = min(bar.low, bar.close)
        if bar.closed:
            self._emit(bar)
            self.working = None
