"""Bars that end by price or volume instead of time: renko bricks, range bars, volume bricks.

They look like trade bars to indicators. Sources: LEAN's RenkoBar.cs, RangeBar.cs, VolumeRenkoBar.cs.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from livetrader_engine.symbols import NS_PER_DAY, Symbol

BEGINNING_NS: Final = -719_162 * NS_PER_DAY  # 0001-01-01: the start time of a range bar, as in LEAN


class RenkoKind(IntEnum):
    """How bricks are made; values as in LEAN."""

    CLASSIC = 0
    WICKED = 1


class Direction(IntEnum):
    """Which way a brick went; values as in LEAN."""

    RISING = 0
    NO_DELTA = 1
    FALLING = 2


class _Brick(msgspec.Struct, gc=False, eq=False):
    symbol: Symbol
    time_ns: int
    end_time_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    closed: bool = False

    @property
    def value(self) -> float:
        """The price an indicator sees by default: the close."""
        return self.close


class RenkoBar(_Brick, gc=False, eq=False):
    """A brick of a price range."""

    brick_size: float = 0.0
    kind: RenkoKind = RenkoKind.CLASSIC

    @property
    def direction(self) -> Direction:
        """Whether it closed above or below its open."""
        if self.open < self.close:
            return Direction.RISING
        return Direction.FALLING if self.open > self.close else Direction.NO_DELTA

    @property
    def spread(self) -> float:
        """Distance of open and close."""
        return abs(self.close - self.open)


class VolumeRenkoBar(_Brick, gc=False, eq=False):
    """A bar of a fixed volume."""

    brick_size: float = 0.0
    kind: RenkoKind = RenkoKind.CLASSIC


class RangeBar(_Brick, gc=False, eq=False):
    """A bar of a fixed distance of high and low."""

    range_size: float = 0.0
