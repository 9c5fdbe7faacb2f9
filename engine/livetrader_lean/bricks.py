"""Bricks as an algorithm sees them: renko, range and volume renko bars, which are trade bars too."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from livetrader_engine.data import bricks as core
from livetrader_lean import market
from livetrader_lean.market import TradeBar
from livetrader_lean.names import TwinEnum


class RenkoType(TwinEnum):
    """How renko bars are made."""

    CLASSIC = 0
    WICKED = 1


class BarDirection(TwinEnum):
    """Which way a renko bar went."""

    RISING = 0
    NO_DELTA = 1
    FALLING = 2


class _Brick(TradeBar):
    __slots__ = ()

    @property
    def brick_size(self) -> float:
        """How much of it closes the bar."""
        return float(self.core.brick_size)

    @property
    def start(self) -> datetime:
        """When it began."""
        return self.time

    @property
    def is_closed(self) -> bool:
        """Whether it is complete."""
        return bool(self.core.closed)

    @property
    def type(self) -> int:
        """How it was made."""
        return RenkoType(int(self.core.kind))


class RenkoBar(_Brick):
    """A bar that a move of the price by its size closed."""

    __slots__ = ()

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.end_time

    @property
    def direction(self) -> int:
        """Whether it closed above or below its open."""
        return BarDirection(int(self.core.direction))

    @property
    def spread(self) -> float:
        """Distance of open and close."""
        return float(self.core.spread)


class VolumeRenkoBar(_Brick):
    """A bar that its volume closed."""

    __slots__ = ()


class RangeBar(TradeBar):
    """A bar that the distance of its high and low closed."""

    __slots__ = ()

    @property  # type: ignore[misc]  # there is no start that could be set
    def time(self) -> datetime:
        """The beginning of time: as in LEAN, a range bar knows only its end."""
        return datetime.min  # noqa: DTZ901 — naive as every time of the face

    @property
    def range_size(self) -> float:
        """The distance that closes it."""
        return float(self.core.range_size)

    @property
    def is_closed(self) -> bool:
        """Whether it is complete."""
        return bool(self.core.closed)


_FACES: Final[dict[type, type[market.BaseData]]] = {
    core.RenkoBar: RenkoBar,
    core.VolumeRenkoBar: VolumeRenkoBar,
    core.RangeBar: RangeBar,
}
market.learn_faces(_FACES)
