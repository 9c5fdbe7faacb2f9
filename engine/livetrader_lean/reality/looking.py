"""Models that look at every point: data filters and volatility models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from livetrader_engine.data.bars import MarketPoint
from livetrader_lean.market import BaseData
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality.calls import find, method


class SecurityDataFilter(Twins):
    """Base of data filters; by itself everything passes."""

    @hook
    def filter(self, vehicle: Any, data: BaseData) -> bool:
        """Return whether the algorithm gets a point of a security."""
        return True


class EquityDataFilter(SecurityDataFilter):
    """LEAN's filter of equities: everything passes."""


class BaseVolatilityModel(Twins):
    """Base of volatility models. `volatility` is what they say, `update` how they learn."""

    @property
    def volatility(self) -> float:
        """The volatility."""
        return 0.0

    @hook
    def update(self, security: Any, data: BaseData) -> None:
        """Take in a point of a security."""


class VolatilityModel(BaseVolatilityModel):
    """`VolatilityModel.NULL`: no volatility at all."""

    NULL: ClassVar[VolatilityModel]
    Null: ClassVar[VolatilityModel]


VolatilityModel.NULL = VolatilityModel.Null = VolatilityModel()


class IndicatorVolatilityModel(BaseVolatilityModel):
    """The value of an indicator, which a function(security, data, indicator) brings up to date, if given."""

    def __init__(self, indicator: Any, indicator_update: Any = None) -> None:
        self._indicator, self._update = indicator, indicator_update

    @property
    def volatility(self) -> float:
        """The indicator's value."""
        return float(self._indicator.current.value)

    @hook
    def update(self, security: Any, data: BaseData) -> None:
        """Have the function bring the indicator up to date."""
        if self._update is not None:
            self._update(security, data, self._indicator)


def filter_of(face: Any, model: Any) -> Callable[[MarketPoint], bool]:
    """Return a filter of the engine's in front of one of LEAN's or of the user's."""
    passes, zone = method(model, "filter"), face._security.hours.timezone

    def keep(point: MarketPoint) -> bool:
        return bool(passes(face, BaseData.of(point, zone)))

    return keep


def watcher_of(face: Any, model: Any) -> Callable[[MarketPoint], None] | None:
    """Return what shows a model every point that has a price, None where it does not want any."""
    update, zone = find(model, "update"), face._security.hours.timezone
    if update is None or type(model) is VolatilityModel:
        return None

    def look(point: MarketPoint) -> None:
        if point.value:
            update(face, BaseData.of(point, zone))

    return look
