"""What belongs to candlestick patterns and pivots beside the indicators: settings, points and their event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final, cast

from livetrader_engine.indicators import candlesticks
from livetrader_engine.indicators import pivots as core
from livetrader_lean.enums import CandleRangeType, PivotPointType
from livetrader_lean.indicator_points import Numeric
from livetrader_lean.indicators import FACES
from livetrader_lean.names import Twins, pascal, twins, twins_of_base
from livetrader_lean.times import local


class CandleSetting(candlesticks.CandleSetting):
    """`CandleSetting(range_type, average_period, factor)`: what candles are compared with."""


twins_of_base(CandleSetting, candlesticks.CandleSetting)


@twins
class CandleSettings:
    """The settings that candlestick patterns take when they are made."""

    @staticmethod
    def get(type: int) -> CandleSetting:
        """Return the setting of a CandleSettingType."""
        kind, period, factor = candlesticks.CandleSettings.get(type)
        return CandleSetting(cast("Any", CandleRangeType(int(kind))), period, factor)

    @staticmethod
    def set(type: int, setting: CandleSetting) -> None:
        """Replace the setting of a CandleSettingType, for patterns made afterwards."""
        kind, period, factor = setting
        core_kind = candlesticks.CandleRangeType(int(kind))
        candlesticks.CandleSettings.set(
            type, candlesticks.CandleSetting(core_kind, int(period), float(factor))
        )


class PivotPoint(Numeric, Twins):
    """A turning point: its kind, its price, and when the bar that made it was complete."""

    __slots__ = ("_point", "_zone")

    def __init__(self, point: core.PivotPoint, zone: tzinfo) -> None:
        self._point, self._zone = point, zone

    @property
    def pivot_point_type(self) -> PivotPointType:  # type: ignore[valid-type]  # generated enum
        """Whether it is a high or a low."""
        return PivotPointType(int(self._point.pivot_point_type))

    @property
    def value(self) -> float:
        """The price."""
        return self._point.value

    @property
    def price(self) -> float:
        """The same as `value`."""
        return self._point.value

    @property
    def time(self) -> datetime:
        """Local time at which the bar was complete."""
        return local(self._point.time_ns, self._zone)

    @property
    def end_time(self) -> datetime:
        """The same as `time`."""
        return local(self._point.time_ns, self._zone)

    def __float__(self) -> float:
        return self._point.value


class PivotPointsEventArgs(Twins):
    """What handlers of `new_pivot_point_formed` get."""

    __slots__ = ("_point",)

    def __init__(self, point: PivotPoint) -> None:
        self._point = point

    @property
    def pivot_point(self) -> PivotPoint:
        """The new pivot."""
        return self._point


class PivotEvent:
    """The event of new pivots: `+=` a handler(sender, arguments)."""

    def __init__(self, owner: core.PivotPointsHighLow) -> None:
        self._owner = owner
        self._calls: dict[Callable[..., object], Callable[[core.PivotPoint], None]] = {}

    def __iadd__(self, handler: Callable[..., object]) -> PivotEvent:
        owner = self._owner

        def call(point: core.PivotPoint) -> None:
            handler(owner, PivotPointsEventArgs(_face_of(owner, point)))

        self._calls[handler] = call
        owner.pivot_handlers.append(call)
        return self

    def __isub__(self, handler: Callable[..., object]) -> PivotEvent:
        call = self._calls.pop(handler, None)
        if call is not None:
            self._owner.pivot_handlers.remove(call)
        return self


def _face_of(owner: core.PivotPointsHighLow, point: core.PivotPoint) -> PivotPoint:
    zone: tzinfo = cast("Any", owner).zone  # faces have one
    return PivotPoint(point, zone)


def _points(owner: core.PivotPointsHighLow, *kinds: core.PivotPointType) -> list[PivotPoint]:
    return [_face_of(owner, point) for point in owner.pivots if point.pivot_point_type in kinds]


def get_high_pivot_points_array(self: core.PivotPointsHighLow) -> list[PivotPoint]:
    """Return the remembered highs, newest first."""
    return _points(self, core.PivotPointType.HIGH)


def get_low_pivot_points_array(self: core.PivotPointsHighLow) -> list[PivotPoint]:
    """Return the remembered lows, newest first."""
    return _points(self, core.PivotPointType.LOW)


def get_all_pivot_points_array(self: core.PivotPointsHighLow) -> list[PivotPoint]:
    """Return the remembered highs and lows, newest first."""
    return _points(self, core.PivotPointType.HIGH, core.PivotPointType.LOW)


def _event_of(self: core.PivotPointsHighLow) -> PivotEvent:
    """Return the event of new pivots."""
    event: PivotEvent = vars(self).setdefault("_pivot_event", PivotEvent(self))
    return event


def _set_event(self: core.PivotPointsHighLow, event: PivotEvent) -> None:
    vars(self)["_pivot_event"] = event  # `event += handler` assigns what += returned


def _complete_face() -> None:
    face = FACES[core.PivotPointsHighLow]
    for method in (get_high_pivot_points_array, get_low_pivot_points_array, get_all_pivot_points_array):
        for name in (method.__name__, pascal(method.__name__)):
            setattr(face, name, method)
    for name in ("new_pivot_point_formed", "NewPivotPointFormed"):
        setattr(face, name, property(_event_of, _set_event))


_complete_face()

PATTERNS: Final = {
    "CandleSetting": CandleSetting, "CandleSettings": CandleSettings, "PivotPoint": PivotPoint,
    "PivotPointsEventArgs": PivotPointsEventArgs,
}  # fmt: skip
